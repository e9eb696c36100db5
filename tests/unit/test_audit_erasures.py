"""An audit judges each erasure again: what was held, for how long, and who asked."""

import pytest

from doubles import NOON_US, FakeClock, SeededRandomness
from erasing import ALL, PERSONAL, asked
from lineage.audit import AuditLevel
from lineage.connectors.base import ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.folding import fold_anew
from lineage.intake import Append
from lineage.ledger import Artifact, ErasureRequest, Statement
from lineage.service import Ledger
from lineage.stores.base import Store, Writer
from lineage.writing.governing import governance_batch
from lineage.writing.submission import Principal
from lineage_schemas.governance import Erasure, PartsErased, Recovery, Release
from openlineage_messages import dataset, encoded, key_of, run_event

A, B = "acme:a", "acme:b"
DAY_US = 86_400 * 1_000_000
FORGER = Principal("forger", is_local=True)
TWO = ("actor-1", "actor-2")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON_US, 0)


@pytest.fixture
def ledger(store: Store, clock: FakeClock) -> Ledger:
    """Return a ledger in which node A is described at 2 and B at 3."""
    made = Ledger(store, clock, SeededRandomness())
    for key in (A, B):
        one = Artifact(key=key, custom_properties={"p": 1}, personal=("p",))
        made.record([Statement(id=key, source="ci", records=(one,))])
    return made


def force(
    ledger: Ledger,
    position: int,
    people: tuple[str, str] = TWO,
    parts: PartsErased = PERSONAL,
    namespace: str = "default",
    beside: tuple[Recovery, ...] = (),
) -> int:
    """State an erasure and do it, without asking whether it may be done; return where."""
    record = Erasure(
        positions=(position,),
        parts=parts,
        legal_basis="none",
        requester=people[0],
        approver=people[1],
    )

    def work(writer: Writer, append: Append, _: int) -> int:
        batch = governance_batch(
            namespace, FORGER, *beside, record, randomness=SeededRandomness(str(position))
        )
        receipts = append(batch)
        writer.erase([position], parts)
        fold_anew(writer)
        assert receipts[-1].position is not None
        return receipts[-1].position

    return ledger._intake.govern(work)


def told(ledger: Ledger) -> list[tuple[int | None, str]]:
    report = ledger.audit()
    assert all(one.level is AuditLevel.VIEWS for one in report.findings)
    return [(one.position, one.what) for one in report.findings]


def held(position: int, by: int) -> str:
    return f"It says that position {position} was erased, which position {by} held"


def kept(position: int, by: int) -> str:
    return f"It says that position {position} was erased, which position {by} kept for longer"


def hold(ledger: Ledger, scope: int | str | None, namespace: str = "default") -> int:
    return ledger.erasures.hold(scope, authority="court", namespace=namespace).position


@pytest.mark.parametrize("scope", [2, A, None])
def test_an_erasure_under_a_hold_is_found(ledger: Ledger, scope: int | str | None) -> None:
    by = hold(ledger, scope)
    assert told(ledger) == []
    at = force(ledger, 2)
    assert told(ledger) == [(at, held(2, by))]


@pytest.mark.parametrize("scope", [3, B])
def test_an_erasure_of_what_was_not_held_is_none(ledger: Ledger, scope: int | str) -> None:
    hold(ledger, scope)
    ledger.record([Statement(id="x", source="ci", records=(Artifact(key=A),))], namespace="other")
    hold(ledger, None, "other")
    force(ledger, 2)
    assert told(ledger) == []


def test_a_hold_holds_from_where_it_is_stated_to_its_release(ledger: Ledger) -> None:
    force(ledger, 2)
    by = hold(ledger, None)
    ledger.erasures.release(by, reason="over")
    force(ledger, 3)
    assert told(ledger) == []
    ledger.erasures.hold(None, authority="court")
    assert told(ledger) == []


def test_a_hold_that_was_released_afterwards_was_in_force(ledger: Ledger) -> None:
    by = hold(ledger, 2)
    at = force(ledger, 2)
    ledger.erasures.release(by, reason="over")
    assert told(ledger) == [(at, held(2, by))]


def test_a_second_release_does_not_make_a_hold_last_longer(ledger: Ledger) -> None:
    """Only a forger states one: it must not put a lawful erasure in the wrong."""
    by = hold(ledger, 2)
    ledger.erasures.release(by, reason="over")
    force(ledger, 2)

    def again(_: Writer, append: Append, __: int) -> None:
        record = Release(position=by, reason="over again")
        append(governance_batch("default", FORGER, record, randomness=SeededRandomness("again")))

    ledger._intake.govern(again)
    assert told(ledger) == []


@pytest.mark.parametrize("late_us", [-1, 0])
def test_an_erasure_before_the_end_of_a_retention_is_found(
    ledger: Ledger, clock: FakeClock, late_us: int
) -> None:
    retention = ledger.erasures.retain(None, retention_class="tax", keep_days=7, legal_basis="law")
    clock.now_us = NOON_US + 7 * DAY_US + late_us
    at = force(ledger, 2)
    assert told(ledger) == ([(at, kept(2, retention.position))] if late_us else [])


def test_a_message_is_held_with_the_nodes_of_its_statements(ledger: Ledger) -> None:
    body = encoded(run_event(outputs=[dataset("orders")]))
    received = ReceivedMessage(body, "application/json")
    message, _ = ledger.receive(received, OpenLineageMapping(), source="airflow")
    assert message.position is not None
    by = hold(ledger, key_of("orders"))
    at = force(ledger, message.position, parts=ALL)
    assert told(ledger) == [(at, held(message.position, by))]


@pytest.mark.parametrize("people", [("", ""), ("actor-1", ""), ("", "actor-1"), ("a", "a")])
def test_an_erasure_without_two_people_is_found(ledger: Ledger, people: tuple[str, str]) -> None:
    at = force(ledger, 2, people)
    assert told(ledger) == [(at, "It was not asked for by one person and approved by another")]


def test_what_a_recovery_says_again_is_not_judged(ledger: Ledger) -> None:
    hold(ledger, None)
    recovery = Recovery(former="test/origin", checkpoint=None, lost_from=5, lost_to=6, reason="")
    force(ledger, 2, ("", ""), namespace="lineage", beside=(recovery,))
    assert told(ledger) == []
    at = force(ledger, 3, ("", ""), namespace="lineage")
    assert [position for position, _ in told(ledger)] == [at, at]


def test_what_the_ledger_itself_erases_is_clean(ledger: Ledger, clock: FakeClock) -> None:
    retention = ledger.erasures.retain(A, retention_class="tax", keep_days=7, legal_basis="law")
    request: ErasureRequest = asked(A, parts=ALL)
    assert ledger.erasures.erase(request).refused
    clock.now_us += 7 * DAY_US
    assert not ledger.erasures.erase(request).refused
    ledger.erasures.release(retention.position, reason="over")
    assert told(ledger) == []
