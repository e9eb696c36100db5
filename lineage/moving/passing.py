"""A folder for a copy that must not outlast the work: what a kill leaves, the next removes.

A copy of a backup holds values that were erased since. It is several files, which SQLite opens by
their names, so it cannot lie in a file without a name, which would go with the process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = "lineage-restore-"
"""How such a folder begins, among what is temporary on this machine."""

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def passing_folder() -> Generator[Path]:
    """Make a folder for its owner alone, removed when the block is left; remove what others left.

    Raises:
        OSError: it cannot be made.
    """
    remove_left()
    path, descriptor = _locked_folder()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def remove_left() -> None:
    """Remove the folders of this user whose process has ended without doing so."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            descriptor = os.open(path, _OPEN)
        except OSError:
            continue
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            # Its process is at work.
            continue
        finally:
            os.close(descriptor)


def _locked_folder() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            descriptor = os.open(path, _OPEN)
        except FileNotFoundError:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return path, descriptor
        # Somebody took it for one that was left, before it was locked.
        os.close(descriptor)
