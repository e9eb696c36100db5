"""Erasures that take two: one privacy officer proposes what another one approves, or refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from lineage.erasure.erasing import Plan
from lineage.projections.erasures import ERASED, PROPOSAL
from lineage.projections.governance import read_governance
from lineage.projections.statements import ACTOR
from lineage.rules.restraints import are_two_people
from lineage.stores.base import Reader
from lineage.writing.governing import namespace_number
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import EraseItem
from lineage_schemas.erasures import ProposalState, ProposalView
from lineage_schemas.errors import (
    ForbiddenError,
    LimitExceededError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.governance import Erasure, ErasureProposal, ErasureRefusal, PartsErased
from lineage_schemas.instants import format_instant
from lineage_schemas.limits import ERASURE_POSITIONS_MAX

PROPOSAL_DAYS: Final = 30
"""For how long a proposal can be approved: what it says was judged when it was made."""

_DAY_US: Final = 24 * 60 * 60 * 1_000_000


class Decision(NamedTuple):
    """What became of a proposal, by the entry that states it."""

    position: int
    record: Erasure | ErasureRefusal

    @property
    def is_refusal_of(self) -> str:
        """The pseudonym of whoever refused it; empty where a hold did, or it was erased."""
        record = self.record
        is_theirs = isinstance(record, ErasureRefusal) and not record.because
        return record.approver if is_theirs else ""

    @property
    def is_approval_of(self) -> str:
        """The pseudonym of whoever approved it, also where a hold forbade it; else empty."""
        return "" if self.is_refusal_of else self.record.approver


class Proposed(NamedTuple):
    """A proposal, and who stands behind it: a pseudonym, and the name if it is still there."""

    position: int
    record: ErasureProposal
    requester: str
    name: str
    proposed_us: int
    decision: Decision | None

    @property
    def expires_us(self) -> int:
        """Until when it can be approved."""
        return self.proposed_us + PROPOSAL_DAYS * _DAY_US


def check_proposable(plan: Plan) -> None:
    """Refuse to propose nothing, or more than one record can name.

    Raises:
        PreconditionError: there is nothing left to erase.
        LimitExceededError: more than ``ERASURE_POSITIONS_MAX`` entries.
    """
    if not plan.candidates:
        raise PreconditionError("There is nothing left to erase")
    if len(plan.positions) > ERASURE_POSITIONS_MAX:
        raise LimitExceededError(
            f"A proposal of {len(plan.positions)} entries is over the limit of "
            f"{ERASURE_POSITIONS_MAX} (ERASURE_POSITIONS_MAX)",
            hint="Propose by positions, several times.",
        )


def proposal_at(reader: Reader, namespace: str, position: int) -> Proposed:
    """Return the proposal that an entry states.

    Raises:
        NotFoundError: none is stated there, in this namespace.
    """
    number = namespace_number(reader, namespace)
    for row in reader.find(PROPOSAL, "position", [position]):
        if number is not None and row[1] == number:
            return _read(reader, _names(reader, number), row[0], row[2])
    raise NotFoundError(
        "This entry proposes no erasure of this namespace",
        where=f"position {position}",
        hint="`lineage erasure list` names those that are proposed.",
    )


def same_proposal(
    reader: Reader, namespace: str, requester: str, record: ErasureProposal, now_us: int
) -> int | None:
    """Return where somebody has proposed the very same, and nobody has decided it; else ``None``.

    A client that never saw its answer asks again.
    """
    number = namespace_number(reader, namespace)
    if number is None:
        return None
    for position, decided_by in sorted(_rows(reader, number), reverse=True):
        if decided_by is not None:
            continue
        found = _read(reader, {}, position, None)
        if found.expires_us <= now_us:
            # Recorded time never runs backwards, so all before it have expired too.
            return None
        if (found.requester, found.record) == (requester, record):
            return position
    return None


def check_second(proposed: Proposed, approver: str, now_us: int, *, is_local: bool = False) -> None:
    """Demand that an open proposal is approved by somebody else, and in time.

    ``is_local``: it is the local principal who approves, in whose name many people may act.

    Raises:
        PreconditionError: it was decided before, has expired, or its proposer's name was erased, so
            that nobody can tell whether these are two people.
        ForbiddenError: one person would do both.
    """
    where = f"position {proposed.position}"
    check_undecided(proposed)
    if not proposed.name:
        raise PreconditionError(
            "Who proposed this was erased, so nobody can approve it",
            where=where,
            hint="Propose it again.",
        )
    if not are_two_people(proposed.requester, approver):
        local = "Whoever does not sign in is one person to the log: sign in as another privacy "
        local += "officer, or let `lineage redact` state who asked and who approved."
        raise ForbiddenError(
            "Whoever proposes an erasure cannot approve it",
            where=where,
            hint=local if is_local else "Another privacy officer can.",
        )
    if proposed.expires_us <= now_us:
        raise PreconditionError(
            f"This proposal expired at {format_instant(proposed.expires_us)}",
            where=where,
            hint="Propose it again.",
        )


def check_undecided(proposed: Proposed) -> None:
    """Refuse to decide what was decided.

    Raises:
        PreconditionError: and names the entry that decided it.
    """
    if proposed.decision is None:
        return
    what = "refused" if isinstance(proposed.decision.record, ErasureRefusal) else "carried out"
    raise PreconditionError(
        f"This proposal was decided before: it was {what}",
        where=f"by position {proposed.decision.position}",
        hint="Propose it again, if something of it is left.",
    )


def view_proposal(reader: Reader, namespace: str, position: int, now_us: int) -> ProposalView:
    """Return the proposal that an entry states, and what became of it.

    Raises:
        NotFoundError: as ``proposal_at``.
    """
    number = namespace_number(reader, namespace)
    names = {} if number is None else _names(reader, number)
    return _view(reader, proposal_at(reader, namespace, position), names, now_us)


def view_proposals(
    reader: Reader, namespace: str, now_us: int, start: int = 0, *, undecided: bool = False
) -> Iterator[ProposalView]:
    """Yield every proposal of a namespace from a position on, by position."""
    number = namespace_number(reader, namespace)
    if number is None:
        return
    names = _names(reader, number)
    for position, decided_by in sorted(_rows(reader, number)):
        if position >= start and not (undecided and decided_by is not None):
            yield _view(reader, _read(reader, names, position, decided_by), names, now_us)


def _rows(reader: Reader, number: int) -> list[tuple[int, int | None]]:
    return [(row[0], row[2]) for row in reader.find(PROPOSAL, "namespace", [number])]


def _names(reader: Reader, number: int) -> dict[str, str]:
    return {str(row[1]): str(row[4] or "") for row in reader.find(ACTOR, "namespace", [number])}


def _view(reader: Reader, proposed: Proposed, names: dict[str, str], now_us: int) -> ProposalView:
    record, decision = proposed.record, proposed.decision
    decided = None if decision is None else decision.record
    return ProposalView(
        position=proposed.position,
        state=_state(reader, proposed, now_us),
        requester=proposed.name or proposed.requester,
        positions=record.positions,
        parts=record.parts,
        legal_basis=record.legal_basis,
        reason=record.reason,
        proposed_at=format_instant(proposed.proposed_us),
        expires=format_instant(proposed.expires_us),
        decided_by=None if decision is None else decision.position,
        decider="" if decided is None else names.get(decided.approver) or decided.approver,
        because=decided.because if isinstance(decided, ErasureRefusal) else (),
        refusal="" if decision is None or not decision.is_refusal_of else decision.record.reason,
    )


def _state(reader: Reader, proposed: Proposed, now_us: int) -> ProposalState:
    if proposed.decision is not None:
        is_refused = isinstance(proposed.decision.record, ErasureRefusal)
        return ProposalState.REFUSED if is_refused else ProposalState.ERASED
    if _is_gone(reader, proposed.record):
        return ProposalState.GONE
    return ProposalState.EXPIRED if proposed.expires_us <= now_us else ProposalState.OPEN


def _is_gone(reader: Reader, record: ErasureProposal) -> bool:
    gone = {
        position
        for position, _, parts in reader.find(ERASED, "position", record.positions)
        if record.parts is PartsErased.PERSONAL or parts == PartsErased.ALL
    }
    return gone.issuperset(record.positions)


def _read(reader: Reader, names: dict[str, str], position: int, decided_by: int | None) -> Proposed:
    stored = reader.entries(position, 1)[0]
    envelope = decode_envelope(stored.envelope)
    return Proposed(
        position,
        read_governance(stored, ErasureProposal),
        envelope.actor,
        names.get(envelope.actor, ""),
        envelope.recorded_us,
        None if decided_by is None else _decision(reader, decided_by),
    )


def _decision(reader: Reader, position: int) -> Decision:
    stored = reader.entries(position, 1)[0]
    erases = any(isinstance(one, EraseItem) for one in decode_envelope(stored.envelope).structure)
    if erases:
        return Decision(position, read_governance(stored, Erasure))
    return Decision(position, read_governance(stored, ErasureRefusal))
