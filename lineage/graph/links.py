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
from lineage.projections.links import LINK, LinkRow
from lineage.projections.unfolding import KEY_CLASS
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import is_visible
from lineage.vertices import HUB_CODE, node_name, vertex_of
from lineage_schemas.errors import StoreError
from lineage_schemas.records import LinkClass

CROSSED_BY_DEFAULT: Final = (LinkClass.ASSERTED, LinkClass.CONTENT)
CROSSABLE: Final = (LinkClass.ASSERTED, LinkClass.CONTENT, LinkClass.DERIVED)

STRENGTHS: Final = {
    KEY_CLASS: 0,
    LinkClass.ASSERTED.value: 0,
    LinkClass.CONTENT.value: 1,
    LinkClass.DERIVED.value: 2,
    LinkClass.GUESSED.value: 3,
}
"""How weak a claim of each class is; a walk may not cross the last."""
BY_STRENGTH: Final = tuple(LinkClass)

_CONTENT: Final = STRENGTHS[LinkClass.CONTENT.value]
_SOURCE_BYTES: Final = 8
_PAIRS_MAX: Final = 1 << 20
"""Pairs of claims that are looked at at once."""


class Crossing(NamedTuple):
    """A step from one node to another through an identifier they share."""

    near: LinkRow
    far: LinkRow
    link_class: LinkClass


class LinkColumns(NamedTuple):
    """Claims that stand, as arrays: what crossing decides on."""

    vertex: Ints
    hub: Ints
    strength: Ints
    source: Ints


class Steps(NamedTuple):
    """Steps from one node to another, by vertex, each once with each strength."""

    near: Ints
    far: Ints
    strength: Ints


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

    def may_link(self, rows: Ints) -> None:
        """Return ``None``: nobody knows without asking."""
        del rows

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

    def of_hub(self, hub: int, size: int) -> list[LinkRow]:
        """Return the links of an identifier that show and stand as of ``size``."""
        return self._find("hub", [hub], size)

    def of_hubs(self, hubs: Collection[int], size: int) -> dict[int, list[LinkRow]]:
        """Return the links of identifiers that show and stand as of ``size``, by hub."""
        found: dict[int, list[LinkRow]] = {hub: [] for hub in hubs}
        for row in sorted(self._find("hub", hubs, size)):
            found[row.hub].append(row)
        return found

    def joined(self, vertex: int, size: int, link_class: LinkClass) -> list[int]:
        """Return the nodes that links of one class join to a node, in order."""
        near = np.array([vertex], dtype=np.int64)
        far = find_steps(self.source, near, size, [link_class]).far
        found: list[int] = np.unique(far).tolist()
        return found

    def crossings(self, vertex: int, size: int, allowed: Iterable[LinkClass]) -> list[Crossing]:
        """Return the steps from a node through links of the allowed classes, strongest first."""
        near = np.array([vertex], dtype=np.int64)
        return self.crossings_of(find_steps(self.source, near, size, allowed), size)

    def crossings_of(self, steps: Steps, size: int) -> list[Crossing]:
        """Return the rows behind steps: of several pairs of claims, the first by key.

        They come by the node they start from, strongest first, then by the node they lead to.
        """
        if not len(steps.near):
            return []
        ends = np.unique(np.concatenate(steps[:2])).tolist()
        claims: dict[int, list[LinkRow]] = {}
        for row in sorted(self._find("vertex", ends, size)):
            claims.setdefault(row.vertex, []).append(row)
        columns = (column.tolist() for column in steps)
        return [
            _crossing(claims[near], claims[far], strength)
            for near, far, strength in zip(*columns, strict=True)
        ]


def _crossing(near: list[LinkRow], far: list[LinkRow], strength: int) -> Crossing:
    """Return the first two claims, by key, that make a step of this strength."""
    for one in near:
        for other in far:
            if one.hub == other.hub and not _is_own_content(one, other):
                weaker = max(STRENGTHS[one.link_class], STRENGTHS[other.link_class])
                if weaker == strength:
                    return Crossing(one, other, BY_STRENGTH[strength])
    raise StoreError(
        "A link was crossed that the store does not hold",
        where=f"from {node_name(near[0].vertex)} to {node_name(far[0].vertex)}",
        hint="Restart this process, and run an audit of the views.",
    )


def find_steps(
    source: LinkSource, vertices: Ints, size: int, allowed: Iterable[LinkClass]
) -> Steps:
    """Return the steps from nodes through links of the allowed classes."""
    near = source.of_vertices(vertices, size)
    if not len(near.vertex):
        return NO_STEPS
    far = source.of_hubs(np.unique(near.hub), size)
    order = np.argsort(far.hub, kind="stable")
    far = LinkColumns(*(column[order] for column in far))
    first = np.searchsorted(far.hub, near.hub, "left")
    counts = np.searchsorted(far.hub, near.hub, "right") - first
    wanted = np.zeros(len(BY_STRENGTH), dtype=np.bool_)
    wanted[[STRENGTHS[link_class.value] for link_class in allowed]] = True
    found = [_joined(near, far, (first, counts), chosen, wanted) for chosen in _chunks(counts)]
    near_found, far_found, strengths = (
        np.concatenate(column) for column in zip(*found, strict=True)
    )
    return _distinct(Steps(near_found, far_found, strengths))


def _chunks(counts: Ints) -> Iterator[slice]:
    """Cut claims into stretches that meet so many others in all."""
    done = 0
    ends = np.cumsum(counts)
    while done < len(counts):
        before = int(ends[done - 1]) if done else 0
        last = max(int(np.searchsorted(ends, before + _PAIRS_MAX, "right")), done + 1)
        yield slice(done, last)
        done = last


def _joined(
    near: LinkColumns,
    far: LinkColumns,
    places: tuple[Ints, Ints],
    chosen: slice,
    wanted: Bools,
) -> Steps:
    first, counts = (column[chosen] for column in places)
    total = int(counts.sum())
    numbers: Ints = np.arange(chosen.start, chosen.start + len(counts), dtype=np.int64)
    one = np.repeat(numbers, counts)
    ends = np.cumsum(counts)
    other = np.repeat(first - ends + counts, counts) + np.arange(total)
    strength = np.maximum(near.strength[one], far.strength[other])
    is_own = (
        (near.strength[one] == _CONTENT)
        & (far.strength[other] == _CONTENT)
        & (near.source[one] == far.source[other])
    )
    kept = (near.vertex[one] != far.vertex[other]) & wanted[strength] & ~is_own
    return _distinct(Steps(near.vertex[one[kept]], far.vertex[other[kept]], strength[kept]))


def _distinct(steps: Steps) -> Steps:
    """Return each step once, by its ends and strength."""
    if len(steps.near) < 2:  # noqa: PLR2004 - one is distinct
        return steps
    order = np.lexsort((steps.far, steps.strength, steps.near))
    ordered = Steps(*(column[order] for column in steps))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = np.any([column[1:] != column[:-1] for column in ordered], axis=0)
    return Steps(*(column[first] for column in ordered))


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
        return link_columns(())

    def of_hubs(self, hubs: Ints, size: int) -> LinkColumns:
        del hubs, size
        return link_columns(())

    def vertices(self) -> list[int]:
        return []


NO_LINKS: Final = _NoLinks()
_NOTHING: Final[Ints] = np.empty(0, dtype=np.int64)
NO_STEPS: Final = Steps(_NOTHING, _NOTHING, _NOTHING)
