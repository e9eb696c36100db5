"""Show all that is known of one node, and of the entity it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from lineage.graph.adjacency import edges_at, row_of
from lineage.graph.edges import edge_ends
from lineage.graph.index import GraphSnapshot
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.statements import SERIES
from lineage.questions.entities import members_of, read_entity
from lineage.questions.graph_asked import Then
from lineage.questions.labels import resolve_name
from lineage.questions.nodes import find_identified, read_identifiers, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.trace import link_of, read_edges
from lineage.stores.base import Reader
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.basis import Basis
from lineage_schemas.codec import decode_records, encode_json
from lineage_schemas.graph import Link, MetricValues, Node, NodeAnswer, Truncation, TruncationReason
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlmd import Kind, Record
from lineage_schemas.records import MetricSeries
from lineage_schemas.values import JsonValue

_Point = tuple[int, JsonValue, str | None]

NEIGHBOURS_SHOWN_MAX: Final = 1_000
"""Edges, and members of a context, that are shown of one node; the rest are counted."""


def show(
    reader: Reader,
    snapshot: GraphSnapshot,
    namespace: int | None,
    identifier: str,
    kinds: Iterable[Kind],
    basis: Basis,
) -> tuple[NodeAnswer, ...]:
    """Show the nodes that an identifier or a label means, one answer an entity.

    An identifier that the log has not heard of is answered with a stub without an id.
    """
    wanted = tuple(kinds)
    identifier, label = resolve_name(reader, namespace, identifier, wanted, basis.size)
    found: list[int] = []
    if namespace is not None:
        found = find_identified(reader, namespace, identifier, wanted, basis.size)
    answers: list[NodeAnswer] = []
    done: set[int] = set()
    for vertex in found:
        if vertex not in done and namespace is not None:
            members = members_of(snapshot.links, vertex, basis.size)
            done.update(members)
            answers.append(_show_entity(reader, snapshot, namespace, members, basis))
    if not answers:
        unknown = Node(key=identifier, stub=True)
        answers.append(NodeAnswer(basis=basis, node=unknown, members=(), links=()))
    if label is not None:
        return tuple(replace(one, label=label) for one in answers)
    return tuple(answers)


def _show_entity(
    reader: Reader, snapshot: GraphSnapshot, namespace: int, members: list[int], basis: Basis
) -> NodeAnswer:
    size = basis.size
    nodes = read_nodes(reader, members, size)
    merged = nodes[members[0]]
    if len(members) > 1:
        redacted = sum(node.redacted for node in nodes.values())
        merged = replace(read_entity(reader, members, Then(size)).merged, redacted=redacted)
    contexts = _visible_ends(reader.find(MEMBERSHIP, "member", members), 1, size)
    contained, hidden = _contained(reader, members, size)
    edges = edges_at(snapshot.adjacency, [row_of(v) for v in members if _has_edges(v)], size)
    shown = edges[:NEIGHBOURS_SHOWN_MAX]
    truncations = [
        Truncation(reason=TruncationReason.NEIGHBOURS, limit=NEIGHBOURS_SHOWN_MAX, hidden=count)
        for count in (hidden, len(edges) - len(shown))
        if count
    ]
    known = read_nodes(reader, [*contexts, *contained], size)
    answer = NodeAnswer(
        basis=basis,
        node=merged,
        members=tuple(nodes[vertex] for vertex in members),
        links=_links(reader, snapshot, members, size),
        contexts=tuple(known[vertex] for vertex in contexts),
        contained=tuple(known[vertex] for vertex in contained),
        edges=read_edges(reader, namespace, edge_ends(snapshot.adjacency, shown), size),
        series=_series(reader, members, size),
        truncations=tuple(truncations),
    )
    return with_redactions(reader, answer, namespace, [*members, *contexts, *contained])


def _has_edges(vertex: int) -> bool:
    return kind_code(vertex) != KIND_CODES[Kind.CONTEXT]


def _visible_ends(rows: list[Row], column: int, size: int) -> list[int]:
    return sorted({int(row[column]) for row in rows if row[2] < size})


def _contained(reader: Reader, members: list[int], size: int) -> tuple[list[int], int]:
    """Return the members of a context that are shown, and how many are not."""
    contexts = [vertex for vertex in members if not _has_edges(vertex)]
    ends = _visible_ends(reader.find(MEMBERSHIP, "context", contexts), 0, size)
    return ends[:NEIGHBOURS_SHOWN_MAX], max(0, len(ends) - NEIGHBOURS_SHOWN_MAX)


def _links(
    reader: Reader, snapshot: GraphSnapshot, members: list[int], size: int
) -> tuple[Link, ...]:
    rows = snapshot.links.of_vertices(members, size)
    identifiers = read_identifiers(reader, [row.hub for row in rows])
    return tuple(link_of(row, identifiers.get(row.hub)) for row in rows)


def _series(reader: Reader, members: list[int], size: int) -> tuple[MetricValues, ...]:
    """Join the chunks of each metric; of one chunk said twice, the later stated one counts."""
    latest: dict[tuple[str, int], list[Row]] = {}
    for row in reader.find(SERIES, "execution", members):
        if row[3] < size:
            rows = latest.setdefault((row[1], row[2]), [])
            if rows and _series_order(row) > _series_order(rows[0]):
                rows.clear()
            if not rows or _series_order(row) == _series_order(rows[0]):
                rows.append(row)
    points: dict[str, list[_Point]] = {}
    for (metric, _), rows in sorted(latest.items()):
        said = [chunk for row in rows if (chunk := _points_at(reader, row)) is not None]
        if said:
            # Said twice at one stated time by one source: the points decide, not which came first.
            points.setdefault(metric, []).extend(max(said, key=encode_json))
    return tuple(
        MetricValues(metric=metric, points=tuple(found)) for metric, found in points.items()
    )


def _series_order(row: Row) -> tuple[bool, int, str]:
    stated = row[5]
    return stated is not None, int(stated or 0), row[6]


def _points_at(reader: Reader, row: Row) -> list[_Point] | None:
    """Return the points of one chunk; ``None`` if they were erased."""
    record = _record_at(reader, row[3], row[4])
    if not isinstance(record, MetricSeries):
        return None
    return [
        (step, value, None if time is None else format_instant(instant_us(time)))
        for step, value, time in record.points
    ]


def _record_at(reader: Reader, position: int, index: int) -> Record | None:
    facts, personal = reader.payload(position)
    if facts is None:
        return None
    return decode_records(facts.body, personal.body if personal else None)[index]
