"""What runs in a process of its own: it is imported there by name."""

from pathlib import Path

from lineage.stores.sqlite.store import SqliteStore
from logs import append_made


def write_batches(path: Path, label: str, batches: int, length: int) -> None:
    """Write batches to the SQLite file, each in a transaction of its own."""
    store = SqliteStore(path, (), "test/origin")
    for number in range(batches):
        with store.write() as writer:
            append_made(writer, f"{label}-{number}", length)
    store.close()


def open_and_close(path: Path) -> None:
    """Open the SQLite file, making it if nobody has, and close it."""
    SqliteStore(path, (), "test/origin").close()
