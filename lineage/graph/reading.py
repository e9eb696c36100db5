"""Read the graph of one namespace from the views: whole, or what changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from lineage.graph.adjacency import EdgePiece, piece_of
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.keeping import Packed
from lineage.graph.link_index import (
    IndexedLinks,
    LinkChanges,
    LinkPiece,
    link_changes,
    link_piece,
    pack_links,
)
from lineage.graph.links import scan_links
from lineage.graph.packing import pack_edges, packed_bytes
from lineage.projections.catalog import COUNTER, NAMESPACE
from lineage.projections.edges import EDGE, EdgeEnds
from lineage.projections.links import LinkRow
from lineage.stores.base import READ_ENTRIES_MAX, Reader
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.codec import decode_envelope, decode_namespace
from lineage_schemas.entry import EdgeItem
from lineage_schemas.mlmd import INPUT_KINDS, Kind

_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]
_ROWS_PER_READ: Final = 10_000
_ENDS_PER_READ: Final = 10_000
_BYTES_PER_LINK: Final = 40

BuildProgress = Callable[[int, int], None]
"""Called with (edges read so far, about how many there are) while a graph is read, and with two
equal numbers when it was."""

Fits = Callable[[int], bool]
"""Tells whether a graph may take so many bytes."""


class GraphChanges(NamedTuple):
    """What changed of a namespace, up to ``size``: rows of ``EDGE``, and links."""

    size: int
    edges: list[Row]
    links: LinkChanges


class GraphArrays(NamedTuple):
    """One namespace in memory, as of one size and turn."""

    turn: int
    edges: EdgeIndex
    links: IndexedLinks

    @classmethod
    def of(cls, turn: int, packed: Packed) -> GraphArrays:
        """Return what is packed."""
        return cls(turn, EdgeIndex.of(packed.edges), IndexedLinks.of(packed.links))

    @property
    def nbytes(self) -> int:
        """How many bytes it takes, about; whoever asks is the only one to extend it."""
        return self.edges.nbytes + self.links.nbytes

    def packed(self) -> Packed:
        """Return the same with what was added since it was packed."""
        return Packed(self.edges.repacked().packed, self.links.repacked().packed)

    def extended(self, changes: GraphChanges) -> GraphArrays:
        """Return the graph with what changed since; where that fails, this one is of no more use.

        Raises:
            StoreError: an edge was closed that is not here.
        """
        size = changes.size
        edges = self.edges.extended(changes.edges, size)
        return GraphArrays(self.turn, edges, self.links.extended(changes.links, size))


def read_graph(
    reader: Reader,
    namespace: int,
    turn: int,
    size: int,
    fits: Fits = lambda _: True,
    progress: BuildProgress | None = None,
) -> GraphArrays | None:
    """Read a namespace from the views, piece by piece; ``None``: it would take too much memory."""
    pieces: list[EdgePiece] = []
    link_pieces: list[LinkPiece] = []
    read = rows_max = link_bytes = 0
    most = _edges_about(reader, namespace) if progress is not None else 0
    for rows in _edge_pages(reader, namespace):
        piece = piece_of(rows)
        pieces.append(piece)
        read += len(rows)
        rows_max = max(rows_max, int(piece.tail.max()) + 1, int(piece.head.max()) + 1)
        if not fits(packed_bytes(read, rows_max)):
            return None
        if progress is not None:
            progress(read, max(read + 1, most))
    for links in _link_pages(reader, namespace):
        link_pieces.append(links)
        link_bytes += len(links.vertex) * _BYTES_PER_LINK
        if not fits(packed_bytes(read, rows_max) + link_bytes):
            return None
    packed = Packed(pack_edges(pieces, size), pack_links(namespace, link_pieces, size))
    if progress is not None:
        progress(read, read)
    if not fits(packed.nbytes):
        return None
    edges = EdgeIndex.of(packed.edges, size)
    return GraphArrays(turn, edges, IndexedLinks.of(packed.links, size))


def read_changes(reader: Reader, namespace: int, since: int, size: int) -> GraphChanges:
    """Read what changed of a namespace since a size, up to ``size``."""
    edges = edges_since(reader, namespace, since, size)
    return GraphChanges(size, edges, link_changes(reader, namespace, since))


def _edges_about(reader: Reader, namespace: int) -> int:
    """Return about how many edges a namespace has: more than one an execution is usual."""
    rows = reader.find(COUNTER, "namespace", [namespace])
    return sum(last for _, code, last in rows if code in {_ARTIFACT, _EXECUTION})


def _edge_pages(reader: Reader, namespace: int) -> Iterator[list[Row]]:
    """Yield the rows of the edges of a namespace, page by page."""
    end = vertex_of(namespace + 1, 0, 0)
    after: Row = (vertex_of(namespace, _ARTIFACT, 0), 0, "", 0)
    while page := reader.scan(EDGE, after, _ROWS_PER_READ):
        after = EDGE.key_of(page[-1])
        if page[-1][0] >= end:
            page = [row for row in page if row[0] < end]
            if page:
                yield page
            return
        yield page


def _link_pages(reader: Reader, namespace: int) -> Iterator[LinkPiece]:
    waiting: list[LinkRow] = []
    for row in scan_links(reader, namespace):
        waiting.append(row)
        if len(waiting) == _ROWS_PER_READ:
            yield link_piece(waiting)
            waiting = []
    yield link_piece(waiting)


def edges_since(reader: Reader, namespace: int, since: int, size: int) -> list[Row]:
    """Return the rows of edges that began or were closed at ``since`` or later.

    Between which ends they are is read off the log, so that edges need no index by position.
    """
    ends = sorted(_ends_since(reader, namespace, since, size))
    changed: list[Row] = []
    for first in range(0, len(ends), _ENDS_PER_READ):
        changed += [
            row
            for row in reader.find_pairs(EDGE, ends[first : first + _ENDS_PER_READ])
            if row[3] >= since or (row[4] is not None and row[4] >= since)
        ]
    return changed


def _ends_since(reader: Reader, namespace: int, since: int, size: int) -> set[EdgeEnds]:
    """Return the tail and head of each Event of a namespace that the log holds since a size."""
    found: set[EdgeEnds] = set()
    names = {row[2] for row in reader.find(NAMESPACE, "number", [namespace])}
    for start in range(since, size, READ_ENTRIES_MAX):
        for envelope in reader.envelopes(start, min(READ_ENTRIES_MAX, size - start)):
            if decode_namespace(envelope) in names:
                found.update(
                    _ends_of(namespace, item)
                    for item in decode_envelope(envelope).structure
                    if isinstance(item, EdgeItem)
                )
    return found


def _ends_of(namespace: int, item: EdgeItem) -> EdgeEnds:
    artifact = vertex_of(namespace, _ARTIFACT, item.artifact)
    execution = vertex_of(namespace, _EXECUTION, item.execution)
    return (artifact, execution) if item.kind in INPUT_KINDS else (execution, artifact)
