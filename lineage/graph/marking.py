"""Mark rows by what is known of their vertices."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from lineage.graph.adjacency import Bools, Ints, row_of


def mark_rows(rows: Ints, vertices: Collection[int]) -> Bools:
    """Return of each row whether its vertex is among ``vertices``, which are of its namespace."""
    chosen = np.fromiter(map(row_of, vertices), dtype=rows.dtype, count=len(vertices))
    return np.isin(rows, chosen)
