"""The file beside a ledger that keeps the arrays of its graph: ``lineage.graph.keeping``."""

from __future__ import annotations

import logging
import mmap
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from lineage.anchoring.durable import DISK, Disk, FileLock, beside, replace_file
from lineage.graph.index import MEMORY_BYTES_DEFAULT, GraphIndex
from lineage.graph.reading import BuildProgress
from lineage.stores.base import Store
from lineage.stores.opening import path_of
from lineage_schemas.errors import StoreError

GRAPH_SUFFIX: Final = ".graph"
"""Beside the ledger's file. It can be removed at any time: it is made again."""

_NAME_BYTES: Final = 8
_LOG: Final = logging.getLogger(__name__)


class MappedGraphFile:
    """A file that is mapped into memory when it is read, and replaced whole when it is written."""

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self._path = path
        self._disk = disk
        self._lock = FileLock(beside(path, ".lock"), wait_seconds_max=0)

    def read(self) -> memoryview[int] | None:
        """Return what is there; ``None`` if nothing is, or it cannot be read."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            _LOG.warning("The kept graph cannot be read: %s", error.strerror)
            return None
        try:
            return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            _LOG.warning("The kept graph cannot be read: %s", error)
            return None
        finally:
            os.close(descriptor)

    def write(self, body: bytes) -> None:
        """Let the file be ``body``; where that fails, it is logged and the file is as it was."""
        try:
            with self._lock.held():
                replace_file(self._path, body, self._disk)
        except (OSError, StoreError) as error:
            _LOG.warning("The graph was not kept for the next start: %s", error)

    def discard(self) -> None:
        """Throw away what is there."""
        with suppress(OSError):
            self._disk.remove(self._path)


class GraphPlace(NamedTuple):
    """How much memory the graph may take, where it is kept, and who hears how far it was read.

    A ledger that is a file has a place for it beside it; any other has one in ``folder``, or keeps
    nothing. With a memory of 0 bytes each question is asked of the store.
    """

    memory_bytes: int = MEMORY_BYTES_DEFAULT
    folder: Path | None = None
    progress: BuildProgress | None = None

    def index_of(self, location: str | Path, store: Store) -> GraphIndex:
        """Return the index of a ledger's graph."""
        return GraphIndex(self.memory_bytes, self._file(location, store), self.progress)

    def _file(self, location: str | Path, store: Store) -> MappedGraphFile | None:
        path = path_of(location)
        if path is not None:
            return MappedGraphFile(beside(path, GRAPH_SUFFIX))
        if self.folder is None:
            return None
        name = sha256(store.origin.encode()).hexdigest()[: 2 * _NAME_BYTES]
        return MappedGraphFile(self.folder / f"{name}{GRAPH_SUFFIX}")
