"""What audits in a process of its own, and is killed on the way: it is imported there by name."""

import signal
from multiprocessing.connection import Connection
from pathlib import Path

from erasure_children import opened
from lineage.audit import replaying
from lineage.stores.base import Reader
from lineage.stores.sqlite import passing


def audit_and_wait(path: Path, told: Connection) -> None:
    """Audit with hardly any memory; say when all is replayed, and wait to be killed."""
    setattr(passing, "WRITER_CACHE_KIB", 16)  # noqa: B010
    setattr(replaying, "MEMORY_ENTRIES_MAX", 0)  # noqa: B010

    def wait(_: replaying.Replay, __: Reader) -> None:
        told.send(None)
        signal.pause()

    setattr(replaying.Replay, "compare", wait)  # noqa: B010
    opened(path).audit()
