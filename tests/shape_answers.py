"""Read what is common, alone, affected or in circles by keys, to hold it against the oracles."""

from collections.abc import Callable
from itertools import pairwise

from msgspec.structs import replace

from lineage.ledger import CommonQuery, Direction, ImpactQuery, LinkClass, OrphansQuery
from lineage_schemas.impact import ImpactAnswer
from lineage_schemas.knots import CyclesAnswer, OrphanPage
from lineage_schemas.paths import CommonAnswer, Path
from oracle import Graph, Name, Walk
from oracle_shapes import circles, orphans, shared
from told_graphs import Keys


def check_common(graph: Graph, keys: Keys, query: CommonQuery, answer: CommonAnswer) -> None:
    """Compare an answer that no limit has cut."""
    starts = [graph.identified(one) for one in query.start]
    assert set(answer.unknown) == {one for one in query.start if not graph.identified(one)}
    walk = Walk(query.direction, frozenset(query.cross))
    expected = shared(graph, starts, walk) if all(starts) else {}
    assert {
        (one.node.kind, keys[one.node.kind, one.node.id]): (one.depths, one.nearest)
        for one in answer.common
    } == expected
    order = [(not one.nearest, sum(one.depths)) for one in answer.common]
    assert order == sorted(order)
    assert answer.complete == (not answer.unknown)


def check_orphans(
    graph: Graph, keys: Keys, held: set[Name], query: OrphansQuery, pages: list[OrphanPage]
) -> None:
    """Compare all pages together; ``held`` are the nodes that belong to something."""
    expected = orphans(graph, held, query.without, frozenset(query.cross))
    found = [(node.kind, keys[node.kind, node.id]) for page in pages for node in page.nodes]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert [len(page.nodes) for page in pages[:-1]] == [query.count] * (len(pages) - 1)


def orphan_pages(
    first: OrphanPage, ask: Callable[[OrphansQuery], OrphanPage], query: OrphansQuery
) -> list[OrphanPage]:
    """Return every page; the cursor of the one before brings its size along."""
    pages = [first]
    while (cursor := pages[-1].cursor) is not None:
        pages.append(ask(replace(query, cursor=cursor)))
        assert pages[-1].basis.size == first.basis.size
    return pages


def check_impact(graph: Graph, keys: Keys, query: ImpactQuery, answer: ImpactAnswer) -> None:
    """Compare an answer that lists all that it counts, of one start."""
    walk = Walk(Direction.DOWNSTREAM, frozenset(query.cross))
    reached = graph.trace(graph.identified(query.start[0]), walk)
    affected = {node: depth for node, depth in reached.items() if depth}
    assert {
        (one.kind, keys[one.kind, one.id]): one.depth
        for group in answer.groups
        for one in group.nearest
    } == affected
    assert answer.nodes == sum(group.nodes for group in answer.groups) == len(affected)
    things = {frozenset(graph.entity(node) & affected.keys()) for node in affected}
    assert answer.things == len(things if LinkClass.ASSERTED in query.cross else affected)
    for group in answer.groups:
        assert {one.type for one in group.nearest} == {group.type}
        depths = [one.depth for one in group.nearest]
        assert depths == sorted(depths)
        assert group.hidden == 0
    assert answer.complete == (not answer.unknown)


def check_knots(graph: Graph, keys: Keys, answer: CyclesAnswer, *, entities: bool) -> None:
    expected = circles(graph, entities=entities)
    assert {
        (frozenset((n.kind, keys[n.kind, n.id]) for n in knot.nodes), knot.cycle.length)
        for knot in answer.knots
    } == expected
    assert answer.knot_count == len(expected)
    assert answer.node_count == sum(len(one.nodes) for one in expected)
    assert [knot.size for knot in answer.knots] == sorted(
        (len(one.nodes) for one in expected), reverse=True
    )
    for knot in answer.knots:
        check_round(graph, knot.cycle, keys)
        assert knot.is_shortest


def check_round(graph: Graph, path: Path, keys: Keys) -> None:
    """Each step of a way round is there, and it ends where it began."""
    nodes: list[Name] = [(one.kind, keys[one.kind, one.id]) for one in path.nodes]
    assert nodes[0] == nodes[-1]
    for (near, far), step in zip(pairwise(nodes), path.steps, strict=True):
        kinds = sorted(kind for tail, head, kind in graph.edges if (tail, head) == (near, far))
        assert sorted(edge.kind for edge in step.edges) == kinds
        assert bool(kinds) != bool(step.links)
        if step.links:
            assert (far, LinkClass.ASSERTED) in graph.links(near)
