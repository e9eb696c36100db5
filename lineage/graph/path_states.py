"""How far each state of a path is from its end, and which states lead to each other.

A state is a row and whether links led there: twice the row for one that an edge led to, and the
next number for one that a chain of links led to, which only an edge leads on from. Within a chain
links lead on through points that stand for identifiers, so what is looked at grows with the claims,
not with the pairs of nodes that share one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Final

import numpy as np

from lineage.graph.components import strong_components
from lineage.graph.hops import LinkSteps

EDGE_COST: Final = 1 << 32
"""The cost of an edge; that of a link is 1, so links decide only between paths of one length."""


class StateSteps:
    """The steps between states, one edge or one claim each.

    States are even and odd numbers below ``2 * first``; beyond are twice the points, and the rows
    within a chain as the next numbers.
    """

    def __init__(
        self, beyond: Mapping[int, set[int]], links: LinkSteps, targets: frozenset[int]
    ) -> None:
        """Take edges by the row they start from, links, and the rows where paths end."""
        rows = {*targets, *beyond, *(far for some in beyond.values() for far in some)}
        self._first = max(max(rows, default=-1) + 1, links.first)
        self._shift = self._first - links.first
        self._beyond = beyond
        self._links = links
        self._targets = targets

    def distances(self) -> dict[int, int]:
        """Return the cost from each state to the nearest end, whatever lies on the way."""
        into: dict[int, list[tuple[int, int]]] = {}
        for before, state, cost in self._steps():
            into.setdefault(state, []).append((before, cost))
        waiting = [(0, row << 1 | bridged) for row in self._targets for bridged in (0, 1)]
        heapify(waiting)
        left: dict[int, int] = {}
        while waiting:
            cost, state = heappop(waiting)
            if state in left:
                continue
            left[state] = cost
            for before, step in into.get(state, ()):
                if before not in left:
                    heappush(waiting, (cost + step, before))
        return left

    def knots(self, left: Mapping[int, int]) -> dict[int, int]:
        """Number the knots among some states: both states of a row are one."""
        states = {state: number for number, state in enumerate(left)}
        ends = [
            (states[before], states[state])
            for before, state, _ in self._steps()
            if before in states and state in states
        ]
        ends += [
            (number, states[state ^ 1])
            for state, number in states.items()
            if state < 2 * self._first and state ^ 1 in states
        ]
        tail, head = np.array(ends, dtype=np.int64).reshape(-1, 2).T
        return dict(zip(states, strong_components(tail, head, len(states)).tolist(), strict=True))

    def _steps(self) -> Iterator[tuple[int, int, int]]:
        """Yield the steps: (state, state, cost). Only chains go on past an end."""
        for near, fars in self._beyond.items():
            if near not in self._targets:
                for far in fars:
                    yield near << 1, far << 1, EDGE_COST
                    yield near << 1 | 1, far << 1, EDGE_COST
        for near, steps in self._links.onward.items():
            for far, by_content in steps:
                if near < self._links.first:
                    point = self._point(far)
                    if near not in self._targets:
                        yield near << 1, point, 1
                    yield self._within(near), point, 1
                elif far < self._links.first:
                    yield self._point(near), far << 1 | 1, 0
                    if not by_content:
                        yield self._point(near), self._within(far), 0
                else:
                    yield self._point(near), self._point(far), 0

    def _point(self, number: int) -> int:
        return (number + self._shift) << 1

    def _within(self, row: int) -> int:
        return (self._first + row) << 1 | 1
