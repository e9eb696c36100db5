"""When which version of a model had which stage, from what a registry's tags did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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

    ``opened_by`` and ``closed_by`` are the tags. Giving a stage to another version ends it for the
    one before, as GTO counts by default.
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
    """Return the intervals of all stages in the order in which they began.

    In one second the counter of the tags decides, then what depends on what.
    """
    intervals: list[StageInterval] = []
    open_at: dict[tuple[str, str], int] = {}
    for move in sorted(moves, key=_order):
        closing = [
            place
            for place, index in open_at.items()
            if place[0] == move.model and _closes(move, place[1], intervals[index].version)
        ]
        for place in closing:
            index = open_at.pop(place)
            intervals[index] = msgspec.structs.replace(
                intervals[index], end=move.time, closed_by=move.tag
            )
        if move.action is Action.ASSIGNMENT and move.stage is not None:
            place = (move.model, move.stage)
            if place not in open_at:
                open_at[place] = len(intervals)
                intervals.append(
                    StageInterval(
                        move.model,
                        move.stage,
                        move.version or move.commit,
                        move.time,
                        None,
                        move.tag,
                        None,
                    )
                )
    return tuple(intervals)


def _closes(move: Move, stage: str, version: str) -> bool:
    match move.action:
        case Action.ASSIGNMENT:
            return move.stage == stage and move.version != version
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
