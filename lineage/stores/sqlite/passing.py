"""A store that is gone with the process that opened it, however that ends.

SQLite keeps it in a file of its own for temporary databases: once there is more than fits into the
cache it makes one, readable by us alone, and takes its name away before anything is written to it.
So nothing is left even where the process is killed, and nobody else can open it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final

from sqlite_utils import Database

from lineage.stores.base import BUSY_WAIT_SECONDS_MAX, SCRUB_WAIT_SECONDS_MAX
from lineage.stores.sqlite.errors import translated
from lineage.stores.sqlite.layout import LOG_DDL, NEW_LEDGER, table_ddl
from lineage.stores.sqlite.store import PAGE_BYTES, STATEMENTS_CACHED, WRITER_CACHE_KIB
from lineage.stores.sqlite.transactions import SqliteReader, SqliteWriter
from lineage.stores.tables import Table
from lineage_schemas.errors import StoreBusyError, StoreError

_NAMELESS: Final = ""
"""What SQLite takes for: a temporary database, in a file without a name."""

_FOLDERS: Final = ("SQLITE_TMPDIR", "TMPDIR")
_FOLDER: Final = "/var/tmp"  # noqa: S108 (SQLite chooses it, and makes the file safely)


class PassingStore:
    """A store without a name. Safe to use from many threads; one at a time is inside."""

    def __init__(self, tables: Sequence[Table], new_origin: str) -> None:
        """Make it, with ``new_origin`` as its name.

        Raises:
            StoreError: no temporary file can be made.
        """
        self._place = Path(next(filter(None, map(os.environ.get, _FOLDERS)), _FOLDER))
        self._lock = Lock()
        self._closed = False
        with translated(self._place):
            connection = sqlite3.connect(
                _NAMELESS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=STATEMENTS_CACHED,
            )
            self._database = Database(connection, execute_plugins=False)
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
            for statement in (*LOG_DDL, *(one for table in tables for one in table_ddl(table))):
                connection.execute(statement)
            connection.execute(NEW_LEDGER, [new_origin])

    @property
    def origin(self) -> str:
        """The name it was made with."""
        with self.read() as reader:
            return reader.origin()

    @property
    def is_scrubbed(self) -> bool:
        """Nothing is ever left: the file has no name."""
        return True

    def scrub(self, wait_seconds: float = SCRUB_WAIT_SECONDS_MAX) -> None:
        """Do nothing: the file has no name."""
        del wait_seconds
        self._check_open()

    @contextmanager
    def read(self) -> Generator[SqliteReader]:
        """Open a snapshot: nobody writes until it is left."""
        with self._entered("BEGIN"):
            try:
                yield SqliteReader(self._database.conn)
            finally:
                with suppress(sqlite3.Error):
                    self._database.conn.rollback()

    @contextmanager
    def write(self) -> Generator[SqliteWriter]:
        """Open the writing transaction; nothing is synced when the block is left."""
        with self._entered("BEGIN IMMEDIATE"):
            try:
                yield SqliteWriter(self._database.conn)
                self._database.conn.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.conn.rollback()
                raise

    def close(self) -> None:
        """Let go of it: the disk has its room back."""
        if not self._closed:
            self._closed = True
            self._database.conn.close()

    @contextmanager
    def _entered(self, begin: str) -> Generator[None]:
        if not self._lock.acquire(timeout=BUSY_WAIT_SECONDS_MAX):
            raise StoreBusyError(
                f"Another thread was inside for over {BUSY_WAIT_SECONDS_MAX:.0f} s",
                where=str(self._place),
            )
        try:
            self._check_open()
            with translated(self._place):
                self._database.conn.execute(begin)
                yield
        finally:
            self._lock.release()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store is closed", hint="Open it again.")
