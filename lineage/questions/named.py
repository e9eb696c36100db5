"""What the names in a question mean: where to start from, contexts, and what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lineage.graph.adjacency import row_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import resolve_name
from lineage.questions.nodes import find_identified, read_nodes
from lineage_schemas.graph import Node, ResolvedLabel
from lineage_schemas.mlmd import Kind


class Named(NamedTuple):
    """What names mean.

    ``rows`` are those of the artifacts and executions that each of the names means, in step with
    ``names``, where what labels stand for has taken their place. ``contexts`` are the vertices of
    contexts, through which no data flows.
    """

    names: tuple[str, ...]
    rows: tuple[list[int], ...]
    contexts: list[int]
    unknown: tuple[str, ...]
    labels: tuple[ResolvedLabel, ...]

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
    for key in keys:
        found: list[int] = []
        grouping: list[int] = []
        if namespace is not None:
            kinds = (Kind.ARTIFACT, Kind.EXECUTION)
            found = find_identified(reader, namespace, key, kinds, asked.size)
            if not found:
                grouping = find_identified(reader, namespace, key, (Kind.CONTEXT,), asked.size)
        rows.append([row_of(vertex) for vertex in found])
        contexts.update(grouping)
        if not found and not grouping:
            unknown.append(key)
    return Named(keys, tuple(rows), sorted(contexts), tuple(dict.fromkeys(unknown)), labels)


def read_contexts_named(asked: GraphAsked, named: Named) -> tuple[Node, ...]:
    """Return the contexts among what was named, as answers show them."""
    nodes = read_nodes(asked.reader, named.contexts, asked.size)
    return tuple(nodes[vertex] for vertex in named.contexts)
