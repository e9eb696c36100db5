"""What a walk found as hops: along an edge, or along a chain of links from one edge to the next.

Links are crossed as in a walk: after equal contents the next step is an edge. Of all chains between
two nodes one is taken, so that nodes which many links join do not multiply the ways between others:
the shortest, then the first by its nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


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


class LinkStep(NamedTuple):
    """A step by links from one row to another; ``by_content``: by equal contents alone."""

    near: int
    far: int
    by_content: bool


Steps = Mapping[int, Mapping[int, bool]]
"""For each row the rows that links join to it, and whether by equal contents alone."""


def row_order(row: int) -> tuple[int, int]:
    """Return by what rows are ordered in answers: artifacts first, then by id."""
    return row & 1, row >> 1


def link_steps(steps: Iterable[LinkStep]) -> dict[int, dict[int, bool]]:
    """Return steps by the row they start from; several between two rows are one."""
    found: dict[int, dict[int, bool]] = {}
    for near, far, by_content in steps:
        joined = found.setdefault(near, {})
        joined[far] = by_content and joined.get(far, True)
    return {
        near: {far: joined[far] for far in sorted(joined, key=row_order)}
        for near, joined in found.items()
    }


def chains(row: int, steps: Steps) -> dict[int, Hop]:
    """Return the hops from a row along links, by the row they lead to."""
    onward: dict[int, tuple[int, ...]] = {row: ()}
    shown: dict[int, tuple[int, ...]] = {}
    level = [row]
    while level:
        following: list[int] = []
        for near in level:
            through = onward[near]
            for far, by_content in steps.get(near, {}).items():
                if far == row:
                    continue
                shown.setdefault(far, (*through, far))
                if not by_content and far not in onward:
                    onward[far] = (*through, far)
                    following.append(far)
        level = following
    return {far: Hop(far, way, by_content=far not in onward) for far, way in shown.items()}
