"""The programs of a PostgreSQL server, and as whom they run."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

OWNER: Final = "postgres"
"""The user as whom a server runs where we are root, as whom it refuses to."""

_STOP_SECONDS: Final = 60


def find_programs() -> Path | None:
    """Return the folder of the programs, where they are installed."""
    found = [Path(one).parent for one in [shutil.which("initdb")] if one]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


def as_owner(command: list[str]) -> list[str]:
    """Return how to run a command as the owner of a server."""
    return ["runuser", "-u", OWNER, "--", *command] if os.geteuid() == 0 else command


def hand_over(folder: Path) -> None:
    """Let a folder be that user's."""
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER)


def stop_orphan(data: Path) -> None:
    """Stop the server of a folder, if one still runs there."""
    programs = find_programs()
    if programs is None or not _runs(data):
        return
    command = [str(programs / "pg_ctl"), f"--pgdata={data}", "stop", "--wait", "--mode=immediate"]
    subprocess.run(
        as_owner(command), capture_output=True, check=False, cwd="/", timeout=_STOP_SECONDS
    )


def _runs(data: Path) -> bool:
    """Tell whether the process that the folder names is its server: numbers are used again."""
    try:
        pid = (data / "postmaster.pid").read_text().splitlines()[0]
    except (FileNotFoundError, IndexError):
        return False
    if not Path("/proc/self/cwd").exists():
        return True
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except OSError:
        return False
