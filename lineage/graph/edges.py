"""Edges of a walk as answers want them: by ids, in one order for ever."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import EVENT_KINDS, Adjacency, Ints
from lineage_schemas.mlmd import EventKind

_KIND_OBJECTS: Final = np.array(EVENT_KINDS, dtype=object)


class EdgeEnds(NamedTuple):
    """Edges as lists in step, ordered by artifact, execution and kind.

    ``detailed`` are the indexes of those that have a path or a time.
    """

    artifacts: list[int]
    executions: list[int]
    kinds: list[EventKind]
    detailed: list[int]


def edge_ends(adjacency: Adjacency, edges: Ints) -> EdgeEnds:
    """Return the ends of these edges, each once."""
    every = adjacency.edges
    tail, head, kind = every.tail[edges], every.head[edges], every.kind[edges]
    flows_in = tail & 1 == 0
    artifact = np.where(flows_in, tail, head) >> 1
    execution = np.where(flows_in, head, tail) >> 1
    # One number an edge sorts in a third of the time of three keys, and tells edges apart.
    name = (artifact * (adjacency.rows // 2 + 1) + execution) * len(EVENT_KINDS) + kind
    order = np.argsort(name)
    detailed = every.has_detail[edges][order]
    if adjacency.has_repeats and len(order):
        sorted_names = name[order]
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = sorted_names[1:] != sorted_names[:-1]
        detailed = np.maximum.reduceat(detailed, np.flatnonzero(first))
        order = order[first]
    kinds: list[EventKind] = _KIND_OBJECTS[kind[order]].tolist()
    return EdgeEnds(
        artifact[order].tolist(),
        execution[order].tolist(),
        kinds,
        np.flatnonzero(detailed).tolist(),
    )
