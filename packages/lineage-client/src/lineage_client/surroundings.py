"""What a script runs in, as far as it can be told without asking anybody."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GIT_SECONDS_MAX = 5
_DIGITS = frozenset("0123456789abcdef")
_LENGTHS = (40, 64)


def surroundings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return properties of a run: the interpreter, the system, the script, and the code's commit.

    The commit is what ``LINEAGE_GIT_COMMIT`` says, else what git says of the present folder. No
    argument, variable or user name is looked at.
    """
    found: dict[str, Any] = {
        "python_version": platform.python_version(),
        "operating_system": platform.platform(terse=True),
    }
    script = Path(sys.argv[0]).name if sys.argv else ""
    if script and script != "-c":
        found["entry_point"] = script
    commit = environ.get("LINEAGE_GIT_COMMIT", "").strip().lower()
    if is_commit(commit):
        found["code_commit"] = commit
        return found
    commit = _git("rev-parse", "HEAD") or ""
    if is_commit(commit):
        found["code_commit"] = commit
        changes = _git("status", "--porcelain", "--untracked-files=no")
        if changes is not None:
            found["code_is_dirty"] = bool(changes)
    return found


def is_commit(text: str) -> bool:
    """Tell whether a text is a whole commit id."""
    return len(text) in _LENGTHS and set(text) <= _DIGITS


def _git(*words: str) -> str | None:
    """Return what git says; ``None`` where there is no git, no repository, or no answer in time."""
    try:
        done = subprocess.run(  # noqa: S603 - two commands of our own
            ["git", *words],  # noqa: S607 - the git that the script's own user has
            capture_output=True,
            check=False,
            timeout=GIT_SECONDS_MAX,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None
