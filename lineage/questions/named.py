"""What the names in a question mean: where to start from, contexts, and what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from lineage.graph.adjacency import row_of
from lineage.projections import standing
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import resolve_name
from lineage.questions.nodes import find_identified
from lineage.questions.showing import read_nodes_then
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.graph import Node, ResolvedLabel
from lineage_schemas.mlmd import Kind

_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]


class Named(NamedTuple):
    """What names mean.

    ``rows`` are those of the artifacts and executions that each of the names means, in step with
    ``names``, where what labels stand for has taken their place. ``contexts`` are the vertices of
    contexts, through which no data flows. ``not_begun`` are the names of what is only stated to
    have been there after the valid time.
    """

    names: tuple[str, ...]
    rows: tuple[list[int], ...]
    contexts: list[int]
    unknown: tuple[str, ...]
    labels: tuple[ResolvedLabel, ...]
    not_begun: tuple[str, ...] = ()

    @property
    def can_walk(self) -> bool:
        """Tell whether each of the names means something that data flows through."""
        return all(self.rows)


def find_named(asked: GraphAsked, names: Sequence[str]) -> Named:
    """Find what clean names mean.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
    """
    reader, namespace = asked.reader, asked.number
    resolved = [resolve_name(reader, namespace, one, tuple(Kind), asked.size) for one in names]
    keys = tuple(key for key, _ in resolved)
    labels = tuple(label for _, label in resolved if label is not None)
    rows: list[list[int]] = []
    contexts: set[int] = set()
    unknown: list[str] = []
    not_begun: list[str] = []
    for key in keys:
        found = _named_by(asked, key)
        begun = begun_among(asked, found)
        rows.append([row_of(vertex) for vertex in begun if kind_code(vertex) != _CONTEXT])
        contexts.update(vertex for vertex in begun if kind_code(vertex) == _CONTEXT)
        if not found:
            unknown.append(key)
        elif len(begun) < len(found):
            not_begun.append(key)
    return Named(
        keys,
        tuple(rows),
        sorted(contexts),
        tuple(dict.fromkeys(unknown)),
        labels,
        tuple(dict.fromkeys(not_begun)),
    )


def _named_by(asked: GraphAsked, identifier: str) -> list[int]:
    """Return the artifacts and executions that go by an identifier; only if none does, contexts."""
    reader, number = asked.reader, asked.number
    if number is None:
        return []
    kinds = (Kind.ARTIFACT, Kind.EXECUTION)
    return find_identified(reader, number, identifier, kinds, asked.size) or find_identified(
        reader, number, identifier, (Kind.CONTEXT,), asked.size
    )


def begun_among(asked: GraphAsked, vertices: list[int]) -> list[int]:
    """Return the nodes that were there by the valid time, or that nobody has dated."""
    if asked.valid is None:
        return vertices
    begun = standing.begun_among(asked.reader, vertices, asked.size, asked.valid.time)
    return [vertex for vertex in vertices if vertex in begun]


def read_contexts_named(asked: GraphAsked, named: Named) -> tuple[Node, ...]:
    """Return the contexts among what was named, as answers show them."""
    nodes = read_nodes_then(asked.reader, named.contexts, asked.then)
    return tuple(nodes[vertex] for vertex in named.contexts)
