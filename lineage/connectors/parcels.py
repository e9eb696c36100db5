"""Parcels: records packed into as few statements as their limits allow, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from lineage_schemas.errors import LimitExceededError
from lineage_schemas.limits import PAYLOAD_PART_BYTES_MAX, STATEMENT_RECORDS_MAX
from lineage_schemas.mlmd import Artifact, Context, Execution, NodeRecord
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

PARCEL_BYTES_MAX: Final = PAYLOAD_PART_BYTES_MAX - 1_024
"""Encoded records of one statement; the rest is room for what the payload adds around them."""

_AROUND_RECORD_BYTES: Final = 64  # what the payload adds around each record that is part personal

_ENCODER: Final = msgspec.json.Encoder()


def parcels(records: tuple[AnyRecord, ...]) -> Iterator[tuple[AnyRecord, ...]]:
    """Yield the records in their order, parted so that each part fits into one statement.

    A node with more properties than fit is said in several records of the same key: observations
    add up.

    Raises:
        LimitExceededError: one record, or one property of a node, is too large for any statement.
    """
    if not records:
        return
    around = len(records) * _AROUND_RECORD_BYTES
    if len(records) <= STATEMENT_RECORDS_MAX and _size(records) + around <= PARCEL_BYTES_MAX:
        yield records
        return
    parcel: list[AnyRecord] = []
    filled = 0
    for record in records:
        for piece in _pieces(record):
            size = _size(piece)
            if parcel and (
                len(parcel) == STATEMENT_RECORDS_MAX or filled + size > PARCEL_BYTES_MAX
            ):
                yield tuple(parcel)
                parcel, filled = [], 0
            parcel.append(piece)
            filled += size
    yield tuple(parcel)


def distinct(records: Iterable[AnyRecord]) -> tuple[AnyRecord, ...]:
    """Drop what is said a second time in the very same words; the order stays."""
    return tuple({_ENCODER.encode(record): record for record in records}.values())


def _size(value: object) -> int:
    return len(_ENCODER.encode(value)) + _AROUND_RECORD_BYTES


def _pieces(record: AnyRecord) -> Iterator[AnyRecord]:
    if _size(record) <= PARCEL_BYTES_MAX:
        yield record
    elif isinstance(record, Artifact | Execution | Context) and record.key is not None:
        yield from _node_pieces(record)
    else:
        raise _too_large(type(record).__name__, _size(record))


_AnyNode = Artifact | Execution | Context
_Node = TypeVar("_Node", bound=_AnyNode)


def _node_pieces(node: _AnyNode) -> Iterator[AnyRecord]:
    """Say one node in several records: the first has all but the properties that no longer fit."""
    bare = replace(node, properties={}, custom_properties={}, personal=())
    room = PARCEL_BYTES_MAX - _size(bare)
    rest = type(node)(key=node.key, type=node.type, type_version=node.type_version)
    for group in _groups(node, room):
        yield _with(bare, group, node.personal)
        bare = rest


_Property = tuple[str, str, JsonValue]
"""(field of the record, name, value)."""


def _groups(node: NodeRecord, room: int) -> Iterator[list[_Property]]:
    listed: list[_Property] = [
        *(("properties", name, value) for name, value in node.properties.items()),
        *(("custom_properties", name, value) for name, value in node.custom_properties.items()),
    ]
    group: list[_Property] = []
    filled = 0
    for item in listed:
        # The name counts twice, since it may also stand among the personal ones.
        size = len(_ENCODER.encode((item, item[1])))
        if size > room:
            raise _too_large(f"{node.key}: property {item[1][:64]}", size)
        if filled + size > room:
            yield group
            group, filled = [], 0
        group.append(item)
        filled += size
    yield group


def _with(bare: _Node, group: list[_Property], personal: tuple[str, ...]) -> _Node:
    names = {name for _, name, _ in group}
    return replace(
        bare,
        properties={name: value for place, name, value in group if place == "properties"},
        custom_properties={
            name: value for place, name, value in group if place == "custom_properties"
        },
        personal=tuple(name for name in personal if name in names),
    )


def _too_large(where: str, size: int) -> LimitExceededError:
    return LimitExceededError(
        f"{size} bytes are over the limit of {PARCEL_BYTES_MAX} for one record (PARCEL_BYTES_MAX)",
        where=where,
        hint="Keep large contents in a file and state its digest and URI.",
    )
