"""Between: what the log added to a namespace between two sizes, one page of entries at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.projections.edges import EDGE, read_detail
from lineage.projections.links import LINK, LinkRow, read_evidence
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, STATE_PAST, told_fields
from lineage.projections.unfolding import KEY_CLASS
from lineage.projections.values import Said
from lineage.questions.as_of import AsOf
from lineage.questions.changing import changed_fields
from lineage.questions.cursors import Cursor, make_cursor
from lineage.questions.filtering import PreparedFilter, matching_read, prepare_filter
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import read_identifiers, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.stores.base import Reader
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, id_of, kind_code, node_name, vertex_of
from lineage_schemas.basis import Basis
from lineage_schemas.codec import decode_envelope
from lineage_schemas.differences import (
    AddedEdge,
    AddedEntry,
    AddedMember,
    BetweenPage,
    ChangedEdge,
    ChangedNode,
    FieldChange,
    LinkAt,
    SeenNode,
    SourceCount,
    TypeCount,
)
from lineage_schemas.entry import (
    EdgeItem,
    Envelope,
    EraseItem,
    Item,
    KeyItem,
    LinkItem,
    MemberItem,
    NodeItem,
    PlainItem,
    SeriesItem,
    TypeItem,
    UnlinkItem,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.filters import NodeFilter
from lineage_schemas.graph import Edge, Node
from lineage_schemas.instants import format_instant, format_known_instant
from lineage_schemas.mlmd import EventKind, Kind

ENTRIES_MAX: Final = 1_000
"""Entries of one page."""
ENTRIES_DEFAULT: Final = 100
LOOKED_MAX: Final = 20_000
"""Entries of the whole log that one page looks through for those of its namespace."""

_RUN_ENTRIES: Final = 200
_WORDS: Final[dict[type[Item], str]] = {
    EdgeItem: "event",
    MemberItem: "membership",
    LinkItem: "claim",
    UnlinkItem: "retraction",
    SeriesItem: "metric series",
    TypeItem: "type",
    EraseItem: "erasure",
    PlainItem: "not of the graph",
}


class BetweenQuery(Struct, frozen=True, kw_only=True):
    """Between which pasts: sizes, times or bases. ``last``: left out, now.

    With ``filter`` only nodes that fulfil it at the last are shown, and what joins them directly.
    """

    first: AsOf
    last: AsOf = None
    filter: NodeFilter | None = None


class BetweenAsked(NamedTuple):
    """What is answered from: a reader of one namespace, the two pasts, and what is wanted."""

    reader: Reader
    number: int | None
    before: Basis
    basis: Basis
    question: int
    wanted: NodeFilter | None = None


class _Touched(NamedTuple):
    """What the entries of a page speak of, by vertex."""

    mentioned: set[int]
    described: set[int]
    executions: set[int]
    members: set[int]
    claimed: set[int]


def check_entries(count: int) -> None:
    """Refuse a page size out of range."""
    if not 1 <= count <= ENTRIES_MAX:
        raise InvalidInputError(f"A page has 1 to {ENTRIES_MAX} entries", where=str(count))


def list_added(asked: BetweenAsked, cursor: Cursor | None, count: int) -> BetweenPage:
    """Return one page of what was added, by position.

    Raises:
        InvalidInputError: the first size is larger than the last.
        NotFoundError: the filter names a type or a context that nobody has heard of.
        AmbiguousLabelError: the filter names several contexts by one label.
    """
    first, last = asked.before.size, asked.basis.size
    if first > last:
        raise InvalidInputError(
            "What was added is asked from the smaller size to the larger",
            where=f"{first} to {last}",
            hint="Ask the other way round.",
        )
    prepared = None
    if asked.wanted is not None and asked.number is not None:
        prepared = prepare_filter(asked.reader, asked.number, asked.wanted, last)
    start = first if cursor is None else cursor.after
    envelopes, stop = _read(asked.reader, start, last, count)
    following = None
    if stop < last:
        following = make_cursor(asked.basis, asked.question, stop)
    page = BetweenPage(
        basis=asked.basis,
        before=asked.before,
        start=start,
        stop=stop,
        entries=tuple(_entry(position, one) for position, one in envelopes.items()),
        sources=_sources(envelopes.values()),
        records=dict(sorted(_count(i for one in envelopes.values() for i in one.structure))),
        cursor=following,
    )
    if asked.number is None or not envelopes:
        return page
    touched = _touched(asked.number, envelopes.values())
    return _Page(asked, page, touched, prepared).whole()


def _read(reader: Reader, start: int, last: int, count: int) -> tuple[dict[int, Envelope], int]:
    """Return up to ``count`` envelopes of the namespace, by position, and where they end."""
    found: dict[int, Envelope] = {}
    end = min(last, start + LOOKED_MAX)
    for first in range(start, end, _RUN_ENTRIES):
        for stored in reader.entries(first, min(_RUN_ENTRIES, end - first)):
            if len(found) == count:
                return found, stored.position
            found[stored.position] = decode_envelope(stored.envelope)
    return found, end


def _entry(position: int, envelope: Envelope) -> AddedEntry:
    stated = envelope.stated
    return AddedEntry(
        position=position,
        source=envelope.source,
        mode=envelope.mode.value,
        recorded_at=format_instant(envelope.recorded_us),
        stated_at=None if stated is None else format_known_instant(stated.start_us),
        records=dict(sorted(_count(envelope.structure))),
    )


def _sources(envelopes: Iterable[Envelope]) -> tuple[SourceCount, ...]:
    counts = Counter((one.source, one.mode.value) for one in envelopes)
    return tuple(
        SourceCount(source=source, mode=mode, entries=counts[source, mode])
        for source, mode in sorted(counts)
    )


def _count(items: Iterable[Item]) -> Iterator[tuple[str, int]]:
    """Count records by kind; a key item belongs to the record before it, and is none itself."""
    counts = Counter(
        item.kind.value if isinstance(item, NodeItem) else _WORDS[type(item)]
        for item in items
        if not isinstance(item, KeyItem)
    )
    return iter(counts.items())


def _touched(number: int, envelopes: Iterable[Envelope]) -> _Touched:
    """Return what entries speak of, read off their bare structure."""
    touched = _Touched(set(), set(), set(), set(), set())
    for item in (item for one in envelopes for item in one.structure):
        match item:
            case NodeItem():
                touched.described.add(_vertex(number, item.kind, item.id))
            case EdgeItem():
                touched.mentioned.add(_vertex(number, Kind.ARTIFACT, item.artifact))
                touched.executions.add(_vertex(number, Kind.EXECUTION, item.execution))
            case MemberItem():
                touched.mentioned.add(_vertex(number, Kind.CONTEXT, item.context))
                touched.members.add(_vertex(number, item.kind, item.member))
            case LinkItem() | UnlinkItem():
                touched.claimed.add(_vertex(number, item.kind, item.id))
            case SeriesItem():
                touched.mentioned.add(_vertex(number, Kind.EXECUTION, item.execution))
            case _:
                pass
    touched.mentioned.update(*touched[1:])
    return touched


def _vertex(number: int, kind: Kind, assigned_id: int) -> int:
    return vertex_of(number, KIND_CODES[kind], assigned_id)


class _Page:
    """What the views say of the nodes that one page speaks of."""

    def __init__(
        self,
        asked: BetweenAsked,
        page: BetweenPage,
        touched: _Touched,
        prepared: PreparedFilter | None,
    ) -> None:
        self._asked = asked
        self._reader = asked.reader
        self._page = page
        self._touched = touched
        self._nodes = read_nodes(self._reader, touched.mentioned, asked.basis.size)
        self._filtered = 0
        if prepared is not None:
            shown = matching_read(self._reader, prepared, self._nodes, Then(asked.basis.size))
            self._filtered = len(self._nodes) - len(shown)
            self._nodes = {vertex: self._nodes[vertex] for vertex in shown}

    def whole(self) -> BetweenPage:
        """Return the page with all that was added."""
        seen, changed = self._seen(), self._changed()
        made, retracted = self._links()
        edges, edges_changed = self._edges()
        page = BetweenPage(
            basis=self._page.basis,
            before=self._page.before,
            start=self._page.start,
            stop=self._page.stop,
            entries=self._page.entries,
            sources=self._page.sources,
            records=self._page.records,
            types=_types(seen, changed),
            first_seen=tuple(seen),
            changed=tuple(changed),
            edges=tuple(edges),
            edges_changed=tuple(edges_changed),
            memberships=tuple(self._memberships()),
            links_made=tuple(made),
            links_retracted=tuple(retracted),
            cursor=self._page.cursor,
            filtered=self._filtered,
        )
        return with_redactions(self._reader, page, self._asked.number, self._touched.mentioned)

    def _shows(self, *vertices: int) -> bool:
        """Tell whether none of these nodes was left out by the filter."""
        return self._nodes.keys() >= set(vertices)

    def _is_here(self, position: int) -> bool:
        return self._page.start <= position < self._page.stop

    def _node(self, vertex: int) -> Node:
        return self._nodes[vertex]

    def _seen(self) -> list[SeenNode]:
        rows = self._reader.find(NODE, "vertex", self._nodes)
        found = sorted((since, vertex) for vertex, since, *_ in rows if self._is_here(since))
        return [SeenNode(position=since, node=self._node(vertex)) for since, vertex in found]

    def _changed(self) -> list[ChangedNode]:
        """Return every change of what shows of a node that had been mentioned before."""
        described = self._touched.described & self._nodes.keys()
        first = {row[0]: row[1] for row in self._reader.find(NODE, "vertex", described)}
        versions: dict[int, list[Row]] = {}
        for table in (STATE_PAST, STATE):
            for row in self._reader.find(table, "vertex", described):
                versions.setdefault(row[0], []).append(row)
        found: list[ChangedNode] = []
        for vertex, rows in versions.items():
            rows.sort(key=lambda row: int(row[1]))
            for old, new in pairwise([None, *rows]):
                if new is not None and self._is_here(new[1]) and first[vertex] < new[1]:
                    found += self._change(vertex, old, new)
        return sorted(found, key=lambda one: (one.position, one.kind, one.id))

    def _change(self, vertex: int, old: Row | None, new: Row) -> Iterator[ChangedNode]:
        was: dict[str, Said] = {} if old is None else told_fields(old)
        changes = tuple(_changes(was, told_fields(new), int(new[1])))
        if changes:
            node, name = self._node(vertex), node_name(vertex)
            yield ChangedNode(
                position=new[1],
                kind=name.kind,
                id=name.id,
                key=node.key,
                type=node.type,
                changes=changes,
            )

    def _edges(self) -> tuple[list[AddedEdge], list[ChangedEdge]]:
        """Return the edges that were told of first, and those of which more was told, by position.

        An Event that shows nothing new of its edge is neither.
        """
        rows = {
            row[:4]: row
            for column in ("tail", "head")
            for row in self._reader.find(EDGE, column, self._touched.executions)
            if self._shows(row[0], row[1])
        }
        versions: dict[Row, list[Row]] = {}
        for name in sorted(rows):
            versions.setdefault(name[:3], []).append(rows[name])
        added: list[AddedEdge] = []
        changed: list[ChangedEdge] = []
        for history in versions.values():
            if self._is_here(history[0][3]):
                added.append(self._added(history[0]))
            for old, new in pairwise(history):
                before, after = _edge(old), _edge(new)
                if self._is_here(new[3]) and before != after:
                    changed.append(self._edge_change(new, before, after))
        return sorted(added, key=_place_of), sorted(changed, key=_change_place_of)

    def _added(self, row: Row) -> AddedEdge:
        edge = _edge(row)
        artifact, execution = _ends(row)
        return AddedEdge(
            position=row[3],
            artifact=edge.artifact,
            artifact_key=self._node(artifact).key,
            execution=edge.execution,
            execution_key=self._node(execution).key,
            kind=edge.kind,
        )

    def _edge_change(self, row: Row, before: Edge, after: Edge) -> ChangedEdge:
        artifact, execution = _ends(row)
        return ChangedEdge(
            position=row[3],
            artifact_key=self._node(artifact).key,
            execution_key=self._node(execution).key,
            before=before,
            after=after,
        )

    def _memberships(self) -> Iterator[AddedMember]:
        rows = self._reader.find(MEMBERSHIP, "member", self._touched.members)
        for position, member, context in sorted(
            (since, member, context)
            for member, context, since in rows
            if self._is_here(since) and self._shows(member, context)
        ):
            yield AddedMember(
                position=position,
                context=id_of(context),
                context_key=self._node(context).key,
                kind=node_name(member).kind,
                member=id_of(member),
                member_key=self._node(member).key,
            )

    def _links(self) -> tuple[list[LinkAt], list[LinkAt]]:
        """Return the claims that came to stand, and those that were taken back, by position."""
        claimed = self._touched.claimed & self._nodes.keys()
        rows = map(LinkRow._make, self._reader.find(LINK, "vertex", claimed))
        registers: dict[tuple[int, int, str, str], list[LinkRow]] = {}
        for row in rows:
            if row.link_class != KEY_CLASS:
                registers.setdefault(row.register, []).append(row)
        made: list[LinkRow] = []
        retracted: list[LinkRow] = []
        for history in registers.values():
            stood = False
            for row in sorted(history, key=lambda row: row.since):
                if self._is_here(row.since) and bool(row.active) != stood:
                    (made if row.active else retracted).append(row)
                stood = bool(row.active)
        identifiers = read_identifiers(self._reader, [row.hub for row in (*made, *retracted)])
        return self._told(made, identifiers), self._told(retracted, identifiers)

    def _told(self, rows: Collection[LinkRow], identifiers: dict[int, str | None]) -> list[LinkAt]:
        return [
            LinkAt(
                position=row.since,
                kind=node_name(row.vertex).kind,
                id=id_of(row.vertex),
                key=self._node(row.vertex).key,
                identifier=identifiers.get(row.hub),
                link_class=row.link_class,
                source=row.source,
                evidence=read_evidence(row),
            )
            for row in sorted(rows, key=lambda row: (row.since, *row.register))
        ]


def _ends(row: Row) -> tuple[int, int]:
    """Return the artifact and the execution of an edge."""
    is_input = kind_code(row[0]) == KIND_CODES[Kind.ARTIFACT]
    return (row[0], row[1]) if is_input else (row[1], row[0])


def _edge(row: Row) -> Edge:
    """Return what one version of an edge shows."""
    detail = read_detail(row[5])
    artifact, execution = map(id_of, _ends(row))
    path, time_us = ((), None) if detail is None else (tuple(detail.path), detail.time_us)
    return Edge(artifact, execution, EventKind(row[2]), path, time_us)


def _place_of(edge: AddedEdge) -> tuple[int, int, int, str]:
    return edge.position, edge.artifact, edge.execution, edge.kind.value


def _change_place_of(one: ChangedEdge) -> tuple[int, int, int, str]:
    return one.position, one.after.artifact, one.after.execution, one.after.kind.value


def _changes(was: dict[str, Said], shows: dict[str, Said], position: int) -> Iterator[FieldChange]:
    values = ({field: one.value for field, one in told.items()} for told in (was, shows))
    for field, before, after in changed_fields(*values):
        new = shows.get(field)
        yield FieldChange(
            field=field,
            before=before,
            after=after,
            position=position,
            source="" if new is None else new.source,
            stated_at=None if new is None else format_known_instant(new.stated_us),
        )


def _types(seen: Iterable[SeenNode], changed: Iterable[ChangedNode]) -> tuple[TypeCount, ...]:
    fresh = Counter((one.node.kind or Kind.ARTIFACT, one.node.type) for one in seen)
    moved = Counter((one.kind, one.type) for one in changed)
    return tuple(
        TypeCount(kind=kind, type=name, first_seen=fresh[kind, name], changed=moved[kind, name])
        for kind, name in sorted({*fresh, *moved}, key=lambda one: (one[0], one[1] or ""))
    )
