"""Which paths there should be between two nodes, by trying every walk: on top of `oracle.Graph`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lineage_schemas.graph import Direction
from lineage_schemas.records import LinkClass
from oracle import Graph, Name, Walk


class Hop(NamedTuple):
    """A hop to a node: along an edge (nothing is passed), or along nodes that links join."""

    node: Name
    through: tuple[Name, ...] = ()


class Chain(NamedTuple):
    """A chain of links, and whether it ends with equal contents."""

    through: tuple[Name, ...]
    by_content: bool


Links = dict[Name, set[tuple[Name, LinkClass]]]
Way = tuple[Hop, ...]
"""A path: its start as a hop without anything passed, then its hops."""


class Ways:
    """All paths of one graph, walked in one direction across links of some classes."""

    def __init__(self, graph: Graph, walk: Walk) -> None:
        self._edges: dict[Name, set[Name]] = {node: set() for node in graph.nodes}
        for tail, head, _ in graph.edges:
            near, far = (head, tail) if walk.direction is Direction.UPSTREAM else (tail, head)
            self._edges[near].add(far)
        links: Links = {
            node: {one for one in graph.links(node) if one[1] in walk.cross} for node in graph.nodes
        }
        self._chains: dict[Name, dict[Name, list[Chain]]] = {node: {} for node in graph.nodes}
        for node in graph.nodes:
            for chain in _chains(links, node, ()):
                self._chains[node].setdefault(chain.through[-1], []).append(chain)

    def between(self, starts: set[Name], ends: set[Name]) -> list[Way]:
        """Return every path from a start to the first end it comes to, in no order."""
        found: list[Way] = []
        waiting: list[Way] = [(Hop(node),) for node in starts]
        while waiting:
            way = waiting.pop()
            if way[-1].node in ends:
                found.append(way)
                continue
            waiting += [longer for hop in self._hops(way) if self._keeps(longer := (*way, hop))]
        return found

    def _hops(self, way: Way) -> Iterator[Hop]:
        here = way[-1]
        yield from (Hop(far) for far in self._edges[here.node])
        if not here.through:
            for far, chains in self._chains[here.node].items():
                shortest = min(len(chain.through) for chain in chains)
                several = [one.through for one in chains if len(one.through) == shortest]
                yield Hop(far, several[0])

    def _keeps(self, way: Way) -> bool:
        """Tell whether nothing can be left out of a path between two visits to one node.

        Of the last two hops the last is not judged yet: how the path goes on decides.
        """
        states = [(hop.node, bool(hop.through)) for hop in way]
        if len(set(states)) < len(states):
            return False
        return not any(
            way[i].node == way[j].node and self._goes_on(way, i, j)
            for j in range(len(way) - 1)
            for i in range(j)
        )

    def _goes_on(self, way: Way, i: int, j: int) -> bool:
        """Tell whether what follows the later of two visits could follow the earlier one."""
        following = way[j + 1]
        if not following.through or not way[i].through:
            return True
        # Two chains become one, where the first does not always end with equal contents.
        return not all(one.by_content for one in self._chains[way[i - 1].node][way[i].node])


def _chains(links: Links, start: Name, passed: tuple[Name, ...]) -> Iterator[Chain]:
    """Yield every chain of links from a node; nothing follows equal contents."""
    here = passed[-1] if passed else start
    for far, link_class in links[here]:
        if far == start or far in passed:
            continue
        by_content = link_class is LinkClass.CONTENT
        yield Chain((*passed, far), by_content)
        if not by_content:
            yield from _chains(links, start, (*passed, far))
