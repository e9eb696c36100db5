"""OpenLineage's own compatibility scenarios and facet samples."""

import json
from pathlib import Path

import pytest

from lineage.connectors.base import ReceivedMessage, statements_of
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.connectors.openlineage.reader import read_messages
from lineage_schemas.codec import decode_records, encode_parts
from lineage_schemas.identifiers import dataset_identifier
from lineage_schemas.mlmd import Artifact, Context, EventKind, Execution, NodeRecord
from lineage_schemas.outside.openlineage import Facets, RunEvent, decode_event
from lineage_schemas.records import AnyRecord, Message, Statement
from lineage_schemas.values import JsonValue
from openlineage_messages import (
    JOB,
    RUN,
    Object,
    dataset,
    encoded,
    job_with,
    key_of,
    links,
    mapped,
    node,
    run_event,
    run_with,
    whole,
)

pytestmark = pytest.mark.needs_data

SCENARIOS = {"CLL": 9, "airflow": 32, "simple_run_event": 1}
SAMPLES = 46


@pytest.fixture(scope="module")
def openlineage(shared_data: Path) -> Path:
    return shared_data / "openlineage"


def scenario(openlineage: Path, name: str) -> list[bytes]:
    """Return the messages of a scenario, in order."""
    return [
        path.read_bytes()
        for path in sorted((openlineage / "scenarios" / name / "events").glob("*.json"))
    ]


def statements(body: bytes) -> tuple[Statement, ...]:
    return statements_of(
        ReceivedMessage(body, "application/json"), OpenLineageMapping(), "openlineage"
    )


def stated(bodies: list[bytes]) -> tuple[AnyRecord, ...]:
    """Return all that the messages state, themselves left out."""
    return tuple(
        record for body in bodies for said in statements(body)[1:] for record in said.records
    )


@pytest.mark.parametrize(("name", "count"), SCENARIOS.items())
def test_every_message_of_a_scenario_is_mapped(openlineage: Path, name: str, count: int) -> None:
    bodies = scenario(openlineage, name)
    assert len(bodies) == count
    ids: set[str] = set()
    for body in bodies:
        message, *said = statements(body)
        (kept,) = message.records
        assert isinstance(kept, Message)
        assert bytes(kept.body) == body.strip()
        assert kept.secrets_filtered == 0
        assert len(said) == 1
        for statement in (message, *said):
            parts = encode_parts(statement.records)
            assert decode_records(parts.facts, parts.personal) == statement.records
            ids.add(statement.id)
    assert len(ids) == 2 * count


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_run_has_the_data_and_the_facets_it_was_sent_with(
    openlineage: Path, name: str
) -> None:
    for body in scenario(openlineage, name):
        event = decode_event(body)
        assert isinstance(event, RunEvent)
        records = OpenLineageMapping().map(body).records
        run = f"ol:run/{event.run.run_id}"
        assert links(records) == {
            (dataset_identifier(data.namespace, data.name), kind, run)
            for kind, given in ((EventKind.INPUT, event.inputs), (EventKind.OUTPUT, event.outputs))
            for data in given or ()
        }
        assert_kept(node(run, Execution, records), event.run.facets)
        for data in (*(event.inputs or ()), *(event.outputs or ())):
            key = dataset_identifier(data.namespace, data.name)
            assert_kept(node(key, Artifact, records), data.facets)


def assert_kept(said: NodeRecord, facets: Facets | None) -> None:
    for name, facet in (facets or {}).items():
        assert whole(said.custom_properties[f"openlineage.{name}"]) == facet


def test_the_table_of_the_column_lineage_scenario_comes_from_both_sources(
    openlineage: Path,
) -> None:
    found = links(stated(scenario(openlineage, "CLL")))
    folder = "ol:dataset/file//tmp/cll_test"  # the test's own, of its namespace "file"
    writers = {
        run for key, kind, run in found if (key, kind) == (f"{folder}/tbl1", EventKind.OUTPUT)
    }
    assert len(writers) == 1
    assert {key for key, kind, run in found if run in writers and kind is EventKind.INPUT} == {
        f"{folder}/cll_source1",
        f"{folder}/cll_source2",
    }


def test_the_runs_of_the_airflow_scenario_lie_in_their_dag_runs(openlineage: Path) -> None:
    records = stated(scenario(openlineage, "airflow"))
    dag_runs = {
        record.key
        for record in records
        if isinstance(record, Context) and record.type == "lineage.PipelineRun"
    }
    assert len(dag_runs) == 3
    runs = {record.key for record in records if isinstance(record, Execution)}
    assert dag_runs <= runs


def test_a_file_of_all_messages_reads_as_its_documents(openlineage: Path, tmp_path: Path) -> None:
    bodies = scenario(openlineage, "airflow")
    path = tmp_path / "all.json"
    path.write_bytes(b"\n".join(bodies))
    with path.open("rb") as stream:
        assert [message.body for message in read_messages(stream)] == [b.strip() for b in bodies]


# --- facets --------------------------------------------------------------------------------------


def samples(openlineage: Path) -> list[tuple[str, str, JsonValue]]:
    """Return (folder, name, facet) of every sample."""
    return [
        (path.parent.name, name, facet)
        for path in sorted((openlineage / "spec" / "tests").glob("*/*.json"))
        for name, facet in json.loads(path.read_bytes()).items()
    ]


def test_every_sample_of_a_facet_is_kept_whole(openlineage: Path) -> None:
    found = samples(openlineage)
    assert len(found) == SAMPLES
    for folder, name, facet in found:
        for kept in everywhere(name, facet, folder):
            assert whole(kept) == facet, folder


def everywhere(name: str, facet: JsonValue, folder: str) -> list[JsonValue]:
    """Put a facet into every place it may have in a message, and return what is kept of each."""
    facets: Object = {name: facet}
    message = run_event(
        run=run_with(**facets),
        job=job_with(**facets),
        inputs=[dataset("a", facets=facets, inputFacets=facets)],
        outputs=[dataset("b", facets=facets, outputFacets=facets)],
    )
    records = mapped(message)
    parts = encode_parts(records)
    assert decode_records(parts.facts, parts.personal) == records, folder
    # The lineage of a job has another form than that of a data set, which means nothing there.
    is_misplaced = name == "lineage" and isinstance(facet, dict) and "entries" not in facet
    flags = OpenLineageMapping().map(encoded(message)).flags
    assert flags == (("openlineage.not_understood",) if is_misplaced else ())
    run = node(RUN, Execution, records).custom_properties
    return [
        run[f"openlineage.{name}"],
        run[f"openlineage.input/{key_of('a')}/{name}"],
        run[f"openlineage.output/{key_of('b')}/{name}"],
        node(JOB, Context, records).custom_properties[f"openlineage.{name}"],
        node(key_of("a"), Artifact, records).custom_properties[f"openlineage.{name}"],
        node(key_of("b"), Artifact, records).custom_properties[f"openlineage.{name}"],
    ]


def test_the_whole_sample_event_is_a_run_event(openlineage: Path) -> None:
    body = (openlineage / "spec" / "tests" / "example_full_event.json").read_bytes()
    event = decode_event(body)
    assert isinstance(event, RunEvent)
    assert len(statements(body)) == 2
