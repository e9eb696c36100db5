"""An erasure among people who sign in takes two: one proposes, another approves."""

import pytest

from accounting import access_log
from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import ALL, DESCRIBED, OWNED, PERSONAL, A, asked, entry_at, said
from lineage.ledger import Ledger, Principal, Role
from lineage.service import Ledger as Service
from lineage.stores.base import Store
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
    size = ledger.head().size
    for who in (ADA, EVE):
        with pytest.raises(PreconditionError, match="decided before"):
            ledger.erasures.approve(at, principal=who)
    assert ledger.head().size == size


def test_whoever_approved_and_asks_again_gets_the_same_answer(ledger: Ledger) -> None:
    at = propose(ledger)
    answer = ledger.erasures.approve(at, principal=BOB)
    size = ledger.head().size
    assert ledger.erasures.approve(at, principal=BOB) == answer
    assert ledger.head().size == size


def test_a_refusal_is_not_asked_for_again(ledger: Ledger) -> None:
    at = propose(ledger)
    ledger.erasures.hold(A, authority="Court of Ghent", principal=ADA)
    assert ledger.erasures.approve(at, principal=BOB).refused
    with pytest.raises(PreconditionError, match="decided before"):
        ledger.erasures.approve(at, principal=BOB)


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
