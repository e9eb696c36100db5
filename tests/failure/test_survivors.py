"""One writer's failure, and one view's loss, cost nobody else anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread

import pytest

from checks import check_ledger
from databases import run_behind
from doubles import FakeClock, MakeStore, SeededRandomness
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    MetricSeries,
    Receipt,
    Statement,
)
from lineage.projections.views import TABLES, digest_views
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage_schemas.errors import LedgerError, StoreBusyError

A, RUN = "acme:a", "acme:run"
PATIENCE_SECONDS = 30.0


def said(number: int) -> Statement:
    return Statement(id=str(number), source="ci", records=(Artifact(key=f"acme:a/{number}"),))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread wait long for another's writing."""
    for module in ("memory", "postgres.store", "sqlite.store"):
        monkeypatch.setattr(f"lineage.stores.{module}.BUSY_WAIT_SECONDS_MAX", 0.05)


class HeldClock(FakeClock):
    """A clock that stops whoever reads it, while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_held = False
        self.reached = Signal()
        self.released = Signal()

    def __call__(self) -> int:
        if self.is_held:
            self.is_held = False
            self.reached.set()
            assert self.released.wait(PATIENCE_SECONDS)
        return super().__call__()


class Telling(Thread):
    """Somebody who records one statement in a thread of its own."""

    def __init__(self, ledger: Ledger, number: int) -> None:
        super().__init__()
        self._ledger = ledger
        self._number = number
        self.receipts: list[Receipt] = []
        self.error: LedgerError | None = None

    def run(self) -> None:
        try:
            self.receipts = self._ledger.record([said(self._number)])
        except LedgerError as error:
            self.error = error


@pytest.mark.usefixtures("impatient")
def test_who_waits_in_vain_takes_nothing_from_who_is_writing(store: Store) -> None:
    clock = HeldClock()
    ledger = Ledger(store, clock, SeededRandomness())
    ledger.record([said(0)])
    clock.is_held = True
    first, second = Telling(ledger, 1), Telling(ledger, 2)
    first.start()
    assert clock.reached.wait(PATIENCE_SECONDS)
    second.start()
    second.join(0.3)
    clock.released.set()
    first.join(PATIENCE_SECONDS)
    second.join(PATIENCE_SECONDS)
    assert first.error is None
    assert [receipt.position for receipt in first.receipts] == [3]
    assert second.error is None or isinstance(second.error, StoreBusyError)
    size = ledger.head().size
    (receipt,) = ledger.record([said(3)])
    assert receipt.position == size
    check_ledger(ledger)


@contextmanager
def held(store: Store) -> Iterator[None]:
    """Hold the writing transaction in another thread."""
    reached, released = Signal(), Signal()

    def hold() -> None:
        with store.write():
            reached.set()
            assert released.wait(PATIENCE_SECONDS)

    holder = Thread(target=hold)
    holder.start()
    try:
        assert reached.wait(PATIENCE_SECONDS)
        yield
    finally:
        released.set()
        holder.join(PATIENCE_SECONDS)


@pytest.mark.usefixtures("impatient")
def test_a_ledger_that_found_its_store_busy_goes_on_afterwards(store: Store) -> None:
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    ledger.record([said(0)])
    with held(store), pytest.raises(StoreBusyError):
        ledger.record([said(1)])
    receipts = ledger.record([said(1), said(2)])
    assert [receipt.position for receipt in receipts] == [3, 4]
    check_ledger(ledger)


@pytest.mark.parametrize("store_location", ["postgres", "sqlite"], indirect=True)
@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_a_view_that_was_dropped_is_folded_again(
    make_store: MakeStore, store_location: str, table: str
) -> None:
    ledger = Ledger(make_store(TABLES), FakeClock(), SeededRandomness())
    claim = Claim(kind=Kind.ARTIFACT, node=A, identifier="acme:b", link_class=LinkClass.ASSERTED)
    series = MetricSeries(execution=RUN, metric="loss", chunk=0, points=((0, 0.5, None),))
    joined = Event(artifact=A, execution=RUN, kind=EventKind.INPUT)
    records = (Artifact(key=A), Execution(key=RUN), joined, claim, series)
    grouped = (Artifact(key=A, name="b"), Attribution(context="acme:group", artifact=A))
    ledger.record([Statement(id="1", source="ci", records=records)])
    ledger.record([Statement(id="2", source="ci", records=grouped)])
    with ledger._store.read() as reader:
        before = digest_views(reader)
    ledger.close()
    run_behind(store_location, f'DROP TABLE "{table}"')
    opened = Ledger(make_store(TABLES), FakeClock(), SeededRandomness("later"))
    with opened._store.read() as reader:
        assert digest_views(reader) == before
    opened.record([said(3)])
    check_ledger(opened)
