"""What is common, alone, or goes in circles, against `oracle_shapes`, as of every size."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from lineage.graph.index import GraphIndex
from lineage.ledger import (
    CommonQuery,
    CyclesQuery,
    Direction,
    ImpactQuery,
    LinkClass,
    OrphanKind,
    OrphansQuery,
    Statement,
)
from lineage_schemas.knots import CyclesAnswer, OrphanPage
from lineage_schemas.paths import Path
from oracle import Graph, Name, Walk
from oracle_shapes import circles, memberships, orphans, shared
from strategies import (
    ALIASES,
    ARTIFACTS,
    DIGESTS,
    EXECUTIONS,
    artifacts,
    batch_sizes,
    contexts,
    histories,
    lineage_records,
)
from strategies import memberships as memberships_told
from told_graphs import DEFAULT, EVERY, Keys, Told, told

CROSSINGS = st.sampled_from([DEFAULT, EVERY, (), (LinkClass.ASSERTED,)])
NAMES = st.sampled_from([*ARTIFACTS, *EXECUTIONS, *ALIASES, DIGESTS[0]])
STORIES = histories(lineage_records(), statements_max=10)
MIXED = histories(
    st.one_of(lineage_records(), memberships_told(), artifacts(), contexts()), statements_max=8
)


def last_two(log: Told) -> list[int]:
    return sorted(log.graphs)[-2:]


@settings(max_examples=25)
@given(
    history=STORIES,
    sizes=batch_sizes(),
    start=st.lists(NAMES, min_size=2, max_size=3).map(tuple),
    direction=st.sampled_from([Direction.UPSTREAM, Direction.DOWNSTREAM]),
    cross=CROSSINGS,
)
def test_what_is_common_is_what_the_oracle_says(
    history: list[Statement],
    sizes: list[int],
    start: tuple[str, ...],
    direction: Direction,
    cross: tuple[LinkClass, ...],
) -> None:
    log = told(history, sizes)
    for size in last_two(log):
        graph, keys = log.graphs[size], log.keys(size)
        answer = log.ledger.graph.common(
            CommonQuery(start=start, direction=direction, cross=cross), as_of=size
        )
        starts = [graph.identified(one) for one in start]
        assert set(answer.unknown) == {one for one in start if not graph.identified(one)}
        expected = shared(graph, starts, Walk(direction, frozenset(cross))) if all(starts) else {}
        assert {
            (one.node.kind, keys[one.node.kind, one.node.id]): (one.depths, one.nearest)
            for one in answer.common
        } == expected
        order = [(not one.nearest, sum(one.depths)) for one in answer.common]
        assert order == sorted(order)
        assert answer.complete


@settings(max_examples=25)
@given(
    history=MIXED,
    sizes=batch_sizes(),
    without=st.sampled_from(OrphanKind),
    cross=CROSSINGS,
    count=st.integers(1, 4),
)
def test_orphans_are_those_of_the_oracle_page_by_page(
    history: list[Statement],
    sizes: list[int],
    without: OrphanKind,
    cross: tuple[LinkClass, ...],
    count: int,
) -> None:
    log = told(history, sizes)
    query = OrphansQuery(without=without, cross=cross)
    so_far: list[Statement] = []
    for size, graph in sorted(log.graphs.items())[-2:]:
        keys = log.keys(size)
        so_far = [one for one in history if log_has(log, one, size)]
        expected = orphans(graph, memberships(so_far), without, frozenset(cross))
        pages = all_pages(log, query, count, size)
        found = [(node.kind, keys[node.kind, node.id]) for page in pages for node in page.nodes]
        assert len(found) == len(set(found))
        assert set(found) == expected
        assert [len(page.nodes) for page in pages[:-1]] == [count] * (len(pages) - 1)


def log_has(log: Told, statement: Statement, size: int) -> bool:
    """Tell whether a statement was told by a size."""
    return any(
        one.statement == statement.id for one in log.ledger.entries(count=1_000, as_of=size).entries
    )


def all_pages(log: Told, query: OrphansQuery, count: int, size: int) -> list[OrphanPage]:
    pages = [log.ledger.graph.orphans(replace(query, count=count), as_of=size)]
    while (cursor := pages[-1].cursor) is not None:
        pages.append(log.ledger.graph.orphans(replace(query, count=count, cursor=cursor)))
        assert pages[-1].basis.size == size
    return pages


@pytest.mark.parametrize("memory_bytes", [1 << 20, 0])
@settings(max_examples=20)
@given(history=STORIES, sizes=batch_sizes(), entities=st.booleans())
def test_knots_are_those_of_the_oracle_and_their_cycles_are_shortest(
    memory_bytes: int, history: list[Statement], sizes: list[int], *, entities: bool
) -> None:
    log = told(history, sizes)
    log.ledger.graph._graph = GraphIndex(memory_bytes)
    for size in last_two(log):
        graph = log.graphs[size]
        answer = log.ledger.graph.cycles(CyclesQuery(entities=entities), as_of=size)
        check_knots(graph, log.keys(size), answer, entities=entities)
        assert answer.complete


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


@settings(max_examples=20)
@given(history=STORIES, start=NAMES)
def test_knots_around_a_start_are_those_of_the_namespace_that_lineage_leads_to(
    history: list[Statement], start: str
) -> None:
    log = told(history, [3])
    size = log.ledger.head().size
    graph, keys = log.graphs[size], log.keys(size)
    found = graph.identified(start)
    reached = {
        node
        for direction in (Direction.UPSTREAM, Direction.DOWNSTREAM)
        for node in graph.trace(found, Walk(direction, frozenset({LinkClass.ASSERTED})))
    }
    answer = log.ledger.graph.cycles(CyclesQuery(start=start))
    assert {
        frozenset((n.kind, keys[n.kind, n.id]) for n in knot.nodes) for knot in answer.knots
    } == {one.nodes for one in circles(graph) if one.nodes & reached}


@settings(max_examples=25)
@given(history=MIXED, sizes=batch_sizes(), start=NAMES, cross=CROSSINGS)
def test_impact_counts_what_the_oracle_reaches(
    history: list[Statement], sizes: list[int], start: str, cross: tuple[LinkClass, ...]
) -> None:
    log = told(history, sizes)
    for size in last_two(log):
        graph, keys = log.graphs[size], log.keys(size)
        answer = log.ledger.graph.impact(
            ImpactQuery(start=(start,), cross=cross, listed=100), as_of=size
        )
        walk = Walk(Direction.DOWNSTREAM, frozenset(cross))
        reached = graph.trace(graph.identified(start), walk)
        affected = {node: depth for node, depth in reached.items() if depth}
        assert {
            (one.kind, keys[one.kind, one.id]): one.depth
            for group in answer.groups
            for one in group.nearest
        } == affected
        assert answer.nodes == sum(group.nodes for group in answer.groups) == len(affected)
        things = {frozenset(graph.entity(node) & affected.keys()) for node in affected}
        expected = len(things) if LinkClass.ASSERTED in cross else len(affected)
        assert answer.things == expected
        for group in answer.groups:
            assert {one.type for one in group.nearest} == {group.type}
            assert [one.depth for one in group.nearest] == sorted(
                one.depth for one in group.nearest
            )
            assert group.hidden == 0
        assert answer.complete
