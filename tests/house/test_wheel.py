"""What is shipped is what was meant, and it runs where nothing else of ours is.

The environment is fresh and holds the runtime lock alone: a package that only came in with the
development tools cannot hide here.
"""

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import tree

UNREACHABLE = re.compile(
    r"NewConnectionError|Failed to establish|Name or service not known|Temporary failure in name"
    r"|Max retries exceeded|ConnectTimeout|ReadTimeout|Network is unreachable|ProxyError"
)
VERSION = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]["version"]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, away from the checkout."""
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel out of a source distribution, as a release does."""
    to = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", to, tree.ROOT, cwd=to)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = to.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel and the runtime lock into a fresh environment; return its commands."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=True)
    bin_ = home / "bin"
    pip = (bin_ / "python", "-m", "pip", "install", "--quiet", "--retries", "1")
    lock = run(*pip, "--require-hashes", "-r", tree.ROOT / "requirements" / "runtime.txt", cwd=home)
    if lock.returncode and UNREACHABLE.search(lock.stderr):
        pytest.skip("no package registry can be reached from here")
    assert lock.returncode == 0, lock.stderr
    ours = run(*pip, "--no-deps", wheel, cwd=home)
    assert ours.returncode == 0, ours.stderr
    return bin_


def test_the_wheel_holds_three_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    assert top == {*tree.FLOORS, f"lineage_ledger-{VERSION}.dist-info"}
    assert {f"{package}/py.typed" for package in tree.FLOORS} <= set(names)
    assert [name for name in names if name.endswith((".pyc", "README.md"))] == []


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    expected = {
        f"{package}/{path.relative_to(tree.ROOT / folder).as_posix()}"
        for package, folder in tree.FLOORS.items()
        for name in tree.files()
        if (path := tree.ROOT / name).is_relative_to(folder) and path.name != "README.md"
    }
    assert expected - shipped == set()


def test_the_lock_is_whole(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "python", "-m", "pip", "check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "lineage", "--version", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert VERSION in done.stdout


def test_the_demo_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "lineage", "demo", "--no-serve", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
