"""The edges of one namespace in memory: packed arrays, and a short tail of what came since.

The tail is shared by all snapshots of one packing and only ever appended to. An older snapshot is
asked as of a size before what was appended, so it does not see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from lineage.graph.adjacency import (
    DETAILED,
    KIND_MASK,
    KIND_NUMBERS,
    OPEN,
    UNDATED,
    Behind,
    Bools,
    EdgeColumns,
    EdgeNames,
    EdgePiece,
    Ints,
    Shown,
    row_of,
)
from lineage.graph.packing import (
    NO_CLOSINGS,
    NOTHING_PACKED,
    Closings,
    PackedEdges,
    pack_edges,
)
from lineage.graph.spare_marks import SpareMarks
from lineage.stores.tables import Row
from lineage_schemas.errors import StoreError

ADDED_EDGES_MIN: Final = 8_192
"""With up to so many in the tail, nothing is packed again ..."""
_ADDED_PART: Final = 32
"""... nor with less than one in so many of what is packed."""

ADDED_EDGE_BYTES: Final = 720
"""What an edge of the tail takes, about: plain numbers, in lists and tables."""
CLOSED_EDGE_BYTES: Final = 120
"""What it takes to know that an edge was closed since all was packed."""

_Edge = tuple[int, int, int, int]
"""Tail, head, number of its kind, and since when."""


class AddedEdges:
    """What was added to packed edges, and which of it was closed since."""

    def __init__(self, first: int) -> None:
        """Begin a tail whose first edge has the number ``first``."""
        self.first = first
        self.columns: tuple[list[int], ...] = ([], [], [], [], [])
        """Tail, head, kind, since, stated start."""
        self.until: dict[int, int] = {}
        self.downstream: dict[int, list[tuple[int, int]]] = {}
        self.upstream: dict[int, list[tuple[int, int]]] = {}
        self.spare_marks = SpareMarks()
        self._numbers: dict[_Edge, int] = {}

    @property
    def count(self) -> int:
        """How many edges were added."""
        return len(self.columns[-1])

    @property
    def nbytes(self) -> int:
        """How many bytes they take, about."""
        return self.count * ADDED_EDGE_BYTES + len(self.until) * CLOSED_EDGE_BYTES

    def add(self, edge: _Edge, kind: int, stated_us: int) -> None:
        """Append an edge; whoever finds its number finds all of it."""
        tail, head, _, since = edge
        number = self.first + self.count
        cells = tail, head, kind, since, stated_us
        for column, cell in zip(self.columns, cells, strict=True):
            column.append(cell)
        self._numbers[edge] = number
        self.downstream.setdefault(tail, []).append((head, number))
        self.upstream.setdefault(head, []).append((tail, number))

    def number_of(self, edge: _Edge) -> int | None:
        """Return the number of an edge of the tail."""
        return self._numbers.get(edge)

    def counts(self, edge: int, shown: Shown) -> bool:
        """Tell whether an edge of the tail counts."""
        _, _, _, since, stated_us = self.columns
        offset = edge - self.first
        begun = shown.begun_before_us
        return (
            since[offset] < shown.size
            and shown.size <= self.until.get(edge, OPEN)
            and (begun is None or stated_us[offset] < begun)
        )

    def behind(
        self, frontier: Iterable[int], shown: Shown, *, upstream: bool
    ) -> tuple[list[int], list[int]]:
        """Return (rows, edges) one edge of the tail away, of those that count."""
        by_row = self.upstream if upstream else self.downstream
        rows: list[int] = []
        edges: list[int] = []
        for row in frontier:
            for other, edge in by_row.get(row, ()):
                if self.counts(edge, shown):
                    rows.append(other)
                    edges.append(edge)
        return rows, edges

    def touched(self, frontier: Ints, *, upstream: bool) -> list[int]:
        """Return which of these sorted rows have edges in the tail, or a few more."""
        by_row = self.upstream if upstream else self.downstream
        found: list[int]
        if len(frontier) <= len(by_row):
            found = frontier.tolist()
            return found
        rows = np.array(list(by_row), dtype=np.int64)
        places = np.searchsorted(frontier, rows)
        places[places == len(frontier)] = 0
        found = rows[frontier[places] == rows].tolist()
        return found

    def piece(self, count: int, size: int) -> EdgePiece:
        """Return the first edges of the tail as arrays, as they were as of a size."""
        tail, head, kind, since, stated_us = (
            np.array(column[:count], dtype=np.int64) for column in self.columns
        )
        until = np.full(count, OPEN, dtype=np.int64)
        for offset in range(count):
            end = self.until.get(self.first + offset, OPEN)
            until[offset] = end if end < size else OPEN
        return EdgePiece(tail, head, kind.astype(np.int8), since, until, stated_us)


class EdgeIndex:
    """The edges of one namespace as of ``size``.

    ``extended`` makes another and leaves this one as it is; only the newest is extended.
    """

    def __init__(
        self, size: int, packed: PackedEdges, added: AddedEdges, closings: Closings, rows: int
    ) -> None:
        self.size = size
        self.rows = rows
        self.packed = packed
        self.added = added
        self.closings = closings
        """Those of packed edges, since they were packed."""
        self.spare_marks = added.spare_marks
        self._added_count = added.count

    @classmethod
    def of(cls, packed: PackedEdges, size: int | None = None) -> EdgeIndex:
        """Return what is packed, as it is, and known to be all as of ``size``."""
        known = packed.size if size is None else size
        return cls(known, packed, AddedEdges(packed.count), NO_CLOSINGS, packed.rows)

    @classmethod
    def empty(cls) -> EdgeIndex:
        """Return the edges of an empty log."""
        return cls.of(NOTHING_PACKED)

    @property
    def count(self) -> int:
        """How many edges there are, closed ones too."""
        return self.packed.count + self._added_count

    @property
    def nbytes(self) -> int:
        """How many bytes they take, about, with all that shares their tail."""
        return self.packed.nbytes + self.added.nbytes + self.closings.nbytes

    def extended(self, rows: Sequence[Row], size: int) -> EdgeIndex:
        """Return the edges as of ``size``, given the rows of ``EDGE`` that changed since.

        Those are rows that began, and rows that were closed, at ``self.size`` or later.
        """
        highest = self.rows
        closed: dict[int, int] = {}
        for row in rows:
            edge = _edge(row)
            highest = max(highest, edge[0] + 1, edge[1] + 1)
            if row[3] >= self.size:
                detailed = DETAILED if row[5] is not None else 0
                stated_us = UNDATED if row[6] is None else row[6]
                self.added.add(edge, edge[2] | detailed, stated_us)
            if row[4] is not None and row[4] >= self.size:
                closed[self._number_of(edge)] = row[4]
        self.added.until.update(
            (edge, until) for edge, until in closed.items() if edge >= self.packed.count
        )
        closings = self.closings.with_more(
            {edge: until for edge, until in closed.items() if edge < self.packed.count}
        )
        grown = EdgeIndex(size, self.packed, self.added, closings, highest)
        allowed = max(ADDED_EDGES_MIN, self.packed.count // _ADDED_PART)
        return grown.repacked() if self.added.count + len(closings) > allowed else grown

    def repacked(self) -> EdgeIndex:
        """Return the same edges without a tail."""
        if not self._added_count and not len(self.closings):
            if self.size == self.packed.size:
                return self
            return EdgeIndex.of(PackedEdges(self.size, self.packed.arrays))
        piece = self.packed.piece()
        piece.until[self.closings.edges] = self.closings.until
        return EdgeIndex.of(pack_edges([piece, self._added_piece()], self.size))

    def behind(self, frontier: Ints, shown: Shown, *, upstream: bool) -> Behind:
        """Return what lies one edge away from sorted rows."""
        rows, edges = self.packed.behind(frontier, upstream=upstream)
        mask = self.packed_shown(edges, shown) if len(edges) else None
        if mask is not None:
            rows, edges = rows[mask], edges[mask]
        if not self.added.count:
            return Behind(rows, edges)
        touched = self.added.touched(frontier, upstream=upstream)
        more = self.added.behind(touched, shown, upstream=upstream)
        if not more[0]:
            return Behind(rows, edges)
        return Behind(np.concatenate((rows, more[0])), np.concatenate((edges, more[1])))

    def packed_shown(self, edges: Ints, shown: Shown) -> Bools | None:
        """Tell of each of some packed edges whether it counts; ``None``: all do."""
        mask = self.packed.shows(edges, shown)
        if not len(self.closings):
            return mask
        is_open = self.closings.open_as_of(edges, shown.size)
        return is_open if mask is None else mask & is_open

    def columns(self, edges: Ints) -> EdgeColumns:
        """Return what is known of edges."""
        packed = self.packed
        is_added = edges >= packed.count
        if not is_added.any():
            kind = packed.kind[edges]
            return EdgeColumns(
                packed.tail[edges],
                packed.head[edges],
                kind & KIND_MASK,
                packed.since[edges],
                packed.stated_us[edges],
                kind >= DETAILED,
            )
        inside = edges[~is_added]
        offsets = (edges[is_added] - packed.count).tolist()
        parts: list[Ints] = []
        names = packed.tail, packed.head, packed.kind, packed.since, packed.stated_us
        for base, column in zip(names, self.added.columns, strict=True):
            cells: Ints = np.empty(len(edges), dtype=np.int64)
            cells[~is_added] = base[inside]
            cells[is_added] = [column[offset] for offset in offsets]
            parts.append(cells)
        tail, head, kind, since, stated_us = parts
        return EdgeColumns(tail, head, kind & KIND_MASK, since, stated_us, kind >= DETAILED)

    def names(self, edges: Ints) -> EdgeNames:
        """Return what edges join, and of what kind they are."""
        packed = self.packed
        if int(edges.max(initial=-1)) < packed.count:
            return EdgeNames(packed.tail[edges], packed.head[edges], packed.kind[edges])
        columns = self.columns(edges)
        kind = columns.kind + DETAILED * columns.detailed
        return EdgeNames(columns.tail, columns.head, kind)

    def _added_piece(self) -> EdgePiece:
        return self.added.piece(self._added_count, self.size)

    def _number_of(self, edge: _Edge) -> int:
        number = self.added.number_of(edge)
        if number is None:
            number = self.packed.find(*edge)
        if number is None:
            raise StoreError(
                "An edge was closed that the graph in memory has never seen",
                where=f"since position {edge[3]}",
                hint="Ask again: it is read anew. Should that not help, run an audit of the views.",
            )
        return number


def _edge(row: Row) -> _Edge:
    tail, head, kind, since = row[:4]
    return row_of(tail), row_of(head), KIND_NUMBERS[kind], since
