"""The view of what is small and always at hand: namespaces, types, and the next ids to assign."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import json
from msgspec.structs import replace

from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage.vertices import HUB_CODE, KIND_CODES, KINDS, NAMESPACES_MAX, id_of, kind_code
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import LimitExceededError
from lineage_schemas.mlmd import (
    ArtifactType,
    ContextType,
    ExecutionType,
    Kind,
    TypeRecord,
)

NAMESPACE: Final = Table(
    "namespace",
    (Column("number", int), Column("since", int), Column("name", str)),
    key=("number",),
    indexes=(("name",),),
    bound=(Bound.NUMBER, "number"),
)

SOURCE: Final = Table(
    "source",
    (Column("namespace", int), Column("name", str), Column("since", int)),
    key=("namespace", "name"),
    bound=(Bound.NUMBER, "namespace"),
)
"""Every source that has spoken in a namespace."""

TYPE: Final = Table(
    "type",
    (
        Column("namespace", int),
        Column("id", int),
        Column("since", int),
        Column("until", int, optional=True),
        Column("kind", int),
        Column("definition", bytes),
    ),
    key=("namespace", "id", "since"),
    bound=(Bound.NUMBER, "namespace"),
)

COUNTER: Final = Table(
    "counter",
    (Column("namespace", int), Column("code", int), Column("last_id", int)),
    key=("namespace", "code"),
    bound=(Bound.NUMBER, "namespace"),
)
"""The last id that was assigned: of a kind, of hubs (``HUB_CODE``), of types (``TYPE_CODE``)."""

TYPE_CODE: Final = -1
_SCAN_ROWS: Final = 10_000
_DEFINITION: Final = json.Decoder(ArtifactType | ExecutionType | ContextType)


class KnownTypeRow(NamedTuple):
    """A type of a namespace: its id, kind, its definition as it now stands, and since when."""

    namespace: int
    id: int
    kind: Kind
    definition: TypeRecord
    since: int


TypeKey = tuple[int, Kind, str, str]


class Catalog:
    """All namespaces, types and counters. Small enough to be held whole."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.heard: dict[tuple[int, str], int] = {}
        """In which run of positions each source spoke last, where that is known."""

        self._types: dict[TypeKey, KnownTypeRow] = {}
        self._last_ids: dict[tuple[int, int], int] = {}
        self._stored_counters: set[tuple[int, int]] = set()
        self._touched_counters: set[tuple[int, int]] = set()
        self._sources: set[tuple[int, str]] = set()
        self._new: dict[str, dict[Row, Row]] = {"namespace": {}, "source": {}, "type": {}}
        self._closed_types: dict[Row, Row] = {}

    @classmethod
    def load(cls, reader: Reader) -> Catalog:
        """Read the catalogue as it stands."""
        catalog = cls()
        for number, _, name in _scan_all(reader, NAMESPACE):
            catalog.numbers[name] = number
            catalog.names[number] = name
        for namespace, source, _ in _scan_all(reader, SOURCE):
            catalog._sources.add((namespace, source))
        for row in _scan_all(reader, TYPE):
            if row[3] is None:
                catalog._remember_type(row)
        for namespace, code, last_id in _scan_all(reader, COUNTER):
            catalog._last_ids[namespace, code] = last_id
            catalog._stored_counters.add((namespace, code))
        return catalog

    def copy(self) -> Catalog:
        """Return an independent catalogue with the same contents and nothing to flush."""
        twin = Catalog()
        twin.numbers, twin.names = dict(self.numbers), dict(self.names)
        twin._types, twin._last_ids = dict(self._types), dict(self._last_ids)
        twin._stored_counters = set(self._stored_counters)
        twin._sources, twin.heard = set(self._sources), dict(self.heard)
        return twin

    def find_type(
        self, namespace: int, kind: Kind, name: str, version: str | None
    ) -> KnownTypeRow | None:
        """Return a type by its name. An absent version and an empty one are the same."""
        return self._types.get((namespace, kind, name, version or ""))

    def types(self, namespace: int) -> list[KnownTypeRow]:
        """Return the types of a namespace, by id."""
        found = [row for key, row in self._types.items() if key[0] == namespace]
        return sorted(found, key=lambda row: row.id)

    def next_id(self, namespace: int, code: int) -> int:
        """Assign the next id of a kind, of hubs, or of types."""
        assigned = self._last_ids.get((namespace, code), 0) + 1
        self._raise_counter(namespace, code, assigned)
        return assigned

    def has_hubs(self, namespace: int) -> bool:
        """Tell whether anything was ever claimed in a namespace."""
        return (namespace, HUB_CODE) in self._last_ids

    def number_of(self, namespace: str, position: int) -> int:
        """Return the number of a namespace, adding it when the log first names it."""
        number = self.numbers.get(namespace)
        if number is None:
            number = len(self.numbers)
            if number == NAMESPACES_MAX:
                raise LimitExceededError(
                    f"A ledger has at most {NAMESPACES_MAX} namespaces (NAMESPACES_MAX)",
                    where=namespace,
                )
            self.numbers[namespace], self.names[number] = number, namespace
            self._new["namespace"][number,] = (number, position, namespace)
        return number

    def fold(self, said: Unfolded) -> None:
        """Take in the types and the source of one entry, and which ids it has used up."""
        source = said.namespace, said.entry.envelope.source
        if source not in self._sources:
            self._sources.add(source)
            self._new["source"][source] = (*source, said.entry.position)
        for kind, type_id, record in said.types:
            self._raise_counter(said.namespace, TYPE_CODE, type_id)
            if record is not None:
                self.put_type(
                    said.entry.position, KnownTypeRow(said.namespace, type_id, kind, record, 0)
                )
        for link in said.links:
            self.use_id(said.namespace, link.hub)

    def put_type(self, position: int, put: KnownTypeRow) -> None:
        """Take in a type; putting it again unchanged does nothing."""
        record = put.definition
        old = self.find_type(put.namespace, put.kind, record.name, record.version)
        merged = _bare(record) if old is None else merge_types(old.definition, record)
        if old is not None and merged == old.definition:
            return
        if old is not None and old.since != position:
            closed = _type_row(old, until=position)
            kept = self._new["type"] if closed[:3] in self._new["type"] else self._closed_types
            kept[closed[:3]] = closed
        row = _type_row(put._replace(definition=merged, since=position), until=None)
        self._new["type"][row[:3]] = row
        self._remember_type(row)

    def flush(self, writer: Writer) -> None:
        """Write what was added and changed."""
        writer.insert(NAMESPACE, list(self._new["namespace"].values()))
        writer.insert(SOURCE, list(self._new["source"].values()))
        writer.replace(TYPE, list(self._closed_types.values()))
        writer.insert(TYPE, list(self._new["type"].values()))
        rows = {key: (*key, self._last_ids[key]) for key in sorted(self._touched_counters)}
        writer.replace(COUNTER, [row for key, row in rows.items() if key in self._stored_counters])
        writer.insert(
            COUNTER, [row for key, row in rows.items() if key not in self._stored_counters]
        )
        self._stored_counters |= self._touched_counters
        self._touched_counters = set()
        self._new = {"namespace": {}, "source": {}, "type": {}}
        self._closed_types = {}

    def use_id(self, namespace: int, vertex: int) -> None:
        """Note that a vertex's id is used up."""
        code, used = kind_code(vertex), id_of(vertex)
        if used > self._last_ids.get((namespace, code), 0):
            self._raise_counter(namespace, code, used)

    def _raise_counter(self, namespace: int, code: int, used: int) -> None:
        key = namespace, code
        self._last_ids[key] = max(self._last_ids.get(key, 0), used)
        self._touched_counters.add(key)

    def _remember_type(self, row: Row) -> None:
        known = _known_type(row)
        definition = known.definition
        key = known.namespace, known.kind, definition.name, definition.version or ""
        self._types[key] = known


