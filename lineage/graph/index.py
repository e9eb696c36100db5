"""The process's graph index: adjacency and links, brought up to date before each answer."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from lineage.graph.adjacency import Adjacency
from lineage.graph.links import LinkIndex
from lineage.projections.edges import EDGE
from lineage.stores.base import Reader


class GraphSnapshot(NamedTuple):
    """What a walk needs, as of at least the size that was asked for."""

    adjacency: Adjacency
    links: LinkIndex


class GraphIndex:
    """Keeps one snapshot a namespace. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._adjacencies: dict[int, Adjacency] = {}
        self._links = LinkIndex.empty()

    def snapshot(self, reader: Reader, namespace: int) -> GraphSnapshot:
        """Return the graph as the reader's snapshot of the store has it, or newer."""
        size = reader.head().size
        with self._lock:
            adjacency = self._adjacencies.get(namespace, Adjacency.empty())
            if adjacency.size < size:
                added = reader.added(EDGE, adjacency.size)
                adjacency = adjacency.extended(namespace, added, size)
                self._adjacencies[namespace] = adjacency
            if self._links.size < size:
                self._links = self._links.extended(reader, size)
            return GraphSnapshot(adjacency, self._links)

    def forget(self) -> None:
        """Drop everything: the views were folded again."""
        with self._lock:
            self._adjacencies.clear()
            self._links = LinkIndex.empty()
