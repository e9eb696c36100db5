"""An erasure among people who sign in takes two: one proposes, another approves."""

import pytest

from accounting import access_log
from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import ALL, DESCRIBED, OWNED, PERSONAL, A, asked, entry_at, said
from lineage.erasure.proposing import PROPOSAL_DAYS
from lineage.ledger import Ledger, Principal, Role
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage_schemas.erasures import ProposalState as State
from lineage_schemas.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PreconditionError,
)

ADA, BOB, EVE = Principal("ada"), Principal("bob"), Principal("eve")
BASIS = "GDPR 17(1)"


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Return a ledger with two privacy officers, and a node described at ``DESCRIBED``."""
    made = Service(store, FakeClock(), SeededRandomness(), accounts=access_log())
    made.record([said("1", OWNED)])
    for name in ("ada", "bob"):
        made.access.grant(name, Role.PRIVACY_OFFICER, ["default"])
    return made


def propose(ledger: Ledger, who: Principal = ADA) -> int:
    answer = ledger.erasures.propose([A], legal_basis=BASIS, reason="asked", principal=who)
    assert answer.position is not None
    return answer.position


def test_what_one_proposes_and_another_approves_is_erased(ledger: Ledger) -> None:
    at = propose(ledger)
    assert entry_at(ledger, DESCRIBED).erased is None
    (open_one,) = ledger.erasures.proposals(principal=BOB)
    assert (open_one.position, open_one.requester, open_one.decided_by) == (at, "ada", None)
    answer = ledger.erasures.approve(at, principal=BOB)
    assert (answer.refused, answer.positions) == (False, (DESCRIBED,))
    assert entry_at(ledger, DESCRIBED).erased is PERSONAL
    (decided,) = ledger.erasures.proposals()
    assert decided.decided_by == answer.position
    (shown,) = ledger.show(A)
    (redaction,) = shown.redactions
    assert (redaction.requester, redaction.approver) == ("ada", "bob")
    assert redaction.legal_basis == BASIS
    check_ledger(ledger)


def test_nobody_approves_what_they_proposed(ledger: Ledger) -> None:
    secret, _ = ledger.access.make_key("ada")
    at = propose(ledger)
    for who in (ADA, ledger.access.authenticate(secret)):
        with pytest.raises(ForbiddenError, match="cannot approve"):
            ledger.erasures.approve(at, principal=who)
    assert entry_at(ledger, DESCRIBED).erased is None


def test_only_privacy_officers_of_the_namespace_do_either(ledger: Ledger) -> None:
    ledger.access.grant("eve", Role.PRIVACY_OFFICER, ["elsewhere"])
    at = propose(ledger)
    with pytest.raises(ForbiddenError):
        propose(ledger, EVE)
    with pytest.raises(ForbiddenError):
        ledger.erasures.approve(at, principal=EVE)
    ledger.record([said("1", OWNED)], namespace="elsewhere")
    with pytest.raises(NotFoundError):
        ledger.erasures.approve(at, namespace="elsewhere", principal=EVE)


def test_two_names_on_one_persons_word_are_not_two_people(ledger: Ledger) -> None:
    with pytest.raises(ForbiddenError):
        ledger.erasures.erase(asked(A), principal=ADA)


def test_a_proposal_is_decided_once(ledger: Ledger) -> None:
    ledger.access.grant("eve", Role.PRIVACY_OFFICER, ["default"])
    at = propose(ledger)
    ledger.erasures.approve(at, principal=BOB)
    with pytest.raises(PreconditionError, match="decided before: it was carried out"):
        ledger.erasures.approve(at, principal=EVE)
    with pytest.raises(PreconditionError, match="decided before"):
        ledger.erasures.refuse(at, reason="too late", principal=BOB)


def test_who_has_approved_may_ask_again_and_is_told_the_same(ledger: Ledger) -> None:
    """A client that never saw its answer asks again, and what failed after the erasure is done."""
    at = propose(ledger)
    first = ledger.erasures.approve(at, principal=BOB)
    size = ledger.head().size
    assert ledger.erasures.approve(at, principal=BOB) == first
    assert ledger.head().size == size


def test_a_refused_approval_is_told_again_too(ledger: Ledger) -> None:
    at = propose(ledger)
    ledger.erasures.hold(A, authority="Court of Ghent", principal=ADA)
    first = ledger.erasures.approve(at, principal=BOB)
    assert first.refused
    assert ledger.erasures.approve(at, principal=BOB) == first
    view = ledger.erasures.proposal(at, principal=BOB)
    assert (view.state, view.because, view.refusal) == (State.REFUSED, (at + 1,), "")
    with pytest.raises(PreconditionError, match="it was refused"):
        ledger.erasures.refuse(at, reason="no", principal=BOB)


def test_the_same_proposal_is_made_once(ledger: Ledger) -> None:
    at = propose(ledger)
    size = ledger.head().size
    assert propose(ledger) == at
    assert ledger.head().size == size
    assert propose(ledger, BOB) != at
    assert ledger.erasures.propose([A], ALL, legal_basis=BASIS, principal=ADA).position != at
    ledger.erasures.refuse(at, reason="wrong person", principal=BOB)
    assert propose(ledger) > at


def test_another_officer_refuses_and_nobody_approves_then(ledger: Ledger) -> None:
    at = propose(ledger)
    view = ledger.erasures.refuse(at, reason="wrong person", principal=BOB)
    assert (view.state, view.decider, view.refusal) == (State.REFUSED, "bob", "wrong person")
    assert view.because == ()
    size = ledger.head().size
    assert ledger.erasures.refuse(at, reason="again", principal=BOB) == view
    assert ledger.head().size == size
    ledger.access.grant("eve", Role.PRIVACY_OFFICER, ["default"])
    for who in (BOB, EVE):
        with pytest.raises(PreconditionError, match="it was refused"):
            ledger.erasures.approve(at, principal=who)
    assert entry_at(ledger, DESCRIBED).erased is None
    check_ledger(ledger)


def test_a_proposal_is_taken_back_by_whoever_made_it(ledger: Ledger) -> None:
    at = propose(ledger)
    view = ledger.erasures.refuse(at, reason="a mistake", principal=ADA)
    assert (view.state, view.requester, view.decider) == (State.REFUSED, "ada", "ada")
    with pytest.raises(InvalidInputError, match="reason"):
        ledger.erasures.refuse(at, reason=" ", principal=ADA)


def test_a_proposal_expires(store: Store) -> None:
    clock = FakeClock()
    ledger = Service(store, clock, SeededRandomness(), accounts=access_log())
    ledger.record([said("1", OWNED)])
    for name in ("ada", "bob"):
        ledger.access.grant(name, Role.PRIVACY_OFFICER, ["default"])
    at = propose(ledger)
    assert ledger.erasures.proposal(at).state is State.OPEN
    clock.now_us += PROPOSAL_DAYS * 86_400_000_000
    assert ledger.erasures.proposal(at).state is State.EXPIRED
    with pytest.raises(PreconditionError, match="expired at 2026-01-31T12:00"):
        ledger.erasures.approve(at, principal=BOB)
    anew = propose(ledger)
    assert anew > at
    assert [one.position for one in ledger.erasures.proposals(undecided=True)] == [at, anew]
    assert not ledger.erasures.approve(anew, principal=BOB).refused
    assert ledger.erasures.refuse(at, reason="tidied", principal=ADA).state is State.REFUSED


def test_what_another_erasure_took_is_not_erased_twice(ledger: Ledger) -> None:
    at, other = propose(ledger), propose(ledger, BOB)
    ledger.erasures.approve(other, principal=ADA)
    assert ledger.erasures.proposal(at).state is State.GONE
    size = ledger.head().size
    answer = ledger.erasures.approve(at, principal=BOB)
    assert (answer.positions, answer.position, answer.refused) == ((), None, False)
    assert ledger.head().size == size
    assert ledger.erasures.proposal(at).decided_by is None


def test_of_what_is_partly_gone_the_rest_is_erased(ledger: Ledger) -> None:
    ledger.record([said("2", OWNED)])
    later = ledger.head().size - 1
    at = propose(ledger)
    ledger.erasures.erase(asked(DESCRIBED))
    assert ledger.erasures.proposal(at).state is State.OPEN
    assert ledger.erasures.approve(at, principal=BOB).positions == (later,)
    assert ledger.erasures.proposal(at).state is State.ERASED
    check_ledger(ledger)


def test_proposals_come_in_pages(ledger: Ledger) -> None:
    first, second = propose(ledger), propose(ledger, BOB)

    def listed(start: int = 0, count: int | None = None, *, undecided: bool = False) -> list[int]:
        found = ledger.erasures.proposals(start=start, count=count, undecided=undecided)
        return [one.position for one in found]

    assert listed() == [first, second]
    assert (listed(count=1), listed(first + 1), listed(count=0)) == ([first], [second], [])
    ledger.erasures.refuse(first, reason="no")
    assert listed(undecided=True) == [second]
    with pytest.raises(InvalidInputError):
        listed(-1)
    with pytest.raises(NotFoundError):
        ledger.erasures.proposal(DESCRIBED)
    with pytest.raises(NotFoundError):
        ledger.erasures.proposal(first, "elsewhere")


def test_the_local_principal_is_one_person(ledger: Ledger) -> None:
    at = ledger.erasures.propose([A], legal_basis=BASIS).position
    assert at is not None
    with pytest.raises(ForbiddenError, match="lineage redact"):
        ledger.erasures.approve(at)
    assert not ledger.erasures.approve(at, principal=BOB).refused
    check_ledger(ledger)


def test_what_came_after_the_proposal_is_not_in_it(ledger: Ledger) -> None:
    at = propose(ledger)
    ledger.record([said("2", OWNED)])
    later = ledger.head().size - 1
    ledger.erasures.approve(at, principal=BOB)
    assert entry_at(ledger, later).erased is None


def test_a_hold_that_came_meanwhile_refuses_it(ledger: Ledger) -> None:
    at = propose(ledger)
    ledger.erasures.hold(A, authority="Court of Ghent", principal=ADA)
    answer = ledger.erasures.approve(at, principal=BOB)
    assert answer.refused
    assert entry_at(ledger, DESCRIBED).erased is None
    (decided,) = ledger.erasures.proposals()
    assert decided.decided_by == answer.position
    check_ledger(ledger)


def test_whose_name_was_erased_cannot_have_proposed(ledger: Ledger) -> None:
    """Else whoever erased their own name could come back, unknown, and approve."""
    at = propose(ledger)
    ledger.erasures.erase(asked(at - 1))
    assert entry_at(ledger, at - 1).erased is PERSONAL
    with pytest.raises(PreconditionError, match="Propose it again"):
        ledger.erasures.approve(at, principal=ADA)


def test_what_cannot_be_proposed(ledger: Ledger) -> None:
    with pytest.raises(InvalidInputError):
        ledger.erasures.propose([A], legal_basis=" ", principal=ADA)
    with pytest.raises(InvalidInputError):
        ledger.erasures.propose([], legal_basis=BASIS, principal=ADA)
    with pytest.raises(NotFoundError):
        ledger.erasures.approve(DESCRIBED, principal=BOB)
    ledger.erasures.erase(asked(A, parts=ALL))
    with pytest.raises(PreconditionError, match="nothing left"):
        ledger.erasures.propose([DESCRIBED], legal_basis=BASIS, principal=ADA)


def test_one_who_sees_proposals_for_the_first_time_has_one_pseudonym(ledger: Ledger) -> None:
    """The approver is named in the record and speaks in the envelope: under one pseudonym."""
    at = propose(ledger)
    answer = ledger.erasures.approve(at, principal=BOB)
    assert answer.position is not None
    stating = entry_at(ledger, answer.position)
    record = stating.records[0] if stating.records else None
    assert isinstance(record, dict)
    assert record["approver"] == stating.actor
