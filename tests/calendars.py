"""What tests of serving share: moves and intervals written as tables, and statements of moves."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lineage.connectors.deployments.saying import move_property
from lineage.ledger import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ParentContext,
    StatedTime,
    Statement,
)
from lineage.serving.calendar import Calendar, Interval, ToldMove
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import Role, ServingAction, ServingMove

DAWN = datetime(2026, 1, 1, tzinfo=UTC)
_TYPES = {
    ServingAction.DEPLOY: "lineage.Deploy",
    ServingAction.CHANGE: "lineage.Promote",
    ServingAction.REMOVE: "lineage.Retire",
}


def hour(text: str) -> datetime | None:
    """Return the moment of so many hours after the dawn; of ``-`` none."""
    return None if text == "-" else DAWN + timedelta(hours=float(text))


def moves_in(table: str, name: str = "move") -> list[ToldMove]:
    """Read moves: ``hour place action deployment [after=] [role=] [share=] [flags]``, one a line.

    ``name`` and the line's number are the execution's name; the number is its position.
    """
    told: list[ToldMove] = []
    for number, line in enumerate(filter(None, map(str.strip, table.splitlines()))):
        at, place, action, deployment, *rest = line.split()
        more = dict(one.split("=") for one in rest if "=" in one)
        moment = hour(at)
        assert moment is not None
        move = ServingMove(
            action=ServingAction(action),
            at=moment,
            after=hour(more.get("after", "-")),
            place=f"acme:{place}",
            deployment=None if deployment == "*" else f"acme:{place}/{deployment}",
            role=Role(more["role"]) if "role" in more else None,
            traffic_ratio=float(more["share"]) if "share" in more else None,
            is_beside="beside" in rest,
            is_rollback="rollback" in rest,
            trigger=more.get("trigger"),
        )
        told.append(ToldMove(move, f"acme:{name}/{number:03}", "k8s", (number,)))
    return told


def hours_of(moment_us: int | None) -> str:
    """Return a moment as hours after the dawn, as short as can be."""
    if moment_us is None:
        return "-"
    return f"{(moment_us - int(DAWN.timestamp()) * 1_000_000) / 3_600_000_000:g}"


def rows_of(intervals: Iterable[Interval]) -> list[str]:
    """Write intervals as ``place deployment role share from to ending [rollback]``."""
    return [_row(one) for one in intervals]


def _row(one: Interval) -> str:
    bound = f"({hours_of(one.start_after_us)} " if one.start_after_us is not None else ""
    late = f"({hours_of(one.end_after_us)} " if one.end_after_us is not None else ""
    words = [
        one.place.removeprefix("acme:"),
        one.deployment.rpartition("/")[2],
        one.role.value,
        "-" if one.traffic_ratio is None else f"{one.traffic_ratio:g}",
        f"{bound}{hours_of(one.start_us)}",
        f"{late}{hours_of(one.end_us)}",
        one.ending.value if one.ending else "-",
    ]
    if one.is_rollback:
        words.append("rollback")
    if one.trigger:
        words.append(f"trigger={one.trigger}")
    return " ".join(words)


def table_of(text: str) -> list[str]:
    """Return the rows of a table, each with single blanks."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def serving_at(calendar: Calendar, moment_us: int) -> set[tuple[str, str, str, float | None, str]]:
    """Return who serves at a moment, and whether that is certain."""
    found = ((one, one.certainty_at(moment_us)) for one in calendar.intervals)
    return {
        (one.place, one.deployment, one.role.value, one.traffic_ratio, certainty.value)
        for one, certainty in found
        if certainty is not None
    }


def say_move(
    told: ToldMove, environment: str = "acme:env/production", inputs: Sequence[str] = ()
) -> Statement:
    """Say a move as a connector does: execution, deployment, place and environment."""
    move = told.move
    kind = EventKind.INPUT if move.action is ServingAction.REMOVE else EventKind.OUTPUT
    records: list[AnyRecord] = [
        Context(
            key=environment,
            type="lineage.Environment",
            properties={"display_name": environment.rpartition("/")[2]},
        ),
        Context(key=move.place, type="lineage.Service"),
        ParentContext(parent=environment, child=move.place),
        Execution(
            key=told.execution,
            type="lineage.RollBack" if move.is_rollback else _TYPES[move.action],
            custom_properties=move_property(move),
        ),
        Association(context=move.place, execution=told.execution),
    ]
    if move.deployment is not None:
        records += [
            Artifact(key=move.deployment, type="lineage.Deployment"),
            Attribution(context=move.place, artifact=move.deployment),
            Event(artifact=move.deployment, execution=told.execution, kind=kind),
        ]
    records += [
        Event(artifact=one, execution=told.execution, kind=EventKind.INPUT) for one in inputs
    ]
    if move.trigger is not None:
        records += [
            Artifact(key=move.trigger, type="lineage.Incident"),
            Event(
                artifact=move.trigger,
                execution=told.execution,
                kind=EventKind.INPUT,
                path=("trigger",),
            ),
        ]
    return Statement(
        id=told.execution,
        source=told.source,
        stated=StatedTime(start=move.at),
        records=tuple(records),
    )
