"""Fold moves into intervals: what served in each place, from when to when.

Places are apart: nothing that happens in one touches another. In a place moves count by their
times, never by the order in which they came. Those of one moment count in this order, and by the
keys of their executions where that leaves two alike:

1. what stops, so that what begins at that moment serves from then on;
2. changes, of which those that make a champion come last, so that two may trade roles;
3. what begins, and after it what begins beside it;
4. changes and ends of what begins only now.

What begins takes the place of what serves in its role, unless it is said to begin beside. A
deployment that serves already goes on; one that becomes champion ends the champion before. An end
that nobody told is therefore that of whatever came next, and an end that is told after that tells
nothing new. An end without any beginning makes an interval without a start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import groupby
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lineage.valid_time import ValidTime
from lineage_schemas.instants import instant_us
from lineage_schemas.serving import Certainty, Ending, Role, ServingAction, ServingMove


class ToldMove(NamedTuple):
    """A move, the key of the execution that says it, who said so, and in which entries."""

    move: ServingMove
    execution: str
    source: str = ""
    positions: tuple[int, ...] = ()

    @property
    def at_us(self) -> int:
        """When it was so at the latest, in microseconds."""
        return instant_us(self.move.at)

    @property
    def after_us(self) -> int | None:
        """When it was not yet so; ``None`` where that is the same moment."""
        after = None if self.move.after is None else instant_us(self.move.after)
        return None if after is None or after >= self.at_us else after


class Interval(Struct, frozen=True, kw_only=True):
    """A deployment served in a place, as ``ServingInterval`` says it; times in microseconds."""

    place: str
    deployment: str
    environment: str | None
    role: Role
    traffic_ratio: float | None
    start_us: int | None
    start_after_us: int | None = None
    end_us: int | None = None
    end_after_us: int | None = None
    ending: Ending | None = None
    is_rollback: bool = False
    trigger: str | None = None
    opened_by: str | None = None
    closed_by: str | None = None
    source: str = ""
    positions: tuple[int, ...] = ()

    def certainty_at(self, moment_us: int) -> Certainty | None:
        """Tell whether it served at a moment: surely, perhaps, or (``None``) surely not.

        Perhaps: the moment lies where the interval is only known to begin, or to end, somewhere;
        or before the end of one whose start nobody told.
        """
        start, end = self.start_us, self.end_us
        if end is not None and moment_us >= end:
            return None
        if start is None:
            return Certainty.POSSIBLE
        if moment_us < start:
            after = self.start_after_us
            return Certainty.POSSIBLE if after is not None and after < moment_us else None
        is_ending = self.end_after_us is not None and moment_us > self.end_after_us
        return Certainty.POSSIBLE if is_ending else Certainty.CERTAIN

    def certainty_during(self, valid: ValidTime) -> Certainty | None:
        """Tell whether it served at some moment of a time: surely, perhaps, or surely not.

        Of the moments of a stretch the first tells it, or the one at which the interval begins.
        """
        begins = [valid.start_us]
        if self.start_us is not None:
            begins.append(self.start_us)
        if self.start_after_us is not None:
            begins.append(self.start_after_us + 1)
        found = {
            self.certainty_at(moment)
            for moment in begins
            if valid.start_us <= moment < valid.end_us
        }
        return next((one for one in Certainty if one in found), None)


class Calendar(NamedTuple):
    """The intervals by place and start, and the moves that name no deployment and need one."""

    intervals: tuple[Interval, ...]
    unplaced: tuple[ToldMove, ...]


class _Turn(IntEnum):
    """The order of moves of one moment."""

    REMOVE = 0
    CHANGE = 1
    CROWN = 2
    DEPLOY = 3
    DEPLOY_BESIDE = 4


_NAMELESS: Final = ""
"""The place in the order of an interval that has none of something."""


def fold_moves(told: Iterable[ToldMove]) -> Calendar:
    """Return the calendar of these moves, whatever order they come in."""
    intervals: list[Interval] = []
    unplaced: list[ToldMove] = []
    ordered = sorted(told, key=lambda one: (one.move.place, one.at_us, one.execution))
    for place, moves in groupby(ordered, key=lambda one: one.move.place):
        folding = _Place(place)
        for _, batch in groupby(moves, key=lambda one: one.at_us):
            turns = _in_turn(list(batch), folding.serving)
            unplaced += [one for one in turns if not folding.fold(one)]
        intervals += sorted(folding.intervals, key=interval_order)
    return Calendar(tuple(intervals), tuple(unplaced))


def interval_order(one: Interval) -> tuple[bool, int, int, str, str]:
    """Return what intervals of a place are ordered by: those without a start come first."""
    start, end = one.start_us, one.end_us
    far = (1 << 63) - 1
    return (
        start is not None,
        start or 0,
        far if end is None else end,
        one.deployment,
        one.opened_by or one.closed_by or _NAMELESS,
    )


def _in_turn(batch: list[ToldMove], serving: frozenset[str]) -> Iterator[ToldMove]:
    """Yield the moves of one moment in their order."""
    beginning = {
        one.move.deployment
        for one in batch
        if one.move.action is ServingAction.DEPLOY and one.move.deployment not in serving
    }
    later: list[ToldMove] = []
    for one in sorted(batch, key=lambda one: (_turn_of(one.move), one.execution)):
        deployment, is_deploy = one.move.deployment, one.move.action is ServingAction.DEPLOY
        if is_deploy or deployment is None or deployment not in beginning:
            yield one
        else:
            later.append(one)
    # What begins now is changed before it ends, and else in the same order.
    yield from (one for one in later if one.move.action is ServingAction.CHANGE)
    yield from (one for one in later if one.move.action is ServingAction.REMOVE)


def _turn_of(move: ServingMove) -> _Turn:
    match move.action:
        case ServingAction.REMOVE:
            return _Turn.REMOVE
        case ServingAction.CHANGE:
            return _Turn.CROWN if move.role is Role.CHAMPION else _Turn.CHANGE
        case ServingAction.DEPLOY:
            return _Turn.DEPLOY_BESIDE if move.is_beside else _Turn.DEPLOY


class _Place:
    """The calendar of one place while it is folded."""

    def __init__(self, place: str) -> None:
        self._place = place
        self.intervals: list[Interval] = []
        self._open: dict[str, int] = {}
        self._seen: set[str] = set()

    @property
    def serving(self) -> frozenset[str]:
        """The deployments that serve."""
        return frozenset(self._open)

    def fold(self, told: ToldMove) -> bool:
        """Take in the next move; tell whether it says what it is about."""
        move = told.move
        if move.action is ServingAction.REMOVE:
            self._remove(told)
            return True
        if move.deployment is None:
            return False
        if move.action is ServingAction.DEPLOY:
            self._deploy(told, move.deployment)
        else:
            self._change(told, move.deployment)
        self._seen.add(move.deployment)
        return True

    def _deploy(self, told: ToldMove, deployment: str) -> None:
        self._put(told, deployment)
        if not told.move.is_beside:
            self._end_others(told, deployment)

    def _change(self, told: ToldMove, deployment: str) -> None:
        before = self._open.get(deployment)
        was_champion = before is not None and self.intervals[before].role is Role.CHAMPION
        self._put(told, deployment)
        is_crowned = told.move.role is Role.CHAMPION and not was_champion
        if is_crowned and not told.move.is_beside:
            self._end_others(told, deployment)

    def _put(self, told: ToldMove, deployment: str) -> None:
        """Let a deployment serve from now on as a move says, or go on if that changes nothing."""
        move, index = told.move, self._open.get(deployment)
        if index is None:
            self._begin(told, deployment, move.role or Role.CHAMPION, move.traffic_ratio)
            return
        old = self.intervals[index]
        role = move.role or old.role
        share = old.traffic_ratio if move.traffic_ratio is None else move.traffic_ratio
        if (role, share) == (old.role, old.traffic_ratio):
            return
        if old.start_us == told.at_us:
            # What is said of the very moment it began belongs to its beginning.
            positions = _union(old.positions, told.positions)
            self.intervals[index] = replace(
                old, role=role, traffic_ratio=share, positions=positions
            )
            return
        self._end(told, deployment, Ending.CHANGED)
        self._begin(told, deployment, role, share, environment=old.environment)

    def _begin(
        self,
        told: ToldMove,
        deployment: str,
        role: Role,
        share: float | None,
        environment: str | None = None,
    ) -> None:
        move = told.move
        self._open[deployment] = len(self.intervals)
        self.intervals.append(
            Interval(
                place=self._place,
                deployment=deployment,
                environment=move.environment or environment,
                role=role,
                traffic_ratio=share,
                start_us=told.at_us,
                start_after_us=told.after_us,
                is_rollback=move.is_rollback,
                trigger=move.trigger,
                opened_by=told.execution,
                source=told.source,
                positions=told.positions,
            )
        )

    def _end_others(self, told: ToldMove, deployment: str) -> None:
        """End what serves in the role that a deployment has now."""
        role = self.intervals[self._open[deployment]].role
        ending = Ending.ROLLED_BACK if told.move.is_rollback else Ending.REPLACED
        for other in [one for one in self._open if one != deployment]:
            if self.intervals[self._open[other]].role is role:
                self._end(told, other, ending)

    def _remove(self, told: ToldMove) -> None:
        move = told.move
        ending = Ending.ROLLED_BACK if move.is_rollback else Ending.REMOVED
        leaving = list(self._open) if move.deployment is None else [move.deployment]
        for deployment in leaving:
            if deployment in self._open:
                self._end(told, deployment, ending)
            elif deployment not in self._seen:
                self._end_unbegun(told, deployment, ending)

    def _end(self, told: ToldMove, deployment: str, ending: Ending) -> None:
        index = self._open.pop(deployment)
        old = self.intervals[index]
        after = told.after_us
        if after is not None and old.start_us is not None:
            # It served at its start, so it ended no earlier.
            after = max(after, old.start_us)
        self.intervals[index] = replace(
            old,
            end_us=told.at_us,
            end_after_us=None if after == told.at_us else after,
            ending=ending,
            closed_by=told.execution,
            positions=_union(old.positions, told.positions),
        )

    def _end_unbegun(self, told: ToldMove, deployment: str, ending: Ending) -> None:
        """Keep the end of what nobody said to have begun."""
        move = told.move
        self._seen.add(deployment)
        self.intervals.append(
            Interval(
                place=self._place,
                deployment=deployment,
                environment=move.environment,
                role=move.role or Role.CHAMPION,
                traffic_ratio=move.traffic_ratio,
                start_us=None,
                end_us=told.at_us,
                end_after_us=told.after_us,
                ending=ending,
                closed_by=told.execution,
                source=told.source,
                positions=told.positions,
            )
        )


def _union(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*first, *second}))
