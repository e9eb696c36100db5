"""What a walk found, for whoever goes on from it: its edges the way it went, and its things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import UNDATED, EdgeSource, Ints, rows_of
from lineage.graph.entities import joined_entities
from lineage.graph.walk import Walked
from lineage_schemas.records import LinkClass

_NOTHING: Final[Ints] = np.empty(0, dtype=np.int64)


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


def count_undated_edges(source: EdgeSource, edges: Ints) -> int:
    """Count the edges that nobody has dated."""
    return int((source.columns(edges).stated_us == UNDATED).sum()) if len(edges) else 0


def distinct(some: Sequence[Ints]) -> Ints:
    """Return the rows, or the edges, of several walks, each once."""
    return np.unique(np.concatenate([_NOTHING, *some]))


def things_beyond(walked: Walked) -> dict[int, int]:
    """Return a number of its thing for each row beyond the start that asserted links join."""
    if LinkClass.ASSERTED not in walked.links.crossed:
        return {}
    claims = walked.links.near
    beyond = np.isin(rows_of(claims.vertex), walked.rows[walked.depths > 0])
    things = joined_entities(claims.among(beyond))
    return dict(zip(things.rows.tolist(), things.firsts.tolist(), strict=True))
