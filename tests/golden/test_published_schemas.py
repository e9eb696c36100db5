"""The published JSON Schemas are current, are valid themselves, and agree with the decoder."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from goldens import Golden
from lineage_schemas.codec import decode_statement, encode_envelope
from lineage_schemas.entry import (
    Batch,
    Commitments,
    EdgeItem,
    Envelope,
    KeyItem,
    LinkItem,
    NodeItem,
    StatedInterval,
)
from lineage_schemas.errors import DecodeError
from lineage_schemas.known_types.registry import KNOWN_TYPES
from lineage_schemas.mlmd import EventKind, Kind
from lineage_schemas.publish import published_documents
from lineage_schemas.records import LinkClass, Mode, Precision

NAMES = [
    "column-lineage.json",
    "declaration.json",
    "envelope.json",
    "known-types.json",
    "report.json",
    "row-mapping.json",
    "statement.json",
]

ONE_OF_EACH: list[dict[str, Any]] = [
    {"record": "artifact_type", "name": "t", "properties": {"a": "INT", "b": "PROTO"}},
    {"record": "execution_type", "name": "t", "base_type": "mlmd.Train", "input_type": {"any": {}}},
    {"record": "context_type", "name": "t", "version": "2", "can_add_fields": True},
    {
        "record": "artifact",
        "key": "uri:s3://data/rows",
        "type": "lineage.DataSet",
        "uri": "s3://data/rows",
        "state": "LIVE",
        "properties": {"row_count": 3, "missing_ratio": 0.5, "schema": {"items": []}},
        "custom_properties": {
            "nan": {"$float": "NaN"},
            "proto": {"$proto": {"type_url": "t", "value": "AA=="}},
            "gone": None,
            "yes": True,
            "text": "",
        },
        "personal": ["owner"],
    },
    {"record": "execution", "id": 3, "state": "FAILED"},
    {"record": "context", "key": "mytool:x", "name": "n", "external_id": "e"},
    {
        "record": "event",
        "artifact": "#3",
        "execution": 3,
        "kind": "INPUT",
        "path": ["inputs", 0],
        "time": "2026-01-02T03:04:05.678901Z",
    },
    {"record": "attribution", "context": "#5", "artifact": "#3"},
    {"record": "association", "context": "#5", "execution": "#4"},
    {"record": "parent_context", "child": 1, "parent": 2},
    {
        "record": "claim",
        "kind": "artifact",
        "node": "#3",
        "identifier": "md5:d41d8cd98f00b204e9800998ecf8427e",
        "class": "content",
        "evidence": {"size": 0},
    },
    {
        "record": "retraction",
        "kind": "artifact",
        "node": "#3",
        "identifier": "mytool:y",
        "class": "guessed",
        "reason": "wrong",
    },
    {
        "record": "metric_series",
        "execution": "#4",
        "metric": "loss",
        "chunk": 0,
        "points": [[0, 0.5, None], [1, {"$float": "NaN"}, "2026-01-02T03:04:05Z"]],
    },
    {"record": "message", "media_type": "application/json", "body": {"any": [1]}},
    {"record": "actor", "pseudonym": "p", "origin": "reported", "name": "Ada"},
    {"record": "key_introduction", "verifier": "here+1", "replaces": "here+0", "lost": True},
    {"record": "key_handover", "introduction": 7, "checkpoint": "here\n8\n..."},
    {
        "record": "recovery",
        "former": "here",
        "checkpoint": None,
        "lost_from": 5,
        "lost_to": None,
        "reason": "a disk",
    },
    {
        "record": "erasure",
        "positions": [4, 7],
        "parts": "personal",
        "legal_basis": "GDPR 17(1)",
        "requester": "p",
        "approver": "q",
    },
    {
        "record": "erasure_refusal",
        "positions": [4],
        "parts": "all",
        "legal_basis": "GDPR 17(1)",
        "requester": "p",
        "approver": "q",
        "because": [3],
        "reason": "asked twice",
    },
    {"record": "hold", "authority": "a court", "kind": "artifact", "node": 1},
    {
        "record": "retention",
        "retention_class": "documentation",
        "keep_days": 3650,
        "legal_basis": "AI Act 18",
        "position": 4,
    },
    {"record": "release", "position": 9, "reason": "the case is closed"},
    {
        "record": "erasure_proposal",
        "positions": [4],
        "parts": "personal",
        "legal_basis": "GDPR 17(1)",
    },
    {
        "record": "grant",
        "grantee": "p",
        "role": "ingest",
        "namespaces": ["default"],
        "sources": ["*"],
        "expires_us": 1,
    },
    {"record": "grant_revocation", "position": 4, "reason": "left"},
    {
        "record": "api_key_issue",
        "key": "00ff",
        "digest": "aa",
        "principal": "p",
        "roles": ["privacy-officer"],
    },
    {"record": "api_key_revocation", "key": "00ff"},
    {
        "record": "access",
        "door": "http",
        "operation": "trace",
        "namespace": "default",
        "question": "aa",
        "size": 4,
        "root": "bb",
        "count": 7,
    },
    {
        "record": "source_scan",
        "tool": "mlflow",
        "address": "https://tracking.example.org",
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:05:05Z",
        "is_whole": True,
        "there": {"run": 3},
        "here": {"run": 2},
        "unread": ["run/0123: it is locked"],
        "unread_count": 1,
        "cursor": {"after": 7},
        "due_seconds": 3600,
    },
    {"record": "source_expectation", "source": "airflow", "due_seconds": None},
    {
        "record": "disclosure",
        "positions": [4],
        "facts": True,
        "personal": False,
        "form": "proof",
        "recipient": "Ada",
    },
]

BAD_RECORDS: list[dict[str, Any]] = [
    {"record": "nonsense"},
    {"key": "mytool:x"},
    {"record": "artifact", "key": "mytool:x", "surprise": 1},
    {"record": "artifact", "key": 5},
    {"record": "artifact", "id": "5"},
    {"record": "artifact", "state": "RUNNING"},
    {"record": "execution", "state": "LIVE"},
    {"record": "artifact_type", "name": "t", "properties": {"a": "LIST"}},
    {"record": "artifact_type"},
    {"record": "event", "artifact": 1, "execution": 2, "kind": "SIDEWAYS"},
    {"record": "event", "artifact": 1, "kind": "INPUT"},
    {"record": "claim", "kind": "artifact", "node": 1, "identifier": "a:b", "class": "sure"},
    {"record": "metric_series", "execution": 1, "metric": "m", "chunk": 0, "points": [[1]]},
    {"record": "context", "properties": []},
]

# The decoder lets these through; the codec's checks of values refuse them.
BAD_VALUES: list[object] = [
    [1],
    {"$float": "nan"},
    {"$float": "NaN", "more": 1},
    {"$other": 1},
    {"$proto": {"type_url": "t"}},
    {"a": 1, "$float": "NaN"},
]


def published(name: str) -> dict[str, Any]:
    document = json.loads(published_documents()[name])
    assert isinstance(document, dict)
    return document


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(published(name))


def statement(*records: object, **more: object) -> dict[str, Any]:
    return {"id": "s1", "source": "here", "records": list(records)} | more


@pytest.mark.parametrize("name", NAMES)
def test_published_file_is_current(name: str, project: Path, golden: Golden) -> None:
    golden.data(project / "schemas" / "published" / name, published_documents()[name])


def test_every_document_is_named() -> None:
    assert sorted(published_documents()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_document_is_a_valid_schema(name: str) -> None:
    document = published(name)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"urn:lineage-ledger:schema:{name.removesuffix('.json')}:1"


def test_generating_twice_gives_the_same_bytes() -> None:
    assert published_documents() == published_documents()


def test_statement_with_every_record_is_valid_and_decodes() -> None:
    whole = statement(
        *ONE_OF_EACH,
        mode="command",
        stated={"from": "2026-01-01T00:00:00Z", "precision": "upper_bound"},
        message="m1",
        mapping="openlineage/1",
    )
    validator("statement.json").validate(whole)
    assert len(decode_statement(json.dumps(whole).encode()).records) == len(ONE_OF_EACH)


def test_every_record_has_an_example() -> None:
    mapping = published("statement.json")["$defs"]["Statement"]["properties"]["records"]["items"]
    assert {record["record"] for record in ONE_OF_EACH} == set(mapping["discriminator"]["mapping"])


@pytest.mark.parametrize("record", BAD_RECORDS, ids=str)
def test_bad_record_is_refused_by_schema_and_decoder(record: dict[str, Any]) -> None:
    assert not validator("statement.json").is_valid(statement(record))
    with pytest.raises(DecodeError):
        decode_statement(json.dumps(statement(record)).encode())


@pytest.mark.parametrize("value", BAD_VALUES, ids=str)
@pytest.mark.parametrize("field", ["properties", "custom_properties"])
def test_bad_value_is_refused_by_schema(field: str, value: object) -> None:
    for record in ("artifact", "execution", "context"):
        assert not validator("statement.json").is_valid(
            statement({"record": record, field: {"a": value}})
        )


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"id": "s1", "source": "here"},
        {"id": 1, "source": "here", "records": []},
        statement(mode="whisper"),
        statement(surprise=1),
        statement(stated={"precision": "roughly"}),
        statement(*[{"record": "context", "id": 1}] * 1_001),
        [],
    ],
    ids=["empty", "no records", "id", "mode", "unknown field", "precision", "too many", "list"],
)
def test_bad_statement_is_refused(document: object) -> None:
    assert not validator("statement.json").is_valid(document)


def test_encoded_envelope_is_valid() -> None:
    envelope = Envelope(
        version=1,
        statement="s1",
        source="here",
        namespace="default",
        actor="p",
        mode=Mode.OBSERVATION,
        batch=Batch(0, 1),
        recorded_us=1_700_000_000_000_000,
        stated=StatedInterval(None, 5, Precision.UPPER_BOUND),
        message=None,
        mapping=None,
        structure=(
            NodeItem(Kind.ARTIFACT, 1),
            EdgeItem(1, 2, EventKind.INPUT),
            LinkItem(Kind.ARTIFACT, 1, 7, LinkClass.CONTENT),
            KeyItem(Kind.ARTIFACT, 1, 8),
        ),
        commitments=Commitments("00" * 32, None),
    )
    document = json.loads(encode_envelope(envelope))
    validator("envelope.json").validate(document)
    assert not validator("envelope.json").is_valid(document | {"structure": [["node", "artifact"]]})
    assert not validator("envelope.json").is_valid(document | {"surprise": 1})
    del document["commitments"]
    assert not validator("envelope.json").is_valid(document)


def known_type_validator(name: str) -> Draft202012Validator:
    document = published("known-types.json")
    registry: Registry[Any] = Resource.from_contents(document) @ Registry()
    return Draft202012Validator({"$ref": f"{document['$id']}#/$defs/{name}"}, registry=registry)


@pytest.mark.parametrize(
    ("properties", "valid"),
    [
        ({}, True),
        ({"row_count": 3, "missing_ratio": 0.5, "owner": "Ada", "has_personal_data": True}, True),
        ({"row_count": None, "missing_ratio": {"$float": "NaN"}, "schema": {"items": []}}, True),
        ({"row_count": 2**63 - 1}, True),
        ({"row_count": 2**63}, False),
        ({"row_count": 0.5}, False),
        ({"row_count": "3"}, False),
        ({"schema": []}, False),
        ({"schema": {"$float": "NaN"}}, False),
        ({"has_personal_data": 1}, False),
        ({"surprise": 1}, False),
    ],
    ids=str,
)
def test_known_type_describes_its_properties(properties: dict[str, Any], valid: bool) -> None:  # noqa: FBT001
    found = known_type_validator("artifact.lineage.DataSet").is_valid(properties)
    assert found is valid


def test_every_known_type_is_published_with_its_id_and_what_is_personal() -> None:
    types = published("known-types.json")["$defs"]
    for position, known in enumerate(KNOWN_TYPES, start=1):
        schema = types[f"{known.kind}.{known.name}"]
        assert schema["x-id"] == position
        assert schema.get("x-base-type") == known.base_type
        personal = {
            name for name, form in schema["properties"].items() if form.get("x-personal", False)
        }
        assert personal == {spec.name for spec in known.properties if spec.personal}
