"""What a run of the tests has outside its own memory, and how a later run finds it.

Each process keeps it in one folder, with a file that it holds locked. The system lets go of the
lock when the process ends, however it ends: a folder whose lock is free is nobody's.
"""

import atexit
import fcntl
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Final

from server_programs import stop_orphan

_PREFIX: Final = "lineage-tests-"
_OWNER: Final = "owner"
CLUSTER_PREFIX: Final = "cluster-"
DISK_PREFIX: Final = "disk-"


class Held:
    """A folder that is this process's for as long as it runs."""

    def __init__(self, parent: Path) -> None:
        # Only once it is locked does it get the name by which others look for it.
        made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
        made.chmod(0o711)  # a server runs as another user, and must get through
        self._lock: IO[bytes] = (made / _OWNER).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.folder = made.rename(parent / made.name.removeprefix("."))

    def make(self, prefix: str) -> Path:
        """Make a folder in it."""
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self.folder))

    def remove(self) -> None:
        """Remove it with all that is in it, and let go."""
        _clear(self.folder)
        self.let_go()

    def let_go(self) -> None:
        """Let go of it, as when the process ends."""
        self._lock.close()


@cache
def _own() -> Held:
    held = Held(Path(tempfile.gettempdir()))
    atexit.register(held.remove)
    return held


def own_folder(prefix: str) -> Path:
    """Make a folder for this process; a later run removes it if this one cannot."""
    return _own().make(prefix)


def remove_orphans(parent: Path | None = None) -> list[Path]:
    """Remove what processes left that are gone; return the folders."""
    there = sorted((parent or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"))
    return [folder for folder in there if _remove_orphan(folder)]


def _remove_orphan(folder: Path) -> bool:
    # What is another user's, or was removed this very moment, cannot be opened.
    with suppress(OSError), (folder / _OWNER).open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _clear(folder)
        return True
    return False


def _clear(folder: Path) -> None:
    """Stop the servers in a folder, give back the mounts, and remove it."""
    for server in folder.glob(f"{CLUSTER_PREFIX}*"):
        stop_orphan(server)
    for disk in folder.glob(f"{DISK_PREFIX}*"):
        if disk.is_mount():
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
    shutil.rmtree(folder)
