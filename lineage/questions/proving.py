"""Prove what is in the log: which entries an identifier rests on, and the proof of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.projections.edges import EDGE
from lineage.projections.erasures import REDACTED
from lineage.projections.links import LINK
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.nodes import NODE
from lineage.projections.statements import SERIES
from lineage.projections.states import STATE, STATE_PAST
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.proof_files import format_proof
from lineage.questions.nodes import find_identified
from lineage.stores.base import Reader
from lineage.stores.tables import Table
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import PayloadPart
from lineage_schemas.errors import LimitExceededError, NotFoundError
from lineage_schemas.mlmd import Kind

PROOFS_MAX: Final = 1_000
"""Entries that one call proves."""

_MENTIONS: Final[tuple[tuple[Table, str, str], ...]] = (
    (NODE, "vertex", "since"),
    (STATE, "vertex", "since"),
    (STATE_PAST, "vertex", "since"),
    (EDGE, "tail", "since"),
    (EDGE, "head", "since"),
    (MEMBERSHIP, "member", "since"),
    (LINK, "vertex", "since"),
    (SERIES, "execution", "position"),
    (REDACTED, "vertex", "since"),
)
"""Which rows say, of a vertex in which column, at which position an entry made them."""


class Shown(NamedTuple):
    """Which payload parts a proof shows beside the envelope."""

    facts: bool
    personal: bool


SHOW_FACTS: Final = Shown(facts=True, personal=False)


class ProofQuery(Struct, frozen=True, kw_only=True):
    """What to prove: the entry at a position, or those behind an identifier (of one ``kind``).

    ``recipient`` is who gets the payload parts that are ``shown`` (left out: who asks), and
    ``purpose`` what for; the log keeps both.
    """

    target: int | str
    kind: Kind | None = None
    shown: Shown = SHOW_FACTS
    recipient: str = ""
    purpose: str = ""


class ProofText(NamedTuple):
    """The proof of one entry, and how many of the wanted parts it cannot show any more."""

    body: bytes
    shows: Shown
    left_out: int


def entries_behind(
    reader: Reader, namespace: int | None, identifier: str, kinds: Iterable[Kind], size: int
) -> tuple[int, ...]:
    """Return the entries that what is shown of a node rests on, as of a size, in order.

    Those that named it first, described it, joined it to others, claimed for it or measured it;
    not those that only said again what was known.

    Raises:
        NotFoundError: the log has not heard of the identifier.
        LimitExceededError: more than ``PROOFS_MAX`` entries.
    """
    vertices: list[int] = []
    if namespace is not None:
        vertices = find_identified(reader, namespace, identifier, kinds, size)
    if not vertices:
        raise NotFoundError("The log has no node of this identifier", where=identifier[:128])
    positions = {
        row[table.column(since)]
        for table, column, since in _MENTIONS
        for row in reader.find(table, column, vertices)
        if row[table.column(since)] < size
    }
    if len(positions) > PROOFS_MAX:
        raise LimitExceededError(
            f"{len(positions)} entries speak of this node, and {PROOFS_MAX} can be proved at once "
            "(PROOFS_MAX)",
            where=identifier[:128],
            hint="Prove the entries you need by their positions; `lineage query` lists them.",
        )
    return tuple(sorted(positions))


def namespace_of_entry(reader: Reader, position: int, size: int) -> str:
    """Return the namespace of an entry below a size.

    Raises:
        NotFoundError: there is no such entry.
    """
    if not 0 <= position < size:
        raise NotFoundError(f"The checkpoint covers {size} entries", where=f"position {position}")
    return decode_envelope(reader.envelopes(position, 1)[0]).namespace


def prove_entries(
    reader: Reader, positions: Sequence[int], note: bytes, size: int, wanted: Shown
) -> list[ProofText]:
    """Return the proof of each entry in the tree of a checkpoint."""
    return [_prove(reader, position, note, size, wanted) for position in positions]


def _prove(reader: Reader, position: int, note: bytes, size: int, wanted: Shown) -> ProofText:
    stored = reader.entries(position, 1)[0]
    commitments = decode_envelope(stored.envelope).commitments
    facts = stored.facts if wanted.facts else None
    personal = stored.personal if wanted.personal else None
    hashes = inclusion_proof(position, size, reader.hashes)
    body = format_proof(
        position, hashes, note, envelope=stored.envelope, facts=facts, personal=personal
    )
    missing = [
        _is_missing(is_wanted, part, promised)
        for is_wanted, part, promised in (
            (wanted.facts, facts, commitments.facts),
            (wanted.personal, personal, commitments.personal),
        )
    ]
    return ProofText(body, Shown(facts is not None, personal is not None), sum(missing))


def _is_missing(is_wanted: bool, part: PayloadPart | None, promised: str | None) -> bool:  # noqa: FBT001 - read aloud in order
    return is_wanted and part is None and promised is not None
