"""Reading inside one PostgreSQL transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from psycopg import Connection, Cursor

from lineage.stores.base import (
    READ_ENTRIES_MAX,
    STRAYS_MAX,
    Documents,
    HalfPart,
    StoredHead,
    StrayParts,
    Strays,
)
from lineage.stores.postgres.layout import SQL_TYPES, things_made
from lineage.stores.prefixes import prefix_sql
from lineage.stores.tables import Cell, Row, Table
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.errors import StoreError

HEAD_SQL: Final = "SELECT size, recorded_us, compact_range FROM ledger WHERE id = 1"
_ENTRIES: Final = """
    SELECT "position", envelope, leaf, facts_salt, facts, personal_salt, personal
    FROM entry JOIN payload USING ("position")
    WHERE "position" >= %s ORDER BY "position" LIMIT %s
"""
_ENVELOPES: Final = """
    SELECT envelope FROM entry WHERE "position" >= %s ORDER BY "position" LIMIT %s
"""
_LEAVES: Final = """
    SELECT leaf FROM entry WHERE "position" >= %s ORDER BY "position" LIMIT %s
"""
_ROOTS: Final = """
    SELECT root FROM subtree WHERE level = %s AND "position" >= %s ORDER BY "position" LIMIT %s
"""
_PAYLOAD: Final = """
    SELECT facts_salt, facts, personal_salt, personal FROM payload WHERE "position" = %s
"""
_HALVES: Final = """
    SELECT "position", {0} IS NOT NULL FROM payload
    WHERE ({0} IS NULL) <> ({0}_salt IS NULL) ORDER BY "position" LIMIT %s
"""
_ORPHANS: Final = """
    SELECT "position" FROM payload
    WHERE NOT EXISTS (SELECT FROM entry WHERE entry."position" = payload."position")
    ORDER BY "position" LIMIT %s
"""
_THINGS: Final = """
    SELECT CASE relkind WHEN 'i' THEN 'index ' WHEN 'r' THEN 'table ' WHEN 'v' THEN 'view '
        WHEN 'S' THEN 'sequence ' ELSE 'thing ' END || relname
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE nspname = current_schema() AND relkind <> 't'
    UNION ALL
    SELECT 'function ' || proname
    FROM pg_catalog.pg_proc JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace
    WHERE nspname = current_schema()
    UNION ALL
    SELECT 'trigger ' || tgname
    FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_class c ON c.oid = tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE nspname = current_schema() AND NOT tgisinternal
