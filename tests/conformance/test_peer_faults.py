"""What other lineage services get wrong, by the issues that their users wrote.

Each test sends what a tool would send, as OpenLineage, and asks what the issue's author asked.
"""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_URL, uuid5

import pytest

from lineage.connectors.base import ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.ledger import Event, EventKind, Ledger, Statement, TraceQuery, open_ledger
from lineage.questions.trace import DEPTH_MAX, NODES_DEFAULT, NODES_MAX
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction, LineageAnswer, TruncationReason
from lineage_schemas.mlmd import Artifact, Execution, Kind
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue
from openlineage_messages import dataset, encoded, key_of, run_event

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
VERSION: Final = "mlflow:model-version/m.example.org/fraud/2"
SERVICE: Final = "k8s:prod/default/service/fraud"
SCORES: Final = "uri:s3://scores/2026-03.parquet"
WIDE: Final = 1_100
DEEP: Final = 150


def run(
    name: str,
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    *,
    job: str = "clean",
    event_type: str = "COMPLETE",
    at: str = "2026-01-31T12:00:00Z",
) -> dict[str, JsonValue]:
    """Return the message of a run; the same name is the same run."""
    return run_event(
        event_type,
        eventTime=at,
        run={"runId": str(uuid5(NAMESPACE_URL, name))},
        job={"namespace": "etl", "name": job},
        inputs=[dataset(one) for one in inputs],
        outputs=[dataset(one) for one in outputs],
    )


def tell(ledger: Ledger, *messages: JsonValue) -> None:
    for message in messages:
        received = ReceivedMessage(encoded(message), "application/json")
        ledger.receive(received, OpenLineageMapping(), source="openlineage")


def trace(
    ledger: Ledger,
    start: str,
    direction: Direction = UP,
    *,
    depth: int = DEPTH_MAX,
    nodes: int = NODES_DEFAULT,
) -> LineageAnswer:
    query = TraceQuery(start=(start,), direction=direction, depth=depth, nodes=nodes)
    return ledger.trace(query)


def reached(answer: LineageAnswer) -> set[str]:
    """Return the data sets of an answer, by their names in the warehouse."""
    prefix = key_of("")
    keys = (node.key or "" for node in answer.nodes if node.kind is Kind.ARTIFACT)
    return {key.removeprefix(prefix) for key in keys}


def test_every_upstream_data_set_of_a_job_is_shown(ledger: Ledger) -> None:
    """Marquez #3093: of two real upstream edges, the graph of a job showed one."""
    tell(
        ledger,
        run("load a", (), ("a",), job="load a"),
        run("load b", (), ("b",), job="load b"),
        run("join", ("a", "b"), ("joined",), job="join"),
    )
    answer = trace(ledger, key_of("joined"))
    assert reached(answer) == {"joined", "a", "b"}
    assert len(answer.edges) == 5
    assert sum(node.kind is Kind.EXECUTION for node in answer.nodes) == 3
    assert answer.complete


def test_data_sets_stay_joined_though_later_runs_write_others(ledger: Ledger) -> None:
    """Marquez #2543, #1965: only a job's current version counted, and the rest was orphaned."""
    tell(
        ledger,
        run("monday", ("raw",), ("part=1",), at="2026-02-02T00:00:00Z"),
        run("tuesday", ("raw", "extra"), ("part=2",), at="2026-02-03T00:00:00Z"),
        run("wednesday", ("raw",), (), at="2026-02-04T00:00:00Z"),
    )
    assert reached(trace(ledger, key_of("part=1"))) == {"part=1", "raw"}
    assert reached(trace(ledger, key_of("part=2"))) == {"part=2", "raw", "extra"}
    assert reached(trace(ledger, key_of("raw"), DOWN)) == {"raw", "part=1", "part=2"}


