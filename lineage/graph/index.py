"""The process's graph index: edges and links of each namespace, brought up to date before answers.

It is made from the views and can always be made from them again. Where it would take more memory
than it may, the same questions are asked of the store.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lineage.graph.adjacency import EdgePiece, EdgeSource, Ints, piece_of
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.keeping import GraphFile, Packed, decode_graphs, encode_graphs
from lineage.graph.link_index import (
    IndexedLinks,
    LinkPiece,
    link_piece,
    pack_links,
)
from lineage.graph.links import LinkIndex, scan_links
from lineage.graph.packing import pack_edges
from lineage.graph.stored_edges import StoredEdges
from lineage.projections.catalog import COUNTER, NAMESPACE
from lineage.projections.edges import EDGE
from lineage.projections.links import LinkRow
from lineage.projections.views import read_bookmark
from lineage.stores.base import READ_ENTRIES_MAX, Reader
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import EdgeItem
from lineage_schemas.mlmd import Kind

MEMORY_BYTES_DEFAULT: Final = 2 << 30
"""How much memory the arrays of one process may take."""
KEPT_EDGES_MIN: Final = 50_000
"""A graph of fewer edges is read from the views faster than anybody could tell, and not kept."""
KEPT_BEHIND_MAX: Final = 10_000
"""So many entries the file may be behind before it is written again."""
READ_ANEW_ENTRIES: Final = 200_000
"""So far behind, an index is read again whole rather than brought up entry by entry."""

_LOG: Final = logging.getLogger(__name__)
_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]
_ROWS_PER_READ: Final = 10_000
_EXECUTIONS_PER_READ: Final = 10_000
_BYTES_PER_EDGE: Final = 40
_BYTES_PER_LINK: Final = 40

BuildProgress = Callable[[int, int], None]
"""Called with (edges read so far, about how many there are) while a graph is read, and with two
equal numbers when it was."""


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

    def packed(self) -> Packed:
        """Return the same without what was added since it was packed."""
        return Packed(self.edges.repacked().packed, self.links.repacked().packed)

    def extended(self, reader: Reader, namespace: int, size: int) -> GraphArrays:
        """Return the graph as of ``size``, with what changed since from a store."""
        rows = edges_since(reader, namespace, self.edges.size, size)
        edges = self.edges.extended(rows, size)
        return GraphArrays(self.turn, edges, self.links.extended(reader, size))


class _Place:
    """One namespace's place in the index."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.kept: GraphArrays | None = None
        self.too_large: int | None = None
        """The turn in which it was found to take more memory than it may."""


class GraphIndex:
    """Keeps one snapshot a namespace. Safe to use from many threads."""

    def __init__(
        self,
        memory_bytes: int = MEMORY_BYTES_DEFAULT,
        file: GraphFile | None = None,
        progress: BuildProgress | None = None,
    ) -> None:
        """Keep up to ``memory_bytes`` of arrays; with 0 every question is asked of the store.

        What is large is kept in ``file`` for the next start. ``progress`` is told while a namespace
        is read from the views.
        """
        self._lock = Lock()
        self._places: dict[int, _Place] = {}
        self._memory_bytes = memory_bytes
        self._file = file
        self._filed: dict[int, Packed] | None = None
        self._filed_sizes: dict[int, tuple[int, int]] = {}
        """(turn, size) at which namespaces stand in the file."""
        self.progress = progress

    def snapshot(
        self, reader: Reader, namespace: int | None, *, walks: bool = True
    ) -> GraphSnapshot:
        """Return the graph as the reader's snapshot of the store has it, or newer.

        Of a namespace that is not there (``None``) it is empty. Whoever does not walk
        on from what is named (``walks``) is given that of the store where none is in memory:
        reading all of it costs far more than the few rows that are looked up.
        """
        if namespace is None:
            return GraphSnapshot(EdgeIndex.empty(), LinkIndex.empty())
        arrays = self._arrays(reader, namespace) if walks or self._has(namespace) else None
        if arrays is None:
            return stored_graph(reader, namespace)
        return GraphSnapshot(arrays.edges, LinkIndex.of(reader, arrays.links))

    def prepare(self, reader: Reader) -> None:
        """Read, or take from the file, every namespace that fits, so that no question waits."""
        for number in sorted(row[0] for row in scan_rows(reader, NAMESPACE)):
            self._arrays(reader, number)

    @property
    def is_stale(self) -> bool:
        """Tell whether there is a file that does not keep what it should."""
        return self._file is not None and any(
            self._is_stale(number, kept) for number, kept in self._large()
        )

    def save(self, reader: Reader) -> None:
        """Keep what is large in the file, unless it stands there much as it is."""
        if self._file is None:
            return
        turn = read_bookmark(reader).turn
        large = [(number, kept) for number, kept in self._large() if kept.turn == turn]
        if any(self._is_stale(number, kept) for number, kept in large):
            packed = {number: kept.packed() for number, kept in large}
            self._file.write(encode_graphs(reader, turn, packed))
            self._filed_sizes = {number: (turn, one.edges.size) for number, one in packed.items()}

    def differing(self, reader: Reader) -> list[int]:
        """Return the namespaces whose graph in memory is not what the views say; forget those.

        It compares whole arrays, for an audit.
        """
        turn = read_bookmark(reader).turn
        with self._lock:
            numbers = sorted({*self._places, *self._filed_at(reader, turn)})
        found: list[int] = []
        for number in numbers:
            arrays = self._arrays(reader, number)
            if arrays is None:
                continue
            size = arrays.edges.size
            fresh = read_graph(reader, number, arrays.turn, size, sys.maxsize)
            if fresh is None or not _is_same(arrays.packed(), fresh.packed()):
                found.append(number)
                with self._places[number].lock:
                    self._places[number].kept = None
        if found:
            self._throw_away("an audit found that it is not what the views say")
        return found

    def _has(self, namespace: int) -> bool:
        with self._lock:
            place = self._places.get(namespace)
        return place is not None and place.kept is not None

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
            if place.too_large == turn:
                return None
            if kept is None:
                kept = self._loaded(reader, namespace, turn)
            if kept is None or size - kept.edges.size > READ_ANEW_ENTRIES:
                room = self._room(namespace)
                kept = read_graph(reader, namespace, turn, size, room, self.progress)
                place.kept = kept
                if kept is not None and kept.edges.count >= KEPT_EDGES_MIN:
                    self.save(reader)
            elif kept.edges.size < size:
                kept = kept.extended(reader, namespace, size)
            place.kept = kept
            place.too_large = turn if kept is None else None
            return kept

    def _large(self) -> list[tuple[int, GraphArrays]]:
        with self._lock:
            places = list(self._places.items())
        graphs = [(number, place.kept) for number, place in places if place.kept is not None]
        return [(number, kept) for number, kept in graphs if kept.edges.count >= KEPT_EDGES_MIN]

    def _room(self, namespace: int) -> int:
        """Return how many bytes the arrays of a namespace may take beside all others."""
        with self._lock:
            others = [place.kept for number, place in self._places.items() if number != namespace]
        return self._memory_bytes - sum(kept.nbytes for kept in others if kept is not None)

    def _is_stale(self, namespace: int, kept: GraphArrays) -> bool:
        turn, size = self._filed_sizes.get(namespace, (-1, 0))
        return turn != kept.turn or kept.edges.size - size > KEPT_BEHIND_MAX

    def _loaded(self, reader: Reader, namespace: int, turn: int) -> GraphArrays | None:
        """Take a namespace from the file, if it is there and fits the log as it is."""
        with self._lock:
            packed = self._filed_at(reader, turn).pop(namespace, None)
        if packed is None or self._filed_sizes[namespace][0] != turn:
            return None
        if packed.edges.nbytes + packed.links.nbytes > self._room(namespace):
            return None
        return GraphArrays(turn, EdgeIndex.of(packed.edges), IndexedLinks.of(packed.links))

    def _filed_at(self, reader: Reader, turn: int) -> dict[int, Packed]:
        """Return what the file keeps and nobody has taken yet; the caller holds the lock."""
        if self._filed is None:
            self._filed = self._read_file(reader, turn)
        return self._filed

    def _read_file(self, reader: Reader, turn: int) -> dict[int, Packed]:
        body = None if self._file is None else self._file.read()
        if body is None:
            return {}
        found = decode_graphs(body, reader, turn)
        if isinstance(found, str):
            self._throw_away(found)
            return {}
        self._filed_sizes = {number: (turn, one.edges.size) for number, one in found.items()}
        return found

    def _throw_away(self, why: str) -> None:
        if self._file is not None:
            _LOG.warning("The kept graph is thrown away and made again: %s", why)
            self._file.discard()
            self._filed_sizes = {}


