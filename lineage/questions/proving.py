"""Prove what is in the log: which entries an identifier rests on, and the proof of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.proof_files import format_proof
from lineage.questions.labels import clean_name, resolve_name
from lineage.questions.mentions import RESTED_ON, positions_in
from lineage.questions.nodes import find_identified
from lineage.stores.base import Reader
from lineage.writing.governing import namespace_number
from lineage_schemas.codec import decode_envelope
from lineage_schemas.errors import LimitExceededError, NotFoundError
from lineage_schemas.governance import Disclosure
from lineage_schemas.integrity import ProofAnswer
from lineage_schemas.mlmd import Kind

PROOFS_MAX: Final = 1_000
"""Entries that one call proves."""


class Shown(NamedTuple):
    """Which payload parts a proof shows beside the envelope."""

    facts: bool
    personal: bool


SHOW_FACTS: Final = Shown(facts=True, personal=False)


class ProofQuery(Struct, frozen=True, kw_only=True):
    """What to prove: the entry at a position, or those behind a name (of one ``kind``).

    ``recipient`` is who gets the payload parts that are ``shown`` (left out: who asks), and
    ``purpose`` what for; the log keeps both.
    """

    target: int | str
    kind: Kind | None = None
    shown: Shown = SHOW_FACTS
    recipient: str = ""
    purpose: str = ""


class ProofText(NamedTuple):
    """The proof of one entry, what it shows, and how many wanted parts it cannot show any more."""

    position: int
    body: bytes
    shows: Shown
    left_out: int


class SignedSize(NamedTuple):
    """The checkpoint that proofs lead to: its size, and its signed note."""

    size: int
    note: bytes


def prove(reader: Reader, namespace: str, query: ProofQuery, signed: SignedSize) -> list[ProofText]:
    """Return the proof of each entry that a query means, in order.

    Raises:
        NotFoundError: the namespace has no such entry below that size, or no such node.
        LimitExceededError: more than ``PROOFS_MAX`` entries.
    """
    if isinstance(query.target, int):
        _check_entry(reader, namespace, query.target, signed.size)
        positions: Sequence[int] = (query.target,)
    else:
        positions = _entries_behind(reader, namespace, query, signed.size)
    return [_prove(reader, position, signed, query.shown) for position in positions]


def disclosures(proofs: Sequence[ProofText], query: ProofQuery, asked_by: str) -> list[Disclosure]:
    """Return what the log must state before these proofs are handed out: who gets a copy of what.

    One record for each set of parts, so that nobody is said to have what was not shown.
    """
    by_parts: dict[Shown, list[int]] = {}
    for proof in proofs:
        if any(proof.shows):
            by_parts.setdefault(proof.shows, []).append(proof.position)
    return [
        Disclosure(
            positions=tuple(positions),
            facts=shows.facts,
            personal=shows.personal,
            form="proof",
            purpose=query.purpose,
            recipient=query.recipient or asked_by,
        )
        for shows, positions in by_parts.items()
    ]


def proof_answer(
    proofs: Sequence[ProofText], signed: SignedSize, disclosure: int | None
) -> ProofAnswer:
    """Return what whoever asked is given."""
    return ProofAnswer(
        positions=tuple(one.position for one in proofs),
        size=signed.size,
        proofs=b"".join(one.body for one in proofs).decode(),
        left_out=sum(one.left_out for one in proofs),
        disclosure=disclosure,
    )


def _entries_behind(
    reader: Reader, namespace: str, query: ProofQuery, size: int
) -> tuple[int, ...]:
    """Return the entries that what is shown of a node rests on, as of a size, in order.

    Those that named it first, described it, joined it to others, claimed for it or measured it;
    not those that only said again what was known.
    """
    kinds = tuple(Kind) if query.kind is None else (query.kind,)
    number = namespace_number(reader, namespace, size)
    identifier, _ = resolve_name(reader, number, clean_name(str(query.target)), kinds, size)
    vertices = [] if number is None else find_identified(reader, number, identifier, kinds, size)
    if not vertices:
        raise NotFoundError("The log has no node of this identifier", where=identifier[:128])
    positions = positions_in(reader, RESTED_ON, vertices, size)
    if len(positions) > PROOFS_MAX:
        raise LimitExceededError(
            f"{len(positions)} entries speak of this node, and {PROOFS_MAX} can be proved at once "
            "(PROOFS_MAX)",
            where=identifier[:128],
            hint="Prove the entries you need by their positions; a query of entries lists them.",
        )
    return tuple(sorted(positions))


def _check_entry(reader: Reader, namespace: str, position: int, size: int) -> None:
    """Refuse a position that the checkpoint does not cover, or that is of another namespace."""
    if not 0 <= position < size:
        raise NotFoundError(
            f"The checkpoint covers {size} entries, at positions 0 to {size - 1}",
            where=f"position {position}",
        )
    bodies = reader.envelopes(position, 1)
    if not bodies or decode_envelope(bodies[0]).namespace != namespace:
        raise NotFoundError(
            "This namespace has no such entry",
            where=f"position {position}",
            hint="Ask in the namespace it is of.",
        )


def _prove(reader: Reader, position: int, signed: SignedSize, wanted: Shown) -> ProofText:
    stored = reader.entries(position, 1)[0]
    commitments = decode_envelope(stored.envelope).commitments
    facts = stored.facts if wanted.facts else None
    personal = stored.personal if wanted.personal else None
    hashes = inclusion_proof(position, signed.size, reader.hashes)
    body = format_proof(
        position, hashes, signed.note, envelope=stored.envelope, facts=facts, personal=personal
    )
    gone = [
        wanted.facts and facts is None and commitments.facts is not None,
        wanted.personal and personal is None and commitments.personal is not None,
    ]
    return ProofText(position, body, Shown(facts is not None, personal is not None), sum(gone))
