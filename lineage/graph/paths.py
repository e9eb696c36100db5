"""The shortest paths between rows that a walk found, in order, however the graph is knotted.

A path does not come to a node twice, with one exception: a node that equal contents led to, from
where only an edge leads on, may be come to again by an edge, and left by a link. So there is a path
wherever a walk leads. Every step that is looked at is known to lead on to a path that is shown, or
to one no longer than that, so circles make no work without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from lineage.graph.hops import Hop, LinkSteps, chains, row_order
from lineage.graph.path_states import EDGE_COST, StateSteps


class FoundPath(NamedTuple):
    """A path: the row it starts from, and its hops."""

    start: int
    hops: tuple[Hop, ...]

    @property
    def length(self) -> int:
        """How many edges it has."""
        return sum(not hop.links for hop in self.hops)

    @property
    def links(self) -> int:
        """How many links it crosses."""
        return sum(hop.links for hop in self.hops)

    @property
    def order(self) -> tuple[tuple[int, int], ...]:
        """Its place among the paths of as many edges and links."""
        return tuple(map(row_order, (self.start, *(hop.row for hop in self.hops))))


class FoundPaths(NamedTuple):
    """The paths that were found, and why there may be more.

    ``is_longer``: there is one of more edges than were allowed. ``is_stopped``: too many steps had
    to be looked at.
    """

    paths: list[FoundPath]
    is_longer: bool = False
    is_stopped: bool = False


class PathLimits(NamedTuple):
    """How many paths are wanted, of how many edges, and how many steps may be looked at."""

    paths_max: int
    edges_max: int
    steps_max: int


class _Arc(NamedTuple):
    """A hop from one state to another."""

    state: int
    cost: int
    hop: Hop


class _Entered(NamedTuple):
    """A state of the path so far: what it cost, how it was come to, and the hops to be tried.

    ``newly`` are the states that nothing may come to any more because of it.
    """

    state: int
    cost: int
    hop: Hop
    newly: tuple[int, ...]
    arcs: Iterator[_Arc]


class _StoppedError(Exception):
    """Too many steps."""


def find_paths(
    edges: Iterable[tuple[int, int]],
    links: LinkSteps,
    ends: tuple[Iterable[int], Iterable[int]],
    limits: PathLimits,
) -> FoundPaths:
    """Return the shortest paths from any of the first ``ends`` to the nearest of the second.

    Edges and links lead the way of the walk.
    """
    starts, targets = ends
    search = _Search(_Arcs(edges, links, frozenset(targets)), limits)
    return search.run(sorted(set(starts), key=row_order))


class _Arcs:
    """The hops that lead to a target, between states.

    A state is a row and whether links led there: twice the row for one that an edge led to, and the
    next number for one that a chain of links led to, which only an edge leads on from.
    """

    def __init__(
        self, edges: Iterable[tuple[int, int]], links: LinkSteps, targets: frozenset[int]
    ) -> None:
        self.targets = targets
        self._links = links
        self._beyond: dict[int, set[int]] = {}
        for near, far in edges:
            self._beyond.setdefault(near, set()).add(far)
        self._of: dict[int, list[_Arc]] = {}
        steps = StateSteps(self._beyond, links, targets)
        self.left = steps.distances()
        self._knots = steps.knots(self.left)

    def of(self, state: int) -> list[_Arc]:
        """Return the hops from a state that lead to a target."""
        if state >> 1 in self.targets:
            return []
        if state not in self._of:
            self._of[state] = self._hops(state)
        return self._of[state]

    def _hops(self, state: int) -> list[_Arc]:
        row = state >> 1
        found = [_Arc(far << 1, EDGE_COST, Hop(far)) for far in self._beyond.get(row, ())]
        if not state & 1:
            hops = chains(row, self._links).items()
            found += [_Arc(far << 1 | 1, hop.links, hop) for far, hop in hops]
        return sorted((arc for arc in found if arc.state in self.left), key=_arc_order)

    def is_end(self, state: int) -> bool:
        """Tell whether a state is at a target."""
        return state >> 1 in self.targets

    def may_return(self, one: int, other: int) -> bool:
        """Tell whether two states that follow each other are in one knot."""
        return self._knots[one] == self._knots[other]


def _arc_order(arc: _Arc) -> tuple[int, int]:
    return row_order(arc.hop.row)


class _Search:
    """Goes through all paths of one cost after the other, in order, and never far astray."""

    def __init__(self, arcs: _Arcs, limits: PathLimits) -> None:
        self._arcs = arcs
        self._limits = limits
        self._steps = 0
        self._following: int | None = None
        """The least cost beyond the present one that a path may have."""
        self._taken: set[int] = set()
        """The states that the path so far leaves no way back to."""
        self._by_content: set[int] = set()
        """The rows of it that equal contents alone led to."""

    def run(self, starts: list[int]) -> FoundPaths:
        """Find as many as are wanted."""
        found: list[FoundPath] = []
        left = self._arcs.left
        costs = [left[row << 1] for row in starts if row << 1 in left]
        cost = min(costs, default=None)
        try:
            while cost is not None:
                self._following = None
                for start in starts:
                    for path in self._of_cost(start, cost):
                        if path.length > self._limits.edges_max:
                            return FoundPaths(found, is_longer=True)
                        found.append(path)
                        if len(found) == self._limits.paths_max:
                            return FoundPaths(found)
                cost = self._following
        except _StoppedError:
            return FoundPaths(found, is_stopped=True)
        return FoundPaths(found)

    def _of_cost(self, start: int, limit: int) -> Iterator[FoundPath]:
        """Yield the paths from a row that cost exactly so much, in order."""
        arcs, first = self._arcs, start << 1
        if arcs.is_end(first):
            if limit == 0:
                yield FoundPath(start, ())
            return
        if first not in arcs.left or self._is_beyond(arcs.left[first], limit):
            return
        path = [self._enter(_Arc(first, 0, Hop(start)), 0)]
        while path:
            arc = next(path[-1].arcs, None)
            if arc is None:
                self._leave(path.pop())
                continue
            cost = path[-1].cost + arc.cost
            if not self._may_go(arc, cost, limit):
                continue
            if arcs.is_end(arc.state):
                if cost == limit:
                    yield FoundPath(start, (*(one.hop for one in path[1:]), arc.hop))
                continue
            entered = self._enter(arc, cost)
            if self._leads_on(path[-1], entered, limit):
                path.append(entered)
            else:
                self._leave(entered)

    def _may_go(self, arc: _Arc, cost: int, limit: int) -> bool:
        self._look()
        return arc.state not in self._taken and not self._is_beyond(
            cost + self._arcs.left[arc.state], limit
        )

    def _leads_on(self, before: _Entered, entered: _Entered, limit: int) -> bool:
        """Tell whether a path may go on from a state to a target, at no more than this cost."""
        if not self._arcs.may_return(before.state, entered.state):
            return True
        left = self._left(entered.state)
        return left is not None and not self._is_beyond(entered.cost + left, limit)

    def _is_beyond(self, cost: int, limit: int) -> bool:
        """Tell whether a cost is more than the present one; remember the least that is."""
        if cost <= limit:
            return False
        if self._following is None or cost < self._following:
            self._following = cost
        return True

    def _look(self) -> None:
        self._steps += 1
        if self._steps > self._limits.steps_max:
            raise _StoppedError

    def _enter(self, arc: _Arc, cost: int) -> _Entered:
        """Come to a state: it is taken from now on, and what is no other way on from there."""
        state, hop = arc.state, arc.hop
        if state & 1 and hop.by_content:
            self._by_content.add(hop.row)
            wanted = [state]
        else:
            wanted = [state, state ^ 1]
        newly = tuple(one for one in wanted if one not in self._taken)
        self._taken.update(newly)
        return _Entered(state, cost, hop, newly, iter(self._beyond(state)))

    def _leave(self, entered: _Entered) -> None:
        self._taken.difference_update(entered.newly)
        if entered.state & 1:
            self._by_content.discard(entered.hop.row)

    def _beyond(self, state: int) -> list[_Arc]:
        """Return the hops on from a state: what was left by an edge is next left by a link."""
        arcs = self._arcs.of(state)
        if not state & 1 and state >> 1 in self._by_content:
            return [arc for arc in arcs if arc.state & 1]
        return arcs

    def _left(self, state: int) -> int | None:
        """Return what it costs from a state to a target without coming to what is taken."""
        left = self._arcs.left
        waiting = [(left[state], 0, state)]
        done: set[int] = set()
        while waiting:
            total, cost, near = heappop(waiting)
            if near in done:
                continue
            if self._arcs.is_end(near) or not self._arcs.may_return(state, near):
                # Beyond the knot nothing is taken.
                return total
            done.add(near)
            for arc in self._beyond(near):
                self._look()
                if arc.state not in self._taken and arc.state not in done:
                    further = cost + arc.cost
                    heappush(waiting, (further + left[arc.state], further, arc.state))
        return None
