"""Reads OpenLineage messages: one a line, a JSON array of them, or JSON documents in a row.

Framing only: a message's bytes are handed on as they stand, and whether they mean anything is for
the mapping to say, which names the line or index that the message carries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
from msgspec import Raw

from lineage.connectors.base import MESSAGE_BYTES_MAX, ReceivedMessage
from lineage.connectors.json_stream import part_array
from lineage_schemas.errors import DecodeError, LimitExceededError

MEDIA_TYPE: Final = "application/json"

STREAM_BYTES_MAX: Final = 64 * 1_048_576
"""An array, or documents in a row, which are held in memory whole. One a line has no limit."""

_LINE_BYTES_MAX: Final = MESSAGE_BYTES_MAX + 1_024  # with white space around the message
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_RAW: Final = msgspec.json.Decoder(Raw)
_DOCUMENTS: Final = json.JSONDecoder()
_NEXT: Final = re.compile(r"[^ \t\r\n]|\Z")


def read_messages(stream: BinaryIO) -> Iterator[ReceivedMessage]:
    """Yield the messages of a stream in their order.

    The first line decides: it opens an array, or is a message and so is every line after it, or
    documents of several lines follow each other.

    Raises:
        LimitExceededError: a line is longer than a message may be, or a stream that is not one
            message a line is longer than ``STREAM_BYTES_MAX``.
        DecodeError: an array or a document is not JSON.
    """
    number, line = _first_line(stream)
    if not line:
        return
    if line.lstrip().startswith(b"["):
        yield from split_batch(_rest(stream, line))
        return
    _check_whole(line, number)
    if _is_complete(line):
        yield from _lines(stream, number, line)
    else:
        yield from _documents(_rest(stream, line), number)


def split_batch(body: bytes) -> tuple[ReceivedMessage, ...]:
    """Part a JSON array of messages, each with its bytes untouched, and its index.

    Raises:
        DecodeError: not a JSON array.
    """
    return part_array(body, MEDIA_TYPE)


def _first_line(stream: BinaryIO) -> tuple[int, bytes]:
    """Return the first line that is not blank, with its number; an empty one at the end."""
    number = 1
    line = stream.readline(_LINE_BYTES_MAX).removeprefix(_BYTE_ORDER_MARK)
    while line and not line.strip():
        number += line.endswith(b"\n")
        line = stream.readline(_LINE_BYTES_MAX)
    return number, line


def _is_complete(line: bytes) -> bool:
    try:
        _RAW.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _check_whole(line: bytes, number: int) -> None:
    if len(line) == _LINE_BYTES_MAX and not line.endswith(b"\n"):
        raise LimitExceededError(
            f"A line is over the limit of {MESSAGE_BYTES_MAX} bytes (MESSAGE_BYTES_MAX)",
            where=f"line {number}",
        )


def _lines(stream: BinaryIO, number: int, line: bytes) -> Iterator[ReceivedMessage]:
    while line:
        _check_whole(line, number)
        if line.strip():
            yield ReceivedMessage(line.strip(), MEDIA_TYPE, f"line {number}")
        number += 1
        line = stream.readline(_LINE_BYTES_MAX)


def _rest(stream: BinaryIO, start: bytes) -> bytes:
    body = start + stream.read(STREAM_BYTES_MAX - len(start) + 1)
    if len(body) > STREAM_BYTES_MAX:
        raise LimitExceededError(
            f"The messages are over the limit of {STREAM_BYTES_MAX} bytes (STREAM_BYTES_MAX)",
            hint="Write one message a line; then there is no limit.",
        )
    return body


def _next(text: str, start: int) -> int:
    """Return where the next character stands that is no white space."""
    found = _NEXT.search(text, start)
    return found.start() if found else len(text)


def _documents(body: bytes, number: int) -> Iterator[ReceivedMessage]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"The messages are not UTF-8: {error}") from error
    stop = 0
    while (start := _next(text, stop)) < len(text):
        number += text.count("\n", stop, start)
        where = f"line {number}"
        try:
            _, stop = _DOCUMENTS.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise DecodeError(
                f"The document that begins here is not JSON: {error}", where=where
            ) from error
        yield ReceivedMessage(text[start:stop].encode(), MEDIA_TYPE, where)
        number += text.count("\n", start, stop)
