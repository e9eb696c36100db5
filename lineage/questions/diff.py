"""Diff: one lineage in two pasts, or of two stated times, and what brought the difference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from lineage.projections.links import LINK, LinkRow, read_evidence
from lineage.projections.nodes import NODE
from lineage.projections.states import shown_fields
from lineage.questions.changing import changed_fields
from lineage.questions.citing import Cited, History, cite_nodes
from lineage.questions.edge_lists import read_told_edges
from lineage.questions.entities import entities_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.nodes import read_identifiers
from lineage.questions.trace import TraceQuery, check_query, trace
from lineage.stores.base import Reader
from lineage.stores.tables import is_visible
from lineage.vertices import KIND_CODES, id_of, node_name, vertex_of
from lineage_schemas.codec import encode_json
from lineage_schemas.differences import (
    EdgeAt,
    EdgeChange,
    EntityChange,
    FieldChange,
    LineageDiff,
    LinkChange,
    LinkReason,
    NodeChange,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Edge, LineageAnswer, Link, Node, Redaction
from lineage_schemas.instants import format_known_instant
from lineage_schemas.mlmd import Kind

_EdgeName = tuple[int, int, str]
_LinkName = tuple[str, int, str | None, str, str, bytes]


class DiffQuery(Struct, frozen=True, kw_only=True):
    """Which lineage to compare with itself, and of which stated times, if of two."""

    trace: TraceQuery
    valid_before: datetime | None = None
    valid_after: datetime | None = None


def check_diff(query: DiffQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: as a trace.
    """
    check_query(query.trace)


def diff(before: GraphAsked, after: GraphAsked, query: DiffQuery) -> LineageDiff:
    """Answer a checked query; both pasts are read from one snapshot.

    Raises:
        InvalidInputError: the size before is larger than the one after.
        AmbiguousLabelError, NotFoundError: as a trace, for a label as of ``after``.
    """
    if before.size > after.size:
        raise InvalidInputError(
            "A diff goes from the smaller size to the larger",
            where=f"{before.size} to {after.size}",
            hint="Ask the other way round.",
        )
    later = trace(after, query.trace)
    earlier = trace(before, replace(query.trace, start=later.start))
    known = {one: _known(answer) for one, answer in ((0, earlier), (1, later))}
    both = [name for name in known[1] if name in known[0]]
    links_added, links_gone = _links(before, after, earlier, later)
    joined, parted = _regrouped(before, after, [*known[1], *known[0]])
    edges_before, edges_after = _edges(earlier), _edges(later)
    answer = LineageDiff(
        basis=later.basis,
        before=earlier.basis,
        direction=later.direction,
        start=later.start,
        count_before=len(known[0]),
        count_after=len(known[1]),
        nodes_added=tuple(node for name, node in known[1].items() if name not in known[0]),
        nodes_gone=tuple(node for name, node in known[0].items() if name not in known[1]),
        nodes_changed=_changed(before, after, [(known[0][one], known[1][one]) for one in both]),
        described=tuple(known[1][one] for one in both if known[0][one].stub > known[1][one].stub),
        edges_added=_told(
            after, [e for name, e in edges_after.items() if name not in edges_before]
        ),
        edges_gone=_told(after, [e for name, e in edges_before.items() if name not in edges_after]),
        edges_changed=tuple(
            EdgeChange(before=edges_before[name], after=edge)
            for name, edge in edges_after.items()
            if edges_before.get(name, edge) != edge
        ),
        links_added=links_added,
        links_gone=links_gone,
        joined=joined,
        parted=parted,
        truncations=later.truncations,
        truncations_before=earlier.truncations,
        unknown=later.unknown,
        unknown_before=earlier.unknown,
        not_begun=later.not_begun,
        not_begun_before=earlier.not_begun,
        undated=later.undated,
        undated_before=earlier.undated,
        redactions=_united(later.redactions, earlier.redactions),
        labels=later.labels,
    )
    return replace(answer, keys=_keys(after, answer))


