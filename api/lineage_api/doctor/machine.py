"""What the checks ask of the machine, so that tests can give another."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
from pathlib import Path
from typing import Final

from lineage.clock import Clock, system_clock

MOUNTS: Final = Path("/proc/self/mountinfo")
CONNECT_SECONDS_MAX: Final = 3.0

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class Machine:
    """This machine. Each question has its answer now, and changes nothing."""

    def __init__(self, clock: Clock = system_clock, mounts: Path = MOUNTS) -> None:
        self.clock = clock
        self._mounts = mounts

    def free_bytes(self, path: Path) -> int:
        """Return how much room is left where a file is or would be."""
        return shutil.disk_usage(existing(path)).free

    def can_write(self, path: Path) -> bool:
        """Tell whether this user may write a file, or into a folder."""
        return os.access(path, os.W_OK)

    def owner(self, path: Path) -> int:
        """Return the number of the user who owns a file."""
        return path.stat().st_uid

    def user(self) -> int:
        """Return the number of the user who this process is."""
        return os.geteuid()

    def file_system(self, path: Path) -> str:
        """Return the type of the file system that a path lies on; empty where nobody knows."""
        try:
            lines = self._mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""  # not Linux: nobody tells
        place = os.path.realpath(existing(path))
        best = ("", "")
        for line in lines:
            before, _, after = line.partition(" - ")
            fields, kinds = before.split(" "), after.split(" ")
            if len(fields) > _MOUNT_POINT and _is_under(place, point := _plain(fields[4])):
                # Of two on one point the later hides the earlier.
                best = (point, kinds[0]) if len(point) >= len(best[0]) else best
        return best[1]

    def open_files_limit(self) -> int:
        """Return how many files this process may have open; -1 is no limit."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    def can_listen(self, host: str, port: int) -> str:
        """Return why nobody could listen there; empty: somebody could."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
            except OSError as error:
                return error.strerror or str(error)
        return ""

    def can_reach(self, host: str, port: int) -> str:
        """Return why no connection could be made; empty: one was, and nothing was sent."""
        try:
            socket.create_connection((host, port), timeout=CONNECT_SECONDS_MAX).close()
        except OSError as error:
            return error.strerror or str(error)
        return ""


_MOUNT_POINT: Final = 4


def existing(path: Path) -> Path:
    """Return the nearest folder above, or the path itself, that is there."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _is_under(place: str, point: str) -> bool:
    return point in {"/", place} or place.startswith(f"{point}/")


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
