"""Reads of plain JSON that may be anything: what is not there, or not so, is nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.instants import instant_of, parse_instant
from lineage_schemas.values import JsonValue

Body = dict[str, JsonValue]

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_BODIES: Final = msgspec.json.Decoder(Body)
_FIRST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_BLIND: Final = dict.fromkeys(
    (*range(32), *range(127, 160), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"
)


def encode(body: Body) -> bytes:
    """Return a document in its one spelling."""
    return _ENCODER.encode(body)


def decode(body: bytes) -> Body:
    """Read a document.

    Raises:
        DecodeError: not a JSON object.
    """
    try:
        return _BODIES.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"This is not a JSON object: {error}") from error


def at(value: JsonValue, *steps: str) -> JsonValue:
    """Return what stands at the end of these steps."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def body_at(value: JsonValue, *steps: str) -> Body:
    """Return the object there, or an empty one."""
    found = at(value, *steps)
    return found if isinstance(found, dict) else {}


def bodies_at(value: JsonValue, *steps: str) -> list[Body]:
    """Return the objects of the list there."""
    found = at(value, *steps)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text_at(value: JsonValue, *steps: str) -> str:
    """Return the text there, without what the log cannot keep; or an empty one."""
    found = at(value, *steps)
    return found.translate(_BLIND) if isinstance(found, str) else ""


def whole_at(value: JsonValue, *steps: str) -> int | None:
    """Return the whole number there that is not below nought."""
    found = at(value, *steps)
    if isinstance(found, bool) or not isinstance(found, int):
        return None
    return found if 0 <= found < 1 << 62 else None


def time_at(value: JsonValue, *steps: str) -> datetime | None:
    """Return the time there; what is none is not told."""
    text = text_at(value, *steps)
    try:
        found = instant_of(parse_instant(text)) if text else None
    except InvalidInputError:
        return None
    return found if found is not None and found >= _FIRST else None


def texts_of(value: Body, names: Iterable[str]) -> dict[str, JsonValue]:
    """Return those of an object's texts that have one of these names."""
    return {name: text for name in names if (text := text_at(value, name))}


def without_blanks(body: Body) -> Body:
    """Drop what is not there: no text, no number, no list."""
    return {name: value for name, value in body.items() if value not in (None, "", {}, [])}
