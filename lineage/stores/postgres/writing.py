"""Writing inside the one writing transaction."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from lineage.proofs.tree import Subtree
from lineage.stores.base import StoredHead
from lineage.stores.postgres.deferring import Deferred
from lineage.stores.postgres.layout import COPY_TYPES
from lineage.stores.postgres.reading import HEAD_SQL, PostgresReader
from lineage.stores.tables import Column, Row, Table
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.errors import InvariantError, StaleHeadError, StoreError
from lineage_schemas.governance import PartsErased

_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"
_LOCK_HEAD: Final = f"{HEAD_SQL} FOR UPDATE"

_ENTRY: Final = Table(
    "entry",
    (Column("position", int), Column("envelope", bytes), Column("leaf", bytes)),
    key=("position",),
)
_PAYLOAD: Final = Table(
    "payload",
    (
        Column("position", int),
        Column("facts_salt", bytes, optional=True),
        Column("facts", bytes, optional=True),
        Column("personal_salt", bytes, optional=True),
        Column("personal", bytes, optional=True),
    ),
    key=("position",),
)
_SUBTREE: Final = Table(
    "subtree",
    (Column("level", int), Column("position", int), Column("root", bytes)),
    key=("level", "position"),
)
_HEAD: Final = Table(
    "ledger",
    (
        Column("id", int),
        Column("size", int),
        Column("recorded_us", int),
        Column("compact_range", bytes),
    ),
    key=("id",),
)
"""Of the ledger's row what every batch moves."""

_LEDGER_ID: Final = 1


class _Block:
    """A block that can be undone. The server hears of it once something is written in it."""

    def __init__(self, depth: int) -> None:
        self.name = f"batch_{depth}"
        self.is_set = False


