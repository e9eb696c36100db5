"""Which claims to one identifier link their nodes, told without looking at pairs of claims.

What n nodes claim makes n x n pairs, so partners are counted instead: those that an identifier has
in all, less those of the claim's own node, less those of its own source where that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lineage.graph.adjacency import Bools, Ints
from lineage.projections.unfolding import KEY_CLASS
from lineage_schemas.records import LinkClass

STRENGTHS: Final = {
    KEY_CLASS: 0,
    LinkClass.ASSERTED.value: 0,
    LinkClass.CONTENT.value: 1,
    LinkClass.DERIVED.value: 2,
    LinkClass.GUESSED.value: 3,
}
"""How weak a claim of each class is; a walk may not cross the last."""
BY_STRENGTH: Final = tuple(LinkClass)
ASSERTED: Final = STRENGTHS[LinkClass.ASSERTED.value]
CONTENT: Final = STRENGTHS[LinkClass.CONTENT.value]

Ways = npt.NDArray[np.uint8]
"""For each of some claims the strengths of its links: of strength n, bit n."""


class LinkColumns(NamedTuple):
    """Claims that stand, as arrays: what crossing decides on."""

    vertex: Ints
    hub: Ints
    strength: Ints
    source: Ints

    def among(self, chosen: Bools | Ints) -> LinkColumns:
        """Return some of them."""
        return LinkColumns(*(column[chosen] for column in self))


_NOTHING: Final[Ints] = np.empty(0, dtype=np.int64)
NO_CLAIMS: Final = LinkColumns(_NOTHING, _NOTHING, _NOTHING, _NOTHING)


def joined_columns(pieces: Sequence[LinkColumns]) -> LinkColumns:
    """Return claims as one, in the order of their pieces."""
    if not pieces:
        return NO_CLAIMS
    return LinkColumns(*(np.concatenate(column) for column in zip(*pieces, strict=True)))


def ways_of(classes: Iterable[LinkClass]) -> int:
    """Return link classes as bits."""
    return sum(1 << STRENGTHS[link_class.value] for link_class in set(classes))


def find_ways(claims: LinkColumns, others: LinkColumns) -> Ways:
    """Return how the others link each of some claims to another node.

    Takes time and memory in proportion to the claims, and to the others, however many share an
    identifier.
    """
    found = np.zeros(len(claims.hub), dtype=np.uint8)
    if not len(others.hub) or not len(claims.hub):
        return found
    (hub, node, source), (other_hub, other_node, other_source) = _numbered(claims, others)
    for strength in np.unique(others.strength).tolist():
        chosen = others.strength == strength
        partners = counted(hub, other_hub[chosen]) - counted(node, other_node[chosen])
        if strength == CONTENT:
            is_content = claims.strength == CONTENT
            partners[is_content] -= counted(source[is_content], other_source[chosen])
            own, others_own = _paired(node, source, other_node[chosen], other_source[chosen])
            partners[is_content] += counted(own[is_content], others_own)
        weaker = np.maximum(claims.strength, strength)
        found |= np.where(partners > 0, np.left_shift(1, weaker), 0).astype(np.uint8)
    return found


def _numbered(
    claims: LinkColumns, others: LinkColumns
) -> tuple[tuple[Ints, Ints, Ints], tuple[Ints, Ints, Ints]]:
    """Return numbers of the identifiers, of nodes at an identifier, and of sources at one."""
    count = len(claims.hub)
    _, hub = np.unique(np.concatenate((claims.hub, others.hub)), return_inverse=True)
    at_hub: list[Ints] = [hub]
    for column in ("vertex", "source"):
        both = np.concatenate((getattr(claims, column), getattr(others, column)))
        values, number = np.unique(both, return_inverse=True)
        at_hub.append(hub * len(values) + number)
    one, two, three = at_hub
    return (one[:count], two[:count], three[:count]), (one[count:], two[count:], three[count:])


def _paired(one: Ints, two: Ints, other_one: Ints, other_two: Ints) -> tuple[Ints, Ints]:
    """Return numbers of pairs, the same for the same pair among the first and the others."""
    count = len(one)
    _, first = np.unique(np.concatenate((one, other_one)), return_inverse=True)
    values, second = np.unique(np.concatenate((two, other_two)), return_inverse=True)
    pairs: Ints = first * len(values) + second
    return pairs[:count], pairs[count:]


def counted(wanted: Ints, among: Ints) -> Ints:
    """Return how often each number occurs among some."""
    ordered = np.sort(among)
    counts: Ints = np.searchsorted(ordered, wanted, "right") - np.searchsorted(ordered, wanted)
    return counts
