"""Plan an erasure: which entries hold what is to go, and what else it touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from lineage.folding import erased_parts
from lineage.projections.governance import DISCLOSURE
from lineage.questions.nodes import find_identified
from lineage.questions.subjects import find_subjects, scan_envelopes, vertices_in
from lineage.rules.form import LEDGER_SOURCE
from lineage.stores.base import Reader
from lineage.vertices import namespace_of
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import (
    Envelope,
    LinkItem,
    NodeItem,
    SeriesItem,
    StoredEntry,
    TypeItem,
    UnlinkItem,
)
from lineage_schemas.errors import (
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.governance import PartsErased
from lineage_schemas.limits import ERASED_ENTRIES_MAX
from lineage_schemas.mlmd import Kind

Target = int | str
"""What to erase: the entry at a position, or whatever describes the node of an identifier."""


class Candidate(NamedTuple):
    """An entry that holds something to erase, and the nodes it is about."""

    position: int
    envelope: Envelope
    vertices: frozenset[int]


class Copy(NamedTuple):
    """A copy of parts of an entry that left the ledger, by the entry that states so."""

    entry: int
    stated_at: int
    facts: bool
    personal: bool


def find_candidates(
    reader: Reader, namespace: str, number: int, targets: Sequence[Target], parts: PartsErased
) -> list[Candidate]:
    """Return the entries that the targets mean and that still hold those parts, in order.

    An identifier means every entry that describes its node, by the structure of each envelope, and
    so also those whose values are not shown any more; with them the messages they were made from.

    Raises:
        NotFoundError: a position that is not there or in another namespace; an unknown identifier.
        PreconditionError: an entry that cannot lose those parts.
        LimitExceededError: more than ``ERASED_ENTRIES_MAX`` entries.
    """
    positions = {target for target in targets if isinstance(target, int)}
    vertices = {
        vertex
        for target in targets
        if isinstance(target, str)
        for vertex in _nodes_of(reader, number, target)
    }
    if vertices:
        positions |= _describing(reader, namespace, vertices)
    found = [
        candidate
        for position in sorted(positions)
        if (candidate := _candidate(reader, namespace, position, parts)) is not None
    ]
    if len(found) > ERASED_ENTRIES_MAX:
        raise LimitExceededError(
            f"An erasure of {len(found)} entries is over the limit of {ERASED_ENTRIES_MAX} "
            "(ERASED_ENTRIES_MAX)",
            hint="Name the entries by their positions, in several calls.",
        )
    return _with_vertices(reader, namespace, number, found)


def candidates_at(
    reader: Reader, namespace: str, number: int, positions: Sequence[int]
) -> list[Candidate]:
    """Return the entries at these positions of the namespace, whether they hold anything or not."""
    found = [
        Candidate(position, decode_envelope(reader.envelopes(position, 1)[0]), frozenset())
        for position in positions
    ]
    return _with_vertices(reader, namespace, number, found)


def _with_vertices(
    reader: Reader, namespace: str, number: int, found: Sequence[Candidate]
) -> list[Candidate]:
    about = find_subjects(
        reader, {one.position: one.envelope for one in found}, {namespace: number}
    )
    return [one._replace(vertices=frozenset(about[one.position])) for one in found]


def find_copies(reader: Reader, positions: Sequence[int], parts: PartsErased) -> list[Copy]:
    """Return the copies of these parts that left the ledger: an erasure does not reach them."""
    rows = reader.find(DISCLOSURE, "entry", positions)
    copies = [Copy(row[0], row[1], bool(row[2]), bool(row[3])) for row in rows]
    return sorted(copy for copy in copies if copy.personal or parts is PartsErased.ALL)


_DESCRIBES: Final = (NodeItem, LinkItem, UnlinkItem, SeriesItem)
"""Items whose records hold values of a node, and not only its name as an end of something."""


def _nodes_of(reader: Reader, number: int, identifier: str) -> list[int]:
    found = find_identified(reader, number, identifier, tuple(Kind), reader.head().size)
    if not found:
        raise NotFoundError("The log has no node of this identifier", where=identifier[:128])
    return found


def _describing(reader: Reader, namespace: str, vertices: set[int]) -> set[int]:
    """Return the positions of entries that describe these nodes, and of the messages they cite."""
    number = namespace_of(next(iter(vertices)))
    found: set[int] = set()
    for position, envelope in scan_envelopes(reader):
        if envelope.namespace != namespace:
            continue
        described = [item for item in envelope.structure if isinstance(item, _DESCRIBES)]
        if not vertices.isdisjoint(vertices_in(described, number)):
            found.add(position)
            if envelope.message is not None:
                found.add(envelope.message)
    return found


def _candidate(
    reader: Reader, namespace: str, position: int, parts: PartsErased
) -> Candidate | None:
    """Return the entry, or ``None`` where it has nothing (any more) to erase."""
    stored = reader.entries(position, 1) if position >= 0 else []
    if not stored or stored[0].position != position:
        raise NotFoundError("The log has no such entry", where=f"position {position}")
    envelope = decode_envelope(stored[0].envelope)
    if envelope.namespace != namespace:
        raise NotFoundError(
            "This entry is of another namespace",
            where=f"position {position}",
            hint="Ask in the namespace it is of.",
        )
    if parts is PartsErased.ALL:
        _check_erasable(position, envelope)
    is_there = _holds(stored[0], envelope, parts)
    return Candidate(position, envelope, frozenset()) if is_there else None


def is_erasable(envelope: Envelope) -> bool:
    """Tell whether an entry may lose its facts: not what the ledger says of itself, nor a type."""
    return envelope.source != LEDGER_SOURCE and not any(
        isinstance(item, TypeItem) for item in envelope.structure
    )


def _check_erasable(position: int, envelope: Envelope) -> None:
    if envelope.source == LEDGER_SOURCE:
        raise PreconditionError(
            "The facts of what the ledger states of itself cannot be erased",
            where=f"position {position}",
            hint="Its personal part, such as a name, can: erase that alone.",
        )
    if not is_erasable(envelope):
        raise PreconditionError(
            "This entry puts a type, which others need to be understood",
            where=f"position {position}",
        )


def _holds(stored: StoredEntry, envelope: Envelope, parts: PartsErased) -> bool:
    gone = erased_parts(stored, envelope.commitments)
    if gone is PartsErased.ALL:
        return False
    if parts is PartsErased.ALL:
        return True
    return stored.personal is not None


def check_targets(targets: Sequence[Target]) -> None:
    """Refuse an erasure of nothing."""
    if not targets:
        raise InvalidInputError("Name what to erase: positions, or identifiers of nodes")
