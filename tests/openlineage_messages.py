"""OpenLineage messages made by hand, and a look into what was made of them."""

import json
from typing import TypeVar

from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage_schemas.codec import decode_records, encode_parts
from lineage_schemas.known_types.registry import known_type
from lineage_schemas.mlmd import (
    Artifact,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
    NodeRecord,
    Record,
)
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue, value_type

RUN_ID = "0192f1c7-5f0a-7c11-9a55-3a9d3f1f2b10"
RUN = f"ol:run/{RUN_ID}"
PARENT_ID = "0192f1c7-0000-7000-8000-000000000001"
ROOT_ID = "0192f1c7-0000-7000-8000-000000000000"
JOB = "ol:job/etl/clean"
TIME = "2026-01-31T12:00:00Z"
PRODUCER = "https://example.com/producer/1.0"
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

Object = dict[str, JsonValue]
KINDS: dict[type[NodeRecord], Kind] = {
    Artifact: Kind.ARTIFACT,
    Execution: Kind.EXECUTION,
    Context: Kind.CONTEXT,
}
R = TypeVar("R", bound=Record)


def run_event(event_type: str | None = "COMPLETE", **fields: JsonValue) -> Object:
    """Return a small run event; a field given as ``...=None`` stands there as null."""
    event: Object = {
        "eventTime": TIME,
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL,
        "run": {"runId": RUN_ID},
        "job": {"namespace": "etl", "name": "clean"},
    }
    if event_type is not None:
        event["eventType"] = event_type
    return event | fields


def run_with(**facets: JsonValue) -> Object:
    """Return the ``run`` of an event with these facets."""
    return {"runId": RUN_ID, "facets": facets}


def job_with(**facets: JsonValue) -> Object:
    """Return the ``job`` of an event with these facets."""
    return {"namespace": "etl", "name": "clean", "facets": facets}


def dataset(name: str, **fields: JsonValue) -> Object:
    """Return a data set of the warehouse."""
    return {"namespace": "postgres://db:5432", "name": name} | fields


def key_of(name: str) -> str:
    """Return the key of a data set of the warehouse."""
    return f"ol:dataset/postgres%3A%2F%2Fdb%3A5432/{name}"


def encoded(message: JsonValue) -> bytes:
    """Return the message as a tool would send it."""
    return json.dumps(message).encode()


def mapped(message: JsonValue) -> tuple[AnyRecord, ...]:
    """Map one message."""
    return OpenLineageMapping().map(encoded(message)).records


def of_type(kind: type[R], records: tuple[AnyRecord, ...]) -> list[R]:
    """Return the records of one kind."""
    return [record for record in records if isinstance(record, kind)]


def node(key: str, kind: type[R], records: tuple[AnyRecord, ...]) -> R:
    """Return the one record of a node."""
    (found,) = [
        record
        for record in of_type(kind, records)
        if isinstance(record, NodeRecord) and record.key == key
    ]
    return found


def links(records: tuple[AnyRecord, ...]) -> set[tuple[str | int, EventKind, str | int]]:
    """Return the Events as (artifact, kind, execution)."""
    return {(event.artifact, event.kind, event.execution) for event in of_type(Event, records)}


def whole(kept: JsonValue) -> JsonValue:
    """Take a facet out of what the log keeps of it."""
    if isinstance(kept, dict) and set(kept) == {"value"}:
        return kept["value"]
    if isinstance(kept, dict) and set(kept) == {"json"}:
        return json.loads(str(kept["json"]))  # type: ignore[no-any-return]
    return kept


def check_records(records: tuple[AnyRecord, ...]) -> None:
    """Hold the records against the log's own rules, and their properties against their types."""
    parts = encode_parts(records)
    assert decode_records(parts.facts, parts.personal) == records
    for record in records:
        if isinstance(record, NodeRecord) and record.type is not None:
            known = known_type(KINDS[type(record)], record.type)
            assert known is not None
            declared = {spec.name: spec.type for spec in known.properties}
            for name, value in record.properties.items():
                assert value is None or value_type(value) == declared[name], name
