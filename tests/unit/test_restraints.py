"""Holds and retentions: what they keep from being erased, for how long, and who let go."""

import pytest

from checks import check_ledger
from doubles import NOON_US, FakeClock, SeededRandomness
from erasing import ALL, asked, entry_at, records_of, view_bytes
from lineage.connectors.base import ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.erasure.judging import KEEP_DAYS_MAX
from lineage.ledger import Artifact, Event, EventKind, Ledger, Statement
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage_schemas.erasures import RestraintView
from lineage_schemas.errors import (
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.instants import format_instant
from lineage_schemas.limits import REASON_BYTES_MAX
from openlineage_messages import dataset, encoded, key_of, run_event

A, B, RUN = "acme:a", "acme:b", "acme:run"
DAY_US = 86_400 * 1_000_000
Scope = int | str | None


class HandClock(FakeClock):
    """A clock that moves only when somebody moves it."""

    def __init__(self) -> None:
        super().__init__(NOON_US, 0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(store: Store, clock: HandClock) -> Ledger:
    """Return a ledger in which node A is described at 2, B at 3, and both are named at 4."""
    ledger = Service(store, clock, SeededRandomness())
    for number, key in enumerate((A, B)):
        one = Artifact(key=key, name=f"name {number}", custom_properties={"p": 1}, personal=("p",))
        ledger.record([Statement(id=key, source="ci", records=(one,))])
    joined = (
        Event(artifact=A, execution=RUN, kind=EventKind.INPUT),
        Event(artifact=B, execution=RUN, kind=EventKind.OUTPUT),
    )
    ledger.record([Statement(id="both", source="ci", records=joined)])
    return ledger


def hold(ledger: Ledger, scope: Scope, namespace: str = "default") -> RestraintView:
    return ledger.erasures.hold(
        scope, authority="Court of Ghent", reason="case 7", namespace=namespace
    )


def retain(ledger: Ledger, scope: Scope, days: int, name: str = "AI Act logs") -> RestraintView:
    return ledger.erasures.retain(
        scope, retention_class=name, keep_days=days, legal_basis="Art. 19"
    )


def can_erase(ledger: Ledger, target: int | str) -> bool:
    return not ledger.erasures.plan([target], ALL).objections


# --- scopes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "kept"), [(2, [2]), (A, [2, 4]), (B, [3, 4]), (RUN, [4]), (None, [2, 3, 4])]
)
@pytest.mark.parametrize("is_hold", [True, False])
def test_a_restraint_keeps_what_is_in_its_scope_and_nothing_else(
    ledger: Ledger, scope: Scope, kept: list[int], *, is_hold: bool
) -> None:
    view = hold(ledger, scope) if is_hold else retain(ledger, scope, 10)
    objected = [at for at in (2, 3, 4) if not can_erase(ledger, at)]
    assert objected == kept
    for at in (2, 3, 4):
        answer = ledger.erasures.erase(asked(at, parts=ALL))
        assert answer.refused == (at in kept)
        assert entry_at(ledger, at).erased == (None if at in kept else ALL)
        assert [one.restraint for one in answer.objections] == [view.position] * (at in kept)
    check_ledger(ledger)


def test_a_restraint_on_one_of_several_targets_keeps_them_all(ledger: Ledger) -> None:
    view = hold(ledger, 3)
    answer = ledger.erasures.erase(asked(2, 3, 4, parts=ALL))
    assert (answer.refused, answer.positions) == (True, (2, 3, 4))
    assert [(one.entry, one.restraint) for one in answer.objections] == [(3, view.position)]
    assert [entry_at(ledger, at).erased for at in (2, 3, 4)] == [None] * 3


def test_what_is_said_of_a_node_later_is_held_too(ledger: Ledger) -> None:
    hold(ledger, A)
    (receipt,) = ledger.record(
        [Statement(id="later", source="ci", records=(Artifact(key=A, name="later"),))]
    )
    assert not can_erase(ledger, receipt.position or 0)


def test_the_messages_that_a_nodes_statements_came_from_are_held(ledger: Ledger) -> None:
    message, statement = ledger.receive(
        ReceivedMessage(
            encoded(run_event(outputs=[dataset("orders")])),
            "application/json",
        ),
        OpenLineageMapping(),
        source="airflow",
    )
    hold(ledger, key_of("orders"))
    for receipt in (message, statement):
        assert receipt.position is not None
        assert not can_erase(ledger, receipt.position)
    assert can_erase(ledger, 2)


def test_a_hold_on_the_names_of_actors(ledger: Ledger) -> None:
    hold(ledger, 1)
    answer = ledger.erasures.erase(asked(1))
    assert answer.refused
    assert entry_at(ledger, 1).erased is None


def test_another_namespace_is_not_touched(ledger: Ledger) -> None:
    one = Artifact(key=A, name="elsewhere")
    (receipt,) = ledger.record([Statement(id="1", source="ci", records=(one,))], namespace="other")
    hold(ledger, None)
    hold(ledger, A)
    assert ledger.erasures.restraints("other") == ()
    answer = ledger.erasures.erase(asked(A, parts=ALL), namespace="other")
    assert (answer.positions, answer.refused) == ((receipt.position,), False)
    check_ledger(ledger)


# --- what is told --------------------------------------------------------------------------------


def test_a_refusal_is_stated_in_the_log_with_what_it_is_because_of(ledger: Ledger) -> None:
    first, second = hold(ledger, A), retain(ledger, 2, 10)
    before = view_bytes(ledger)
    answer = ledger.erasures.erase(asked(2, 3, parts=ALL, reason="they asked"))
    entry = entry_at(ledger, answer.position or 0)
    (record,) = records_of(entry)
    assert record["record"] == "erasure_refusal"
    assert (record["positions"], record["parts"]) == ([2, 3], "all")
    assert record["because"] == [first.position, second.position]
    assert (record["legal_basis"], record["reason"]) == ("GDPR Art. 17(1)(b)", "they asked")
    assert record["requester"] != record["approver"]
    assert "Ada" not in str(record)
    assert b"erased" not in before
    assert ledger.show(A)[0].redactions == ()
    check_ledger(ledger)


def test_objections_say_who_forbids_and_until_when(ledger: Ledger) -> None:
    hold(ledger, 2)
    retain(ledger, 2, 30)
    holding, keeping = ledger.erasures.plan([2], ALL).objections
    assert (holding.name, holding.until) == ("Court of Ghent", None)
    assert keeping.name == "AI Act logs"
    assert keeping.until == format_instant(NOON_US + 30 * DAY_US)


def test_restraints_are_listed_with_their_scopes(ledger: Ledger) -> None:
    views = (hold(ledger, 2), hold(ledger, A), retain(ledger, None, 10))
    listed = ledger.erasures.restraints()
    assert listed == views
    entry, node, every = listed
    assert (entry.entry, entry.node_key, entry.keep_days) == (2, None, None)
    assert (node.entry, node.node_kind, node.node_key) == (None, "artifact", A)
    assert (every.entry, every.node_kind, every.keep_days) == (None, None, 10)


# --- letting go ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_hold", [True, False])
def test_a_released_restraint_forbids_nothing(ledger: Ledger, *, is_hold: bool) -> None:
    view = hold(ledger, A) if is_hold else retain(ledger, A, 10)
    assert not can_erase(ledger, 2)
    released = ledger.erasures.release(view.position, reason="the case is closed")
    assert released.released_by == ledger.head().size - 1
    assert ledger.erasures.restraints() == (released,)
    answer = ledger.erasures.erase(asked(2, parts=ALL))
    assert not answer.refused
    check_ledger(ledger)


def test_one_of_two_holds_that_is_released_leaves_the_other(ledger: Ledger) -> None:
    first, second = hold(ledger, 2), hold(ledger, A)
    ledger.erasures.release(first.position, reason="closed")
    assert [one.restraint for one in ledger.erasures.plan([2], ALL).objections] == [second.position]


def test_a_restraint_is_released_once_and_in_its_own_namespace(ledger: Ledger) -> None:
    view = hold(ledger, 2)
    ledger.record([Statement(id="1", source="ci", records=(Artifact(key=A),))], namespace="other")
    size = ledger.head().size
    for position, namespace in ((2, "default"), (view.position, "other"), (99, "default")):
        with pytest.raises(NotFoundError):
            ledger.erasures.release(position, reason="closed", namespace=namespace)
    with pytest.raises(InvalidInputError, match="reason"):
        ledger.erasures.release(view.position, reason=" ")
    assert ledger.head().size == size
    ledger.erasures.release(view.position, reason="closed")
    with pytest.raises(PreconditionError, match="released before"):
        ledger.erasures.release(view.position, reason="closed")
    assert ledger.head().size == size + 1


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after_us", "is_free"), [(-1, False), (0, True), (1, True)])
def test_a_retention_runs_out_to_the_microsecond(
    ledger: Ledger, clock: HandClock, after_us: int, *, is_free: bool
) -> None:
    retain(ledger, 2, 30)
    clock.now_us = NOON_US + 30 * DAY_US + after_us
    assert can_erase(ledger, 2) == is_free
    assert ledger.erasures.erase(asked(2, parts=ALL)).refused != is_free


def test_the_longest_retention_wins(ledger: Ledger, clock: HandClock) -> None:
    retain(ledger, None, 10, "short")
    retain(ledger, A, 30, "long")
    clock.now_us = NOON_US + 20 * DAY_US
    assert [one.name for one in ledger.erasures.plan([2], ALL).objections] == ["long"]
    assert can_erase(ledger, 3)
    clock.now_us = NOON_US + 30 * DAY_US
    assert can_erase(ledger, 2)


def test_a_retention_counts_from_when_each_entry_was_recorded(
    ledger: Ledger, clock: HandClock
) -> None:
    clock.now_us = NOON_US + 5 * DAY_US
    (receipt,) = ledger.record(
        [Statement(id="later", source="ci", records=(Artifact(key=A, name="later"),))]
    )
    retain(ledger, None, 10)
    clock.now_us = NOON_US + 12 * DAY_US
    assert can_erase(ledger, 2)
    assert not can_erase(ledger, receipt.position or 0)


def test_a_clock_that_was_turned_back_does_not_lengthen_or_shorten_it(
    ledger: Ledger, clock: HandClock
) -> None:
    retain(ledger, 2, 1)
    clock.now_us = NOON_US + DAY_US
    ledger.record([Statement(id="x", source="ci", records=(Artifact(key="acme:x"),))])
    clock.turn_back(2 * DAY_US)
    assert can_erase(ledger, 2)


def test_a_hold_never_runs_out(ledger: Ledger, clock: HandClock) -> None:
    hold(ledger, 2)
    clock.now_us = NOON_US + KEEP_DAYS_MAX * DAY_US * 2
    assert not can_erase(ledger, 2)


# --- what is no restraint ------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, -1, KEEP_DAYS_MAX + 1])
def test_a_retention_of_no_time_or_of_too_much_is_refused(ledger: Ledger, days: int) -> None:
    size = ledger.head().size
    with pytest.raises(InvalidInputError, match=str(days)):
        retain(ledger, 2, days)
    assert ledger.head().size == size


def test_a_restraint_says_who_orders_it_and_by_what_right(ledger: Ledger) -> None:
    size = ledger.head().size
    with pytest.raises(InvalidInputError, match="authority"):
        ledger.erasures.hold(2, authority=" ")
    with pytest.raises(InvalidInputError, match="class"):
        retain(ledger, 2, 10, " ")
    with pytest.raises(InvalidInputError, match="legal basis"):
        ledger.erasures.retain(2, retention_class="c", keep_days=1, legal_basis="")
    with pytest.raises(LimitExceededError, match="authority"):
        ledger.erasures.hold(2, authority="x" * (REASON_BYTES_MAX + 1))
    assert ledger.head().size == size


@pytest.mark.parametrize("scope", [-1, 99, "acme:unheard"])
def test_a_scope_that_is_not_there_is_refused(ledger: Ledger, scope: int | str) -> None:
    size = ledger.head().size
    with pytest.raises(NotFoundError):
        hold(ledger, scope)
    with pytest.raises(NotFoundError):
        hold(ledger, None, "unheard")
    assert ledger.head().size == size
