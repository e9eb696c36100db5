"""Where data flows in circles: the knots among edges, and a short cycle of each."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import Ints
from lineage.graph.components import strong_components
from lineage.graph.hops import row_order

CYCLE_STEPS_MAX: Final = 1_000_000
"""Steps that are looked at for the shortest cycle of one knot."""

_TRIMMED_PART: Final = 16
"""Edges at the rim are cut off as long as it takes one in so many away."""
_SHORTEST: Final = 2
"""No cycle is shorter: an edge leads from an artifact to an execution, or back."""


class KnotFound(NamedTuple):
    """The rows of a knot, in order, and the edges between them."""

    rows: Ints
    tail: Ints
    head: Ints


class CycleFound(NamedTuple):
    """The rows of a cycle, from its first once round; ``is_shortest``: none is shorter."""

    rows: list[int]
    is_shortest: bool


def find_knots(tail: Ints, head: Ints) -> list[KnotFound]:
    """Return the knots among edges, the largest first, then by their first rows."""
    tail, head = _trimmed(tail, head)
    if not len(tail):
        return []
    rows, ends = np.unique(np.concatenate((tail, head)), return_inverse=True)
    near, far = ends[: len(tail)], ends[len(tail) :]
    components = strong_components(near, far, len(rows))
    within = components[near] == components[far]
    if not within.any():
        return []
    knots = components[near[within]]
    order = np.argsort(knots, kind="stable")
    cuts = np.flatnonzero(np.diff(knots[order])) + 1
    found = [_knot(tail[within][chosen], head[within][chosen]) for chosen in np.split(order, cuts)]
    return sorted(found, key=lambda knot: (-len(knot.rows), min(map(row_order, knot.rows))))


def _knot(tail: Ints, head: Ints) -> KnotFound:
    return KnotFound(np.unique(np.concatenate((tail, head))), tail, head)


def _trimmed(tail: Ints, head: Ints) -> tuple[Ints, Ints]:
    """Cut edges off that nothing leads to, or that lead to nothing, as long as many are."""
    while len(tail):
        count = int(max(tail.max(), head.max())) + 1
        leads, is_led = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        leads[tail], is_led[head] = True, True
        kept = is_led[tail] & leads[head]
        removed = len(kept) - int(kept.sum())
        tail, head = tail[kept], head[kept]
        if removed * _TRIMMED_PART < len(kept):
            break
    return tail, head


def find_cycle(knot: KnotFound, steps_max: int = CYCLE_STEPS_MAX) -> CycleFound:
    """Return the shortest cycle of a knot, of several the one through the first row.

    Where it takes too many steps to look at all, it is the shortest of those through the first
    rows.
    """
    beyond: dict[int, set[int]] = {}
    for near, far in zip(knot.tail.tolist(), knot.head.tolist(), strict=True):
        beyond.setdefault(near, set()).add(far)
    ordered = {near: sorted(fars, key=row_order) for near, fars in beyond.items()}
    shortest: list[int] = []
    steps = 0
    for row in sorted(ordered, key=row_order):
        if shortest and (steps > steps_max or len(shortest) == _SHORTEST):
            break
        found, looked = _round(ordered, row, len(shortest) - 1 if shortest else None)
        steps += looked
        shortest = found or shortest
    return CycleFound(shortest, steps <= steps_max or len(shortest) == _SHORTEST)


def _round(
    beyond: dict[int, list[int]], start: int, edges_max: int | None
) -> tuple[list[int], int]:
    """Return the shortest cycle through a row, of so many edges at most, and the steps it took."""
    before: dict[int, int] = {}
    level, depth, steps = [start], 0, 0
    while level and (edges_max is None or depth < edges_max):
        following: list[int] = []
        for near in level:
            for far in beyond[near]:
                steps += 1
                if far == start:
                    rows = [near]
                    while rows[-1] != start:
                        rows.append(before[rows[-1]])
                    return rows[::-1], steps
                if far not in before:
                    before[far] = near
                    following.append(far)
        level, depth = following, depth + 1
    return [], steps
