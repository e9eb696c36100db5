"""The history of a node: every entry that says anything of it, and what each changed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from lineage.folding import decode_entry
from lineage.projections.nodes import NODE, NODE_EARLIER
from lineage.projections.retellings import RETOLD
from lineage.projections.statements import ACTOR
from lineage.projections.states import (
    STATE,
    STATE_PAST,
    read_shown,
    said_fields,
    shown_fields,
    told_fields,
)
from lineage.projections.unfolding import Unfolded, earlier, stated_start, unfold
from lineage.questions.changing import Changed, changed_fields
from lineage.questions.citing import cite_nodes
from lineage.questions.cursors import Cursor, make_cursor, question_of
from lineage.questions.entities import members_among
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import resolve_name
from lineage.questions.mentions import find_mentions
from lineage.questions.nodes import find_identified, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.subjects import vertices_in
from lineage.stores.base import Reader
from lineage.stores.tables import Row
from lineage.vertices import node_name
from lineage_schemas.entry import Envelope, EraseItem, Item, KeyItem
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.history import (
    HistoryAnswer,
    HistoryEntry,
    NamedNode,
    SaidRecord,
    ShownChange,
)
from lineage_schemas.instants import format_instant, format_known_instant
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

HISTORY_PAGE_MAX: Final = 1_000
"""Entries of one page of a history."""

HISTORY_PAGE_DEFAULT: Final = 100


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """Whose history: that of ``node``, an identifier or a label, of one ``kind`` or of any."""

    node: str
    kind: Kind | None = None
    cursor: str | None = None
    count: int = HISTORY_PAGE_DEFAULT

    @property
    def words(self) -> tuple[str, ...]:
        """What is asked, as text, for the cursor of its pages."""
        return "history", self.node, "" if self.kind is None else self.kind.value


def check_history(query: HistoryQuery) -> None:
    """Refuse a page size out of range.

    Raises:
        InvalidInputError: it is.
    """
    if not 1 <= query.count <= HISTORY_PAGE_MAX:
        what = f"A page has 1 to {HISTORY_PAGE_MAX} entries (HISTORY_PAGE_MAX)"
        raise InvalidInputError(what, where=str(query.count))


def tell_history(asked: GraphAsked, query: HistoryQuery, cursor: Cursor | None) -> HistoryAnswer:
    """Return one page of what was said of a node and of its entity, oldest first.

    A valid time leaves out what is stated to begin after it.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
    """
    reader, number, basis, size = asked.reader, asked.number, asked.basis, asked.size
    kinds = tuple(Kind) if query.kind is None else (query.kind,)
    name, label = resolve_name(reader, number, query.node, kinds, size)
    found = [] if number is None else find_identified(reader, number, name, kinds, size)
    if number is None or not found:
        return HistoryAnswer(basis=basis, node=name, unknown=(name,), label=label)
    members = members_among(asked.graph.links, found, size)
    positions = find_mentions(reader, members, size)
    told = _Telling(asked, number, members)
    first = 0 if cursor is None else bisect_right(positions, cursor.after)
    page = positions[first : first + query.count]
    entries = tuple(told.entries(page))
    following = None
    if first + len(page) < len(positions):
        words = "" if asked.valid is None else asked.valid.words
        question = question_of(basis.namespace, *query.words, words)
        following = make_cursor(basis, question, page[-1])
    answer = HistoryAnswer(
        basis=basis,
        node=name,
        members=name_nodes(reader, members, size),
        entries=entries,
        total=len(positions),
        left_out=told.left_out,
        undated=told.undated,
        cursor=following,
        label=label,
    )
    return with_redactions(reader, answer, number, members)


def name_nodes(reader: Reader, vertices: Collection[int], size: int) -> tuple[NamedNode, ...]:
    """Return nodes by their keys, in order."""
    nodes = read_nodes(reader, vertices, size)
    return tuple(
        NamedNode(kind=name.kind, id=name.id, key=nodes[vertex].key if vertex in nodes else None)
        for vertex in sorted(vertices)
        for name in (node_name(vertex),)
    )


def is_dated(envelope: Envelope) -> bool:
    """Tell whether an entry says when it was so: what nobody dated is never late."""
    return envelope.stated is not None and envelope.stated.start_us is not None


class _Telling:
    """What is read once for a page."""

    def __init__(self, asked: GraphAsked, number: int, members: set[int]) -> None:
        self._reader = reader = asked.reader
        self._size = size = asked.size
        self._time = asked.valid and asked.valid.time
        self._number = number
        self._members = members
        self._states: dict[int, list[Row]] = {}
        for table in (STATE_PAST, STATE):
            for row in reader.find(table, "vertex", members):
                if row[1] < size:
                    self._states.setdefault(row[0], []).append(row)
        for rows in self._states.values():
            rows.sort(key=lambda row: row[1])
        self._keys = {vertex: read_shown(rows[-1]).key for vertex, rows in self._states.items()}
        self._shown = {vertex: told_fields(rows[-1]) for vertex, rows in self._states.items()}
        self._then: dict[int, list[ShownChange]] = {}
        """By entry, what it changes of what shows of a stated time."""
        if asked.valid_us is not None:
            self._read_then(asked.valid_us)
        self._overtaken = {row[0] for row in reader.find(RETOLD, "vertex", members) if row[2]}
        self._backdated = _backdated(reader, members)
        self._actors = {
            str(row[1]): (str(row[3]), str(row[4]) or None)
            for row in reader.find(ACTOR, "namespace", [number])
            if row[2] < size
        }
        self.left_out = 0
        self.undated = 0

    def entries(self, positions: Sequence[int]) -> Iterator[HistoryEntry]:
        """Yield what the entries at these positions say of the node."""
        for first, count in _runs(positions):
            for stored in self._reader.entries(first, count):
                entry = decode_entry(stored)
                said = unfold(entry, self._number)
                if self._time is not None:
                    start_us = stated_start(said)
                    if not self._time.has_begun(start_us):
                        self.left_out += 1
                        continue
                    self.undated += start_us is None
                yield self._entry(said)

    def _entry(self, said: Unfolded) -> HistoryEntry:
        entry, envelope = said.entry, said.entry.envelope
        stated = envelope.stated
        origin, name = self._actors.get(envelope.actor, (None, None))
        changes = self._changes_at(entry.position)
        return HistoryEntry(
            position=entry.position,
            statement=envelope.statement,
            source=envelope.source,
            actor=envelope.actor,
            actor_origin=origin,
            actor_name=name,
            mode=envelope.mode.value,
            recorded_at=format_instant(envelope.recorded_us),
            stated_from=format_known_instant(stated.start_us if stated else None),
            stated_to=format_known_instant(stated.end_us if stated else None),
            stated_precision=stated.precision.value if stated else None,
            message=envelope.message,
            mapping=envelope.mapping,
            records=tuple(self._records(said)),
            changes=() if changes is None else tuple(changes),
            late=is_dated(envelope) and entry.position in self._overtaken,
            backdated=entry.position in self._backdated,
            superseded=changes is not None and self._is_superseded(said),
            erased=entry.erased,
        )

    def _records(self, said: Unfolded) -> Iterator[SaidRecord]:
        records = said.entry.records
        for index, item in enumerate(said.entry.envelope.structure):
            if isinstance(item, KeyItem) or not self._is_about(item):
                continue
            record: JsonValue = None
            if records is not None and index < len(records):
                record = msgspec.json.decode(msgspec.json.encode(records[index]))
            yield SaidRecord(what=str(item.__struct_config__.tag), record=record)

    def _is_about(self, item: Item) -> bool:
        if isinstance(item, EraseItem):
            return True
        return not self._members.isdisjoint(vertices_in([item], self._number))

    def _read_then(self, valid_us: int) -> None:
        """Read what showed of a stated time, entry by entry."""
        for vertex, fields in cite_nodes(self._reader, self._members, self._size, valid_us).items():
            self._shown[vertex] = {
                field: shown.said
                for field, history in fields.items()
                if (shown := history.shown(field)) is not None
            }
            for field, history in fields.items():
                before: JsonValue = None
                for position, shown in history.steps:
                    changes = self._then.setdefault(position, [])
                    changed = changed_fields({field: before}, {field: shown.value})
                    before = shown.value
                    changes += (self._change(vertex, one) for one in changed)

    def _changes_at(self, position: int) -> list[ShownChange] | None:
        """Return what an entry changes of what shows; ``None``: it says the latest of nothing."""
        if self._time is not None:
            return self._then.get(position)
        changed = self._changed(position)
        if not changed:
            return None
        return [change for one in changed for change in self._changes(*one)]

    def _changed(self, position: int) -> list[tuple[Row | None, Row]]:
        """Return the rows of the members' states before and since an entry."""
        found: list[tuple[Row | None, Row]] = []
        for _, rows in sorted(self._states.items()):
            at = bisect_left(rows, position, key=lambda row: row[1])
            if at < len(rows) and rows[at][1] == position:
                found.append((rows[at - 1] if at else None, rows[at]))
        return found

    def _changes(self, before: Row | None, after: Row) -> Iterator[ShownChange]:
        vertex = after[0]
        old = {} if before is None else shown_fields(read_shown(before))
        new = shown_fields(read_shown(after))
        for changed in changed_fields(old, new):
            yield self._change(vertex, changed)

    def _change(self, vertex: int, changed: Changed) -> ShownChange:
        return ShownChange(node=self._keys[vertex], **changed._asdict())

    def _is_superseded(self, said: Unfolded) -> bool:
        """Tell whether nothing that an entry says of fields shows any more."""
        told = [
            self._shown.get(vertex, {}).get(field) == value
            for vertex, record in said.described
            if vertex in self._members
            for field, value in said_fields(said, record)
        ]
        return bool(told) and not any(told)


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, count) of positions that follow one another; at most a page of them."""
    first = 0
    for index, position in enumerate(positions):
        if index + 1 == len(positions) or positions[index + 1] != position + 1:
            yield positions[first], index + 1 - first
            first = index + 1


def _backdated(reader: Reader, vertices: Collection[int]) -> set[int]:
    """Return the entries before which every dated one about one of these nodes is stated later."""
    moved: dict[int, list[tuple[int, int]]] = {}
    for vertex, since, stated_us in reader.find(NODE_EARLIER, "vertex", vertices):
        moved.setdefault(vertex, []).append((since, stated_us))
    found: set[int] = set()
    for vertex, _, _, _, stated_us, _ in reader.find(NODE, "vertex", moved):
        earliest: int | None = stated_us
        for since, lower_us in sorted(moved[vertex]):
            if earliest is not None:
                found.add(since)
            earliest = earlier(earliest, lower_us)
    return found
