import json
from datetime import UTC, datetime

import pytest

from lineage.connectors.openlineage.mapping import VERSION, OpenLineageMapping
from lineage_schemas.codec import encode_parts
from lineage_schemas.errors import DecodeError, InvalidInputError, LimitExceededError
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    ParentContext,
)
from lineage_schemas.records import Claim, LinkClass, StatedTime
from lineage_schemas.values import JsonValue
from openlineage_messages import (
    JOB,
    PARENT_ID,
    PRODUCER,
    ROOT_ID,
    RUN,
    RUN_ID,
    SCHEMA_URL,
    TIME,
    Object,
    check_records,
    dataset,
    encoded,
    key_of,
    links,
    mapped,
    node,
    of_type,
    run_event,
    run_with,
    whole,
)

MAPPING = OpenLineageMapping()
INPUT, OUTPUT = EventKind.INPUT, EventKind.OUTPUT


# --- a run and its job ---------------------------------------------------------------------------


def test_a_run_event_states_its_run_and_its_job() -> None:
    records = mapped(run_event())
    check_records(records)
    assert records == (
        Execution(
            key=RUN,
            type="lineage.Run",
            state=ExecutionState.COMPLETE,
            properties={"source_state": "COMPLETE", "ended_time": "2026-01-31T12:00:00.000000Z"},
            custom_properties={
                "openlineage.producer": PRODUCER,
                "openlineage.schemaURL": SCHEMA_URL,
            },
        ),
        Context(key=JOB, type="lineage.Pipeline", properties={"display_name": "clean"}),
        Association(context=JOB, execution=RUN),
    )


@pytest.mark.parametrize(
    ("event_type", "state"),
    [
        ("START", ExecutionState.RUNNING),
        ("RUNNING", ExecutionState.RUNNING),
        ("COMPLETE", ExecutionState.COMPLETE),
        ("FAIL", ExecutionState.FAILED),
        ("ABORT", ExecutionState.CANCELED),
        (None, None),
    ],
)
def test_a_transition_tells_the_state(event_type: str | None, state: ExecutionState | None) -> None:
    said = node(RUN, Execution, mapped(run_event(event_type)))
    assert said.state is state
    assert said.properties.get("source_state") == event_type


def test_the_stated_time_is_the_event_time() -> None:
    moment = datetime(2026, 1, 31, 10, 59, 59, 123456, tzinfo=UTC)
    body = encoded(run_event(eventTime="2026-01-31T12:59:59.123456789+02:00"))
    assert MAPPING.map(body).stated == StatedTime(start=moment)


def test_a_run_id_that_is_no_uuid_is_taken_and_flagged() -> None:
    found = MAPPING.map(encoded(run_event(run={"runId": "nightly 7"})))
    said = node("ol:run/nightly 7", Execution, found.records)
    assert said.custom_properties["openlineage.run_id_not_uuid"] is True
    assert found.flags == ("openlineage.run_id_not_uuid",)
    assert MAPPING.map(encoded(run_event())).flags == ()


def test_a_uuid_is_one_run_in_either_case() -> None:
    shouted = MAPPING.map(encoded(run_event(run={"runId": RUN_ID.upper()})))
    assert shouted == MAPPING.map(encoded(run_event()))


# --- data ----------------------------------------------------------------------------------------


def test_inputs_and_outputs_are_joined_by_events() -> None:
    records = mapped(run_event(inputs=[dataset("a"), dataset("b")], outputs=[dataset("c")]))
    assert links(records) == {
        (key_of("a"), INPUT, RUN),
        (key_of("b"), INPUT, RUN),
        (key_of("c"), OUTPUT, RUN),
    }
    assert node(key_of("a"), Artifact, records).type == "lineage.DataSet"


def test_a_start_without_data_takes_nothing_from_a_complete_with() -> None:
    start = mapped(run_event("START"))
    complete = mapped(run_event(inputs=[dataset("a")], outputs=[dataset("b")]))
    assert links(start) == set()
    assert links(start + complete) == {(key_of("a"), INPUT, RUN), (key_of("b"), OUTPUT, RUN)}


def test_a_data_set_that_is_read_and_written_has_both_events() -> None:
    records = mapped(run_event(inputs=[dataset("a")], outputs=[dataset("a")]))
    assert links(records) == {(key_of("a"), INPUT, RUN), (key_of("a"), OUTPUT, RUN)}
    assert len(of_type(Artifact, records)) == 1


def test_a_data_set_that_is_listed_twice_keeps_both_of_its_subsets() -> None:
    first, second = (dataset("a", inputFacets={"subset": {"n": n}}) for n in (1, 2))
    records = mapped(run_event(inputs=[first, second]))
    custom = node(RUN, Execution, records).custom_properties
    assert custom[f"openlineage.input/{key_of('a')}/subset"] == {"n": 1}
    assert custom[f"openlineage.input/{key_of('a')}/subset#2"] == {"n": 2}
    assert len(of_type(Event, records)) == 1


