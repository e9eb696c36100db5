"""The tools whose lineage we keep, real ones, each in an environment of its own.

``make peers`` makes the environments, ``.venvs/<name>``, from the locks in ``tests/peers``. A test
that needs one is skipped without it; in CI it fails, since nothing is proved by a skip.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

import pytest

import tree

PEERS: Final = tree.ROOT / "tests" / "peers"
"""Beside the locks, the small projects that we give the tools to run."""

WAIT_SECONDS: Final = 300
"""How long a tool may take unless told otherwise: many times what it needs on two idle cores."""

_QUIET: Final = {
    # nothing is told to whoever made the tool, nor is it asked for a newer one
    "CI": "true",
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "DVC_NO_ANALYTICS": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Python and git behave as on any other machine
    "GIT_CONFIG_NOSYSTEM": "1",
    "LANG": "C.UTF-8",
    "NO_COLOR": "1",
    "NO_PROXY": "*",
    "PYTHONUNBUFFERED": "1",
    "TZ": "UTC",
}
_OURS: Final = ("PATH", "TMPDIR", "SYSTEMROOT")
"""What is taken over from the environment of the tests."""


def peer(name: str) -> Path:
    """Return the folder of a tool's environment; skip the test where there is none."""
    folder = tree.ROOT / ".venvs" / name
    if not (folder / "bin" / "python").exists():
        _missing(name)
    return folder


def _missing(name: str) -> NoReturn:
    reason = f"{name} is not installed in .venvs/{name}: run make peers"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def peer_file(name: str, path: str) -> Path:
    """Return a file of what is installed without programs; skip the test where there is none."""
    file = tree.ROOT / ".venvs" / name / path
    if not file.exists():
        _missing(name)
    return file


def peer_environment(
    name: str, home: Path, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what a tool may see: its own programs, a home in ``home``, nothing of ours.

    No proxy, no setting, no credential of whoever runs the tests is in it.
    """
    inner = home / f"home-of-{name}"
    inner.mkdir(parents=True, exist_ok=True)
    taken = {key: os.environ[key] for key in _OURS if key in os.environ}
    path = os.pathsep.join((str(peer(name) / "bin"), taken.get("PATH", os.defpath)))
    own = {"HOME": str(inner), "XDG_CONFIG_HOME": str(inner / ".config"), "PATH": path}
    return taken | _QUIET | own | dict(more or {})


def run_peer(
    name: str,
    command: tuple[str | Path, ...],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end, in ``cwd``; the test fails, with all it printed, unless it succeeds.

    ``command`` begins with one of the tool's own programs (``"dvc"``, ``"python"``). The home is
    a folder in ``cwd``'s parent.
    """
    done = try_peer(name, command, cwd, env, wait_seconds)
    if done.returncode:
        pytest.fail(f"{_words(command)} ended with {done.returncode}\n{_printed(done)}")
    return done


def try_peer(
    name: str,
    command: tuple[str | Path, ...],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a tool as ``run_peer`` does, and return how it ended, whatever that is."""
    program, *arguments = command
    try:
        return subprocess.run(
            [peer(name) / "bin" / program, *arguments],
            cwd=cwd,
            env=peer_environment(name, cwd.parent, env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=wait_seconds,
        )
    except subprocess.TimeoutExpired as late:
        printed = "\n".join(_text(one) for one in (late.stdout, late.stderr))
        pytest.fail(f"{_words(command)} took over {wait_seconds} s\n{printed}")


def _text(printed: str | bytes | None) -> str:
    return printed.decode(errors="replace") if isinstance(printed, bytes) else printed or ""


def _words(command: tuple[str | Path, ...]) -> str:
    return " ".join(str(word) for word in command)


def _printed(done: subprocess.CompletedProcess[str]) -> str:
    return f"--- it printed\n{done.stdout}\n--- and of errors\n{done.stderr}"
