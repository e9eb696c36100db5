"""What is common, alone, or goes in circles, against `oracle_shapes`, as of every size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from oracle import Walk
from oracle_shapes import circles, memberships
from shape_answers import check_common, check_impact, check_knots, check_orphans, orphan_pages
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
from told_graphs import DEFAULT, EVERY, Told, told

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
    query = CommonQuery(start=start, direction=direction, cross=cross)
    for size in last_two(log):
        answer = log.ledger.graph.common(query, as_of=size)
        check_common(log.graphs[size], log.keys(size), query, answer)


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
    query = OrphansQuery(without=without, cross=cross, count=count)
    for size, graph in sorted(log.graphs.items())[-2:]:
        held = memberships(one for one in history if log_has(log, one, size))
        first = log.ledger.graph.orphans(query, as_of=size)
        pages = orphan_pages(first, log.ledger.graph.orphans, query)
        check_orphans(graph, log.keys(size), held, query, pages)


def log_has(log: Told, statement: Statement, size: int) -> bool:
    """Tell whether a statement was told by a size."""
    return any(
        one.statement == statement.id for one in log.ledger.entries(count=1_000, as_of=size).entries
    )


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
    query = ImpactQuery(start=(start,), cross=cross, listed=100)
    for size in last_two(log):
        answer = log.ledger.graph.impact(query, as_of=size)
        check_impact(log.graphs[size], log.keys(size), query, answer)
