"""The database server restarts, crashes or has no room: what was acknowledged is there, once."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread

import pytest

from checks import check_ledger
from children import made_batch
from clusters import Cluster, cluster
from disks import small_disk
from erasing import asked
from lineage.erasure.erasing import scrub
from lineage.ledger import Artifact, PartsErased, Receipt, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.postgres.looking import look_at_database
from lineage_schemas.errors import LedgerError, StoreBusyError, StoreError, StoreFullError
from lineage_schemas.health import Finding
from server_programs import hand_over
from writer_children import opened_at

PATIENCE_SECONDS = 60.0
MIB = 1_048_576
BATCHES_MAX = 100_000


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as one:
        yield one


class Load(Thread):
    """A caller that sends batch after batch, each again until it is acknowledged."""

    def __init__(self, ledger: Ledger, run: int) -> None:
        super().__init__(daemon=True)
        self._ledger = ledger
        self._run_number = run
        self._ends = Signal()
        self.told: list[list[Receipt]] = []
        self.errors: list[LedgerError] = []
        self.moved = Signal()

    def run(self) -> None:
        number = 0
        while not self._ends.is_set():
            try:
                self.told.append(self._ledger.record(made_batch(self._run_number, number)))
            except StoreError as error:
                self.errors.append(error)
            else:
                number += 1
                self.moved.set()

    def await_progress(self) -> None:
        """Wait until something more is acknowledged."""
        self.moved.clear()
        assert self.moved.wait(PATIENCE_SECONDS), self.errors[-1:]

    def end(self) -> None:
        self._ends.set()
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()


def restart_fast(server: Cluster) -> None:
    server.stop("fast")
    server.start()


def restart_at_once(server: Cluster) -> None:
    server.stop("immediate")
    server.start()


def crash(server: Cluster) -> None:
    server.kill()
    while server.is_up:
        pass
    server.start()


@pytest.mark.parametrize("restart", [restart_fast, restart_at_once, crash])
def test_a_server_that_restarts_under_load_has_all_that_was_acknowledged(
    server: Cluster, restart: Callable[[Cluster], None]
) -> None:
    location = server.url(restart.__name__)
    ledgers = [opened_at(location, str(number)) for number in range(2)]
    loads = [Load(ledger, run) for run, ledger in enumerate(ledgers)]
    for load in loads:
        load.start()
    for _ in range(2):
        for load in loads:
            load.await_progress()
        restart(server)
    for load in loads:
        load.await_progress()
        load.end()
    with ledgers[0]._store.read() as reader:
        size = reader.head().size
    positions = {
        one.statement: one.position for load in loads for told in load.told for one in told
    }
    assert len(set(positions.values())) == len(positions)
    for load in loads:
        for number in range(len(load.told)):
            again = ledgers[0].record(made_batch(loads.index(load), number))
            assert [positions[one.statement] for one in again] == [one.position for one in again]
    assert ledgers[0].head().size == size
    check_ledger(ledgers[0])
    for ledger in ledgers:
        ledger.close()


def record_until_full(ledger: Ledger) -> list[list[Receipt]]:
    told: list[list[Receipt]] = []
    for number in range(BATCHES_MAX):
        try:
            told.append(ledger.record(made_batch(0, number)))
        except StoreFullError:
            return told
    raise AssertionError("the disk never filled")


def test_a_database_without_room_takes_nothing_and_goes_on_once_there_is_some(
    server: Cluster,
) -> None:
    with small_disk(8 * MIB, lazily=True) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(2 * MIB))
        tables = disk / "tables"
        tables.mkdir()
        hand_over(tables)
        server.run(
            f"CREATE TABLESPACE small LOCATION '{tables}'",
            "ALTER ROLE postgres SET default_tablespace = small",
        )
        ledger = opened_at(server.url("crammed"), "crammed")
        told = record_until_full(ledger)
        assert len(told) > 10
        size = ledger.head().size
        assert told[-1][-1].position == size - 1
        ballast.unlink()
        receipts = ledger.record(made_batch(0, len(told)))
        assert receipts[0].position == size
        check_ledger(ledger)
        ledger.close()
        server.run(
            "DROP SCHEMA crammed CASCADE",
            "ALTER ROLE postgres RESET default_tablespace",
            "DROP TABLESPACE small",
        )


SECRET = "Zyxwvut-Nomenclator"
A, B = "acme:a", "acme:b"


def told_of_somebody(location: str) -> Ledger:
    ledger = opened_at(location, "erasing")
    node = Artifact(key=A, name=SECRET, custom_properties={"owner": SECRET})
    ledger.record([Statement(id="1", source="ci", records=(node,))])
    ledger.record([Statement(id="2", source="ci", records=(Artifact(key=B, name="kept"),))])
    return ledger


def erase_somebody(ledger: Ledger) -> bool:
    return ledger.erasures.erase(asked(A, parts=PartsErased.ALL)).scrubbed


def test_no_file_of_a_table_holds_what_was_erased(server: Cluster) -> None:
    ledger = told_of_somebody(server.url("erasing"))
    for word in (SECRET, SECRET.lower().partition("-")[0]):
        assert server.files_with(word.encode())
    assert erase_somebody(ledger)
    for word in (SECRET, SECRET.lower().partition("-")[0]):
        assert server.files_with(word.encode()) == []
    assert server.files_with(b"kept")
    check_ledger(ledger)
    ledger.close()


def test_what_was_erased_stays_due_while_a_session_holds_an_old_state(server: Cluster) -> None:
    location = server.url("held")
    ledger = told_of_somebody(location)
    reading = opened_at(location, "reading")
    with reading._store.read() as reader:
        assert reader.head().size
        assert not erase_somebody(ledger)
        assert not ledger._store.is_scrubbed
    assert server.files_with(SECRET.encode())
    ledger.close()
    opened_at(location, "later").close()
    assert server.files_with(SECRET.encode()) == []
    reading.close()


def hold_a_snapshot(server: Cluster) -> Iterator[str]:
    with server.session() as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("SELECT 1")
        yield "session .* of postgres"


def hold_a_transaction_elsewhere(server: Cluster) -> Iterator[str]:
    with server.session("template1") as session:
        session.execute("SELECT pg_current_xact_id()")
        yield "session .* of postgres"


def hold_a_prepared_transaction(server: Cluster) -> Iterator[str]:
    with server.session() as session:
        session.execute("SELECT pg_current_xact_id()")
        session.execute("PREPARE TRANSACTION 'forgotten'")
    yield "prepared transaction forgotten of postgres"
    server.run("ROLLBACK PREPARED 'forgotten'")


@pytest.mark.parametrize(
    "hold", [hold_a_snapshot, hold_a_transaction_elsewhere, hold_a_prepared_transaction]
)
def test_what_another_role_holds_is_seen_and_named_by_an_owner_without_privileges(
    server: Cluster,
    hold: Callable[[Cluster], Iterator[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.run("CREATE ROLE owning LOGIN", "CREATE DATABASE owned OWNER owning")
    location = server.url(hold.__name__, user="owning", database="owned")
    if hold is not hold_a_transaction_elsewhere:
        server.run("GRANT CREATE ON DATABASE postgres TO owning")
        location = server.url(hold.__name__, user="owning")
    ledger = told_of_somebody(location)
    with contextmanager(hold)(server) as name:
        assert not erase_somebody(ledger)
        assert re.search(f"held by {name}", caplog.text)
        (due,) = [one for one in findings(location) if one.what.startswith("Erased bytes")]
        assert re.search(f"held by {name}", due.what)
        with pytest.raises(StoreBusyError, match=name):
            ledger._store.scrub(0)
        assert server.files_with(SECRET.encode())
    assert scrub(ledger._store)
    assert server.files_with(SECRET.encode()) == []
    ledger.close()
    server.run("DROP DATABASE owned", "DROP OWNED BY owning", "DROP ROLE owning")


def findings(location: str) -> tuple[Finding, ...]:
    with look_at_database(location, TABLES) as (found, _):
        return found
