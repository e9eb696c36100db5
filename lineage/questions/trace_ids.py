"""Trace lineage by ids alone: the walk of a trace, told in columns."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from lineage.graph.adjacency import vertex_at, vertices_at
from lineage.graph.lineage_ids import (
    NO_EDGES,
    LineageIds,
    context_ids,
    edge_ids,
    edges_among,
    node_ids,
)
from lineage.graph.marking import mark_rows
from lineage.graph.walk import Walked, walk_lineage
from lineage.questions.filtering import matching, prepare_filter
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.lacking import count_undated_walked
from lineage.questions.named import Named, find_named
from lineage.questions.redactions import with_redactions
from lineage.questions.trace import TraceQuery, bounds_of
from lineage.vertices import id_of
from lineage_schemas.filters import NodeFilter


def trace_ids(asked: GraphAsked, query: TraceQuery) -> LineageIds:
    """Answer a checked query: the same nodes and edges as ``trace`` finds, in the same order.

    Raises: as ``trace``.
    """
    reader, namespace, graph = asked.reader, asked.number, asked.graph
    named = find_named(asked, query.start)
    contexts = context_ids([id_of(vertex) for vertex in named.contexts])
    answer = LineageIds(
        basis=asked.basis,
        direction=query.direction,
        start=tuple(dict.fromkeys(named.names)),
        nodes=contexts,
        edges=NO_EDGES,
        unknown=named.unknown,
        labels=named.labels,
        not_begun=named.not_begun,
    )
    if namespace is None or not any(named.rows):
        return with_redactions(reader, answer, namespace, named.contexts)
    starts = {row for rows in named.rows for row in rows}
    bounds = bounds_of(asked, query)
    walked = walk_lineage(namespace, graph, starts, query.direction, bounds)
    shown = walked if query.filter is None else _filtered(asked, query.filter, walked, starts)
    answer = replace(
        answer,
        nodes=node_ids(shown.rows, shown.depths, contexts),
        edges=edge_ids(graph.adjacency, shown.edges),
        truncations=tuple(walked.truncations),
        undated=count_undated_walked(asked, [walked]),
        filtered=len(walked.rows) - len(shown.rows),
        stopped=len(set(walked.stopped.tolist())),
    )
    return with_redactions(reader, answer, namespace, _vertices(named, namespace, shown))


def _vertices(named: Named, namespace: int, shown: Walked) -> Iterator[int]:
    """Yield the vertices of what is shown; they are made only for whoever looks at the first."""
    yield from named.contexts
    yield from vertices_at(namespace, shown.rows).tolist()


def _filtered(asked: GraphAsked, wanted: NodeFilter, walked: Walked, starts: set[int]) -> Walked:
    """Keep what fulfils a filter, the start, and the edges between them."""
    assert asked.number is not None
    number = asked.number
    prepared = prepare_filter(asked.reader, number, wanted, asked.size)
    vertices = vertices_at(number, walked.rows).tolist()
    kept = matching(asked.reader, prepared, vertices, asked.then)
    is_kept = mark_rows(walked.rows, kept | {vertex_at(number, row) for row in starts})
    rows = walked.rows[is_kept]
    return walked._replace(
        rows=rows,
        depths=walked.depths[is_kept],
        edges=edges_among(asked.graph.adjacency, walked.edges, rows),
    )
