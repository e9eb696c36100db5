"""Walk where the graph is narrow: over plain numbers one by one, without the cost of arrays."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lineage.graph.adjacency import Ints, Shown, view_of
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.link_index import IndexedLinks
from lineage.graph.spare_marks import SETTLED

ROWS_MAX: Final = 24
"""Up to so many rows, single numbers are faster than arrays."""
_EDGES_MAX: Final = 512
"""With more edges than this behind a level, it is no narrow one."""
_UNLINKED: Final[npt.NDArray[np.int8]] = np.empty(0, dtype=np.int8)
_AT_ONCE_MIN: Final = 16
_AT_ONCE_MAX: Final = 4_096
"""So many edges of a chain are followed before it is looked up which of them count."""


class Run(NamedTuple):
    """What a narrow stretch was walked: rows with depths from its start, edges, and where it ends.

    ``level`` is the level that is to be walked on from, after so many ``levels``.
    """

    rows: Ints
    depths: Ints
    edges: Ints
    level: Ints
    levels: int


class _Chain(NamedTuple):
    """Rows one behind the other, and the edges that lead to them."""

    rows: Ints
    edges: Ints


class _Found:
    """What was found so far, in pieces."""

    def __init__(self) -> None:
        self.depth = 0
        self._rows: list[Ints] = []
        self._depths: list[Ints] = []
        self._edges: list[Ints] = []
        self._waiting: tuple[list[int], list[int], list[int]] = ([], [], [])

    def add_level(self, rows: list[int], edges: list[int]) -> None:
        self.depth += 1
        waiting_rows, depths, waiting_edges = self._waiting
        waiting_rows += rows
        depths += [self.depth] * len(rows)
        waiting_edges += edges

    def add_chain(self, chain: _Chain) -> None:
        self._settle()
        self._rows.append(chain.rows)
        self._depths.append(np.arange(self.depth + 1, self.depth + 1 + len(chain.rows)))
        self._edges.append(chain.edges)
        self.depth += len(chain.rows)

    def run(self, level: list[int]) -> Run:
        self._settle()
        if not self._rows:
            nothing = _array([])
            return Run(nothing, nothing, nothing, _array(level), self.depth)
        columns = (np.concatenate(one) for one in (self._rows, self._depths, self._edges))
        rows, depths, edges = columns
        return Run(rows, depths, edges, _array(level), self.depth)

    def _settle(self) -> None:
        if self._waiting[0] or self._waiting[2]:
            pieces = self._rows, self._depths, self._edges
            for piece, waiting in zip(pieces, self._waiting, strict=True):
                piece.append(_array(waiting))
                waiting.clear()


class Narrow:
    """Walks narrow stretches in one direction, over edges in memory, up to rows with links."""

    def __init__(
        self, edges: EdgeIndex, links: IndexedLinks | None, shown: Shown, *, upstream: bool
    ) -> None:
        """Walk by ``edges``; without ``links`` none are crossed."""
        packed = edges.packed
        views = packed.upstream_views if upstream else packed.downstream_views
        self._starts, self._others, self._numbers = views
        self._other_array = packed.upstream_others if upstream else packed.head
        self._number_array = packed.upstream_edges if upstream else None
        self._packed_rows = packed.rows
        self._upstream = upstream
        self._edges = edges
        self._added = edges.added
        self._by_row = edges.added.upstream if upstream else edges.added.downstream
        self._shown = shown
        self._links = links
        self._linked = view_of(_UNLINKED if links is None else links.packed.linked)
        closed = len(packed.closings) or len(edges.closings)
        self._is_masked = bool(closed) or shown.size < packed.size or shown.valid is not None
        self._at_once = _AT_ONCE_MIN

    def suits(self, level: Ints) -> bool:
        """Tell whether a level is narrow."""
        return len(level) <= ROWS_MAX

    def run(self, level: Ints, marks: npt.NDArray[np.uint8], room: tuple[int, int]) -> Run:
        """Walk on from a level while it is narrow, marking rows as settled.

        ``room`` is how many levels, and how many rows, there may be more. What does not fit, and a
        level with links to cross, is left to whoever asks.
        """
        levels_max, rows_left = room
        seen = view_of(marks)
        here: list[int] = level.tolist()
        found = _Found()
        while here and len(here) <= ROWS_MAX and found.depth < levels_max:
            if len(here) == 1:
                count_max = min(levels_max - found.depth, rows_left)
                chain = self._chain(here[0], marks, seen, count_max)
                if chain is not None:
                    found.add_chain(chain)
                    rows_left -= len(chain.rows)
                    here = chain.rows[-1:].tolist()
                    continue
            behind = self._behind(here)
            if behind is None:
                break
            reached = {row for row in behind[0] if seen[row] < SETTLED}
            if len(reached) > rows_left or self._has_links(reached):
                break
            here = sorted(reached)
            for row in here:
                seen[row] = SETTLED
            found.add_level(here, behind[1])
            rows_left -= len(here)
        return found.run(here)

    def _chain(
        self, row: int, marks: npt.NDArray[np.uint8], seen: memoryview[int], count_max: int
    ) -> _Chain | None:
        """Follow rows of which each has one edge on; ``None``: this one is no such row."""
        if row >= self._packed_rows:
            return None
        starts, others = self._starts, self._others
        first = row
        places: list[int] = []
        append = places.append
        for _ in range(min(count_max, self._at_once)):
            place = starts[row]
            if starts[row + 1] - place != 1:
                break
            row = others[place]
            if seen[row]:
                break
            seen[row] = SETTLED
            append(place)
        if not places:
            return None
        chain = self._chain_at(places)
        count = self._count_plain(first, chain)
        marks[chain.rows[count:]] = 0
        # What is followed too far is followed in vain, so a stretch grows only while it goes well.
        is_plain = count == len(places)
        self._at_once = min(2 * self._at_once, _AT_ONCE_MAX) if is_plain else _AT_ONCE_MIN
        return _Chain(chain.rows[:count], chain.edges[:count]) if count else None

    def _chain_at(self, places: list[int]) -> _Chain:
        at = np.array(places, dtype=np.int64)
        return _Chain(
            self._other_array[at], at if self._number_array is None else self._number_array[at]
        )

    def _count_plain(self, first: int, chain: _Chain) -> int:
        """Return how many of the edges of a chain count, and lead on to rows without links.

        A chain ends, too, where a row has an edge that was added later.
        """
        count = len(chain.rows)
        shown = self._edges.packed_shown(chain.edges, self._shown) if self._is_masked else None
        if shown is not None and not shown.all():
            count = int(shown.argmin())
        if self._links is not None:
            linked = self._links.may_link(chain.rows[:count])
            count = int(linked.argmax()) if linked.any() else count
        if self._by_row:
            rows = [first, *chain.rows[: max(count - 1, 0)].tolist()]
            more = [index for index, row in enumerate(rows) if row in self._by_row]
            count = min([count, *more])
        return count

    def _behind(self, level: list[int]) -> tuple[list[int], list[int]] | None:
        """Return (rows, edges) one edge away, of those that count; ``None``: too many."""
        starts, others, numbers = self._starts, self._others, self._numbers
        rows: list[int] = []
        edges: list[int] = []
        for row in level:
            if row < self._packed_rows:
                first, last = starts[row], starts[row + 1]
                if last - first > _EDGES_MAX:
                    return None
                rows += others[first:last]
                edges += range(first, last) if numbers is None else numbers[first:last]
        if self._is_masked and edges:
            rows, edges = self._masked(rows, edges)
        if self._by_row:
            more = self._added.behind(level, self._shown, upstream=self._upstream)
            rows += more[0]
            edges += more[1]
        return None if len(edges) > _EDGES_MAX else (rows, edges)

    def _masked(self, rows: list[int], edges: list[int]) -> tuple[list[int], list[int]]:
        mask = self._edges.packed_shown(_array(edges), self._shown)
        if mask is None or mask.all():
            return rows, edges
        kept = np.flatnonzero(mask).tolist()
        return [rows[index] for index in kept], [edges[index] for index in kept]

    def _has_links(self, rows: set[int]) -> bool:
        if self._links is None or not rows:
            return False
        linked, touched = self._linked, self._links.touched_rows
        count = len(linked)
        return any((row < count and linked[row]) or row in touched for row in rows)


def _array(numbers: list[int]) -> Ints:
    return np.array(numbers, dtype=np.int64)
