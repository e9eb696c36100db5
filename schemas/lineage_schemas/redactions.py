"""How an erased value shows: as ``{"$redacted": POSITION}``, naming the entry it stood in.

What was erased from that entry, by whom, when and why, the answer says beside it.
"""

from __future__ import annotations

from msgspec.structs import replace

from lineage_schemas.codec import LIFTED
from lineage_schemas.mlmd import NodeRecord, Record
from lineage_schemas.values import JsonValue

_MARK = "$redacted"


def redacted_value(position: int) -> JsonValue:
    """Return what shows in the place of a value that was erased from the entry at ``position``."""
    return {_MARK: position}


def is_redacted(value: JsonValue) -> bool:
    """Tell whether a value shows that another was erased."""
    return type(value) is dict and _MARK in value


def redacted_position(value: JsonValue) -> int | None:
    """Return the position of the entry in which an erased value stood; ``None`` for a value."""
    position = value.get(_MARK) if type(value) is dict else None
    return position if type(position) is int else None


def with_redactions(records: tuple[Record, ...], position: int) -> tuple[Record, ...]:
    """Return the records of an entry whose personal part was erased, each lifted value redacted."""
    return tuple(
        _redacted(record, position)
        if isinstance(record, NodeRecord) and record.personal
        else record
        for record in records
    )


def has_redactions(record: NodeRecord) -> bool:
    """Tell whether a value of this record was erased."""
    return any(
        is_redacted(value)
        for values in (record.properties, record.custom_properties)
        for value in values.values()
    )


def _redacted(record: NodeRecord, position: int) -> NodeRecord:
    mark = redacted_value(position)
    return replace(
        record,
        properties=_marked(record.properties, mark),
        custom_properties=_marked(record.custom_properties, mark),
    )


def _marked(values: dict[str, JsonValue], mark: JsonValue) -> dict[str, JsonValue]:
    return {name: mark if value == LIFTED else value for name, value in values.items()}