def test_an_event_has_no_time_of_its_own_so_that_repeating_it_adds_nothing() -> None:
    start, complete = (mapped(run_event(kind, inputs=[dataset("a")])) for kind in ("START", "FAIL"))
    assert of_type(Event, start) == of_type(Event, complete)


def test_symlinks_are_asserted_claims() -> None:
    facet: Object = {
        "_producer": PRODUCER,
        "identifiers": [
            {"namespace": "hive://meta:9083", "name": "default.a", "type": "TABLE"},
            {"namespace": "postgres://DB:5432/", "name": "a", "type": "TABLE"},
        ],
    }
    records = mapped(run_event(inputs=[dataset("a", facets={"symlinks": facet})]))
    assert of_type(Claim, records) == [
        Claim(
            kind=Kind.ARTIFACT,
            node=key_of("a"),
            identifier="ol:dataset/hive%3A%2F%2Fmeta%3A9083/default.a",
            link_class=LinkClass.ASSERTED,
            evidence={"facet": "symlinks", "producer": PRODUCER, "type": "TABLE"},
        )
    ]


# --- parents -------------------------------------------------------------------------------------


def parent(run_id: str, job: str, **more: JsonValue) -> Object:
    return {"run": {"runId": run_id}, "job": {"namespace": "etl", "name": job}, **more}


def test_a_parent_run_holds_its_children_and_itself() -> None:
    records = mapped(run_event(run=run_with(parent=parent(PARENT_ID, "nightly"))))
    check_records(records)
    above = f"ol:run/{PARENT_ID}"
    assert node(above, Context, records).type == "lineage.PipelineRun"
    assert set(of_type(Association, records)) == {
        Association(context=JOB, execution=RUN),
        Association(context=above, execution=RUN),
        Association(context=above, execution=above),
        Association(context="ol:job/etl/nightly", execution=above),
    }
    assert of_type(ParentContext, records) == [
        ParentContext(child=JOB, parent="ol:job/etl/nightly")
    ]
    assert [said.key for said in of_type(Execution, records)] == [RUN]


def test_a_parent_of_the_same_job_is_not_its_parent_context() -> None:
    records = mapped(run_event(run=run_with(parent=parent(PARENT_ID, "clean"))))
    assert of_type(ParentContext, records) == []


def test_the_root_holds_the_parent() -> None:
    facet = parent(PARENT_ID, "nightly", root=parent(ROOT_ID, "everything"))
    records = mapped(run_event(run=run_with(parent=facet)))
    assert ParentContext(child=f"ol:run/{PARENT_ID}", parent=f"ol:run/{ROOT_ID}") in records


def test_a_root_that_is_the_parent_does_not_hold_itself() -> None:
    facet = parent(PARENT_ID, "nightly", root=parent(PARENT_ID, "nightly"))
    with_root = mapped(run_event(run=run_with(parent=facet)))
    assert of_type(ParentContext, with_root) == [
        ParentContext(child=JOB, parent="ol:job/etl/nightly")
    ]


@pytest.mark.parametrize(
    ("facets", "name"),
    [
        ({"parent": {"run": {}}}, "parent"),
        ({"parent": parent("", "nightly")}, "parent"),
        ({"parent": "nightly"}, "parent"),
    ],
)
def test_a_parent_that_is_not_understood_is_kept_and_flagged(facets: Object, name: str) -> None:
    found = MAPPING.map(encoded(run_event(run=run_with(**facets))))
    said = node(RUN, Execution, found.records)
    assert whole(said.custom_properties[f"openlineage.{name}"]) == facets[name]
    assert said.custom_properties["openlineage.not_understood"] == {"items": [name]}
    assert found.flags == ("openlineage.not_understood",)


# --- job events and dataset events ---------------------------------------------------------------


def test_a_job_event_states_the_job_and_its_data() -> None:
    event = run_event(None, inputs=[dataset("a")], outputs=[dataset("b")])
    del event["run"]
    records = mapped(event)
    check_records(records)
    assert node(JOB, Context, records).custom_properties == {
        "openlineage.producer": PRODUCER,
        "openlineage.schemaURL": SCHEMA_URL,
        "openlineage.inputs": {"items": [key_of("a")]},
        "openlineage.outputs": {"items": [key_of("b")]},
    }
    assert of_type(Attribution, records) == [
        Attribution(context=JOB, artifact=key_of("a")),
        Attribution(context=JOB, artifact=key_of("b")),
    ]
    assert of_type(Event, records) == []


