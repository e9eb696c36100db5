"""Links and entities of a stated time: who may have any is known in memory, and asked at once."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest

from calendars import DAWN
from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    Claim,
    Event,
    EventKind,
    Kind,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage.stores.tables import Cell, Row, Table
from lineage_schemas.graph import LineageAnswer
from lineage_schemas.records import AnyRecord

HOUR = timedelta(hours=1)


def ledger_of(*said: tuple[int | None, tuple[AnyRecord, ...]]) -> Ledger:
    ledger = Ledger(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
    for number, (hour, records) in enumerate(said):
        stated = None if hour is None else StatedTime(start=DAWN + hour * HOUR)
        ledger.record([Statement(id=str(number), source="s", stated=stated, records=records)])
    return ledger


def finds_of(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, ask: Callable[[], object]) -> int:
    """Count how often the store is asked for rows."""
    with ledger._store.read() as reader:
        kind = type(reader)
    counted: Counter[str] = Counter()
    find = kind.find

    def counting(
        self: object, table: Table, column: str, values: Iterable[Cell], size: int | None = None
    ) -> list[Row]:
        counted[table.name] += 1
        return find(self, table, column, values, size)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(kind, "find", counting)
        ask()
    return counted.total()


@pytest.mark.parametrize("is_known_before", [False, True])
def test_a_claim_that_came_after_its_retraction_is_crossed_at_the_time_it_stood(
    is_known_before: bool,  # noqa: FBT001 - a case of the test
) -> None:
    shape = Event(artifact="acme:b", execution="acme:r", kind=EventKind.OUTPUT)
    ledger = ledger_of((None, (Artifact(key="acme:a"), shape)))
    query = TraceQuery(start=("acme:a",))
    if is_known_before:
        ledger.graph.trace(query)
    for number, (hour, made) in enumerate(((2, Retraction), (1, Claim))):
        stated = StatedTime(start=DAWN + hour * HOUR)
        link = made(
            kind=Kind.ARTIFACT,
            node="acme:a",
            identifier="acme:b",
            link_class=LinkClass.ASSERTED,
        )
        said = Statement(id=f"l{number}", source="s", stated=stated, records=(link,))
        ledger.record([said])

    def keys(hour: int) -> set[str | None]:
        return {node.key for node in ledger.graph.trace(query, valid_at=DAWN + hour * HOUR).nodes}

    assert keys(1) == {"acme:a", "acme:b", "acme:r"}
    assert keys(2) == {"acme:a"}


def chain(length: int) -> Ledger:
    events = [
        Event(artifact=f"acme:d/{place}", execution=f"acme:r/{number}", kind=kind)
        for number in range(length)
        for place, kind in ((number, EventKind.INPUT), (number + 1, EventKind.OUTPUT))
    ]
    return ledger_of((0, tuple(events)))


def test_a_chain_without_links_asks_for_none_at_a_stated_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finds: list[int] = []
    for length in (10, 100):
        ledger = chain(length)
        query = TraceQuery(start=(f"acme:d/{length}",))

        def ask(ledger: Ledger = ledger, query: TraceQuery = query) -> LineageAnswer:
            return ledger.graph.trace(query, valid_at=DAWN + HOUR)

        assert len(ask().nodes) == 2 * length + 1
        finds.append(finds_of(monkeypatch, ledger, ask))
    assert finds[0] == finds[1]


@pytest.mark.parametrize("hour", [None, 1])
def test_entities_take_as_many_looks_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, hour: int | None
) -> None:
    finds: list[int] = []
    for count in (5, 50):
        records: list[AnyRecord] = []
        for number in range(count):
            near, far = f"acme:near/{number}", f"acme:far/{number}"
            records += (
                Event(artifact=near, execution="acme:r", kind=EventKind.INPUT),
                Claim(kind=Kind.ARTIFACT, node=near, identifier=far, link_class=LinkClass.ASSERTED),
                Artifact(key=far, name="one"),
            )
        # What is said later of all of them is left out by the stated time.
        renamed = tuple(Artifact(key=f"acme:far/{number}", name="two") for number in range(count))
        ledger = ledger_of((0, tuple(records)), (2, renamed))
        when = None if hour is None else DAWN + hour * HOUR

        def ask(ledger: Ledger = ledger, when: object = when) -> LineageAnswer:
            return ledger.graph.trace(TraceQuery(start=("acme:r",)), valid_at=when)  # type: ignore[arg-type]

        answer = ask()
        assert len(answer.entities) == count
        assert {one.merged.name for one in answer.entities} == {"two" if hour is None else "one"}
        finds.append(finds_of(monkeypatch, ledger, ask))
    assert finds[0] == finds[1]