def stored_graph(reader: Reader, namespace: int) -> GraphSnapshot:
    """Return the graph as it is found in a store, one frontier at a time."""
    size = read_bookmark(reader).size
    return GraphSnapshot(StoredEdges(reader, namespace, size), LinkIndex.stored(reader, namespace))


def read_graph(
    reader: Reader,
    namespace: int,
    turn: int,
    size: int,
    bytes_max: int,
    progress: BuildProgress | None = None,
) -> GraphArrays | None:
    """Read a namespace from the views, piece by piece; ``None``: it would take too much memory."""
    pieces: list[EdgePiece] = []
    link_pieces: list[LinkPiece] = []
    taken = read = 0
    most = _edges_about(reader, namespace) if progress is not None else 0
    for rows in _edge_pages(reader, namespace):
        pieces.append(piece_of(rows))
        read += len(rows)
        taken += len(rows) * _BYTES_PER_EDGE
        if taken > bytes_max:
            return None
        if progress is not None:
            progress(read, max(read + 1, most))
    for links in _link_pages(reader, namespace):
        link_pieces.append(links)
        taken += len(links.vertex) * _BYTES_PER_LINK
        if taken > bytes_max:
            return None
    edges = pack_edges(pieces, size)
    packed_links = pack_links(namespace, link_pieces, size)
    if progress is not None:
        progress(read, read)
    if edges.nbytes + packed_links.nbytes > bytes_max:
        return None
    return GraphArrays(turn, EdgeIndex.of(edges, size), IndexedLinks.of(packed_links, size))


def _edges_about(reader: Reader, namespace: int) -> int:
    """Return about how many edges a namespace has: more than one an execution is usual."""
    rows = reader.find(COUNTER, "namespace", [namespace])
    return sum(last for _, code, last in rows if code in {_ARTIFACT, _EXECUTION})


def _is_same(one: Packed, other: Packed) -> bool:
    """Tell whether two make the same answers, whatever types their numbers have.

    Edges between the same two rows lie in the order in which they came, which answers do not show.
    """
    edges = (one.edges.arrays, pack_edges([one.edges.piece()], one.edges.size).arrays)
    return (
        _are_equal(*edges)
        and all(map(np.array_equal, _ordered(one.edges.piece()), _ordered(other.edges.piece())))
        and _are_equal(one.links.arrays, other.links.arrays)
    )


def _are_equal(one: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def _ordered(piece: EdgePiece) -> list[Ints]:
    """Return the columns of edges in one order for ever."""
    order = np.lexsort((piece.since, piece.kind, piece.head, piece.tail))
    return [column[order] for column in piece]


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
