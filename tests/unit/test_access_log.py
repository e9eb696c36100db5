"""The access log: who was given, or refused, which answer, before they were."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest

from accounting import access_log
from checks import check_ledger
from doubles import (
    NOON_US,
    BrokenError,
    FakeClock,
    Fault,
    FaultyStore,
    SeededRandomness,
    Step,
    When,
)
from erasing import OWNED, A, asked, said
from lineage import open_ledger
from lineage.access.accounts import AccessLog, OpenBook, Told
from lineage.access.inquiry import Inquiry, inquiring
from lineage.intake import COMMIT_ATTEMPTS_MAX
from lineage.ledger import Action, Ledger, Principal, ProofQuery, Role, Shown, TraceQuery
from lineage.moving.filling import UNFINISHED
from lineage.projections.views import TABLES
from lineage.proofs.tiles import ENTRIES, Tile
from lineage.service import Ledger as Service
from lineage.stores.base import BUSY_WAIT_SECONDS_MAX, Store
from lineage.stores.memory import MemoryStore
from lineage.stores.opening import open_store
from lineage_schemas.access import AccessView
from lineage_schemas.errors import (
    ForbiddenError,
    InvalidInputError,
    LedgerError,
    PreconditionError,
    StoreConflictError,
    StoreError,
)

ADA, BOB, CYD, EVE = (Principal(name) for name in ("ada", "bob", "cyd", "eve"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger with an auditor (Ada), a reader (Bob) and a privacy officer (Cyd)."""
    path = tmp_path / "one.db"
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as made:
        made.record([said("1", OWNED)])
        made.access.grant("ada", Role.AUDITOR, ["*"])
        made.access.grant("bob", Role.READER, ["default"])
        made.access.grant("cyd", Role.PRIVACY_OFFICER, ["default"])
        yield made


def seen(ledger: Ledger) -> list[AccessView]:
    """Return everything in the access log."""
    return list(ledger.access.log(count=1_000).records)


def told(ledger: Ledger) -> list[tuple[str, str, str, int]]:
    """Return who did what where, and how often they were refused it."""
    return [
        (one.who, one.access.operation, one.access.namespace, one.access.denied)
        for one in seen(ledger)
    ]


def test_what_an_auditor_is_given_is_stated_with_its_basis(ledger: Ledger) -> None:
    query = TraceQuery(start=(A,))
    with inquiring(
        Inquiry(door="graphql", operation="Story", text="query Story { … }", purpose="case 7")
    ):
        answer = ledger.trace(query, principal=ADA)
    (one,) = seen(ledger)
    assert (one.who, one.access.door, one.access.operation) == ("ada", "graphql", "Story")
    assert (one.access.namespace, one.access.text) == ("default", "query Story { … }")
    assert (one.access.purpose, one.access.count) == ("case 7", len(answer.nodes))
    assert (one.access.size, one.access.root) == (answer.basis.size, answer.basis.root)
    assert one.access.origin == ledger.origin


def test_every_reading_of_an_auditor_is_stated_and_no_reader_s(ledger: Ledger) -> None:
    calls: list[tuple[str, Any]] = [
        ("trace", lambda who: ledger.trace(TraceQuery(start=(A,)), principal=who)),
        ("show", lambda who: ledger.show(A, principal=who)),
        ("contexts_of", lambda who: ledger.contexts_of([], principal=who)),
        ("find", lambda who: ledger.find("claims", principal=who)),
        ("list", lambda who: ledger.list_nodes("artifact", principal=who)),
        ("types", lambda who: ledger.types(principal=who)),
        ("basis", lambda who: ledger.basis(principal=who)),
    ]
    for _, call in calls:
        call(BOB)
    assert seen(ledger) == []
    for _, call in calls:
        call(ADA)
    ledger.entries(principal=ADA)
    ledger.prove(ProofQuery(target=A), principal=ADA)
    ledger.audit(principal=ADA)
    ledger.access.grants(principal=ADA)
    ledger.erasures.restraints(principal=ADA)
    ledger.access.log(principal=ADA)
    operations = [operation for _, operation, _, _ in told(ledger)]
    expected = [name for name, _ in calls]
    assert operations == [*expected, "entries", "prove", "audit", "grants", "restraints", "log"]


