"""The tables of a SQLite ledger: the log's own, and one for each table of a view."""

from __future__ import annotations

from typing import Final

from lineage.stores.tables import Table

APPLICATION_ID: Final = 0x4C4C6467
"""Marks the file as ours ("LLdg"), in the place SQLite keeps for it."""

STORE_VERSION: Final = 3
"""Kept as the file's user version. 2 added the last checkpoint, and whether a scrub is due; 3, that
a store can be frozen."""

_FROZEN: Final = "frozen INTEGER NOT NULL DEFAULT 0"
_FROZEN_TRIGGERS: Final = (
    """
    CREATE TRIGGER frozen_log_takes_nothing BEFORE UPDATE OF size, origin ON ledger
    WHEN OLD.frozen <> 0 AND NEW.frozen <> 0
    BEGIN SELECT RAISE(ABORT, 'the ledger is frozen'); END
    """,
    """
    CREATE TRIGGER frozen_log_erases_nothing BEFORE UPDATE ON payload
    WHEN (SELECT frozen FROM ledger) <> 0
    BEGIN SELECT RAISE(ABORT, 'the ledger is frozen'); END
    """,
)
"""They bind a process of older software too, which has the file open and knows of no freezing."""

LOG_DDL: Final = (
    f"""
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        origin TEXT NOT NULL,
        size INTEGER NOT NULL,
        recorded_us INTEGER NOT NULL,
        compact_range BLOB NOT NULL,
        checkpoint BLOB,
        scrub_due INTEGER NOT NULL DEFAULT 0,
        {_FROZEN}
    ) STRICT
    """,
    """
    CREATE TABLE entry (
        position INTEGER PRIMARY KEY,
        envelope BLOB NOT NULL,
        leaf BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE payload (
        position INTEGER PRIMARY KEY,
        facts_salt BLOB,
        facts BLOB,
        personal_salt BLOB,
        personal BLOB,
        CHECK ((facts IS NULL) = (facts_salt IS NULL)),
        CHECK ((personal IS NULL) = (personal_salt IS NULL))
    ) STRICT
    """,
    """
    CREATE TABLE subtree (
        level INTEGER NOT NULL,
        position INTEGER NOT NULL,
        root BLOB NOT NULL,
        PRIMARY KEY (level, position)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END
    """,
    """
    CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END
    """,
    *_FROZEN_TRIGGERS,
)

NEW_LEDGER: Final = """
    INSERT INTO ledger (id, origin, size, recorded_us, compact_range) VALUES (1, ?, 0, 0, x'')
"""
"""The first row, of which there is only one; it takes the origin."""

MIGRATIONS: Final[dict[int, tuple[str, ...]]] = {
    1: (
        "ALTER TABLE ledger ADD COLUMN checkpoint BLOB",
        "ALTER TABLE ledger ADD COLUMN scrub_due INTEGER NOT NULL DEFAULT 0",
    ),
    2: (f"ALTER TABLE ledger ADD COLUMN {_FROZEN}", *_FROZEN_TRIGGERS),
}
"""How the log's own tables of a store version become those of the next.

What came from version 1 has no checks on its payload: an audit looks for half parts.
"""

VIEWS_CHANGED_AFTER: Final = 1
"""The last store version whose views are dropped, to be folded again. Later ones keep them: a
process of the older software may have the store open, and must not write into views that are empty.
"""

_SQL_TYPES: Final = {int: "INTEGER", str: "TEXT", bytes: "BLOB"}


def table_ddl(table: Table) -> tuple[str, ...]:
    """Return the statements that make a view's table and its indexes."""
    columns = ", ".join(
        f'"{column.name}" {_SQL_TYPES[column.type]}{"" if column.optional else " NOT NULL"}'
        for column in table.columns
    )
    # A table whose key is one whole number is stored by it; any other key would otherwise be kept
    # twice, once in the rows and once in an index.
    rowid = "" if table.key_is_number else ", WITHOUT ROWID"
    made = (
        f'CREATE TABLE "{table.name}" ({columns}, PRIMARY KEY ({_listed(table.key)})) STRICT{rowid}'
    )
    return made, *(
        f'CREATE INDEX "{table.name}_by_{"_".join(index)}" ON "{table.name}" ({_listed(index)})'
        for index in table.indexes
    )


def made_by(statement: str) -> str:
    """Return the kind and name of what a statement makes: ``table entry``."""
    _, kind, name = statement.split(maxsplit=3)[:3]
    return " ".join((kind.lower(), name.strip('"')))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
