"""The process's graph index: edges and links of each namespace, brought up to date before answers.

It is made from the views and can always be made from them again. Where it would take more memory
than it may, the same questions are asked of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Final, NamedTuple

from lineage.graph.adjacency import EdgePiece, EdgeSource, piece_of
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.link_index import (
    IndexedLinks,
    LinkPiece,
    link_piece,
    pack_links,
)
from lineage.graph.links import LinkIndex, scan_links
from lineage.graph.packing import pack_edges
from lineage.graph.stored_edges import StoredEdges
from lineage.projections.edges import EDGE
from lineage.projections.views import read_bookmark
from lineage.stores.base import READ_ENTRIES_MAX, Reader
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import EdgeItem
from lineage_schemas.mlmd import Kind

MEMORY_BYTES_DEFAULT: Final = 2 << 30
"""How much memory the arrays of one process may take."""
READ_ANEW_ENTRIES: Final = 200_000
"""So far behind, an index is read again whole rather than brought up entry by entry."""

_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]
_ROWS_PER_READ: Final = 10_000
_EXECUTIONS_PER_READ: Final = 10_000
_BYTES_PER_EDGE: Final = 40
_BYTES_PER_LINK: Final = 40

BuildProgress = Callable[[int, int], None]
"""Called with (edges read so far, about how many there are) while an index is read."""


class GraphSnapshot(NamedTuple):
    """What a walk needs, as of at least the size that was asked for."""

    adjacency: EdgeSource
    links: LinkIndex


class GraphArrays(NamedTuple):
    """One namespace in memory, as of one size and turn."""

    turn: int
    edges: EdgeIndex
    links: IndexedLinks

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays take."""
        return self.edges.packed.nbytes + self.links.packed.nbytes


class _Place:
    """One namespace's place in the index."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.kept: GraphArrays | None = None
        self.too_large: tuple[int, int] | None = None
        """(turn, size) at which it was found to be more than may be."""


class GraphIndex:
    """Keeps one snapshot a namespace. Safe to use from many threads."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES_DEFAULT) -> None:
        """Keep up to ``memory_bytes`` of arrays; with 0 every question is asked of the store."""
        self._lock = Lock()
        self._places: dict[int, _Place] = {}
        self._memory_bytes = memory_bytes

    def snapshot(self, reader: Reader, namespace: int | None) -> GraphSnapshot:
        """Return the graph as the reader's snapshot of the store has it, or newer.

        Of a namespace that is not there (``None``) it is empty.
        """
        if namespace is None:
            return GraphSnapshot(EdgeIndex.empty(), LinkIndex.empty())
        arrays = self._arrays(reader, namespace)
        if arrays is None:
            return stored_graph(reader, namespace)
        return GraphSnapshot(arrays.edges, LinkIndex.of(reader, arrays.links))

    def _arrays(self, reader: Reader, namespace: int) -> GraphArrays | None:
        if self._memory_bytes == 0:
            return None
        size, turn = read_bookmark(reader)[1:]
        with self._lock:
            place = self._places.setdefault(namespace, _Place())
        with place.lock:
            kept = place.kept
            if kept is not None and turn < kept.turn:
                # A snapshot from before an erasure is answered from, but never remembered.
                return None
            if kept is not None and turn > kept.turn:
                # The views were folded anew: what was erased must be forgotten here too.
                kept = place.kept = None
            if place.too_large is not None and place.too_large[0] == turn:
                return None
            if kept is None or size - kept.edges.size > READ_ANEW_ENTRIES:
                kept = self._built(reader, namespace, (turn, size))
            elif kept.edges.size < size:
                kept = GraphArrays(
                    turn,
                    kept.edges.extended(
                        edges_since(reader, namespace, kept.edges.size, size), size
                    ),
                    kept.links.extended(reader, size),
                )
            place.kept = kept
            place.too_large = (turn, size) if kept is None else None
            return kept

    def _room(self, namespace: int) -> int:
        """Return how many bytes the arrays of a namespace may take beside all others."""
        with self._lock:
            others = [place.kept for number, place in self._places.items() if number != namespace]
        return self._memory_bytes - sum(kept.nbytes for kept in others if kept is not None)

    def _built(self, reader: Reader, namespace: int, basis: tuple[int, int]) -> GraphArrays | None:
        """Read a namespace from the views; ``None``: it takes more memory than it may."""
        turn, size = basis
        return read_graph(reader, namespace, turn, size, self._room(namespace))


def stored_graph(reader: Reader, namespace: int) -> GraphSnapshot:
    """Return the graph as it is found in a store, one frontier at a time."""
    size = read_bookmark(reader).size
    return GraphSnapshot(StoredEdges(reader, namespace, size), LinkIndex.stored(reader, namespace))


def read_graph(
    reader: Reader, namespace: int, turn: int, size: int, bytes_max: int
) -> GraphArrays | None:
    """Read a namespace from the views, piece by piece; ``None``: it would take too much memory."""
    pieces: list[EdgePiece] = []
    link_pieces: list[LinkPiece] = []
    taken = 0
    for rows in _edge_pages(reader, namespace):
        pieces.append(piece_of(rows))
        taken += len(rows) * _BYTES_PER_EDGE
        if taken > bytes_max:
            return None
    for links in _link_pages(reader, namespace):
        link_pieces.append(links)
        taken += len(links.vertex) * _BYTES_PER_LINK
        if taken > bytes_max:
            return None
    edges = pack_edges(pieces, size)
    packed_links = pack_links(namespace, link_pieces, size)
    if edges.nbytes + packed_links.nbytes > bytes_max:
        return None
    return GraphArrays(turn, EdgeIndex.of(edges, size), IndexedLinks.of(packed_links, size))


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
    waiting = []
    for row in scan_links(reader, namespace):
        waiting.append(row)
        if len(waiting) == _ROWS_PER_READ:
            yield link_piece(waiting)
            waiting = []
    yield link_piece(waiting)


def edges_since(reader: Reader, namespace: int, since: int, size: int) -> list[Row]:
    """Return the rows of edges that began or were closed at ``since`` or later.

    Which executions they are at is read off the log, so that edges need no index by position.
    """
    executions: set[int] = set()
    for start in range(since, size, READ_ENTRIES_MAX):
        for envelope in reader.envelopes(start, min(READ_ENTRIES_MAX, size - start)):
            executions.update(
                vertex_of(namespace, _EXECUTION, item.execution)
                for item in decode_envelope(envelope).structure
                if isinstance(item, EdgeItem)
            )
    changed: list[Row] = []
    wanted = sorted(executions)
    for first in range(0, len(wanted), _EXECUTIONS_PER_READ):
        some = wanted[first : first + _EXECUTIONS_PER_READ]
        for end in ("tail", "head"):
            changed += [
                row
                for row in reader.find(EDGE, end, some)
                if row[3] >= since or (row[4] is not None and row[4] >= since)
            ]
    return changed
