"""The links that stood at a stated time: read from the store, of those nodes that may have any."""

from __future__ import annotations

from lineage.graph.adjacency import Bools, Ints
from lineage.graph.link_index import IndexedLinks
from lineage.graph.links import FindLinks, LinkIndex, LinkSource, StoredLinks
from lineage.stores.base import Reader


class StandingLinks(StoredLinks):
    """Links of a stated time, which nobody keeps; who has, or has had, links may be known."""

    def __init__(self, reader: Reader, namespace: int, find: FindLinks, known: LinkSource) -> None:
        """Find links by ``find``; ``known`` tells which nodes may have any, of whatever time."""
        super().__init__(reader, namespace, find)
        self.known = known

    def may_link(self, rows: Ints) -> Bools | None:
        """Tell of rows whether they have, or have had, links; ``None``: nobody knows."""
        return self.known.may_link(rows)


def find_marks(links: LinkSource) -> IndexedLinks | None:
    """Return what marks, in memory, the rows that may have links, if that is kept."""
    known = links.known if isinstance(links, StandingLinks) else links
    return known if isinstance(known, IndexedLinks) else None


def links_standing(reader: Reader, namespace: int, find: FindLinks, links: LinkIndex) -> LinkIndex:
    """Return the links that ``find`` finds, of those nodes that have, or have had, ``links``."""
    return LinkIndex(StandingLinks(reader, namespace, find, links.source), find)
