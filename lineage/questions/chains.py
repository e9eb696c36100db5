"""Chains of links between nodes: the strongest one there is, and of those the shortest.

An identifier is a hub, so a search looks at each link once however many nodes share it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple, Protocol

from lineage.graph.links import Crossing, strength_of
from lineage.projections.links import LinkRow
from lineage.questions.nodes import ASSERTED_CLASSES
from lineage_schemas.records import LinkClass

CLASSES: Final = tuple(LinkClass)
"""Strongest first."""

_CONTENT: Final = CLASSES.index(LinkClass.CONTENT)
_SOURCES_MAX: Final = 2


class Links(Protocol):
    """Where the links that stand come from, of many nodes or identifiers at once."""

    def of_vertices(self, vertices: Collection[int], size: int) -> list[LinkRow]:
        """Return the links of nodes, in order."""
        ...

    def of_hubs(self, hubs: Collection[int], size: int) -> dict[int, list[LinkRow]]:
        """Return the links of identifiers, by hub, in order."""
        ...


class Search(NamedTuple):
    """What is looked for: a chain from some nodes to others, of links no weaker than so.

    ``may_chain``: after equal contents another link may follow, which no walk would do.
    ``nodes_max`` are the nodes that are looked at, the start included.
    """

    starts: Collection[int]
    targets: Collection[int]
    weakest: LinkClass
    nodes_max: int
    may_chain: bool = False


class Found(NamedTuple):
    """A chain, or ``None``; the nodes that links led on from; and how many were left out."""

    chain: tuple[Crossing, ...] | None
    settled: frozenset[int]
    hidden: int


def find_chain(links: Links, search: Search, size: int) -> Found:
    """Search breadth first for the shortest chain as of a size, by the rules of a walk."""
    return _Searching(links, search, size).run()


def strongest_chain(
    links: Links, starts: Collection[int], targets: Collection[int], nodes_max: int, size: int
) -> tuple[Found, LinkClass | None]:
    """Return the strongest chain that a walk may cross, from either end, and its class.

    What was left out of the searches that found nothing is counted in the one that is returned.
    """
    hidden = 0
    settled: frozenset[int] = frozenset()
    for link_class in CLASSES[:-1]:
        there = Search(starts, targets, link_class, nodes_max)
        found = find_chain(links, there, size)
        if link_class is LinkClass.ASSERTED:
            settled = found.settled
        elif found.chain is None or len(found.chain) > 1:
            # Equal contents are crossed last, so a chain that begins with them leads back.
            back = find_chain(links, Search(targets, starts, link_class, nodes_max), size)
            found = _shorter(found, back)
        if found.chain is not None:
            return Found(found.chain, settled, hidden), link_class
        hidden += found.hidden
    return Found(None, settled, hidden), None


def _shorter(there: Found, back: Found) -> Found:
    if back.chain is None or (there.chain is not None and len(there.chain) <= len(back.chain)):
        return Found(there.chain, there.settled, there.hidden + back.hidden)
    turned = tuple(Crossing(one.far, one.near, one.link_class) for one in reversed(back.chain))
    return Found(turned, there.settled, 0)


class _Searching:
    """One search: nodes that links lead on from, and those that only equal contents reached."""

    def __init__(self, links: Links, search: Search, size: int) -> None:
        self._links = links
        self._search = search
        self._size = size
        self._rank_max = CLASSES.index(search.weakest)
        self._settled: dict[int, Crossing | None] = dict.fromkeys(sorted(search.starts))
        self._touched: dict[int, Crossing] = {}
        self._passed: set[tuple[int, int, str]] = set()
        self._contents: Counter[int] = Counter()
        self._hidden: set[int] = set()

    def run(self) -> Found:
        """Go on, one link further at a time, until a target is reached or nothing is left."""
        level = list(self._settled)
        while level:
            following: list[int] = []
            for crossing in self._steps(level):
                far = crossing.far.vertex
                if far in self._search.targets:
                    return Found(self._back(crossing), frozenset(self._settled), 0)
                if self._see(crossing):
                    following.append(far)
            level = following
        left = self._hidden - self._settled.keys() - self._touched.keys()
        return Found(None, frozenset(self._settled), len(left))

    def _steps(self, level: list[int]) -> Iterator[Crossing]:
        """Yield the steps from some nodes that no node before them could have taken."""
        passing = list(self._passing(level))
        far_rows = self._links.of_hubs({near.hub for near in passing}, self._size)
        for near in passing:
            for far in far_rows[near.hub]:
                through = strength_of(near, far)
                if through is not None and CLASSES.index(through) <= self._rank_max:
                    yield Crossing(near, far, through)

    def _passing(self, level: list[int]) -> Iterator[LinkRow]:
        """Yield the claims by which to leave some nodes, one for each way past an identifier."""
        for near in self._links.of_vertices(level, self._size):
            rank = _rank(near)
            way = near.hub, rank, near.source if rank == _CONTENT else ""
            if rank > self._rank_max or way in self._passed:
                continue
            if rank == _CONTENT:
                self._contents[near.hub] += 1
                # What two sources do not reach by equal contents, a third one does not either.
                if self._contents[near.hub] > _SOURCES_MAX:
                    continue
            self._passed.add(way)
            yield near

    def _see(self, crossing: Crossing) -> bool:
        """Note a node that was reached; tell whether links lead on from it."""
        far = crossing.far.vertex
        ends_here = crossing.link_class is LinkClass.CONTENT and not self._search.may_chain
        if far in self._settled or (ends_here and far in self._touched):
            return False
        is_new = far not in self._touched
        if is_new and len(self._settled) + len(self._touched) >= self._search.nodes_max:
            self._hidden.add(far)
            return False
        if ends_here:
            self._touched[far] = crossing
            return False
        self._touched.pop(far, None)
        self._settled[far] = crossing
        return True

    def _back(self, last: Crossing) -> tuple[Crossing, ...]:
        """Return the chain that ends with a step."""
        chain = [last]
        while (step := self._settled[chain[-1].near.vertex]) is not None:
            chain.append(step)
        return tuple(reversed(chain))


def _rank(row: LinkRow) -> int:
    return 0 if row.link_class in ASSERTED_CLASSES else CLASSES.index(LinkClass(row.link_class))
