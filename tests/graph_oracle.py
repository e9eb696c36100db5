"""What a walk should find, by plain dictionaries and sets: rows of views in, nodes and edges out.

Nothing here is taken from the engine but the forms in which it is asked and answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lineage.graph.walk import Bounds
from lineage.projections.links import LinkRow
from lineage.stores.tables import Row

EdgeName = tuple[int, int, str, int]
"""Tail, head, kind and since: the key of an edge's row."""
ClaimName = tuple[int, int, int]
"""Node, identifier and weakness."""
WEAKNESS = {"key": 0, "asserted": 0, "content": 1, "derived": 2, "guessed": 3}


class Reached(NamedTuple):
    """What the oracle found: nodes with depths, edges, and what was counted on the way."""

    depths: dict[int, int]
    edges: set[EdgeName]
    claims: set[ClaimName]
    """The claims by which links were crossed between two of the nodes."""
    stopped: set[int]
    fanned_out: int
    beyond: set[int]
    """What one more level would have added."""


def edges_shown(rows: Iterable[Row], bounds: Bounds) -> list[Row]:
    """Return the edges that show as of the size and had begun by the valid time."""
    valid = bounds.valid
    return [
        row
        for row in rows
        if row[3] < bounds.size
        and (row[4] is None or bounds.size <= row[4])
        and (valid is None or row[6] is None or row[6] < valid.end_us)
    ]


def links_standing(rows: Iterable[LinkRow], size: int) -> list[LinkRow]:
    """Return the claims that stand as of a size."""
    return [
        row
        for row in rows
        if row.active and row.since < size and (row.until is None or size <= row.until)
    ]


def pairs(
    links: list[LinkRow], vertex: int, allowed: Iterable[str]
) -> list[tuple[LinkRow, LinkRow, int]]:
    """Return (claim, claim, weakness) for each link of an allowed class from a node."""
    wanted = {WEAKNESS[one] for one in allowed}
    found = []
    for near in links:
        for far in links:
            if near.vertex != vertex or far.vertex == vertex or near.hub != far.hub:
                continue
            weakness = max(WEAKNESS[near.link_class], WEAKNESS[far.link_class])
            both_content = near.link_class == far.link_class == "content"
            if weakness in wanted and not (both_content and near.source == far.source):
                found.append((near, far, weakness))
    return found


class Walker:
    """Walks one way over lists."""

    def __init__(
        self, edges: list[Row], links: list[LinkRow], bounds: Bounds, *, upstream: bool
    ) -> None:
        self._edges = edges_shown(edges, bounds)
        self._links = links_standing(links, bounds.size)
        self._bounds = bounds
        self._upstream = upstream
        self._fanned_out = 0

    def walk(self, start: Iterable[int], stops: set[int]) -> Reached:
        """Walk from some nodes as deep as may be; the walk does not lead on from ``stops``."""
        seen: set[int] = set()
        settled: set[int] = set()
        level = self._arrive(set(start), seen, settled)
        depths = dict.fromkeys(level, 0)
        edges: set[EdgeName] = set()
        stopped: set[int] = set()
        depth = 0
        while level:
            if depth == self._bounds.depth_max:
                rows = [row for node in level for row in self._behind(node)]
                claims = self._joining(settled, seen)
                edges |= {row[:4] for row in rows if self._far(row) in seen}
                beyond = self._arrive({self._far(row) for row in rows}, set(seen), set(settled))
                return Reached(depths, edges, claims, stopped, self._fanned_out, beyond)
            rows = self._followed(level)
            edges |= {row[:4] for row in rows}
            depth += 1
            level = self._arrive({self._far(row) for row in rows}, seen, settled)
            depths |= dict.fromkeys(level, depth)
            stopped |= level & stops
            level = level - stops
        claims = self._joining(settled, seen)
        return Reached(depths, edges, claims, stopped, self._fanned_out, set())

    def _far(self, row: Row) -> int:
        return int(row[0] if self._upstream else row[1])

    def _followed(self, level: set[int]) -> list[Row]:
        found: list[Row] = []
        limit = self._bounds.fanout_max
        for node in level:
            mine = self._behind(node)
            mine.sort(key=lambda row: (self._far(row), KINDS_IN_ORDER.index(row[2])))
            found += mine if limit is None else mine[:limit]
            self._fanned_out += 0 if limit is None else len(mine[limit:])
        return found

    def _behind(self, node: int) -> list[Row]:
        return [row for row in self._edges if (row[1] if self._upstream else row[0]) == node]

    def _arrive(self, reached: set[int], seen: set[int], settled: set[int]) -> set[int]:
        fresh = reached - settled
        new = fresh - seen
        settled |= fresh
        seen |= fresh
        waiting = set(fresh)
        while waiting:
            node = waiting.pop()
            for other, weakness in {(far.vertex, w) for _, far, w in self._pairs(node)}:
                if other not in seen:
                    seen.add(other)
                    new.add(other)
                if weakness != WEAKNESS["content"] and other not in settled:
                    settled.add(other)
                    waiting.add(other)
        return new

    def _pairs(self, node: int) -> list[tuple[LinkRow, LinkRow, int]]:
        return pairs(self._links, node, [one.value for one in self._bounds.crossed])

    def _joining(self, settled: set[int], seen: set[int]) -> set[ClaimName]:
        """Return both claims of each link from a node whose links were crossed to one seen."""
        return {
            (claim.vertex, claim.hub, WEAKNESS[claim.link_class])
            for node in settled
            for near, far, _ in self._pairs(node)
            if far.vertex in seen
            for claim in (near, far)
        }


KINDS_IN_ORDER = (
    "DECLARED_OUTPUT",
    "DECLARED_INPUT",
    "INPUT",
    "OUTPUT",
    "INTERNAL_INPUT",
    "INTERNAL_OUTPUT",
    "PENDING_OUTPUT",
)
