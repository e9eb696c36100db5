"""A ledger in one SQLite file: WAL, ``synchronous=FULL``, one writing connection, many readers.

A commit returns only after the write-ahead log was synced, so what was acknowledged survives a
power cut. The writing transaction begins immediately: a deferred one that reads the head first and
appends then fails under two writers, whatever the time-out.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Final

from sqlite_utils import Database

from lineage.stores.base import BUSY_WAIT_SECONDS_MAX, SCRUB_WAIT_SECONDS_MAX
from lineage.stores.sqlite.errors import PRIMARY_CODE, translated
from lineage.stores.sqlite.layout import (
    APPLICATION_ID,
    LOG_DDL,
    MIGRATIONS,
    NEW_LEDGER,
    STORE_VERSION,
    VIEWS_CHANGED_AFTER,
    table_ddl,
)
from lineage.stores.sqlite.transactions import SqliteReader, SqliteWriter
from lineage.stores.tables import BOOKMARK_ID, BOOKMARK_TABLE, Table, wanting
from lineage_schemas.errors import (
    ForeignStoreError,
    NewerStoreError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreError,
)

IDLE_READERS_MAX: Final = 16
"""Reading connections that are kept open for the next reader."""

STATEMENTS_CACHED: Final = 512

_PAUSE_SECONDS: Final = 0.01

_COLUMNS: Final = """
    SELECT made.name, held.name FROM sqlite_master made, pragma_table_info(made.name) held
    WHERE made.type = 'table' ORDER BY made.name, held.cid
"""
_USE_WAL: Final = "PRAGMA journal_mode = WAL"

WRITER_CACHE_KIB: Final = 65_536
"""Pages of the views' indexes that the writer keeps: inserts go all over them."""

SQLITE_HEADER_BYTES: Final = 100

PAGE_BYTES: Final = 4_096
"""A statement writes a page of each B-tree it touches: with larger ones it is more each time."""

CHECKPOINT_BYTES: Final = 67_108_864
"""How long the write-ahead log grows before it is copied into the file: a page that is written
again meanwhile is copied once."""