class PostgresWriter(PostgresReader):
    """Writes within the writing transaction, whose first act is to lock the head.

    Whoever holds that lock is the only one who writes, so what it has read of the head holds. What
    is written waits until somebody reads that table, or the block ends.
    """

    def __init__(self, connection: Connection) -> None:
        """Begin, on a connection where nothing is begun."""
        super().__init__(connection)
        with connection.pipeline():
            self._run(_BEGIN)
            locked = self._run(_LOCK_HEAD)
        row = locked.fetchone()
        assert row is not None
        self._head = StoredHead(*row)
        self._deferred = Deferred()
        self._blocks: list[_Block] = []

    def commit(self) -> None:
        """Write what waits, and commit.

        Raises:
            StoreError: something failed before, and was passed over: the server would undo all of
                it, and call that done.
        """
        self.flush()
        if self._connection.info.transaction_status is TransactionStatus.INERROR:
            raise StoreError("Something failed in this transaction; nothing of it was written")
        self._run("COMMIT")

    def head(self) -> StoredHead:
        """Return the head, as this transaction has moved it."""
        return self._head

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what the block did when an exception leaves it."""
        self.flush()
        block, head = _Block(len(self._blocks)), self._head
        self._blocks.append(block)
        try:
            yield
            self.flush(release=block)
        except BaseException as error:
            self._head, self._deferred = head, Deferred()
            # Where the connection is gone, so is all that was to be undone.
            if block.is_set and not self._connection.closed:
                self._run(f"ROLLBACK TO SAVEPOINT {block.name}")
            if isinstance(error, psycopg.IntegrityError):
                raise InvariantError(f"A row contradicts another: {error.sqlstate}") from error
            raise
        finally:
            self._blocks.pop()

    def append(
        self,
        expected_size: int,
        entries: Sequence[StoredEntry],
        subtrees: Sequence[Subtree],
        head: StoredHead,
    ) -> None:
        """Append entries and move the head."""
        if expected_size != self._head.size:
            raise StaleHeadError(
                f"The log has size {self._head.size}, not {expected_size}; nothing was written",
                hint="Read the head again and append after it.",
            )
        if [entry.position for entry in entries] != list(range(expected_size, head.size)):
            raise StoreError("Positions are not dense", where=f"from {expected_size}")
        self._head = head
        self.replace(_HEAD, [(_LEDGER_ID, *head)])
        self._deferred.insert(_ENTRY, [(one.position, one.envelope, one.leaf) for one in entries])
        self._deferred.insert(
            _PAYLOAD,
            [(one.position, *_cells(one.facts), *_cells(one.personal)) for one in entries],
        )
        if subtrees:
            self._deferred.insert(_SUBTREE, subtrees)

    def keep_checkpoint(self, note: bytes | None) -> None:
        """Keep a checkpoint in the place of the one before."""
        self._write_now("UPDATE ledger SET checkpoint = %s WHERE id = 1", note)

    def rename(self, origin: str) -> None:
        """Let the log go by another origin."""
        self._write_now("UPDATE ledger SET origin = %s WHERE id = 1", origin)

    def erase(self, positions: Sequence[int], parts: PartsErased) -> int:
        """Erase payload parts; the tables' files hold their bytes until they are scrubbed."""
        columns = ["personal"] if parts is PartsErased.PERSONAL else ["facts", "personal"]
        erased = 0
        for column in columns:
            erased += self._write_now(
                f"UPDATE payload SET {column} = NULL, {column}_salt = NULL WHERE "
                f'coalesce({column}, {column}_salt) IS NOT NULL AND "position" = ANY(%b::bigint[])',
                list(positions),
            )
        if erased:
            self._write_now("UPDATE ledger SET scrub_due = scrub_due + 1 WHERE id = 1")
        return erased

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows with new keys, in the order of the keys: neighbours share a page."""
        if rows:
            self._deferred.insert(table, sorted(rows))

    def replace(self, table: Table, rows: Sequence[Row]) -> None:
        """Put rows in the place of those with the same keys."""
        if rows:
            self._settle(table.name)
            self._deferred.replace(table, rows)

    def clear(self, tables: Sequence[Table]) -> None:
        """Remove every row of these tables; readers of an earlier moment still see them."""
        self._write_now("SET LOCAL statement_timeout = 0")
        for table in tables:
            self._write_now(f'DELETE FROM "{table.name}"')

    def flush(self, release: _Block | None = None) -> None:
        """Write what waits; ``release`` the block that ends with it."""
        deferred, self._deferred = self._deferred, Deferred()
        copies, change = deferred.copies(), deferred.change()
        # Nothing can be copied in while other statements are under way.
        with nullcontext() if copies else self._connection.pipeline():
            if deferred:
                self._set_blocks()
            changed = None if change is None else self._run(change.sql, change.lists)
            for table, rows in copies:
                self._copy(table, rows)
            if release is not None and release.is_set:
                self._run(f"RELEASE SAVEPOINT {release.name}")
        if change is not None and changed is not None and change.replaced:
            counts = changed.fetchone()
            assert counts is not None
            change.check(counts)

    def _write_now(self, sql: str, *cells: object) -> int:
        """Write what waits and then this; return how many rows it changed."""
        self.flush()
        self._set_blocks()
        return self._run(sql, cells).rowcount

    def _set_blocks(self) -> None:
        for block in self._blocks:
            if not block.is_set:
                block.is_set = True
                self._run(f"SAVEPOINT {block.name}")

    def _copy(self, table: Table, rows: Sequence[Row]) -> None:
        sql = f'COPY "{table.name}" FROM STDIN (FORMAT BINARY)'
        with self._connection.cursor().copy(sql.encode()) as copy:
            copy.set_types([COPY_TYPES[column.type] for column in table.columns])
            for row in rows:
                copy.write_row(row)

    def _settle(self, name: str) -> None:
        if self._deferred.touches(name):
            self.flush()


def _cells(part: PayloadPart | None) -> tuple[bytes | None, bytes | None]:
    return (None, None) if part is None else (part.salt, part.body)