def test_a_name_that_comes_late_joins_what_was_apart(ledger: Ledger) -> None:
    """Marquez #2738: a symlink that arrives after both graphs did not merge them."""
    tell(
        ledger,
        run("write", ("raw",), ("s3/orders",), job="write"),
        run("read", ("glue/orders",), ("report",), job="read"),
    )
    before = ledger.basis()
    assert reached(trace(ledger, key_of("report"))) == {"report", "glue/orders"}
    facet: JsonValue = {
        "symlinks": {
            "_producer": "https://example.com/crawler",
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/SymlinksDatasetFacet.json",
            "identifiers": [
                {"namespace": "postgres://db:5432", "name": "glue/orders", "type": "TABLE"}
            ],
        }
    }
    tell(
        ledger,
        {
            "eventTime": "2026-03-01T00:00:00Z",
            "producer": "https://example.com/crawler",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
            "dataset": dataset("s3/orders", facets=facet),
        },
    )
    joined = trace(ledger, key_of("report"))
    assert reached(joined) == {"report", "glue/orders", "s3/orders", "raw"}
    assert {link.link_class for link in joined.links} == {"key", "asserted"}
    past = ledger.trace(TraceQuery(start=(key_of("report"),)), as_of=before)
    assert reached(past) == {"report", "glue/orders"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_run_shows_the_version_it_read(ledger: Ledger, order: tuple[int, int]) -> None:
    """Marquez #2733: the version facet of an input was ignored, and the current one shown."""
    messages = [
        run(f"read {number}", (), (f"out {number}",), at=f"2026-03-0{number + 1}T00:00:00Z")
        | {"inputs": [dataset("table", facets=version_facet(f"snapshot-{number}"))]}
        for number in range(2)
    ]
    tell(ledger, *(messages[number] for number in order))
    for number in range(2):
        answer = trace(ledger, key_of(f"out {number}"))
        (reading,) = [node for node in answer.nodes if node.kind is Kind.EXECUTION]
        kept = reading.custom_properties[f"openlineage.input/{key_of('table')}/version"]
        assert kept == version_facet(f"snapshot-{number}")["version"]
        (table,) = [node for node in answer.nodes if node.key == key_of("table")]
        assert table.properties["version"] == "snapshot-1"


def version_facet(version: str) -> dict[str, JsonValue]:
    schema = "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json"
    facet = {"_producer": "https://example.com", "_schemaURL": schema, "datasetVersion": version}
    return {"version": {**facet}}


def test_a_later_message_without_data_sets_takes_no_edge_away(ledger: Ledger) -> None:
    """Marquez: COMPLETE without data sets, after START with them, replaced what START said."""
    tell(
        ledger,
        run("training", ("features",), ("model",), event_type="START"),
        run("training", event_type="RUNNING", at="2026-01-31T12:30:00Z"),
        run("training", event_type="COMPLETE", at="2026-01-31T13:00:00Z"),
    )
    answer = trace(ledger, key_of("model"))
    assert reached(answer) == {"model", "features"}
    (training,) = [node for node in answer.nodes if node.kind is Kind.EXECUTION]
    assert training.state == "COMPLETE"


def test_more_than_a_thousand_are_found_at_the_fifth_level(ledger: Ledger) -> None:
    """DataHub #7522: of more than 1,000 at level 5 not all were shown, without a word."""
    tell(ledger, *(run(f"hop {n}", (f"t{n}",), (f"t{n + 1}",), job=f"hop {n}") for n in range(4)))
    leaves = tuple(f"leaf {number}" for number in range(WIDE))
    tell(ledger, run("fan", ("t4",), leaves, job="fan"))
    answer = trace(ledger, key_of("t0"), DOWN)
    assert reached(answer) == {*(f"t{n}" for n in range(5)), *leaves}
    assert answer.complete
    assert sum(node.depth == 10 for node in answer.nodes) == WIDE


def test_a_limit_is_said_with_what_it_hides(ledger: Ledger) -> None:
    """DataHub #15198: partial results looked whole, so that older clients went on working."""
    tell(ledger, run("fan", ("t",), tuple(f"leaf {number}" for number in range(30)), job="fan"))
    answer = trace(ledger, key_of("t"), DOWN, nodes=10)
    assert len(answer.nodes) == 10
    assert not answer.complete
    (cut,) = answer.truncations
    assert (cut.reason, cut.limit) == (TruncationReason.NODES, 10)
    assert cut.hidden == 22
    shallow = trace(ledger, key_of("t"), DOWN, depth=1)
    assert [one.reason for one in shallow.truncations] == [TruncationReason.DEPTH]
    assert shallow.truncations[0].hidden == 30


@pytest.mark.parametrize(
    ("depth", "nodes"), [(1, NODES_MAX + 1), (DEPTH_MAX + 1, 1), (1, 0), (-1, 1)]
)
def test_over_asking_is_refused(depth: int, nodes: int) -> None:
    """DataHub: a limit that is too high was clipped to 10,000 or 5,000 with a line in its log."""
    with open_ledger("memory:") as ledger, pytest.raises(InvalidInputError) as refused:
        trace(ledger, key_of("t"), depth=depth, nodes=nodes)
    assert str(refused.value.where) in {str(depth), str(nodes)}


def moved(source: str, execution: str, target: str) -> tuple[AnyRecord, ...]:
    return (
        Event(artifact=source, execution=execution, kind=EventKind.INPUT),
        Event(artifact=target, execution=execution, kind=EventKind.OUTPUT),
    )


def test_a_chain_is_followed_beyond_a_hundred(ledger: Ledger) -> None:
    """Atlas, Spline, DataHub and Data.Rentgen end a walk at 3, 5, 10 or 1,000 hops by default."""
    hops = [
        (f"acme:t/{number}", f"acme:hop/{number}", f"acme:t/{number + 1}") for number in range(DEEP)
    ]
    statements = [
        Statement(id=f"hop-{number}", source="etl", records=moved(*hop))
        for number, hop in enumerate(hops)
    ]
    ledger.record(statements)
    answer = trace(ledger, f"acme:t/{DEEP}")
    assert max(node.depth for node in answer.nodes) == 2 * DEEP
    assert len(answer.nodes) == 2 * DEEP + 1
    assert answer.complete


def test_a_model_leads_to_its_deployment_and_back(ledger: Ledger) -> None:
    """DataHub: a model has no edge to where it serves, so nobody can ask what a data set serves."""
    tell(ledger, run("training", ("features",), ("model",), job="train"))
    deployed = (
        Artifact(key=SERVICE, type="lineage.Deployment"),
        Execution(key="ci:run/ci.example.org/1234", type="lineage.Deploy"),
        *moved(VERSION, "ci:run/ci.example.org/1234", SERVICE),
        Claim(
            kind=Kind.ARTIFACT,
            node=VERSION,
            identifier=key_of("model"),
            link_class=LinkClass.ASSERTED,
        ),
    )
    ledger.record([Statement(id="deploy-1", source="ci", records=deployed)])
    down = trace(ledger, key_of("features"), DOWN)
    assert SERVICE in {node.key for node in down.nodes}
    up = trace(ledger, SERVICE)
    assert key_of("features") in {node.key for node in up.nodes}
    assert up.complete


def test_a_model_may_stand_upstream_of_a_data_set(ledger: Ledger) -> None:
    """DataHub: a model was only ever an end; what it scored had no upstream."""
    scoring = (
        Artifact(key=VERSION, type="lineage.ModelVersion"),
        Artifact(key=SCORES, type="lineage.DataSet"),
        Execution(key="acme:scoring/1", type="lineage.Run"),
        *moved(VERSION, "acme:scoring/1", SCORES),
    )
    ledger.record([Statement(id="scoring-1", source="batch", records=scoring)])
    answer = trace(ledger, SCORES)
    assert [node.type for node in answer.nodes] == [
        "lineage.DataSet",
        "lineage.Run",
        "lineage.ModelVersion",
    ]


def test_an_answer_says_of_when_it_is(ledger: Ledger) -> None:
    """DataHub's MCP server #181: reads resolve to now without a word, and carry no date."""
    tell(ledger, run("monday", ("raw",), ("out",)))
    first = trace(ledger, key_of("out"))
    tell(ledger, run("tuesday", ("more",), ("out",), at="2026-02-03T00:00:00Z"))
    assert reached(trace(ledger, key_of("out"))) == {"out", "raw", "more"}
    again = ledger.trace(TraceQuery(start=(key_of("out"),)), as_of=first.basis)
    assert again == first
    assert first.basis.size == trace(ledger, key_of("out")).basis.size - 2
    assert reached(again) == {"out", "raw"}


def test_two_jobs_of_one_table_do_not_answer_for_each_other(ledger: Ledger) -> None:
    """Marquez walks both ways at once, so that a shared source joins what has nothing in common."""
    tell(
        ledger,
        run("a", ("shared",), ("report a",), job="a"),
        run("b", ("shared",), ("report b",), job="b"),
    )
    assert reached(trace(ledger, key_of("report a"))) == {"report a", "shared"}
    assert reached(trace(ledger, key_of("shared"), DOWN)) == {"shared", "report a", "report b"}