class SqliteStore:
    """A store in a SQLite file. Safe to use from many threads and several processes."""

    def __init__(self, path: Path, tables: Sequence[Table], new_origin: str) -> None:
        """Open the ledger at ``path``, or make one there with ``new_origin`` as its name.

        Raises:
            ForeignStoreError: the file holds something else; it is left untouched.
            NewerStoreError: a later version of this software wrote it.
            ReadOnlyStoreError: the file or its folder refuses writing.
            StoreBusyError: another process held it for over ``BUSY_WAIT_SECONDS_MAX``.
        """
        self._path = path
        self._lock = Lock()
        # A deque, whose steps no signal can come between: a queue's lock that Ctrl-C left taken
        # would be waited for by ``close``, for ever.
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        _refuse_stubs(path)
        with translated(path):
            self._writing = Database(self._connect(), execute_plugins=False)
            try:
                _prepare(self._writing, path, tables, new_origin)
                self._file = _identity(path)
            except BaseException:
                self._writing.conn.close()
                raise

    @property
    def origin(self) -> str:
        """The name the log goes by; another process may have renamed it in a recovery."""
        with self.read() as reader:
            return reader.origin()

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._path

    @contextmanager
    def read(self) -> Generator[SqliteReader]:
        """Open a snapshot on a reading connection of its own."""
        connection = self._borrow()
        try:
            with translated(self._path):
                connection.execute("BEGIN")
                yield SqliteReader(connection)
        finally:
            with suppress(sqlite3.Error):
                connection.rollback()
            self._give_back(connection)

    @contextmanager
    def write(self) -> Generator[SqliteWriter]:
        """Open the writing transaction; commit and sync when the block is left."""
        with self._entered(), translated(self._path):
            self._check_open()
            connection = self._writing.conn
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._check_file()
                yield SqliteWriter(connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.rollback()
                raise

    @property
    def is_scrubbed(self) -> bool:
        """Tell whether no erased byte is left in the file or its write-ahead log."""
        with self.read() as reader:
            return not reader.is_scrub_due()

    def scrub(self, wait_seconds: float = SCRUB_WAIT_SECONDS_MAX) -> None:
        """Rewrite the file, and cut its write-ahead log to nothing.

        A page that was written over may live on in the write-ahead log, in free pages and in the
        slack of others; only a file made anew of what is still there holds none of it.
        """
        with self._entered(), translated(self._path):
            self._check_open()
            connection = self._writing.conn
            due = connection.execute("SELECT scrub_due FROM ledger").fetchone()[0]
            # Before the long work: while an old state is read, all of it would be in vain.
            self._truncate_log(wait_seconds)
            # In memory the copy could be as large as the ledger.
            connection.execute("PRAGMA temp_store = FILE")
            try:
                connection.execute("VACUUM")
            finally:
                connection.execute("PRAGMA temp_store = MEMORY")
            self._truncate_log(wait_seconds)
            # What another process has erased meanwhile stays due.
            connection.execute("UPDATE ledger SET scrub_due = 0 WHERE scrub_due = ?", (due,))

    def _truncate_log(self, wait_seconds: float) -> None:
        """Copy the write-ahead log into the file and cut it, once nobody reads an old state."""
        connection = self._writing.conn
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * wait_seconds)}")
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * BUSY_WAIT_SECONDS_MAX)}")
        if busy:
            raise StoreBusyError(
                "A reader holds an old state of the ledger, so erased bytes are still in its file",
                where=str(self._path),
                hint="Close what reads it (a server, a shell), and open the ledger again.",
            )

    def copy_to(self, path: Path) -> None:
        """Copy one moment of the store into an empty file, compactly, while others write.

        What was erased is not in it, for free pages are not copied. The caller syncs the file.
        """
        connection = self._connect()
        try:
            with translated(path):
                connection.execute("VACUUM INTO ?", (str(path),))
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._writing.conn.close()
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def _entered(self) -> Generator[None]:
        """Let one thread write; the time-out of SQLite itself is for other processes."""
        if not self._lock.acquire(timeout=BUSY_WAIT_SECONDS_MAX):
            raise StoreBusyError(
                f"Another thread was writing for over {BUSY_WAIT_SECONDS_MAX:.0f} s",
                where=str(self._path),
            )
        try:
            yield
        finally:
            self._lock.release()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path,
            timeout=BUSY_WAIT_SECONDS_MAX,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_CACHED,
        )

    def _borrow(self) -> sqlite3.Connection:
        self._check_open()
        with suppress(IndexError):
            return self._idle.pop()
        with translated(self._path):
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed or len(self._idle) >= IDLE_READERS_MAX:
            connection.close()
        else:
            self._idle.append(connection)

    def _check_file(self) -> None:
        """Refuse to write into a file that is no longer the one of this name.

        Whoever puts a backup back under a running process leaves it a file that nobody can find
        any more: what it acknowledged would be gone when it ends.
        """
        if _identity(self._path) != self._file:
            raise StoreError(
                "The ledger's file was replaced or removed while it was open; nothing was written",
                where=str(self._path),
                hint="Stop this process and start it again.",
            )

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store is closed", hint="Open it again.")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells one file from another of the same name; ``None`` if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked at each commit: it must be quick
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _refuse_stubs(path: Path) -> None:
    """Refuse a file too short to be SQLite's: SQLite would take it for an empty one."""
    if path.is_file() and 0 < path.stat().st_size < SQLITE_HEADER_BYTES:
        raise ForeignStoreError(
            "This file is not a SQLite database, and was left as it is",
            where=str(path),
            hint="Name another file, or one that does not exist yet.",
        )


def _prepare(database: Database, path: Path, tables: Sequence[Table], new_origin: str) -> None:
    """Check that the file is ours, bring it up to this version, and make what is missing."""
    application, version, is_empty = _marks(database)
    if application not in {0, APPLICATION_ID} or (
        application == 0 and (version != 0 or not is_empty)
    ):
        raise ForeignStoreError(
            "This SQLite file is not a ledger, and was left as it is",
            where=str(path),
            hint="Name another file, or one that does not exist yet.",
        )
    if version > STORE_VERSION:
        raise NewerStoreError(
            f"This ledger has store version {version}, this software knows {STORE_VERSION}",
            where=str(path),
            hint="Install the version that wrote it, or a later one.",
        )
    _settle(database, path)
    if application and version < STORE_VERSION:
        _migrate(database, tables)
    _create_missing(database, tables, new_origin)


