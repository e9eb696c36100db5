"""A repository that is looked at again and again: what is appended, what is gone, what leads on."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import md5
from itertools import islice
from pathlib import Path

import pytest

from checks import check_ledger
from doubles import NOON_US, FakeClock, SeededRandomness
from dvc_repositories import HOUR, REPOSITORY, START, Tools, lock_text, records_of
from dvc_repositories import look_at as read_once
from lineage import open_ledger
from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.dvc.reading import DvcOptions, DvcReader
from lineage.importing.importer import Importer, Source, Tally, looking_at
from lineage.importing.looking import look_at
from lineage.ledger import Event, EventKind, Execution, Ledger, Statement, TraceQuery
from lineage_schemas.instants import instant_of
from lineage_schemas.mlmd import Artifact, Kind
from lineage_schemas.records import LinkClass, Precision, StatedTime
from lineage_schemas.values import JsonValue
from looks import Remembered

A, B, C = "a" * 32, "b" * 32, "c" * 32
DEFINITION = (
    "stages:\n  train:\n    cmd: run\n    deps: [in.csv]\n    outs: [model.bin]\n"
    "artifacts:\n  fraud: {path: model.bin, type: model}\n"
)
SOURCE = Source(name="dvc/fraud", mapping=DvcMapping())


class Watched:
    """A repository and a ledger that looks at it."""

    def __init__(self, path: Path) -> None:
        self.tools = Tools(path / "work")
        self.tools.begin()
        self.tools.write("dvc.yaml", DEFINITION)
        self.tools.write("in.csv.dvc", f"outs:\n- path: in.csv\n  hash: md5\n  md5: {A}\n")
        self.first = self._locked(B, "First")
        self.second = self._locked(C, "Second")
        self.tools.tag("fraud@v1.0.0", self.first)
        self.tools.tag("fraud#prod#1", self.first)
        self.clock = FakeClock(NOON_US)
        self.ledger = open_ledger(
            path / "ledger.db", clock=self.clock, randomness=SeededRandomness("dvc")
        )

    def _locked(self, digest: str, message: str) -> str:
        self.tools.write("dvc.lock", lock_text(("train", {"in.csv": A}, {"model.bin": digest})))
        return self.tools.commit(message)

    def look(self, *, is_whole: bool = True, options: DvcOptions | None = None) -> Tally:
        self.clock.now_us += 3_600_000_000
        reader = DvcReader(self.tools.path, options or DvcOptions())
        return look_at(
            self.ledger, SOURCE, reader, is_whole=is_whole, due_seconds=None, clock=self.clock
        )


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_second_look_appends_nothing_and_counts_the_same(watched: Watched) -> None:
    first = watched.look()
    size = watched.ledger.head().size
    second = watched.look()
    third = watched.look(is_whole=False)
    assert watched.ledger.head().size == size
    assert second.there == first.there == first.here == second.here
    assert first.there == {
        "repository": 1, "stage": 2, "pipeline": 2, "tracked": 1, "commit": 2, "tag": 2,
    }  # fmt: skip
    assert (second.appended, third.appended) == (0, 0)
    assert first.unread == []


def test_a_look_that_was_interrupted_goes_on_from_there(watched: Watched, tmp_path: Path) -> None:
    reader = DvcReader(watched.tools.path)
    scans = watched.ledger.looks.scans(SOURCE.name)
    importer = Importer(watched.ledger, SOURCE, looking_at(scans, instant_of(watched.clock())))
    importer.take(islice(reader.read(importer.memory, None, is_whole=True), 4))
    watched.look()
    whole = Watched(tmp_path / "other")
    whole.look()
    assert _executions(watched.ledger) == _executions(whole.ledger)


def _executions(ledger: Ledger) -> set[str | None]:
    found = ledger.list_nodes("lineage.Run").nodes
    return {node.key for node in found}


def test_the_model_is_reached_from_the_data_and_the_version_from_the_model(
    watched: Watched,
) -> None:
    watched.look()
    version = f"dvc:model-version/{REPOSITORY.replace('/', '%2F')}/fraud@v1.0.0"
    keys = {node.key for node in watched.ledger.trace(TraceQuery(start=(version,))).nodes}
    data = f"dvc:data/{REPOSITORY.replace('/', '%2F')}"
    assert f"{data}/in.csv@md5:{A}" in keys
    assert f"{data}/model.bin@md5:{B}" in keys
    assert f"{data}/model.bin@md5:{C}" not in keys
    assert f"git:commit/{watched.first}" in keys


def test_the_commit_of_a_run_leads_to_the_lock_as_derived_and_never_otherwise(
    watched: Watched,
) -> None:
    watched.look()
    run = "mlflow:run/server/" + "0" * 32
    watched.ledger.record(
        [
            Statement(
                id="run",
                source="mlflow",
                records=(
                    Execution(key=run, type="lineage.Run"),
                    Event(
                        artifact=f"git:commit/{watched.second}",
                        execution=run,
                        kind=EventKind.INPUT,
                    ),
                ),
            )
        ]
    )
    strict = watched.ledger.trace(TraceQuery(start=(run,)))
    assert not any("dvc:stage/" in str(node.key) for node in strict.nodes)
    wide = watched.ledger.trace(
        TraceQuery(start=(run,), cross=(LinkClass.ASSERTED, LinkClass.CONTENT, LinkClass.DERIVED))
    )
    locks = [str(node.key) for node in wide.nodes if "dvc:lock/" in str(node.key)]
    assert len(locks) == 1
    assert any("dvc:stage/" in str(node.key) for node in wide.nodes)


def test_a_rewritten_history_is_told_as_gone(watched: Watched) -> None:
    watched.look()
    watched.tools.run("git", "reset", "-q", "--hard", watched.first)
    watched.tools.run("git", "tag", "-d", "fraud#prod#1")
    tally = watched.look()
    assert tally.gone == 2
    commit = watched.ledger.show(f"git:commit/{watched.second}")
    assert "git.is_unreachable" in repr(commit)
    assert watched.look().appended == 0


def _tags(watched: Watched, commit: str) -> JsonValue:
    found = watched.ledger.show(f"git:commit/{commit}")[0].node.custom_properties
    return found.get("git.tag/fraud#prod#1")


def _is_deleted(watched: Watched, tag: str) -> JsonValue:
    key = f"git:tag/{REPOSITORY.replace('/', '%2F')}/fraud#prod#1@{tag}"
    return watched.ledger.show(key)[0].node.custom_properties.get("gto.is_tag_deleted")


def test_a_tag_that_is_restored_is_there_again(watched: Watched) -> None:
    watched.look()
    tag = watched.tools.run("git", "rev-parse", "refs/tags/fraud#prod#1").strip()
    watched.tools.run("git", "tag", "-d", "fraud#prod#1")
    watched.look()
    assert (_tags(watched, watched.first), _is_deleted(watched, tag)) == (None, True)
    watched.tools.run("git", "update-ref", "refs/tags/fraud#prod#1", tag)
    tally = watched.look()
    assert (tally.appended, tally.older) == (1, 0)
    assert _tags(watched, watched.first) is not None
    assert _is_deleted(watched, tag) is False
    assert watched.look().appended == 0
    check_ledger(watched.ledger)


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_tag_that_is_moved_to_an_older_date_is_taken_in_and_back(
    watched: Watched, place: str
) -> None:
    watched.look()
    old = watched.tools.run("git", "rev-parse", "refs/tags/fraud#prod#1").strip()
    watched.tools.run("git", "tag", "-d", "fraud#prod#1")
    watched.tools.clock -= HOUR
    commit = {"first": watched.first, "second": watched.second}[place]
    watched.tools.tag("fraud#prod#1", commit, "moved")
    new = watched.tools.run("git", "rev-parse", "refs/tags/fraud#prod#1").strip()
    assert watched.look().appended == 1
    assert new in repr(_tags(watched, commit))
    assert [_is_deleted(watched, one) for one in (old, new)] == [True, False]
    watched.tools.run("git", "update-ref", "refs/tags/fraud#prod#1", old)
    assert watched.look().appended == 1
    assert old in repr(_tags(watched, watched.first))
    assert [_is_deleted(watched, one) for one in (old, new)] == [False, True]


def _marks(watched: Watched, version: str = "v1.0.0") -> dict[str, JsonValue]:
    key = f"dvc:model-version/{REPOSITORY.replace('/', '%2F')}/fraud@{version}"
    found = watched.ledger.show(key)[0].node.custom_properties
    return {name: value for name, value in found.items() if name.startswith("gto.")}


def _mark(action: str, minute: int, **more: JsonValue) -> dict[str, JsonValue]:
    time = datetime.fromtimestamp(START + 2 * HOUR + 60 * minute, UTC)
    return {"action": action, "time": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z"), **more}


def test_a_version_bears_what_each_tag_says_also_of_one_second(watched: Watched) -> None:
    watched.tools.clock -= 60
    watched.tools.tag("fraud#prod!#2", watched.first)
    watched.look()
    registered = _mark("registration", 1)
    assert _marks(watched) == {
        "gto.tag/fraud@v1.0.0": registered,
        "gto.tag/fraud#prod#1": _mark("assignment", 2, stage="prod", counter=1),
        "gto.tag/fraud#prod!#2": _mark("unassignment", 2, stage="prod", counter=2),
    }
    watched.tools.run("git", "tag", "-d", "fraud#prod!#2", "fraud#prod#1")
    watched.look()
    assert _marks(watched) == {"gto.tag/fraud@v1.0.0": registered}


def test_a_tag_that_comes_to_be_of_another_version_leaves_the_first_until_it_is_back(
    watched: Watched,
) -> None:
    watched.tools.clock += 60
    watched.tools.tag("fraud#prod#2", watched.second)
    watched.look()
    assert list(_marks(watched, watched.second)) == ["gto.tag/fraud#prod#2"]
    watched.tools.clock -= 90
    watched.tools.tag("fraud@v2.0.0", watched.second)
    watched.look()
    assert _marks(watched, watched.second) == {}
    assert list(_marks(watched, "v2.0.0")) == ["gto.tag/fraud#prod#2", "gto.tag/fraud@v2.0.0"]
    watched.tools.run("git", "tag", "-d", "fraud@v2.0.0")
    watched.look()
    assert list(_marks(watched, watched.second)) == ["gto.tag/fraud#prod#2"]
    assert _marks(watched, "v2.0.0") == {}


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "new"])
def test_a_commit_that_is_reachable_again_is_told_as_such(
    watched: Watched, *, is_whole: bool
) -> None:
    def is_unreachable() -> JsonValue:
        (node,) = (
            one.node
            for one in watched.ledger.show(f"git:commit/{watched.second}")
            if one.node.kind is Kind.ARTIFACT
        )
        return node.custom_properties.get("git.is_unreachable")

    first = watched.look()
    watched.tools.run("git", "reset", "-q", "--hard", watched.first)
    watched.look()
    assert is_unreachable() is True
    watched.tools.run("git", "reset", "-q", "--hard", watched.second)
    tally = watched.look(is_whole=is_whole)
    assert (tally.appended, tally.older, tally.unread) == (1, 0, [])
    assert is_unreachable() is False
    again = watched.look()
    assert again.appended == 0
    assert (again.there, again.here) == (first.there, first.here)


@pytest.mark.parametrize("looks", [1, 2], ids=["in-one-look", "in-a-later-look"])
def test_metrics_that_are_declared_after_the_stage_ran_are_read(tmp_path: Path, looks: int) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    body = '{"auc": 0.9}'
    digest = md5(body.encode(), usedforsecurity=False).hexdigest()
    tools.write("m.json", body)
    tools.write("dvc.lock", lock_text(("train", {}, {"model.bin": B, "m.json": digest})))
    definition = "stages:\n  train:\n    cmd: run train\n"
    tools.write("dvc.yaml", f"{definition}    outs: [model.bin, m.json]\n")
    tools.commit("Ran")
    memory = Remembered()
    if looks > 1:
        read_once(tools.path, memory)
    tools.write(
        "dvc.yaml", f"{definition}    outs: [model.bin]\n    metrics: [m.json: {{cache: false}}]\n"
    )
    tools.commit("Declared")
    records = records_of(read_once(tools.path, memory))
    told = [
        (one.type, one.properties.get("values"))
        for one in records
        if isinstance(one, Artifact) and "/m.json@" in str(one.key)
    ]
    assert told[-1] == ("lineage.Metrics", {"auc": 0.9})


def test_many_metrics_that_are_declared_later_are_told_in_parts(tmp_path: Path) -> None:
    """Two of them fit into one document, the third does not; a fourth alone does not either."""
    tools = Tools(tmp_path / "work")
    tools.begin()
    body = json.dumps({"text": "x" * 200_000})
    digest = md5(body.encode(), usedforsecurity=False).hexdigest()
    names = {"a": ("a",), "b": ("b",), "c": ("c",), "d": ("d", "e", "f")}
    files = {stage: [f"{name}.json" for name in own] for stage, own in names.items()}
    for name in (name for own in files.values() for name in own):
        tools.write(name, body)
    tools.write(
        "dvc.lock",
        lock_text(*((stage, {}, dict.fromkeys(own, digest)) for stage, own in files.items())),
    )
    for role in ("outs", "metrics"):
        stages = "".join(
            f"  {stage}:\n    cmd: x\n    {role}: [{', '.join(own)}]\n"
            for stage, own in files.items()
        )
        tools.write("dvc.yaml", f"stages:\n{stages}")
        tools.commit(role)
    look = read_once(tools.path)
    told = {
        str(one.key).partition("fraud/")[2][0]: one
        for one in records_of(look)
        if isinstance(one, Artifact) and one.type == "lineage.Metrics"
    }
    assert look.unread == []
    kept = {name for name, one in told.items() if "values" in one.properties}
    assert kept == {"a", "b", "c", "d", "e"}
    assert "DECLARED_BYTES_MAX" in repr(told["f"].custom_properties["dvc.values_unread"])


def test_a_stage_that_did_not_run_again_read_the_folder_as_it_was(tmp_path: Path) -> None:
    """The folder is written anew by the second commit, and nobody has read it since."""
    tools = Tools(tmp_path / "work")
    tools.begin()
    tools.write(
        "dvc.yaml",
        "stages:\n  prepare:\n    cmd: p\n    outs: [data]\n"
        "  train:\n    cmd: t\n    deps: [data/x.csv]\n    outs: [model.bin]\n",
    )
    for folder in (A, C):
        lock = lock_text(
            ("prepare", {}, {"data": f"{folder}.dir"}),
            ("train", {"data/x.csv": B}, {"model.bin": B}),
        )
        tools.write("dvc.lock", lock)
        tools.commit(folder)
    read = {
        str(one.artifact).partition("/data")[2]
        for one in records_of(read_once(tools.path))
        if isinstance(one, Event) and "train@" in str(one.execution) and "overlaps" in one.path
    }
    assert read == {f"@md5:{A}.dir"}


def test_the_log_that_was_made_can_be_audited(watched: Watched) -> None:
    watched.look()
    check_ledger(watched.ledger)


def test_a_lock_is_no_later_than_its_first_commit_and_a_tag_is_of_its_own_time(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    watched.tools.commit("Nothing changed")
    look = read_once(watched.tools.path)
    times = {
        kind: next(batch[1].stated for batch in look.batches if batch[1].id.startswith(start))
        for kind, start in {
            "stage": "stage/",
            "pipeline": "pipeline/",
            "tracked": "tracked/",
            "commit": f"commit/{watched.first}",
            "tag": "tag/fraud@v1.0.0".replace("@", "%40"),
        }.items()
    }
    first = datetime.fromtimestamp(START + HOUR, UTC)
    for kind in ("stage", "pipeline", "tracked"):
        assert times[kind] == StatedTime(start=first, precision=Precision.UPPER_BOUND), kind
    assert times["commit"] == StatedTime(start=first)
    assert times["tag"] == StatedTime(start=first + timedelta(hours=1, minutes=1))
