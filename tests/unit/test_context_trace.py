"""A context is part of the answer to a trace, and leads nowhere."""

import pytest

from lineage.ledger import (
    NODE_KINDS,
    Artifact,
    Attribution,
    Claim,
    Context,
    Direction,
    Event,
    EventKind,
    Kind,
    LinkClass,
    ParentContext,
    Statement,
    TraceQuery,
)
from lineage.service import Ledger
from lineage_schemas.graph import LineageAnswer
from lineage_schemas.records import AnyRecord

A, RUN, GROUP, ABOVE = "acme:a", "acme:run", "acme:group", "acme:above"


def said(statement_id: str, *records: AnyRecord) -> Statement:
    return Statement(id=statement_id, source="ci", records=records)


@pytest.fixture
def grouped(ledger: Ledger) -> Ledger:
    ledger.record(
        [
            said("1", Context(key=GROUP, name="group"), Artifact(key=A)),
            said("2", Event(artifact=A, execution=RUN, kind=EventKind.INPUT)),
            said("3", Attribution(context=GROUP, artifact=A)),
            said("4", ParentContext(child=GROUP, parent=ABOVE)),
        ]
    )
    return ledger


def traced(ledger: Ledger, *start: str, direction: Direction = Direction.BOTH) -> LineageAnswer:
    return ledger.trace(TraceQuery(start=start, direction=direction))


@pytest.mark.parametrize("direction", Direction)
def test_a_context_is_known_and_leads_nowhere(grouped: Ledger, direction: Direction) -> None:
    answer = traced(grouped, GROUP, direction=direction)
    assert [(node.kind, node.key, node.name) for node in answer.nodes] == [
        (Kind.CONTEXT, GROUP, "group")
    ]
    assert (answer.edges, answer.links, answer.unknown, answer.stubs) == ((), (), (), 0)
    assert answer.complete


def test_a_context_that_is_only_named_is_a_stub(grouped: Ledger) -> None:
    answer = traced(grouped, ABOVE)
    assert [(node.kind, node.key, node.stub) for node in answer.nodes] == [
        (Kind.CONTEXT, ABOVE, True)
    ]
    assert (answer.stubs, answer.unknown) == (1, ())


def test_a_context_stands_beside_what_is_walked_and_what_is_unknown(grouped: Ledger) -> None:
    answer = traced(grouped, GROUP, A, "acme:nobody", GROUP)
    assert sorted(node.key or "" for node in answer.nodes) == [A, GROUP, "acme:nobody", RUN]
    assert answer.unknown == ("acme:nobody",)
    assert len(answer.edges) == 1


def test_the_nodes_of_a_trace_come_nearest_first(grouped: Ledger) -> None:
    depths = [node.depth for node in traced(grouped, GROUP, A).nodes]
    assert depths == sorted(depths)


def test_a_trace_of_ids_has_contexts_before_all_else(grouped: Ledger) -> None:
    nodes = grouped.trace_ids(TraceQuery(start=(GROUP, A, "acme:nobody"))).nodes
    assert [NODE_KINDS[number] for number in nodes.kinds] == [Kind.CONTEXT, Kind.ARTIFACT]
    assert (nodes.ids.tolist(), nodes.depths.tolist()) == ([1, 1], [0, 0])
    (only,) = grouped.trace_ids(TraceQuery(start=(GROUP,))).nodes.kinds
    assert NODE_KINDS[only] is Kind.CONTEXT


def test_a_context_is_found_by_a_claim_and_not_before_it_was_there(grouped: Ledger) -> None:
    before = grouped.basis()
    grouped.record(
        [
            said(
                "5",
                Claim(
                    kind=Kind.CONTEXT,
                    node=GROUP,
                    identifier="other:group",
                    link_class=LinkClass.ASSERTED,
                ),
            )
        ]
    )
    assert [node.key for node in traced(grouped, "other:group").nodes] == [GROUP]
    query = TraceQuery(start=("other:group",))
    assert grouped.trace(query, as_of=before).unknown == ("other:group",)
    assert grouped.trace(TraceQuery(start=(GROUP,)), as_of=0).unknown == (GROUP,)


def test_a_key_of_an_artifact_and_a_context_is_walked_from(ledger: Ledger) -> None:
    ledger.record(
        [
            said("1", Context(key=A, name="both")),
            said("2", Event(artifact=A, execution=RUN, kind=EventKind.INPUT)),
        ]
    )
    assert {node.key for node in traced(ledger, A).nodes} == {A, RUN}
