"""Which rows asserted links join to one thing."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import Ints, rows_of
from lineage.graph.components import strong_components
from lineage.graph.partners import ASSERTED, LinkColumns

_NOTHING: Final[Ints] = np.empty(0, dtype=np.int64)


class Entities(NamedTuple):
    """The rows that asserted links join to others, in order, and the first row of each's entity."""

    rows: Ints
    firsts: Ints

    def first_of(self, rows: Ints) -> Ints:
        """Return the first row of the entity of each of these rows: itself, where it is alone."""
        if not len(self.rows):
            return rows
        places = np.searchsorted(self.rows, rows)
        places[places == len(self.rows)] = 0
        return np.where(self.rows[places] == rows, self.firsts[places], rows)

    def members(self, firsts: Ints) -> Ints:
        """Return the rows of these entities, and the rows that are alone, in order."""
        return np.union1d(firsts, self.rows[np.isin(self.firsts, firsts)])


NO_ENTITIES: Final = Entities(_NOTHING, _NOTHING)


def joined_entities(claims: LinkColumns) -> Entities:
    """Return what the asserted ones among some claims join; contexts have no rows."""
    asserted = claims.strength == ASSERTED
    rows, hubs = rows_of(claims.vertex[asserted]), claims.hub[asserted]
    _, hub, shared = np.unique(hubs, return_inverse=True, return_counts=True)
    joining = shared[hub] > 1
    linked, row = np.unique(rows[joining], return_inverse=True)
    if not len(linked):
        return NO_ENTITIES
    # The identifier is a vertex of its own here, so that n nodes need n links.
    hub = hub[joining] + len(linked)
    joined = strong_components(
        np.concatenate((row, hub)), np.concatenate((hub, row)), int(hub.max()) + 1
    )[: len(linked)]
    _, first, entity = np.unique(joined, return_index=True, return_inverse=True)
    return Entities(linked, linked[first][entity])
