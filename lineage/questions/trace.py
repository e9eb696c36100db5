"""Trace lineage: a bounded walk, and the answer made of what it found."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from lineage.graph.adjacency import row_of
from lineage.graph.edges import EdgeEnds, edge_ends
from lineage.graph.links import CROSSABLE, CROSSED_BY_DEFAULT, Crossing
from lineage.graph.walk import Bounds, found_nodes, walk_lineage
from lineage.projections.edges import EDGE, EdgeDetail, read_detail
from lineage.projections.links import LinkRow, read_evidence
from lineage.questions.entities import entities_among
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import resolve_name
from lineage.questions.nodes import find_identified, read_identifiers, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.stores.base import Reader
from lineage.vertices import KIND_CODES, KINDS, id_of, kind_code, node_name, vertex_of
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.filters import NodeFilter
from lineage_schemas.graph import Direction, Edge, LineageAnswer, Link, Node, ResolvedLabel
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

DEPTH_MAX: Final = 100_000
NODES_MAX: Final = 2_000_000
NODES_DEFAULT: Final = 100_000


class TraceQuery(Struct, frozen=True, kw_only=True):
    """What to trace: from where, which way, how far, and across which links.

    ``depth`` is in lineage edges: an artifact and the execution that made it are one apart.
    ``fanout`` is how many edges of one node are followed each way, ``None``: all. The walk does not
    lead on from what fulfils ``stop_at``; with ``filter`` only what fulfils it, and the start, is
    shown of what the walk found. With ``ids_only`` nodes come back with kind, id and depth alone,
    and entities are left out.
    """

    start: tuple[str, ...]
    direction: Direction = Direction.UPSTREAM
    depth: int = DEPTH_MAX
    nodes: int = NODES_DEFAULT
    cross: tuple[LinkClass, ...] = CROSSED_BY_DEFAULT
    ids_only: bool = False
    fanout: int | None = None
    filter: NodeFilter | None = None
    stop_at: NodeFilter | None = None


def check_query(query: TraceQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: no start, a depth or node limit out of range, or guesses to be crossed.
    """
    if not query.start:
        raise InvalidInputError("A trace needs at least one identifier to start from")
    check_bounds(query.depth, query.nodes, query.cross)


def check_bounds(depth: int, nodes: int, cross: tuple[LinkClass, ...]) -> None:
    """Refuse a walk outside the limits.

    Raises: as ``check_query``.
    """
    if not 0 <= depth <= DEPTH_MAX:
        raise InvalidInputError(f"The depth is from 0 to {DEPTH_MAX}", where=str(depth))
    if not 1 <= nodes <= NODES_MAX:
        raise InvalidInputError(f"The node limit is from 1 to {NODES_MAX}", where=str(nodes))
    refused = [link_class.value for link_class in cross if link_class not in CROSSABLE]
    if refused:
        raise InvalidInputError(
            "A guess is only ever listed, never crossed", where=", ".join(refused)
        )


def trace(asked: GraphAsked, query: TraceQuery) -> LineageAnswer:
    """Answer a checked query.

    An identifier that the log has not heard of is part of the answer, as a stub that is counted.
    """
    reader, snapshot, namespace, basis, _ = asked
    query, labels = _resolved(reader, namespace, query, basis.size)
    starts, contexts, unknown = _find_starts(reader, namespace, query, basis.size)
    nodes: list[Node] = []
    edges: tuple[Edge, ...] = ()
    bounds = Bounds(basis.size, query.depth, query.nodes, query.cross)
    if not starts or namespace is None:
        answer = replace(_answer(query, basis, unknown, nodes=contexts), labels=labels)
        return with_redactions(reader, answer, namespace, _vertices_of(namespace, contexts))
    rows = [row_of(vertex) for vertex in starts]
    walked = walk_lineage(namespace, snapshot, rows, query.direction, bounds)
    vertices, depths = found_nodes(namespace, walked)
    if query.ids_only:
        by_vertex: dict[int, Node] = {}
        nodes = _bare_nodes(vertices, depths)
    else:
        by_vertex = read_nodes(reader, vertices, basis.size)
        nodes = _whole_nodes(by_vertex, vertices, depths)
    edges = read_edges(reader, namespace, edge_ends(snapshot.adjacency, walked.edges), basis.size)
    answer = LineageAnswer(
        basis=basis,
        direction=query.direction,
        start=query.start,
        nodes=(*contexts, *nodes, *unknown),
        edges=edges,
        links=_links(reader, walked.crossings),
        entities=entities_among(reader, snapshot.links, by_vertex, basis.size),
        truncations=tuple(walked.truncations),
        stubs=sum(node.stub for node in (*nodes, *contexts)) + len(unknown),
        unknown=tuple(node.key or "" for node in unknown),
        labels=labels,
    )
    spoken_of = [*vertices, *_vertices_of(namespace, contexts)]
    return with_redactions(reader, answer, namespace, spoken_of)


