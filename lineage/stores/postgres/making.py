"""Make a ledger in a schema, or see that what is there is one, of a version that is known."""

from __future__ import annotations

from collections.abc import Sequence
from time import sleep
from typing import Final

from psycopg import Connection, errors

from lineage.stores.postgres.layout import (
    LEDGER,
    LOG_DDL,
    NEW_LEDGER,
    STORE_VERSION,
    table_ddl,
)
from lineage.stores.postgres.place import Place
from lineage.stores.tables import BOOKMARK_ID, BOOKMARK_TABLE, Table, wanting
from lineage_schemas.errors import ForeignStoreError, NewerStoreError, StoreConflictError

_ATTEMPTS_MAX: Final = 100
_PAUSE_SECONDS: Final = 0.05

_COLUMNS: Final = b"""
    SELECT relname, array_agg(attname::text ORDER BY attnum) FILTER (WHERE attnum > 0)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT attisdropped
    WHERE nspname = %s AND relkind IN ('r', 'p', 'v', 'm', 'f')
    GROUP BY relname
"""
_SCHEMAS: Final = b"SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = %s"

# Two processes may make the same thing at once: the second is told so in one of these ways.
_MADE_MEANWHILE: Final = (
    errors.UniqueViolation,
    errors.DuplicateTable,
    errors.DuplicateSchema,
    errors.DuplicateFunction,
    errors.DuplicateObject,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.InternalError_,  # a catalog row that two have changed at once
)


def prepare(connection: Connection, place: Place, tables: Sequence[Table], new_origin: str) -> None:
    """Make what is missing; where nothing is, nothing is written and nobody waits.

    A view's table whose columns are others is one of another version: it is made anew, and its
    rows, which can be folded again, go with it.

    Raises:
        ForeignStoreError: the schema holds something else; it is left as it is.
        NewerStoreError: a later version of this software made it.
        StoreConflictError: others kept making it at the same time.
    """
    for _ in range(_ATTEMPTS_MAX):
        if _is_complete(connection, place, tables):
            return
        try:
            with connection.transaction():
                _make(connection, place, tables, new_origin)
        except _MADE_MEANWHILE:
            sleep(_PAUSE_SECONDS)
        else:
            return
    raise StoreConflictError(
        "The ledger's tables could not be made: others were at it all the time", where=place.shown
    )


def _is_complete(connection: Connection, place: Place, tables: Sequence[Table]) -> bool:
    there = _tables_in(connection, place)
    if LEDGER not in there:
        if there:
            raise ForeignStoreError(
                "This schema holds other tables, and was left as it is",
                where=place.shown,
                hint="Name another schema, or one that does not exist yet.",
            )
        return False
    row = connection.execute(b"SELECT store_version FROM ledger").fetchone()
    version = 0 if row is None else int(row[0])
    if version > STORE_VERSION:
        raise NewerStoreError(
            f"This ledger has store version {version}, this software knows {STORE_VERSION}",
            where=place.shown,
            hint="Install the version that wrote it, or a later one.",
        )
    return not wanting(tables, there)


def _make(connection: Connection, place: Place, tables: Sequence[Table], new_origin: str) -> None:
    row = connection.execute(_SCHEMAS, (place.schema,)).fetchone()
    if row is None or not row[0]:
        connection.execute(f'CREATE SCHEMA "{place.schema}"'.encode())
    there = _tables_in(connection, place)
    if LEDGER not in there:
        for statement in LOG_DDL:
            connection.execute(statement.encode())
        connection.execute(NEW_LEDGER.encode(), (STORE_VERSION, new_origin))
    else:
        # Nobody writes while a view is added, which whoever opens then folds from the beginning.
        connection.execute(b"SELECT id FROM ledger WHERE id = 1 FOR UPDATE")
        there = _tables_in(connection, place)
    missing = wanting(tables, there)
    for table in missing:
        connection.execute(f'DROP TABLE IF EXISTS "{table.name}"'.encode())
        for statement in table_ddl(table):
            connection.execute(statement.encode())
    if missing and BOOKMARK_TABLE in there:
        statement = f'DELETE FROM "{BOOKMARK_TABLE}" WHERE id = %s'
        connection.execute(statement.encode(), (BOOKMARK_ID,))


def _tables_in(connection: Connection, place: Place) -> dict[str, tuple[str, ...]]:
    """Return the tables that are there, each with the names of its columns in order."""
    rows = connection.execute(_COLUMNS, (place.schema,))
    return {row[0]: tuple(row[1] or ()) for row in rows}
