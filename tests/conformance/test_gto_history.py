"""GTO's own history of a registry gives the intervals that our records give."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from dvc_repositories import START, Tools, lock_text, look_at, records_of
from lineage.clock import system_clock
from lineage.connectors.dvc.intervals import (
    Move,
    StageInterval,
    current_intervals,
    moves_of,
    stage_intervals,
)
from lineage.connectors.dvc.mapping import DvcMapping
from lineage_schemas.known_types.registry import personal_properties
from lineage_schemas.mlmd import Artifact, Event, EventKind, Execution, Kind
from lineage_schemas.outside.gto import Action, parse_registry_tag
from lineage_schemas.records import AnyRecord
from looks import LOOKED_AT, Remembered, miss
from peers import peer

pytestmark = pytest.mark.peers

MODEL = "a" * 32
NEXT = "b" * 32


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Two models: registered, promoted, taken back, promoted again, deregistered, deprecated."""
    tools = Tools(tmp_path_factory.mktemp("gto") / "work", peer("dvc"))
    tools.begin()
    tools.write(
        "dvc.yaml",
        "stages:\n  train:\n    cmd: run train\n    outs: [model.pkl]\n"
        "artifacts:\n  fraud: {path: model.pkl, type: model}\n",
    )
    tools.write("nested/dvc.yaml", "artifacts:\n  churn: {path: churn.pkl, type: model}\n")
    tools.write("nested/churn.pkl", "bytes in git")
    tools.write("dvc.lock", lock_text(("train", {}, {"model.pkl": MODEL})))
    first = tools.commit("First")
    tools.write("dvc.lock", lock_text(("train", {}, {"model.pkl": NEXT})))
    second = tools.commit("Second")
    third = tools.commit("Third")
    _gto(tools, "register", "fraud", first, "--version", "v1.0.0")
    _gto(tools, "assign", "fraud", first, "--stage", "dev")
    _gto(tools, "assign", "fraud", first, "--stage", "prod")
    _gto(tools, "register", "fraud", second, "--version", "v1.1.0")
    _gto(tools, "assign", "fraud", second, "--stage", "prod")
    _gto(tools, "deprecate", "fraud", "v1.1.0", "prod")
    _gto(tools, "deprecate", "fraud", "v1.0.0", "prod")
    _gto(tools, "assign", "fraud", first, "--stage", "prod")
    _gto(tools, "register", "nested:churn", second, "--version", "v0.1.0")
    _gto(tools, "assign", "nested:churn", second, "--stage", "prod")
    _gto(tools, "assign", "fraud", third, "--stage", "canary", "--skip-registration")
    _gto(tools, "deprecate", "fraud", "v1.0.0")
    _gto(tools, "deprecate", "nested:churn")
    tools.run("git", "tag", "plain", first)
    tools.tag("release-7", first)
    return tools


def _gto(tools: Tools, command: str, *arguments: str) -> None:
    """Run gto, which takes the time of its tags from the machine: no two in one second.

    In what order it tells those of one second is left open by it; ours has a test of its own.
    """
    tools.run("gto", command, *arguments)
    second = system_clock() // 1_000_000
    while system_clock() // 1_000_000 == second:
        sleep(0.02)


@pytest.fixture(scope="module")
def records(registry: Tools) -> list[AnyRecord]:
    look = look_at(registry.path)
    assert look.unread == []
    return records_of(look)


def _intervals(records: list[AnyRecord]) -> tuple[StageInterval, ...]:
    executions = [one.custom_properties for one in records if isinstance(one, Execution)]
    return stage_intervals(moves_of(executions))


Held = tuple[str, str, str, datetime, datetime | None]


def _by_hand(history: list[dict[str, Any]]) -> list[Held]:
    """Walk through GTO's history, oldest first, and note which version has which stage."""
    held: dict[tuple[str, str, str], datetime] = {}
    found: list[Held] = []
    for one in history:
        time = datetime.fromisoformat(one["timestamp"]).astimezone(UTC)
        place = (one["artifact"], one["stage"], one["version"])
        match one["event"]:
            case "assignment":
                held.setdefault(place, time)
            case "unassignment":
                found.append((*place, held.pop(place), time))
            case "deregistration" | "deprecation":
                closed = [
                    other for other in held if other[0] == place[0] and place[2] in {None, other[2]}
                ]
                found += [(*other, held.pop(other), time) for other in closed]
            case _:
                assert one["event"] in {"registration", "creation"}
    return [*found, *((*place, start, None) for place, start in held.items())]


def test_intervals_equal_those_of_gtos_history(registry: Tools, records: list[AnyRecord]) -> None:
    history = json.loads(registry.run("gto", "history", "--json", "--ascending"))
    expected = _by_hand(history)
    ours = [(one.model, one.stage, one.version, one.start, one.end) for one in _intervals(records)]
    assert sorted(ours, key=str) == sorted(expected, key=str)
    assert len(ours) == 6


def test_every_tag_of_the_registry_is_one_execution_that_tells_what_gto_tells(
    registry: Tools, records: list[AnyRecord]
) -> None:
    history = json.loads(registry.run("gto", "history", "--json", "--ascending"))
    moves = moves_of(one.custom_properties for one in records if isinstance(one, Execution))
    ours = {
        (one.action.value, one.model, one.version, one.stage, one.commit, one.tag, one.time)
        for one in moves
    }
    assert ours == {
        (
            one["event"],
            one["artifact"],
            one["version"],
            one["stage"],
            one["commit"],
            one["ref"],
            datetime.fromisoformat(one["timestamp"]).astimezone(UTC),
        )
        for one in history
    }


