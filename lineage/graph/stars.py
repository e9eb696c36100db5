"""Links as arcs through points that stand for identifiers: as many as claims, not as pairs of them.

A node leads to the points of its identifiers, and a point to all nodes that a claim of its strength
links. Equal contents link only what different sources claimed: the sources of an identifier stand
in a row, and a node is led to by those before its own source, and by those behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import Bools, Ints
from lineage.graph.partners import BY_STRENGTH, CONTENT, LinkColumns

_NOTHING: Final[Ints] = np.empty(0, dtype=np.int64)


class LinkArcs(NamedTuple):
    """Arcs by the numbers of their ends; ``by_content`` marks those to a node by equal contents.

    A point has a number from ``first`` up to ``end``; every other number is a node's. A node leads
    through points to each node that a link joins to it, and may lead back to itself.
    """

    tail: Ints
    head: Ints
    by_content: Bools
    first: int
    end: int


class _Piece(NamedTuple):
    tail: Ints
    head: Ints
    by_content: bool = False


def link_arcs(near: LinkColumns, far: LinkColumns, allowed: int, first: int) -> LinkArcs:
    """Return the links of allowed strengths (bits) from nodes of ``near`` to nodes of ``far``.

    Nodes are numbers below ``first``, given in place of their vertices.
    """
    pieces: list[_Piece] = []
    end = first
    for strength in np.unique(near.strength).tolist():
        claims = near.among(near.strength == strength)
        hubs, place = np.unique(claims.hub, return_inverse=True)
        onward = list(_from_points(hubs, strength, far, allowed, end))
        if onward:
            pieces += [_Piece(claims.vertex, end + place), *onward]
            end += len(hubs)
    if allowed >> CONTENT & 1:
        contents = near.among(near.strength == CONTENT), far.among(far.strength == CONTENT)
        found, end = _of_contents(*contents, end)
        pieces += found
    if not pieces:
        return LinkArcs(_NOTHING, _NOTHING, np.empty(0, dtype=np.bool_), first, end)
    return LinkArcs(
        np.concatenate([piece.tail for piece in pieces]),
        np.concatenate([piece.head for piece in pieces]),
        np.repeat([piece.by_content for piece in pieces], [len(piece.tail) for piece in pieces]),
        first,
        end,
    )


def _from_points(
    hubs: Ints, strength: int, far: LinkColumns, allowed: int, first: int
) -> Iterator[_Piece]:
    """Yield the arcs from the points of identifiers, one for each in order, by one strength."""
    for other in range(len(BY_STRENGTH)):
        weaker = max(strength, other)
        if not allowed >> weaker & 1 or strength == other == CONTENT:
            continue
        claims = far.among(far.strength == other)
        claims = claims.among(np.isin(claims.hub, hubs))
        points = first + np.searchsorted(hubs, claims.hub)
        if len(points):
            yield _Piece(points, claims.vertex, by_content=weaker == CONTENT)


def _of_contents(near: LinkColumns, far: LinkColumns, first: int) -> tuple[list[_Piece], int]:
    """Return the arcs between equal contents of different sources, and the end of their points.

    Of the sources of an identifier in a row, one point leads on from all up to each, and one from
    all from each onwards.
    """
    if not len(near.hub) or not len(far.hub):
        return [], first
    sources, source = np.unique(np.concatenate((near.source, far.source)), return_inverse=True)
    count = len(near.hub)
    hub: Ints = np.unique(np.concatenate((near.hub, far.hub)), return_inverse=True)[1]
    names: Ints = hub * len(sources) + source
    ways, place = np.unique(names[:count], return_inverse=True)
    up_to, onwards = first, first + len(ways)
    together = np.flatnonzero(ways[1:] // len(sources) == ways[:-1] // len(sources))
    hub_starts = np.searchsorted(ways, hub[count:] * len(sources))
    hub_ends = np.searchsorted(ways, (hub[count:] + 1) * len(sources))
    before = np.searchsorted(ways, names[count:], "left")
    behind = np.searchsorted(ways, names[count:], "right")
    has_before, has_behind = before > hub_starts, behind < hub_ends
    pieces = [
        _Piece(near.vertex, up_to + place),
        _Piece(near.vertex, onwards + place),
        _Piece(up_to + together, up_to + together + 1),
        _Piece(onwards + together + 1, onwards + together),
        _Piece(up_to + before[has_before] - 1, far.vertex[has_before], by_content=True),
        _Piece(onwards + behind[has_behind], far.vertex[has_behind], by_content=True),
    ]
    return pieces, onwards + len(ways)
