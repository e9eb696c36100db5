import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.connectors.base import MESSAGE_BYTES_MAX, ReceivedMessage
from lineage.connectors.openlineage import reader
from lineage.connectors.openlineage.reader import read_messages, split_batch
from lineage_schemas.errors import DecodeError, LimitExceededError


def read(body: bytes) -> list[ReceivedMessage]:
    return list(read_messages(io.BytesIO(body)))


def found(body: bytes) -> list[tuple[bytes, str]]:
    return [(message.body, message.where) for message in read(body)]


def test_one_message_a_line() -> None:
    body = b'{"a" : 1}\n\n {"b":2} \r\n{"c":3}'
    assert found(body) == [
        (b'{"a" : 1}', "line 1"),
        (b'{"b":2}', "line 3"),
        (b'{"c":3}', "line 4"),
    ]


def test_an_array_of_messages() -> None:
    body = b'\n [ {"a" : 1} ,\n {"b":2} ]\n'
    assert found(body) == [(b'{"a" : 1}', "message [0]"), (b'{"b":2}', "message [1]")]


def test_documents_of_several_lines() -> None:
    body = b'\n{\n "a": "\xc3\xa9"\n}\n\n{\n "b": 2\n}{"c":\n3}\n'
    assert found(body) == [
        (b'{\n "a": "\xc3\xa9"\n}', "line 2"),
        (b'{\n "b": 2\n}', "line 6"),
        (b'{"c":\n3}', "line 8"),
    ]


@pytest.mark.parametrize("body", [b"", b"\n \n", b"\xef\xbb\xbf", b"[]"])
def test_nothing_is_no_message(body: bytes) -> None:
    assert read(body) == []


def test_a_byte_order_mark_is_passed_over() -> None:
    assert found(b'\xef\xbb\xbf{"a":1}') == [(b'{"a":1}', "line 1")]


def test_a_broken_line_is_left_to_the_mapping() -> None:
    assert found(b'{"a":1}\n{"b"\n{"c":3}')[1:] == [(b'{"b"', "line 2"), (b'{"c":3}', "line 3")]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"a"\n', "line 1"),
        (b'{\n"a": 1}\n\n{\n"b": 2,}', "line 4"),
        (b'[{"a":1}', ""),
        (b'{\n"a": "\xff"}', ""),
    ],
)
def test_what_cannot_be_parted_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(body)
    assert caught.value.where == where


def test_a_line_over_the_limit_is_refused_by_its_number() -> None:
    long = b'{"a":"' + b"b" * (MESSAGE_BYTES_MAX + 2_000) + b'"}'
    for body in (long, b'{"a":1}\n' + long):
        with pytest.raises(LimitExceededError, match="MESSAGE_BYTES_MAX") as caught:
            read(body)
        assert caught.value.where == f"line {body.count(b'{')}"


def test_an_array_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "STREAM_BYTES_MAX", 10)
    assert len(read(b'[{"a":1} ]')) == 1
    with pytest.raises(LimitExceededError, match="STREAM_BYTES_MAX"):
        read(b'[{"a":1}  ]')


@pytest.mark.parametrize("body", [b"{}", b"[1", b"7", b"", b"[" * 10_000])
def test_a_batch_is_an_array(body: bytes) -> None:
    with pytest.raises(DecodeError):
        split_batch(body)


OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=3), st.text(max_size=5), min_size=1, max_size=3), max_size=5
)


@given(OBJECTS, st.booleans())
def test_however_they_are_sent_the_messages_are_the_same(
    objects: list[dict[str, str]],
    ascii_only: bool,  # noqa: FBT001
) -> None:
    def bodies(indent: int | None) -> list[bytes]:
        return [
            json.dumps(item, ensure_ascii=ascii_only, indent=indent).encode() for item in objects
        ]

    assert [m.body for m in read(b"\n".join(bodies(None)))] == bodies(None)
    assert [m.body for m in read(b"[" + b",\n".join(bodies(1)) + b"]")] == bodies(1)
    assert [m.body for m in read(b"\n\n".join(bodies(1)))] == bodies(1)
