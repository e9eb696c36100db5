"""The tables of a ledger in PostgreSQL: the log's own, and one for each table of a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lineage.stores.tables import Table

STORE_VERSION: Final = 1
"""Kept in the row of the ledger."""

LEDGER: Final = "ledger"

# Row by row what the SQLite store has. The row of the ledger is what writers lock.
LOG_DDL: Final = (
    """
    CREATE TABLE ledger (
        id BIGINT PRIMARY KEY CHECK (id = 1),
        store_version BIGINT NOT NULL,
        origin TEXT NOT NULL,
        size BIGINT NOT NULL,
        recorded_us BIGINT NOT NULL,
        compact_range BYTEA NOT NULL,
        checkpoint BYTEA,
        scrub_due BIGINT NOT NULL DEFAULT 0,
        frozen BOOLEAN NOT NULL DEFAULT FALSE
    )
    """,
    """
    CREATE TABLE entry (
        "position" BIGINT PRIMARY KEY,
        envelope BYTEA NOT NULL,
        leaf BYTEA NOT NULL
    )
    """,
    """
    CREATE TABLE payload (
        "position" BIGINT PRIMARY KEY,
        facts_salt BYTEA,
        facts BYTEA,
        personal_salt BYTEA,
        personal BYTEA,
        CHECK ((facts IS NULL) = (facts_salt IS NULL)),
        CHECK ((personal IS NULL) = (personal_salt IS NULL))
    )
    """,
    """
    CREATE TABLE subtree (
        level BIGINT NOT NULL,
        "position" BIGINT NOT NULL,
        root BYTEA NOT NULL,
        PRIMARY KEY (level, "position")
    )
    """,
    """
    CREATE FUNCTION entry_is_kept() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'entries are never changed or deleted'; END $$
    """,
    """
    CREATE TRIGGER entry_is_never_changed BEFORE UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION entry_is_kept()
    """,
    """
    CREATE TRIGGER entry_is_never_emptied BEFORE TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION entry_is_kept()
    """,
)

NEW_LEDGER: Final = """
    INSERT INTO ledger (id, store_version, origin, size, recorded_us, compact_range)
    VALUES (1, %s, %s, 0, 0, ''::bytea)
"""
"""The first row, of which there is only one; it takes the version and the origin."""

_LOG_TABLES: Final = ("ledger", "entry", "payload", "subtree")
_LOG_THINGS: Final = (
    "function entry_is_kept",
    "trigger entry_is_never_changed",
    "trigger entry_is_never_emptied",
)

SQL_TYPES: Final = {int: "BIGINT", str: 'TEXT COLLATE "C"', bytes: "BYTEA"}
COPY_TYPES: Final = {int: "int8", str: "text", bytes: "bytea"}


def table_ddl(table: Table) -> tuple[str, ...]:
    """Return the statements that make a view's table and its indexes."""
    columns = ", ".join(
        f'"{column.name}" {SQL_TYPES[column.type]}{"" if column.optional else " NOT NULL"}'
        for column in table.columns
    )
    return f'CREATE TABLE "{table.name}" ({columns}, PRIMARY KEY ({_listed(table.key)}))', *(
        f'CREATE INDEX "{_index_name(table, index)}" ON "{table.name}" ({_listed(index)})'
        for index in table.indexes
    )


def things_made(tables: Sequence[Table]) -> set[str]:
    """Return the kind and name of all that a ledger with these tables is made of."""
    names = [*_LOG_TABLES, *(table.name for table in tables)]
    return {
        *_LOG_THINGS,
        *(f"table {name}" for name in names),
        *(f"index {name}_pkey" for name in names),
        *(f"index {_index_name(table, index)}" for table in tables for index in table.indexes),
    }


def _index_name(table: Table, index: tuple[str, ...]) -> str:
    return f"{table.name}_by_{'_'.join(index)}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
