"""Cycles among entities as ways from node to node: along edges, and by links within an entity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lineage.graph.adjacency import EdgeSource, Ints, Shown, vertex_at
from lineage.graph.hops import link_steps, row_order
from lineage.graph.links import Crossing, LinkIndex
from lineage.graph.walked import WalkedEdges, crossed_rows
from lineage.graph.whole import Ends, Entities
from lineage_schemas.records import LinkClass


class Round(NamedTuple):
    """A way round that ends where it began, and the links that it crosses."""

    rows: list[int]
    crossings: list[Crossing]


def edges_out_of(source: EdgeSource, rows: Sequence[int], shown: Shown) -> WalkedEdges:
    """Return the edges that lead on from some rows, with the flow of data."""
    frontier: Ints = np.array(sorted(set(rows)), dtype=np.int64)
    edges = source.behind(frontier, shown, upstream=False).edges
    if not len(edges):
        return WalkedEdges(frontier[:0], frontier[:0], edges)
    columns = source.columns(edges)
    return WalkedEdges(columns.tail, columns.head, edges)


class Crossed:
    """The ways between the nodes of entities, by asserted links."""

    def __init__(self, links: LinkIndex, namespace: int, size: int) -> None:
        self._links = links
        self._namespace = namespace
        self._size = size

    def way(self, start: int, end: int, crossings: list[Crossing]) -> tuple[int, ...]:
        """Return the rows from one to another of its entity, without the first; add its links."""
        ways: dict[int, tuple[int, ...]] = {start: ()}
        level = [start]
        while end not in ways:
            following: list[int] = []
            for near in level:
                vertex = vertex_at(self._namespace, near)
                found = self._links.crossings(vertex, self._size, [LinkClass.ASSERTED])
                crossings += found
                for far in link_steps(crossed_rows(found)).get(near, {}):
                    if far not in ways:
                        ways[far] = (*ways[near], far)
                        following.append(far)
            level = following
        return ways[end]


def rounds_of(
    cycles: Sequence[Sequence[int]], ends: Ends, entities: Entities, crossed: Crossed
) -> list[Round]:
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
    return [_round([edges[pair] for pair in _pairs(cycle)], crossed) for cycle in cycles]


def _pairs(cycle: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def _round(choices: list[set[tuple[int, int]]], crossed: Crossed) -> Round:
    """Go round: on from where the last edge led, where an edge does so, else by links."""
    rows: list[int] = []
    crossings: list[Crossing] = []
    for choice in choices:
        here = rows[-1] if rows else None
        tail, head = min(choice, key=lambda edge: (edge[0] != here, *map(row_order, edge)))
        if here is not None and tail != here:
            rows += crossed.way(here, tail, crossings)
        elif here is None:
            rows.append(tail)
        rows.append(head)
    if rows[-1] != rows[0]:
        rows += crossed.way(rows[-1], rows[0], crossings)
    return Round(rows, crossings)


def row_vertices(namespace: int, rows: Ints) -> list[int]:
    """Return the vertices of rows, by kind and id."""
    return sorted(vertex_at(namespace, row) for row in rows.tolist())


def walked_ends(source: EdgeSource, edges: Ints) -> Ends:
    """Return the ends of edges that a walk found."""
    columns = source.columns(edges)
    return Ends(columns.tail, columns.head)
