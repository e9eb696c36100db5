"""Edges as they are found in the store, one frontier at a time: for graphs larger than memory."""

from __future__ import annotations

import numpy as np

from lineage.graph.adjacency import (
    Behind,
    EdgeColumns,
    EdgeNames,
    Ints,
    Shown,
    piece_of,
    vertices_at,
)
from lineage.graph.met_edges import MetEdges
from lineage.graph.spare_marks import SpareMarks
from lineage.projections.edges import EDGE
from lineage.stores.base import Reader


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
        self._met = MetEdges()

    def behind(self, frontier: Ints, shown: Shown, *, upstream: bool) -> Behind:
        """Return what lies one edge away from these rows."""
        vertices = vertices_at(self._namespace, frontier).tolist()
        column = "head" if upstream else "tail"
        found = self._reader.find(EDGE, column, vertices, shown.size)
        if not found:
            nothing = np.empty(0, dtype=np.int64)
            return Behind(nothing, nothing)
        piece = piece_of(found)
        edges = self._met.numbers_of(found, piece)
        rows = piece.tail if upstream else piece.head
        if shown.begun_before_us is None:
            return Behind(rows, edges)
        begun = piece.stated_us < shown.begun_before_us
        return Behind(rows[begun], edges[begun])

    def columns(self, edges: Ints) -> EdgeColumns:
        """Return what is known of edges that were found."""
        return self._met.columns(edges)

    def names(self, edges: Ints) -> EdgeNames:
        """Return what edges that were found join, and of what kind they are."""
        return self._met.names(edges)
