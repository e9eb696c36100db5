"""Traces by ids alone hold what whole traces hold, which have an oracle of their own."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasing import ALL, OWNED, A, asked
from lineage.graph.index import GraphIndex
from lineage.ledger import (
    EVENT_KINDS,
    NODE_KINDS,
    Event,
    EventKind,
    Kind,
    Ledger,
    LineageIds,
    Statement,
    TraceQuery,
)
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.filters import NodeFilter
from lineage_schemas.graph import LineageAnswer
from lineage_schemas.records import AnyRecord, StatedTime
from strategies import ALIASES, ARTIFACTS, DAWN, EXECUTIONS, INSTANTS, batch_sizes
from told_graphs import told
from trace_answers import STORIES, queries

RUN, B, GROUP = "acme:run", "acme:b", "acme:group"
FILTERS = st.sampled_from(
    [
        None,
        NodeFilter(kinds=(Kind.ARTIFACT,)),
        NodeFilter(stub=True),
        NodeFilter(keys=(ARTIFACTS[0], EXECUTIONS[0])),
    ]
)
TOLD = ("basis", "direction", "start", "truncations", "unknown", "redactions", "labels")
COUNTED = ("undated", "filtered", "stopped", "not_begun", "complete")


def check(ids: LineageIds, whole: LineageAnswer) -> None:
    """Compare what is told by ids with what is told whole."""
    kinds = [NODE_KINDS[number] for number in ids.nodes.kinds.tolist()]
    nodes = zip(kinds, ids.nodes.ids.tolist(), ids.nodes.depths.tolist(), strict=True)
    known = [node for node in whole.nodes if node.id is not None]
    assert list(nodes) == [(node.kind, node.id, node.depth) for node in known]
    kinds_of_edges = [EVENT_KINDS[number] for number in ids.edges.kinds.tolist()]
    ends = ids.edges.artifacts.tolist(), ids.edges.executions.tolist()
    assert list(zip(*ends, kinds_of_edges, strict=True)) == [
        (edge.artifact, edge.execution, edge.kind) for edge in whole.edges
    ]
    for field in (*TOLD, *COUNTED):
        assert getattr(ids, field) == getattr(whole, field), field


@given(
    history=STORIES,
    sizes=batch_sizes(),
    query=queries(
        start=st.lists(
            st.sampled_from([*ARTIFACTS, *EXECUTIONS, *ALIASES, "nobody:1"]), min_size=1, max_size=3
        ).map(tuple),
        depth=st.sampled_from([0, 1, 2, 100]),
        nodes=st.sampled_from([1, 3, 100]),
        fanout=st.sampled_from([None, None, 1]),
        filter=FILTERS,
        stop_at=FILTERS,
    ),
    moment=st.none() | st.sampled_from(INSTANTS),
)
def test_ids_are_those_of_the_whole_trace_in_memory_and_in_the_store(
    history: list[Statement], sizes: list[int], query: TraceQuery, moment: object
) -> None:
    made = told(history, sizes)
    ledger = made.ledger
    for memory_bytes in (1 << 20, 0):
        ledger._graph = ledger.graph._graph = GraphIndex(memory_bytes=memory_bytes)
        for size in made.graphs:
            check(ledger.trace_ids(query, as_of=size), ledger.trace(query, as_of=size))
        then = {"valid_at": moment}
        check(ledger.graph.trace_ids(query, **then), ledger.graph.trace(query, **then))  # type: ignore[arg-type]


# --- by hand -------------------------------------------------------------------------------------


def said(name: str, *records: AnyRecord, hours: int | None = None) -> Statement:
    stated = None if hours is None else StatedTime(start=DAWN + timedelta(hours=hours))
    return Statement(id=name, source="ci", stated=stated, records=records)


@pytest.fixture
def made(ledger: Ledger) -> Ledger:
    """Return a ledger in which a run reads one artifact, states it as declared, and makes one."""
    ledger.record(
        [
            said("1", Event(artifact=A, execution=RUN, kind=EventKind.INPUT), hours=1),
            said("2", Event(artifact=A, execution=RUN, kind=EventKind.DECLARED_INPUT), hours=5),
            said("3", Event(artifact=B, execution=RUN, kind=EventKind.OUTPUT), hours=1),
        ]
    )
    return ledger


def columns(ids: LineageIds) -> list[list[int]]:
    return [column.tolist() for column in (*ids.nodes, *ids.edges)]


def test_columns_stand_in_step_nearest_first_and_by_kind_and_id(made: Ledger) -> None:
    ids = made.trace_ids(TraceQuery(start=(B,)))
    declared, read, output = (
        EVENT_KINDS.index(kind)
        for kind in (EventKind.DECLARED_INPUT, EventKind.INPUT, EventKind.OUTPUT)
    )
    assert columns(ids) == [
        [0, 1, 0],
        [2, 1, 1],
        [0, 1, 2],
        [1, 1, 2],
        [1, 1, 1],
        [declared, read, output],
    ]
    assert ids.complete
    check(ids, made.trace(TraceQuery(start=(B,))))


def test_a_moment_counts_what_had_begun_by_then(made: Ledger) -> None:
    at = DAWN + timedelta(hours=2)
    ids = made.graph.trace_ids(TraceQuery(start=(B,)), valid_at=at)
    assert len(ids.edges.kinds) == len(made.graph.trace(TraceQuery(start=(B,))).edges) - 1
    before = made.graph.trace_ids(TraceQuery(start=(B,)), valid_at=DAWN)
    assert (columns(before), before.not_begun) == ([[]] * 6, (B,))


def test_ids_tell_what_was_erased_of_the_nodes_they_are_of(made: Ledger) -> None:
    query = TraceQuery(start=(B,))
    made.record([said("4", OWNED)])
    assert made.trace_ids(query).redactions == ()
    made.erasures.erase(asked(A, parts=ALL))
    ids = made.trace_ids(query)
    assert (ids.basis.redactions, len(ids.redactions)) == (1, 1)
    check(ids, made.trace(query))
    alone = TraceQuery(start=(B,), filter=NodeFilter(keys=(B,)))
    assert made.trace_ids(alone).basis.redactions == 0
    check(made.trace_ids(alone), made.trace(alone))


def test_ids_of_what_nobody_has_heard_of_are_none(ledger: Ledger) -> None:
    for namespace in ("default", "empty"):
        ids = ledger.trace_ids(TraceQuery(start=(A,)), namespace=namespace)
        assert (columns(ids), ids.unknown, ids.complete) == ([[]] * 6, (A,), False)


def test_what_cannot_be_traced_has_no_ids_either(made: Ledger) -> None:
    with pytest.raises(InvalidInputError):
        made.trace_ids(TraceQuery(start=()))
    with pytest.raises(NotFoundError):
        made.trace_ids(TraceQuery(start=("nobody calls it so",)))
    with pytest.raises(NotFoundError):
        made.trace_ids(TraceQuery(start=(B,), stop_at=NodeFilter(types=("nobody.Knows",))))