def test_what_a_privacy_officer_does_is_stated(ledger: Ledger) -> None:
    ledger.erasures.plan([A], principal=CYD)
    held = ledger.erasures.hold(A, authority="court", principal=CYD)
    ledger.erasures.release(held.position, reason="over", principal=CYD)
    ledger.erasures.propose([A], legal_basis="b", principal=CYD)
    ledger.erasures.proposals(principal=CYD)
    assert [operation for _, operation, _, _ in told(ledger)] == [
        "plan",
        "hold",
        "release",
        "propose",
        "proposals",
    ]


def test_an_answer_that_is_an_error_is_stated_too(ledger: Ledger) -> None:
    ledger.custody.checkpoint()
    nobody, far = "acme:nobody", 10**6
    calls: list[tuple[Principal, str, str, Any]] = [
        (ADA, "list", "not_found", lambda who: ledger.list_nodes("No.Such", principal=who)),
        (ADA, "basis", "unknown_basis", lambda who: ledger.basis(far, principal=who)),
        (ADA, "show", "unknown_basis", lambda who: ledger.show(A, as_of=far, principal=who)),
        (ADA, "prove", "not_found", lambda who: ledger.prove(SHOWN, principal=who)),
        (ADA, "prove", "not_found", lambda who: ledger.prove(HIDDEN, principal=who)),
        (ADA, "grants", "unknown_basis", lambda who: ledger.access.grants(far, principal=who)),
        (ADA, "api_keys", "unknown_basis", lambda who: ledger.access.api_keys(far, principal=who)),
        (
            ADA,
            "who",
            "unknown_basis",
            lambda who: ledger.access.who(READ, "*", far, principal=who),
        ),
        (ADA, "tile", "not_found", lambda who: ledger.custody.tile(TILE, principal=who)),
        (CYD, "plan", "not_found", lambda who: ledger.erasures.plan([nobody], principal=who)),
        (CYD, "propose", "not_found", lambda who: propose(ledger, nobody, who)),
        (CYD, "approve", "not_found", lambda who: ledger.erasures.approve(2, principal=who)),
        (CYD, "release", "not_found", lambda who: release(ledger, 2, who)),
        (CYD, "hold", "not_found", lambda who: hold(ledger, nobody, who)),
    ]
    for who, _, code, call in calls:
        with pytest.raises(LedgerError) as raised:
            call(who)
        assert raised.value.code == code
        with pytest.raises(LedgerError):
            call(BOB)
    stated = [(one.who, one.access.operation, one.access.error) for one in seen(ledger)]
    assert [one for one in stated if one[0] != "bob"] == [
        (who.name, operation, code) for who, operation, code, _ in calls
    ]
    assert not any(error for who, _, error in stated if who == "bob")


READ = Action.READ
TILE = Tile(ENTRIES, 0, 200)
SHOWN = ProofQuery(target="acme:nobody")
HIDDEN = ProofQuery(target="acme:nobody", shown=Shown(facts=False, personal=False))


def propose(ledger: Ledger, target: str, who: Principal) -> object:
    return ledger.erasures.propose([target], legal_basis="b", principal=who)


def release(ledger: Ledger, position: int, who: Principal) -> object:
    return ledger.erasures.release(position, reason="over", principal=who)


def hold(ledger: Ledger, target: str, who: Principal) -> object:
    return ledger.erasures.hold(target, authority="court", principal=who)


