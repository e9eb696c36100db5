"""Links between nodes through the identifiers they share, and which of them a walk may cross.

Two nodes that go by one identifier are linked as strongly as the weaker of their two claims. Equal
contents link only what different sources claimed, and never chain: after crossing such a link, the
next step is a lineage edge. Guesses are listed, never crossed.

What crossing decides on is kept in memory (``lineage.graph.link_index``) or found in the store; the
whole rows, with who claimed it and on what evidence, are always the store's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

import numpy as np

from lineage.graph.adjacency import Bools, Ints
from lineage.graph.partners import (
    BY_STRENGTH,
    NO_CLAIMS,
    STRENGTHS,
    LinkColumns,
    find_ways,
    ways_of,
)
from lineage.projections.links import LINK, LinkRow
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import is_visible
from lineage.vertices import HUB_CODE, node_name, vertex_of
from lineage_schemas.errors import StoreError
from lineage_schemas.records import LinkClass

CROSSED_BY_DEFAULT: Final = (LinkClass.ASSERTED, LinkClass.CONTENT)
CROSSABLE: Final = (LinkClass.ASSERTED, LinkClass.CONTENT, LinkClass.DERIVED)

_SOURCE_BYTES: Final = 8


class Crossing(NamedTuple):
    """A step from one node to another through an identifier they share."""

    near: LinkRow
    far: LinkRow
    link_class: LinkClass


class LinkSource(Protocol):
    """Where links are taken from."""

    def may_link(self, rows: Ints) -> Bools | None:
        """Tell of rows whether they may have links; ``None``: nobody knows without asking."""
        ...

    def of_vertices(self, vertices: Ints, size: int) -> LinkColumns:
        """Return the links of nodes that stand as of ``size``."""
        ...

    def of_hubs(self, hubs: Ints, size: int) -> LinkColumns:
        """Return the links of identifiers that stand as of ``size``."""
        ...

    def vertices(self) -> list[int]:
        """Return the nodes that have, or have had, links, in order."""
        ...


FindLinks = Callable[[str, Collection[int], int], list[LinkRow]]
"""Return the links that stand as of a size, by their ``vertex`` or by their ``hub``."""


class StoredLinks:
    """Links as they are found in a store, one question at a time."""

    def __init__(self, reader: Reader, namespace: int, find: FindLinks) -> None:
        self._reader = reader
        self._namespace = namespace
        self._find = find

    def may_link(self, rows: Ints) -> Bools | None:
        """Return ``None``: nobody knows without asking."""
        del rows
        return None

    def of_vertices(self, vertices: Ints, size: int) -> LinkColumns:
        """Return the links of nodes that stand as of ``size``."""
        return link_columns(self._find("vertex", vertices.tolist(), size))

    def of_hubs(self, hubs: Ints, size: int) -> LinkColumns:
        """Return the links of identifiers that stand as of ``size``."""
        return link_columns(self._find("hub", hubs.tolist(), size))

    def vertices(self) -> list[int]:
        """Return the nodes that have, or have had, links, in order."""
        return sorted({row.vertex for row in scan_links(self._reader, self._namespace)})


class LinkIndex:
    """The links of one namespace, as a question sees them."""

    def __init__(self, source: LinkSource, find: FindLinks) -> None:
        """Cross by ``source``, and find whole rows by ``find``."""
        self.source = source
        self._find = find

    @classmethod
    def empty(cls) -> LinkIndex:
        """Return the links of an empty log."""
        return cls(NO_LINKS, lambda _column, _values, _size: [])

    @classmethod
    def of(cls, reader: Reader, source: LinkSource) -> LinkIndex:
        """Return links that are crossed by ``source``, with their rows from a store."""
        return cls(source, find_in(reader))

    @classmethod
    def stored(cls, reader: Reader, namespace: int, find: FindLinks | None = None) -> LinkIndex:
        """Return links that are looked up in a store, or by ``find``, and not in memory."""
        found = find_in(reader) if find is None else find
        return cls(StoredLinks(reader, namespace, found), found)

    @property
    def vertices(self) -> list[int]:
        """The nodes that have, or have had, links, in order."""
        return self.source.vertices()

    def linked(self, vertices: Iterable[int], size: int) -> list[int]:
        """Return which of these nodes have links, in order."""
        wanted = np.array(sorted(set(vertices)), dtype=np.int64)
        found: list[int] = np.unique(self.source.of_vertices(wanted, size).vertex).tolist()
        return found

    def of_vertex(self, vertex: int, size: int) -> list[LinkRow]:
        """Return the links of a node that show and stand as of ``size``."""
        return self._find("vertex", [vertex], size)

    def of_vertices(self, vertices: Collection[int], size: int) -> list[LinkRow]:
        """Return the links of nodes that show and stand as of ``size``, in order."""
        return sorted(self._find("vertex", vertices, size))

    def of_hubs(self, hubs: Collection[int], size: int) -> dict[int, list[LinkRow]]:
        """Return the links of identifiers that show and stand as of ``size``, by hub."""
        found: dict[int, list[LinkRow]] = {hub: [] for hub in hubs}
        for row in sorted(self._find("hub", hubs, size)):
            found[row.hub].append(row)
        return found

    def rows_of(self, claims: LinkColumns, size: int) -> list[LinkRow]:
        """Return the whole rows of claims that stand as of ``size``, in order.

        Raises:
            StoreError: the store does not hold one of them.
        """
        columns = (column.tolist() for column in claims)
        wanted = set(zip(*columns, strict=True))
        rows = {
            (row.vertex, row.hub, STRENGTHS[row.link_class], source_number(row.source)): row
            for row in self._find("vertex", {one[0] for one in wanted}, size)
        }
        missing = wanted - rows.keys()
        if missing:
            raise StoreError(
                "A link was crossed that the store does not hold",
                where=f"of {node_name(min(missing)[0])}",
                hint="Restart this process, and run an audit of the views.",
            )
        return sorted(rows[one] for one in wanted)

    def crossings(self, vertex: int, size: int, allowed: Iterable[LinkClass]) -> list[Crossing]:
        """Return the steps from a node through links of the allowed classes, strongest first.

        Of several pairs of claims that make a step, it is the first by key.
        """
        classes = set(allowed)
        if not self.linked_among([vertex], size, classes):
            return []
        rows = self.of_vertices([vertex], size)
        far = sorted(self._find("hub", {near.hub for near in rows}, size))
        return crossings_between(rows, far, classes)

    def joined_to(
        self, vertices: Iterable[int], size: int, allowed: Iterable[LinkClass]
    ) -> set[int]:
        """Return the nodes that links of the allowed classes join to any of these."""
        near, far = self._claims_around(vertices, size)
        joined = find_ways(far, near) & ways_of(allowed)
        return set(far.vertex[joined > 0].tolist())

    def linked_among(
        self, vertices: Iterable[int], size: int, allowed: Iterable[LinkClass]
    ) -> set[int]:
        """Return which of these nodes links of the allowed classes join to another."""
        near, far = self._claims_around(vertices, size)
        joined = find_ways(near, far) & ways_of(allowed)
        return set(near.vertex[joined > 0].tolist())

    def _claims_around(self, vertices: Iterable[int], size: int) -> tuple[LinkColumns, LinkColumns]:
        """Return the claims of some nodes, and all those to the same identifiers."""
        near = self.source.of_vertices(np.array(sorted(set(vertices)), dtype=np.int64), size)
        far = self.source.of_hubs(np.unique(near.hub), size) if len(near.hub) else NO_CLAIMS
        return near, far


def crossings_between(
    nears: Iterable[LinkRow], fars: Iterable[LinkRow], allowed: Collection[LinkClass]
) -> list[Crossing]:
    """Return the steps that some claims of one node make with claims of others, strongest first.

    Of several pairs of claims that make a step, it is the first in their order.
    """
    by_hub: dict[int, list[LinkRow]] = {}
    for far in fars:
        by_hub.setdefault(far.hub, []).append(far)
    found: dict[tuple[int, int], Crossing] = {}
    for near in nears:
        for far in by_hub.get(near.hub, ()):
            through = strength_of(near, far)
            if through is not None and through in allowed:
                step = BY_STRENGTH.index(through), far.vertex
                found.setdefault(step, Crossing(near, far, through))
    return [found[step] for step in sorted(found)]


def strength_of(near: LinkRow, far: LinkRow) -> LinkClass | None:
    """Return how strongly two claims to one identifier link their nodes; ``None``: not at all."""
    if far.vertex == near.vertex or _is_own_content(near, far):
        return None
    return BY_STRENGTH[max(STRENGTHS[near.link_class], STRENGTHS[far.link_class])]


def find_in(reader: Reader) -> FindLinks:
    """Return what finds the links of a store that stand as of a size."""

    def find(column: str, values: Collection[int], size: int) -> list[LinkRow]:
        if not values:
            return []
        rows = map(LinkRow._make, reader.find(LINK, column, values))
        return [row for row in rows if row.active and is_visible(row.since, row.until, size)]

    return find


def scan_links(reader: Reader, namespace: int) -> Iterator[LinkRow]:
    """Yield every row of the links of a namespace, in order."""
    start, end = (vertex_of(number, HUB_CODE, 0) for number in (namespace, namespace + 1))
    for row in map(LinkRow._make, scan_rows(reader, LINK, (start, 0, "", "", 0))):
        if row.vertex >= end:
            return
        yield row


def link_columns(rows: Collection[LinkRow]) -> LinkColumns:
    """Return what crossing decides on of links that stand."""
    return LinkColumns(
        np.array([row.vertex for row in rows], dtype=np.int64),
        np.array([row.hub for row in rows], dtype=np.int64),
        np.array([STRENGTHS[row.link_class] for row in rows], dtype=np.int8),
        np.array([source_number(row.source) for row in rows], dtype=np.int64),
    )


@lru_cache(maxsize=4_096)
def source_number(source: str) -> int:
    """Return a number that tells a source from every other, and does not say its name."""
    digest = blake2b(source.encode(), digest_size=_SOURCE_BYTES).digest()
    return int.from_bytes(digest, "big", signed=True)


def _is_own_content(near: LinkRow, far: LinkRow) -> bool:
    """One source that claims equal contents twice says nothing new about identity."""
    content = LinkClass.CONTENT.value
    return near.link_class == far.link_class == content and near.source == far.source


class _NoLinks:
    def may_link(self, rows: Ints) -> Bools:
        return np.zeros(len(rows), dtype=np.bool_)

    def of_vertices(self, vertices: Ints, size: int) -> LinkColumns:
        del vertices, size
        return NO_CLAIMS

    def of_hubs(self, hubs: Ints, size: int) -> LinkColumns:
        del hubs, size
        return NO_CLAIMS

    def vertices(self) -> list[int]:
        return []


NO_LINKS: Final = _NoLinks()
