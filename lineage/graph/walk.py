"""Walk the lineage graph level by level, over arrays where it is wide and one by one where narrow.

A level is one lineage edge further from the start; links are crossed within a level, for free. What
a walk finds is rows of ``adjacency``, in the order of their levels and then by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import Adjacency, Bools, Ints, Way, row_of, vertex_at, vertices_at
from lineage.graph.index import GraphSnapshot
from lineage.graph.links import Crossing, LinkIndex
from lineage.valid_time import ValidTime
from lineage.vertices import KIND_CODES, kind_code, namespace_of
from lineage_schemas.graph import Direction, Truncation, TruncationReason
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]
_NARROW_ROWS_MAX: Final = 24
"""Up to so many rows, lists are faster than arrays."""


class Bounds(NamedTuple):
    """What a walk may see, and how far it may go.

    ``valid``: only edges and links that were so then. ``fanout_max``: so many edges of one row are
    followed, lowest row first. ``stops`` tells of rows whether the walk does not lead on from them;
    it is asked of the rows of each level at once, and never of the start.
    """

    size: int
    depth_max: int
    nodes_max: int
    crossed: tuple[LinkClass, ...]
    valid: ValidTime | None = None
    fanout_max: int | None = None
    stops: Callable[[Ints], Bools] | None = None


class Walked(NamedTuple):
    """What a walk found: rows with their depths, edges, links crossed, and what cut it."""

    rows: Ints
    depths: Ints
    edges: Ints
    crossings: list[Crossing]
    truncations: list[Truncation]


class Walk:
    """One walk in one direction."""

    def __init__(
        self, namespace: int, adjacency: Adjacency, way: Way, links: LinkIndex, bounds: Bounds
    ) -> None:
        self._namespace = namespace
        self._adjacency = adjacency
        self._way = way
        self._links = links
        self._bounds = bounds
        self._is_past = bounds.size < adjacency.size
        linked = [row_of(vertex) for vertex in links.vertices if _is_walkable(namespace, vertex)]
        rows = max([adjacency.rows, *(row + 1 for row in linked)])
        self._seen: Bools = np.zeros(rows, dtype=np.bool_)
        # A row that was reached by equal contents is seen, but only an edge may lead on from it;
        # reached again by an edge, its own links count after all.
        self._settled: Bools = np.zeros(rows, dtype=np.bool_)
        self._linked: Bools = np.zeros(rows, dtype=np.bool_)
        self._linked[linked] = True
        self._places: Ints = np.zeros(rows, dtype=np.int64)
        self._has_links = bool(linked)
        self._crossings: list[Crossing] = []

    def run(self, start: Iterable[int], nodes_max: int) -> Walked:
        """Walk from the rows of ``start`` until nothing is new or a bound is reached.

        The start is always part of the answer, however many nodes may be.
        """
        first = np.array(sorted(set(start)), dtype=np.int64)
        self._make_room(first)
        nodes_max = max(nodes_max, len(first))
        truncations: list[Truncation] = []
        level = self._arrive(first)
        if len(level) > nodes_max:
            linked = np.setdiff1d(level, first)
            kept = self._cut_level(linked, nodes_max - len(first), truncations)
            level = np.union1d(first, kept)
        rows: list[Ints] = [level]
        depths: list[Ints] = [np.zeros(len(level), dtype=np.int64)]
        edges: list[Ints] = []
        depth, count = 0, len(level)
        while len(level) and not truncations:
            reached, passed = self._step(level)
            if depth == self._bounds.depth_max:
                edges.append(passed[self._seen[reached]])
                hidden = self._count_behind(self._distinct(reached))
                if hidden:
                    truncations.append(_cut(TruncationReason.DEPTH, depth, hidden))
                break
            edges.append(passed)
            depth += 1
            level = self._arrive(self._distinct(reached))
            if len(level) > nodes_max - count:
                level = self._cut_level(level, nodes_max - count, truncations)
            count += len(level)
            _append_level(rows, depths, level, depth)
        every_edge: Ints = np.concatenate(edges) if edges else np.empty(0, dtype=np.int64)
        if truncations:
            every_edge = self._inside(every_edge)
            self._crossings = [step for step in self._crossings if self._is_inside(step)]
        return Walked(
            np.concatenate(rows), np.concatenate(depths), every_edge, self._crossings, truncations
        )

    def _cut_level(self, level: Ints, room: int, truncations: list[Truncation]) -> Ints:
        """Keep as many rows of a level as there is room for, and count the others."""
        limit = self._bounds.nodes_max
        truncations.append(_cut(TruncationReason.NODES, limit, len(level) - room))
        self._seen[level[room:]] = False
        return level[:room]

    def _count_behind(self, reached: Ints) -> int:
        """Count what one more edge would add, without adding it.

        That is more than the rows never seen: one that equal contents reached is seen already, but
        reached by an edge its own links count too.
        """
        seen, crossed = self._seen.copy(), len(self._crossings)
        hidden = len(self._arrive(reached))
        self._seen = seen
        del self._crossings[crossed:]
        return hidden

    def _step(self, level: Ints) -> tuple[Ints, Ints]:
        """Return (rows, edges) one edge away, as of the size that is asked for."""
        if len(level) <= _NARROW_ROWS_MAX:
            rows: list[int] = []
            edges: list[int] = []
            for row in level.tolist():
                behind_rows, behind_edges = self._way.behind_one(row)
                rows += behind_rows
                edges += behind_edges
            reached = np.array(rows, dtype=np.int64)
            passed = np.array(edges, dtype=np.int64)
        else:
            reached, passed = self._way.behind(level)
        if self._is_past and len(passed):
            shows = self._adjacency.edges.since[passed] < self._bounds.size
            reached, passed = reached[shows], passed[shows]
        return reached, passed

    def _distinct(self, rows: Ints) -> Ints:
        """Return each of the rows once, in order.

        Every row remembers the last place it stands at; a place that is remembered is kept.
        """
        places = np.arange(len(rows), dtype=np.int64)
        self._places[rows] = places
        return np.sort(rows[self._places[rows] == places])

    def _arrive(self, reached: Ints) -> Ints:
        """Settle the rows reached by edges, cross their links; return those never seen before."""
        fresh = reached[~self._settled[reached]]
        self._settled[fresh] = True
        level = fresh[~self._seen[fresh]]
        self._seen[level] = True
        if not self._has_links:
            return level
        linked = fresh[self._linked[fresh]].tolist()
        if not linked:
            return level
        return np.sort(np.concatenate((level, np.array(self._cross(linked), dtype=np.int64))))

    def _cross(self, waiting: list[int]) -> list[int]:
        """Follow links from settled rows; return the rows that were never seen before."""
        found: list[int] = []
        while waiting:
            vertex = vertex_at(self._namespace, waiting.pop())
            for crossing in self._links.crossings(vertex, self._bounds.size, self._bounds.crossed):
                row = row_of(crossing.far.vertex)
                self._crossings.append(crossing)
                if not self._seen[row]:
                    self._seen[row] = True
                    found.append(row)
                if crossing.link_class is not LinkClass.CONTENT and not self._settled[row]:
                    self._settled[row] = True
                    waiting.append(row)
        return found

    def _inside(self, edges: Ints) -> Ints:
        """Keep the edges between two rows that are part of the answer."""
        every = self._adjacency.edges
        return edges[self._seen[every.tail[edges]] & self._seen[every.head[edges]]]

    def _is_inside(self, crossing: Crossing) -> bool:
        ends = row_of(crossing.near.vertex), row_of(crossing.far.vertex)
        return all(self._seen[row] for row in ends)

    def _make_room(self, rows: Ints) -> None:
        """Make the marks long enough for nodes that have neither edges nor links."""
        missing = int(rows.max()) + 1 - len(self._seen) if len(rows) else 0
        if missing > 0:
            self._seen, self._settled, self._linked = (
                np.concatenate((marks, np.zeros(missing, dtype=np.bool_)))
                for marks in (self._seen, self._settled, self._linked)
            )


def walk_lineage(
    namespace: int,
    snapshot: GraphSnapshot,
    start: Iterable[int],
    direction: Direction,
    bounds: Bounds,
) -> Walked:
    """Walk from the rows of ``start``. Both ways means upstream, and downstream, of the start."""
    adjacency, links = snapshot
    rows = sorted(set(start))
    nodes_max = bounds.nodes_max
    if direction is Direction.UPSTREAM:
        return Walk(namespace, adjacency, adjacency.upstream, links, bounds).run(rows, nodes_max)
    if direction is Direction.DOWNSTREAM:
        return Walk(namespace, adjacency, adjacency.downstream, links, bounds).run(rows, nodes_max)
    up = Walk(namespace, adjacency, adjacency.upstream, links, bounds).run(rows, nodes_max)
    # Both walks begin with the same rows, which are not to be counted twice.
    room = nodes_max - len(up.rows) + int((up.depths == 0).sum())
    down = Walk(namespace, adjacency, adjacency.downstream, links, bounds).run(rows, room)
    return _joined(up, down)


def edges_at(adjacency: Adjacency, rows: Iterable[int], size: int) -> Ints:
    """Return the edges that touch any of these rows as of a size, oldest first."""
    edges = sorted(
        {
            edge
            for row in rows
            for way in (adjacency.upstream, adjacency.downstream)
            for edge in way.behind_one(row)[1]
        }
    )
    found = np.array(edges, dtype=np.int64)
    return found[adjacency.edges.since[found] < size]


def found_nodes(namespace: int, walked: Walked) -> tuple[list[int], list[int]]:
    """Return (vertices, depths) of the nodes a walk found, nearest first."""
    return vertices_at(namespace, walked.rows).tolist(), walked.depths.tolist()


def _joined(up: Walked, down: Walked) -> Walked:
    """Put two walks from one start together; a node in both keeps its smaller depth."""
    rows = np.concatenate((up.rows, down.rows))
    depths = np.concatenate((up.depths, down.depths))
    order = np.lexsort((depths, rows))
    rows, depths = rows[order], depths[order]
    first = np.ones(len(rows), dtype=np.bool_)
    first[1:] = rows[1:] != rows[:-1]
    rows, depths = rows[first], depths[first]
    nearest = np.lexsort((rows, depths))
    return Walked(
        rows[nearest],
        depths[nearest],
        np.union1d(up.edges, down.edges),
        up.crossings + down.crossings,
        up.truncations + down.truncations,
    )


def _append_level(rows: list[Ints], depths: list[Ints], level: Ints, depth: int) -> None:
    rows.append(level)
    depths.append(np.full(len(level), depth, dtype=np.int64))


def _cut(reason: TruncationReason, limit: int, hidden: int) -> Truncation:
    return Truncation(reason=reason, limit=limit, hidden=hidden)


def _is_walkable(namespace: int, vertex: int) -> bool:
    """Lineage runs over artifacts and executions of one namespace, never through contexts."""
    return namespace_of(vertex) == namespace and kind_code(vertex) != _CONTEXT
