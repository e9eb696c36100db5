"""Column lineage from messages in the shape of OpenLineage's two facets, up to the answer."""

from __future__ import annotations

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.connectors.base import ReceivedMessage, statements_of
from lineage.connectors.openlineage.columns import COLUMNS_BYTES_MAX
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.ledger import ColumnsQuery, Direction, Execution
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.columns import ColumnsAnswer, columns_property
from lineage_schemas.values import JsonValue
from openlineage_messages import (
    RUN,
    TIME,
    Object,
    check_records,
    dataset,
    encoded,
    job_with,
    key_of,
    mapped,
    node,
    run_event,
)

IDENTITY: Object = {"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False}
HASHED: Object = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
FILTER: Object = {"type": "INDIRECT", "subtype": "FILTER"}


def field(name: str, column: str, *hows: JsonValue, **more: JsonValue) -> Object:
    return dataset(name, field=column, transformations=list(hows)) | more


def source(name: str, column: str | None, *hows: JsonValue) -> Object:
    """Return an input of the facet ``lineage``."""
    given = dataset(name, type="DATASET", transformations=list(hows))
    return given if column is None else given | {"field": column}


COLUMN_LINEAGE: Object = {
    "fields": {
        "order_id": {"inputFields": [field("orders", "id", IDENTITY)]},
        "customer": {"inputFields": [field("customers", "email", HASHED)]},
    },
    "dataset": [field("orders", "placed_on", FILTER)],
}
LINEAGE: Object = {
    "inputs": [source("orders", "placed_on", FILTER), source("rates", None)],
    "fields": {
        "order_id": {"inputs": [source("orders", "id", IDENTITY)]},
        "customer": {
            "inputs": [source("customers", "email", HASHED), {"type": "JOB", "name": "x"}]
        },
    },
}
SCHEMA: Object = {"fields": [{"name": "order_id", "type": "INT"}, {"name": "customer"}]}


def wrote(facets: Object, event_type: str = "COMPLETE", at: str = TIME) -> Object:
    return run_event(event_type, outputs=[dataset("report", facets=facets)], eventTime=at)


def told(*messages: Object) -> Ledger:
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    for message in messages:
        received = ReceivedMessage(encoded(message), "application/json")
        ledger.record(statements_of(received, OpenLineageMapping(), "openlineage"))
    return ledger


def steps(answer: ColumnsAnswer) -> set[tuple[str, str | None, str | None, str | None]]:
    """Return (data set, field) of what each field was made from, by what kind of step."""
    return {
        (
            edge.from_dataset.rpartition("/")[2],
            edge.from_field,
            edge.to_field,
            edge.transformations[0].subtype if edge.transformations else None,
        )
        for edge in answer.edges
    }


ORDER = ("orders", "id", "order_id", "IDENTITY")
CUSTOMER = ("customers", "email", "customer", "TRANSFORMATION")
PLACED = ("orders", "placed_on", None, "FILTER")
RATES = ("rates", None, None, None)


@pytest.mark.parametrize(
    ("facets", "expected"),
    [
        ({"columnLineage": COLUMN_LINEAGE}, {ORDER, CUSTOMER, PLACED}),
        ({"lineage": LINEAGE}, {ORDER, CUSTOMER, PLACED, RATES}),
        # A producer that sends both says the same twice.
        (
            {"columnLineage": COLUMN_LINEAGE, "lineage": LINEAGE},
            {ORDER, CUSTOMER, PLACED, RATES},
        ),
    ],
)
def test_both_facets_say_what_fields_are_made_from(
    facets: Object, expected: set[tuple[str | None, ...]]
) -> None:
    described: Object = {"schema": SCHEMA}
    ledger = told(wrote(facets | described))
    answer = ledger.graph.columns(ColumnsQuery(dataset=key_of("report")))
    assert steps(answer) == expected
    assert {(one.field, one.type) for one in answer.columns if one.in_schema} == {
        ("order_id", "INT"),
        ("customer", None),
    }
    (hashed,) = [one for edge in answer.edges for one in edge.transformations if one.masking]
    assert (hashed.type, hashed.subtype) == ("DIRECT", "TRANSFORMATION")
    assert [node.key for node in answer.executions] == [RUN]
    assert answer.complete
    assert answer.stubs == len(answer.datasets) - 1
    # What all of the report depends on, the customer does, and its order id is another field.
    one = ledger.graph.columns(ColumnsQuery(dataset=key_of("report"), field="customer"))
    assert steps(one) == expected - {ORDER}
    down = ColumnsQuery(dataset=key_of("orders"), field="placed_on", direction=Direction.DOWNSTREAM)
    assert steps(ledger.graph.columns(down)) == expected & {PLACED}


def test_a_job_says_it_of_its_data_sets() -> None:
    """On the message of a run it is what was observed; entries that are jobs have no fields."""
    entry = dataset("report", type="DATASET") | LINEAGE
    facet: Object = {"entries": [entry, {"type": "JOB", "inputs": []}]}
    ledger = told(run_event(job=job_with(lineage=facet)))
    answer = ledger.graph.columns(ColumnsQuery(dataset=key_of("report")))
    assert steps(answer) == {ORDER, CUSTOMER, PLACED, RATES}


def test_how_it_was_said_before_there_were_transformations() -> None:
    old: Object = {
        "fields": {
            "a": {
                "inputFields": [dataset("orders", field="id")],
                "transformationType": "MASKED",
                "transformationDescription": "sha1(id)",
            }
        }
    }
    answer = told(wrote({"columnLineage": old})).graph.columns(
        ColumnsQuery(dataset=key_of("report"), field="a")
    )
    ((how,),) = [edge.transformations for edge in answer.edges]
    assert (how.type, how.subtype, how.description, how.masking) == (
        "DIRECT",
        "MASKED",
        "sha1(id)",
        True,
    )


def only(column: str) -> Object:
    return {"columnLineage": {"fields": {column: {"inputFields": [field("orders", "id")]}}}}


def test_of_several_messages_of_a_run_the_latest_counts_for_each_output() -> None:
    start = wrote(only("first"), "START", "2026-01-31T12:00:00Z")
    other = run_event(
        eventType="RUNNING",
        eventTime="2026-01-31T12:30:00Z",
        outputs=[dataset("other", facets=only("b"))],
    )
    late = wrote(only("last"), at="2026-01-31T13:00:00Z")
    bare = run_event(eventTime="2026-01-31T14:00:00Z", outputs=[dataset("report")])
    for messages in ((start, other, late, bare), (bare, late, other, start)):
        ledger = told(*messages)
        answer = ledger.graph.columns(ColumnsQuery(dataset=key_of("report")))
        assert {edge.to_field for edge in answer.edges} == {"last"}
        second = ledger.graph.columns(ColumnsQuery(dataset=key_of("other")))
        assert {edge.to_field for edge in second.edges} == {"b"}
    gone = wrote({"columnLineage": {"_deleted": True}}, at="2026-01-31T15:00:00Z")
    taken_back = told(start, late, gone).graph.columns(ColumnsQuery(dataset=key_of("report")))
    assert not taken_back.edges


@pytest.mark.parametrize(
    "facet",
    [
        "text",
        {"fields": []},
        {"fields": {"a": {}}},
        {"fields": {"a": {"inputFields": [{"namespace": "n", "name": "t"}]}}},
        {"fields": {"a": {"inputFields": [{"namespace": "", "name": "t", "field": "f"}]}}},
        {"fields": {"": {"inputFields": [field("orders", "id")]}}},
        {"fields": {"a": {"inputFields": [field("orders", "id", {"masking": "yes"})]}}},
    ],
)
def test_what_is_not_of_the_form_is_kept_and_flagged(facet: JsonValue) -> None:
    records = mapped(wrote({"columnLineage": facet}))
    check_records(records)
    run = node(RUN, Execution, records).custom_properties
    assert run["openlineage.not_understood"] == {"items": ["columnLineage"]}
    assert columns_property(key_of("report")) not in run


def test_what_is_too_large_stays_in_the_facet_and_is_flagged() -> None:
    fields: Object = {
        f"column_{number}": {"inputFields": [field("orders", "x" * 200)]} for number in range(900)
    }
    records = mapped(wrote({"columnLineage": {"fields": fields}}))
    run = node(RUN, Execution, records).custom_properties
    assert len(encoded(fields)) > COLUMNS_BYTES_MAX
    assert run["openlineage.columns_left_out"] is True
    assert columns_property(key_of("report")) not in run


def test_a_description_that_names_somebody_can_be_erased() -> None:
    named: Object = {"type": "DIRECT", "description": "as ada@example.org asked"}
    facet: Object = {"fields": {"a": {"inputFields": [field("orders", "id", named)]}}}
    run = node(RUN, Execution, mapped(wrote({"columnLineage": facet})))
    assert columns_property(key_of("report")) in run.personal
