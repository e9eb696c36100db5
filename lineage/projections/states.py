"""The view ``current``: what is known of each node, now and as of every earlier size.

A row holds the node as it is shown (JSON, ready to be an answer) and, apart, who said each of its
values and when, which merges need: the next statement's, and those of an entity's members. What is
known now is one table with a row a node, so that a node which was described ten thousand times is
found as fast as any other; what was known before is another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, json

from lineage.projections.catalog import Catalog, type_key
from lineage.projections.retellings import Retellings
from lineage.projections.unfolding import Unfolded, command_key
from lineage.projections.values import Said, any_later, keep, shown
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage.vertices import NodeName, node_name
from lineage_schemas.codec import encode_json
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Kind, NodeRecord
from lineage_schemas.records import COMMAND
from lineage_schemas.values import JsonValue

_WHAT: Final = (
    Column("type_key", int, optional=True),
    Column("shown", bytes),
    Column("stamps", bytes),
)

STATE: Final = Table(
    "state",
    (Column("vertex", int), Column("since", int), *_WHAT),
    key=("vertex",),
    indexes=(("type_key", "vertex"),),
    bound=(Bound.VERTEX, "vertex"),
)

STATE_PAST: Final = Table(
    "state_past",
    (Column("vertex", int), Column("since", int), Column("until", int, optional=True), *_WHAT),
    key=("vertex", "since"),
    indexes=(("type_key", "vertex"),),
    bound=(Bound.VERTEX, "vertex"),
)

_PLAIN_FIELDS: Final = ("name", "external_id", "uri", "state")
_TYPE: Final = "type"
"""The type and its version are one field: they were said together."""
_PROPERTY: Final = "properties."
_CUSTOM: Final = "custom_properties."


class _Stamps(Struct, frozen=True, omit_defaults=True):
    """Who said what when. ``common`` holds for every shown field that ``fields`` leaves out."""

    common: tuple[int | None, str]
    fields: dict[str, list[Said]] = {}


_SHOWN: Final = json.Decoder(Node)
_SHOWN_MANY: Final = json.Decoder(list[Node])
_STAMPS: Final = json.Decoder(_Stamps)


class States:
    """The nodes' states that one run of folding touches."""

    def __init__(self, catalog: Catalog, retellings: Retellings) -> None:
        self._catalog = catalog
        self._retellings = retellings
        self._rows: dict[int, Row] = {}
        self._stored: set[int] = set()
        self._written: set[int] = set()
        self._past: list[Row] = []

    def load(self, reader: Reader, vertices: Iterable[int]) -> None:
        """Load the states of nodes that were there before."""
        for row in reader.find(STATE, "vertex", vertices):
            self._rows[row[0]] = row
            self._stored.add(row[0])

    def get(self, vertex: int) -> Node | None:
        """Return what is shown of a loaded node, or ``None`` if nobody has described it."""
        row = self._rows.get(vertex)
        return None if row is None else read_shown(row)

    def fold(self, said: Unfolded) -> list[tuple[int, Node | None, Node]]:
        """Merge what one entry says; return (vertex, before, after) of what it changed."""
        changes: list[tuple[int, Node | None, Node]] = []
        for vertex, record in said.described:
            change = self._fold_node(said, vertex, record)
            if change is not None:
                self._retellings.moved.add(vertex)
                changes.append((vertex, *change))
        return changes

    def flush(self, writer: Writer) -> None:
        """Write what was added and changed."""
        rows = [self._rows[vertex] for vertex in self._written]
        writer.replace(STATE, [row for row in rows if row[0] in self._stored])
        writer.insert(STATE, [row for row in rows if row[0] not in self._stored])
        writer.insert(STATE_PAST, self._past)
        self._stored |= self._written
        self._written, self._past = set(), []

    def _fold_node(
        self, said: Unfolded, vertex: int, record: NodeRecord
    ) -> tuple[Node | None, Node] | None:
        common = _common_stamp(said)
        name = node_name(vertex)
        row = self._rows.get(vertex)
        if row is None and not _clears_any(record):
            after = _first_shown(name, record)
            self._begin(said, vertex, name, after, _Stamps(common))
            return None, after
        before = None if row is None else read_shown(row)
        kept = {} if row is None or before is None else _kept_values(before, row[-1])
        if said.entry.envelope.mode is COMMAND:
            kept = _replaced(name.kind, record, before, kept, common)
        else:
            told = said_fields(said, record)
            if any(any_later(said, kept.get(field, ())) for field, said in told):
                self._retellings.overtaken.add(vertex)
            moved = [keep(field, kept.setdefault(field, []), said) for field, said in told]
            if row is not None and not any(moved):
                return None
        key = before.key if before else record.key or command_key(name.kind, name.id)
        after = node_of(vertex, key, kept)
        self._begin(said, vertex, name, after, _stamps_of(after, kept, common))
        return before, after

    def _begin(
        self, said: Unfolded, vertex: int, name: NodeName, after: Node, stamps: _Stamps
    ) -> None:
        position = said.entry.position
        old = self._rows.get(vertex)
        if old is not None and old[1] != position:
            self._past.append((*old[:2], position, *old[2:]))
        self._rows[vertex] = (
            vertex,
            position,
            self._type_key(name, after),
            encode_json(after),
            encode_json(stamps),
        )
        self._written.add(vertex)

    def _type_key(self, name: NodeName, after: Node) -> int | None:
        if after.type is None:
            return None
        found = self._catalog.find_type(name.namespace, name.kind, after.type, after.type_version)
        return None if found is None else type_key(found.namespace, found.id)


