"""Traces of any pair of a size and a stated time, against `oracle.Graph` over the prefix."""

from datetime import timedelta
from random import Random  # noqa: TID251 - hypothesis draws it
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.ledger import Event, EventKind, LinkClass, Statement, TraceQuery
from lineage.service import Ledger
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import Claim, Retraction, StatedTime
from oracle import Graph, Interval, Name
from strategies import ARTIFACTS, DAWN, EXECUTIONS, batch_sizes, cut, valid_times
from told_graphs import told
from trace_answers import (
    DOWN,
    STORIES,
    Edges,
    check_links,
    depths_of,
    edges_of,
    edges_within,
    queries,
    starts_of,
    walks,
)

MICROSECOND = timedelta(microseconds=1)


class Then(NamedTuple):
    """A size of the log, and what it had been told by then."""

    size: int
    told: list[Statement]


def check(ledger: Ledger, then: Then, query: TraceQuery, valid: Interval) -> None:
    """Compare an answer of a size and a valid time; names mean what they mean at the size."""
    answer = ledger.graph.trace(query, as_of=then.size, valid_during=valid)
    named = starts_of(Graph(then.told), query)
    graph = Graph(then.told, valid)
    starts = named & graph.nodes
    expected: dict[Name, int] = {}
    edges: Edges = set()
    for walk in walks(query, None):
        reached = graph.trace(starts, walk)
        edges |= edges_within(graph, reached)
        for node, depth in reached.items():
            expected[node] = min(depth, expected.get(node, depth))
    assert depths_of(answer) == expected
    assert edges_of(answer) == edges
    check_links(answer, graph.joining(starts, walks(query, None)))
    assert answer.undated == len(graph.undated & (expected.keys() | edges))
    assert set(answer.not_begun) == {one for one in query.start if named - starts}
    assert answer.basis.valid_during is not None
    assert ledger.graph.trace(query, as_of=answer.basis) == answer


@settings(max_examples=200)
@given(
    history=STORIES,
    sizes=batch_sizes(),
    query=queries(start=st.sampled_from([*ARTIFACTS, *EXECUTIONS]).map(lambda one: (one,))),
    valid=valid_times(),
)
def test_a_trace_of_two_times_reaches_what_the_oracle_reaches(
    history: list[Statement], sizes: list[int], query: TraceQuery, valid: Interval
) -> None:
    log = told(history, sizes)
    so_far: list[Statement] = []
    for batch, size in zip(cut(history, sizes), sorted(log.graphs)[1:], strict=True):
        so_far = [*so_far, *batch]
        check(log.ledger, Then(size, so_far), query, valid)


@given(
    history=STORIES, order=st.randoms(use_true_random=False), query=queries(), valid=valid_times()
)
def test_the_order_of_arrival_changes_no_trace_of_a_stated_time(
    history: list[Statement], order: Random, query: TraceQuery, valid: Interval
) -> None:
    shuffled = list(history)
    order.shuffle(shuffled)
    answers = [
        told(statements, [3]).ledger.graph.trace(query, valid_during=valid)
        for statements in (history, shuffled)
    ]
    assert depths_of(answers[0]) == depths_of(answers[1])
    assert edges_of(answers[0]) == edges_of(answers[1])
    assert answers[0].undated == answers[1].undated


# --- by hand -------------------------------------------------------------------------------------


def at(hours: int) -> StatedTime:
    return StatedTime(start=DAWN + timedelta(hours=hours))


def read_at(stated: StatedTime | None, name: str) -> Statement:
    event = Event(artifact=ARTIFACTS[0], execution=EXECUTIONS[0], kind=EventKind.INPUT)
    return Statement(id=name, source="ci", records=(event,), stated=stated)


def reached(ledger: Ledger, **where: object) -> set[str]:
    query = TraceQuery(start=(ARTIFACTS[0],), direction=DOWN)
    return {str(node.key) for node in ledger.graph.trace(query, **where).nodes}  # type: ignore[arg-type]


def test_an_edge_counts_from_the_moment_its_source_states() -> None:
    ledger = told([read_at(at(1), "one")], [1]).ledger
    assert reached(ledger, valid_at=DAWN + timedelta(hours=1)) == {ARTIFACTS[0], EXECUTIONS[0]}
    assert reached(ledger, valid_at=DAWN + timedelta(hours=1) - MICROSECOND) == set()
    assert reached(ledger, valid_during=(DAWN, DAWN + timedelta(hours=1))) == set()


def test_a_backdated_statement_moves_the_past_only_from_when_it_is_known() -> None:
    log = told([read_at(at(2), "later"), read_at(at(1), "backdated")], [1])
    before, after = sorted(log.graphs)[1:]
    moment = DAWN + timedelta(hours=1)
    assert reached(log.ledger, valid_at=moment, as_of=before) == set()
    assert reached(log.ledger, valid_at=moment, as_of=after) == {ARTIFACTS[0], EXECUTIONS[0]}


def test_what_nobody_dated_is_counted_in_until_somebody_dates_it() -> None:
    log = told([read_at(None, "undated"), read_at(at(2), "dated")], [1])
    before, after = sorted(log.graphs)[1:]
    query = TraceQuery(start=(ARTIFACTS[0],), direction=DOWN)
    early = log.ledger.graph.trace(query, valid_at=DAWN, as_of=before)
    assert (len(early.nodes), early.undated) == (2, 3)
    late = log.ledger.graph.trace(query, valid_at=DAWN, as_of=after)
    assert (len(late.nodes), late.undated, late.not_begun) == (0, 0, (ARTIFACTS[0],))


def test_a_link_that_was_taken_back_is_crossed_at_the_times_it_stood() -> None:
    same = {"kind": Kind.ARTIFACT, "node": ARTIFACTS[1], "identifier": ARTIFACTS[0]}
    claim = Claim(**same, link_class=LinkClass.ASSERTED)  # type: ignore[arg-type]
    back = Retraction(**same, link_class=LinkClass.ASSERTED)  # type: ignore[arg-type]
    known = [read_at(at(0), "read")]
    known.append(Statement(id="claim", source="ci", records=(claim,), stated=at(1)))
    known.append(Statement(id="back", source="ci", records=(back,), stated=at(2)))
    for order in (known, known[::-1]):
        ledger = told(order, [1]).ledger
        shows = {
            hours: ARTIFACTS[1] in reached(ledger, valid_at=DAWN + timedelta(hours=hours))
            for hours in range(4)
        }
        assert shows == {0: False, 1: True, 2: False, 3: False}
        during = DAWN + timedelta(minutes=30), DAWN + timedelta(hours=9)
        assert ARTIFACTS[1] in reached(ledger, valid_during=during)


def test_a_moment_and_an_interval_at_once_are_refused() -> None:
    ledger = told([], [1]).ledger
    with pytest.raises(InvalidInputError, match="not of both"):
        reached(ledger, valid_at=DAWN, valid_during=(DAWN, DAWN + MICROSECOND))
    with pytest.raises(InvalidInputError, match="ends before"):
        reached(ledger, valid_during=(DAWN, DAWN))
