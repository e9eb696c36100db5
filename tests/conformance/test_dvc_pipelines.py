"""DVC's own view of a repository, at every commit, is what our records say of it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dvc_repositories import PARAMS, PIPELINE, REPOSITORY, WORK, Tools, look_at, records_of
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Event,
    EventKind,
    Execution,
    ParentContext,
)
from lineage_schemas.records import AnyRecord
from looks import Remembered
from peers import peer

pytestmark = pytest.mark.peers

ORACLE = """
import json, os, sys
from dvc.repo import Repo

def show(repo):
    def place(path):
        return os.path.relpath(path, repo.root_dir)

    def called(stage):
        if not hasattr(stage, "name"):
            return place(stage.path)
        return os.path.join(os.path.dirname(place(stage.path)), stage.name)

    index = repo.index
    stages = {
        called(stage): {
            "deps": sorted(
                [place(dep.fs_path), dep.hash_info.value or ""] for dep in stage.deps
                if type(dep).__name__ == "Dependency"
            ),
            "outs": sorted([place(out.fs_path), out.hash_info.value or ""] for out in stage.outs),
        }
        for stage in index.stages
    }
    edges = sorted([called(one), called(other)] for one, other in index.graph.edges())
    return {"edges": edges, "stages": stages}

found = {}
with Repo(".") as repo:
    for commit in sys.argv[1:]:
        with repo.switch(commit):
            found[commit] = show(repo)
print(json.dumps(found))
"""
SHOWN = """
import json, sys
from dvc.repo import Repo
from dvc.repo.metrics.show import show as metrics
from dvc.repo.params.show import show as params

commit = sys.argv[1]
with Repo(".") as repo:
    given = params(repo, revs=[commit])[commit]["data"]
    measured = metrics(repo, revs=[commit])[commit]["data"]
print(json.dumps({
    "params": given["params.yaml"]["data"],
    "metrics": {path: one["data"] for path, one in measured.items() if "data" in one},
}))
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tools, list[str]]:
    """A pipeline with foreach and matrix, run again over commits and on a branch."""
    tools = Tools(tmp_path_factory.mktemp("dvc") / "work", peer("dvc"))
    tools.begin()
    tools.run("dvc", "init", "-q")
    tools.run("dvc", "remote", "add", "-q", "-d", "store", "s3://bucket/store")
    tools.write("work.py", WORK)
    tools.write("dvc.yaml", PIPELINE)
    tools.write("params.yaml", PARAMS.format(seed=1, depth=3))
    tools.write("data/raw.csv", "raw 1\n")
    (tools.path / "models").mkdir()
    tools.run("dvc", "add", "-q", "data/raw.csv")
    commits = [_run(tools, "Begin")]
    tools.write("params.yaml", PARAMS.format(seed=1, depth=4))
    commits.append(_run(tools, "Deeper"))
    tools.write("README.md", "Nothing of DVC's\n")
    commits.append(tools.commit("Describe"))
    tools.run("git", "checkout", "-q", "-b", "other", "HEAD~1")
    tools.write("params.yaml", PARAMS.format(seed=2, depth=4))
    commits.append(_run(tools, "Another seed"))
    tools.run("git", "checkout", "-q", "main")
    tools.write("dvc.yaml", PIPELINE.replace("  report:", "  summary:"))
    commits.append(_run(tools, "Rename the report"))
    tools.write("data/raw.csv", "raw 2\n")
    tools.run("dvc", "add", "-q", "data/raw.csv")
    commits.append(tools.commit("New data, and nothing run yet"))
    tools.write(
        "sub/dvc.yaml",
        "stages:\n  copy:\n    cmd: cp ../prepared/a.csv copy.csv\n"
        "    deps: [../prepared/a.csv]\n    outs: [copy.csv]\n",
    )
    commits.append(_run(tools, "A second pipeline"))
    return tools, commits


def _run(tools: Tools, message: str) -> str:
    tools.run("dvc", "repro", "-q", "--all-pipelines")
    return tools.commit(message)


@pytest.fixture(scope="module")
def records(history: tuple[Tools, list[str]]) -> list[AnyRecord]:
    look = look_at(history[0].path)
    assert look.unread == []
    return records_of(look)


@pytest.fixture(scope="module")
def oracle(history: tuple[Tools, list[str]]) -> dict[str, Any]:
    tools, commits = history
    return dict(json.loads(tools.run(str(peer("dvc") / "bin" / "python"), "-c", ORACLE, *commits)))


