"""The scalars that GraphQL does not have of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NewType

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import instant_of, parse_instant
from lineage_schemas.limits import INT_MAX, INT_MIN

Int64 = NewType("Int64", int)
"""A whole number of 64 bits, which GraphQL's Int cannot hold."""


def _write_int64(value: object) -> str:
    return str(value)


def _read_int64(value: object) -> int:
    """Read a number, or the text of one.

    Raises:
        ValueError: neither, or beyond 64 bits.
    """
    if isinstance(value, str) and len(value) <= len(str(INT_MIN)) and value.isascii():
        try:
            value = int(value)
        except ValueError as error:
            raise ValueError("Int64 is a whole number, or the text of one") from error
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("Int64 is a whole number, or the text of one")  # noqa: TRY004 - the library's contract
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("Int64 is beyond 64 bits signed")
    return value


def _write_time(value: object) -> str:
    return str(value)


def _read_time(value: object) -> datetime:
    """Read RFC 3339 text with a time zone.

    Raises:
        ValueError: it is not one.
    """
    if not isinstance(value, str):
        raise ValueError("DateTime is text")  # noqa: TRY004 - the library's contract
    try:
        return instant_of(parse_instant(value))
    except InvalidInputError as error:
        raise ValueError("DateTime is RFC 3339 with a time zone") from error


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Int64: strawberry.scalar(
        name="Int64",
        description=(
            "A whole number of 64 bits signed. It is written as a string, since JSON readers may "
            "round numbers beyond 53 bits; it is read as a string or a number."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc7493#section-2.2",
        serialize=_write_int64,
        parse_value=_read_int64,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC with microseconds, as RFC 3339 has it.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_write_time,
        parse_value=_read_time,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description='Any JSON value. What JSON cannot say is tagged: {"$float": "NaN"}.',
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
}
