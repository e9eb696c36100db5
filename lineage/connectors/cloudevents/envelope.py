"""The three ways in which a CloudEvent comes over HTTP, each made one message in JSON. Pure.

A structured message is kept as it came, and so is each of a batch. A binary one has its attributes
in headers: it is put together as the structured message that says the same, its data untouched
where that is JSON, and as text or Base64 where not.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Raw

from lineage.connectors.base import ReceivedMessage
from lineage.connectors.json_stream import part_array
from lineage_schemas.errors import DecodeError
from lineage_schemas.outside.cloudevents import STRUCTURED, is_json

HEADER_PREFIX: Final = "ce-"
"""Before the name of every header that holds an attribute."""

_NAME: Final = re.compile(r"[a-z0-9]+")
_OF_DATA: Final = frozenset({"data", "datacontenttype"})
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_TEXT: Final = re.compile(r"text/|application/(?:[^;]*\+)?xml\b", re.IGNORECASE)
_RAW: Final = msgspec.json.Decoder(Raw)


def structured_message(body: bytes) -> ReceivedMessage:
    """Return a message that came as one JSON document."""
    return ReceivedMessage(body, STRUCTURED)


def batched_messages(body: bytes) -> tuple[ReceivedMessage, ...]:
    """Part a JSON array of messages, each with its bytes untouched, and its index.

    Raises:
        DecodeError: not a JSON array.
    """
    return part_array(body, STRUCTURED)


def is_binary(headers: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a request's headers hold a message's attributes."""
    return any(name.lower() == f"{HEADER_PREFIX}specversion" for name, _ in headers)


def binary_message(
    headers: Iterable[tuple[str, str]], content_type: str | None, body: bytes
) -> ReceivedMessage:
    """Put together the message whose attributes stand in headers, and whose data is a body.

    Raises:
        DecodeError: a header that came twice, or cannot be read; or data that is said to be JSON
            and is not.
    """
    attributes: dict[str, str | Raw] = {}
    for header, value in headers:
        prefix, name = header[: len(HEADER_PREFIX)].lower(), header[len(HEADER_PREFIX) :].lower()
        if prefix != HEADER_PREFIX:
            continue
        if _NAME.fullmatch(name) is None or name in _OF_DATA:
            raise _bad_header(name, "names no attribute")
        if name in attributes:
            raise _bad_header(name, "came twice")
        attributes[name] = _attribute(name, value)
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    if body:
        attributes |= _data(content_type, body)
    return ReceivedMessage(msgspec.json.encode(attributes), STRUCTURED)


def _bad_header(name: str, what: str) -> DecodeError:
    return DecodeError(
        f"A header {what}",
        where=f"{HEADER_PREFIX}{name}"[:64],
        hint="Each attribute has one header, ce- and then lower-case letters and digits; the media "
        "type of the data stands in Content-Type.",
    )


def _attribute(name: str, value: str) -> str:
    """Undo quotation marks and then percent signs, each once, as the binding has it."""
    quoted = _QUOTED.fullmatch(value.strip())
    plain = value if quoted is None else _ESCAPED.sub(r"\1", quoted[1])
    try:
        # A server hands out the bytes of a header as Latin-1.
        return unquote_to_bytes(plain.encode("latin-1")).decode()
    except UnicodeError as error:
        raise DecodeError(
            "A header of a message cannot be read",
            where=f"{HEADER_PREFIX}{name}"[:64],
            hint="Write what is not printable ASCII, and the percent sign, as %XX of UTF-8.",
        ) from error


def _data(content_type: str | None, body: bytes) -> dict[str, str | Raw]:
    if is_json(content_type):
        try:
            body.decode()
            return {"data": _RAW.decode(body)}
        except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
            if content_type is not None:
                raise DecodeError(
                    f"The data is not the JSON that it is said to be: {error}"
                ) from error
    elif content_type is not None and _TEXT.match(content_type):
        try:
            return {"data": body.decode()}
        except UnicodeDecodeError:
            pass  # in another charset: kept as bytes
    return {"data_base64": b64encode(body).decode()}
