"""Lay an answer out as a tree to be read from top to bottom, though lineage is no tree.

Each node stands in full where it is met first; where it is met again, the step says so and nothing
stands below it. Memory is bounded by the answer, and no depth is too deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lineage.graph.export import lineage_graph, node_ref
from lineage_schemas.graph import Direction, Edge, LineageAnswer, Link, Node


class Step(NamedTuple):
    """One line of the tree: how it is reached from the step above it, and the node.

    ``way`` is the way that was walked, ``None`` at a root. Either ``edges`` lead here, or
    ``links`` do: the near one and the far one, or the far one alone where the near is the key.
    ``last`` tells that no sibling follows, ``again`` that the node stands in full further up.
    """

    level: int
    last: bool
    node: Node
    way: Direction | None = None
    edges: tuple[Edge, ...] = ()
    links: tuple[Link, ...] = ()
    again: bool = False


class _Neighbour(NamedTuple):
    name: str
    way: Direction
    edges: tuple[Edge, ...] = ()
    links: tuple[Link, ...] = ()


def lay_out(answer: LineageAnswer) -> Iterator[Step]:
    """Yield the tree of an answer: from its start, then whatever else it holds."""
    layout = _Layout(answer)
    for root in layout.roots():
        yield from layout.tree(root)


class _Layout:
    """Knows what is next to what, and what was shown already, each way by itself."""

    def __init__(self, answer: LineageAnswer) -> None:
        self._answer = answer
        self._nodes = {node_ref(node): node for node in answer.nodes}
        self._order = {name: index for index, name in enumerate(self._nodes)}
        self._graph = lineage_graph(answer)
        self._links: dict[str, list[Link]] = {}
        self._hubs: dict[tuple[str, str], list[Link]] = {}
        for link in answer.links:
            self._links.setdefault(f"{link.kind.value}/{link.node}", []).append(link)
            if link.identifier is not None:
                self._hubs.setdefault((link.kind.value, link.identifier), []).append(link)
        self._passed: set[tuple[str, str, Direction]] = set()
        self._shown: set[str] = set()
        self._expanded: set[tuple[str, Direction]] = set()

    def roots(self) -> Iterator[str]:
        """Yield the start, then each node that no step has reached when its turn comes."""
        start = set(self._answer.start)
        asked = [name for name, node in self._nodes.items() if node.depth == 0]
        for name in (*(name for name in asked if self._nodes[name].key in start), *self._nodes):
            if name not in self._shown:
                yield name

    def tree(self, root: str) -> Iterator[Step]:
        """Yield the tree below one root, deepest first, without recursion."""
        self._shown.add(root)
        yield Step(0, last=True, node=self._nodes[root])
        below = [one for way in self._ways() for one in self._below(root, way)]
        stack = [iter(_marked(below))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                continue
            last, neighbour = found
            name, way = neighbour.name, neighbour.way
            again = (name, way) in self._expanded
            self._shown.add(name)
            yield Step(
                len(stack), last, self._nodes[name], way, neighbour.edges, neighbour.links, again
            )
            if not again:
                stack.append(iter(_marked(self._below(name, way))))

    def _ways(self) -> tuple[Direction, ...]:
        if self._answer.direction is Direction.BOTH:
            return Direction.UPSTREAM, Direction.DOWNSTREAM
        return (self._answer.direction,)

    def _below(self, name: str, way: Direction) -> list[_Neighbour]:
        """Return what stands below a node: what it is linked to, then what its edges lead to."""
        self._expanded.add((name, way))
        adjacent = self._graph.pred if way is Direction.UPSTREAM else self._graph.succ
        found = adjacent[name]
        edges = [
            _Neighbour(one, way, edges=tuple(data["edge"] for data in found[one].values()))
            for one in sorted(found, key=self._order.__getitem__)
        ]
        return [*self._linked(name, way), *edges]

    def _linked(self, name: str, way: Direction) -> Iterator[_Neighbour]:
        """Yield what links join, below the first node of each identifier alone."""
        seen = {name}
        for near in self._links.get(name, ()):
            hub = near.kind.value, near.identifier or ""
            if (*hub, way) in self._passed:
                continue
            self._passed.add((*hub, way))
            for far in self._hubs.get(hub, ()):
                other = f"{far.kind.value}/{far.node}"
                if other not in seen and other in self._order and not self._is_done(other, way):
                    seen.add(other)
                    yield _Neighbour(other, way, links=(near, far))

    def _is_done(self, name: str, way: Direction) -> bool:
        """A link leads both ways: what was reached by it need not point back."""
        return (name, way) in self._expanded


def _marked(neighbours: list[_Neighbour]) -> Iterator[tuple[bool, _Neighbour]]:
    """Yield each with whether it is the last one."""
    for index, neighbour in enumerate(neighbours, start=1):
        yield index == len(neighbours), neighbour