def _resolved(
    reader: Reader, namespace: int | None, query: TraceQuery, size: int
) -> tuple[TraceQuery, tuple[ResolvedLabel, ...]]:
    """Put what the labels among the starts name in their place."""
    named = [resolve_name(reader, namespace, one, tuple(Kind), size) for one in query.start]
    labels = tuple(label for _, label in named if label is not None)
    if not labels:
        return query, ()
    return replace(query, start=tuple(dict.fromkeys(key for key, _ in named))), labels


def _vertices_of(namespace: int | None, contexts: list[Node]) -> list[int]:
    code = KIND_CODES[Kind.CONTEXT]
    return (
        [] if namespace is None else [vertex_of(namespace, code, one.id or 0) for one in contexts]
    )


def _bare_nodes(vertices: list[int], depths: list[int]) -> list[Node]:
    return [
        Node(kind=KINDS[kind_code(vertex)], id=id_of(vertex), depth=depth)
        for vertex, depth in zip(vertices, depths, strict=True)
    ]


def _whole_nodes(by_vertex: dict[int, Node], vertices: list[int], depths: list[int]) -> list[Node]:
    """Return the nodes in the order of the walk, each with its depth.

    They were read from the store a moment ago and seen by nobody yet, so they are ours to complete.
    """
    nodes = [by_vertex[vertex] for vertex in vertices]
    for node, depth in zip(nodes, depths, strict=True):
        if depth:
            force_setattr(node, "depth", depth)
    return nodes


def _answer(
    query: TraceQuery, basis: Basis, unknown: list[Node], *, nodes: list[Node]
) -> LineageAnswer:
    return LineageAnswer(
        basis=basis,
        direction=query.direction,
        start=query.start,
        nodes=(*nodes, *unknown),
        edges=(),
        stubs=sum(node.stub for node in nodes) + len(unknown),
        unknown=tuple(node.key or "" for node in unknown),
    )


def _find_starts(
    reader: Reader, namespace: int | None, query: TraceQuery, size: int
) -> tuple[list[int], list[Node], list[Node]]:
    """Return (where to walk from, contexts that were named, what nobody has heard of).

    Lineage never runs through memberships, so a context is part of the answer and leads nowhere.
    """
    starts: list[int] = []
    contexts: list[int] = []
    unknown: list[Node] = []
    for identifier in query.start:
        found: list[int] = []
        grouping: list[int] = []
        if namespace is not None:
            kinds = (Kind.ARTIFACT, Kind.EXECUTION)
            found = find_identified(reader, namespace, identifier, kinds, size)
            if not found:
                grouping = find_identified(reader, namespace, identifier, (Kind.CONTEXT,), size)
        starts += found
        contexts += grouping
        if not found and not grouping:
            unknown.append(Node(key=identifier, stub=True))
    vertices = sorted(set(contexts))
    if query.ids_only:
        return starts, _bare_nodes(vertices, [0] * len(vertices)), unknown
    named = read_nodes(reader, vertices, size)
    return starts, [named[vertex] for vertex in vertices], unknown


def read_edges(reader: Reader, namespace: int, ends: EdgeEnds, size: int) -> tuple[Edge, ...]:
    """Return the edges by artifact, execution and kind; details only of those that have any."""
    edges = list(map(Edge, ends.artifacts, ends.executions, ends.kinds))
    if not ends.detailed:
        return tuple(edges)
    details = _details(reader, namespace, [edges[index] for index in ends.detailed], size)
    for index in ends.detailed:
        edge = edges[index]
        detail = details.get((edge.artifact, edge.execution, edge.kind.value))
        if detail is not None:
            edges[index] = Edge(
                edge.artifact, edge.execution, edge.kind, tuple(detail.path), detail.time_us
            )
    return tuple(edges)


def _details(
    reader: Reader, namespace: int, edges: list[Edge], size: int
) -> dict[tuple[int, int, str], EdgeDetail]:
    code = KIND_CODES[Kind.EXECUTION]
    executions = {vertex_of(namespace, code, edge.execution) for edge in edges}
    details: dict[tuple[int, int, str], EdgeDetail] = {}
    for column in ("tail", "head"):
        for tail, head, kind, _, _, body, _ in reader.find(EDGE, column, executions, size):
            detail = read_detail(body)
            if detail is not None:
                artifact, execution = (tail, head) if head in executions else (head, tail)
                details[id_of(artifact), id_of(execution), kind] = detail
    return details


def _links(reader: Reader, crossings: list[Crossing]) -> tuple[Link, ...]:
    rows = sorted({row for crossing in crossings for row in crossing[:2]})
    identifiers = read_identifiers(reader, [row.hub for row in rows])
    return tuple(link_of(row, identifiers.get(row.hub)) for row in rows)


def link_of(row: LinkRow, identifier: str | None) -> Link:
    """Return a link as an answer shows it."""
    name = node_name(row.vertex)
    return Link(
        kind=name.kind,
        node=name.id,
        identifier=identifier,
        link_class=row.link_class,
        source=row.source,
        evidence=read_evidence(row),
    )
