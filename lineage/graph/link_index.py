"""The links of one namespace in memory: what crossing decides on, packed by node and by hub.

Whose links have changed since they were packed stands in a small table, with all links of theirs;
it is shared by all snapshots of one packing, and an older one, asked as of its size, does not see
what came later.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lineage.graph.adjacency import OPEN, Bools, Ints, narrowest, row_of, rows_of, vertices_at
from lineage.graph.links import source_number
from lineage.graph.partners import STRENGTHS, LinkColumns
from lineage.projections.links import LINK, LinkRow
from lineage.stores.base import Reader
from lineage.stores.tables import is_visible
from lineage.vertices import HUB_CODE, KIND_CODES, kind_code, namespace_of, vertex_of
from lineage_schemas.mlmd import Kind

CHANGED_NODES_MIN: Final = 4_096
"""With so many changed, nothing is packed again ..."""
_CHANGED_PART: Final = 32
"""... nor with less than one in so many links that are packed."""

CHANGED_NODE_BYTES: Final = 400
CHANGED_CLAIM_BYTES: Final = 800
"""What a node whose links have changed takes, and each of its claims, about."""

_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]


class LinkPiece(NamedTuple):
    """Claims as arrays: node and hub by vertex, strength, source, since, until (or ``OPEN``)."""

    vertex: Ints
    hub: Ints
    strength: npt.NDArray[np.int8]
    source: Ints
    since: Ints
    until: Ints


class Claim(NamedTuple):
    """One claim of a node whose links have changed."""

    hub: int
    strength: int
    source: int
    since: int
    until: int | None


LinkChanges = dict[int, tuple[Claim, ...]]
"""All claims of the nodes whose links have changed, by node."""


class PackedLinks:
    """The claims of one namespace as of ``size``, as arrays."""

    FIELDS: Final = (
        *("node", "hub", "strength", "source", "since", "until"),
        *("hub_starts", "hub_links", "linked"),
    )

    def __init__(self, namespace: int, size: int, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Take the arrays of ``FIELDS``."""
        self.namespace = namespace
        self.size = size
        self.arrays = arrays
        self.node, self.hub = arrays["node"], arrays["hub"]
        self.strength, self.source = arrays["strength"], arrays["source"]
        self.since, self.until = arrays["since"], arrays["until"]
        self.hub_starts, self.hub_links = arrays["hub_starts"], arrays["hub_links"]
        self.linked = arrays["linked"]
        self._first_hub = vertex_of(namespace, HUB_CODE, 0)

    @property
    def count(self) -> int:
        """How many claims there are."""
        return len(self.node)

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays take."""
        return sum(array.nbytes for array in self.arrays.values())

    def of_vertices(self, vertices: Ints) -> Ints:
        """Return the numbers of the claims of nodes."""
        nodes = vertices - self._first_hub
        first = np.searchsorted(self.node, nodes, "left")
        return _ranges(first, np.searchsorted(self.node, nodes, "right") - first)

    def of_hubs(self, hubs: Ints) -> Ints:
        """Return the numbers of the claims of identifiers."""
        ids = hubs - self._first_hub
        ids = ids[ids < len(self.hub_starts) - 1]
        first = self.hub_starts[ids]
        return self.hub_links[_ranges(first, self.hub_starts[ids + 1] - first)]

    def standing(self, links: Ints, size: int) -> Ints:
        """Return those of the claims that stand as of a size."""
        return links[(self.since[links] < size) & (self.until[links] >= size)]

    def vertex(self, links: Ints) -> Ints:
        """Return the nodes of claims."""
        found: Ints = self._first_hub + self.node[links].astype(np.int64)
        return found

    def columns(self, links: Ints) -> LinkColumns:
        """Return what crossing decides on."""
        hubs: Ints = self._first_hub + self.hub[links].astype(np.int64)
        return LinkColumns(self.vertex(links), hubs, self.strength[links], self.source[links])

    def piece(self) -> LinkPiece:
        """Return the claims as they were before they were packed."""
        every = np.arange(self.count)
        columns = self.columns(every)
        until = self.until.astype(np.int64)
        until[self.until == np.iinfo(self.until.dtype).max] = OPEN
        strength = self.strength.astype(np.int8, copy=False)
        return LinkPiece(
            columns.vertex, columns.hub, strength, self.source, self.since.astype(np.int64), until
        )


class IndexedLinks:
    """The links of one namespace as of ``size``.

    ``extended`` makes another and leaves this one as it is; only the newest is extended.
    """

    def __init__(
        self,
        size: int,
        packed: PackedLinks,
        changed: dict[int, tuple[Claim, ...]],
        by_hub: dict[int, set[int]],
        touched: frozenset[int] = frozenset(),
    ) -> None:
        self.size = size
        self.packed = packed
        self._changed = changed
        self._by_hub = by_hub
        self.touched = touched
        """The nodes whose links have changed since they were packed."""
        self._touched: Ints = np.array(sorted(touched), dtype=np.int64)

    @cached_property
    def touched_rows(self) -> frozenset[int]:
        """The rows of those nodes; contexts have none."""
        return frozenset(row_of(one) for one in self.touched if kind_code(one) != _CONTEXT)

    @property
    def nbytes(self) -> int:
        """How many bytes they take, about, with all that shares what changed."""
        changed = CHANGED_NODE_BYTES * len(self._changed)
        claims = sum(len(found) for found in self._changed.values())
        return self.packed.nbytes + changed + CHANGED_CLAIM_BYTES * claims

    @classmethod
    def of(cls, packed: PackedLinks, size: int | None = None) -> IndexedLinks:
        """Return what is packed, as it is, and known to be all as of ``size``."""
        return cls(packed.size if size is None else size, packed, {}, {})

    def extended(self, changes: LinkChanges, size: int) -> IndexedLinks:
        """Return the links as of ``size``, given all links of the nodes whose links changed."""
        if not changes:
            return IndexedLinks(size, self.packed, self._changed, self._by_hub, self.touched)
        for vertex, claims in changes.items():
            for claim in claims:
                self._by_hub.setdefault(claim.hub, set()).add(vertex)
        self._changed.update(changes)
        touched = self.touched | changes.keys()
        grown = IndexedLinks(size, self.packed, self._changed, self._by_hub, touched)
        allowed = max(CHANGED_NODES_MIN, self.packed.count // _CHANGED_PART)
        return grown.repacked() if len(touched) > allowed else grown

    def repacked(self) -> IndexedLinks:
        """Return the same links without what changed standing apart."""
        packed = self.packed
        if not self._changed:
            if self.size == packed.size:
                return self
            return IndexedLinks.of(PackedLinks(packed.namespace, self.size, packed.arrays))
        old = packed.piece()
        kept = ~_among(old.vertex, self._touched)
        pieces = [LinkPiece(*(column[kept] for column in old)), self._changed_piece()]
        return IndexedLinks.of(pack_links(packed.namespace, pieces, self.size))

    def may_link(self, rows: Ints) -> Bools:
        """Tell of rows whether they have, or have had, links."""
        found = np.zeros(len(rows), dtype=np.bool_)
        inside = rows < len(self.packed.linked)
        found[inside] = self.packed.linked[rows[inside]]
        if len(self._touched):
            found |= _among(vertices_at(self.packed.namespace, rows), self._touched)
        return found

    def of_vertices(self, vertices: Ints, size: int) -> LinkColumns:
        """Return the links of nodes that stand as of ``size``."""
        is_changed = _among(vertices, self._touched)
        links = self.packed.of_vertices(vertices[~is_changed])
        found = self.packed.columns(self.packed.standing(links, size))
        more = [
            (vertex, claim)
            for vertex in vertices[is_changed].tolist()
            for claim in self._changed[vertex]
            if is_visible(claim.since, claim.until, size)
        ]
        return _with(found, more)

    def of_hubs(self, hubs: Ints, size: int) -> LinkColumns:
        """Return the links of identifiers that stand as of ``size``."""
        links = self.packed.standing(self.packed.of_hubs(hubs), size)
        if not len(self._touched):
            return self.packed.columns(links)
        links = links[~_among(self.packed.vertex(links), self._touched)]
        more = [
            (vertex, claim)
            for hub in hubs.tolist()
            for vertex in self.touched.intersection(self._by_hub.get(hub, ()))
            for claim in self._changed[vertex]
            if claim.hub == hub and is_visible(claim.since, claim.until, size)
        ]
        return _with(self.packed.columns(links), more)

    def vertices(self) -> list[int]:
        """Return the nodes that have, or have had, links, in order."""
        packed = np.unique(self.packed.vertex(np.arange(self.packed.count)))
        found: list[int] = np.union1d(packed, self._touched).tolist()
        return found

    def _changed_piece(self) -> LinkPiece:
        return _piece(
            (vertex, *claim[:4], self._end_of(claim))
            for vertex in self.touched
            for claim in self._changed[vertex]
            if claim.since < self.size
        )

    def _end_of(self, claim: Claim) -> int:
        """Return when a claim ended, as far as was known at this size."""
        return OPEN if claim.until is None or claim.until >= self.size else claim.until


def link_changes(reader: Reader, namespace: int, since: int) -> LinkChanges:
    """Read all claims of the nodes of a namespace whose links changed at ``since`` or later."""
    vertices = {row[0] for row in reader.added(LINK, since) if namespace_of(row[0]) == namespace}
    if not vertices:
        return {}
    claims: dict[int, list[Claim]] = {vertex: [] for vertex in vertices}
    for row in map(LinkRow._make, reader.find(LINK, "vertex", vertices)):
        claims[row.vertex].append(_claim(row))
    return {vertex: tuple(found) for vertex, found in claims.items()}


def link_piece(rows: Iterable[LinkRow]) -> LinkPiece:
    """Return rows of ``LINK`` as arrays; what was taken back links nothing."""
    return _piece(
        (row.vertex, *claim[:4], OPEN if claim.until is None else claim.until)
        for row in rows
        for claim in (_claim(row),)
    )


def pack_links(namespace: int, pieces: Iterable[LinkPiece], size: int) -> PackedLinks:
    """Pack claims, given in any order."""
    columns = [np.concatenate(column) for column in zip(*pieces, strict=True)]
    vertex, hub, strength, source, since, until = columns or _piece(())
    first_hub = vertex_of(namespace, HUB_CODE, 0)
    order = np.lexsort((since, source, strength, hub, vertex))
    nodes, hubs = (vertex - first_hub)[order], (hub - first_hub)[order]
    node_type = narrowest(int(nodes.max(initial=0)))
    position_type = narrowest(size)
    open_end = np.iinfo(position_type).max
    hub_count = int(hubs.max(initial=-1)) + 1
    hub_starts = np.zeros(hub_count + 1, dtype=narrowest(len(hubs)))
    np.cumsum(np.bincount(hubs, minlength=hub_count), out=hub_starts[1:])
    return PackedLinks(
        namespace,
        size,
        {
            "node": nodes.astype(node_type),
            "hub": hubs.astype(narrowest(hub_count)),
            "strength": strength[order],
            "source": source[order],
            "since": since[order].astype(position_type),
            "until": np.minimum(until[order], open_end).astype(position_type),
            "hub_starts": hub_starts,
            "hub_links": np.argsort(hubs, kind="stable").astype(narrowest(len(hubs))),
            "linked": _linked(vertex),
        },
    )


def _linked(vertices: Ints) -> npt.NDArray[np.int8]:
    """Return a mark for each row that has links: lineage never runs through contexts."""
    walkable = vertices[_codes(vertices) != _CONTEXT]
    rows = rows_of(walkable)
    marks = np.zeros(int(rows.max(initial=-1)) + 1, dtype=np.int8)
    marks[rows] = 1
    return marks


def _codes(vertices: Ints) -> Ints:
    shift = vertex_of(0, 1, 0).bit_length() - 1
    codes: Ints = vertices >> shift & _CONTEXT
    return codes


def _piece(cells: Iterable[tuple[int, ...]]) -> LinkPiece:
    columns = np.array(list(cells), dtype=np.int64).reshape(-1, len(LinkPiece._fields)).T
    vertex, hub, strength, source, since, until = columns
    return LinkPiece(vertex, hub, strength.astype(np.int8), source, since, until)


def _claim(row: LinkRow) -> Claim:
    """Return a row as a claim; of what was taken back, one that stands at no size.

    It is kept for the mark of its node: a claim may have stood before it in stated time, though it
    came too late to stand as of any size.
    """
    strength, source = STRENGTHS[row.link_class], source_number(row.source)
    return Claim(row.hub, strength, source, row.since, row.until if row.active else row.since)


def _with(found: LinkColumns, more: list[tuple[int, Claim]]) -> LinkColumns:
    if not more:
        return found
    columns: tuple[Ints, ...] = (
        np.array([vertex for vertex, _ in more], dtype=np.int64),
        np.array([claim.hub for _, claim in more], dtype=np.int64),
        np.array([claim.strength for _, claim in more], dtype=np.int8),
        np.array([claim.source for _, claim in more], dtype=np.int64),
    )
    return LinkColumns(*(np.concatenate(pair) for pair in zip(found, columns, strict=True)))


def _among(vertices: Ints, touched: Ints) -> Bools:
    """Tell of each whether it is among some that are sorted."""
    if not len(touched):
        return np.zeros(len(vertices), dtype=np.bool_)
    places = np.searchsorted(touched, vertices)
    places[places == len(touched)] = 0
    found: Bools = touched[places] == vertices
    return found


def _ranges(first: Ints, counts: Ints) -> Ints:
    """Return all whole numbers of some stretches."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    return np.repeat(first - ends + counts, counts) + np.arange(total)
