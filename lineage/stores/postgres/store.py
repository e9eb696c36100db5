"""A ledger in a schema of a PostgreSQL database, for any number of processes.

The row of the ledger is what makes writers one: whoever writes locks it first and holds it until
the commit, so positions are dense and batches never interleave. Nothing else is used that only
PostgreSQL has: no advisory lock, no sequence, no notification. A commit returns only once the
server has written it to its disk.

Readers hold a snapshot (REPEATABLE READ) on a connection of a pool; the writer has one of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from time import monotonic, sleep
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper
from psycopg_pool import ConnectionPool

from lineage.stores.base import BUSY_WAIT_SECONDS_MAX, SCRUB_WAIT_SECONDS_MAX
from lineage.stores.postgres.errors import translated
from lineage.stores.postgres.horizon import holders, next_transaction, told
from lineage.stores.postgres.making import prepare
from lineage.stores.postgres.place import Place, parse_place
from lineage.stores.postgres.reading import PostgresReader
from lineage.stores.postgres.writing import PostgresWriter
from lineage.stores.tables import Table
from lineage_schemas.errors import (
    ReadOnlyStoreError,
    StoreBusyError,
    StoreError,
    StoreLostError,
)

READERS_MAX: Final = 16
"""Reading connections of one process at most; the next reader waits for one of them."""

STATEMENT_SECONDS_MAX: Final = 120
"""How long one statement may take before the server gives it up."""

IDLE_WRITER_SECONDS_MAX: Final = 60
"""How long a writer that says nothing holds the head before the server takes it away: one that is
stopped, or cut off, must not keep all others from writing for ever."""

IDLE_READER_SECONDS_MAX: Final = 600
"""How long a reader that asks nothing keeps its snapshot, and all the old rows that it may see."""

_PAUSE_SECONDS: Final = 0.05
_MILLISECONDS: Final = 1_000

_BEGIN_READING: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_OWNS_ALL: Final = b"""
    SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_catalog.pg_class
    JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE nspname = current_schema() AND relkind = 'r'
"""


class PostgresStore:
    """A store in PostgreSQL. Safe to use from many threads and several processes."""

    def __init__(self, url: str, tables: Sequence[Table], new_origin: str) -> None:
        """Open the ledger at ``url``, or make one there with ``new_origin`` as its name.

        Raises:
            InvalidInputError: that is no URL of a database.
            ForeignStoreError: the schema holds something else; it is left untouched.
            NewerStoreError: a later version of this software wrote it.
            ReadOnlyStoreError: the user may not do this.
            StoreError: the database cannot be reached.
        """
        self._place = parse_place(url)
        self._tables = tuple(tables)
        self._lock = Lock()
        self._closed = False
        with translated(self._place.shown):
            self._writing = connect(self._place, IDLE_WRITER_SECONDS_MAX)
            try:
                prepare(self._writing, self._place, self._tables, new_origin)
            except BaseException:
                self._writing.close()
                raise
        self._readers: ConnectionPool[Connection] = ConnectionPool(
            self._place.options(**_server_settings(IDLE_READER_SECONDS_MAX)),
            kwargs={"autocommit": True},
            min_size=1,
            max_size=READERS_MAX,
            timeout=BUSY_WAIT_SECONDS_MAX,
            configure=configure,
            open=True,
        )

    @property
    def origin(self) -> str:
        """The name the log goes by; another process may have renamed it in a recovery."""
        with self.read() as reader:
            return reader.origin()

    @contextmanager
    def read(self) -> Generator[PostgresReader]:
        """Open a snapshot on a reading connection of its own."""
        self._check_open()
        with translated(self._place.shown):
            connection = self._begin_reading()
            try:
                yield PostgresReader(connection)
            finally:
                # A connection that broke is thrown away by the pool.
                with suppress(psycopg.Error):
                    connection.rollback()
                self._readers.putconn(connection)

    @contextmanager
    def write(self) -> Generator[PostgresWriter]:
        """Open the writing transaction; commit durably when the block is left."""
        with self._entered(), translated(self._place.shown):
            try:
                writer = self._begin_writing()
                yield writer
                writer.commit()
            except BaseException:
                # Where the connection is gone the server has undone it all.
                with suppress(psycopg.Error):
                    self._writing.rollback()
                raise

    @property
    def is_scrubbed(self) -> bool:
        """Tell whether no erased byte is left in the files of the tables."""
        with self.read() as reader:
            return not reader.is_scrub_due()

    def scrub(self, wait_seconds: float = SCRUB_WAIT_SECONDS_MAX) -> None:
        """Write every table that can hold erased bytes anew. The others wait meanwhile.

        The server's write-ahead log, and whatever archives it, hold them until they are recycled.
        """
        with self._entered(), translated(self._place.shown):
            connection = self._live_writer()
            self._check_owner(connection)
            row = connection.execute(b"SELECT scrub_due FROM ledger").fetchone()
            assert row is not None
            # Afterwards, so that whoever has erased what is due comes before it.
            next_id = next_transaction(connection)
            self._await_holders(connection, next_id, wait_seconds)
            connection.execute(b"SET statement_timeout = 0")
            connection.execute(b"SET lock_timeout = %d" % max(1, wait_seconds * _MILLISECONDS))
            try:
                for name in ("payload", *(table.name for table in self._tables)):
                    connection.execute(f'VACUUM (FULL, ANALYZE) "{name}"'.encode())
                # A standby may have come back meanwhile with an old snapshot.
                self._await_holders(connection, next_id, 0)
                # What another process has erased meanwhile stays due.
                connection.execute(
                    b"UPDATE ledger SET scrub_due = 0 WHERE scrub_due = %s", (row[0],)
                )
            finally:
                with suppress(psycopg.Error):
                    connection.execute(b"RESET statement_timeout")
                    connection.execute(b"RESET lock_timeout")

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._writing.close()
            self._readers.close()

    @contextmanager
    def _entered(self) -> Generator[None]:
        """Let one thread write; the database's own time-out is for other processes."""
        if not self._lock.acquire(timeout=BUSY_WAIT_SECONDS_MAX):
            raise StoreBusyError(
                f"Another thread was writing for over {BUSY_WAIT_SECONDS_MAX:.0f} s",
                where=self._place.shown,
            )
        try:
            self._check_open()
            yield
        finally:
            self._lock.release()

    def _begin_reading(self) -> Connection:
        """Begin on a connection that lives; those from before a restart are found out here."""
        for _ in range(READERS_MAX):
            connection = self._readers.getconn()
            try:
                connection.execute(_BEGIN_READING)
            except BaseException as error:
                self._readers.putconn(connection)
                if not (isinstance(error, psycopg.OperationalError) and connection.closed):
                    raise
            else:
                return connection
        raise StoreLostError(
            "Every connection to the database broke", where=self._place.shown, hint="Try again."
        )

    def _begin_writing(self) -> PostgresWriter:
        connection = self._live_writer()
        try:
            return PostgresWriter(connection)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
        # Nothing of this transaction was said yet: a new connection may say it.
        return PostgresWriter(self._live_writer())

    def _live_writer(self) -> Connection:
        if self._writing.closed:
            self._writing = connect(self._place, IDLE_WRITER_SECONDS_MAX)
        return self._writing

    def _check_owner(self, connection: Connection) -> None:
        """Refuse where the server would: it passes over others' tables with no more than a word."""
        row = connection.execute(_OWNS_ALL).fetchone()
        if row is None or not row[0]:
            raise ReadOnlyStoreError(
                "Only the owner of the ledger's tables can write them anew, so erased bytes are "
                "still in their files",
                where=self._place.shown,
                hint="Open the ledger once as their owner.",
            )

    def _await_holders(self, connection: Connection, next_id: str, wait_seconds: float) -> None:
        end = monotonic() + wait_seconds
        while found := holders(connection, next_id):
            if monotonic() >= end:
                raise StoreBusyError(
                    "Erased bytes are still in the tables, for an old state of the ledger is held "
                    f"by {told(found)}",
                    where=self._place.shown,
                    hint="End that, and open the ledger again.",
                )
            sleep(_PAUSE_SECONDS)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store is closed", hint="Open it again.")


