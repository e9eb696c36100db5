"""Ask which nodes an entry is about.

By envelopes alone: the answer stays the same whatever was erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lineage.stores.base import READ_ENTRIES_MAX, Reader
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import (
    EdgeItem,
    Envelope,
    Item,
    KeyItem,
    LinkItem,
    MemberItem,
    NodeItem,
    SeriesItem,
    UnlinkItem,
)
from lineage_schemas.mlmd import Kind


def vertices_in(structure: Sequence[Item], namespace: int) -> set[int]:
    """Return every node that an entry's structure names."""
    return {
        vertex_of(namespace, KIND_CODES[kind], assigned)
        for item in structure
        for kind, assigned in _named_in(item)
    }


def find_subjects(
    reader: Reader, entries: Mapping[int, Envelope], namespaces: Mapping[str, int]
) -> dict[int, set[int]]:
    """Return the nodes that each entry is about; of a message, those of the statements made of it.

    ``namespaces`` has the number of every namespace that these entries are of.
    """
    about = {
        position: vertices_in(envelope.structure, namespaces[envelope.namespace])
        for position, envelope in entries.items()
    }
    messages = {position for position, vertices in about.items() if not vertices}
    if messages:
        # Statements stand behind the message they are made of.
        for _, envelope in scan_envelopes(reader, min(messages)):
            message = envelope.message
            if message in messages and entries[message].namespace == envelope.namespace:
                about[message] |= vertices_in(envelope.structure, namespaces[envelope.namespace])
    return about


def scan_envelopes(reader: Reader, first: int = 0) -> Iterator[tuple[int, Envelope]]:
    """Yield every envelope from a position on, with where it stands."""
    size = reader.head().size
    for start in range(first, size, READ_ENTRIES_MAX):
        bodies = reader.envelopes(start, min(READ_ENTRIES_MAX, size - start))
        yield from enumerate(map(decode_envelope, bodies), start)


def _named_in(item: Item) -> Iterator[tuple[Kind, int]]:
    match item:
        case NodeItem() | LinkItem() | UnlinkItem() | KeyItem():
            yield item.kind, item.id
        case EdgeItem():
            yield Kind.ARTIFACT, item.artifact
            yield Kind.EXECUTION, item.execution
        case MemberItem():
            yield Kind.CONTEXT, item.context
            yield item.kind, item.member
        case SeriesItem():
            yield Kind.EXECUTION, item.execution
        case _:
            return
