"""Tell what is an approval from what is not, so that nobody approves what they have ingested.

An approval is a statement whose every record is about an execution of type ``lineage.Approve`` or
an artifact of type ``lineage.Approval``. Whatever else touches such a node is neither: it could
change what was decided.

A report is no approval: it tells what was decided elsewhere, in the words of the tool that told it,
and gives nobody's approval here. It says what it says beside other things, and only of approvals
that nobody but its own source has described.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lineage.projections.catalog import type_key
from lineage.projections.links import HUB, LINK, LinkRow
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, read_sources
from lineage.projections.unfolding import KEY_CLASS
from lineage.rules.form import kind_of
from lineage.rules.refs import REF_FIELDS
from lineage.stores.base import Reader
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, name_hash, realm_of, vertex_of
from lineage_schemas.known_types.registry import KNOWN_TYPES
from lineage_schemas.mlmd import Event, Kind, NodeRecord, Record, Ref
from lineage_schemas.records import Claim, Retraction, Statement

APPROVAL_TYPES: Final = frozenset(
    {(Kind.EXECUTION, "lineage.Approve"), (Kind.ARTIFACT, "lineage.Approval")}
)

_TYPE_IDS: Final = tuple(
    number
    for number, known in enumerate(KNOWN_TYPES, start=1)
    if (known.kind, known.name) in APPROVAL_TYPES
)
"""A well-known type has the same id in every namespace."""

_Named = tuple[Kind, Ref]


def speaks_of_approvals(statement: Statement) -> bool:
    """Tell whether a statement describes an approval, be it one or not."""
    return any(_is_approval_node(record) for record in statement.records)


def is_approval(statement: Statement) -> bool:
    """Tell whether a statement is an approval, and says nothing else."""
    described: set[_Named] = set()
    for index, record in enumerate(statement.records):
        if _is_approval_node(record):
            assert isinstance(record, NodeRecord)
            kind = kind_of(record)
            named: tuple[Ref | None, ...] = (record.key, record.id, f"#{index}")
            described |= {(kind, one) for one in named if one is not None}
    return bool(described) and all(_is_about(record, described) for record in statement.records)


def touches_approvals(reader: Reader, number: int | None, statements: Iterable[Statement]) -> bool:
    """Tell whether statements name a node that is an approval already.

    Nothing is looked up where the namespace has none.
    """
    if number is None or not _has_approvals(reader, number):
        return False
    named = [one for statement in statements for one in _named_in(statement)]
    return not _types_of(reader, number, named).isdisjoint(_approval_types(number))


def takes_over(reader: Reader, number: int | None, statements: Iterable[Statement]) -> bool:
    """Tell whether approvals describe a node that is something else, or goes for something else.

    To call somebody's model an approval would change what the model shows; and where somebody has
    claimed the key beforehand, both would show as one.
    """
    if number is None:
        return False
    named = _described_in(statements)
    wanted = _approval_types(number)
    if not _types_of(reader, number, named) <= wanted:
        return True
    claiming = _claiming(reader, number, {str(ref) for _, ref in named})
    column = STATE.column("type_key")
    rows = reader.find(STATE, "vertex", claiming)
    return {row[0] for row in rows if row[column] in wanted} != claiming


def oversteps(reader: Reader, number: int | None, statements: Sequence[Statement]) -> bool:
    """Tell whether a report touches an approval that is there and is not its own to go on with.

    Its own is what it describes as an approval, and what its source alone has described before.
    What was decided here, or told by another source, it can neither change nor use.
    """
    if number is None or not _has_approvals(reader, number):
        return False
    column, wanted = STATE.column("type_key"), _approval_types(number)
    named = {one for statement in statements for one in _named_in(statement)}
    own = {row[0] for row in _states_of(reader, number, _described_in(statements))}
    sources = {statement.source for statement in statements}
    return any(
        row[0] not in own or not read_sources(row) <= sources
        for row in _states_of(reader, number, named)
        if row[column] in wanted
    )


def _claiming(reader: Reader, number: int, keys: set[str]) -> set[int]:
    """Return the nodes of which it is claimed now that they go by one of these keys."""
    found = reader.find(HUB, "identifier_hash", _hashes(number, keys))
    links = reader.find(LINK, "hub", [row[0] for row in found if row[3] in keys])
    rows = map(LinkRow._make, links)
    return {
        row.vertex
        for row in rows
        if row.active and row.until is None and row.link_class != KEY_CLASS
    }


def _hashes(number: int, keys: Iterable[str]) -> list[int]:
    realms = [realm_of(number, KIND_CODES[kind]) for kind, _ in sorted(APPROVAL_TYPES)]
    return [name_hash(realm, key) for realm in realms for key in keys]


def _approval_types(number: int) -> set[int | None]:
    return {type_key(number, one) for one in _TYPE_IDS}


def _types_of(reader: Reader, number: int, named: Iterable[_Named]) -> set[int | None]:
    """Return the types of those of these artifacts and executions that were described before."""
    column = STATE.column("type_key")
    return {row[column] for row in _states_of(reader, number, named)}


def _states_of(reader: Reader, number: int, named: Iterable[_Named]) -> Iterable[Row]:
    keys: set[str] = set()
    vertices: set[int] = set()
    for kind, ref in named:
        if isinstance(ref, int):
            vertices.add(vertex_of(number, KIND_CODES[kind], ref))
        else:
            keys.add(ref)
    rows = reader.find(NODE, "key_hash", _hashes(number, keys))
    vertices |= {row[0] for row in rows if row[3] in keys}
    return reader.find(STATE, "vertex", vertices)


def _has_approvals(reader: Reader, number: int) -> bool:
    index = ("type_key", "vertex")
    return any(reader.page(STATE, index, type_key(number, one), None, 1) for one in _TYPE_IDS)


def _is_approval_node(record: Record) -> bool:
    return isinstance(record, NodeRecord) and (kind_of(record), record.type) in APPROVAL_TYPES


def _is_about(record: Record, described: set[_Named]) -> bool:
    """Tell whether a record is about the approvals that its statement describes."""
    if isinstance(record, NodeRecord):
        return _is_approval_node(record)
    if isinstance(record, Event):
        # What it rests on flows in; only the approval itself comes out.
        is_own = (Kind.EXECUTION, record.execution) in described
        return is_own and (record.kind.is_input or (Kind.ARTIFACT, record.artifact) in described)
    if isinstance(record, Claim | Retraction):
        # What a node is claimed to be joins it to others, and what they show.
        return False
    return any(one in described for one in _refs_of(record))


def _described_in(statements: Iterable[Statement]) -> set[_Named]:
    """Return what is described as an approval."""
    return {
        one
        for statement in statements
        for record in statement.records
        if isinstance(record, NodeRecord) and _is_approval_node(record)
        for one in _names_of(record)
    }


def _named_in(statement: Statement) -> Iterator[_Named]:
    for record in statement.records:
        if isinstance(record, NodeRecord):
            yield from _names_of(record)
        elif isinstance(record, Claim | Retraction):
            # To claim an approval's own key for another node would join the two.
            yield record.kind, record.identifier
        yield from _refs_of(record)


def _names_of(record: NodeRecord) -> Iterator[_Named]:
    for named in (record.key, record.id):
        if named is not None:
            yield kind_of(record), named


def _refs_of(record: Record) -> Iterator[_Named]:
    for field, kind in REF_FIELDS.get(type(record), ()):
        yield kind or Kind(getattr(record, "kind")), getattr(record, field)  # noqa: B009 - by table
