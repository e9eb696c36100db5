"""What a walk found, for whoever goes on from it: edges and links by rows, the way it walked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lineage.graph.adjacency import UNDATED, EdgeSource, Ints, row_of
from lineage.graph.hops import LinkStep
from lineage.graph.links import Crossing
from lineage.graph.walk import Walked
from lineage_schemas.records import LinkClass


class WalkedEdges(NamedTuple):
    """Edges with their ends the way they were walked: along the flow of data, or against it."""

    near: Ints
    far: Ints
    edges: Ints


def walked_edges(source: EdgeSource, walked: Walked, *, upstream: bool) -> WalkedEdges:
    """Return the edges of a walk in one direction, the way it went."""
    columns = source.columns(walked.edges)
    if upstream:
        return WalkedEdges(columns.head, columns.tail, walked.edges)
    return WalkedEdges(columns.tail, columns.head, walked.edges)


def edges_between(found: WalkedEdges, pairs: set[tuple[int, int]]) -> Ints:
    """Return the edges that lead from the first row of a pair to the second, for all pairs."""
    nears = np.array([near for near, _ in pairs], dtype=np.int64)
    chosen = np.flatnonzero(np.isin(found.near, nears))
    ends = zip(found.near[chosen].tolist(), found.far[chosen].tolist(), strict=True)
    kept = np.array([pair in pairs for pair in ends], dtype=np.bool_)
    edges: Ints = found.edges[chosen[kept]]
    return edges


def count_undated(source: EdgeSource, edges: Ints) -> int:
    """Count the edges that nobody has dated."""
    return int((source.columns(edges).stated_us == UNDATED).sum()) if len(edges) else 0


def crossed_rows(crossings: list[Crossing]) -> Iterator[LinkStep]:
    """Yield the steps by links of a walk."""
    for near, far, link_class in crossings:
        by_content = link_class is LinkClass.CONTENT
        yield LinkStep(row_of(near.vertex), row_of(far.vertex), by_content)
