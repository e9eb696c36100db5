"""When which version of a model had which stage, from what a registry's tags did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.dvc.said_commits import REGISTRY_PROPERTY
from lineage_schemas.outside.gto import Action
from lineage_schemas.values import JsonValue

_PRIORITIES: Final = {action: number for number, action in enumerate(Action)}


class Move(Struct, frozen=True):
    """What one tag did, as the execution made of it says."""

    action: Action
    model: str
    tag: str
    time: datetime
    commit: str = ""
    version: str | None = None
    stage: str | None = None
    counter: int = 0


class StageInterval(Struct, frozen=True):
    """A version had a stage from a time until another (``None``: it has it still).

    ``opened_by`` and ``closed_by`` are the tags.
    """

    model: str
    stage: str
    version: str
    start: datetime
    end: datetime | None
    opened_by: str
    closed_by: str | None


def moves_of(executions: Iterable[Mapping[str, JsonValue]]) -> Iterator[Move]:
    """Yield the moves among executions, given each one's custom properties.

    What a deleted tag did is left out, as if it had not been, as GTO has it.

    Raises:
        DecodeError: never of executions that the mapping made.
    """
    for custom in executions:
        plain = custom.get(REGISTRY_PROPERTY)
        if isinstance(plain, dict) and "time" in plain and not custom.get("gto.is_tag_deleted"):
            yield msgspec.convert(plain, Move, strict=False)


def stage_intervals(moves: Iterable[Move]) -> tuple[StageInterval, ...]:
    """Return when each version had a stage: from its assignment until that is taken back.

    Several versions may have one stage at a time. In one second the counter of the tags decides,
    then what depends on what.
    """
    return _intervals(moves, lambda held: held)


def current_intervals(moves: Iterable[Move]) -> tuple[StageInterval, ...]:
    """Return which version was the current one of a stage: of those that have it, the last given.

    When it is taken back from the current one, the one before is current again, as GTO counts.
    """
    return _intervals(moves, lambda held: held[-1:])


_Held = list[tuple[str, str, str]]
"""(model, stage, version), the last given at the end."""


def _intervals(moves: Iterable[Move], shown: Callable[[_Held], _Held]) -> tuple[StageInterval, ...]:
    intervals: list[StageInterval] = []
    held: dict[tuple[str, str], _Held] = {}
    open_at: dict[tuple[str, str, str], int] = {}
    for move in sorted(moves, key=_order):
        _apply(move, held)
        now = [one for each in held.values() for one in shown(each)]
        for one in [one for one in open_at if one not in now]:
            index = open_at.pop(one)
            intervals[index] = msgspec.structs.replace(
                intervals[index], end=move.time, closed_by=move.tag
            )
        for one in now:
            if one not in open_at:
                open_at[one] = len(intervals)
                intervals.append(StageInterval(*one, move.time, None, move.tag, None))
    return tuple(intervals)


def _apply(move: Move, held: dict[tuple[str, str], _Held]) -> None:
    for (model, stage), versions in held.items():
        if model == move.model:
            versions[:] = [one for one in versions if not _closes(move, stage, one[2])]
    if move.action is Action.ASSIGNMENT and move.stage is not None:
        one = (move.model, move.stage, move.version or move.commit)
        versions = held.setdefault(one[:2], [])
        versions[:] = [*(other for other in versions if other != one), one]


def _closes(move: Move, stage: str, version: str) -> bool:
    match move.action:
        case Action.UNASSIGNMENT:
            return move.stage == stage and move.version == version
        case Action.DEREGISTRATION:
            return move.version == version
        case Action.DEPRECATION:
            return True
        case _:
            return False


def _order(move: Move) -> tuple[datetime, int, int, str]:
    return move.time, move.counter, _PRIORITIES[move.action], move.tag
