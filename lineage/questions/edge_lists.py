"""Edges of nodes, and those of an answer with the entries that told of them first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from lineage.projections.edges import EDGE
from lineage.questions.graph_asked import GraphAsked
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.graph import Edge
from lineage_schemas.mlmd import EventKind, Kind

_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]


class EdgeTold(NamedTuple):
    """An edge by its two ends as vertices, and the position of the entry that told of it first."""

    artifact: int
    execution: int
    kind: EventKind
    path: tuple[str | int, ...]
    position: int | None


def edges_at(asked: GraphAsked, column: str, vertices: Collection[int]) -> Iterator[Row]:
    """Yield the rows of the edges whose ``column`` is one of these nodes, at both times asked."""
    for row in asked.reader.find(EDGE, column, vertices, asked.size):
        if asked.valid is None or asked.valid.time.has_begun(row[-1]):
            yield row


def read_told_edges(asked: GraphAsked, edges: Sequence[Edge]) -> list[EdgeTold]:
    """Return these edges in their order."""
    number = asked.number
    if number is None:
        return []
    executions = {vertex_of(number, _EXECUTION, edge.execution) for edge in edges}
    first = first_told(asked, executions)
    found: list[EdgeTold] = []
    for edge in edges:
        artifact = vertex_of(number, _ARTIFACT, edge.artifact)
        execution = vertex_of(number, _EXECUTION, edge.execution)
        position = first.get((artifact, execution, edge.kind.value))
        found.append(EdgeTold(artifact, execution, edge.kind, edge.path, position))
    return found


def first_told(asked: GraphAsked, executions: set[int]) -> dict[tuple[int, int, str], int]:
    """Return (artifact, execution, kind) of the edges at executions, and when each was told of."""
    first: dict[tuple[int, int, str], int] = {}
    for column in ("tail", "head"):
        for tail, head, kind, since, *_ in asked.reader.find(EDGE, column, executions):
            if since < asked.size:
                artifact, execution = (tail, head) if head in executions else (head, tail)
                name = artifact, execution, str(kind)
                first[name] = min(since, first.get(name, since))
    return first
