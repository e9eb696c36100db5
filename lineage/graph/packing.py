"""Edges packed into compressed sparse rows, both ways: 29 bytes an edge, and 8 a row.

Edges lie sorted by tail and head, so their order is the rows downstream; upstream each row lists
the numbers of its edges. What is packed is never changed: many snapshots share it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lineage.graph.adjacency import (
    KIND_MASK,
    OPEN,
    Bools,
    EdgePiece,
    Ints,
    Shown,
    narrowest,
    view_of,
)

_EMPTY: Final[Ints] = np.empty(0, dtype=np.int32)
_PACKED_BITS_MAX: Final = 63
_SINCE_BYTES: Final = 4
_KIND_AND_START_BYTES: Final = 9


class Closings:
    """Which edges are closed, and by which position: most never are."""

    def __init__(self, edges: Ints, until: Ints) -> None:
        """Note closings in the order of the numbers of their edges."""
        self.edges = edges
        self.until = until

    def open_as_of(self, edges: Ints, size: int) -> Bools:
        """Tell of each edge whether it is not closed as of a size."""
        places = np.searchsorted(self.edges, edges)
        places[places == len(self.edges)] = 0
        is_open: Bools = (self.edges[places] != edges) | (self.until[places] >= size)
        return is_open

    def with_more(self, until: dict[int, int]) -> Closings:
        """Return these and others, given by their numbers: an edge is closed once."""
        if not until:
            return self
        more = sorted(until)
        ends = [until[edge] for edge in more]
        places = np.searchsorted(self.edges, more)
        return Closings(
            np.insert(self.edges.astype(np.int64), places, more),
            np.insert(self.until.astype(np.int64), places, ends),
        )

    @property
    def nbytes(self) -> int:
        """How many bytes they take."""
        return self.edges.nbytes + self.until.nbytes

    def __len__(self) -> int:
        return len(self.edges)


NO_CLOSINGS: Final = Closings(_EMPTY, _EMPTY)


class EdgeViews(NamedTuple):
    """One direction: where each row's edges start, the rows behind them, and their numbers.

    Without ``numbers`` the place of an edge is its number.
    """

    starts: memoryview[int]
    others: memoryview[int]
    numbers: memoryview[int] | None


class PackedEdges:
    """The edges of one namespace as of ``size``, as arrays."""

    FIELDS: Final = (
        *("tail", "head", "kind", "since", "stated_us", "closed", "until"),
        *("starts", "upstream_starts", "upstream_others", "upstream_edges"),
    )
    """The arrays, in the order in which a file holds them."""

    def __init__(self, size: int, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Take the arrays of ``FIELDS``."""
        self.size = size
        self.arrays = arrays
        self.tail, self.head = arrays["tail"], arrays["head"]
        self.kind, self.since, self.stated_us = (
            arrays[name] for name in ("kind", "since", "stated_us")
        )
        self.closings = Closings(arrays["closed"], arrays["until"])
        self.starts, self.upstream_starts = arrays["starts"], arrays["upstream_starts"]
        self.upstream_others = arrays["upstream_others"]
        self.upstream_edges = arrays["upstream_edges"]

    @property
    def count(self) -> int:
        """How many edges there are."""
        return len(self.tail)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.starts) - 1

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays take."""
        return sum(array.nbytes for array in self.arrays.values())

    @cached_property
    def downstream_views(self) -> EdgeViews:
        """What lies downstream, for reading one by one."""
        return EdgeViews(view_of(self.starts), view_of(self.head), None)

    @cached_property
    def upstream_views(self) -> EdgeViews:
        """What lies upstream, for reading one by one."""
        edges = view_of(self.upstream_edges)
        return EdgeViews(view_of(self.upstream_starts), view_of(self.upstream_others), edges)

    def behind(self, frontier: Ints, *, upstream: bool) -> tuple[Ints, Ints]:
        """Return (rows, edges) one edge away from sorted rows, whenever that edge was."""
        starts = self.upstream_starts if upstream else self.starts
        places = _gather(starts, frontier)
        if upstream:
            return self.upstream_others[places], self.upstream_edges[places]
        return self.head[places], places

    def shows(self, edges: Ints, shown: Shown) -> Bools | None:
        """Tell of each edge whether it counts; ``None``: all do."""
        mask: Bools | None = None
        if shown.size < self.size:
            mask = self.since[edges] < shown.size
        if shown.begun_before_us is not None:
            begun = self.stated_us[edges] < shown.begun_before_us
            mask = begun if mask is None else mask & begun
        if len(self.closings):
            is_open = self.closings.open_as_of(edges, shown.size)
            mask = is_open if mask is None else mask & is_open
        return mask

    def find(self, tail: int, head: int, kind: int, since: int) -> int | None:
        """Return the number of an edge."""
        if tail >= self.rows:
            return None
        first, last = int(self.starts[tail]), int(self.starts[tail + 1])
        heads = self.head[first:last]
        low = first + int(np.searchsorted(heads, head, "left"))
        high = first + int(np.searchsorted(heads, head, "right"))
        for edge in range(low, high):
            if self.kind[edge] & KIND_MASK == kind and self.since[edge] == since:
                return edge
        return None

    def piece(self) -> EdgePiece:
        """Return the edges as they were before they were packed."""
        until = np.full(self.count, OPEN, dtype=np.int64)
        until[self.closings.edges] = self.closings.until
        kind = self.kind.astype(np.int8, copy=False)
        return EdgePiece(self.tail, self.head, kind, self.since, until, self.stated_us)


def pack_edges(pieces: Iterable[EdgePiece], size: int) -> PackedEdges:
    """Pack edges, given in any order."""
    columns = [np.concatenate(column) for column in zip(*pieces, strict=True)]
    if not columns:
        return NOTHING_PACKED
    tail, head, kind, since, until, stated_us = columns
    rows = int(max(tail.max(initial=-1), head.max(initial=-1))) + 1
    order = _order(tail, head, rows)
    row_type, edge_type = narrowest(rows), narrowest(len(tail))
    # One column after the other, so that no more than one is there twice.
    tail = _taken(tail, order, row_type)
    head = _taken(head, order, row_type)
    kind = _taken(kind, order, np.int8)
    since = _taken(since, order, narrowest(size))
    stated_us = _taken(stated_us, order, np.int64)
    until = until if order is None else until[order]
    del order, columns
    closed = np.flatnonzero(until != OPEN).astype(edge_type)
    upstream = _grouped(head, rows)
    return PackedEdges(
        size,
        {
            "tail": tail,
            "head": head,
            "kind": kind,
            "since": since,
            "stated_us": stated_us,
            "closed": closed,
            "until": until[closed].astype(narrowest(size)),
            "starts": _starts(tail, rows),
            "upstream_starts": _starts(head, rows),
            "upstream_others": tail[upstream],
            "upstream_edges": upstream,
        },
    )


def packed_bytes(edges: int, rows: int) -> int:
    """Return how many bytes so many edges take at least, packed, between so many rows."""
    number, end = (np.dtype(narrowest(count)).itemsize for count in (edges, rows))
    return edges * (3 * end + number + _SINCE_BYTES + _KIND_AND_START_BYTES) + 2 * number * rows


def _taken(column: Ints, order: Ints | None, as_type: type[np.signedinteger[Any]]) -> Ints:
    ordered = column if order is None else column[order]
    return ordered.astype(as_type, copy=False)


def _order(tail: Ints, head: Ints, rows: int) -> Ints | None:
    """Return the order by tail, then by head; ``None``: they stand in it."""
    bits = rows.bit_length()
    if 2 * bits > _PACKED_BITS_MAX:
        return np.lexsort((head, tail))
    key = tail.astype(np.int64) << bits
    key |= head
    if bool((key[1:] >= key[:-1]).all()):
        return None
    return np.argsort(key, kind="stable")


def _starts(ends: Ints, rows: int) -> Ints:
    starts: Ints = np.zeros(rows + 1, dtype=narrowest(len(ends)))
    np.cumsum(np.bincount(ends, minlength=rows), out=starts[1:])
    return starts


def _grouped(ends: Ints, rows: int) -> Ints:
    """Return the numbers of edges by the row of one end, then by number."""
    count = len(ends)
    bits = count.bit_length()
    if rows.bit_length() + bits > _PACKED_BITS_MAX:
        return np.argsort(ends, kind="stable").astype(narrowest(count), copy=False)
    # Sorting one number of both is several times as fast as sorting places.
    key = ends.astype(np.int64) << bits
    key |= np.arange(count, dtype=np.int64)
    key.sort()
    key &= (1 << bits) - 1
    return key.astype(narrowest(count))


def _gather(starts: Ints, frontier: Ints) -> Ints:
    """Return the place of every edge of these rows, which are sorted."""
    rows = len(starts) - 1
    if len(frontier) and frontier[-1] >= rows:
        frontier = frontier[: int(np.searchsorted(frontier, rows))]
    first = starts[frontier]
    counts = starts[frontier + 1]
    counts -= first
    total = int(counts.sum())
    if total == 0:
        return _EMPTY
    first -= np.cumsum(counts, dtype=counts.dtype)
    first += counts
    places = np.repeat(first, counts)
    places += np.arange(total, dtype=places.dtype)
    return places


NOTHING_PACKED: Final = PackedEdges(
    0,
    dict.fromkeys(PackedEdges.FIELDS, _EMPTY)
    | dict.fromkeys(("starts", "upstream_starts"), np.zeros(1, dtype=np.int32)),
)
