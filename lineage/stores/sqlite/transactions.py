"""Reading and writing inside one SQLite transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from types import NoneType
from typing import Final

from msgspec import json

from lineage.proofs.tree import Subtree
from lineage.stores.base import (
    READ_ENTRIES_MAX,
    STRAYS_MAX,
    Documents,
    HalfPart,
    StoredHead,
    StrayParts,
    Strays,
    frozen_error,
)
from lineage.stores.prefixes import prefix_sql
from lineage.stores.sqlite.layout import LOG_DDL, made_by, table_ddl
from lineage.stores.sqlite.runs import dense_runs
from lineage.stores.tables import Cell, Row, Table
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.errors import InvariantError, StaleHeadError, StoreError
from lineage_schemas.governance import PartsErased

_ENTRIES = """
    SELECT position, envelope, leaf, facts_salt, facts, personal_salt, personal
    FROM entry JOIN payload USING (position)
    WHERE position >= ? ORDER BY position LIMIT ?
"""
_HALVES: Final = """
    SELECT position, {0} IS NOT NULL FROM payload
    WHERE ({0} IS NULL) <> ({0}_salt IS NULL) ORDER BY position LIMIT ?
"""
_ORPHANS: Final = """
    SELECT position FROM payload
    WHERE position NOT IN (SELECT position FROM entry) ORDER BY position LIMIT ?
