"""Show ways through the graph step by step: the edges or links between each node and the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from lineage.graph.adjacency import Ints, row_of, vertex_at
from lineage.graph.edges import edge_ends
from lineage.graph.links import Crossing, crossings_between
from lineage.graph.walked import WalkedEdges, count_undated_edges, distinct, edges_between
from lineage.projections.links import LinkRow
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.nodes import read_identifiers
from lineage.questions.trace import link_of, read_edges
from lineage.vertices import node_name
from lineage_schemas.graph import Direction, Edge
from lineage_schemas.paths import CrossedLink, NodeRef, Path, PathStep
from lineage_schemas.records import LinkClass


class Way(NamedTuple):
    """A way through the graph: its direction, and its rows from first to last."""

    direction: Direction
    rows: Sequence[int]


class Steps:
    """Shows ways of one namespace; what they pass is read once for many."""

    def __init__(self, asked: GraphAsked, namespace: int) -> None:
        self._asked = asked
        self._namespace = namespace
        self._edges: dict[tuple[Direction, int, int], list[Edge]] = {}
        self._crossings: dict[tuple[int, int], list[Crossing]] = {}
        self._identifiers: dict[int, str | None] = {}
        self._passed: list[Ints] = []

    @property
    def undated(self) -> int:
        """How many of the edges that were read nobody has dated."""
        return count_undated_edges(self._asked.graph.adjacency, distinct(self._passed))

    def read(self, ways: Iterable[Way], edges: WalkedEdges, crossed: Collection[LinkClass]) -> None:
        """Read what ways of one direction pass, of these edges, and of links of these classes."""
        chosen = list(ways)
        if not chosen:
            return
        direction = chosen[0].direction
        pairs = {pair for way in chosen for pair in pairwise(way.rows)}
        # An edge leads to the other kind, a link to the same.
        self._read_links({pair for pair in pairs if pair[0] & 1 == pair[1] & 1}, crossed)
        source = self._asked.graph.adjacency
        between = edges_between(edges, pairs)
        self._passed.append(between)
        shown = edge_ends(source, between)
        for edge in read_edges(self._asked.reader, self._namespace, shown, self._asked.size):
            pair = 2 * edge.artifact, 2 * edge.execution + 1
            if edge.kind.is_input != (direction is Direction.DOWNSTREAM):
                pair = pair[1], pair[0]
            self._edges.setdefault((direction, *pair), []).append(edge)

    def _read_links(self, pairs: set[tuple[int, int]], crossed: Collection[LinkClass]) -> None:
        """Read the links between two rows, for all pairs: of each class the first by key."""
        vertices = {vertex_at(self._namespace, row) for pair in pairs for row in pair}
        claims: dict[int, list[LinkRow]] = {}
        for row in self._asked.links.of_vertices(vertices, self._asked.size):
            claims.setdefault(row_of(row.vertex), []).append(row)
        for near, far in pairs:
            found = crossings_between(claims.get(near, ()), claims.get(far, ()), crossed)
            self._crossings[near, far] = found
        hubs = {one.near.hub for pair in pairs for one in self._crossings[pair]}
        self._identifiers |= read_identifiers(self._asked.reader, hubs)

    def path(self, way: Way) -> Path:
        """Return a way that was read, as answers show it."""
        names = [node_name(vertex_at(self._namespace, row)) for row in way.rows]
        steps = tuple(self._step(way.direction, *pair) for pair in pairwise(way.rows))
        return Path(
            direction=way.direction,
            length=sum(bool(step.edges) for step in steps),
            nodes=tuple(NodeRef(name.kind, name.id) for name in names),
            steps=steps,
        )

    def _step(self, direction: Direction, near: int, far: int) -> PathStep:
        return PathStep(
            edges=tuple(self._edges.get((direction, near, far), ())),
            links=tuple(map(self._link, self._crossings.get((near, far), ()))),
        )

    def _link(self, crossing: Crossing) -> CrossedLink:
        near, far, link_class = crossing
        return CrossedLink(
            link_class=link_class,
            near=link_of(near, self._identifiers.get(near.hub)),
            far=link_of(far, self._identifiers.get(far.hub)),
        )
