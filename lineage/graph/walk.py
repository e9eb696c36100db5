"""Walk the lineage graph level by level, over arrays where it is wide and one by one where narrow.

A level is one lineage edge further from the start; links are crossed within a level, for free. What
a walk finds is rows of ``adjacency``, in the order of their levels and then by row. Where edges and
links come from, memory or the store, makes no difference to what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import (
    Bools,
    EdgeSource,
    Ints,
    Shown,
    rows_of,
    vertices_at,
)
from lineage.graph.crossing import Crosser, WalkedLinks, joined_links
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.index import GraphSnapshot
from lineage.graph.links import LinkSource
from lineage.graph.narrow import Narrow
from lineage.graph.partners import NO_CLAIMS, LinkColumns, joined_columns
from lineage.graph.spare_marks import NEW, SEEN, SETTLED, Marks
from lineage.graph.standing_links import find_marks
from lineage.valid_time import ValidTime
from lineage_schemas.graph import Direction, Truncation, TruncationReason
from lineage_schemas.records import LinkClass

_NO_ROWS: Final[Ints] = np.empty(0, dtype=np.int64)


class Bounds(NamedTuple):
    """What a walk may see, and how far it may go.

    ``valid``: only edges that had begun by then; links are those of the snapshot. ``fanout_max``:
    so many edges of one row are followed, lowest row first, then by kind. ``stops`` tells of rows
    whether the walk does not lead on from them; it is asked of the rows of each level at once, and
    never of the start and what links join to it.
    """

    size: int
    depth_max: int
    nodes_max: int
    crossed: tuple[LinkClass, ...]
    valid: ValidTime | None = None
    fanout_max: int | None = None
    stops: Callable[[Ints], Bools] | None = None


class Walked(NamedTuple):
    """What a walk found: rows with their depths, edges, claims that may link, and what cut it.

    ``stopped`` are the rows that ``stops`` held the walk at, ``beyond`` those that the limit of
    depth or of nodes left out.
    """

    rows: Ints
    depths: Ints
    edges: Ints
    links: WalkedLinks
    truncations: list[Truncation]
    stopped: Ints = _NO_ROWS
    beyond: Ints = _NO_ROWS


class Walk:
    """One walk in one direction; it is run once.

    ``known`` are rows, in order, that are part of the answer whatever this walk finds: they take up
    no room in it.
    """

    def __init__(
        self,
        namespace: int,
        snapshot: GraphSnapshot,
        bounds: Bounds,
        *,
        upstream: bool,
        known: Ints = _NO_ROWS,
    ) -> None:
        self._namespace = namespace
        self._edges: EdgeSource = snapshot.adjacency
        self._links: LinkSource = snapshot.links.source
        self._bounds = bounds
        self._upstream = upstream
        self._known = known
        self._beyond = _NO_ROWS
        self._shown = Shown(bounds.size, bounds.valid)
        self._marks: Marks = self._edges.spare_marks.take(self._edges.rows)
        self._crosser = Crosser(self._links, bounds.size, bounds.crossed)
        self._joined: list[Ints] = []
        self._stopped: list[Ints] = []
        self._hidden = 0
        self._narrow = self._made_narrow(snapshot)

    def _made_narrow(self, snapshot: GraphSnapshot) -> Narrow | None:
        """Return what walks one by one: over edges in memory, with nothing to ask of each."""
        bounds, edges = self._bounds, snapshot.adjacency
        if bounds.stops is not None or bounds.fanout_max is not None:
            return None
        if not isinstance(edges, EdgeIndex):
            return None
        if not bounds.crossed:
            return Narrow(edges, None, self._shown, upstream=self._upstream)
        marks = find_marks(self._links)
        if marks is None:
            return None
        return Narrow(edges, marks, self._shown, upstream=self._upstream)

    def run(self, start: Iterable[int], nodes_max: int) -> Walked:
        """Walk from the rows of ``start`` until nothing is new or a bound is reached.

        The start is always part of the answer, however many nodes may be.
        """
        first = np.array(sorted(set(start)), dtype=np.int64)
        nodes_max = max(nodes_max, self._count_new(first))
        cuts: list[Truncation] = []
        level = self._arrive(first)
        if self._count_new(level) > nodes_max:
            linked = np.setdiff1d(level, first)
            kept = self._cut_level(linked, nodes_max - self._count_new(first), cuts)
            level = np.union1d(first, kept)
        rows: list[Ints] = [level]
        depths: list[Ints] = [np.zeros(len(level), dtype=np.int32)]
        edges: list[Ints] = []
        links: WalkedLinks | None = None
        depth, count = 0, self._count_new(level)
        while len(level) and not cuts:
            if self._narrow is not None and self._narrow.suits(level):
                room = self._bounds.depth_max - depth, nodes_max - count
                run = self._narrow.run(level, self._marks, room)
                rows.append(run.rows)
                depths.append(run.depths + depth)
                edges.append(run.edges)
                level, depth, count = (
                    run.level,
                    depth + run.levels,
                    count + self._count_new(run.rows),
                )
                if not len(level):
                    break
            if depth == self._bounds.depth_max:
                reached, passed = self._edges.behind(level, self._shown, upstream=self._upstream)
                edges.append(passed[self._marks_of(reached) != NEW])
                links = self._walked_links()
                hidden = self._count_behind(reached)
                if hidden:
                    cuts.append(_cut(TruncationReason.DEPTH, depth, hidden))
                break
            reached, passed = self._step(level)
            edges.append(passed)
            depth += 1
            level = self._arrive(reached)
            if self._count_new(level) > nodes_max - count:
                level = self._cut_level(level, nodes_max - count, cuts)
            count += self._count_new(level)
            rows.append(level)
            depths.append(np.full(len(level), depth, dtype=np.int32))
            level = self._leading_on(level)
        if links is None:
            links = self._walked_links()
        return self._walked((rows, depths, edges), links, cuts)

    def _walked(
        self,
        found: tuple[list[Ints], list[Ints], list[Ints]],
        links: WalkedLinks,
        cuts: list[Truncation],
    ) -> Walked:
        rows, depths, edges = found
        every_row = np.concatenate(rows)
        every_edge: Ints = np.concatenate(edges) if edges else _NO_ROWS
        if cuts:
            every_edge = self._inside(every_edge)
        if self._hidden:
            limit = self._bounds.fanout_max or 0
            cuts = [_cut(TruncationReason.FANOUT, limit, self._hidden), *cuts]
        self._edges.spare_marks.give_back(self._marks, every_row)
        return Walked(
            every_row,
            np.concatenate(depths),
            every_edge,
            links,
            cuts,
            np.concatenate(self._stopped) if self._stopped else _NO_ROWS,
            self._beyond,
        )

    def _cut_level(self, level: Ints, room: int, cuts: list[Truncation]) -> Ints:
        """Keep as many new rows of a level as there is room for, and count the others."""
        is_new = ~self._are_known(level)
        kept: Bools = ~is_new | (np.cumsum(is_new) <= room)
        self._beyond = level[~kept]
        cuts.append(_cut(TruncationReason.NODES, self._bounds.nodes_max, len(self._beyond)))
        self._marks[self._beyond] = NEW
        return level[kept]

    def _are_known(self, rows: Ints) -> Bools:
        """Tell of rows which of them are part of the answer anyway."""
        if not len(self._known):
            return np.zeros(len(rows), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self._known, rows), len(self._known) - 1)
        known: Bools = self._known[places] == rows
        return known

    def _count_new(self, rows: Ints) -> int:
        """Count the rows that take up room."""
        return len(rows) - (int(self._are_known(rows).sum()) if len(self._known) else 0)

    def _leading_on(self, level: Ints) -> Ints:
        """Return the rows of a level that the walk leads on from."""
        if self._bounds.stops is None or not len(level):
            return level
        stops = self._bounds.stops(level)
        if stops.any():
            self._stopped.append(level[stops])
        return level[~stops]

    def _count_behind(self, reached: Ints) -> int:
        """Count what one more edge would add, and leave it out: the walk ends here.

        That is more than the rows never seen: one that equal contents reached is seen already, but
        reached by an edge its own links count too.
        """
        self._beyond = hidden = self._arrive(reached)
        self._marks[hidden] = NEW
        return len(hidden)

    def _walked_links(self) -> WalkedLinks:
        """Return the claims of the rows found so far that links may join."""
        near = self._kept(joined_columns(self._crosser.near))
        crossed = self._bounds.crossed
        if not len(near.hub):
            return WalkedLinks(near, NO_CLAIMS, crossed)
        joined: Ints = np.concatenate(self._joined) if self._joined else _NO_ROWS
        seen = vertices_at(self._namespace, joined[self._marks[joined] == SEEN])
        far = self._links.of_vertices(seen, self._bounds.size)
        return WalkedLinks(near, far, crossed)

    def _kept(self, claims: LinkColumns) -> LinkColumns:
        """Return those of rows that are part of the answer."""
        if not len(claims.hub):
            return claims
        return claims.among(self._marks_of(rows_of(claims.vertex)) != NEW)

    def _step(self, level: Ints) -> tuple[Ints, Ints]:
        """Return (rows, edges) one edge away, of those that count and are followed."""
        reached, passed = self._edges.behind(level, self._shown, upstream=self._upstream)
        limit = self._bounds.fanout_max
        if limit is None or len(passed) <= limit:
            return reached, passed
        columns = self._edges.columns(passed)
        origin = columns.head if self._upstream else columns.tail
        order = np.lexsort((columns.kind, reached, origin))
        ordered = origin[order]
        is_first = np.ones(len(order), dtype=np.bool_)
        is_first[1:] = ordered[1:] != ordered[:-1]
        places = np.arange(len(order))
        followed = order[places - np.maximum.accumulate(np.where(is_first, places, 0)) < limit]
        self._hidden += len(order) - len(followed)
        return reached[followed], passed[followed]

    def _arrive(self, reached: Ints) -> Ints:
        """Settle the rows reached by edges, cross their links; return those never seen before."""
        self._make_room(reached)
        marks = self._marks[reached]
        fresh = _distinct(reached[marks < SETTLED])
        level = fresh[self._marks[fresh] == NEW] if bool((marks == SEEN).any()) else fresh
        self._marks[fresh] = SETTLED
        if not self._bounds.crossed or not len(fresh):
            return level
        may_link = self._links.may_link(fresh)
        linked = fresh if may_link is None else fresh[may_link]
        if not len(linked):
            return level
        every: Ints = np.sort(np.concatenate((level, self._cross(linked))))
        return every

    def _cross(self, waiting: Ints) -> Ints:
        """Follow links from settled rows; return the rows that were never seen before."""
        found: list[Ints] = []
        while len(waiting):
            reached = self._crosser.cross(vertices_at(self._namespace, waiting))
            if not len(reached.vertices):
                break
            rows = rows_of(reached.vertices)
            self._make_room(rows)
            joined = _distinct(rows[self._marks[rows] == NEW])
            self._marks[joined] = SEEN
            found.append(joined)
            onward = rows[reached.leads_on]
            waiting = _distinct(onward[self._marks[onward] < SETTLED])
            self._marks[waiting] = SETTLED
        self._joined += found
        joined_rows: Ints = np.concatenate(found) if found else _NO_ROWS
        return joined_rows

    def _marks_of(self, rows: Ints) -> Marks:
        self._make_room(rows)
        return self._marks[rows]

    def _inside(self, edges: Ints) -> Ints:
        """Keep the edges between two rows that are part of the answer."""
        if not len(edges):
            return edges
        tail, head = self._edges.columns(edges)[:2]
        is_inside: Bools = (self._marks_of(tail) != NEW) & (self._marks_of(head) != NEW)
        return edges[is_inside]

    def _make_room(self, rows: Ints) -> None:
        """Make the marks long enough for rows that have no edges in memory."""
        missing = int(rows.max(initial=-1)) + 1 - len(self._marks)
        if missing > 0:
            # Twice as much as is needed, so that growing costs little however often it is.
            room = np.zeros(missing + len(self._marks), dtype=np.uint8)
            self._marks = np.concatenate((self._marks, room))


def walk_lineage(
    namespace: int,
    snapshot: GraphSnapshot,
    start: Iterable[int],
    direction: Direction,
    bounds: Bounds,
) -> Walked:
    """Walk from the rows of ``start``. Both ways means upstream, and downstream, of the start."""
    rows = sorted(set(start))
    nodes_max = bounds.nodes_max
    if direction is not Direction.BOTH:
        upstream = direction is Direction.UPSTREAM
        return Walk(namespace, snapshot, bounds, upstream=upstream).run(rows, nodes_max)
    up = Walk(namespace, snapshot, bounds, upstream=True).run(rows, nodes_max)
    known: Ints = np.sort(up.rows)
    room = max(nodes_max - len(known), 0)
    down = Walk(namespace, snapshot, bounds, upstream=False, known=known).run(rows, room)
    return _joined(up, down)


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
        joined_links(up.links, down.links),
        _joined_cuts(up, down, rows),
        np.union1d(up.stopped, down.stopped),
        np.setdiff1d(np.union1d(up.beyond, down.beyond), rows),
    )


def _joined_cuts(up: Walked, down: Walked, rows: Ints) -> list[Truncation]:
    """Say once of each limit what it left out of two walks, of which ``rows`` are what was found.

    What the limit of depth left out one way may all have been found the other way. It is a cut
    nevertheless: nobody looked at what is behind, nor at each edge that leads there.
    """
    hidden: dict[tuple[TruncationReason, int], int] = {}
    beyond: dict[tuple[TruncationReason, int], Ints] = {}
    for walked in (up, down):
        for cut in walked.truncations:
            key = cut.reason, cut.limit
            hidden[key] = hidden.get(key, 0) + cut.hidden
            if cut.reason is not TruncationReason.FANOUT:
                beyond[key] = np.union1d(beyond.get(key, _NO_ROWS), walked.beyond)
    hidden |= {key: len(np.setdiff1d(left_out, rows)) for key, left_out in beyond.items()}
    return [_cut(reason, limit, count) for (reason, limit), count in hidden.items()]


def _distinct(rows: Ints) -> Ints:
    """Return each of the rows once, in order."""
    if len(rows) < 2:  # noqa: PLR2004 - one is distinct
        return rows
    ordered = np.sort(rows)
    first = np.empty(len(ordered), dtype=np.bool_)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    found: Ints = ordered[first]
    return found


def _cut(reason: TruncationReason, limit: int, hidden: int) -> Truncation:
    return Truncation(reason=reason, limit=limit, hidden=hidden)