def test_a_dataset_event_states_the_data_set() -> None:
    event: Object = {"eventTime": TIME, "producer": PRODUCER, "dataset": dataset("a")}
    assert mapped(event) == (
        Artifact(
            key=key_of("a"),
            type="lineage.DataSet",
            properties={"display_name": "a"},
            custom_properties={"openlineage.producer": PRODUCER},
        ),
    )


# --- statement ids -------------------------------------------------------------------------------


def statement_id(message: JsonValue) -> str:
    return MAPPING.map(encoded(message)).statement_id


def test_a_statement_is_named_by_run_transition_and_time() -> None:
    moment = "2026-01-31T12:00:00.000000Z"
    assert statement_id(run_event()) == f"run/{RUN_ID}/COMPLETE/{moment}"
    assert statement_id(run_event(None)) == f"run/{RUN_ID}/OTHER/{moment}"
    assert statement_id(run_event(eventTime="2026-01-31T14:00:00+02:00")) == (
        statement_id(run_event())
    )


def test_a_statement_of_a_job_or_a_data_set_is_named_by_its_name_and_time() -> None:
    job: Object = {"eventTime": TIME, "job": {"namespace": "etl", "name": "clean"}}
    data: Object = {"eventTime": TIME, "dataset": {"namespace": "etl", "name": "clean"}}
    assert statement_id(job) == (
        "job/2a8fd1a8-3b78-5a73-9a84-c4072fb0f770/2026-01-31T12:00:00.000000Z"
    )
    assert statement_id(data) == statement_id(job).replace("job/", "dataset/")


def test_a_statement_id_does_not_depend_on_what_the_message_says() -> None:
    said = run_event(run=run_with(mine={"a": 1}), inputs=[dataset("a")])
    assert statement_id(said) == statement_id(run_event())


def test_a_long_run_id_still_fits_into_a_statement_id() -> None:
    found = statement_id(run_event(run={"runId": "x" * 2_000}))
    assert len(found) < 100
    assert found != statement_id(run_event(run={"runId": "x" * 2_001}))


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (run_event(run={}), "$.run"),
        (run_event(run=None), "$.run"),
        (run_event(run={"runId": 7}), "$.run.runId"),
        (run_event(run={"runId": ""}), "$.run.runId"),
        (run_event(job=None), "$.job"),
        (run_event(job={"namespace": "etl"}), "$.job"),
        (run_event(job={"namespace": "etl", "name": ""}), "$.job"),
        (run_event("STARTED"), "$.eventType"),
        (run_event(eventTime=None), "$.eventTime"),
        (run_event(eventTime="yesterday"), "$.eventTime: yesterday"),
        (run_event(eventTime="2026-01-31T12:00:00"), "$.eventTime: 2026-01-31T12:00:00"),
        (run_event(eventTime="0001-01-01T00:00:00+14:00"), "$.eventTime"),
        (run_event(inputs={}), "$.inputs"),
        (run_event(inputs=[dataset("a"), {"name": "b"}]), "$.inputs[1]"),
        (run_event(outputs=[dataset("")]), "$.outputs[0]"),
        (run_event(run={"runId": RUN_ID, "facets": []}), "$.run.facets"),
        ([run_event()], "$"),
        ({"eventTime": TIME}, "$"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(message: JsonValue, where: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        mapped(message)
    assert caught.value.where.startswith(where)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{'run': 1}", b"\xff", b'{"run": "\\ud800"}', b"[" * 10_000]
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        MAPPING.map(body)


def test_a_text_with_u0000_is_refused_and_one_about_it_is_not() -> None:
    with pytest.raises(DecodeError, match="U\\+0000"):
        mapped(run_event(run=run_with(mine={"a": "b\0c"})))
    records = mapped(run_event(run=run_with(mine={"a": "b\\u0000c"})))
    assert node(RUN, Execution, records).custom_properties["openlineage.mine"] == {"a": "b\\u0000c"}


def test_a_name_over_the_limit_of_identifiers_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="IDENTIFIER_BYTES_MAX"):
        mapped(run_event(inputs=[dataset("n" * 3_000)]))


def test_null_means_absent() -> None:
    absent = run_event(None)
    nulls: Object = {"eventType": None, "inputs": None, "outputs": None, "dataset": None}
    assert mapped(absent | nulls) == mapped(absent)


# --- purity --------------------------------------------------------------------------------------


def test_the_same_bytes_give_the_same_records() -> None:
    body = encoded(run_event(inputs=[dataset("a")], run=run_with(tags={"tags": []})))
    assert OpenLineageMapping().map(body) == MAPPING.map(body)
    assert MAPPING.version == VERSION == "openlineage/2"


def test_the_order_of_fields_does_not_matter() -> None:
    event = run_event(inputs=[dataset("a")], run=run_with(b={"x": 1}, a={"y": 2}))
    shuffled = json.dumps(event, sort_keys=True).encode()
    assert encode_parts(MAPPING.map(shuffled).records) == encode_parts(mapped(event))
