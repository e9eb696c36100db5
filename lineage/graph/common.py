"""What several walks have found in common, and which of it is nearest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from lineage.graph.adjacency import Bools, EdgeSource, Ints, row_of
from lineage.graph.components import strong_components
from lineage.graph.walk import Walked
from lineage.graph.walked import walked_edges


class CommonRows(NamedTuple):
    """The rows that all walks have found, in order, as lists in step.

    ``depths`` are their depths in each walk; ``nearest`` tells which of them none of the others
    leads to, but for those that it leads back to.
    """

    rows: list[int]
    depths: list[tuple[int, ...]]
    nearest: list[bool]


def find_common(source: EdgeSource, walks: Sequence[Walked], *, upstream: bool) -> CommonRows:
    """Return what some walks of one direction have in common."""
    rows: Ints = reduce(np.intersect1d, (walked.rows for walked in walks))
    depths = [_depths(walked, rows) for walked in walks]
    arcs = [_arcs(source, walked, rows, upstream=upstream) for walked in walks]
    near, far = (np.concatenate(ends) for ends in zip(*arcs, strict=True))
    components = strong_components(near, far, len(rows))
    leads_in = components[near] != components[far]
    reached: Bools = np.zeros(len(rows), dtype=np.bool_)
    reached[components[far[leads_in]]] = True
    nearest: list[bool] = (~reached[components]).tolist()
    return CommonRows(rows.tolist(), list(zip(*depths, strict=True)), nearest)


def _depths(walked: Walked, rows: Ints) -> list[int]:
    order = np.argsort(walked.rows)
    places = np.searchsorted(walked.rows[order], rows)
    depths: list[int] = walked.depths[order][places].tolist()
    return depths


def _arcs(source: EdgeSource, walked: Walked, rows: Ints, *, upstream: bool) -> tuple[Ints, Ints]:
    """Return the steps of a walk between these rows, by the places of both."""
    edges = walked_edges(source, walked, upstream=upstream)
    links = _crossed(walked)
    near = np.concatenate((edges.near, links[0]))
    far = np.concatenate((edges.far, links[1]))
    within = np.isin(near, rows) & np.isin(far, rows)
    return np.searchsorted(rows, near[within]), np.searchsorted(rows, far[within])


def _crossed(walked: Walked) -> tuple[Ints, Ints]:
    steps: Iterable[tuple[int, int]] = (
        (row_of(near.vertex), row_of(far.vertex)) for near, far, _ in walked.crossings
    )
    near, far = np.array(list(steps), dtype=np.int64).reshape(-1, 2).T
    return near, far
