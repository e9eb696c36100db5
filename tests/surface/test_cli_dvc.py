"""`lineage import dvc` as a person runs it."""

import json
from pathlib import Path

import pytest

from dvc_repositories import REPOSITORY, Tools, lock_text
from terminal import Terminal


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    tools = Tools(tmp_path / "work")
    tools.begin()
    tools.write("dvc.lock", lock_text(("train", {"a": "a" * 32}, {"b": "b" * 32})))
    tools.commit("First")
    return tools


def test_a_repository_is_taken_in_and_again_only_what_is_new(
    terminal: Terminal, tools: Tools
) -> None:
    first = terminal.done("import", "dvc", str(tools.path), "--due", "1d")
    assert "commit\t1\t1\n" in first
    assert f"dvc:{REPOSITORY}: " in first
    answer = json.loads(terminal.done("import", "dvc", str(tools.path), "--format", "json"))
    assert (answer["source"], answer["tally"]["appended"]) == (f"dvc:{REPOSITORY}", 0)
    tools.write("dvc.lock", "stages: [}")
    tools.commit("Broken")
    run = terminal.run("import", "dvc", str(tools.path), "--new")
    assert run.exit_code == 1
    assert "not read: file/dvc.lock/" in run.stderr
    assert f"dvc:{REPOSITORY}" in terminal.done("sources")


def test_what_is_meant_is_said_where_it_cannot_be_read(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("import", "dvc", str(tmp_path / "nothing")).exit_code != 0
    tools = Tools(tmp_path / "nameless")
    tools.begin(None)
    refused = terminal.run("import", "dvc", str(tools.path))
    assert refused.exit_code != 0
    assert "--repository" in refused.stderr
    assert terminal.run("import", "dvc", str(tools.path), "--repository", "ours").exit_code == 0
    assert terminal.run("import", "dvc", str(tools.path), "--alias", "x").exit_code == 2
