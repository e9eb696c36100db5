"""Facets as property values: kept whole, in the source's own words, and never refused.

The log keeps no list or bare value as a property, no key that begins with ``$``, no whole number
beyond 64 bits and nothing nested deeper than ``VALUE_DEPTH_MAX``. So a facet is kept

- as it is, where it is an object that the log can keep;
- as ``{"value": FACET}`` where it is none, has a key with ``$``, or could be mistaken for this;
- as ``{"json": TEXT}`` where it is nested too deep;

and a number that is too large becomes its decimal digits as text. The last two are flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.openlineage.naming import DEEP_AS_TEXT, INTEGERS_AS_TEXT
from lineage_schemas.limits import INT_MAX, INT_MIN, VALUE_DEPTH_MAX
from lineage_schemas.values import JsonValue

DELETED: Final = "_deleted"
"""A facet with this field set to true takes back what was said by a facet of the same name."""

PERSONAL_FACETS: Final = frozenset({"environment-properties", "environmentVariables", "ownership"})
"""These name people, or the account that ran the job."""

PERSONAL_KEYS: Final = frozenset(
    {
        *("author", "authors", "created_by", "createdby", "email", "emails", "maintainer"),
        *("owner", "owners", "run_as", "runas", "submitted_by", "submittedby", "triggered_by"),
        *("triggeredby", "updated_by", "updatedby", "user", "user_name", "username", "users"),
    }
)
"""What stands under one of these names, in any facet, is taken to name people."""

COLUMN_FACETS: Final = frozenset(
    {"columnLineage", "dataQualityAssertions", "dataQualityMetrics", "lineage", "schema"}
)
"""In these, such a name is the name of a column."""

_DEPTH_MAX: Final = VALUE_DEPTH_MAX - 3  # room for the objects that may be put around a facet
_EMAIL: Final = re.compile(r"(?<![\w.+/-])(?!git@)[\w.+-]+@[\w-]+\.[\w.-]")
_MARKS: Final = ({"value"}, {"json"})


class KeptFacet(Struct, frozen=True):
    """A facet as the value of a custom property.

    ``plain`` is the facet itself as far as the log can keep it: no object, or too deep, is none.
    """

    value: JsonValue
    plain: dict[str, JsonValue] | None
    is_personal: bool
    flags: tuple[str, ...]


def is_deleted(facet: JsonValue) -> bool:
    """Tell whether a facet takes back what was said before."""
    return isinstance(facet, dict) and facet.get(DELETED) is True


def keep_facet(
    name: str, facet: JsonValue, beside: dict[str, JsonValue] | None = None
) -> KeptFacet:
    """Return what keeps ``facet`` whole; ``beside`` holds what the property's name could not."""
    seen = _look(facet, frozenset() if name in COLUMN_FACETS else PERSONAL_KEYS)
    flags: tuple[str, ...] = ()
    plain: dict[str, JsonValue] | None = None
    if seen.is_deep:
        value: JsonValue = {"json": msgspec.json.encode(facet).decode()}
        flags = (DEEP_AS_TEXT,)
    else:
        if seen.has_large_integers:
            facet = _digits_as_text(facet)
            flags = (INTEGERS_AS_TEXT,)
        plain = facet if isinstance(facet, dict) else None
        value = facet if _stands_alone(facet) else {"value": facet}
    if beside is not None:
        value = {**beside, "value": value}
    return KeptFacet(value, plain, seen.is_personal or name in PERSONAL_FACETS, flags)


def _stands_alone(facet: JsonValue) -> bool:
    return (
        isinstance(facet, dict)
        and set(facet) not in _MARKS
        and not any(key.startswith("$") for key in facet)
    )


class _Seen(Struct):
    """What a look over a facet has found so far."""

    is_deep: bool = False
    is_personal: bool = False
    has_large_integers: bool = False


def _look(facet: JsonValue, personal_keys: frozenset[str]) -> _Seen:
    seen = _Seen()
    waiting: list[tuple[JsonValue, int]] = [([facet], 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEPTH_MAX:
            seen.is_deep = True
        if isinstance(value, dict) and _names_people(value, personal_keys):
            seen.is_personal = True
        for inner in _inside(value):
            if isinstance(inner, dict | list):
                waiting.append((inner, depth + 1))
            elif isinstance(inner, str):
                if "@" in inner and _EMAIL.search(inner):
                    seen.is_personal = True
            elif isinstance(inner, int) and not INT_MIN <= inner <= INT_MAX:
                seen.has_large_integers = True
    return seen


def _names_people(value: dict[str, JsonValue], personal_keys: frozenset[str]) -> bool:
    return any(
        key.lower() in personal_keys and inner and isinstance(inner, str | list | dict)
        for key, inner in value.items()
    )


def _inside(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _digits_as_text(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _digits_as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_digits_as_text(inner) for inner in value]
    if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
        return str(value)
    return value
