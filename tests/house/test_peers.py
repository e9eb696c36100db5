"""The tools that tests run are pinned, and a test that lacks one says so."""

import json
import re
import subprocess
from pathlib import Path

import pytest

import peers
import tree

NAMES = sorted(path.stem for path in peers.PEERS.glob("*.in"))
LOCKS = sorted(peers.PEERS.glob("*/package-lock.json"))
MAKE = tree.ROOT / "requirements" / "environments.sh"


@pytest.mark.parametrize("name", NAMES)
def test_every_package_of_a_tool_is_pinned_by_hash(name: str) -> None:
    lock = (peers.PEERS / f"{name}.txt").read_text()
    pinned = re.findall(r"^([a-z0-9._-]+)==.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^\S", lock, re.MULTILINE))
    asked = (peers.PEERS / f"{name}.in").read_text()
    assert set(re.findall(r"^([a-z0-9-]+)", asked, re.MULTILINE)) <= set(pinned)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_what_npm_installs_is_pinned_by_hash_and_names_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    asked = json.loads(lock.with_name("package.json").read_text())["dependencies"]
    assert packages.pop("")["dependencies"] == asked
    assert {f"node_modules/{name}" for name in asked} <= set(packages)
    for one in packages.values():
        assert one["integrity"].startswith("sha512-")
        assert "resolved" not in one


def test_what_runs_a_tool_is_marked_as_such() -> None:
    unmarked = [
        path.name
        for path in sorted((tree.ROOT / "tests").rglob("test_*.py"))
        if re.search(r"^from (?:peers|mlflow_peer) import", text := path.read_text(), re.MULTILINE)
        and "pytest.mark.peers" not in text
    ]
    assert unmarked == []


def test_a_tool_that_is_not_there_skips_the_test_and_fails_it_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="run make peers"):
        peers.peer("abacus")
    with pytest.raises(pytest.skip.Exception, match="run make peers"):
        peers.peer_file("abacus", "beads.json")
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="run make peers"):
        peers.peer("abacus")
    with pytest.raises(pytest.fail.Exception, match="run make peers"):
        peers.peer_file("abacus", "beads.json")


def test_a_tool_sees_nothing_of_whoever_runs_the_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(peers, "peer", lambda name: tmp_path / name)
    for name in ("HTTPS_PROXY", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_URI", "LINEAGE_STORE"):
        monkeypatch.setenv(name, "private")
    given = peers.peer_environment("dvc", tmp_path, {"OPENLINEAGE_URL": "http://127.0.0.1:1"})
    assert "private" not in given.values()
    assert Path(given["HOME"]).is_relative_to(tmp_path)
    assert given["OPENLINEAGE_URL"] == "http://127.0.0.1:1"


def test_the_page_about_tools_shows_what_tests_run() -> None:
    """Each word of each command stands in a test, and each package in what a tool is made of."""
    page = tree.text("docs/openlineage.md") or ""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if "export " not in line]
    commands = [re.sub(r"^OPENLINEAGE_URL=\S+ ", "", line).split() for line in lines]
    installed = {word for command in commands if command[0] == "pip" for word in command[2:]}
    ran = {word for command in commands if command[0] != "pip" for word in command}
    assert {"dbt-ol", "feast"} <= ran
    tests = tree.texts(".py").items()
    tried = "".join(body for name, body in tests if name.startswith("tests/conformance/test_open"))
    assert {word for word in ran if f'"{word}"' not in tried} == set()
    asked = re.findall(r"^[a-z-]+", "\n".join(tree.texts(".in").values()), re.MULTILINE)
    assert installed <= set(asked)


def made(tmp_path: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the script that makes environments, with an installer that only takes note."""
    script = tmp_path / "requirements" / MAKE.name
    script.parent.mkdir(exist_ok=True)
    script.write_bytes(MAKE.read_bytes())
    installer = tmp_path / "installer"
    installer.write_text(
        '#!/bin/sh\nfor last; do :; done\necho "$*" >>"$0.log"\n'
        '[ "$1" = venv ] && mkdir -p "$last/bin"\nexit 0\n'
    )
    installer.chmod(0o755)
    return subprocess.run(
        ["sh", script, *(tmp_path / name for name in names)],
        env={"PATH": "/usr/bin:/bin", "PYTHON": "python3", "UV": str(installer)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_environment_is_made_again_only_where_its_lock_changed(tmp_path: Path) -> None:
    lock = tmp_path / "some_tool.txt"
    lock.write_text("x==1 --hash=sha256:00\n")
    assert re.fullmatch(r"some-tool: made in \d+ s\n", made(tmp_path, lock.name).stdout)
    assert "--require-hashes" in (tmp_path / "installer.log").read_text()
    assert made(tmp_path, lock.name).stdout == "some-tool: already there\n"
    lock.write_text("x==2 --hash=sha256:00\n")
    assert "made in" in made(tmp_path, lock.name).stdout


def test_what_npm_installs_is_installed_again_only_where_its_lock_changed(tmp_path: Path) -> None:
    script = tmp_path / "requirements" / "node_modules.sh"
    script.parent.mkdir()
    script.write_bytes((MAKE.parent / script.name).read_bytes())
    npm = tmp_path / "npm"
    npm.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo 11 && exit\n'
        'echo "$*" >>"$0.log"\nmkdir node_modules\ngrep -q sound package-lock.json\n'
    )
    npm.chmod(0o755)
    lock = tmp_path / "tool" / "package-lock.json"
    lock.parent.mkdir()
    lock.with_name("package.json").write_text("{}")

    def installed(content: str) -> tuple[int, str]:
        lock.write_text(content)
        env = {"PATH": "/usr/bin:/bin", "NPM": str(npm)}
        done = subprocess.run(
            ["sh", script, lock], env=env, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    assert re.fullmatch(r"tool: made in \d+ s\n", installed("sound 1")[1])
    assert installed("sound 1") == (0, "tool: already there\n")
    assert "--ignore-scripts" in (tmp_path / "npm.log").read_text()
    assert "made in" in installed("sound 2")[1]
    assert installed("broken") == (1, "")
    assert not (tmp_path / ".venvs" / "tool").exists()
