"""Connections to PostgreSQL break: nothing acknowledged is lost, and nothing is written twice."""

from collections.abc import Callable, Iterator
from threading import Event as Signal
from threading import Thread

import psycopg
import pytest

from checks import check_ledger
from children import made_batch
from databases import fresh_schema, own_url, run_behind
from doubles import FakeClock, SeededRandomness
from erasing import ALL, asked
from lineage.intake import COMMIT_ATTEMPTS_MAX
from lineage.ledger import Outcome, Role
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.errors import StoreConflictError, StoreLostError
from proxies import Cut, Wire, wire_to

PATIENCE_SECONDS = 30.0

END_OTHERS = b"""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND application_name = %s
"""


@pytest.fixture
def location() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wire_to(own_url()) as one:
        yield one


def opened(location: str, clock: FakeClock | None = None) -> Ledger:
    store = open_store(location, TABLES, "test/origin")
    return Ledger(store, clock or FakeClock(), SeededRandomness())


def over(wire: Wire, location: str) -> str:
    return wire.location(location.rpartition("schema=")[2])


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("times", [1, COMMIT_ATTEMPTS_MAX - 1])
def test_a_commit_whose_answer_never_came_is_said_again_and_stands_once(
    wire: Wire, location: str, cut: Cut, times: int
) -> None:
    ledger = opened(over(wire, location))
    ledger.record(made_batch(0, 0))
    before = ledger.head().size
    wire.cut_at(b"COMMIT\0", cut, times)
    receipts = ledger.record(made_batch(0, 3))
    assert wire.is_whole
    assert [one.position for one in receipts] == list(range(before, before + 4))
    # Whoever was cut off after the commit meets what it wrote itself.
    expected = Outcome.DUPLICATE if cut is Cut.AFTER else Outcome.APPENDED
    assert {one.outcome for one in receipts} == {expected}
    assert ledger.head().size == before + 4
    check_ledger(ledger)
    ledger.close()


@pytest.mark.parametrize("cut", Cut)
def test_a_wire_that_is_cut_for_good_is_told_and_the_same_batch_goes_in_later(
    wire: Wire, location: str, cut: Cut
) -> None:
    ledger = opened(over(wire, location))
    ledger.record(made_batch(0, 0))
    before = ledger.head().size
    wire.cut_at(b"COMMIT\0", cut, COMMIT_ATTEMPTS_MAX)
    if cut is Cut.BEFORE:
        with pytest.raises(StoreLostError):
            ledger.record(made_batch(0, 3))
        assert ledger.head().size == before
    else:
        # The first attempt wrote it, so the second has nothing to write, and is cut all the same.
        with pytest.raises(StoreLostError):
            ledger.record(made_batch(0, 3))
        assert ledger.head().size == before + 4
    receipts = ledger.record(made_batch(0, 3))
    assert [one.position for one in receipts] == list(range(before, before + 4))
    check_ledger(ledger)
    ledger.close()


@pytest.mark.parametrize("word", [b"FOR UPDATE", b"SAVEPOINT batch", b"INSERT INTO", b"RELEASE"])
def test_a_wire_that_is_cut_in_the_middle_loses_nothing(
    wire: Wire, location: str, word: bytes
) -> None:
    ledger = opened(over(wire, location))
    ledger.record(made_batch(0, 0))
    ledger.close()
    ledger = opened(over(wire, location))
    before = ledger.head().size
    wire.cut_at(word, Cut.AFTER)
    receipts = ledger.record(made_batch(0, 3))
    assert wire.is_whole
    assert {one.outcome for one in receipts} == {Outcome.APPENDED}
    assert [one.position for one in receipts] == list(range(before, before + 4))
    check_ledger(ledger)
    ledger.close()


def test_readers_go_on_after_every_connection_was_ended(location: str) -> None:
    named = f"{location}&application_name=lineage-test-{SeededRandomness(location)(4).hex()}"
    base, _, name = named.rpartition("application_name=")
    ledger = opened(f"{base}application_name={name}")
    ledger.record(made_batch(0, 3))
    size = ledger.head().size
    with psycopg.connect(own_url(), autocommit=True) as other:
        ended = other.execute(END_OTHERS, (name,)).fetchall()
    assert len(ended) >= 2
    assert ledger.head().size == size
    assert len(ledger.record(made_batch(0, 1))) == 2
    check_ledger(ledger)
    ledger.close()


class HeldClock(FakeClock):
    """A clock that stops whoever reads it, once."""

    def __init__(self) -> None:
        super().__init__()
        self.is_held = False
        self.reached, self.released = Signal(), Signal()

    def __call__(self) -> int:
        if self.is_held:
            self.is_held = False
            self.reached.set()
            assert self.released.wait(PATIENCE_SECONDS)
        return super().__call__()


