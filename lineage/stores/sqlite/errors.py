"""SQLite's errors, told in our own, at the edge of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lineage_schemas.errors import (
    CorruptLogError,
    ForeignStoreError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
)

PRIMARY_CODE: Final = 0xFF
"""An extended error code keeps its primary code in the lowest byte."""

_MEANINGS: Final[dict[int, tuple[type[StoreError], str, str]]] = {
    sqlite3.SQLITE_BUSY: (
        StoreBusyError,
        "Another process is writing to the ledger, and did not finish in time",
        "Try again; if nobody writes, look for a process that hangs with the file open.",
    ),
    sqlite3.SQLITE_READONLY: (
        ReadOnlyStoreError,
        "The ledger cannot be written to",
        "Check the permissions of the file and its folder, and how the disk is mounted.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "The ledger cannot be opened",
        "Check that the folder exists and that you may write in it.",
    ),
    sqlite3.SQLITE_FULL: (
        StoreFullError,
        "There is no room left for the ledger; nothing of this batch was written",
        "Make room and send it again.",
    ),
    sqlite3.SQLITE_NOTADB: (
        ForeignStoreError,
        "This file is not a SQLite database, and was left as it is",
        "Name another file, or one that does not exist yet.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        CorruptLogError,
        "The ledger's file is damaged",
        "Stop writing, keep the file, and restore a backup beside it.",
    ),
}


@contextmanager
def translated(path: Path) -> Generator[None]:
    """Raise what SQLite raises inside the block as one of our errors that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        primary = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
        kind, what, hint = _MEANINGS.get(
            primary, (StoreError, f"SQLite could not do this: {error}", "")
        )
        raise kind(what, where=str(path), hint=hint) from error
