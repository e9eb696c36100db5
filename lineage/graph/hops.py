"""What a walk found as hops: along an edge, or along a chain of links from one edge to the next.

Links are crossed as in a walk: after equal contents the next step is an edge. Of all chains between
two nodes one is taken, so that nodes which many links join do not multiply the ways between others:
the shortest, then the first by its nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lineage.graph.adjacency import rows_of
from lineage.graph.crossing import WalkedLinks
from lineage.graph.partners import joined_columns, ways_of
from lineage.graph.stars import link_arcs


class Hop(NamedTuple):
    """A hop to a row: along an edge, or through rows that links join; ``row`` is the last of them.

    ``by_content``: every chain there ends with equal contents.
    """

    row: int
    through: tuple[int, ...] = ()
    by_content: bool = False

    @property
    def links(self) -> int:
        """How many links are crossed."""
        return len(self.through)


class LinkSteps(NamedTuple):
    """Links as steps through points: from each row and point where to, and if by equal contents.

    A point stands for an identifier, so that n rows take n steps; rows are numbers below ``first``.
    """

    onward: Mapping[int, Sequence[tuple[int, bool]]]
    first: int


def row_order(row: int) -> tuple[int, int]:
    """Return by what rows are ordered in answers: artifacts first, then by id."""
    return row & 1, row >> 1


def link_steps(links: WalkedLinks) -> LinkSteps:
    """Return the links of a walk as steps between rows."""
    near, far = (
        claims._replace(vertex=rows_of(claims.vertex))
        for claims in (links.near, joined_columns([links.near, links.far]))
    )
    first = int(far.vertex.max(initial=-1)) + 1
    arcs = link_arcs(near, far, ways_of(links.crossed), first)
    onward: dict[int, list[tuple[int, bool]]] = {}
    columns = arcs.tail.tolist(), arcs.head.tolist(), arcs.by_content.tolist()
    for tail, head, by_content in zip(*columns, strict=True):
        onward.setdefault(tail, []).append((head, by_content))
    return LinkSteps(onward, first)


def chains(row: int, steps: LinkSteps) -> dict[int, Hop]:
    """Return the hops from a row along links, by the row they lead to."""
    onward: dict[int, tuple[int, ...]] = {row: ()}
    shown: dict[int, tuple[int, ...]] = {}
    passed: set[int] = set()
    level = [row]
    while level:
        following: list[int] = []
        for near in level:
            through = onward[near]
            for far, by_content in _joined(near, steps, passed):
                if far == row:
                    continue
                shown.setdefault(far, (*through, far))
                if not by_content and far not in onward:
                    onward[far] = (*through, far)
                    following.append(far)
        level = following
    return {far: Hop(far, way, by_content=far not in onward) for far, way in shown.items()}


def rows_leading_to(ends: Iterable[int], steps: LinkSteps) -> set[int]:
    """Return the rows from which a chain of links leads to any of some rows."""
    into: dict[int, list[tuple[int, bool]]] = {}
    for near, onward in steps.onward.items():
        for far, by_content in onward:
            into.setdefault(far, []).append((near, by_content))
    # A chain may end with equal contents, and not go on from there.
    waiting = [near for end in ends for near, _ in into.get(end, ())]
    found: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [near for near, by_content in into.get(one, ()) if not by_content]
    return {one for one in found if one < steps.first}


def _joined(near: int, steps: LinkSteps, passed: set[int]) -> list[tuple[int, bool]]:
    """Return in order where links lead from a row, and if by equal contents alone.

    They lead through no point that was passed before: whatever is behind it was reached.
    """
    found: dict[int, bool] = {}
    waiting = [near]
    while waiting:
        for far, by_content in steps.onward.get(waiting.pop(), ()):
            if far < steps.first:
                found[far] = by_content and found.get(far, True)
            elif far not in passed:
                passed.add(far)
                waiting.append(far)
    return sorted(found.items(), key=lambda one: row_order(one[0]))
