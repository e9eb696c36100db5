"""Compact adjacency of one namespace's artifacts and executions, kept current from the log.

Edges lie in compressed sparse rows, one way for each direction, with a short tail of what was added
since they were last packed. An artifact of id a is row 2a, an execution of id e row 2e + 1, so no
table of vertices is needed. An edge shows as of N when the position that caused it is below N;
edges are never taken away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, id_of, kind_code, namespace_of, vertex_of
from lineage_schemas.mlmd import EventKind, Kind

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EVENT_KINDS: Final = tuple(EventKind)
_KIND_NUMBERS: Final = {kind.value: number for number, kind in enumerate(EVENT_KINDS)}
_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_ADDED_EDGES_MAX: Final = 8_192
"""With more than these added, all edges are packed again."""
_EMPTY: Final[Ints] = np.empty(0, dtype=np.int64)


def row_of(vertex: int) -> int:
    """Return the row of an artifact's or execution's vertex."""
    return 2 * id_of(vertex) + (kind_code(vertex) != _ARTIFACT)


def vertex_at(namespace: int, row: int) -> int:
    """Return the vertex that a row stands for."""
    code = KIND_CODES[Kind.EXECUTION] if row & 1 else _ARTIFACT
    return vertex_of(namespace, code, row >> 1)


def vertices_at(namespace: int, rows: Ints) -> Ints:
    """Return the vertices that rows stand for."""
    bases = np.array([vertex_at(namespace, 0), vertex_at(namespace, 1)], dtype=np.int64)
    found: Ints = bases[rows & 1] + (rows >> 1)
    return found


class EdgeArrays(NamedTuple):
    """Edges as parallel arrays, in the order they were added."""

    tail: Ints
    head: Ints
    kind: Ints
    since: Ints
    has_detail: Ints

    @property
    def edge_count(self) -> int:
        """How many edges there are."""
        return len(self.tail)


NO_EDGES: Final = EdgeArrays(_EMPTY, _EMPTY, _EMPTY, _EMPTY, _EMPTY)


class PackedRows:
    """One direction: for each row the rows behind its edges, and which edges those are."""

    def __init__(self, ends: Ints, others: Ints, rows: int) -> None:
        order = np.argsort(ends, kind="stable")
        self.starts: Ints = np.zeros(rows + 1, dtype=np.int64)
        np.cumsum(np.bincount(ends, minlength=rows), out=self.starts[1:])
        self.others: Ints = others[order]
        self.edges: Ints = order.astype(np.int64, copy=False)

    def gather(self, frontier: Ints) -> Ints:
        """Return the places in ``others`` and ``edges`` of every edge of these rows."""
        inside = frontier[frontier < len(self.starts) - 1]
        starts = self.starts[inside]
        counts = self.starts[inside + 1] - starts
        total = int(counts.sum())
        if total == 0:
            return _EMPTY
        ends = np.cumsum(counts)
        return np.repeat(starts - ends + counts, counts) + np.arange(total, dtype=np.int64)


class Behind(NamedTuple):
    """What lies one edge away: rows, and the edges that lead to them, in step."""

    rows: Ints
    edges: Ints


class Way:
    """One direction of walking: the packed edges, and the few added since."""

    def __init__(self, packed: PackedRows, added: dict[int, list[tuple[int, int]]]) -> None:
        self._packed = packed
        self._added = added
        self._touched: Ints = np.array(sorted(added), dtype=np.int64)

    def behind(self, frontier: Ints) -> Behind:
        """Return what lies one edge away from these rows."""
        places = self._packed.gather(frontier)
        behind = Behind(self._packed.others[places], self._packed.edges[places])
        if not self._added:
            return behind
        touched = np.intersect1d(frontier, self._touched).tolist()
        pairs = [pair for row in touched for pair in self._added[row]]
        if not pairs:
            return behind
        rows, edges = np.array(pairs, dtype=np.int64).T
        return Behind(np.concatenate((behind.rows, rows)), np.concatenate((behind.edges, edges)))

    def behind_one(self, row: int) -> tuple[list[int], list[int]]:
        """Return the same for one row, without the cost of arrays: for long, narrow chains."""
        starts = self._packed.starts
        rows: list[int] = []
        edges: list[int] = []
        if row + 1 < len(starts):
            start, end = int(starts[row]), int(starts[row + 1])
            rows = self._packed.others[start:end].tolist()
            edges = self._packed.edges[start:end].tolist()
        for other, edge in self._added.get(row, ()):
            rows.append(other)
            edges.append(edge)
        return rows, edges


class Adjacency:
    """The edges of one namespace as of ``size``. Never changed; ``extended`` makes another."""

    def __init__(
        self,
        size: int,
        rows: int,
        edges: EdgeArrays,
        packed: tuple[PackedRows, PackedRows],
        packed_count: int,
        *,
        has_repeats: bool,
    ) -> None:
        self.size = size
        self.rows = rows
        self.edges = edges
        self.has_repeats = has_repeats
        """Whether an edge may stand here twice, because its detail was sharpened later."""
        self._packed = packed
        self._packed_count = packed_count
        fresh = EdgeArrays(*(column[packed_count:] for column in edges))
        self.downstream = Way(packed[0], _by_row(fresh.tail, fresh.head, packed_count))
        self.upstream = Way(packed[1], _by_row(fresh.head, fresh.tail, packed_count))

    @classmethod
    def empty(cls) -> Adjacency:
        """Return the edges of an empty log."""
        nothing = PackedRows(_EMPTY, _EMPTY, 0)
        return cls(0, 0, NO_EDGES, (nothing, nothing), 0, has_repeats=False)

    def extended(self, namespace: int, added: Iterable[Row], size: int) -> Adjacency:
        """Return the edges as of ``size``, given the rows of ``EDGE`` that were added since."""
        fresh = [_arrays_row(row) for row in added if node_namespace(row) == namespace]
        if not fresh:
            return Adjacency(
                size,
                self.rows,
                self.edges,
                self._packed,
                self._packed_count,
                has_repeats=self.has_repeats,
            )
        more = EdgeArrays(*np.array(fresh, dtype=np.int64).T.copy())
        edges = EdgeArrays(*(np.concatenate(pair) for pair in zip(self.edges, more, strict=True)))
        rows = max(self.rows, int(more.tail.max()) + 1, int(more.head.max()) + 1)
        packed, count = self._packed, self._packed_count
        if edges.edge_count - count > _ADDED_EDGES_MAX:
            count = edges.edge_count
            packed = (
                PackedRows(edges.tail, edges.head, rows),
                PackedRows(edges.head, edges.tail, rows),
            )
        return Adjacency(size, rows, edges, packed, count, has_repeats=True)


def _by_row(ends: Ints, others: Ints, first_edge: int) -> dict[int, list[tuple[int, int]]]:
    by_row: dict[int, list[tuple[int, int]]] = {}
    for offset, (end, other) in enumerate(zip(ends.tolist(), others.tolist(), strict=True)):
        by_row.setdefault(end, []).append((other, first_edge + offset))
    return by_row


def node_namespace(row: Row) -> int:
    """Return the namespace of the nodes of an edge's row."""
    return namespace_of(row[0])


def _arrays_row(row: Row) -> tuple[int, int, int, int, int]:
    tail, head, kind, since = row[:4]
    return (
        row_of(tail),
        row_of(head),
        _KIND_NUMBERS[str(kind)],
        since,
        int(row[5] is not None),
    )
