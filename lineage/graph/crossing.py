"""Cross identifiers on a walk, each a few times at most however many nodes share it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import Bools, Ints
from lineage.graph.links import LinkSource
from lineage.graph.partners import (
    CONTENT,
    LinkColumns,
    counted,
    find_ways,
    joined_columns,
    ways_of,
)
from lineage_schemas.records import LinkClass

_LEADS_ON: Final = 0xFF ^ 1 << CONTENT
"""The strengths of links from which links lead on."""


class Reached(NamedTuple):
    """The nodes that some links lead to; from those that ``leads_on`` marks, links lead on."""

    vertices: Ints
    leads_on: Bools


class WalkedLinks(NamedTuple):
    """The claims of the nodes of an answer that links of some classes may join.

    ``near`` are those of nodes whose links were crossed, ``far`` those of nodes that equal contents
    alone have reached, which only an edge leads on from.
    """

    near: LinkColumns
    far: LinkColumns
    crossed: tuple[LinkClass, ...]

    def among(self, vertices: Collection[int]) -> WalkedLinks:
        """Return those of some nodes."""
        chosen = np.fromiter(vertices, dtype=np.int64, count=len(vertices))
        return self._replace(
            near=self.near.among(np.isin(self.near.vertex, chosen)),
            far=self.far.among(np.isin(self.far.vertex, chosen)),
        )

    def joining(self) -> LinkColumns:
        """Return the claims by which a link between two of the nodes was crossed."""
        allowed = ways_of(self.crossed)
        near = find_ways(self.near, joined_columns([self.near, self.far])) & allowed > 0
        far = find_ways(self.far, self.near) & allowed > 0
        return joined_columns([self.near.among(near), self.far.among(far)])


def joined_links(one: WalkedLinks, other: WalkedLinks) -> WalkedLinks:
    """Return the claims of two walks of one question; a claim of both may be there twice."""
    return WalkedLinks(
        joined_columns([one.near, other.near]), joined_columns([one.far, other.far]), one.crossed
    )


class Crosser:
    """Crosses the links of one walk, and remembers what each identifier has led to.

    Where an identifier leads depends on how strong the claim is by which one comes to it, and of
    equal contents on its source. After two sources nothing is left that a third one could reach.
    """

    def __init__(self, source: LinkSource, size: int, crossed: tuple[LinkClass, ...]) -> None:
        self._source = source
        self._size = size
        self._allowed = ways_of(crossed)
        self._passed: dict[int, int] = {}
        """For each identifier the strengths by which one has come to it, as bits."""
        self._contents: dict[int, int] = {}
        """For each identifier the first source by whose word of its contents one has come to it."""
        self.near: list[LinkColumns] = []
        """The claims of the nodes whose links were crossed."""

    def cross(self, vertices: Ints) -> Reached:
        """Follow the links of nodes that were never asked about before.

        What is returned leaves out what the walk has reached before as surely.
        """
        near = self._usable(self._source.of_vertices(vertices, self._size))
        if not len(near.hub):
            return _NOTHING_REACHED
        self.near.append(near)
        fresh = near.among(self._fresh(near)) if self._passed else near
        if not len(fresh.hub):
            return _NOTHING_REACHED
        far = self._usable(self._source.of_hubs(np.unique(fresh.hub), self._size))
        fresh = fresh.among(_others_have(fresh, near, far))
        if not len(fresh.hub):
            return _NOTHING_REACHED
        self._pass(fresh)
        ways = find_ways(far, fresh) & self._allowed
        found = ways > 0
        return Reached(far.vertex[found], ways[found] & _LEADS_ON > 0)

    def _usable(self, claims: LinkColumns) -> LinkColumns:
        """Leave out the claims that are too weak for any link that may be crossed."""
        chosen = self._allowed >> claims.strength.astype(np.int64) > 0
        return claims if chosen.all() else claims.among(chosen)

    def _fresh(self, near: LinkColumns) -> Bools:
        """Tell of claims whether their identifier was not come to before in the same way."""
        columns = near.hub.tolist(), near.strength.tolist(), near.source.tolist()
        return np.array(
            [
                not self._passed.get(hub, 0) >> strength & 1
                and (strength != CONTENT or self._contents.get(hub) != source)
                for hub, strength, source in zip(*columns, strict=True)
            ],
            dtype=np.bool_,
        )

    def _pass(self, fresh: LinkColumns) -> None:
        columns = fresh.hub.tolist(), fresh.strength.tolist(), fresh.source.tolist()
        for hub, strength, source in zip(*columns, strict=True):
            is_first = strength == CONTENT and self._contents.setdefault(hub, source) == source
            way = 0 if is_first else 1 << strength
            self._passed[hub] = self._passed.get(hub, 0) | way


def _others_have(fresh: LinkColumns, near: LinkColumns, far: LinkColumns) -> Bools:
    """Tell of claims whether nodes that were not asked about share their identifier."""
    shared: Bools = counted(fresh.hub, far.hub) > counted(fresh.hub, near.hub)
    return shared


_NOTHING_REACHED: Final = Reached(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_))
