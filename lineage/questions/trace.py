"""Trace lineage: a bounded walk, and the answer made of what it found."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lineage.graph.adjacency import vertex_at
from lineage.graph.crossing import WalkedLinks
from lineage.graph.edges import EdgeEnds
from lineage.graph.links import CROSSABLE, CROSSED_BY_DEFAULT
from lineage.graph.walk import Bounds
from lineage.projections.edges import EDGE, EdgeDetail, read_detail
from lineage.projections.links import LinkRow, read_evidence
from lineage.questions.entities import entities_among
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.named import find_named, read_contexts_named
from lineage.questions.nodes import read_identifiers
from lineage.questions.redactions import with_redactions
from lineage.questions.walking import stops_at, walk_from
from lineage.stores.base import Reader
from lineage.vertices import KIND_CODES, id_of, node_name, vertex_of
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.filters import NodeFilter
from lineage_schemas.graph import Direction, Edge, LineageAnswer, Link, Node
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

DEPTH_MAX: Final = 100_000
NODES_MAX: Final = 2_000_000
NODES_DEFAULT: Final = 100_000
FANOUT_MAX: Final = 1_000_000


class TraceQuery(Struct, frozen=True, kw_only=True):
    """What to trace: from where, which way, how far, and across which links.

    ``depth`` is in lineage edges: an artifact and the execution that made it are one apart.
    ``fanout`` is how many edges of one node are followed each way, ``None``: all. The walk does not
    lead on from what fulfils ``stop_at``; with ``filter`` only what fulfils it, and the start, is
    shown of what the walk found.
    """

    start: tuple[str, ...]
    direction: Direction = Direction.UPSTREAM
    depth: int = DEPTH_MAX
    nodes: int = NODES_DEFAULT
    cross: tuple[LinkClass, ...] = CROSSED_BY_DEFAULT
    fanout: int | None = None
    filter: NodeFilter | None = None
    stop_at: NodeFilter | None = None


def check_query(query: TraceQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: no start, a limit out of range, or guesses to be crossed.
    """
    if not query.start:
        raise InvalidInputError("A trace needs at least one identifier to start from")
    check_bounds(query.depth, query.nodes, query.cross)
    if query.fanout is not None and not 1 <= query.fanout <= FANOUT_MAX:
        raise InvalidInputError(
            f"The limit of edges of one node is from 1 to {FANOUT_MAX}", where=str(query.fanout)
        )


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

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing, or a type
            or context that a filter names and nobody has heard of.
    """
    reader, namespace, size = asked.reader, asked.number, asked.size
    named = find_named(asked, query.start)
    contexts = read_contexts_named(asked, named)
    unknown = [Node(key=key, stub=True) for key in named.unknown]
    answer = LineageAnswer(
        basis=asked.basis,
        direction=query.direction,
        start=tuple(dict.fromkeys(named.names)),
        nodes=(*contexts, *unknown),
        edges=(),
        stubs=sum(node.stub for node in contexts) + len(unknown),
        unknown=named.unknown,
        labels=named.labels,
        unresolved=len(unknown),
        not_begun=named.not_begun,
    )
    if namespace is None or not any(named.rows):
        return with_redactions(reader, answer, namespace, named.contexts)
    starts = [vertex_at(namespace, row) for rows in named.rows for row in rows]
    bounds = bounds_of(asked, query)
    found = walk_from(asked, starts, query.direction, bounds, query.filter)
    answer = replace(
        answer,
        nodes=(*contexts, *found.nodes, *unknown),
        edges=read_edges(reader, namespace, found.ends, size),
        links=_links(asked, found.links),
        entities=entities_among(reader, asked.links, found.linked, size),
        truncations=found.truncations,
        stubs=answer.stubs + found.stubs,
        unresolved=answer.unresolved + found.unresolved,
        undated=found.undated,
        filtered=found.filtered,
        stopped=found.stopped,
    )
    return with_redactions(reader, answer, namespace, [*named.contexts, *found.vertices])


def bounds_of(asked: GraphAsked, query: TraceQuery) -> Bounds:
    """Return what the walk of a checked query may see.

    Raises:
        NotFoundError: ``stop_at`` names a type or a context that nobody has heard of.
    """
    return Bounds(
        asked.size,
        query.depth,
        query.nodes,
        query.cross,
        valid=None if asked.valid is None else asked.valid.time,
        fanout_max=query.fanout,
        stops=None if query.stop_at is None else stops_at(asked, query.stop_at),
    )


def read_edges(reader: Reader, namespace: int, ends: EdgeEnds, size: int) -> tuple[Edge, ...]:
    """Return the edges by artifact, execution and kind; details only of those that have any."""
    every = map(Edge, ends.artifacts, ends.executions, ends.kinds)
    if not ends.detailed:
        return tuple(every)
    edges = list(every)
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


def _links(asked: GraphAsked, links: WalkedLinks) -> tuple[Link, ...]:
    """Return every claim by which a link was crossed between two nodes that are shown."""
    rows = asked.links.rows_of(links.joining(), asked.size)
    identifiers = read_identifiers(asked.reader, {row.hub for row in rows})
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
