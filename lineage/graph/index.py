"""The process's graph index: adjacency and links, brought up to date before each answer."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Final, NamedTuple

from lineage.graph.adjacency import Adjacency
from lineage.graph.links import LinkIndex
from lineage.projections.edges import EDGE
from lineage.projections.views import read_bookmark
from lineage.stores.base import READ_ENTRIES_MAX, Reader
from lineage.stores.scanning import scan_rows
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
        self._turn = 0

    def snapshot(self, reader: Reader, namespace: int | None) -> GraphSnapshot:
        """Return the graph as the reader's snapshot of the store has it, or newer.

        Of a namespace that is not there (``None``) it is empty.
        """
        if namespace is None:
            return GraphSnapshot(Adjacency.empty(), LinkIndex.empty())
        size, turn = read_bookmark(reader)[1:]
        with self._lock:
            if turn < self._turn:
                # A snapshot from before an erasure is answered from, but never remembered.
                added = _edges_since(reader, namespace, 0, size)
                return GraphSnapshot(
                    Adjacency.empty().extended(namespace, added, size),
                    LinkIndex.empty().extended(reader, size),
                )
            if turn > self._turn:
                # Another process folded the views anew: what was erased must be forgotten here too.
                self._forget(turn)
            adjacency = self._adjacencies.get(namespace, Adjacency.empty())
            if adjacency.size < size:
                added = _edges_since(reader, namespace, adjacency.size, size)
                adjacency = adjacency.extended(namespace, added, size)
                self._adjacencies[namespace] = adjacency
            if self._links.size < size:
                self._links = self._links.extended(reader, size)
            return GraphSnapshot(adjacency, self._links)

    def _forget(self, turn: int) -> None:
        self._adjacencies.clear()
        self._links = LinkIndex.empty()
        self._turn = turn


def _edges_since(reader: Reader, namespace: int, since: int, size: int) -> Iterable[Row]:
    """Return the edges that entries from ``since`` on have made.

    Which executions they are at is read off the log, so that edges need no index by position.
    """
    if since == 0:
        return list(scan_rows(reader, EDGE))
    executions: set[int] = set()
    for start in range(since, size, READ_ENTRIES_MAX):
        for envelope in reader.envelopes(start, min(READ_ENTRIES_MAX, size - start)):
            structure = decode_envelope(envelope).structure
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
