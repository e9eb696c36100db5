"""Walk from field to field, level by level, within bounds. Knows no store.

A data set as a whole stands beside its fields. What the whole depends on, each of its fields does;
and whoever uses the whole uses each. So a walk from a field also takes the steps of the whole, and
one from the whole takes those of every field; each step is shown between the ends it was said of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from lineage_schemas.columns import Transformation
from lineage_schemas.graph import Truncation, TruncationReason


class Spot(NamedTuple):
    """A field of a data set, which goes by one name here; no ``field``: all of the data set."""

    dataset: str
    field: str | None

    @property
    def order(self) -> tuple[str, bool, str]:
        """By data set, the whole before its fields."""
        return self.dataset, self.field is not None, self.field or ""

    def touches(self, other: Spot) -> bool:
        """Tell whether a step at the other spot is one of this spot, both of one data set."""
        return self.field is None or other.field is None or self.field == other.field


class Step(NamedTuple):
    """What one execution says: ``target`` was made from ``source``."""

    source: Spot
    target: Spot
    transformations: tuple[Transformation, ...]
    execution: int


ReadSteps = Callable[[Iterable[str]], Mapping[str, Sequence[Step]]]
"""Reads the steps of data sets on the near side of a walk, by data set."""


class Limits(NamedTuple):
    """How far a walk goes, and how many spots an answer shows at the most.

    ``shown`` of these spots are those of another walk, and leave this one so much less room.
    """

    depth_max: int
    spots_max: int
    shown: int = 0


class WalkedColumns(NamedTuple):
    """The spots that a walk found, each with its depth, the steps between, and what cut it."""

    depths: dict[Spot, int]
    steps: frozenset[Step]
    truncations: tuple[Truncation, ...]


class _Passed(NamedTuple):
    """A step as a walk takes it: from the near spot to the far one."""

    near: Spot
    far: Spot
    step: Step


class ColumnWalk:
    """One walk in one direction."""

    def __init__(self, read: ReadSteps, limits: Limits, *, upstream: bool) -> None:
        self._read = read
        self._limits = limits
        self._upstream = upstream
        self._depths: dict[Spot, int] = {}
        self._walked: set[Spot] = set()
        """Spots that were walked on from. One may be shown without: the whole of a data set, where
        the walk came to one field and a step of the whole."""
        self._truncations: list[Truncation] = []

    def run(self, start: Iterable[Spot], beside: Iterable[Spot]) -> WalkedColumns:
        """Walk from ``start`` until nothing is new, or a bound is reached.

        The start, and what is shown ``beside`` it, is always part of the answer.
        """
        level = _in_order(set(start))
        self._depths = dict.fromkeys([*level, *beside], 0)
        room = max(self._limits.spots_max - self._limits.shown, len(self._depths))
        passed: list[_Passed] = []
        depth = 0
        while level and not self._truncations:
            self._walked.update(level)
            steps = self._steps(level)
            passed += steps
            if depth == self._limits.depth_max:
                passed += self._end_at_depth(steps, room)
                break
            self._show(steps, depth, room)
            far = {one.far for one in steps if one.far in self._depths} - self._walked
            level = _in_order(far)
            depth += 1
        kept = (one.step for one in passed if {one.near, one.far} <= self._depths.keys())
        return WalkedColumns(self._depths, frozenset(kept), tuple(self._truncations))

    def _steps(self, level: Sequence[Spot]) -> list[_Passed]:
        of_datasets = self._read({one.dataset for one in level})
        return [
            passed
            for spot in level
            for passed in map(self._passed, of_datasets.get(spot.dataset, ()))
            if spot.touches(passed.near)
        ]

    def _passed(self, step: Step) -> _Passed:
        if self._upstream:
            return _Passed(step.target, step.source, step)
        return _Passed(step.source, step.target, step)

    def _show(self, steps: Sequence[_Passed], depth: int, room: int) -> None:
        """Show the ends of steps: the near ones belong to this level, the far ones to the next."""
        near = {one.near for one in steps} - self._depths.keys()
        far = {one.far for one in steps} - self._depths.keys() - near
        fresh = [(one, depth) for one in _in_order(near)]
        self._add([*fresh, *((one, depth + 1) for one in _in_order(far))], room)

    def _add(self, fresh: list[tuple[Spot, int]], room: int) -> bool:
        """Show as many spots as there is room for; tell whether that was all."""
        room -= len(self._depths)
        self._depths.update(fresh[:room])
        if len(fresh) > room:
            self._cut(TruncationReason.NODES, self._limits.spots_max, len(fresh) - room)
        return len(fresh) <= room

    def _end_at_depth(self, steps: Sequence[_Passed], room: int) -> list[_Passed]:
        """Keep what joins spots that are shown, and count what one more step would add.

        A whole that was only shown may be reached by the last step: then what leads on from it
        would be added as well, and is returned where all of it is shown already.
        """
        shown = self._shown_at_last(steps, room)
        hidden = {one.far for one in steps} - self._depths.keys()
        beyond: list[_Passed] = []
        reached = {one.far for one in shown} - self._walked
        while reached:
            self._walked |= reached
            further = self._steps(_in_order(reached))
            beyond += further
            ends = {end for one in further for end in (one.near, one.far)}
            hidden |= ends - self._depths.keys()
            reached = {one.far for one in further} & self._depths.keys() - self._walked
        if hidden:
            self._cut(TruncationReason.DEPTH, self._limits.depth_max, len(hidden))
            return []
        return beyond

    def _shown_at_last(self, steps: Sequence[_Passed], room: int) -> list[_Passed]:
        """Show the near ends of steps that lead to what is shown, until no more are."""
        while True:
            shown = [one for one in steps if one.far in self._depths]
            fresh = {one.near for one in shown} - self._depths.keys()
            if not fresh:
                return shown
            if not self._add([(one, self._limits.depth_max) for one in _in_order(fresh)], room):
                return [one for one in shown if one.near in self._depths]

    def _cut(self, reason: TruncationReason, limit: int, hidden: int) -> None:
        self._truncations.append(Truncation(reason=reason, limit=limit, hidden=hidden))


def _in_order(spots: Iterable[Spot]) -> list[Spot]:
    return sorted(spots, key=lambda one: one.order)


def joined(one: WalkedColumns, other: WalkedColumns) -> WalkedColumns:
    """Put two walks from one start together; a spot in both keeps its smaller depth."""
    depths = dict(one.depths)
    for spot, depth in other.depths.items():
        depths[spot] = min(depth, depths.get(spot, depth))
    return WalkedColumns(depths, one.steps | other.steps, one.truncations + other.truncations)
