"""JSON documents one after the other: an object, a list, lines, or documents in a row. Framing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
from msgspec import Raw

from lineage.connectors.base import ReceivedMessage
from lineage.connectors.plain_json import Body, bodies_at
from lineage_schemas.errors import DecodeError, LimitExceededError
from lineage_schemas.values import JsonValue

LINE_BYTES_MAX: Final = 16 * 1_048_576
"""One line. A file of one document a line has no limit itself."""

STREAM_BYTES_MAX: Final = 256 * 1_048_576
"""Documents over several lines, which are held in memory whole."""

_RAWS: Final = msgspec.json.Decoder(list[Raw])
_DOCUMENTS: Final = json.JSONDecoder()
_WHITE: Final = " \t\r\n"


def read_bodies(stream: BinaryIO, *, is_whole: bool = False) -> Iterator[tuple[Body, str]]:
    """Yield each object of a stream and where it stands; those of a ``List`` one by one.

    Of a stream that is said to have everything (``is_whole``), nothing at all is no empty list: it
    is what a command that failed leaves behind.

    Raises:
        DecodeError: something that is not JSON, or no object; nothing where everything should be.
        LimitExceededError: a line over ``LINE_BYTES_MAX``, or documents over several lines that
            are over ``STREAM_BYTES_MAX``.
    """
    is_empty = True
    for value, where in _values(stream):
        is_empty = False
        if not isinstance(value, dict):
            raise DecodeError("This is no JSON object", where=where)
        kind = value.get("kind")
        if isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list):
            group, single = value.get("apiVersion"), kind.removesuffix("List")
            for index, one in enumerate(bodies_at(value, "items")):
                # The items of a typed list do not repeat what they are.
                whole = {"apiVersion": group, "kind": single, **one} if single else one
                yield whole, f"{where}, item {index}"
        else:
            yield value, where
    if is_empty and is_whole:
        raise DecodeError(
            "There is nothing here, not even an empty list",
            hint="What should have written it may have failed. Without --whole nothing is gone.",
        )


def part_array(body: bytes, media_type: str) -> tuple[ReceivedMessage, ...]:
    """Part a JSON array of messages, each with its bytes untouched, and its index.

    Raises:
        DecodeError: not a JSON array.
    """
    try:
        raws = _RAWS.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DecodeError(
            f"This is no JSON array of messages: {error}", hint="Send [message, message, ...]."
        ) from error
    return tuple(
        ReceivedMessage(bytes(raw), media_type, f"message [{index}]")
        for index, raw in enumerate(raws)
    )


def _values(stream: BinaryIO) -> Iterator[tuple[JsonValue, str]]:
    number = 0
    while line := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if not line.strip():
            continue
        try:
            value = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            yield from _in_a_row(line, stream, number)
            return
        yield value, f"line {number}"


def _in_a_row(start: bytes, stream: BinaryIO, number: int) -> Iterator[tuple[JsonValue, str]]:
    body = start + stream.read(STREAM_BYTES_MAX - len(start) + 1)
    if len(body) > STREAM_BYTES_MAX:
        raise LimitExceededError(
            f"The documents are over the limit of {STREAM_BYTES_MAX} bytes (STREAM_BYTES_MAX)",
            hint="Write one document a line; then there is no limit.",
        )
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DecodeError(f"The documents are not UTF-8: {error}") from error
    place, counted = _skip(text, 0), 0
    while place < len(text):
        number += text.count("\n", counted, place)
        where, counted = f"line {number}", place
        try:
            value, place = _DOCUMENTS.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise DecodeError(
                f"The document that begins here is not JSON: {error}", where=where
            ) from error
        yield value, where
        place = _skip(text, place)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _WHITE:
        place += 1
    return place
