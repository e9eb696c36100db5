"""Erasures that take two: one privacy officer proposes what another one approves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lineage.folding import decode_entry
from lineage.projections.erasures import PROPOSAL
from lineage.projections.governance import read_governance
from lineage.projections.statements import ACTOR
from lineage.rules.restraints import are_two_people
from lineage.stores.base import Reader
from lineage.writing.governing import namespace_number
from lineage_schemas.codec import decode_envelope
from lineage_schemas.erasures import ProposalView
from lineage_schemas.errors import ForbiddenError, NotFoundError, PreconditionError
from lineage_schemas.governance import Erasure, ErasureProposal


class Proposed(NamedTuple):
    """A proposal, and who stands behind it: a pseudonym, and the name if it is still there."""

    position: int
    record: ErasureProposal
    requester: str
    name: str
    decided_by: int | None


def proposal_at(reader: Reader, namespace: str, position: int) -> Proposed:
    """Return the proposal that an entry states.

    Raises:
        NotFoundError: none is stated there, in this namespace.
    """
    number = namespace_number(reader, namespace)
    for row in reader.find(PROPOSAL, "position", [position]):
        if row[1] == number:
            return _read(reader, number, row[0], row[2])
    raise NotFoundError(
        "This entry proposes no erasure of this namespace", where=f"position {position}"
    )


def check_second(proposed: Proposed, approver: str) -> None:
    """Demand that an open proposal is approved by somebody else.

    Raises:
        PreconditionError: it was decided before, or its proposer's name was erased, so that nobody
            can tell whether these are two people.
        ForbiddenError: one person would do both.
    """
    where = f"position {proposed.position}"
    if proposed.decided_by is not None:
        raise PreconditionError(
            "This proposal was decided before", where=f"by position {proposed.decided_by}"
        )
    if not proposed.name:
        raise PreconditionError(
            "Who proposed this was erased, so nobody can approve it",
            where=where,
            hint="Propose it again.",
        )
    if not are_two_people(proposed.requester, approver):
        raise ForbiddenError(
            "Whoever proposes an erasure cannot approve it",
            where=where,
            hint="Another privacy officer can.",
        )


def carried_out_by(reader: Reader, proposed: Proposed, approver: str) -> Erasure | None:
    """Return the erasure by which this very approver has carried a proposal out, if they have."""
    if proposed.decided_by is None:
        return None
    stored = reader.entries(proposed.decided_by, 1)[0]
    records = decode_entry(stored).records or ()
    return next(
        (one for one in records if isinstance(one, Erasure) and one.approver == approver), None
    )


def view_proposals(reader: Reader, namespace: str) -> Iterator[ProposalView]:
    """Yield every proposal of a namespace, by position."""
    number = namespace_number(reader, namespace)
    rows = [] if number is None else reader.find(PROPOSAL, "namespace", [number])
    for position, _, decided_by in sorted(rows):
        found = _read(reader, number, position, decided_by)
        yield ProposalView(
            position=position,
            requester=found.name or found.requester,
            positions=found.record.positions,
            parts=found.record.parts,
            legal_basis=found.record.legal_basis,
            reason=found.record.reason,
            decided_by=decided_by,
        )


def _read(reader: Reader, number: int | None, position: int, decided_by: int | None) -> Proposed:
    stored = reader.entries(position, 1)[0]
    requester = decode_envelope(stored.envelope).actor
    actors = reader.find(ACTOR, "namespace", [number])
    name = next((str(row[4]) for row in actors if row[1] == requester), "")
    record = read_governance(stored, ErasureProposal)
    return Proposed(position, record, requester, name, decided_by)