def read_shown(row: Row) -> Node:
    """Read the ``shown`` cell of a row of ``STATE`` or ``STATE_PAST``."""
    return _SHOWN.decode(row[-2])


def read_stated(row: Row) -> int | None:
    """Return the stated time, in microseconds, of what was last said of a row's node."""
    return _STAMPS.decode(row[-1]).common[0]


def read_source(row: Row) -> str:
    """Return who said last what shows of a row's node."""
    return _STAMPS.decode(row[-1]).common[1]


def read_sources(row: Row) -> set[str]:
    """Return the sources whose values are kept of a row's node."""
    stamps = _STAMPS.decode(row[-1])
    return {stamps.common[1], *(said.source for told in stamps.fields.values() for said in told)}


def is_all_said_by(row: Row, valid_us: int) -> bool:
    """Tell whether all values that are kept of a row's node are stated by then, or undated."""
    stamps = _STAMPS.decode(row[-1])
    stated = [
        stamps.common[0],
        *(said.stated_us for some in stamps.fields.values() for said in some),
    ]
    return all(one is None or one <= valid_us for one in stated)


def read_said(row: Row, field: str) -> Said | None:
    """Return the shown value of one field of a row's node, with who said it and when."""
    kept = _kept_values(read_shown(row), row[-1]).get(field)
    said = shown(field, kept) if kept else None
    return None if said is None or said.value is None else said


def kept_values(row: Row) -> dict[str, list[Said]]:
    """Return of each field of a row's node the latest value of each source."""
    return _kept_values(read_shown(row), row[-1])


def told_fields(row: Row) -> dict[str, Said]:
    """Return of each field of a row's node what counts of it; without a value: it was cleared."""
    return {field: shown(field, said) for field, said in kept_values(row).items()}


def custom_field(name: str) -> str:
    """Return the field of a custom property."""
    return _CUSTOM + name


def decode_nodes(documents: bytes) -> list[Node]:
    """Read many ``shown`` cells, joined by commas: at once, which costs less than one by one."""
    return _SHOWN_MANY.decode(b"[%b]" % documents)


def _common_stamp(said: Unfolded) -> tuple[int | None, str]:
    """A command speaks of the moment it was recorded; an observation of when its source says."""
    envelope = said.entry.envelope
    if envelope.mode is COMMAND:
        return envelope.recorded_us, envelope.source
    return envelope.stated.start_us if envelope.stated else None, envelope.source


def _clears_any(record: NodeRecord) -> bool:
    return None in record.properties.values() or None in record.custom_properties.values()


def _first_shown(name: NodeName, record: NodeRecord) -> Node:
    """The common case, made short: a node that nobody has described before."""
    state = getattr(record, "state", None)
    return Node(
        kind=name.kind,
        id=name.id,
        key=record.key or command_key(name.kind, name.id),
        type=record.type,
        type_version=record.type_version,
        name=record.name,
        external_id=record.external_id,
        uri=getattr(record, "uri", None),
        state=None if state is None else state.value,
        properties=record.properties,
        custom_properties=record.custom_properties,
    )


def said_fields(said: Unfolded, record: NodeRecord) -> list[tuple[str, Said]]:
    """Return (field, value) of all that a record of an entry says, as it is kept."""
    common = _common_stamp(said)
    return [(field, Said(*common, value)) for field, value in _fields_said(record)]


