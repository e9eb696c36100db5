"""The view ``current``: what is known of each node, as of every size.

A row holds the node as it is shown (JSON, ready to be an answer) and, apart, who said each of its
values and when, which only the next merge needs. A new row begins whenever a value changes; a value
that is merely said again, later, moves its stamp in place, for no answer shows the stamp.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct, json

from lineage.projections.catalog import Catalog, type_key
from lineage.projections.unfolding import Unfolded, command_key
from lineage.projections.values import Said, keep, shown
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Column, Row, Table
from lineage.vertices import NodeName, node_name
from lineage_schemas.codec import encode_json
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Artifact, Context, Kind, NodeRecord
from lineage_schemas.records import Mode
from lineage_schemas.values import JsonValue

STATE: Final = Table(
    "state",
    (
        Column("vertex", int),
        Column("since", int),
        Column("until", int, optional=True),
        Column("type_key", int, optional=True),
        Column("shown", bytes),
        Column("stamps", bytes),
    ),
    key=("vertex", "since"),
    indexes=(("type_key", "vertex"),),
)

_SCALARS: Final = ("type", "type_version", "name", "external_id")
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

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._open: dict[int, Row] = {}
        self._new: dict[Row, Row] = {}
        self._changed: dict[Row, Row] = {}

    def load(self, reader: Reader, vertices: Iterable[int]) -> None:
        """Load the states of nodes that were there before."""
        for row in reader.find(STATE, "vertex", vertices):
            if row[2] is None:
                self._open[row[0]] = row

    def get(self, vertex: int) -> Node | None:
        """Return what is shown of a loaded node, or ``None`` if nobody has described it."""
        row = self._open.get(vertex)
        return None if row is None else read_shown(row)

    def fold(self, said: Unfolded) -> list[tuple[int, Node | None, Node]]:
        """Merge what one entry says; return (vertex, before, after) of what now shows otherwise."""
        changes: list[tuple[int, Node | None, Node]] = []
        for vertex, record in said.described:
            change = self._fold_node(said, vertex, record)
            if change is not None:
                changes.append((vertex, *change))
        return changes

    def flush(self, writer: Writer) -> None:
        """Write what was added and changed."""
        writer.replace(STATE, list(self._changed.values()))
        writer.insert(STATE, list(self._new.values()))
        self._new, self._changed = {}, {}

    def _fold_node(
        self, said: Unfolded, vertex: int, record: NodeRecord
    ) -> tuple[Node | None, Node] | None:
        common = _common_stamp(said)
        row = self._open.get(vertex)
        if row is None and not _clears_any(record):
            name = node_name(vertex)
            after = _first_shown(name, record)
            self._begin(said, vertex, name, after, _Stamps(common))
            return None, after
        before = None if row is None else read_shown(row)
        kept = {} if row is None or before is None else _kept_values(before, row[5])
        changed = False
        for field, value in _fields_said(said, vertex, record, before):
            changed |= keep(field, kept.setdefault(field, []), Said(*common, value))
        name = node_name(vertex)
        key = before.key if before else record.key or command_key(name.kind, name.id)
        after = _node_of(vertex, key, kept)
        stamps = _stamps_of(after, kept, common)
        if row is None or changed:
            self._begin(said, vertex, name, after, stamps)
            return before, after
        self._put((*row[:5], encode_json(stamps)))
        return None

    def _begin(
        self, said: Unfolded, vertex: int, name: NodeName, after: Node, stamps: _Stamps
    ) -> None:
        position = said.entry.position
        old = self._open.get(vertex)
        if old is not None and old[1] != position:
            self._put((*old[:2], position, *old[3:]))
        row = (
            vertex,
            position,
            None,
            self._type_key(name, after),
            encode_json(after),
            encode_json(stamps),
        )
        if old is None or old[1] != position:
            self._new[row[:2]] = row
        self._put(row)

    def _put(self, row: Row) -> None:
        if row[2] is None:
            self._open[row[0]] = row
        (self._new if row[:2] in self._new else self._changed)[row[:2]] = row

    def _type_key(self, name: NodeName, after: Node) -> int | None:
        if after.type is None:
            return None
        found = self._catalog.find_type(name.namespace, name.kind, after.type, after.type_version)
        return None if found is None else type_key(found.namespace, found.id)


def read_shown(row: Row) -> Node:
    """Read the ``shown`` cell of a row of ``STATE``."""
    return _SHOWN.decode(row[4])


def decode_nodes(documents: bytes) -> list[Node]:
    """Read many ``shown`` cells, joined by commas: at once, which costs less than one by one."""
    return _SHOWN_MANY.decode(b"[%b]" % documents)


def _common_stamp(said: Unfolded) -> tuple[int | None, str]:
    """A command speaks of the moment it was recorded; an observation of when its source says."""
    envelope = said.entry.envelope
    if envelope.mode is Mode.COMMAND:
        return envelope.recorded_us, envelope.source
    return envelope.stated.start_us if envelope.stated else None, envelope.source


def _scalars(record: NodeRecord) -> dict[str, str | None]:
    scalars = {name: getattr(record, name) for name in _SCALARS}
    if isinstance(record, Artifact):
        scalars["uri"] = record.uri
    if not isinstance(record, Context):
        state = getattr(record, "state", None)
        scalars["state"] = None if state is None else state.value
    return scalars


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


def command_scalars(kind: Kind, shown_before: Node, record: NodeRecord) -> dict[str, str | None]:
    """Return what a command's replacement leaves in the plain fields.

    ML Metadata ignores a new name of an artifact or execution, and allows one of a context.
    """
    scalars = _scalars(record)
    scalars["type"], scalars["type_version"] = shown_before.type, shown_before.type_version
    if kind is not Kind.CONTEXT:
        scalars["name"] = shown_before.name
    return scalars


def _fields_said(
    said: Unfolded, vertex: int, record: NodeRecord, before: Node | None
) -> list[tuple[str, JsonValue]]:
    """Return (field, value) of all that is said; a command also clears what it leaves out."""
    fields: dict[str, JsonValue] = {}
    scalars = _scalars(record)
    if said.entry.envelope.mode is Mode.COMMAND and before is not None:
        fields = dict.fromkeys((name for name, _ in _values_shown(before)), None)
        scalars = command_scalars(node_name(vertex).kind, before, record)
    fields |= {name: value for name, value in scalars.items() if value is not None}
    fields |= {_PROPERTY + name: value for name, value in record.properties.items()}
    fields |= {_CUSTOM + name: value for name, value in record.custom_properties.items()}
    return list(fields.items())


def _kept_values(before: Node, stamps: bytes) -> dict[str, list[Said]]:
    """Bring back the latest value of each source, of each field."""
    told = _STAMPS.decode(stamps)
    kept = {field: [Said(*told.common, value)] for field, value in _values_shown(before)}
    kept.update((field, list(said)) for field, said in told.fields.items())
    return kept


def _values_shown(node: Node) -> list[tuple[str, JsonValue]]:
    values: list[tuple[str, JsonValue]] = [
        (name, value)
        for name in (*_SCALARS, "uri", "state")
        if (value := getattr(node, name)) is not None
    ]
    values += [(_PROPERTY + name, value) for name, value in node.properties.items()]
    values += [(_CUSTOM + name, value) for name, value in node.custom_properties.items()]
    return values


def _node_of(vertex: int, key: str | None, kept: dict[str, list[Said]]) -> Node:
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


def merge_states(rows: Iterable[Row]) -> Node:
    """Merge the states of several nodes of one kind by the rule of observations.

    The identity (id and key) is the first row's, by vertex; ``rows`` is not empty.
    """
    ordered = sorted(rows, key=lambda row: row[0])
    first = read_shown(ordered[0])
    kept: dict[str, list[Said]] = {}
    for row in ordered:
        for field, values in _kept_values(read_shown(row), row[5]).items():
            for said in values:
                keep(field, kept.setdefault(field, []), said)
    return _node_of(int(ordered[0][0]), first.key, kept)
