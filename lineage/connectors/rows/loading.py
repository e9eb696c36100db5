"""Reads a mapping file: what is wrong in it is told with line and column, before a row is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Final, cast

import msgspec
from msgspec import Struct

from lineage.connectors.rows.checking import Fault, Steps, check_mapping
from lineage.connectors.yaml_documents import Places, read_places, read_yaml
from lineage_schemas.errors import InvalidInputError, LedgerError, LimitExceededError
from lineage_schemas.row_mappings import (
    ClaimMapping,
    Condition,
    Dialect,
    EventMapping,
    MembershipMapping,
    NodeMapping,
    RowMapping,
    Rows,
    ServingMapping,
    Time,
    Value,
)
from lineage_schemas.values import JsonValue

MAPPING_BYTES_MAX: Final = 256 * 1_024
"""One mapping file."""

_PARTS: Final[tuple[type[Struct], ...]] = (
    *(ClaimMapping, Condition, Dialect, EventMapping, MembershipMapping, NodeMapping),
    *(RowMapping, Rows, ServingMapping, Time, Value),
)
_WORDS: Final = tuple(sorted({name for part in _PARTS for name in part.__struct_encode_fields__}))
_STEP: Final = re.compile(r"\.([A-Za-z_]+)|\[(\d+)\]|(\[\.\.\.\])")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")
_PATH: Final = re.compile(r"(?P<what>.*?) - at `(?:key in )?\$(?P<path>[^`]*)`", re.DOTALL)


class Loaded(Struct, frozen=True):
    """A mapping that holds together, and the file as plain JSON, as it goes into the ledger."""

    mapping: RowMapping
    document: JsonValue


def load_mapping(body: bytes, where: str) -> Loaded:
    """Read a mapping file. ``where`` is what people know it by.

    Raises:
        InvalidInputError: it is not YAML, breaks the schema, contradicts itself, or names a type or
            a property that does not exist; says at which line and column.
        LimitExceededError: longer than ``MAPPING_BYTES_MAX``.
    """
    if len(body) > MAPPING_BYTES_MAX:
        raise LimitExceededError(
            f"A mapping of {len(body)} bytes is over the limit of {MAPPING_BYTES_MAX} "
            "(MAPPING_BYTES_MAX)",
            where=where,
        )
    try:
        document = read_yaml(body)
    except LedgerError as error:
        raise error.at(where) from error
    places = read_places(body)
    try:
        mapping = msgspec.convert(document, RowMapping)
    except msgspec.ValidationError as error:
        raise _refusal(_fault(document, str(error)), places, where) from error
    fault = next(check_mapping(mapping), None)
    if fault is not None:
        raise _refusal(fault, places, where)
    return Loaded(mapping, document)


def _refusal(fault: Fault, places: Mapping[Steps, Places], where: str) -> InvalidInputError:
    steps = fault.steps
    while steps and steps not in places:
        steps = steps[:-1]
    # Of an empty document there are no places.
    place = places[steps].key if steps in places else "line 1, column 1"
    return InvalidInputError(fault.what, where=f"{where}, {place}", hint=fault.hint)


def _fault(document: JsonValue, told: str) -> Fault:
    """Read where the schema was broken out of the decoder's words."""
    found = _PATH.fullmatch(told)
    what, path = (found["what"], found["path"]) if found is not None else (told, "")
    steps: Steps = ()
    for name, index, any_key in _STEP.findall(path):
        if any_key:
            steps = (*steps, _key_at_fault(document, steps))
        else:
            steps = (*steps, int(index) if index else name)
    unknown = _UNKNOWN.search(what)
    if unknown is None:
        return Fault(steps, what)
    near = get_close_matches(unknown[1], _WORDS, 1)
    return Fault(
        (*steps, unknown[1]),
        f"There is no {unknown[1][:64]!r} here",
        f"Did you mean {near[0]!r}?" if near else "See docs/mapping.md.",
    )


def _key_at_fault(document: JsonValue, steps: Steps) -> str:
    """Return the key below ``steps`` without whose value the document says the same no more.

    The decoder does not name keys of objects that may have any.
    """
    table = _at(document, steps)
    keys = list(table) if isinstance(table, dict) else []
    for key in keys:
        tried = deepcopy(document)
        kept = cast("dict[str, JsonValue]", _at(tried, steps))
        for other in keys:
            if other != key:
                del kept[other]
        try:
            msgspec.convert(tried, RowMapping)
        except msgspec.ValidationError as error:
            told = _PATH.fullmatch(str(error))
            if told is not None and _is_at(told["path"], steps):
                return key
    return ""


def _is_at(path: str, steps: Steps) -> bool:
    """Tell whether a path of the decoder is below ``steps``."""
    found = _STEP.findall(path)
    given = [int(index) if index else name for name, index, any_key in found if not any_key]
    plain = [step for step in steps if isinstance(step, int) or step in given]
    return given[: len(plain)] == plain


def _at(document: JsonValue, steps: Steps) -> JsonValue:
    value = document
    for step in steps:
        match value, step:
            case dict(), str():
                value = value.get(step)
            case list(), int() if step < len(value):
                value = value[step]
            case _:
                return None
    return value