def _keys(asked: GraphAsked, answer: LineageDiff) -> dict[str, str]:
    """Return the keys of the nodes that edges, links and entities speak of."""
    edges = [one.edge for one in (*answer.edges_added, *answer.edges_gone)]
    edges += [one.after for one in answer.edges_changed]
    names = {(Kind.ARTIFACT, edge.artifact) for edge in edges}
    names |= {(Kind.EXECUTION, edge.execution) for edge in edges}
    names |= {(one.link.kind, one.link.node) for one in (*answer.links_added, *answer.links_gone)}
    for entity in (*answer.joined, *answer.parted):
        names |= {(entity.kind, member) for member in entity.members}
    vertices = {_vertex_of(asked.number, KIND_CODES[kind], one) for kind, one in names}
    rows = asked.reader.find(NODE, "vertex", vertices)
    return {
        f"{name.kind.value}/{name.id}": key
        for name, key in sorted((node_name(row[0]), row[3]) for row in rows if row[3] is not None)
    }


def _united(*told: tuple[Redaction, ...]) -> tuple[Redaction, ...]:
    """Return what was erased of either past, each erasure once."""
    found = {(one.position, one.erased_by): one for redactions in told for one in redactions}
    return tuple(found[name] for name in sorted(found, key=lambda name: (name[0], name[1] or 0)))


def _known(answer: LineageAnswer) -> dict[tuple[Kind, int], Node]:
    """Return the nodes of an answer that the log has heard of, by name."""
    return {
        (node.kind, node.id): node
        for node in answer.nodes
        if node.kind is not None and node.id is not None
    }


def _changed(
    before: GraphAsked, after: GraphAsked, pairs: list[tuple[Node, Node]]
) -> tuple[NodeChange, ...]:
    """Return which nodes show other values: the histories of those alone are read."""
    pairs = [(old, new) for old, new in pairs if shown_fields(old) != shown_fields(new)]
    vertices = [_vertex(after.number, new) for _, new in pairs]
    was = cite_nodes(before.reader, vertices, before.size, before.valid_us)
    shows = cite_nodes(after.reader, vertices, after.size, after.valid_us)
    found: list[NodeChange] = []
    for vertex, (_, new) in zip(vertices, pairs, strict=True):
        changes = tuple(
            _field_changes(
                _shown(was.get(vertex, {})),
                _shown(shows.get(vertex, {})),
            )
        )
        if changes:
            found.append(NodeChange(node=new, changes=changes))
    return tuple(found)


def _shown(histories: dict[str, History]) -> dict[str, Cited]:
    """Return what each field showed of the stated time that is asked about."""
    shown = {field: history.shown(field) for field, history in histories.items()}
    return {field: cited for field, cited in shown.items() if cited is not None}


def _field_changes(was: dict[str, Cited], shows: dict[str, Cited]) -> Iterator[FieldChange]:
    values = ({field: one.value for field, one in told.items()} for told in (was, shows))
    for field, before, after in changed_fields(*values):
        new = shows.get(field)
        yield FieldChange(
            field=field,
            before=before,
            after=after,
            position=None if new is None else new.position,
            source="" if new is None else new.source,
            stated_at=None if new is None else format_known_instant(new.stated_us),
        )


def _edges(answer: LineageAnswer) -> dict[_EdgeName, Edge]:
    return {(edge.artifact, edge.execution, edge.kind.value): edge for edge in answer.edges}


def _told(asked: GraphAsked, edges: list[Edge]) -> tuple[EdgeAt, ...]:
    """Return edges with the entries that told of them first."""
    return tuple(
        EdgeAt(edge=edge, position=told.position)
        for edge, told in zip(edges, read_told_edges(asked, edges), strict=True)
    )


def _links(
    before: GraphAsked, after: GraphAsked, earlier: LineageAnswer, later: LineageAnswer
) -> tuple[tuple[LinkChange, ...], tuple[LinkChange, ...]]:
    """Return the links that only the walk after crosses, and those that only the one before did."""
    was = {_link_name(link): link for link in earlier.links}
    now = {_link_name(link): link for link in later.links}
    added = [link for name, link in now.items() if name not in was]
    gone = [link for name, link in was.items() if name not in now]
    claims = _Claims(after.reader, after.number, [*added, *gone])
    return (
        tuple(claims.added(link, before.size, after.size) for link in added),
        tuple(claims.gone(link, after.size) for link in gone),
    )


