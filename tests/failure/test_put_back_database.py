"""A database that was put back is noticed by whoever signs; from then on nobody goes on with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from checks import check_ledger
from databases import fresh_schema, in_schema
from doubles import FakeClock, SeededRandomness
from erasing import OWNED, said, tell
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar
from lineage.ledger import restore_ledger
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_api.publishing import Publisher
from lineage_api.settings import Settings
from lineage_schemas.errors import FrozenStoreError, LedgerError, StoreBehindError
from logs import append_made

LOG: Final = ("ledger", "entry", "payload", "subtree")


class Shared:
    """A ledger in a database: one process signs it, and another one does not."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._aside = location.rpartition("schema=")[2] + "_access"
        self.sidecar = MemorySidecar()
        self.keys = MemoryKeys(SeededRandomness("keys"))
        self._opened: list[Ledger] = []
        self.signing, self.other = self.opened("signing"), self.opened("other", signs=False)
        self.publisher = Publisher(self.signing, Settings())

    def opened(self, seed: str, *, signs: bool = True) -> Ledger:
        store = open_store(self.location, TABLES, "test/origin")
        notary = Notary(self.sidecar, self.keys) if signs else None
        self._opened.append(Ledger(store, FakeClock(), SeededRandomness(seed), notary))
        return self._opened[-1]

    def put_aside(self) -> None:
        """Keep what the database holds now, as a dump does."""
        self._run(f"CREATE SCHEMA {self._aside}")
        for name in self._tables:
            self._run(f"CREATE TABLE {self._aside}.{name} AS TABLE {name}")

    def put_back(self) -> None:
        """Put the database back to that, while others have it open."""
        for name in self._tables:
            self._run(f"TRUNCATE {name}", f"INSERT INTO {name} TABLE {self._aside}.{name}")

    @property
    def _tables(self) -> tuple[str, ...]:
        return (*LOG, *(table.name for table in TABLES))

    def _run(self, *statements: str) -> None:
        with in_schema(self.location) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())

    def close(self) -> None:
        for ledger in self._opened:
            ledger.close()


@pytest.fixture
def shared() -> Iterator[Shared]:
    """Return one that was put back behind its last checkpoint."""
    with fresh_schema() as location:
        one = Shared(location)
        tell(one.signing, "1", OWNED)
        one.signing.custody.checkpoint()
        one.put_aside()
        tell(one.other, "2", OWNED)
        tell(one.other, "3", OWNED)
        one.signing.custody.checkpoint()
        one.put_back()
        yield one
        one.close()


def check_nobody_goes_on(shared: Shared) -> None:
    size = shared.other.head().size
    for ledger in (shared.other, shared.opened("later", signs=False)):
        with pytest.raises(StoreBehindError, match="the process that signs has found"):
            ledger.record([said("9", OWNED)])
        with pytest.raises(StoreBehindError):
            ledger.erasures.hold(None, authority="Court of Ghent")
        with pytest.raises(StoreBehindError):
            ledger.custody.last_checkpoint()
        state = ledger.custody.state()
        assert (state.memory, isinstance(state.fault, StoreBehindError)) == ("fault", True)
        assert not ledger.basis().complete
        assert ledger.head().size == size
    # Whatever software asks: one of before, that knows of no mark.
    with shared.other._store.write() as writer, pytest.raises(FrozenStoreError):
        append_made(writer, "a", 1)


def test_the_signer_s_next_turn_keeps_everybody_out(shared: Shared) -> None:
    shared.publisher.sign()
    assert "missing" in (shared.publisher.signing_fault or "")
    check_nobody_goes_on(shared)


def test_who_went_on_before_that_turn_is_kept_out_with_what_was_added(shared: Shared) -> None:
    for number in range(5):
        tell(shared.other, f"later-{number}", OWNED)
    shared.publisher.sign()
    assert "not those that were signed" in (shared.publisher.signing_fault or "")
    with pytest.raises(StoreBehindError):
        shared.signing.record([said("9", OWNED)])
    check_nobody_goes_on(shared)


def test_a_signer_that_opens_it_afterwards_keeps_everybody_out_once_it_writes(
    shared: Shared,
) -> None:
    with pytest.raises(StoreBehindError):
        shared.opened("second").record([said("9", OWNED)])
    check_nobody_goes_on(shared)


def test_a_signer_that_is_refused_keeps_everybody_else_out(shared: Shared) -> None:
    with pytest.raises(StoreBehindError):
        shared.signing.record([said("9", OWNED)])
    check_nobody_goes_on(shared)


def test_views_that_are_folded_anew_do_not_let_anybody_in(shared: Shared) -> None:
    shared.publisher.sign()
    shared.other.rebuild()
    check_nobody_goes_on(shared)


def test_a_recovery_lets_everybody_in(shared: Shared) -> None:
    shared.publisher.sign()
    assert shared.signing.recovery is not None
    answer = shared.signing.recovery.declare_loss("the disk burnt")
    assert answer.lost_to is not None
    tell(shared.other, "9", OWNED)
    shared.publisher.sign()
    assert shared.publisher.signing_fault is None
    assert shared.other.custody.state().fault is None
    assert shared.other.basis().complete
    check_ledger(shared.other)


def test_a_sidecar_that_is_begun_anew_does_not_hide_it(shared: Shared) -> None:
    note = shared.signing._store
    with note.read() as reader:
        kept = reader.checkpoint()
    assert kept is not None
    shared.publisher.sign()
    shared.sidecar = MemorySidecar()
    second = shared.opened("second")
    assert second.recovery is not None
    with pytest.raises(StoreBehindError):
        second.recovery.adopt(kept)
    second.recovery.declare_loss("the disk burnt, and the sidecar with it")
    tell(shared.other, "9", OWNED)
    check_ledger(shared.other)


def test_the_mark_goes_when_what_is_remembered_agrees_again(shared: Shared) -> None:
    before = shared.sidecar.read()
    shared.publisher.sign()
    with shared.signing._store.read() as reader:
        kept = reader.checkpoint()
    assert before is not None
    assert kept is not None
    # As if the wrong sidecar had been named.
    shared.sidecar = MemorySidecar()
    with shared.sidecar.locked():
        shared.sidecar.write(type(before)(origin=before.origin, checkpoint=kept.decode()))
    tell(shared.opened("second"), "9", OWNED)
    tell(shared.other, "10", OWNED)
    check_ledger(shared.other)


def test_a_backup_of_it_is_judged_anew_where_it_is_restored(shared: Shared, tmp_path: Path) -> None:
    shared.publisher.sign()
    backup = tmp_path / "backup.db"
    assert not shared.other.moves.back_up(backup).frozen
    answer = restore_ledger(backup, tmp_path / "restored.db")
    assert "exported for good" not in answer.fault


def test_a_store_that_cannot_be_marked_is_a_fault_and_no_error(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise LedgerError("There is no room left")

    monkeypatch.setattr(Notary, "mark", fail)
    shared.publisher.sign()
    assert "missing" in (shared.publisher.signing_fault or "")
    assert "There is no room left" in caplog.text