"""
_VISIBLE: Final = ' AND "since" < %s AND ("until" IS NULL OR %s <= "until")'


class PostgresReader:
    """Reads within the transaction that is open on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _run(self, sql: str, cells: Sequence[Any] = ()) -> Cursor[Row]:
        return self._connection.cursor(binary=True).execute(sql.encode(), cells)

    def _settle(self, name: str) -> None:
        """See to it that what was written to a table of this name can be read."""

    def _one(self, sql: str, cells: Sequence[Any] = ()) -> Row:
        row = self._run(sql, cells).fetchone()
        assert row is not None
        return row

    def origin(self) -> str:
        """Return the name the log goes by."""
        return str(self._one("SELECT origin FROM ledger WHERE id = 1")[0])

    def checkpoint(self) -> bytes | None:
        """Return the last checkpoint that was kept."""
        note: bytes | None = self._one("SELECT checkpoint FROM ledger WHERE id = 1")[0]
        return note

    def is_frozen(self) -> bool:
        """Tell whether the log takes nothing here any more."""
        return bool(self._one("SELECT frozen FROM ledger WHERE id = 1")[0])

    def is_scrub_due(self) -> bool:
        """Tell whether erased bytes may still be in the files of the tables."""
        return bool(self._one("SELECT scrub_due FROM ledger WHERE id = 1")[0])

    def head(self) -> StoredHead:
        """Return the head."""
        return StoredHead(*self._one(HEAD_SQL))

    def envelopes(self, start: int, count: int) -> list[bytes]:
        """Return envelopes from ``start`` on."""
        self._settle("entry")
        return [row[0] for row in self._run(_ENVELOPES, (start, min(count, READ_ENTRIES_MAX)))]

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        """Return entries from ``start`` on."""
        self._settle("entry")
        rows = self._run(_ENTRIES, (start, min(count, READ_ENTRIES_MAX)))
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
        self._settle("subtree")
        if level == 0:
            return [row[0] for row in self._run(_LEAVES, (first, count))]
        return [row[0] for row in self._run(_ROOTS, (level, first, count))]

    def payload(self, position: int) -> tuple[PayloadPart | None, PayloadPart | None]:
        """Return the parts of one entry."""
        self._settle("payload")
        row = self._run(_PAYLOAD, (position,)).fetchone()
        if row is None:
            raise StoreError("There is no such entry", where=f"position {position}")
        return _part(row[0], row[1]), _part(row[2], row[3])

    def find(
        self, table: Table, column: str, values: Iterable[Cell], size: int | None = None
    ) -> list[Row]:
        """Return the rows whose ``column`` is one of ``values``."""
        if column not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by {column}")
        given = list({value for value in values if value is not None})
        if not given:
            return []
        self._settle(table.name)
        if size is None:
            return self._run(_find_sql(table, column), (given,)).fetchall()
        sql = _find_sql(table, column) + _visible_sql(table)
        return self._run(sql, (given, *_visible_cells(table, size))).fetchall()

    def find_pairs(self, table: Table, pairs: Collection[tuple[int, int]]) -> list[Row]:
        """Return the rows whose key begins with one of these pairs."""
        if not pairs:
            return []
        self._settle(table.name)
        given = tuple(map(list, zip(*set(pairs), strict=True)))
        return self._run(_pairs_sql(table), given).fetchall()

    def find_documents(
        self, table: Table, values: Collection[int], cell: str, size: int
    ) -> list[Documents]:
        """Return the JSON cells of rows that show as of ``size``, joined by the database itself."""
        self._settle(table.name)
        sql = _documents_sql(table, cell) + _visible_sql(table)
        row = self._one(sql, (list(values), *_visible_cells(table, size)))
        return [Documents(row[1], row[2])] if row[0] else []

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
        self._settle(table.name)
        where, cells = prefix_sql(table, (column, prefix), after, count, "%s")
        sql = f'SELECT * FROM "{table.name}" WHERE {where}'
        return self._run(sql, tuple(cells)).fetchall()

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
        self._settle(table.name)
        sql = f'SELECT * FROM "{table.name}" WHERE "{index[0]}" = %s'
        cells: list[Cell] = [value]
        if after is not None:
            sql += f' AND "{index[1]}" > %s'
            cells.append(after)
        if size is not None:
            sql += _visible_sql(table)
            cells.extend(_visible_cells(table, size))
        sql += f' ORDER BY "{index[1]}" LIMIT %s'
        return self._run(sql, (*cells, count)).fetchall()

    def added(self, table: Table, since: int) -> list[Row]:
        """Return the rows that began at ``since`` or later."""
        if "since" not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by since")
        self._settle(table.name)
        sql = f'SELECT * FROM "{table.name}" WHERE "since" >= %s ORDER BY "since"'
        return self._run(sql, (since,)).fetchall()

    def scan(self, table: Table, after: Row | None, count: int) -> list[Row]:
        """Return rows in the order of the key."""
        self._settle(table.name)
        key = ", ".join(f'"{name}"' for name in table.key)
        where, cells = "", tuple[Cell, ...]()
        if after is not None:
            where, cells = f"WHERE ({key}) > ({', '.join(['%s'] * len(table.key))})", after
        sql = f'SELECT * FROM "{table.name}" {where} ORDER BY {key} LIMIT %s'
        return self._run(sql, (*cells, count)).fetchall()

    def strays(self, tables: Sequence[Table]) -> Strays:
        """Return what lies in the schema that is neither the log's nor of the views' ``tables``."""
        ours = things_made(tables)
        there = {row[0] for row in self._run(_THINGS)}
        sql = 'SELECT "position" FROM entry WHERE "position" < 0 ORDER BY "position" LIMIT %s'
        before = [row[0] for row in self._run(sql, (STRAYS_MAX,))]
        return Strays(sorted(there - ours)[:STRAYS_MAX], sorted(ours - there), before)

    def stray_parts(self) -> StrayParts:
        """Return payload that belongs to no entry, or of which half is there."""
        halves = [
            HalfPart(position, part, "body" if has_body else "salt")
            for part in ("facts", "personal")
            for position, has_body in self._run(_HALVES.format(part), (STRAYS_MAX,))
        ]
        orphans = [row[0] for row in self._run(_ORPHANS, (STRAYS_MAX,))]
        return StrayParts(halves, orphans)


@lru_cache
def _find_sql(table: Table, column: str) -> str:
    kind = SQL_TYPES[table.columns[table.column(column)].type]
    return f'SELECT * FROM "{table.name}" WHERE "{column}" = ANY(%b::{kind.split()[0]}[])'


@lru_cache
def _pairs_sql(table: Table) -> str:
    first, second = table.key[:2]
    return (
        "SELECT row.* FROM unnest(%b::bigint[], %b::bigint[]) AS pair(first, second) "
        f'JOIN "{table.name}" AS row ON row."{first}" = pair.first AND row."{second}" = pair.second'
    )


@lru_cache
def _documents_sql(table: Table, cell: str) -> str:
    key = f'"{table.key[0]}"'
    keys = f"convert_to(string_agg({key}::text, ','), 'UTF8')"
    documents = f"""string_agg("{cell}", ','::bytea)"""
    return (
        f'SELECT count(*), {keys}, {documents} FROM "{table.name}" WHERE {key} = ANY(%b::bigint[])'
    )


def _visible_sql(table: Table) -> str:
    return _VISIBLE if table.is_timed else ' AND "since" < %s'


def _visible_cells(table: Table, size: int) -> tuple[int, ...]:
    return (size, size) if table.is_timed else (size,)


def _part(salt: bytes | None, body: bytes | None) -> PayloadPart | None:
    return None if salt is None or body is None else PayloadPart(salt, body)