def _known_type(row: Row) -> KnownTypeRow:
    namespace, type_id, since, _, code, body = row
    return KnownTypeRow(namespace, type_id, KINDS[code], _DEFINITION.decode(body), since)


def merge_types(old: TypeRecord, new: TypeRecord) -> TypeRecord:
    """Return the type after a second put: properties are added, never taken away.

    What else a second put says of description and signatures is ignored, as ML Metadata does.
    """
    return replace(
        old,
        properties=old.properties | new.properties,
        base_type=old.base_type or new.base_type,
        external_id=new.external_id or old.external_id,
    )


def types_as_of(reader: Reader, namespace: int, size: int) -> list[KnownTypeRow]:
    """Return the types of a namespace as of a size, by id."""
    rows = reader.find(TYPE, "namespace", [namespace], size)
    return sorted((_known_type(row) for row in rows), key=lambda row: row.id)


def type_key(namespace: int, type_id: int) -> int:
    """Return the one number by which nodes of a type are listed."""
    return namespace << 32 | type_id


def _type_row(row: KnownTypeRow, until: int | None) -> Row:
    code = KIND_CODES[row.kind]
    return row.namespace, row.id, row.since, until, code, encode_json(row.definition)


def _bare(record: TypeRecord) -> TypeRecord:
    return replace(record, can_add_fields=False, can_omit_fields=False)


def _scan_all(reader: Reader, table: Table) -> list[Row]:
    rows: list[Row] = []
    after: Row | None = None
    while page := reader.scan(table, after, _SCAN_ROWS):
        rows += page
        after = table.key_of(page[-1])
    return rows
