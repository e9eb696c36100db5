"""Links that are counted, and led through points, against all pairs of claims."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lineage.graph.partners import LinkColumns, find_ways
from lineage.graph.stars import LinkArcs, link_arcs

CONTENT = 1
POINTS_PER_CLAIM = 3


class Told(NamedTuple):
    node: int
    identifier: int
    strength: int
    source: int


CLAIMS = st.lists(
    st.builds(Told, st.integers(0, 4), st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)),
    max_size=14,
    unique=True,
)


def columns_of(claims: list[Told]) -> LinkColumns:
    return LinkColumns(*np.array(claims, dtype=np.int64).reshape(-1, 4).T)


def strength_between(one: Told, other: Told) -> int | None:
    if one.node == other.node or one.identifier != other.identifier:
        return None
    if one.strength == other.strength == CONTENT and one.source == other.source:
        return None
    return max(one.strength, other.strength)


@given(claims=CLAIMS, others=CLAIMS)
def test_the_ways_of_a_claim_are_those_of_its_pairs(claims: list[Told], others: list[Told]) -> None:
    expected = [
        {found for other in others if (found := strength_between(one, other)) is not None}
        for one in claims
    ]
    found = find_ways(columns_of(claims), columns_of(others)).tolist()
    assert [{n for n in range(4) if ways >> n & 1} for ways in found] == expected


def led_to(arcs: LinkArcs, start: int) -> set[tuple[int, bool]]:
    """Return the nodes that a node leads to through points, and if by equal contents."""
    steps = list(zip(arcs.tail.tolist(), arcs.head.tolist(), arcs.by_content.tolist(), strict=True))
    found: set[tuple[int, bool]] = set()
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for tail, head, by_content in steps:
            if tail == here and head < arcs.first:
                found.add((head, by_content))
            elif tail == here and head not in seen:
                seen.add(head)
                waiting.append(head)
    return {one for one in found if one[0] != start}


@given(near=CLAIMS, far=CLAIMS, allowed=st.integers(0, 7))
def test_arcs_through_points_lead_where_pairs_of_claims_do(
    near: list[Told], far: list[Told], allowed: int
) -> None:
    first = 10
    arcs = link_arcs(columns_of(near), columns_of(far), allowed, first)
    for node in range(5):
        expected = {
            (other.node, strength == CONTENT)
            for one in near
            for other in far
            if one.node == node
            and (strength := strength_between(one, other)) is not None
            and allowed >> strength & 1
        }
        assert led_to(arcs, node) == expected
    assert arcs.end - first <= POINTS_PER_CLAIM * len(near)
    # From each claim to its points, along the sources, and to it for each strength or source.
    assert len(arcs.tail) <= 5 * len(near) + 6 * len(far)
    # Each point is led to by a node.
    reached: set[int] = set()
    waiting = [node for node in arcs.tail.tolist() if node < first]
    while waiting:
        here = waiting.pop()
        heads = set(arcs.head[arcs.tail == here].tolist())
        waiting += [one for one in heads - reached if one >= first]
        reached |= heads
    assert {one for one in arcs.tail.tolist() if one >= first} <= reached