def test_an_operator_s_backup_is_stated_before_it_is_made(ledger: Ledger, tmp_path: Path) -> None:
    ledger.access.grant("dan", Role.OPERATOR, ["*"])
    answer = ledger.moves.back_up(tmp_path / "backup.db", principal=Principal("dan"))
    (one,) = seen(ledger)
    assert (one.who, one.access.operation, one.access.namespace) == ("dan", "back_up", "*")
    assert (one.access.size, one.access.root) == (answer.size, answer.root)
    ledger.close()
    (tmp_path / "one.db.access").write_bytes(b"this is no ledger" * 100)
    with open_ledger(tmp_path / "one.db") as again:
        with pytest.raises(StoreError):
            again.moves.back_up(tmp_path / "another.db", principal=Principal("dan"))
        assert not (tmp_path / "another.db").exists()


def test_no_value_that_was_asked_for_stands_in_what_is_kept_for_ever(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.find("sarah connor", principal=ADA)
    (one,) = seen(ledger)
    assert len(one.access.question) == 64
    ledger.close()
    with open_ledger(tmp_path / "one.db.access") as log:
        stated = log.entries(count=100, namespace="lineage").entries
        actors = [one.position for one in stated if one.statement.startswith("actor-")]
        accesses = [one.position for one in stated if one.statement.startswith("access/")]
        log.erasures.erase(asked(*accesses, *actors), namespace="lineage")
        check_ledger(log)
    bodies = b"".join(path.read_bytes() for path in tmp_path.glob("one.db.access*"))
    assert b"sarah" not in bodies
    assert one.access.question.encode() not in bodies


def test_the_access_log_is_a_ledger_like_any_other(ledger: Ledger, tmp_path: Path) -> None:
    ledger.types(principal=ADA)
    origin = ledger.origin
    ledger.close()
    with open_ledger(tmp_path / "one.db.access") as log:
        assert log.origin != origin
        assert log.custody.last_checkpoint().unsigned == 0
        check_ledger(log)
    assert {path.name for path in tmp_path.glob("one.db.access.*")} >= {
        "one.db.access.key",
        "one.db.access.sidecar",
    }


def test_there_is_none_before_somebody_is_accounted_for(ledger: Ledger, tmp_path: Path) -> None:
    ledger.types(principal=BOB)
    assert ledger.access.log().records == ()
    assert not (tmp_path / "one.db.access").exists()


def test_where_it_cannot_be_stated_there_is_no_answer() -> None:
    store = FaultyStore(MemoryStore("test/access"))
    made = Service(MemoryStore("x"), FakeClock(), SeededRandomness(), accounts=access_log(store))
    made.record([said("1", OWNED)])
    made.access.grant("ada", Role.AUDITOR, ["*"])
    made.types(principal=ADA)
    store.fault = Fault(Step.COMMIT, When.BEFORE)
    with pytest.raises(BrokenError):
        made.types(principal=ADA)
    assert made.types(principal=ADA).types
    assert len(seen(made)) == 2


def test_a_ledger_without_one_gives_nothing_that_must_be_stated() -> None:
    made = Service(MemoryStore("x"), FakeClock(), SeededRandomness())
    made.record([said("1", OWNED)])
    made.access.grant("ada", Role.AUDITOR, ["*"])
    made.access.grant("bob", Role.READER, ["*"])
    with pytest.raises(PreconditionError, match="no access log"):
        made.types(principal=ADA)
    assert made.types(principal=BOB).types


# --- refusals ------------------------------------------------------------------------------------


def test_every_refusal_is_counted_and_no_flood_of_them_is_written() -> None:
    clock = FakeClock(NOON_US, 0)
    made = Service(MemoryStore("x"), clock, SeededRandomness(), accounts=access_log(clock=clock))
    made.access.grant("ada", Role.AUDITOR, ["*"])
    for _ in range(500):
        with pytest.raises(ForbiddenError):
            made.types(principal=EVE)
    with pytest.raises(ForbiddenError):
        made.record([said("1", OWNED)], principal=EVE)
    clock.now_us += 1_000_000
    with pytest.raises(ForbiddenError):
        made.types(principal=EVE)
    assert told(made) == [
        ("eve", "read", "default", 1),
        ("eve", "read", "default", 500),
        ("eve", "ingest", "default", 1),
    ]


def test_what_is_counted_when_a_ledger_is_closed_is_written(tmp_path: Path) -> None:
    clock = FakeClock(NOON_US, 0)
    with open_ledger(tmp_path / "one.db", clock=clock) as made:
        made.access.grant("ada", Role.AUDITOR, ["*"])
        for _ in range(3):
            with pytest.raises(ForbiddenError):
                made.types(principal=EVE)
    with open_ledger(tmp_path / "one.db") as again:
        assert [denied for *_, denied in told(again)] == [1, 2]


def test_a_refusal_stays_one_when_it_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    store = FaultyStore(MemoryStore("test/access"))
    made = Service(MemoryStore("x"), FakeClock(), SeededRandomness(), accounts=access_log(store))
    made.access.grant("ada", Role.AUDITOR, ["*"])
    store.fault = Fault(Step.COMMIT, When.BEFORE)
    with pytest.raises(ForbiddenError):
        made.types(principal=EVE)
    assert "could not be written to the access log" in caplog.text
    with pytest.raises(ForbiddenError):
        made.types(principal=EVE)
    assert [denied for *_, denied in told(made)] == [2]


def test_a_refusal_is_not_written_while_the_log_is_locked(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever holds the access log, the log itself goes on: here, and in another process."""
    with pytest.raises(ForbiddenError):
        ledger.types(principal=EVE)
    with closing(connect(tmp_path / "one.db.access", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        refused = Thread(target=lambda: refuse(ledger, "2"))
        refused.start()
        with open_ledger(tmp_path / "one.db") as other:
            began = monotonic()
            other.record([said("3", OWNED)])
            ledger.record([said("4", OWNED)])
            outcomes = ledger.commit([ledger.prepare([said("5", OWNED)], principal=EVE)])
            assert isinstance(outcomes[0], ForbiddenError)
            assert monotonic() - began < BUSY_WAIT_SECONDS_MAX / 2
        holder.execute("ROLLBACK")
        refused.join(timeout=60)
    assert sum(one for *_, one in told(ledger)) == 3


def refuse(ledger: Ledger, name: str) -> None:
    """Have Eve say what she may not."""
    with pytest.raises(ForbiddenError):
        ledger.record([said(name, OWNED)], principal=EVE)


def test_a_refusal_keeps_the_door_it_was_made_at(ledger: Ledger) -> None:
    with inquiring(Inquiry(door="http")):
        delivery = ledger.prepare([said("2", OWNED)], principal=EVE)
    ledger.commit([delivery])
    with inquiring(Inquiry(door="graphql")), pytest.raises(ForbiddenError):
        ledger.types(principal=EVE)
    doors = {one.access.operation: one.access.door for one in seen(ledger)}
    assert doors == {"ingest": "http", "read": "graphql"}


class ConflictingStore(FaultyStore):
    """A store in which others come between some commits."""

    conflicts = 0

    def break_at(self, step: Step, when: When) -> None:
        if self.conflicts and (step, when) == (Step.COMMIT, When.BEFORE):
            self.conflicts -= 1
            raise StoreConflictError("Another writer came between")


@pytest.mark.parametrize("attempts", [1, 2, COMMIT_ATTEMPTS_MAX])
def test_a_refusal_is_counted_once_however_often_its_group_is_tried(attempts: int) -> None:
    store = ConflictingStore(MemoryStore("x"))
    made = Service(store, FakeClock(), SeededRandomness(), accounts=access_log())
    group = [made.prepare([said("1", OWNED)], principal=EVE), made.prepare([said("2", OWNED)])]
    store.conflicts = attempts - 1
    outcomes = made.commit(group)
    assert isinstance(outcomes[0], ForbiddenError)
    assert not isinstance(outcomes[1], LedgerError)
    assert told(made) == [("eve", "ingest", "default", 1)]


def test_what_came_to_nothing_was_refused_to_nobody() -> None:
    store = ConflictingStore(MemoryStore("x"))
    made = Service(store, FakeClock(), SeededRandomness(), accounts=access_log())
    delivery = made.prepare([said("1", OWNED)], principal=EVE)
    store.conflicts = COMMIT_ATTEMPTS_MAX
    with pytest.raises(StoreConflictError):
        made.commit([delivery])
    assert told(made) == []


def test_a_refusal_in_words_that_the_log_cannot_keep_is_kept(ledger: Ledger) -> None:
    with pytest.raises(ForbiddenError):
        ledger.types(namespace="\0\ud800" * 1_000, principal=EVE)
    (one,) = seen(ledger)
    assert one.access.namespace == "\N{REPLACEMENT CHARACTER}" * 128


# --- many at once --------------------------------------------------------------------------------


class SlowBook:
    """A ledger that holds its first commit back, and counts them."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.commits: list[int] = []
        self.begun = Event()
        self.go_on = Event()

    def commit(self, deliveries: Any) -> Any:  # noqa: ANN401 - handed on
        self.commits.append(len(deliveries))
        self.begun.set()
        assert self.go_on.wait(timeout=60)
        return self.ledger.commit(deliveries)

    def sign(self) -> None:
        self.ledger.sign()

    def close(self) -> None:
        self.ledger.close()


def test_those_who_wait_share_one_commit() -> None:
    store = MemoryStore("test/access")
    book = SlowBook(Service(store, FakeClock(), SeededRandomness()))
    log = AccessLog(
        lambda: OpenBook(store, book), lambda: True, FakeClock(), SeededRandomness("records")
    )
    threads = [
        Thread(target=log.tell, args=(Principal(f"reader {number}"), Told("types", "default", ())))
        for number in range(20)
    ]
    threads[0].start()
    assert book.begun.wait(timeout=60)
    for thread in threads[1:]:
        thread.start()
    while len(log._waiting) < len(threads) - 1:
        threads[1].join(timeout=0.01)
    book.go_on.set()
    for thread in threads:
        thread.join(timeout=60)
    assert book.commits == [1, 19]
    assert len(log.read(0, 100).records) == 20


# --- reading it ----------------------------------------------------------------------------------


def test_it_is_read_page_by_page_by_auditors_of_everything(ledger: Ledger) -> None:
    for _ in range(5):
        ledger.types(principal=ADA)
    first = ledger.access.log(count=2)
    assert first.next_position is not None
    second = ledger.access.log(first.next_position, count=100)
    assert len(first.records) + len(second.records) == 5
    assert second.next_position is None
    with pytest.raises(ForbiddenError):
        ledger.access.log(principal=BOB)
    for start, count in ((-1, 1), (0, 0), (0, 1_001)):
        with pytest.raises(InvalidInputError):
            ledger.access.log(start, count=count)


def test_a_broken_access_log_is_no_empty_one(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "one.db.access").write_bytes(b"this is no ledger" * 100)
    with pytest.raises(StoreError):
        ledger.access.log()
    with pytest.raises(StoreError):
        ledger.types(principal=ADA)


def test_an_access_log_that_cannot_be_used_is_not_left_open(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(tmp_path / "one.db.access", TABLES, f"{UNFINISHED}x").close()
    opened: list[Store] = []

    def opening(*asked: Any) -> Store:  # noqa: ANN401 - handed on
        opened.append(open_store(*asked))
        return opened[-1]

    monkeypatch.setattr("lineage.ledger.open_store", opening)
    with pytest.raises(StoreError, match="no ledger yet"):
        ledger.types(principal=ADA)
    (store,) = opened
    with pytest.raises(StoreError, match="closed"), store.read():
        pass
