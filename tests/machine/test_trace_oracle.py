"""Traces against the slowest way that is obviously right: `oracle.Graph`, as of every size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.graph.index import GraphIndex
from lineage.ledger import (
    Claim,
    Event,
    EventKind,
    Kind,
    LinkClass,
    Retraction,
    Statement,
    TraceQuery,
)
from lineage.service import Ledger
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import LineageAnswer, Truncation, TruncationReason
from lineage_schemas.records import AnyRecord
from oracle import Graph
from strategies import (
    ARTIFACTS,
    DIGESTS,
    EXECUTIONS,
    batch_sizes,
)
from told_graphs import EVERY, told
from trace_answers import (
    BOTH,
    DOWN,
    STORIES,
    UP,
    check_links_stand,
    check_whole,
    depths_of,
    edges_of,
    edges_within,
    queries,
    starts_of,
    walks,
)


def check_cut(graph: Graph, query: TraceQuery, answer: LineageAnswer) -> None:
    """Compare an answer in one direction that may have at most so many nodes."""
    starts = starts_of(graph, query)
    (walk,) = walks(query, None)
    whole = graph.trace(starts, walk)
    shown = depths_of(answer)
    assert shown.items() <= whole.items()
    assert starts <= shown.keys()
    assert len(shown) == min(len(whole), max(query.nodes, len(starts)))
    is_cut = len(shown) < len(whole)
    assert answer.complete == (not is_cut and not answer.unknown)
    last = max(shown.values(), default=0)
    assert {node for node, depth in whole.items() if depth < last} <= shown.keys()
    within = edges_within(graph, shown)
    edges = edges_of(answer)
    assert edges <= within
    assert {
        edge for edge in within if shown[edge[1] if walk.direction is UP else edge[0]] < last
    } <= edges
    check_links_stand(graph, answer)
    if is_cut:
        (cut_by,) = answer.truncations
        assert (cut_by.reason, cut_by.limit) == (TruncationReason.NODES, query.nodes)
        assert 1 <= cut_by.hidden <= len(whole) - len(shown)


@settings(max_examples=200)
@given(history=STORIES, sizes=batch_sizes(), query=queries())
def test_a_trace_reaches_what_the_oracle_reaches(
    history: list[Statement], sizes: list[int], query: TraceQuery
) -> None:
    log = told(history, sizes)
    for size, graph in log.graphs.items():
        whole = TraceQuery(start=query.start, direction=query.direction, cross=query.cross)
        answer = log.ledger.trace(whole, as_of=size)
        assert (answer.basis.size, answer.basis.asked_size) == (size, None)
        unknown = tuple(one for one in query.start if not graph.identified(one))
        assert answer.unknown == unknown
        check_whole(graph, log.keys(size), whole, answer)
        assert answer.complete == (not unknown)
    assert log.ledger.trace(query) == log.ledger.trace(query, as_of=log.ledger.head().size)


@settings(max_examples=200)
@given(history=STORIES, sizes=batch_sizes(), query=queries(depth=st.integers(0, 4)))
def test_a_trace_goes_so_deep_and_says_what_it_hides(
    history: list[Statement], sizes: list[int], query: TraceQuery
) -> None:
    log = told(history, sizes)
    for size, graph in log.graphs.items():
        check_whole(graph, log.keys(size), query, log.ledger.trace(query, as_of=size))


@settings(max_examples=200)
@given(
    history=STORIES,
    sizes=batch_sizes(),
    query=queries(nodes=st.integers(1, 6), direction=st.sampled_from([UP, DOWN])),
)
def test_a_trace_has_so_many_nodes_and_says_what_it_hides(
    history: list[Statement], sizes: list[int], query: TraceQuery
) -> None:
    log = told(history, sizes)
    for size, graph in log.graphs.items():
        check_cut(graph, query, log.ledger.trace(query, as_of=size))


@given(
    history=STORIES,
    query=queries(nodes=st.integers(1, 6), direction=st.just(BOTH)),
)
def test_a_trace_both_ways_has_so_many_nodes_in_all(
    history: list[Statement], query: TraceQuery
) -> None:
    log = told(history, [3])
    graph = log.graphs[log.ledger.head().size]
    answer = log.ledger.trace(query)
    shown, starts = depths_of(answer), starts_of(graph, query)
    whole = {node for walk in walks(query, None) for node in graph.trace(starts, walk)}
    assert starts <= shown.keys() <= whole
    assert len(shown) <= max(query.nodes, len(starts))
    is_cut = shown.keys() != whole
    assert answer.complete == (not is_cut and not answer.unknown)
    assert [one.limit for one in answer.truncations] == [query.nodes] * is_cut
    assert all(1 <= one.hidden <= len(whole - shown.keys()) for one in answer.truncations)
    assert edges_of(answer) <= edges_within(graph, shown)
    check_links_stand(graph, answer)


@given(history=STORIES, query=queries())
def test_the_index_that_grew_answers_as_one_that_was_just_made(
    history: list[Statement], query: TraceQuery
) -> None:
    grown = told([], [1])
    answers = []
    for statement in history:
        grown.ledger.record([statement])
        answers.append(grown.ledger.trace(query))
    for other in (GraphIndex(), GraphIndex(memory_bytes=0)):
        grown.ledger._graph = grown.ledger.graph._graph = other
        assert grown.ledger.trace(query) == answers[-1]


# --- by hand -------------------------------------------------------------------------------------


def used(artifact: int, execution: int) -> Event:
    return Event(
        artifact=ARTIFACTS[artifact], execution=EXECUTIONS[execution], kind=EventKind.INPUT
    )


def made(artifact: int, execution: int) -> Event:
    return Event(
        artifact=ARTIFACTS[artifact], execution=EXECUTIONS[execution], kind=EventKind.OUTPUT
    )


def claim(artifact: int, identifier: str, link_class: LinkClass) -> Claim:
    return Claim(
        kind=Kind.ARTIFACT,
        node=ARTIFACTS[artifact],
        identifier=identifier,
        link_class=link_class,
    )


def said(*records: AnyRecord, source: str = "ci") -> Statement:
    """Return a statement; its source names it, so each source may say one."""
    return Statement(id="by hand", source=source, records=records)


def short(answer: LineageAnswer) -> dict[str, int]:
    """Return the nodes of an answer by the ends of their keys, as `a/0`."""
    return {str(node.key).removeprefix("acme:"): node.depth for node in answer.nodes}


def trace(ledger: Ledger, start: str, **more: object) -> LineageAnswer:
    return ledger.trace(TraceQuery(start=(start,), **more))  # type: ignore[arg-type]


def test_an_asserted_link_is_crossed_for_free() -> None:
    ledger = told([said(used(0, 0), claim(1, ARTIFACTS[0], LinkClass.ASSERTED))], [1]).ledger
    assert short(trace(ledger, "acme:e/0")) == {"e/0": 0, "a/0": 1, "a/1": 1}
    assert short(trace(ledger, "acme:e/0", cross=())) == {"e/0": 0, "a/0": 1}


def test_equal_contents_are_crossed_once_and_then_an_edge_must_follow() -> None:
    one, two = DIGESTS
    chain = [
        said(claim(0, one, LinkClass.CONTENT), used(2, 0), made(1, 0), source="mlflow"),
        said(claim(1, one, LinkClass.CONTENT), claim(1, two, LinkClass.CONTENT), source="dvc"),
        said(claim(3, two, LinkClass.CONTENT), claim(2, one, LinkClass.CONTENT), source="ci"),
        said(used(0, 1), source="other"),
    ]
    ledger = told(chain, [1]).ledger
    # a/0 equals a/1 and a/2; a/1 equals a/3, but that would be a second link in a row. a/1 was made
    # by e/0 out of a/2, which is an edge away from a/1 and equals a/0 all the same.
    assert short(trace(ledger, "acme:e/1")) == {
        "e/1": 0,
        "a/0": 1,
        "a/1": 1,
        "a/2": 1,
        "e/0": 2,
    }
    # Reached by an edge, a/1 leads on to what equals it.
    down = trace(ledger, "acme:e/0", direction=DOWN)
    assert short(down) == {"e/0": 0, "a/1": 1, "a/0": 1, "a/2": 1, "a/3": 1, "e/1": 2}


def test_a_source_that_claims_equal_contents_twice_links_nothing() -> None:
    claims = said(*(claim(number, DIGESTS[0], LinkClass.CONTENT) for number in (0, 1)))
    assert short(trace(told([claims], [1]).ledger, "acme:a/0")) == {"a/0": 0}


def test_a_derived_link_is_crossed_on_request_and_a_guess_never() -> None:
    log = told(
        [
            said(
                claim(0, ARTIFACTS[1], LinkClass.DERIVED),
                claim(0, ARTIFACTS[2], LinkClass.GUESSED),
                used(1, 0),
                used(2, 0),
            )
        ],
        [1],
    )
    assert short(trace(log.ledger, "acme:a/0")) == {"a/0": 0}
    assert short(trace(log.ledger, "acme:a/0", cross=EVERY)) == {"a/0": 0, "a/1": 0}
    with pytest.raises(InvalidInputError, match="never crossed"):
        trace(log.ledger, "acme:a/0", cross=(LinkClass.GUESSED,))


def test_a_link_is_as_weak_as_its_weaker_claim() -> None:
    weak = said(claim(0, "other:x", LinkClass.ASSERTED), claim(1, "other:x", LinkClass.DERIVED))
    ledger = told([weak], [1]).ledger
    assert short(trace(ledger, "acme:a/0")) == {"a/0": 0}
    assert short(trace(ledger, "acme:a/0", cross=EVERY)) == {"a/0": 0, "a/1": 0}


def test_a_link_that_was_taken_back_is_crossed_only_as_of_before() -> None:
    asserted = claim(0, ARTIFACTS[1], LinkClass.ASSERTED)
    back = Retraction(
        kind=Kind.ARTIFACT,
        node=asserted.node,
        identifier=asserted.identifier,
        link_class=asserted.link_class,
    )
    ledger = told([said(asserted, used(1, 0))], [1]).ledger
    then = ledger.head().size
    ledger.record([Statement(id="back", source="ci", records=(back,))])
    query = TraceQuery(start=(ARTIFACTS[0],), direction=DOWN)
    assert short(ledger.trace(query)) == {"a/0": 0}
    assert short(ledger.trace(query, as_of=then)) == {"a/0": 0, "a/1": 0, "e/0": 1}


def test_a_cycle_ends() -> None:
    ledger = told([said(used(0, 0), made(1, 0), used(1, 1), made(0, 1))], [1]).ledger
    circle = {"a/0": 0, "e/1": 1, "a/1": 2, "e/0": 3}
    assert short(trace(ledger, "acme:a/0")) == circle
    assert len(trace(ledger, "acme:a/0").edges) == 4
    assert short(trace(ledger, "acme:a/0", direction=BOTH)) == {
        "a/0": 0,
        "e/0": 1,
        "e/1": 1,
        "a/1": 2,
    }


def test_what_the_log_has_not_heard_of_is_counted() -> None:
    ledger = told([said(used(0, 0))], [1]).ledger
    answer = ledger.trace(TraceQuery(start=("acme:a/0", "acme:never")))
    assert answer.unknown == ("acme:never",)
    assert [(node.key, node.id, node.stub) for node in answer.nodes] == [
        ("acme:a/0", 1, True),
        ("acme:never", None, True),
    ]
    assert answer.stubs == 2


def test_depth_0_shows_the_start_and_what_it_hides() -> None:
    ledger = told([said(used(0, 0), made(1, 0))], [1]).ledger
    answer = trace(ledger, "acme:a/1", depth=0)
    assert short(answer) == {"a/1": 0}
    assert answer.truncations == (Truncation(reason=TruncationReason.DEPTH, limit=0, hidden=1),)


def test_a_link_that_one_more_edge_would_cross_is_hidden_by_the_depth() -> None:
    # a/1 equals a/0, so it is there from the start; only as what e/0 used may its own link count.
    told_ = told(
        [
            said(made(0, 0), used(1, 0), claim(0, DIGESTS[0], LinkClass.CONTENT), source="ci"),
            said(claim(1, DIGESTS[0], LinkClass.CONTENT), source="dvc"),
            said(claim(2, ARTIFACTS[1], LinkClass.ASSERTED), source="mlflow"),
        ],
        [1],
    )
    query = TraceQuery(start=("acme:a/0",))
    whole = {"a/0": 0, "a/1": 0, "e/0": 1, "a/2": 2}
    assert short(told_.ledger.trace(query)) == whole
    answer = trace(told_.ledger, "acme:a/0", depth=1)
    assert short(answer) == {"a/0": 0, "a/1": 0, "e/0": 1}
    assert answer.truncations == (Truncation(reason=TruncationReason.DEPTH, limit=1, hidden=1),)


def test_the_start_is_shown_however_few_nodes_may_be() -> None:
    links = [claim(number, ARTIFACTS[0], LinkClass.ASSERTED) for number in (1, 2, 3)]
    told_ = told([said(*links, used(0, 0), used(4, 0))], [1])
    answer = told_.ledger.trace(TraceQuery(start=("acme:a/0", "acme:a/4"), direction=DOWN, nodes=1))
    assert short(answer) == {"a/0": 0, "a/4": 0}
    assert answer.truncations == (Truncation(reason=TruncationReason.NODES, limit=1, hidden=3),)


@pytest.mark.parametrize(
    "query",
    [
        TraceQuery(start=()),
        TraceQuery(start=("acme:a/0",), depth=-1),
        TraceQuery(start=("acme:a/0",), depth=100_001),
        TraceQuery(start=("acme:a/0",), nodes=0),
        TraceQuery(start=("acme:a/0",), nodes=2_000_001),
        TraceQuery(start=("git:commit/short",)),
    ],
)
def test_a_query_beyond_a_limit_is_refused(query: TraceQuery) -> None:
    with pytest.raises(InvalidInputError):
        told([], [1]).ledger.trace(query)
