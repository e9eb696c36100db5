"""The process's graph index: edges and links of each namespace, brought up to date before answers.

It is made from the views and can always be made from them again. Where it would take more memory
than it may, the same questions are asked of the store.
"""

from __future__ import annotations

from threading import Lock
from typing import Final, NamedTuple

from lineage.graph.accounts import MemoryAccounts
from lineage.graph.adjacency import EdgeSource
from lineage.graph.auditing import differs
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.filing import GraphFiling
from lineage.graph.keeping import GraphFile
from lineage.graph.links import LinkIndex
from lineage.graph.reading import BuildProgress, GraphArrays, read_changes, read_graph
from lineage.graph.stored_edges import StoredEdges
from lineage.projections.catalog import NAMESPACE
from lineage.projections.views import Bookmark, read_bookmark
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows

MEMORY_BYTES_DEFAULT: Final = 2 << 30
"""How much memory the arrays of one process may take."""
KEPT_EDGES_MIN: Final = 50_000
"""A graph of fewer edges is read from the views faster than anybody could tell, and not kept."""
READ_ANEW_ENTRIES: Final = 200_000
"""So far behind, an index is read again whole rather than brought up entry by entry."""


class GraphSnapshot(NamedTuple):
    """What a walk needs, as of at least the size that was asked for."""

    adjacency: EdgeSource
    links: LinkIndex


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
        self._accounts = MemoryAccounts(memory_bytes)
        self._filing = GraphFiling(file)
        self._progress = progress

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
        arrays, was_read = None, False
        if walks or self._has(namespace):
            arrays, was_read = self._brought_up(reader, namespace)
        if was_read:
            self.save(reader)
        if arrays is None:
            return stored_graph(reader, namespace)
        return GraphSnapshot(arrays.edges, LinkIndex.of(reader, arrays.links))

    def prepare(self, reader: Reader) -> None:
        """Read, or take from the file, every namespace that fits, so that no question waits."""
        for number in sorted(row[0] for row in scan_rows(reader, NAMESPACE)):
            self._brought_up(reader, number)
        self.save(reader)

    @property
    def is_stale(self) -> bool:
        """Tell whether there is a file that does not keep what it should."""
        return any(self._is_stale(number, kept) for number, kept in self._large())

    def save(self, reader: Reader) -> None:
        """Keep what is large in the file, unless it stands there much as it is."""
        turn = read_bookmark(reader).turn
        large = [(number, kept) for number, kept in self._large() if kept.turn == turn]
        if any(self._is_stale(number, kept) for number, kept in large):
            self._filing.save(reader, {number: kept.packed() for number, kept in large})

    def differing(self, reader: Reader) -> list[int]:
        """Return the namespaces whose graph in memory, or in the file, is not what the views say.

        Those are forgotten, and the file is thrown away. It compares whole arrays, for an audit,
        as of the size of the reader's snapshot: what came later is not looked at.
        """
        with self._lock:
            kept = [number for number, place in self._places.items() if place.kept is not None]
        found: list[int] = []
        for number in sorted({*kept, *self._filing.waiting(reader)}):
            arrays, was_read = self._brought_up(reader, number)
            if arrays is not None and not was_read and differs(reader, number, arrays):
                found.append(number)
                self._forget(number)
        if found:
            self._filing.discard("an audit found that it is not what the views say")
        return found

    def _has(self, namespace: int) -> bool:
        with self._lock:
            place = self._places.get(namespace)
        return place is not None and place.kept is not None

    def _brought_up(self, reader: Reader, namespace: int) -> tuple[GraphArrays | None, bool]:
        """Return a graph at least as new as a snapshot, and whether it was read from the views.

        ``None``: it does not fit into memory, or it is of views that were folded anew since.
        """
        if not self._accounts.bytes_max:
            return None, False
        with self._lock:
            place = self._places.setdefault(namespace, _Place())
        bookmark = read_bookmark(reader)
        turn = bookmark.turn
        with place.lock:
            kept = place.kept
            # A snapshot from before an erasure is answered from, but never remembered.
            if place.too_large == turn or (kept is not None and turn < kept.turn):
                return None, False
            # Where the views were folded anew, what was erased must be forgotten here too.
            if kept is not None and turn > kept.turn:
                place.kept = None
            try:
                was_read = self._bring_up(reader, namespace, bookmark, place)
            finally:
                if place.kept is None:
                    self._accounts.release(namespace)
            place.too_large = turn if place.kept is None else None
            return place.kept, was_read

    def _bring_up(self, reader: Reader, namespace: int, bookmark: Bookmark, place: _Place) -> bool:
        """Let a place keep the graph as of now, or nothing; tell whether it was read anew."""
        _, size, turn = bookmark
        known = kept = place.kept
        if kept is None and (packed := self._filing.take(reader, namespace)) is not None:
            kept = place.kept = GraphArrays.of(turn, packed)
        if kept is None or size - kept.edges.size > READ_ANEW_ENTRIES:
            kept = known = place.kept = None
            place.kept = read_graph(
                *(reader, namespace, turn, size),
                lambda nbytes: self._accounts.reserve(namespace, nbytes),
                self._progress,
            )
            return place.kept is not None
        if kept.edges.size < size:
            changes = read_changes(reader, namespace, kept.edges.size, size)
            # All snapshots share what is appended to: half of it must not be appended to again.
            place.kept = None
            kept = kept.extended(changes)
        if kept is not known:
            place.kept = self._fitting(namespace, kept)
        return False

    def _fitting(self, namespace: int, kept: GraphArrays) -> GraphArrays | None:
        """Return a graph, packed again where only that lets it fit; ``None``: it does not fit."""
        if self._accounts.reserve(namespace, kept.nbytes):
            return kept
        kept = GraphArrays.of(kept.turn, kept.packed())
        return kept if self._accounts.reserve(namespace, kept.nbytes) else None

    def _forget(self, namespace: int) -> None:
        place = self._places[namespace]
        with place.lock:
            place.kept = None
            self._accounts.release(namespace)

    def _large(self) -> list[tuple[int, GraphArrays]]:
        with self._lock:
            places = list(self._places.items())
        graphs = [(number, place.kept) for number, place in places]
        return [
            (number, kept)
            for number, kept in graphs
            if kept is not None and kept.edges.count >= KEPT_EDGES_MIN
        ]

    def _is_stale(self, namespace: int, kept: GraphArrays) -> bool:
        return self._filing.is_stale(namespace, kept.turn, kept.edges.size)


def stored_graph(reader: Reader, namespace: int) -> GraphSnapshot:
    """Return the graph as it is found in a store, one frontier at a time."""
    size = read_bookmark(reader).size
    return GraphSnapshot(StoredEdges(reader, namespace, size), LinkIndex.stored(reader, namespace))