"""
ROWS_PER_INSERT: Final = 32
"""Starting and ending a statement costs about as much as a row does."""

# As they are. Without it the driver asks every single cell of these types whether it would rather
# be something else, by attributes that it does not have: often longer than to store the row.
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(NoneType, lambda none: none)

_VISIBLE = ' AND "since" < ? AND ("until" IS NULL OR ? <= "until")'


class SqliteReader:
    """Reads within the transaction that is open on a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def origin(self) -> str:
        """Return the name the log goes by."""
        return str(self._connection.execute("SELECT origin FROM ledger").fetchone()[0])

    def checkpoint(self) -> bytes | None:
        """Return the last checkpoint that was kept."""
        note: bytes | None = self._connection.execute("SELECT checkpoint FROM ledger").fetchone()[0]
        return note

    def is_frozen(self) -> bool:
        """Tell whether the log takes nothing here any more."""
        row = self._connection.execute("SELECT frozen FROM ledger").fetchone()
        return bool(row[0])

    def is_scrub_due(self) -> bool:
        """Tell whether erased bytes may still be in the file."""
        row = self._connection.execute("SELECT scrub_due FROM ledger").fetchone()
        return bool(row[0])

    def envelopes(self, start: int, count: int) -> list[bytes]:
        """Return envelopes from ``start`` on."""
        sql = "SELECT envelope FROM entry WHERE position >= ? ORDER BY position LIMIT ?"
        rows = self._connection.execute(sql, (start, min(count, READ_ENTRIES_MAX)))
        return [row[0] for row in rows]

    def head(self) -> StoredHead:
        """Return the head."""
        row = self._connection.execute("SELECT size, recorded_us, compact_range FROM ledger")
        return StoredHead(*row.fetchone())

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        """Return entries from ``start`` on."""
        rows = self._connection.execute(_ENTRIES, (start, min(count, READ_ENTRIES_MAX)))
        return [
            StoredEntry(
                position=position,
                envelope=envelope,
                leaf=leaf,
                facts=_part(facts_salt, facts),
                personal=_part(personal_salt, personal),
            )
            for position, envelope, leaf, facts_salt, facts, personal_salt, personal in rows
        ]

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Return roots of complete subtrees; level 0 are the leaf hashes."""
        if level == 0:
            sql = "SELECT leaf FROM entry WHERE position >= ? ORDER BY position LIMIT ?"
            return [row[0] for row in self._connection.execute(sql, (first, count))]
        sql = """
            SELECT root FROM subtree WHERE level = ? AND position >= ? ORDER BY position LIMIT ?
        """
        return [row[0] for row in self._connection.execute(sql, (level, first, count))]

    def payload(self, position: int) -> tuple[PayloadPart | None, PayloadPart | None]:
        """Return the parts of one entry."""
        sql = "SELECT facts_salt, facts, personal_salt, personal FROM payload WHERE position = ?"
        row = self._connection.execute(sql, (position,)).fetchone()
        if row is None:
            raise StoreError("There is no such entry", where=f"position {position}")
        return _part(row[0], row[1]), _part(row[2], row[3])

    def find(
        self, table: Table, column: str, values: Iterable[Cell], size: int | None = None
    ) -> list[Row]:
        """Return the rows whose ``column`` is one of ``values``."""
        if column not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by {column}")
        given = json.encode(list(values)).decode()
        if size is None:
            return self._connection.execute(_find_sql(table, column), (given,)).fetchall()
        sql = _find_sql(table, column) + _visible_sql(table)
        return self._connection.execute(sql, (given, *_visible_cells(table, size))).fetchall()

    def find_pairs(self, table: Table, pairs: Collection[tuple[int, int]]) -> list[Row]:
        """Return the rows whose key begins with one of these pairs."""
        given = json.encode(list(set(pairs))).decode()
        return self._connection.execute(_pairs_sql(table), (given,)).fetchall()

    def find_documents(
        self, table: Table, values: Collection[int], cell: str, size: int
    ) -> list[Documents]:
        """Return the JSON cells of rows that show as of ``size``, joined by SQLite itself.

        A stretch of rows of which all are wanted is read as one, in half the time that looking up
        each of them takes.
        """
        select = _documents_sql(table, cell)
        shown, cells = _visible_sql(table), _visible_cells(table, size)
        runs, rest = dense_runs(values)
        found: list[Documents] = []
        for run in runs:
            sql = f'{select} "{table.key[0]}" BETWEEN ? AND ?{shown}'
            row = self._connection.execute(sql, (run[0], run[-1], *cells)).fetchone()
            if row[0] == len(run):
                found.append(Documents(row[1], row[2]))
            else:
                rest += run
        if rest:
            sql = f'{select} "{table.key[0]}" IN (SELECT value FROM json_each(?)){shown}'
            row = self._connection.execute(sql, (json.encode(rest).decode(), *cells)).fetchone()
            if row[0]:
                found.append(Documents(row[1], row[2]))
        return found

    def find_prefix(
        self,
        table: Table,
        column: str,
        prefix: str,
        after: Row | None = None,
        count: int | None = None,
    ) -> list[Row]:
        """Return the rows whose text in ``column`` begins with ``prefix``."""
        if column not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by {column}")
        where, cells = prefix_sql(table, (column, prefix), after, count, "?")
        sql = f'SELECT * FROM "{table.name}" WHERE {where}'
        return self._connection.execute(sql, cells).fetchall()

    def page(
        self,
        table: Table,
        index: tuple[str, str],
        value: Cell,
        after: Cell,
        count: int,
        size: int | None = None,
    ) -> list[Row]:
        """Return rows of one indexed value, ordered by the second column of ``index``."""
        if index not in (*table.indexes, table.key):
            raise StoreError(f"Table {table.name} has no index {index}")
        sql = f'SELECT * FROM "{table.name}" WHERE "{index[0]}" = ?'
        cells: list[Cell] = [value]
        if after is not None:
            sql += f' AND "{index[1]}" > ?'
            cells.append(after)
        if size is not None:
            sql += _visible_sql(table)
            cells.extend(_visible_cells(table, size))
        sql += f' ORDER BY "{index[1]}" LIMIT ?'
        return self._connection.execute(sql, (*cells, count)).fetchall()

    def added(self, table: Table, since: int) -> list[Row]:
        """Return the rows that began at ``since`` or later."""
        if "since" not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by since")
        sql = f'SELECT * FROM "{table.name}" WHERE "since" >= ? ORDER BY "since"'
        return self._connection.execute(sql, (since,)).fetchall()

    def scan(self, table: Table, after: Row | None, count: int) -> list[Row]:
        """Return rows in the order of the key."""
        key = ", ".join(f'"{name}"' for name in table.key)
        where, cells = "", ()
        if after is not None:
            where, cells = f"WHERE ({key}) > ({', '.join('?' * len(table.key))})", after
        sql = f'SELECT * FROM "{table.name}" {where} ORDER BY {key} LIMIT ?'
        return self._connection.execute(sql, (*cells, count)).fetchall()

    def strays(self, tables: Sequence[Table]) -> Strays:
        """Return what lies here that is neither the log's nor of the views' ``tables``."""
        views = chain.from_iterable(map(table_ddl, tables))
        ours = {made_by(statement) for statement in (*LOG_DDL, *views)}
        made = self._connection.execute("SELECT type, name FROM sqlite_master").fetchall()
        there = {f"{kind} {name}" for kind, name in made if not name.startswith("sqlite_")}
        sql = "SELECT position FROM entry WHERE position < 0 ORDER BY position LIMIT ?"
        before = [row[0] for row in self._connection.execute(sql, (STRAYS_MAX,))]
        return Strays(sorted(there - ours)[:STRAYS_MAX], sorted(ours - there), before)

    def stray_parts(self) -> StrayParts:
        """Return payload that belongs to no entry, or of which half is there."""
        halves = [
            HalfPart(position, part, "body" if has_body else "salt")
            for part in ("facts", "personal")
            for position, has_body in self._connection.execute(_HALVES.format(part), (STRAYS_MAX,))
        ]
        orphans = [row[0] for row in self._connection.execute(_ORPHANS, (STRAYS_MAX,))]
        return StrayParts(halves, orphans)


class SqliteWriter(SqliteReader):
    """Writes within the writing transaction."""

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what the block did when an exception leaves it."""
        try:
            # By the same name each time, so that it is parsed once for all of them.
            self._connection.execute("SAVEPOINT work")
            try:
                yield
            except BaseException:
                # A full disk has undone the whole transaction, and the savepoint with it.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK TO work")
                    self._connection.execute("RELEASE work")
                raise
            self._connection.execute("RELEASE work")
        except sqlite3.IntegrityError as error:
            raise InvariantError(f"A row contradicts another: {error}") from error

    def append(
        self,
        expected_size: int,
        entries: Sequence[StoredEntry],
        subtrees: Sequence[Subtree],
        head: StoredHead,
    ) -> None:
        """Append entries and move the head."""
        moved = self._connection.execute(
            "UPDATE ledger SET size = ?, recorded_us = ?, compact_range = ? "
            "WHERE size = ? AND frozen = 0",
            (head.size, head.recorded_us, head.compact_range, expected_size),
        )
        if moved.rowcount != 1:
            self._refuse_frozen()
            raise StaleHeadError(
                f"The log no longer has size {expected_size}; nothing was written",
                hint="Read the head again and append after it.",
            )
        if [entry.position for entry in entries] != list(range(expected_size, head.size)):
            raise StoreError("Positions are not dense", where=f"from {expected_size}")
        self._insert("entry", 3, [(one.position, one.envelope, one.leaf) for one in entries])
        parts = [(one.position, *_cells(one.facts), *_cells(one.personal)) for one in entries]
        self._insert("payload", 5, parts)
        self._insert("subtree", 3, subtrees)

    def keep_checkpoint(self, note: bytes | None) -> None:
        """Keep a checkpoint in the place of the one before."""
        self._connection.execute("UPDATE ledger SET checkpoint = ?", (note,))

    def rename(self, origin: str) -> None:
        """Let the log go by another origin."""
        self._refuse_frozen()
        self._connection.execute("UPDATE ledger SET origin = ?", (origin,))

    def freeze(self, frozen: bool) -> None:  # noqa: FBT001 - as the contract has it
        """Let the log take nothing from here on, or let it take entries again."""
        self._connection.execute("UPDATE ledger SET frozen = ?", (int(frozen),))

    def _refuse_frozen(self) -> None:
        if self.is_frozen():
            raise frozen_error()

    def erase(self, positions: Sequence[int], parts: PartsErased) -> int:
        """Erase payload parts; the file holds their bytes until it is scrubbed."""
        self._refuse_frozen()
        columns = ["personal"] if parts is PartsErased.PERSONAL else ["facts", "personal"]
        erased = 0
        for column in columns:
            changed = self._connection.execute(
                f'UPDATE payload SET "{column}" = NULL, "{column}_salt" = NULL WHERE '
                f'coalesce("{column}", "{column}_salt") IS NOT NULL '
                "AND position IN (SELECT value FROM json_each(?))",
                (json.encode(list(positions)).decode(),),
            )
            erased += changed.rowcount
        if erased:
            self._connection.execute("UPDATE ledger SET scrub_due = scrub_due + 1")
        return erased

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows with new keys, in the order of the keys: neighbours share a page."""
        if rows:
            self._insert(table.name, len(table.columns), sorted(rows))

    def _insert(self, name: str, width: int, rows: Sequence[Row]) -> None:
        whole = len(rows) - len(rows) % ROWS_PER_INSERT
        for start in range(0, whole, ROWS_PER_INSERT):
            cells = tuple(chain.from_iterable(rows[start : start + ROWS_PER_INSERT]))
            self._connection.execute(_insert_sql(name, width, ROWS_PER_INSERT), cells)
        if len(rows) > whole:
            self._connection.executemany(_insert_sql(name, width, 1), rows[whole:])

    def replace(self, table: Table, rows: Sequence[Row]) -> None:
        """Put rows in the place of those with the same keys."""
        if not rows:
            return
        width = len(table.key)
        changed = self._connection.executemany(
            _replace_sql(table), [(*row[width:], *row[:width]) for row in rows]
        )
        if changed.rowcount != len(rows):
            raise StoreError(f"A row of {table.name} is not there to replace")

    def clear(self, tables: Sequence[Table]) -> None:
        """Remove every row of these tables."""
        for table in tables:
            self._connection.execute(f'DELETE FROM "{table.name}"')


@lru_cache
def _find_sql(table: Table, column: str) -> str:
    return f'SELECT * FROM "{table.name}" WHERE "{column}" IN (SELECT value FROM json_each(?))'


@lru_cache
def _pairs_sql(table: Table) -> str:
    first, second = (
        f"\"{name}\" = json_extract(value, '$[{place}]')"
        for place, name in enumerate(table.key[:2])
    )
    # CROSS: one look for each pair. Left to itself SQLite might read the table from end to end.
    return (
        f'SELECT "{table.name}".* FROM json_each(?) CROSS JOIN "{table.name}" '
        f"WHERE {first} AND {second}"
    )


@lru_cache
def _documents_sql(table: Table, cell: str) -> str:
    keys = f'CAST(group_concat("{table.key[0]}") AS BLOB)'
    documents = f'CAST(group_concat(CAST("{cell}" AS TEXT)) AS BLOB)'
    return f'SELECT count(*), {keys}, {documents} FROM "{table.name}" WHERE'


@lru_cache
def _insert_sql(name: str, width: int, rows: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f'INSERT INTO "{name}" VALUES {", ".join([row] * rows)}'


@lru_cache
def _replace_sql(table: Table) -> str:
    width = len(table.key)
    given = ", ".join(f'"{name}" = ?' for name in table.names[width:])
    where = " AND ".join(f'"{name}" = ?' for name in table.key)
    return f'UPDATE "{table.name}" SET {given} WHERE {where}'


def _visible_sql(table: Table) -> str:
    return _VISIBLE if table.is_timed else ' AND "since" < ?'


def _visible_cells(table: Table, size: int) -> tuple[int, ...]:
    return (size, size) if table.is_timed else (size,)


def _part(salt: bytes | None, body: bytes | None) -> PayloadPart | None:
    return None if salt is None or body is None else PayloadPart(salt, body)


def _cells(part: PayloadPart | None) -> tuple[bytes | None, bytes | None]:
    return (None, None) if part is None else (part.salt, part.body)