def has_postgres_ledger(url: str) -> bool:
    """Tell whether there is a ledger at ``url``, without making one.

    Raises:
        InvalidInputError: that is no URL of a database.
        StoreError: the database cannot be reached.
    """
    place = parse_place(url)
    with translated(place.shown), connect(place, IDLE_READER_SECONDS_MAX) as connection:
        row = connection.execute(b"SELECT to_regclass('ledger') IS NOT NULL").fetchone()
        return row is not None and bool(row[0])


def prepare_postgres_ledger(url: str, tables: Sequence[Table], new_origin: str) -> None:
    """Make the ledger at ``url``, or what it lacks, without opening it.

    Raises:
        StoreError: as ``PostgresStore``.
    """
    place = parse_place(url)
    with translated(place.shown), connect(place, IDLE_WRITER_SECONDS_MAX) as connection:
        prepare(connection, place, tables, new_origin)


def connect(place: Place, idle_seconds: int) -> Connection:
    """Open a connection of our own making.

    Raises:
        StoreError: the database cannot be reached.
    """
    try:
        connection = Connection.connect(
            place.options(**_server_settings(idle_seconds)), autocommit=True
        )
    except psycopg.OperationalError as error:
        raise StoreError(
            f"The database cannot be reached: {str(error).partition(chr(10))[0]}",
            where=place.shown,
            hint="Check its address, that it runs, and who may sign in.",
        ) from error
    configure(connection)
    return connection


def _server_settings(idle_seconds: int) -> dict[str, str | int]:
    return {
        "statement_timeout": STATEMENT_SECONDS_MAX * _MILLISECONDS,
        "lock_timeout": int(BUSY_WAIT_SECONDS_MAX * _MILLISECONDS),
        "idle_in_transaction_session_timeout": idle_seconds * _MILLISECONDS,
        # Every question goes by an index. Without statistics yet the planner may not see that, and
        # compiling a query for a table it takes for huge costs more than the query.
        "enable_seqscan": "off",
        "jit": "off",
    }


def configure(connection: Connection) -> None:
    """See to durability, and to cells that cross as they are."""
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_dumper(str, StrBinaryDumper)
    row = connection.execute(b"SHOW synchronous_commit").fetchone()
    if row is not None and row[0] == "off":
        # An acknowledgement that a crash takes back is none, whatever the database's default.
        connection.execute(b"SET synchronous_commit = on")