def _fields_said(record: NodeRecord) -> list[tuple[str, JsonValue]]:
    """Return (field, value) of all that is said of a node."""
    fields: list[tuple[str, JsonValue]] = []
    if record.type is not None:
        fields.append((_TYPE, [record.type, record.type_version]))
    for name in _PLAIN_FIELDS:
        value = getattr(record, name, None)
        if value is not None:
            fields.append((name, str(value)))
    fields += [(_PROPERTY + name, value) for name, value in record.properties.items()]
    fields += [(_CUSTOM + name, value) for name, value in record.custom_properties.items()]
    return fields


def replaced_fields(kind: Kind, record: NodeRecord, before: Node | None) -> dict[str, JsonValue]:
    """Return the fields of a node that a command replaces whole, or makes.

    The type stays; ML Metadata also ignores a new name, except that of a context.
    """
    fields = dict(_fields_said(record))
    if before is not None:
        fields[_TYPE] = [before.type, before.type_version]
        if kind is not Kind.CONTEXT:
            fields["name"] = before.name
    return {name: value for name, value in fields.items() if value is not None}


def _replaced(
    kind: Kind,
    record: NodeRecord,
    before: Node | None,
    kept: dict[str, list[Said]],
    common: tuple[int | None, str],
) -> dict[str, list[Said]]:
    """Forget what was said before: a command counts by its place in the log, not by its time.

    What it leaves out is cleared as of its recorded time, for observations that come later.
    """
    fields = dict.fromkeys(kept, None) | replaced_fields(kind, record, before)
    return {field: [Said(*common, value)] for field, value in fields.items()}


def shown_fields(node: Node) -> dict[str, JsonValue]:
    """Return the fields of a node as they are shown."""
    return dict(_values_shown(node))


def _kept_values(before: Node, stamps: bytes) -> dict[str, list[Said]]:
    """Bring back the latest value of each source, of each field."""
    told = _STAMPS.decode(stamps)
    kept = {field: [Said(*told.common, value)] for field, value in _values_shown(before)}
    kept.update((field, list(said)) for field, said in told.fields.items())
    return kept


def _values_shown(node: Node) -> list[tuple[str, JsonValue]]:
    values: list[tuple[str, JsonValue]] = []
    if node.type is not None:
        values.append((_TYPE, [node.type, node.type_version]))
    values += [
        (name, value) for name in _PLAIN_FIELDS if (value := getattr(node, name)) is not None
    ]
    values += [(_PROPERTY + name, value) for name, value in node.properties.items()]
    values += [(_CUSTOM + name, value) for name, value in node.custom_properties.items()]
    return values


def node_of(vertex: int, key: str | None, kept: Mapping[str, Sequence[Said]]) -> Node:
    """Return the node that shows, given the latest value of each source, of each field."""
    scalars: dict[str, Any] = {}
    properties: dict[str, JsonValue] = {}
    custom: dict[str, JsonValue] = {}
    for field in sorted(kept):
        value = shown(field, kept[field]).value
        if value is None:
            continue
        if field.startswith(_PROPERTY):
            properties[field.removeprefix(_PROPERTY)] = value
        elif field.startswith(_CUSTOM):
            custom[field.removeprefix(_CUSTOM)] = value
        elif field == _TYPE and isinstance(value, list):
            scalars["type"], scalars["type_version"] = value
        else:
            scalars[field] = value
    name = node_name(vertex)
    return Node(
        kind=name.kind,
        id=name.id,
        key=key,
        properties=properties,
        custom_properties=custom,
        **scalars,
    )


def _stamps_of(after: Node, kept: dict[str, list[Said]], common: tuple[int | None, str]) -> _Stamps:
    """Keep apart only what is not simply (``common``, the shown value)."""
    visible = dict(_values_shown(after))
    return _Stamps(
        common,
        {
            field: said
            for field, said in sorted(kept.items())
            if len(said) > 1 or field not in visible or said[0][:2] != common
        },
    )


def merge_values(told: Iterable[Mapping[str, Sequence[Said]]]) -> dict[str, list[Said]]:
    """Merge what is kept of several nodes of one kind by the rule of observations."""
    kept: dict[str, list[Said]] = {}
    for fields in told:
        for field, values in fields.items():
            for said in values:
                keep(field, kept.setdefault(field, []), said)
    return kept
