"""Edges as they are found in the store, one frontier at a time: for graphs larger than memory."""

from __future__ import annotations

import numpy as np

from lineage.graph.adjacency import (
    DETAILED,
    KIND_MASK,
    Behind,
    EdgeColumns,
    EdgeNames,
    Ints,
    Shown,
    piece_of,
    vertices_at,
)
from lineage.graph.spare_marks import SpareMarks
from lineage.projections.edges import EDGE
from lineage.stores.base import Reader
from lineage.stores.tables import Row


class StoredEdges:
    """The edges of one namespace in one snapshot of a store.

    What a question has come across is kept while it is answered, and numbered as it came.
    """

    def __init__(self, reader: Reader, namespace: int, size: int) -> None:
        self.size = size
        self.rows = 0
        """Nothing is in memory."""
        self.spare_marks = SpareMarks()
        self._reader = reader
        self._namespace = namespace
        self._numbers: dict[Row, int] = {}
        self._columns: tuple[list[int], ...] = ([], [], [], [], [])
        """Tail, head, kind, since and stated start of what was found."""

    def behind(self, frontier: Ints, shown: Shown, *, upstream: bool) -> Behind:
        """Return what lies one edge away from these rows."""
        vertices = vertices_at(self._namespace, frontier).tolist()
        column = "head" if upstream else "tail"
        found = self._reader.find(EDGE, column, vertices, shown.size)
        if not found:
            nothing = np.empty(0, dtype=np.int64)
            return Behind(nothing, nothing)
        piece = piece_of(found)
        edges: Ints = np.array(self._numbered(found), dtype=np.int64)
        fresh = edges >= len(self._columns[0])
        cells = piece.tail, piece.head, piece.kind, piece.since, piece.stated_us
        for known, more in zip(self._columns, cells, strict=True):
            known.extend(more[fresh].tolist())
        rows = piece.tail if upstream else piece.head
        if shown.begun_before_us is None:
            return Behind(rows, edges)
        begun = piece.stated_us < shown.begun_before_us
        return Behind(rows[begun], edges[begun])

    def columns(self, edges: Ints) -> EdgeColumns:
        """Return what is known of edges that were found."""
        tail, head, kind, since, stated_us = self._cells(edges, len(self._columns))
        return EdgeColumns(tail, head, kind & KIND_MASK, since, stated_us, kind >= DETAILED)

    def names(self, edges: Ints) -> EdgeNames:
        """Return what edges that were found join, and of what kind they are."""
        return EdgeNames(*self._cells(edges, len(EdgeNames._fields)))

    def _cells(self, edges: Ints, count: int) -> list[Ints]:
        numbers = edges.tolist()
        return [
            np.array([column[number] for number in numbers], dtype=np.int64)
            for column in self._columns[:count]
        ]

    def _numbered(self, rows: list[Row]) -> list[int]:
        numbers = self._numbers
        return [numbers.setdefault(row[:4], len(numbers)) for row in rows]
