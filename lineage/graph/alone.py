"""Which rows have no edges, and which of them no link joins to a row that has any."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import UNDATED, Ints, Shown
from lineage.graph.hops import link_steps, rows_leading_to
from lineage.graph.index import GraphSnapshot
from lineage.graph.walk import Bounds, walk_lineage
from lineage_schemas.graph import Direction, TruncationReason
from lineage_schemas.records import LinkClass

_NODES_MAX: Final = 2_000_000
"""Nodes that links may join to some; with more all of them count as leading on."""


class EdgesFound(NamedTuple):
    """Rows that have edges in one direction, and how many of those edges nobody dated."""

    rows: set[int]
    undated: int


def rows_with_edges(
    snapshot: GraphSnapshot, rows: list[int], shown: Shown, *, upstream: bool
) -> EdgesFound:
    """Return which of these sorted rows have edges in a direction that count."""
    frontier: Ints = np.array(rows, dtype=np.int64)
    edges = snapshot.adjacency.behind(frontier, shown, upstream=upstream).edges
    if not len(edges):
        return EdgesFound(set(), 0)
    columns = snapshot.adjacency.columns(edges)
    ends = columns.head if upstream else columns.tail
    undated = int((columns.stated_us == UNDATED).sum()) if shown.valid is not None else 0
    return EdgesFound(set(ends.tolist()), undated)


def leading_on(
    namespace: int,
    snapshot: GraphSnapshot,
    rows: list[int],
    direction: Direction,
    shown: Shown,
    crossed: tuple[LinkClass, ...],
) -> set[int]:
    """Return which of these rows links join to one that has an edge in a direction.

    All are looked at together, so that an identifier which they share is looked at once.
    """
    bounds = Bounds(shown.size, 0, _NODES_MAX, crossed, shown.valid)
    walked = walk_lineage(namespace, snapshot, rows, direction, bounds)
    if any(cut.reason is TruncationReason.NODES for cut in walked.truncations):
        return set(rows)
    upstream = direction is Direction.UPSTREAM
    edged = rows_with_edges(snapshot, walked.rows.tolist(), shown, upstream=upstream).rows
    return set(rows) & rows_leading_to(edged, link_steps(walked.links))
