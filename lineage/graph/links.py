"""Links between nodes through the identifiers they share, and which of them a walk may cross.

Two nodes that go by one identifier are linked as strongly as the weaker of their two claims. Equal
contents link only what different sources claimed, and never chain: after crossing such a link, the
next step is a lineage edge. Guesses are listed, never crossed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from lineage.projections.links import LINK, LinkRow
from lineage.projections.unfolding import KEY_CLASS
from lineage.stores.base import Reader
from lineage.stores.tables import is_visible
from lineage_schemas.records import LinkClass

CROSSED_BY_DEFAULT: Final = (LinkClass.ASSERTED, LinkClass.CONTENT)
CROSSABLE: Final = (LinkClass.ASSERTED, LinkClass.CONTENT, LinkClass.DERIVED)

_STRENGTH: Final = {
    KEY_CLASS: 0,
    LinkClass.ASSERTED.value: 0,
    LinkClass.CONTENT.value: 1,
    LinkClass.DERIVED.value: 2,
    LinkClass.GUESSED.value: 3,
}
_BY_STRENGTH: Final = tuple(LinkClass)


class Crossing(NamedTuple):
    """A step from one node to another through an identifier they share."""

    near: LinkRow
    far: LinkRow
    link_class: LinkClass


class LinkIndex:
    """All links of the ledger, by node and by hub.

    Links never change: ``extended`` makes another index of them, or, where none were added, only
    notes how far this one has come.
    """

    def __init__(self, rows: dict[tuple[int, int, str, str, int], LinkRow], size: int) -> None:
        self.size = size
        self._rows = rows
        self._by_vertex: dict[int, list[LinkRow]] = {}
        self._by_hub: dict[int, list[LinkRow]] = {}
        for row in rows.values():
            self._by_vertex.setdefault(row.vertex, []).append(row)
            self._by_hub.setdefault(row.hub, []).append(row)

    @classmethod
    def empty(cls) -> LinkIndex:
        """Return the links of an empty log."""
        return cls({}, 0)

    def extended(self, reader: Reader, size: int) -> LinkIndex:
        """Return the links as of ``size``: a register that changed is read again whole."""
        added = [LinkRow._make(row) for row in reader.added(LINK, self.size)]
        if not added:
            self.size = size
            return self
        vertices = {row.vertex for row in added}
        rows = dict(self._rows)
        for row in map(LinkRow._make, reader.find(LINK, "vertex", vertices)):
            rows[row[:5]] = row
        return LinkIndex(rows, size)

    @property
    def vertices(self) -> Iterable[int]:
        """The nodes that have links."""
        return self._by_vertex.keys()

    def of_vertex(self, vertex: int, size: int) -> list[LinkRow]:
        """Return the links of a node that show and stand as of ``size``."""
        return _standing(self._by_vertex.get(vertex, ()), size)

    def of_hub(self, hub: int, size: int) -> list[LinkRow]:
        """Return the links of an identifier that show and stand as of ``size``."""
        return _standing(self._by_hub.get(hub, ()), size)

    def linked(self, vertices: Iterable[int], size: int) -> list[int]:
        """Return which of these nodes have links, in order."""
        return sorted(one for one in set(vertices) if self.of_vertex(one, size))

    def of_vertices(self, vertices: Collection[int], size: int) -> list[LinkRow]:
        """Return the links of nodes that show and stand as of ``size``, in order."""
        return sorted(row for one in vertices for row in self.of_vertex(one, size))

    def of_hubs(self, hubs: Collection[int], size: int) -> dict[int, list[LinkRow]]:
        """Return the links of identifiers that show and stand as of ``size``, by hub."""
        return {hub: sorted(self.of_hub(hub, size)) for hub in hubs}

    def crossings(self, vertex: int, size: int, allowed: Iterable[LinkClass]) -> list[Crossing]:
        """Return the steps from a node through links of the allowed classes, strongest first."""
        wanted = {_STRENGTH[link_class.value] for link_class in allowed}
        best: dict[tuple[int, int], Crossing] = {}
        for near in self.of_vertex(vertex, size):
            for far in self.of_hub(near.hub, size):
                strength = max(_STRENGTH[near.link_class], _STRENGTH[far.link_class])
                if far.vertex == vertex or strength not in wanted or _is_own_content(near, far):
                    continue
                crossing = Crossing(near, far, _BY_STRENGTH[strength])
                key = far.vertex, strength
                if key not in best or crossing[:2] < best[key][:2]:
                    best[key] = crossing
        return [best[key] for key in sorted(best, key=lambda key: (key[1], key[0]))]


def strength_of(near: LinkRow, far: LinkRow) -> LinkClass | None:
    """Return how strongly two claims to one identifier link their nodes; ``None``: not at all."""
    if far.vertex == near.vertex or _is_own_content(near, far):
        return None
    return _BY_STRENGTH[max(_STRENGTH[near.link_class], _STRENGTH[far.link_class])]


def _standing(rows: Iterable[LinkRow], size: int) -> list[LinkRow]:
    return [row for row in rows if row.active and is_visible(row.since, row.until, size)]


def _is_own_content(near: LinkRow, far: LinkRow) -> bool:
    """One source that claims equal contents twice says nothing new about identity."""
    content = LinkClass.CONTENT.value
    return near.link_class == far.link_class == content and near.source == far.source