class Said:
    """What our records say a commit has."""

    def __init__(self, records: list[AnyRecord], commit: str) -> None:
        locked = {
            one.child
            for one in records
            if isinstance(one, ParentContext) and one.parent == f"git:commit/{commit}"
        }
        self.executions = {
            one.execution
            for one in records
            if isinstance(one, Association) and one.context in locked
        }
        self.events = [
            one
            for one in records
            if isinstance(one, Event)
            and one.execution in self.executions
            and not str(one.artifact).startswith("dvc:lock/")
        ]
        self.names = {
            one.key: str(one.properties["display_name"])
            for one in records
            if isinstance(one, Execution) and one.key in self.executions
        }

    def edges(self) -> set[tuple[str, str]]:
        """Return (reader, writer) of each artifact that both name."""
        writers: dict[object, set[str]] = {}
        for one in self.events:
            if one.kind is EventKind.OUTPUT:
                writers.setdefault(one.artifact, set()).add(self.names[str(one.execution)])
        return {
            (self.names[str(one.execution)], writer)
            for one in self.events
            if one.kind is EventKind.INPUT
            for writer in writers.get(one.artifact, ())
        }

    def states(self, kind: EventKind) -> dict[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {name: set() for name in self.names.values()}
        for one in self.events:
            if one.kind is kind and len(one.path) == 2:
                state = str(one.artifact).rpartition("@")[2].partition(":")[2]
                found[self.names[str(one.execution)]].add((str(one.path[1]), state))
        return found


def test_every_stage_of_every_commit_reads_and_writes_what_dvc_says(
    history: tuple[Tools, list[str]], records: list[AnyRecord], oracle: dict[str, Any]
) -> None:
    compared = 0
    for commit in history[1]:
        said = Said(records, commit)
        deps, outs = said.states(EventKind.INPUT), said.states(EventKind.OUTPUT)
        expected = {
            name: stage
            for name, stage in oracle[commit]["stages"].items()
            if not name.endswith(".dvc")
        }
        leftovers = {"report"} if "summary" in expected else set()
        assert set(deps) == set(expected) | (leftovers & set(deps))
        for name, stage in expected.items():
            assert deps[name] == {(path, state) for path, state in stage["deps"]}, (commit, name)
            assert outs[name] == {(path, state) for path, state in stage["outs"]}, (commit, name)
            compared += 1
    assert compared == 6 * 8 + 9


def test_the_edges_of_every_commit_are_those_of_dvc_dag(
    history: tuple[Tools, list[str]], records: list[AnyRecord], oracle: dict[str, Any]
) -> None:
    for commit in history[1]:
        said = Said(records, commit)
        expected = {
            (one, other)
            for one, other in oracle[commit]["edges"]
            if not one.endswith(".dvc") and not other.endswith(".dvc")
        }
        ours = {
            edge
            for edge in said.edges()
            if "report" not in edge or "summary" not in said.names.values()
        }
        assert ours == expected, commit


def test_params_and_metrics_are_those_that_dvc_shows(
    history: tuple[Tools, list[str]], records: list[AnyRecord]
) -> None:
    tools, commits = history
    for commit in commits[:2]:
        python = str(peer("dvc") / "bin" / "python")
        shown = json.loads(tools.run(python, "-c", SHOWN, commit))
        said = Said(records, commit)
        found = {
            str(one.properties["display_name"]): one.properties
            for one in records
            if isinstance(one, Execution) and one.key in said.executions
        }
        plain, metrics = shown["params"], shown["metrics"]
        assert found["prepare"]["hyperparameters"] == {"seed": plain["seed"]}
        assert found["train@tree"]["hyperparameters"] == {"train": plain["train"]}
        for split in ("tree-a", "tree-b", "line-a", "line-b"):
            assert found[f"evaluate@{split}"]["metrics"] == metrics[f"metrics/{split}.json"]


def test_a_metrics_file_that_dvc_keeps_elsewhere_is_named_as_not_read(
    records: list[AnyRecord],
) -> None:
    reports = [
        one
        for one in records
        if isinstance(one, Artifact) and one.properties.get("display_name") == "report/all.json"
    ]
    assert reports
    for one in reports:
        assert one.type == "lineage.Metrics"
        assert "values" not in one.properties
        assert "not in git" in str(one.custom_properties["dvc.values_unread"])


def test_the_artifacts_section_makes_a_model_and_the_remote_says_where_it_lies(
    records: list[AnyRecord],
) -> None:
    models = [
        one
        for one in records
        if isinstance(one, Artifact) and one.properties.get("display_name") == "models/tree.pkl"
    ]
    assert models
    for one in models:
        digest = str(one.key).rpartition(":")[2]
        assert one.type == "lineage.Model"
        assert one.properties["tags"] == {"tabular": ""}
        assert one.uri == f"s3://bucket/store/files/md5/{digest[:2]}/{digest[2:]}"


def test_a_second_look_finds_nothing_new_and_a_later_commit_only_its_own(
    history: tuple[Tools, list[str]], tmp_path: Path
) -> None:
    copy = Tools(tmp_path / "copy", peer("dvc"))
    subprocess.run(["git", "clone", "-q", str(history[0].path), str(copy.path)], check=True)
    copy.run("git", "remote", "set-url", "origin", f"https://user:t0ken-value@{REPOSITORY}.git")
    memory = Remembered()
    first = look_at(copy.path, memory)
    again = look_at(copy.path, memory)
    assert first.batches
    assert again.batches == []
    sha = copy.commit("Nothing of DVC's")
    later = look_at(copy.path, memory)
    assert [batch[0].id for batch in later.batches] == [f"commit/{sha}"]
    assert "t0ken-value" not in repr(first.batches)
