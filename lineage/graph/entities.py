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
    columns: Ints = np.array(ends, dtype=np.int64).T
    columns = columns[:, np.isin(columns, rows).all(axis=0)]
    linked: Ints = np.unique(columns)
    places: Ints = np.searchsorted(linked, columns)
    both: Ints = np.concatenate((places, places[::-1]), axis=1)
    joined = strong_components(both[0], both[1], len(linked))
    return dict(zip(linked.tolist(), joined.tolist(), strict=True))
