"""A disk of a test's own, that may be filled."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leftovers import DISK_PREFIX, own_folder


@contextmanager
def small_disk(size_bytes: int, *, lazily: bool = False) -> Iterator[Path]:
    """Mount so much room; skip where we may not.

    What is open there at the end is a fault, but where it is let go ``lazily``.
    """
    folder = own_folder(DISK_PREFIX)
    options = f"size={size_bytes},mode=0777"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        fault = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError as error:
        fault = str(error)
    try:
        if fault:
            pytest.skip(f"nothing may be mounted here: {fault}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", *(["--lazy"] if lazily else []), str(folder)], check=True)
    finally:
        folder.rmdir()
