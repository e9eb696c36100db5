"""What a user of the database may not do that whoever serves a ledger must."""

from __future__ import annotations

from typing import Final

import psycopg

from lineage.stores.postgres.errors import translate
from lineage.stores.postgres.place import parse_place
from lineage.stores.postgres.store import connect
from lineage.stores.tables import Table
from lineage_schemas.errors import LedgerError
from lineage_schemas.health import Finding, fine, problem

_IDLE_SECONDS: Final = 60
_NOT_NEEDED: Final = frozenset(
    {
        ("entry", "UPDATE"),
        ("entry", "DELETE"),
        ("subtree", "UPDATE"),
        ("subtree", "DELETE"),
        ("ledger", "INSERT"),
        ("ledger", "DELETE"),
        ("payload", "DELETE"),
    }
)
"""What nobody but the owner should have: see docs/postgres.md."""

_SCHEMA: Final = b"""
    SELECT has_schema_privilege(oid, 'USAGE') FROM pg_catalog.pg_namespace WHERE nspname = %s
"""
_TABLES: Final = b"""
    SELECT relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE nspname = %s AND relkind = 'r'
"""
_LACKING: Final = b"""
    SELECT relname, privilege
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
    WHERE nspname = %s AND relkind = 'r' AND NOT has_table_privilege(c.oid, privilege)
    ORDER BY relname, privilege
"""

_GRANT: Final = (
    "Open the ledger once as the owner of its tables, then grant what docs/postgres.md says."
)


def judge_rights(url: str, tables: tuple[Table, ...], check: str, what: str) -> Finding:
    """Tell whether the ledger in a schema is there, and this user may do there what it takes."""
    try:
        place = parse_place(url)
        with connect(place, _IDLE_SECONDS) as connection:
            named = (place.schema,)
            usable = connection.execute(_SCHEMA, named).fetchone()
            there = {str(name) for (name,) in connection.execute(_TABLES, named)}
            lacking = [
                f"{privilege} on {name}"
                for name, privilege in connection.execute(_LACKING, named)
                if (name, privilege) not in _NOT_NEEDED
            ]
    except LedgerError as error:
        return problem(check, error.what, error.where, error.hint)
    except psycopg.Error as error:
        told = translate(error, "")
        return problem(check, told.what, parse_place(url).shown, told.hint)
    missing = sorted({"ledger", "entry", *(one.name for one in tables)} - there)
    if usable is None or missing:
        return problem(check, f"The tables of {what} are not all there", place.shown, _GRANT)
    if not usable[0]:
        lacking.insert(0, f"USAGE on schema {place.schema}")
    if lacking:
        told_of = ", ".join(lacking[:3]) + (", …" if len(lacking) > len(lacking[:3]) else "")
        return problem(check, f"This user lacks {told_of}", place.shown, _GRANT)
    return fine(check, f"This user may read and write {what}", place.shown)
