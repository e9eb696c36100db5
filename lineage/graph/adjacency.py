"""Rows of the graph, and what a walk asks of the edges between them.

An artifact of id a is row 2a, an execution of id e row 2e + 1, so no table of vertices is needed.
Edges come from arrays in memory (``lineage.graph.edge_index``), or are found in the store one
frontier at a time (``lineage.graph.stored_edges``): the same edges, by the same calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from lineage.graph.spare_marks import SpareMarks
from lineage.stores.tables import Row
from lineage.valid_time import ValidTime
from lineage.vertices import KIND_CODES, id_of, kind_code, vertex_of
from lineage_schemas.mlmd import EventKind, Kind

Ints = npt.NDArray[np.signedinteger[Any]]
Bools = npt.NDArray[np.bool_]

EVENT_KINDS: Final = tuple(EventKind)
KIND_NUMBERS: Final = {kind.value: number for number, kind in enumerate(EVENT_KINDS)}
DETAILED: Final = 8
"""Set in the kind of an edge that has a path or a time."""
KIND_MASK: Final = DETAILED - 1
UNDATED: Final = -(1 << 63)
"""The stated start of what nobody dated: before every moment that can be asked about."""
OPEN: Final = (1 << 63) - 1
"""The end of an edge that nothing has closed."""

_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]


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


def rows_of(vertices: Ints) -> Ints:
    """Return the rows of vertices of one namespace, artifacts and executions."""
    first = vertex_of(0, _ARTIFACT, 0)
    within = vertices & (vertex_of(1, 0, 0) - 1)
    is_execution = within >= vertex_of(0, KIND_CODES[Kind.EXECUTION], 0)
    ids: Ints = within & (first - 1)
    return 2 * ids + is_execution


def view_of(array: npt.NDArray[Any]) -> memoryview[int]:
    """Return whole numbers for reading one by one, faster than NumPy does."""
    plain: Any = array
    return memoryview(plain)


def narrowest(highest: int) -> type[np.int32 | np.int64]:
    """Return the type of whole numbers that holds numbers up to ``highest``."""
    return np.int32 if highest <= np.iinfo(np.int32).max else np.int64


class Shown(NamedTuple):
    """Which edges count: those that show as of ``size``, and had begun by the valid time."""

    size: int
    valid: ValidTime | None = None

    @property
    def begun_before_us(self) -> int | None:
        """Before when an edge must have begun, as far as anybody dated it."""
        return None if self.valid is None else self.valid.end_us


class Behind(NamedTuple):
    """What lies one edge away: rows, and the edges that lead to them, in step."""

    rows: Ints
    edges: Ints


class EdgeColumns(NamedTuple):
    """Edges as parallel arrays."""

    tail: Ints
    head: Ints
    kind: Ints
    since: Ints
    stated_us: Ints
    detailed: Bools


class EdgeNames(NamedTuple):
    """Edges as parallel arrays: the rows at their ends, and kinds with what is ``DETAILED``."""

    tail: Ints
    head: Ints
    kind: Ints


class EdgeSource(Protocol):
    """Where a walk takes its edges from; an edge is named by a number that this source gave it."""

    @property
    def size(self) -> int:
        """The size up to which all edges are here."""
        ...

    @property
    def rows(self) -> int:
        """How many rows there are room for, at least; a row beyond has no edges in memory."""
        ...

    @property
    def spare_marks(self) -> SpareMarks:
        """What a walk takes its marks from, and gives them back to."""
        ...

    def behind(self, frontier: Ints, shown: Shown, *, upstream: bool) -> Behind:
        """Return what lies one edge away from these rows, which are sorted, each once.

        Edges come in no promised order.
        """
        ...

    def columns(self, edges: Ints) -> EdgeColumns:
        """Return what is known of edges."""
        ...

    def names(self, edges: Ints) -> EdgeNames:
        """Return what edges join, and of what kind they are: arrays of the caller's own."""
        ...


def beyond(source: EdgeSource, row: int, size: int, *, upstream: bool) -> list[int]:
    """Return the rows one edge away from a row as of a size, in order."""
    behind = source.behind(np.array([row], dtype=np.int64), Shown(size), upstream=upstream)
    found: list[int] = np.unique(behind.rows).tolist()
    return found


def edges_at(source: EdgeSource, rows: Iterable[int], size: int) -> Ints:
    """Return the edges that touch any of these rows as of a size, oldest first."""
    frontier = np.array(sorted(set(rows)), dtype=np.int64)
    both = [source.behind(frontier, Shown(size), upstream=upstream) for upstream in (True, False)]
    edges = np.unique(np.concatenate([behind.edges for behind in both]))
    tail, head, kind, since = source.columns(edges)[:4]
    found: Ints = edges[np.lexsort((kind, head, tail, since))]
    return found


class EdgePiece(NamedTuple):
    """Rows of ``EDGE`` as arrays; ``until`` is ``OPEN`` where nothing has closed the edge."""

    tail: Ints
    head: Ints
    kind: npt.NDArray[np.int8]
    since: Ints
    until: Ints
    stated_us: Ints


def piece_of(rows: list[Row]) -> EdgePiece:
    """Return rows of ``EDGE`` as arrays."""
    tails, heads, kinds, sinces, untils, details, stated = zip(*rows, strict=True)
    return EdgePiece(
        _narrowed(rows_of(np.array(tails, dtype=np.int64))),
        _narrowed(rows_of(np.array(heads, dtype=np.int64))),
        np.array(
            [
                KIND_NUMBERS[kind] | (DETAILED if detail is not None else 0)
                for kind, detail in zip(kinds, details, strict=True)
            ],
            dtype=np.int8,
        ),
        _narrowed(np.array(sinces, dtype=np.int64)),
        np.array([OPEN if until is None else until for until in untils], dtype=np.int64),
        np.array([UNDATED if one is None else one for one in stated], dtype=np.int64),
    )


def _narrowed(numbers: Ints) -> Ints:
    return numbers.astype(narrowest(int(numbers.max())))
