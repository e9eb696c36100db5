"""Holds and retentions: what one covers, and how it is shown."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from lineage.erasure.planning import Target
from lineage.projections.governance import RESTRAINT, RestraintRow
from lineage.projections.nodes import NODE
from lineage.questions.nodes import find_identified
from lineage.rules.secrets import clean_identifier
from lineage.stores.base import Reader
from lineage.vertices import node_name
from lineage.writing.governing import namespace_number
from lineage_schemas.codec import decode_envelope
from lineage_schemas.erasures import RestraintView
from lineage_schemas.errors import NotFoundError
from lineage_schemas.governance import Hold, Retention
from lineage_schemas.mlmd import Kind

Scoped = TypeVar("Scoped", Hold, Retention)


def with_scope(reader: Reader, record: Scoped, target: Target | None, namespace: str) -> Scoped:
    """Return a hold or retention that covers a target: an entry, a node, or the namespace.

    Raises:
        NotFoundError: a position or identifier that is not there.
    """
    number = namespace_number(reader, namespace)
    if number is None:
        raise NotFoundError("Nothing was ever said in this namespace", where=namespace[:64])
    match target:
        case None:
            return record
        case int():
            _check_entry(reader, target, namespace)
            return replace(record, position=target)
        case str():
            size = reader.head().size
            found = find_identified(reader, number, clean_identifier(target), tuple(Kind), size)
            if len(found) != 1:
                raise NotFoundError(
                    f"{len(found) or 'No'} nodes go by this identifier, and one is wanted",
                    where=target[:128],
                )
            name = node_name(found[0])
            return replace(record, kind=name.kind, node=name.id)


def _check_entry(reader: Reader, position: int, namespace: str) -> None:
    envelopes = reader.envelopes(position, 1) if position >= 0 else []
    if not envelopes or decode_envelope(envelopes[0]).namespace != namespace:
        raise NotFoundError(
            "There is no such entry in this namespace", where=f"position {position}"
        )


def restraint_at(reader: Reader, namespace: str, position: int) -> RestraintRow:
    """Return the hold or retention that an entry states.

    Raises:
        NotFoundError: none is stated there, in this namespace.
    """
    number = namespace_number(reader, namespace)
    for row in map(RestraintRow._make, reader.find(RESTRAINT, "position", [position])):
        if row.namespace == number:
            return row
    raise NotFoundError(
        "This entry states no hold and no retention of this namespace",
        where=f"position {position}",
    )


def restraint_view(reader: Reader, row: RestraintRow) -> RestraintView:
    """Return a hold or retention as it is shown."""
    name = None if row.vertex is None else node_name(row.vertex)
    rows = [] if row.vertex is None else reader.find(NODE, "vertex", [row.vertex])
    return RestraintView(
        position=row.position,
        name=row.name,
        keep_days=row.keep_days,
        entry=row.entry,
        node_kind=None if name is None else name.kind.value,
        node_id=None if name is None else name.id,
        node_key=rows[0][3] if rows else None,
        released_by=row.released_by,
    )
