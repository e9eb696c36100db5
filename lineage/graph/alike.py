"""What has the same content as what among the things of an answer, without pairs of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

from lineage.graph.partners import ASSERTED, CONTENT, LinkColumns, find_ways
from lineage.graph.stars import LinkArcs, link_arcs

_BY_CONTENT: Final = 1 << CONTENT


class AlikeClaim(NamedTuple):
    """A thing goes by an identifier, as its content or as asserted, by the word of a source."""

    thing: int
    identifier: int
    by_content: bool
    source: int


class Alike:
    """Which things a link of equal contents joins; such links do not chain."""

    def __init__(self, claims: Collection[AlikeClaim]) -> None:
        self._by_thing: dict[int, list[AlikeClaim]] = {}
        self._by_identifier: dict[int, list[AlikeClaim]] = {}
        for claim in sorted(set(claims)):
            self._by_thing.setdefault(claim.thing, []).append(claim)
            self._by_identifier.setdefault(claim.identifier, []).append(claim)
        self._first: dict[tuple[int, int, bool, int | None], list[int]] = {}

    def to(self, things: Collection[int]) -> set[int]:
        """Return which things have the same content as another one of these."""
        claims = _columns(claim for some in self._by_thing.values() for claim in some)
        others = _columns(claim for thing in things for claim in self._by_thing.get(thing, ()))
        return set(claims.vertex[find_ways(claims, others) & _BY_CONTENT > 0].tolist())

    def groups_of(
        self, ones: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]
    ) -> set[int]:
        """Return the groups with a thing that has the same content as another in the group.

        Both are (group, thing), and the two things one of each.
        """
        numbers: dict[tuple[int, int], int] = {}
        mine, theirs = (
            _columns(
                claim._replace(
                    identifier=numbers.setdefault((group, claim.identifier), len(numbers))
                )
                for group, thing in pairs
                for claim in self._by_thing.get(thing, ())
            )
            for pairs in (ones, others)
        )
        groups = [group for group, _ in numbers]
        linked = mine.hub[find_ways(mine, theirs) & _BY_CONTENT > 0].tolist()
        return {groups[number] for number in linked}

    def arcs(self, first: int) -> LinkArcs:
        """Return the links as arcs between things, which are below ``first``, through points."""
        claims = _columns(claim for some in self._by_thing.values() for claim in some)
        return link_arcs(claims, claims, _BY_CONTENT, first)

    def first(self, thing: int, count: int) -> list[int]:
        """Return the first so many things that have the same content as one, in order."""
        found: set[int] = set()
        for claim in self._by_thing.get(thing, ()):
            source = claim.source if claim.by_content else None
            way = count, claim.identifier, claim.by_content, source
            if way not in self._first:
                self._first[way] = list(islice(self._led_to(claim), count + 1))
            found.update(self._first[way])
        return sorted(found - {thing})[:count]

    def _led_to(self, near: AlikeClaim) -> Iterable[int]:
        """Yield in order, each once, the things that a claim links its own to, and maybe itself."""
        last = -1
        for far in self._by_identifier[near.identifier]:
            is_own = near.by_content and far.by_content and near.source == far.source
            if far.thing != last and (near.by_content or far.by_content) and not is_own:
                last = far.thing
                yield far.thing


def _columns(claims: Iterable[AlikeClaim]) -> LinkColumns:
    cells = [
        (thing, identifier, CONTENT if by_content else ASSERTED, source)
        for thing, identifier, by_content, source in claims
    ]
    return LinkColumns(*np.array(cells, dtype=np.int64).reshape(-1, 4).T)
