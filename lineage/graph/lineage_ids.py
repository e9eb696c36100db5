"""Lineage by ids alone: columns of nodes and of the edges between them, without an object each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from lineage.graph.adjacency import EdgeSource, Ints
from lineage.graph.edges import edge_arrays
from lineage_schemas.basis import Basis
from lineage_schemas.graph import Direction, Redaction, ResolvedLabel, Truncation
from lineage_schemas.mlmd import Kind

NODE_KINDS: Final = (Kind.ARTIFACT, Kind.EXECUTION, Kind.CONTEXT)
"""What the numbers in ``NodeIds.kinds`` stand for, by place."""

_CONTEXT: Final = NODE_KINDS.index(Kind.CONTEXT)
_NO_IDS: Final[Ints] = np.empty(0, dtype=np.int64)


class NodeIds(NamedTuple):
    """Nodes as three columns in step, each an array of whole numbers with a place a node.

    They stand in the order of ``LineageAnswer.nodes``. ``kinds`` are places in ``NODE_KINDS``.
    """

    kinds: Ints
    ids: Ints
    depths: Ints


class EdgeIds(NamedTuple):
    """Edges as three columns in step, each an array of whole numbers with a place an edge.

    They stand in the order of ``LineageAnswer.edges``. ``kinds`` are places in ``EVENT_KINDS``.
    """

    artifacts: Ints
    executions: Ints
    kinds: Ints


NO_NODES: Final = NodeIds(_NO_IDS, _NO_IDS, _NO_IDS)
NO_EDGES: Final = EdgeIds(_NO_IDS, _NO_IDS, _NO_IDS)


class LineageIds(Struct, frozen=True, kw_only=True, eq=False):
    """A bounded piece of the lineage graph, by ids: what ``LineageAnswer`` holds, in columns.

    Nodes that the log has not heard of have no id and stand in ``unknown`` alone. Which links were
    crossed, which nodes are one thing, and how many are described by nobody is not told: nothing
    but the graph is looked at. All other fields are those of ``LineageAnswer``.
    """

    basis: Basis
    direction: Direction
    start: tuple[str, ...]
    nodes: NodeIds
    edges: EdgeIds
    truncations: tuple[Truncation, ...] = ()
    unknown: tuple[str, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    labels: tuple[ResolvedLabel, ...] = ()
    undated: int = 0
    filtered: int = 0
    stopped: int = 0
    not_begun: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        return not self.unknown and not self.truncations and self.basis.complete


def context_ids(ids: Collection[int]) -> NodeIds:
    """Return contexts as columns: they are named, so they are as near as can be."""
    if not ids:
        return NO_NODES
    kinds = np.full(len(ids), _CONTEXT, dtype=np.int64)
    return NodeIds(kinds, np.array(list(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64))


def node_ids(rows: Ints, depths: Ints, before: NodeIds = NO_NODES) -> NodeIds:
    """Return the nodes that stand in these rows as columns, behind others."""
    found = NodeIds(rows & 1, rows >> 1, depths)
    if not len(before.ids):
        return found
    return NodeIds(*map(np.concatenate, zip(before, found, strict=True)))


def edge_ids(source: EdgeSource, edges: Ints) -> EdgeIds:
    """Return these edges, of which each is given once, as columns."""
    artifacts, executions, cells = edge_arrays(source, edges)
    cells >>= 1
    return EdgeIds(artifacts, executions, cells)


def edges_among(source: EdgeSource, edges: Ints, rows: Ints) -> Ints:
    """Return those of the edges of which both ends are among these rows."""
    tail, head, _ = source.names(edges)
    found: Ints = edges[np.isin(tail, rows) & np.isin(head, rows)]
    return found