def _link_name(link: Link) -> _LinkName:
    evidence = encode_json(link.evidence)
    name = link.kind.value, link.node, link.identifier
    return (*name, link.link_class, link.source, evidence)


class _Claims:
    """What became of the claims behind some links."""

    def __init__(self, reader: Reader, number: int | None, links: Collection[Link]) -> None:
        self._number = number
        vertices = {self._of(link) for link in links}
        rows = list(map(LinkRow._make, reader.find(LINK, "vertex", vertices)))
        identifiers = read_identifiers(reader, [row.hub for row in rows])
        self._rows: dict[tuple[int, str | None, str, str], list[LinkRow]] = {}
        for row in rows:
            register = row.vertex, identifiers.get(row.hub), row.link_class, row.source
            self._rows.setdefault(register, []).append(row)

    def added(self, link: Link, before: int, after: int) -> LinkChange:
        """Tell why a link is crossed now."""
        row = self._standing(link, after)
        is_new = row is not None and row.since >= before
        return LinkChange(
            link=link,
            reason=LinkReason.CLAIMED if is_new else LinkReason.REACHED,
            position=None if row is None else row.since,
        )

    def gone(self, link: Link, after: int) -> LinkChange:
        """Tell why a link is not crossed any more."""
        row = self._standing(link, after)
        if row is None:
            return LinkChange(link=link, reason=LinkReason.UNREACHED)
        if not row.active:
            return LinkChange(link=link, reason=LinkReason.RETRACTED, position=row.since)
        if read_evidence(row) != link.evidence:
            return LinkChange(link=link, reason=LinkReason.RESTATED, position=row.since)
        return LinkChange(link=link, reason=LinkReason.UNREACHED, position=row.since)

    def _standing(self, link: Link, size: int) -> LinkRow | None:
        register = self._of(link), link.identifier, link.link_class, link.source
        rows = self._rows.get(register, ())
        return next((row for row in rows if is_visible(row.since, row.until, size)), None)

    def _of(self, link: Link) -> int:
        return _vertex_of(self._number, KIND_CODES[link.kind], link.node)


def _regrouped(
    before: GraphAsked, after: GraphAsked, names: Iterable[tuple[Kind, int]]
) -> tuple[tuple[EntityChange, ...], tuple[EntityChange, ...]]:
    """Return the entities that came of several, and those that are several now."""
    met = {_vertex_of(after.number, KIND_CODES[kind], one) for kind, one in names}
    linked = {one for asked in (before, after) for one in asked.links.linked(met, asked.size)}
    was, now = (_entities(asked, linked) for asked in (before, after))
    return _split(before, now - was), _split(after, was - now)


def _entities(asked: GraphAsked, vertices: Iterable[int]) -> set[tuple[int, ...]]:
    """Return the entities that some nodes are of."""
    entities = entities_of(asked.links, vertices, asked.size).values()
    return {tuple(one) for one in {members[0]: members for members in entities}.values()}


def _split(asked: GraphAsked, entities: Iterable[tuple[int, ...]]) -> tuple[EntityChange, ...]:
    """Return those of some entities that are several in another past."""
    found: list[EntityChange] = []
    ordered = sorted(members for members in entities if len(members) > 1)
    every = entities_of(asked.links, chain.from_iterable(ordered), asked.size)
    for members in ordered:
        firsts = {every[vertex][0]: every[vertex] for vertex in members}
        parts = [firsts[first] for first in sorted(firsts)]
        if len(parts) > 1:
            found.append(
                EntityChange(
                    kind=node_name(members[0]).kind,
                    members=tuple(map(id_of, members)),
                    parts=tuple(tuple(map(id_of, part)) for part in parts),
                )
            )
    return tuple(found)


def _vertex(number: int | None, node: Node) -> int:
    assert node.kind is not None
    assert node.id is not None
    return _vertex_of(number, KIND_CODES[node.kind], node.id)


def _vertex_of(number: int | None, code: int, assigned_id: int) -> int:
    """Return the vertex of a node of an answer; where there is one, there is a namespace."""
    assert number is not None
    return vertex_of(number, code, assigned_id)
