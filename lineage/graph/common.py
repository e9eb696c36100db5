"""What several walks have found in common, and which of it is nearest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from lineage.graph.adjacency import Bools, EdgeSource, Ints, rows_of
from lineage.graph.components import strong_components
from lineage.graph.partners import LinkColumns, joined_columns, ways_of
from lineage.graph.stars import link_arcs
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
    near, far, count = _arcs(source, walks, rows, upstream=upstream)
    components = strong_components(near, far, count)
    leads_in = components[near] != components[far]
    reached: Bools = np.zeros(count, dtype=np.bool_)
    reached[components[far[leads_in]]] = True
    nearest: list[bool] = (~reached[components[: len(rows)]]).tolist()
    return CommonRows(rows.tolist(), list(zip(*depths, strict=True)), nearest)


def _depths(walked: Walked, rows: Ints) -> list[int]:
    order = np.argsort(walked.rows)
    places = np.searchsorted(walked.rows[order], rows)
    depths: list[int] = walked.depths[order][places].tolist()
    return depths


def _arcs(
    source: EdgeSource, walks: Sequence[Walked], rows: Ints, *, upstream: bool
) -> tuple[Ints, Ints, int]:
    """Return the steps of walks between these rows, by the places of both, and how many are named.

    Beyond the places of rows are points through which links lead: each is led to by a row.
    """
    nears: list[Ints] = []
    fars: list[Ints] = []
    count = len(rows)
    for walked in walks:
        edges = walked_edges(source, walked, upstream=upstream)
        within = np.isin(edges.near, rows) & np.isin(edges.far, rows)
        links = walked.links
        near, far = (_placed(claims, rows) for claims in (links.near, joined_columns([*links[:2]])))
        arcs = link_arcs(near, far, ways_of(links.crossed), count)
        nears += [np.searchsorted(rows, edges.near[within]), arcs.tail]
        fars += [np.searchsorted(rows, edges.far[within]), arcs.head]
        count = arcs.end
    return np.concatenate(nears), np.concatenate(fars), count


def _placed(claims: LinkColumns, rows: Ints) -> LinkColumns:
    """Return the claims of these rows, with their places for their vertices."""
    claims = claims._replace(vertex=rows_of(claims.vertex))
    kept = claims.among(np.isin(claims.vertex, rows))
    return kept._replace(vertex=np.searchsorted(rows, kept.vertex))
