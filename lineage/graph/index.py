"""The process's graph index: adjacency and links, brought up to date before each answer."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Final, NamedTuple

from lineage.graph.adjacency import Adjacency
from lineage.graph.links import LinkIndex
from lineage.projections.edges import EDGE
from lineage.projections.views import scan_rows
from lineage.stores.base import READ_ENTRIES_MAX, Reader
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import EdgeItem
from lineage_schemas.mlmd import Kind

_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]


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

    def snapshot(self, reader: Reader, namespace: int | None) -> GraphSnapshot:
        """Return the graph as the reader's snapshot of the store has it, or newer.

        Of a namespace that is not there (``None``) it is empty.
        """
        if namespace is None:
            return GraphSnapshot(Adjacency.empty(), LinkIndex.empty())
        size = reader.head().size
        with self._lock:
            adjacency = self._adjacencies.get(namespace, Adjacency.empty())
            if adjacency.size < size:
                added = _edges_since(reader, namespace, adjacency.size, size)
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


def _edges_since(reader: Reader, namespace: int, since: int, size: int) -> Iterable[Row]:
    """Return the edges that entries from ``since`` on have made.

    Which executions they are at is read off the log, so that edges need no index by position.
    """
    if since == 0:
        return list(scan_rows(reader, EDGE))
    executions: set[int] = set()
    for start in range(since, size, READ_ENTRIES_MAX):
        for stored in reader.entries(start, min(READ_ENTRIES_MAX, size - start)):
            structure = decode_envelope(stored.envelope).structure
            executions.update(
                vertex_of(namespace, _EXECUTION, item.execution)
                for item in structure
                if isinstance(item, EdgeItem)
            )
    column = EDGE.column("since")
    return [
        row
        for end in ("tail", "head")
        for row in reader.find(EDGE, end, executions)
        if row[column] >= since
    ]
