"""The binding of CloudEvents to HTTP, version 1.0.2: what each way of sending a message means."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.connectors.cloudevents.envelope import batched_messages, binary_message, is_binary
from lineage_schemas.errors import DecodeError
from lineage_schemas.outside.cloudevents import decode_cloud_event
from lineage_schemas.values import JsonValue

REQUIRED = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
HEADERS = [(f"ce-{name}", value) for name, value in REQUIRED.items()]


def binary(
    body: bytes = b"",
    content_type: str | None = "application/json",
    *more: tuple[str, str],
) -> dict[str, JsonValue]:
    message = binary_message([*HEADERS, *more], content_type, body)
    decode_cloud_event(message.body)
    found: dict[str, JsonValue] = json.loads(message.body)
    return found


def test_attributes_come_from_headers_and_data_from_the_body() -> None:
    assert binary(b'{"a": 1.50}', "application/json; charset=utf-8") == {
        **REQUIRED,
        "datacontenttype": "application/json; charset=utf-8",
        "data": {"a": 1.5},
    }


def test_data_in_json_is_kept_byte_for_byte() -> None:
    data = b'{"b":1.50,  "a" :12345678901234567890}'
    assert data in binary_message(HEADERS, "application/json", data).body


@pytest.mark.parametrize(
    ("content_type", "body", "kept"),
    [
        ("application/vnd.cdevents+json", b"[1]", {"data": [1]}),
        ("text/plain", "Zürich".encode(), {"data": "Zürich"}),
        ("application/xml", b"<a/>", {"data": "<a/>"}),
        ("text/plain; charset=latin-1", b"Z\xfcrich", {"data_base64": "WvxyaWNo"}),
        ("application/octet-stream", b"\0\1", {"data_base64": "AAE="}),
        (None, b"{}", {"data": {}}),
        (None, b"\0\1", {"data_base64": "AAE="}),
        ("application/json", b"", {}),
    ],
    ids=str,
)
def test_data_is_kept_as_its_media_type_allows(
    content_type: str | None, body: bytes, kept: dict[str, JsonValue]
) -> None:
    found = binary(body, content_type)
    assert {name: one for name, one in found.items() if name in {"data", "data_base64"}} == kept


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"quoted \\" text"', 'quoted " text'),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ("100%", "100%"),
        ("a%zzb", "a%zzb"),
        ("plain text", "plain text"),
    ],
)
def test_a_header_is_unquoted_and_then_percent_decoded_once(written: str, meant: str) -> None:
    assert binary(b"", None, ("ce-note", written))["note"] == meant


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_text_survives_the_header_that_the_binding_writes(text: str) -> None:
    assert binary(b"", None, ("CE-Note", quote(text, safe=""))) == {**REQUIRED, "note": text}


@pytest.mark.parametrize(
    "header",
    [
        ("ce-id", "2"),
        ("CE-ID", "1"),
        ("ce-datacontenttype", "text/plain"),
        ("ce-data", "{}"),
        ("ce-data_base64", "AAE="),
        ("ce-", "x"),
        ("ce-no-te", "x"),
        ("ce-note", "%ff"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(DecodeError, match=r"header|Header"):
        binary_message([*HEADERS, header], None, b"")


def test_data_that_is_not_the_json_it_claims_to_be_is_refused() -> None:
    with pytest.raises(DecodeError, match="JSON"):
        binary_message(HEADERS, "application/json", b"{")


def test_other_headers_are_no_attributes() -> None:
    assert "host" not in binary(b"", None, ("Host", "here"), ("x-ce-note", "x"))
    assert is_binary(HEADERS)
    assert not is_binary([("content-type", "application/json"), ("ce-id", "1")])


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"specversion": "0.3"}, "$.specversion"),
        ({"specversion": None}, "$.specversion"),
        ({"id": ""}, "$.id"),
        ({"source": ""}, "$.source"),
        ({"type": ""}, "$.type"),
        ({"type": 1}, "$.type"),
        ({"data": 1, "data_base64": "AAE="}, "$.data"),
        ({"data_base64": "=="}, "$.data_base64"),
    ],
    ids=str,
)
def test_an_envelope_that_breaks_the_specification_is_refused(
    changed: dict[str, JsonValue], where: str
) -> None:
    with pytest.raises(DecodeError) as refused:
        decode_cloud_event(json.dumps(REQUIRED | changed).encode())
    assert refused.value.where == where


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_required_attribute_that_is_missing_is_refused(missing: str) -> None:
    rest = {name: value for name, value in REQUIRED.items() if name != missing}
    with pytest.raises(DecodeError, match=missing):
        decode_cloud_event(json.dumps(rest).encode())


def test_unknown_attributes_and_null_are_taken() -> None:
    more = {"comexample": 7, "isgood": True, "time": None, "data": None}
    assert decode_cloud_event(json.dumps(REQUIRED | more).encode()).id == "1"


def test_data_in_base64_is_the_data() -> None:
    coded = REQUIRED | {"data_base64": b64encode(b'{"a": 1}').decode()}
    assert decode_cloud_event(json.dumps(coded).encode()).json_data() == b'{"a": 1}'
    other = coded | {"datacontenttype": "application/octet-stream"}
    assert decode_cloud_event(json.dumps(other).encode()).json_data() is None


def test_a_batch_is_parted_with_each_message_untouched() -> None:
    found = batched_messages(b'[ {"a": 1} , {"b":2} ]')
    assert [one.body for one in found] == [b'{"a": 1}', b'{"b":2}']
    assert [one.where for one in found] == ["message [0]", "message [1]"]
    assert batched_messages(b"[]") == ()
    with pytest.raises(DecodeError, match="array"):
        batched_messages(b"{}")
