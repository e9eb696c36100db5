"""Cycles among entities as ways from node to node: along edges, and by links within an entity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lineage.graph.adjacency import EdgeSource, Ints, Shown, row_of, vertex_at
from lineage.graph.entities import Entities
from lineage.graph.hops import row_order
from lineage.graph.links import LinkIndex
from lineage.graph.partners import ASSERTED, STRENGTHS
from lineage.graph.walked import WalkedEdges
from lineage.graph.whole import Ends


def edges_out_of(source: EdgeSource, rows: Sequence[int], shown: Shown) -> WalkedEdges:
    """Return the edges that lead on from some rows, with the flow of data."""
    frontier: Ints = np.array(sorted(set(rows)), dtype=np.int64)
    edges = source.behind(frontier, shown, upstream=False).edges
    if not len(edges):
        return WalkedEdges(frontier[:0], frontier[:0], edges)
    columns = source.columns(edges)
    return WalkedEdges(columns.tail, columns.head, edges)


class Joined:
    """The ways between the nodes of entities, by asserted links."""

    def __init__(self, links: LinkIndex, namespace: int, size: int) -> None:
        self._links = links
        self._namespace = namespace
        self._size = size

    def way(self, start: int, end: int) -> tuple[int, ...]:
        """Return the rows from one to another of its entity, without the first.

        Each identifier is looked at once, however many nodes share it.
        """
        ways: dict[int, tuple[int, ...]] = {start: ()}
        passed: set[int] = set()
        level = [start]
        while end not in ways:
            following: list[int] = []
            hubs = self._hubs_of(level)
            behind = self._rows_of({hub for some in hubs.values() for hub in some} - passed)
            for near in level:
                new = [hub for hub in hubs[near] if hub not in passed]
                passed.update(new)
                joined = {far for hub in new for far in behind[hub]} - ways.keys()
                ways |= {far: (*ways[near], far) for far in joined}
                following += sorted(joined, key=row_order)
            level = following
        return ways[end]

    def _hubs_of(self, rows: Sequence[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {row: [] for row in rows}
        vertices = [vertex_at(self._namespace, row) for row in rows]
        for claim in self._links.of_vertices(vertices, self._size):
            if STRENGTHS[claim.link_class] == ASSERTED:
                found[row_of(claim.vertex)].append(claim.hub)
        return found

    def _rows_of(self, hubs: set[int]) -> dict[int, list[int]]:
        return {
            hub: [
                row_of(claim.vertex) for claim in claims if STRENGTHS[claim.link_class] == ASSERTED
            ]
            for hub, claims in self._links.of_hubs(hubs, self._size).items()
        }


def rounds_of(
    cycles: Sequence[Sequence[int]], ends: Ends, entities: Entities, joined: Joined
) -> list[list[int]]:
    """Return cycles, given by the first rows of their entities, as ways from node to node."""
    wanted = {pair for cycle in cycles for pair in _pairs(cycle)}
    tails, heads = entities.first_of(ends.tail), entities.first_of(ends.head)
    nears = np.array([near for near, _ in wanted], dtype=np.int64)
    chosen = np.flatnonzero(np.isin(tails, nears))
    edges: dict[tuple[int, int], set[tuple[int, int]]] = {}
    columns = (column[chosen].tolist() for column in (tails, heads, ends.tail, ends.head))
    for near, far, tail, head in zip(*columns, strict=True):
        if (near, far) in wanted:
            edges.setdefault((near, far), set()).add((tail, head))
    return [_round([edges[pair] for pair in _pairs(cycle)], joined) for cycle in cycles]


def _pairs(cycle: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def _round(choices: list[set[tuple[int, int]]], joined: Joined) -> list[int]:
    """Go round: on from where the last edge led, where an edge does so, else by links."""
    rows: list[int] = []
    for choice in choices:
        here = rows[-1] if rows else None
        tail, head = min(choice, key=lambda edge: (edge[0] != here, *map(row_order, edge)))
        if here is not None and tail != here:
            rows += joined.way(here, tail)
        elif here is None:
            rows.append(tail)
        rows.append(head)
    if rows[-1] != rows[0]:
        rows += joined.way(rows[-1], rows[0])
    return rows


def row_vertices(namespace: int, rows: Ints) -> list[int]:
    """Return the vertices of rows, by kind and id."""
    return sorted(vertex_at(namespace, row) for row in rows.tolist())


def walked_ends(source: EdgeSource, edges: Ints) -> Ends:
    """Return the ends of edges that a walk found."""
    columns = source.columns(edges)
    return Ends(columns.tail, columns.head)
