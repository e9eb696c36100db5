"""Which rows asserted links join to one thing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lineage.graph.adjacency import Ints, row_of
from lineage.graph.components import strong_components
from lineage.graph.links import Crossing
from lineage_schemas.records import LinkClass


def joined_rows(rows: Ints, crossings: Iterable[Crossing]) -> dict[int, int]:
    """Return a number of its thing for each of these rows that asserted links join to another."""
    ends = [
        (row_of(near.vertex), row_of(far.vertex))
        for near, far, link_class in crossings
        if link_class is LinkClass.ASSERTED
    ]
    if not ends:
        return {}
    near, far = np.array(ends, dtype=np.int64).T
    within = np.isin(near, rows) & np.isin(far, rows)
    near, far = near[within], far[within]
    linked = np.union1d(near, far)
    one: Ints = np.searchsorted(linked, near)
    other: Ints = np.searchsorted(linked, far)
    joined = strong_components(
        np.concatenate((one, other)), np.concatenate((other, one)), len(linked)
    )
    return dict(zip(linked.tolist(), joined.tolist(), strict=True))
