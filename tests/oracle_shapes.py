"""What several nodes share, what stands alone and what goes in circles, by brute force."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lineage_schemas.graph import Direction
from lineage_schemas.knots import OrphanKind
from lineage_schemas.mlmd import Association, Attribution, Kind, ParentContext
from lineage_schemas.records import LinkClass, Statement
from oracle import INPUTS, Graph, Name, Walk

Arcs = set[tuple[Name, Name]]


class Shared(NamedTuple):
    """A node that all reach: its distances from each, and whether none other leads to it."""

    depths: tuple[int, ...]
    nearest: bool


def closure(arcs: Arcs) -> Arcs:
    """Return which pairs some steps lead from the first of to the second."""
    found = set(arcs)
    while more := {(a, d) for a, b in found for c, d in arcs if b == c} - found:
        found |= more
    return found


def flows(graph: Graph, direction: Direction) -> Arcs:
    """Return the edges of a graph the way one walks."""
    upstream = direction is Direction.UPSTREAM
    return {(head, tail) if upstream else (tail, head) for tail, head, _ in graph.edges}


def shared(graph: Graph, starts: list[set[Name]], walk: Walk) -> dict[Name, Shared]:
    """Return what all of these reach."""
    reached = [graph.trace(some, walk) for some in starts]
    both = {node for node in reached[0] if all(node in one for one in reached)}
    arcs = flows(graph, walk.direction)
    for some in starts:
        arcs |= {(near, far) for near, far, _ in graph.crossings(some, walk)}
    leads = closure({arc for arc in arcs if both.issuperset(arc)})
    return {
        node: Shared(
            tuple(one[node] for one in reached),
            all((node, other) in leads for other in both if (other, node) in leads),
        )
        for node in both
    }


def memberships(statements: Iterable[Statement]) -> set[Name]:
    """Return every node that belongs to something, or that something belongs to."""
    found: set[Name] = set()
    for statement in statements:
        for record in statement.records:
            match record:
                case Attribution():
                    found |= {(Kind.CONTEXT, str(record.context))}
                    found |= {(Kind.ARTIFACT, str(record.artifact))}
                case Association():
                    found |= {(Kind.CONTEXT, str(record.context))}
                    found |= {(Kind.EXECUTION, str(record.execution))}
                case ParentContext():
                    found |= {(Kind.CONTEXT, str(end)) for end in (record.child, record.parent)}
                case _:
                    pass
    return found


def orphans(
    graph: Graph, held: set[Name], without: OrphanKind, cross: frozenset[LinkClass]
) -> set[Name]:
    """Return the nodes that are without something."""
    if without is OrphanKind.ISOLATED:
        edged = {end for edge in graph.edges for end in edge[:2]}
        linked = {n for n in graph.nodes if any(one in cross for _, one in graph.links(n))}
        return graph.nodes - edged - linked - held
    made = {head for _, head, kind in graph.edges if kind not in INPUTS}
    used = {tail for tail, _, kind in graph.edges if kind in INPUTS}
    walk = Walk(Direction.UPSTREAM, cross, 0)
    artifacts = {node for node in graph.nodes if node[0] is Kind.ARTIFACT}
    same = {node: set(graph.trace([node], walk)) for node in artifacts}
    if without is OrphanKind.NO_UPSTREAM:
        return {node for node in artifacts if not same[node] & made}
    return {node for node in artifacts if same[node] & made and not same[node] & used}


class Circle(NamedTuple):
    """Entities that lead to each other, and how many edges the shortest way round has."""

    nodes: frozenset[Name]
    length: int


def circles(graph: Graph, *, entities: bool = True) -> set[Circle]:
    """Return the knots of a graph."""
    of = {node: graph.entity(node) if entities else frozenset({node}) for node in graph.nodes}
    arcs = {(of[tail], of[head]) for tail, head, _ in graph.edges}
    leads = set(arcs)
    while more := {(a, d) for a, b in leads for c, d in arcs if b == c} - leads:
        leads |= more
    knots = {
        frozenset(other for other in of.values() if {(one, other), (other, one)} <= leads)
        for one in of.values()
        if (one, one) in leads
    }
    return {
        Circle(frozenset(node for one in knot for node in one), min(_rounds(knot, arcs)))
        for knot in knots
    }


def _rounds(
    knot: frozenset[frozenset[Name]], arcs: set[tuple[frozenset[Name], frozenset[Name]]]
) -> list[int]:
    """Return for each entity of a knot how many edges lead back to it at the least."""
    found: list[int] = []
    for start in knot:
        level, length = {far for near, far in arcs if near == start}, 1
        while start not in level:
            level, length = {far for near, far in arcs if near in level}, length + 1
        found.append(length)
    return found
