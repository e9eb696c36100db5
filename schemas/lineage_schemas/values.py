"""Property values: what a property may hold, and what is refused.

A value is plain JSON: a whole number of 64 bits (INT), a finite float (DOUBLE), text (STRING), an
object (STRUCT), a truth value (BOOLEAN). What JSON cannot say is a tagged object with one key that
begins with ``$``: ``{"$float": "NaN"}`` for a metric that is not a finite number (DOUBLE), and
``{"$proto": {"type_url": ..., "value": BASE64}}`` for an encoded protocol buffer (PROTO). No other
object may have a first-level key that begins with ``$``. ``None`` stands for "cleared".
"""

from __future__ import annotations

import math
from base64 import b64decode
from binascii import Error as Base64Error
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.limits import INT_MAX, INT_MIN, VALUE_DEPTH_MAX

if TYPE_CHECKING:
    JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
else:
    # msgspec reads annotations at run time and has no recursive unions; ``check_value`` looks
    # at the values themselves.
    JsonValue = Any

NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class PropertyType(StrEnum):
    """The six types of ML Metadata's properties."""

    INT = "INT"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    STRUCT = "STRUCT"
    PROTO = "PROTO"
    BOOLEAN = "BOOLEAN"


_PLAIN_TYPES: Final[dict[type, PropertyType]] = {
    bool: PropertyType.BOOLEAN,
    int: PropertyType.INT,
    float: PropertyType.DOUBLE,
    str: PropertyType.STRING,
}
_TAGGED_TYPES: Final = {"$float": PropertyType.DOUBLE, "$proto": PropertyType.PROTO}


def metric_value(number: float) -> JsonValue:
    """Return ``number`` as a value; NaN and the infinities become tagged values."""
    if math.isfinite(number):
        return number
    tag = "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return {"$float": tag}


def value_type(value: JsonValue) -> PropertyType:
    """Name the type of a value that ``check_value`` accepts and that is not ``None``.

    Raises:
        InvalidInputError: a list, or ``None``, which are no property values.
    """
    plain = _PLAIN_TYPES.get(type(value))
    if plain is not None:
        return plain
    if isinstance(value, dict):
        return _TAGGED_TYPES.get(next(iter(value), ""), PropertyType.STRUCT)
    raise InvalidInputError(
        f"A {type(value).__name__} is no property value",
        hint="Put a list inside an object, such as {'items': [...]}.",
    )


def check_value(value: JsonValue) -> None:
    """Refuse what the log cannot keep faithfully.

    Raises:
        InvalidInputError: a bare NaN or infinity, a number beyond 64 bits, a list at the top, or
            an unknown ``$`` tag.
        LimitExceededError: nested deeper than ``VALUE_DEPTH_MAX``.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is dict:
        _check_object(value)  # type: ignore[arg-type]
    elif kind is list:
        value_type(value)
    else:
        _check_nested(value, 0)


def _check_object(value: dict[str, JsonValue]) -> None:
    tags = [key for key in value if key.startswith("$")]
    if not tags:
        _check_nested(value, 0)
    elif tags == ["$float"] and len(value) == 1:
        if value["$float"] not in tuple(NON_FINITE):
            raise InvalidInputError(
                "A $float is none of NaN, Infinity, -Infinity", where=repr(value["$float"])[:64]
            )
    elif tags == ["$proto"] and len(value) == 1:
        _check_proto(value["$proto"])
    else:
        raise InvalidInputError(
            "An object's key may not begin with $",
            where=tags[0][:64],
            hint="Only {'$float': ...} and {'$proto': ...} do, and alone.",
        )


def _check_proto(body: JsonValue) -> None:
    if (
        not isinstance(body, dict)
        or set(body) != {"type_url", "value"}
        or not isinstance(body["type_url"], str)
        or not isinstance(body["value"], str)
    ):
        raise InvalidInputError("A $proto needs exactly a type_url and a value in base64")
    try:
        b64decode(body["value"], validate=True)
    except Base64Error as error:
        raise InvalidInputError("The value of a $proto is not base64") from error


def _check_nested(value: JsonValue, depth: int) -> None:
    if depth > VALUE_DEPTH_MAX:
        raise LimitExceededError(
            f"A value is nested deeper than {VALUE_DEPTH_MAX} levels (VALUE_DEPTH_MAX)"
        )
    match value:
        case dict():
            for inner in value.values():
                _check_nested(inner, depth + 1)
        case list():
            for inner in value:
                _check_nested(inner, depth + 1)
        case _:
            _check_scalar(value)


def _check_scalar(value: JsonValue) -> None:
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInputError(
                f"A float is {value}", hint="Say a metric's NaN as {'$float': 'NaN'}."
            )
    elif not isinstance(value, int):
        raise InvalidInputError(f"A {type(value).__name__} is no JSON value")
    elif not INT_MIN <= value <= INT_MAX:
        raise InvalidInputError("A whole number is beyond 64 bits signed", where=str(value)[:64])