def test_a_session_that_is_ended_in_mid_transaction_is_said_again(location: str) -> None:
    name = f"lineage-test-{SeededRandomness(location)(4).hex()}"
    clock = HeldClock()
    ledger = opened(f"{location}&application_name={name}", clock)
    ledger.record(made_batch(0, 0))
    before = ledger.head().size
    clock.is_held = True
    told: list[Outcome] = []
    writing = Thread(
        target=lambda: told.extend(one.outcome for one in ledger.record(made_batch(0, 3)))
    )
    writing.start()
    assert clock.reached.wait(PATIENCE_SECONDS)
    with psycopg.connect(own_url(), autocommit=True) as other:
        other.execute(END_OTHERS, (name,))
    clock.released.set()
    writing.join(PATIENCE_SECONDS)
    assert told == [Outcome.APPENDED] * 4
    assert ledger.head().size == before + 4
    check_ledger(ledger)
    ledger.close()


# A sequence is not rolled back, so it counts the attempts.
FAULTS = """
    CREATE SEQUENCE attempts;
    CREATE FUNCTION fail_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('attempts') <= {times} THEN
            RAISE EXCEPTION 'as if another came between' USING ERRCODE = '{code}';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER fail_first BEFORE {event} FOR EACH ROW EXECUTE FUNCTION fail_first()
"""


@pytest.mark.parametrize("event", ["UPDATE ON ledger", "INSERT ON entry", "INSERT ON edge"])
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_conflict_with_another_transaction_is_tried_again(
    location: str, code: str, event: str
) -> None:
    ledger = opened(location)
    ledger.record(made_batch(0, 0))
    before = ledger.head().size
    run_behind(location, FAULTS.format(times=COMMIT_ATTEMPTS_MAX - 1, code=code, event=event))
    receipts = ledger.record(made_batch(0, 3))
    assert {one.outcome for one in receipts} == {Outcome.APPENDED}
    assert [one.position for one in receipts] == list(range(before, before + 4))
    ledger.close()


def test_conflicts_without_end_are_told(location: str) -> None:
    ledger = opened(location)
    ledger.record(made_batch(0, 0))
    before = ledger.head().size
    run_behind(location, FAULTS.format(times=99, code="40001", event="UPDATE ON ledger"))
    with pytest.raises(StoreConflictError):
        ledger.record(made_batch(0, 3))
    assert ledger.head().size == before
    run_behind(location, "DROP TRIGGER fail_first ON ledger")
    assert len(ledger.record(made_batch(0, 3))) == 4
    assert ledger.head().size == before + 4
    ledger.close()


def make_a_key(ledger: Ledger) -> int:
    ledger.access.make_key("ida")
    return len(ledger.access.api_keys())


def grant(ledger: Ledger) -> int:
    ledger.access.grant("ida", Role.READER, ["*"])
    return len(ledger.access.grants())


def grant_and_revoke(ledger: Ledger) -> int:
    (granted,) = ledger.access.grants() or (ledger.access.grant("ida", Role.READER, ["*"]),)
    return int(ledger.access.revoke(granted.position).revoked_by is not None)


def hold(ledger: Ledger) -> int:
    ledger.erasures.hold(None, authority="Court of Ghent")
    return len(ledger.erasures.restraints())


def propose(ledger: Ledger) -> int:
    ledger.erasures.propose([ledger.head().size - 1], ALL, legal_basis="GDPR 17(1)")
    return len(ledger.erasures.proposals())


def erase(ledger: Ledger) -> int:
    answer = ledger.erasures.erase(asked(ledger.head().size - 1, parts=ALL))
    return len(answer.positions)


WORKS = [make_a_key, grant, grant_and_revoke, hold, propose, erase]


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("cut", Cut)
def test_work_of_the_ledger_s_own_whose_answer_never_came_is_done_once(
    wire: Wire, location: str, cut: Cut, work: Callable[[Ledger], int]
) -> None:
    ledger = opened(over(wire, location))
    ledger.record(made_batch(0, 0))
    if work is grant_and_revoke:
        ledger.access.grant("ida", Role.READER, ["*"])
    wire.cut_at(b"COMMIT\0", cut, COMMIT_ATTEMPTS_MAX - 1)
    assert work(ledger) == 1
    check_ledger(ledger)
    ledger.close()


@pytest.mark.parametrize("work", WORKS)
def test_work_of_the_ledger_s_own_is_tried_again_after_a_conflict(
    location: str, work: Callable[[Ledger], int]
) -> None:
    ledger = opened(location)
    ledger.record(made_batch(0, 0))
    faults = FAULTS.format(times=COMMIT_ATTEMPTS_MAX - 1, code="40001", event="INSERT ON entry")
    run_behind(location, faults)
    assert work(ledger) == 1
    ledger.close()


def test_whoever_must_look_first_is_told_so(wire: Wire, location: str) -> None:
    ledger = opened(over(wire, location))
    ledger.record(made_batch(0, 0))
    wire.cut_at(b"COMMIT\0", Cut.BEFORE, COMMIT_ATTEMPTS_MAX)
    with pytest.raises(StoreLostError, match="look first whether it is done"):
        make_a_key(ledger)
    assert make_a_key(ledger) == 1
    ledger.close()