def test_a_registration_leads_from_the_bytes_of_the_model_to_its_version(
    records: list[AnyRecord],
) -> None:
    made = {
        str(one.artifact): str(one.execution)
        for one in records
        if isinstance(one, Event)
        and one.kind is EventKind.OUTPUT
        and str(one.artifact).startswith("dvc:model-version/")
    }
    read = {
        (str(one.execution), str(one.artifact))
        for one in records
        if isinstance(one, Event) and one.path == ("model",)
    }
    told = {version.partition("Ffraud/")[2]: made[version] for version in made}
    for version, state in (
        ("fraud@v1.0.0", f"md5:{MODEL}"),
        ("fraud@v1.1.0", f"md5:{NEXT}"),
    ):
        model = f"dvc:data/example.org%2FTeam%2Ffraud/model.pkl@{state}"
        assert (told[version], model) in read
    nested = [model for execution, model in read if execution == told["nested:churn@v0.1.0"]]
    assert len(nested) == 1
    assert "/nested/churn.pkl@git:" in nested[0]


def test_who_tagged_is_personal(records: list[AnyRecord]) -> None:
    named = 0
    for one in records:
        if isinstance(one, Execution | Artifact) and one.type:
            kind = Kind.EXECUTION if isinstance(one, Execution) else Kind.ARTIFACT
            personal = personal_properties(kind, one.type) | set(one.personal)
            for name, value in (*one.properties.items(), *one.custom_properties.items()):
                if "example.org>" in str(value):
                    named += 1
                    assert name in personal, (one.type, name)
    assert named > 10


def test_a_deleted_tag_is_history_and_its_stage_is_held_no_longer(
    registry: Tools, tmp_path: Path
) -> None:
    copy = Tools(tmp_path / "copy", peer("dvc"))
    copy.run("git", "clone", "-q", str(registry.path), ".")
    copy.run("git", "remote", "set-url", "origin", "https://example.org/Team/fraud")
    memory = Remembered()
    before = records_of(look_at(copy.path, memory))
    (tag,) = (one.opened_by for one in _intervals(before) if one.stage == "canary")
    copy.run("git", "tag", "-d", tag)
    shown = {one.subject for one in look_at(copy.path, memory).documents}
    gone = [one for one in memory.subjects("tag") if one not in shown]
    assert len(gone) == 1
    later = LOOKED_AT + timedelta(days=1)
    batch = miss(gone[0], memory, DvcMapping(), "dvc", later)
    stated = batch[1].stated
    assert stated is not None
    assert (stated.start, stated.end, stated.precision.value) == (LOOKED_AT, later, "interval")
    told = [one for one in batch[1].records if isinstance(one, Execution)]
    assert [one.custom_properties for one in told] == [{"gto.is_tag_deleted": True}]


@pytest.mark.parametrize(
    ("name", "action", "model", "version", "stage", "counter"),
    [
        ("a@v1.2.3", "registration", "a", "v1.2.3", None, None),
        ("a@v1.2.3-rc.1+b#4", "registration", "a", "v1.2.3-rc.1+b", None, 4),
        ("a@v1.2.3!#5", "deregistration", "a", "v1.2.3", None, 5),
        ("a#prod", "assignment", "a", None, "prod", None),
        ("a#prod#2", "assignment", "a", None, "prod", 2),
        ("a#prod!#3", "unassignment", "a", None, "prod", 3),
        ("dir/sub=a#prod", "assignment", "dir/sub:a", None, "prod", None),
        ("a@deprecated", "deprecation", "a", None, None, None),
        ("a@created#1", "creation", "a", None, None, 1),
    ],
)
def test_a_tag_of_the_registry_is_read(
    name: str, action: str, model: str, version: str | None, stage: str | None, counter: int | None
) -> None:
    found = parse_registry_tag(name)
    assert found is not None
    assert (found.action.value, found.model, found.version, found.stage, found.counter) == (
        action, model, version, stage, counter,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["v1.2.3", "a@1.2.3", "a@v1.2", "a@v01.2.3", "a#", "-a#prod", "a#prod#x", "a:b#prod"]
)
def test_a_tag_of_anything_else_is_not(name: str) -> None:
    assert parse_registry_tag(name) is None


def test_within_one_second_the_counter_decides() -> None:
    time = datetime.fromtimestamp(START, UTC)
    moves = [
        Move(Action.ASSIGNMENT, "a", "a#prod#3", time, version="v1.0.0", stage="prod", counter=3),
        Move(
            Action.UNASSIGNMENT, "a", "a#prod!#2", time, version="v1.0.0", stage="prod", counter=2
        ),
        Move(Action.ASSIGNMENT, "a", "a#prod#1", time, version="v1.0.0", stage="prod", counter=1),
    ]
    found = stage_intervals(moves)
    assert [(one.opened_by, one.closed_by) for one in found] == [
        ("a#prod#1", "a#prod!#2"),
        ("a#prod#3", None),
    ]


def test_the_current_version_is_the_last_given_and_the_one_before_when_that_is_taken_back() -> None:
    start = datetime.fromtimestamp(START, UTC)
    told = [("v1", Action.ASSIGNMENT), ("v2", Action.ASSIGNMENT), ("v2", Action.UNASSIGNMENT)]
    moves = [
        Move(action, "a", f"tag{n}", start + timedelta(hours=n), version=version, stage="prod")
        for n, (version, action) in enumerate(told)
    ]
    found = current_intervals(reversed(moves))
    hours = [
        (one.version, (one.start - start) // timedelta(hours=1), one.closed_by) for one in found
    ]
    assert hours == [("v1", 0, "tag1"), ("v2", 1, "tag2"), ("v1", 2, None)]