def _migrate(database: Database, tables: Sequence[Table]) -> None:
    """Bring the log's own tables up to this version, and drop views that are of another form.

    It is one short transaction, between two of whoever writes meanwhile.
    """
    connection = database.conn
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited.
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for version in range(found, STORE_VERSION):
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
        if found <= VIEWS_CHANGED_AFTER:
            for table in tables:
                connection.execute(f'DROP TABLE IF EXISTS "{table.name}"')
        if found < STORE_VERSION:
            connection.execute(f"PRAGMA user_version = {STORE_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _marks(database: Database) -> tuple[int, int, bool]:
    """Return (application, version, whether the file holds nothing), all of one moment.

    Another process may be making the ledger right now: read one after another, the marks could be
    from before that and the tables from after it, which would look like somebody else's file.
    """
    database.conn.execute("BEGIN")
    try:
        application = int(database.conn.execute("PRAGMA application_id").fetchone()[0])
        version = int(database.conn.execute("PRAGMA user_version").fetchone()[0])
        things = int(database.conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    finally:
        database.conn.rollback()
    return application, version, things == 0


def _settle(database: Database, path: Path) -> None:
    """Choose how the file is written: durable above all."""
    database.conn.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # heeded by a new file only
    try:
        _enable_wal(database)
    except sqlite3.OperationalError as error:
        if "readonly" in str(error):
            raise ReadOnlyStoreError(
                "The ledger cannot be opened for writing",
                where=str(path),
                hint="Check the permissions of the file and its folder.",
            ) from error
        raise
    database.conn.execute("PRAGMA synchronous = FULL")
    database.conn.execute("PRAGMA temp_store = MEMORY")
    database.conn.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
    page_bytes = int(database.conn.execute("PRAGMA page_size").fetchone()[0])
    database.conn.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_BYTES // page_bytes}")


def _enable_wal(database: Database) -> None:
    """Switch to the write-ahead log, once others that do the same are done.

    SQLite's own time-out does not hold here: whoever comes second is told at once.
    """
    if database.journal_mode == "wal":
        return
    for _ in range(int(BUSY_WAIT_SECONDS_MAX / _PAUSE_SECONDS)):
        try:
            database.conn.execute(_USE_WAL)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY:
                raise
            sleep(_PAUSE_SECONDS)
        else:
            return
    database.conn.execute(_USE_WAL)


def _create_missing(database: Database, tables: Sequence[Table], new_origin: str) -> None:
    """Make the tables that are not there; where all are, nothing is written and nobody waits.

    A view's table whose columns are others is one of another version: it is made anew, and its
    rows, which can be folded again, go with it.
    """
    there = _columns_of(database)
    if "ledger" in there and not wanting(tables, there):
        return
    connection = database.conn
    connection.execute("BEGIN IMMEDIATE")
    try:
        there = _columns_of(database)
        if "ledger" not in there:
            for statement in LOG_DDL:
                connection.execute(statement)
            connection.execute(NEW_LEDGER, [new_origin])
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {STORE_VERSION}")
        missing = wanting(tables, there)
        for table in missing:
            connection.execute(f'DROP TABLE IF EXISTS "{table.name}"')
            for statement in table_ddl(table):
                connection.execute(statement)
        if missing and "ledger" in there and BOOKMARK_TABLE in there:
            # Views that were not there have not been folded: whoever opens must fold all again.
            connection.execute(f'DELETE FROM "{BOOKMARK_TABLE}" WHERE id = ?', (BOOKMARK_ID,))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _columns_of(database: Database) -> dict[str, tuple[str, ...]]:
    """Return the tables that are there, each with the names of its columns in order."""
    found: dict[str, tuple[str, ...]] = {}
    for table, column in database.conn.execute(_COLUMNS):
        found[table] = (*found.get(table, ()), column)
    return found
