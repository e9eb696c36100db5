"""Edges that a question has come across in a store, each with one number, in few bytes.

The last that were met stand in a table; the others are sorted by name, in stretches of which each
is at least twice as long as the next, so that few are looked through.
"""

from __future__ import annotations

from array import array
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lineage.graph.adjacency import (
    DETAILED,
    KIND_MASK,
    Bools,
    EdgeColumns,
    EdgeNames,
    EdgePiece,
    Ints,
)
from lineage.stores.tables import Row

RECENT_MAX: Final = 8_192
"""So many stand in the table before they are sorted in."""

_KIND_BITS: Final = 3
_NAME: Final = np.dtype("S24")
"""Tail, head, and position with kind: as bytes, what is sorted and compared in one go."""

_Names = npt.NDArray[np.bytes_]


class _Stretch(NamedTuple):
    """Edges sorted by name, with their numbers."""

    names: _Names
    numbers: Ints


class MetEdges:
    """Numbers edges from 0 on, as they are met for the first time: some 75 bytes an edge."""

    def __init__(self) -> None:
        self._columns = tuple(array("q") for _ in range(5))
        """Tail, head, kind, since, stated start."""
        self._recent: dict[Row, int] = {}
        self._stretches: list[_Stretch] = []

    def numbers_of(self, rows: list[Row], piece: EdgePiece) -> Ints:
        """Return the numbers of distinct edges, given as rows of ``EDGE`` and as arrays."""
        numbers: Ints = np.array([self._recent.get(row[:4], -1) for row in rows], dtype=np.int64)
        if self._stretches:
            self._look_up(numbers, piece)
        fresh: Ints = np.flatnonzero(numbers < 0)
        count = len(self._columns[0])
        numbers[fresh] = np.arange(count, count + len(fresh))
        cells = piece.tail, piece.head, piece.kind, piece.since, piece.stated_us
        for known, more in zip(self._columns, cells, strict=True):
            known.frombytes(more[fresh].astype(np.int64).tobytes())
        for number, place in enumerate(fresh.tolist(), start=count):
            self._recent[rows[place][:4]] = number
        if len(self._recent) > RECENT_MAX:
            self._sort_recent()
        return numbers

    def columns(self, edges: Ints) -> EdgeColumns:
        """Return what is known of edges that were met."""
        tail, head, kind, since, stated_us = (_plain(column)[edges] for column in self._columns)
        return EdgeColumns(tail, head, kind & KIND_MASK, since, stated_us, kind >= DETAILED)

    def names(self, edges: Ints) -> EdgeNames:
        """Return what edges that were met join, and of what kind they are."""
        return EdgeNames(*(_plain(column)[edges] for column in self._columns[:3]))

    def _look_up(self, numbers: Ints, piece: EdgePiece) -> None:
        """Fill in the numbers of those that were sorted in."""
        unknown: Ints = np.flatnonzero(numbers < 0)
        names = _names(*(column[unknown] for column in piece[:4]))
        for stretch in self._stretches:
            places = np.searchsorted(stretch.names, names)
            places[places == len(stretch.names)] = 0
            found: Bools = stretch.names[places] == names
            numbers[unknown[found]] = stretch.numbers[places[found]]

    def _sort_recent(self) -> None:
        first = len(self._columns[0]) - len(self._recent)
        names = _names(*(_plain(column)[first:] for column in self._columns[:4]))
        self._recent = {}
        self._stretches.append(_sorted(names, np.arange(first, first + len(names))))
        while len(self._stretches) > 1:
            *_, longer, shorter = self._stretches
            if len(longer.names) >= 2 * len(shorter.names):
                return
            names = np.concatenate((longer.names, shorter.names))
            numbers = np.concatenate((longer.numbers, shorter.numbers))
            self._stretches[-2:] = [_sorted(names, numbers)]


def _plain(column: array[int]) -> npt.NDArray[np.int64]:
    return np.asarray(column, dtype=np.int64)


def _names(tail: Ints, head: Ints, kind: npt.NDArray[Any], since: Ints) -> _Names:
    """Return a name for each edge that tells it from all others."""
    cells = np.empty((len(tail), 3), dtype=">i8")
    cells[:, 0], cells[:, 1] = tail, head
    cells[:, 2] = since.astype(np.int64) << _KIND_BITS | kind & KIND_MASK
    return cells.view(_NAME).ravel()


def _sorted(names: _Names, numbers: Ints) -> _Stretch:
    order = np.argsort(names, kind="stable")
    return _Stretch(names[order], numbers[order])
