"""Find what no view shows of a stated time: what came after something later of the same source.

Of each source the views keep the value that is stated last. What arrives after it and is stated
earlier was so, and is in the log alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from lineage.questions.subjects import vertices_in
from lineage.stores.base import READ_ENTRIES_MAX, Reader
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import NodeItem

SCANNED_MAX: Final = 200_000
"""Entries that one report looks through for what came out of order; the newest of them."""


class Disorder(NamedTuple):
    """Where something stands that no view shows, and how many entries were not looked through."""

    positions: tuple[int, ...]
    unscanned: int


def find_disorder(
    reader: Reader, where: tuple[str, int, int], shown: Collection[int], valid_us: int
) -> Disorder:
    """Return the entries about these nodes that are stated by a moment, and came out of order.

    ``where`` is the namespace, its number, and the size. An entry is out of order where one of the
    same source that describes the same node stands before it and is stated after the moment: it
    may say what was so at the moment, and is hidden by what came to be so later.
    """
    name, namespace, size = where
    first = max(0, size - SCANNED_MAX)
    wanted = frozenset(shown)
    later: set[tuple[int, str]] = set()
    found: list[int] = []
    for start in range(first, size, READ_ENTRIES_MAX):
        bodies = reader.envelopes(start, min(READ_ENTRIES_MAX, size - start))
        for position, body in enumerate(bodies, start):
            envelope = decode_envelope(body)
            stated = envelope.stated.start_us if envelope.stated else None
            if stated is None or envelope.namespace != name:
                continue
            described = [item for item in envelope.structure if isinstance(item, NodeItem)]
            about = vertices_in(described, namespace) & wanted
            if stated > valid_us:
                later.update((vertex, envelope.source) for vertex in about)
            elif any((vertex, envelope.source) in later for vertex in about):
                found.append(position)
    return Disorder(tuple(found), first)
