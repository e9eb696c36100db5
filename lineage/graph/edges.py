"""Edges of a walk as answers want them: by ids, in one order for ever."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lineage.graph.adjacency import EVENT_KINDS, Adjacency, Ints
from lineage_schemas.mlmd import EventKind


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
    order = np.lexsort((kind, execution, artifact))
    artifact, execution, kind = artifact[order], execution[order], kind[order]
    detailed = every.has_detail[edges][order]
    if adjacency.has_repeats and len(order):
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = (
            (artifact[1:] != artifact[:-1])
            | (execution[1:] != execution[:-1])
            | (kind[1:] != kind[:-1])
        )
        groups = np.flatnonzero(first)
        detailed = np.maximum.reduceat(detailed, groups)
        artifact, execution, kind = artifact[first], execution[first], kind[first]
    numbers: list[int] = kind.tolist()
    kinds = [EVENT_KINDS[number] for number in numbers]
    return EdgeEnds(artifact.tolist(), execution.tolist(), kinds, np.flatnonzero(detailed).tolist())
