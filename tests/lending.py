"""A ledger in PostgreSQL that is made once, lent to a test, emptied, and lent to the next.

Making its tables takes many times as long as emptying them.
"""

from typing import Final

import psycopg

from lineage.projections.views import TABLES
from lineage.stores.opening import open_store
from lineage.stores.postgres.layout import NEW_LEDGER, STORE_VERSION

ORIGIN: Final = "test/origin"
LOANS_MAX: Final = 50
"""How often one is lent before it is made anew: rows that were deleted still lie in its tables."""

_SHELF: Final = "kept"

# Whatever is made, changed or removed in a schema shows here: a row that is written anew has
# another xmin. Triggers are switched off and on when the tables are emptied, which does not count.
_STATE: Final = b"""
    WITH relation AS MATERIALIZED (
        SELECT oid, xmin FROM pg_catalog.pg_class WHERE relnamespace = %(schema)s::regnamespace
    )
    SELECT format('relation %%s %%s', oid, xmin) FROM relation
    UNION ALL SELECT format('column %%s %%s %%s', attrelid, attnum, a.xmin)
        FROM pg_catalog.pg_attribute a JOIN relation r ON r.oid = attrelid
    UNION ALL SELECT format('trigger %%s %%s %%s', t.oid, tgname, tgenabled)
        FROM pg_catalog.pg_trigger t JOIN relation r ON r.oid = tgrelid
    UNION ALL SELECT format('default %%s %%s', d.oid, d.xmin)
        FROM pg_catalog.pg_attrdef d JOIN relation r ON r.oid = adrelid
    UNION ALL SELECT format('rule %%s %%s', w.oid, w.xmin)
        FROM pg_catalog.pg_rewrite w JOIN relation r ON r.oid = ev_class
    UNION ALL SELECT format('policy %%s %%s', p.oid, p.xmin)
        FROM pg_catalog.pg_policy p JOIN relation r ON r.oid = polrelid
    UNION ALL SELECT format('constraint %%s %%s', oid, xmin)
        FROM pg_catalog.pg_constraint WHERE connamespace = %(schema)s::regnamespace
    UNION ALL SELECT format('function %%s %%s', oid, xmin)
        FROM pg_catalog.pg_proc WHERE pronamespace = %(schema)s::regnamespace
    UNION ALL SELECT format('type %%s %%s', oid, xmin)
        FROM pg_catalog.pg_type WHERE typnamespace = %(schema)s::regnamespace
    UNION ALL SELECT format('schema %%s %%s %%s', oid, nspowner, nspacl)
        FROM pg_catalog.pg_namespace WHERE oid = %(schema)s::regnamespace
"""
_TABLES: Final = b"""
    SELECT relname FROM pg_catalog.pg_class
    WHERE relnamespace = %s::regnamespace AND relkind = 'r' ORDER BY relname
"""


class Lender:
    """Lends one ledger of a database at a time. Not safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """Lend in the database of this URL."""
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._borrower: str | None = None
        self._is_kept = False
        self._loans = 0
        self._state: frozenset[str] = frozenset()

    def lend(self, schema: str) -> None:
        """Put the ledger where a schema is asked for, unless it is lent or something is there."""
        if self._borrower is not None or self._exists(schema):
            return
        if not self._is_kept:
            self._make()
        self._run(f'ALTER SCHEMA "{_SHELF}" RENAME TO "{schema}"')
        self._borrower, self._is_kept = schema, False
        self._loans += 1

    def clear(self, schema: str) -> None:
        """Leave nothing of a test's schema, nor of the one of its access log."""
        self._run(f'DROP SCHEMA IF EXISTS "{schema}_access" CASCADE')
        if schema == self._borrower:
            self._borrower = None
            self._is_kept = self._take_back(schema)
            if self._is_kept:
                return
        self._run(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')

    def close(self) -> None:
        """Let go of the database."""
        if self._connection is not None:
            self._connection.close()

    def _make(self) -> None:
        location = f"{self._url}{'&' if '?' in self._url else '?'}schema={_SHELF}"
        open_store(location, TABLES, ORIGIN).close()
        self._state = self._state_of(_SHELF)
        self._is_kept, self._loans = True, 0

    def _take_back(self, schema: str) -> bool:
        """Empty the ledger; tell whether it is as it was, and may be lent again."""
        if self._loans >= LOANS_MAX or not self._exists(schema):
            return False
        if self._state_of(schema) != self._state:
            return False
        with self._live().transaction():
            tables = [row[0] for row in self._live().execute(_TABLES, (schema,))]
            self._run(f'ALTER TABLE "{schema}".entry DISABLE TRIGGER USER')
            for name in tables:
                self._run(f'DELETE FROM "{schema}"."{name}"')  # noqa: S608 - the ledger's own names
            self._run(f'ALTER TABLE "{schema}".entry ENABLE TRIGGER USER')
            self._run(f'ALTER SCHEMA "{schema}" RENAME TO "{_SHELF}"')
            self._run(f'SET LOCAL search_path TO "{_SHELF}"')
            self._live().execute(NEW_LEDGER.encode(), (STORE_VERSION, ORIGIN))
        return True

    def _exists(self, schema: str) -> bool:
        row = self._live().execute(b"SELECT to_regnamespace(%s) IS NOT NULL", (schema,)).fetchone()
        return row is not None and bool(row[0])

    def _state_of(self, schema: str) -> frozenset[str]:
        return frozenset(row[0] for row in self._live().execute(_STATE, {"schema": schema}))

    def _run(self, statements: str) -> None:
        self._live().execute(statements.encode())

    def _live(self) -> psycopg.Connection:
        """Return a connection that lives: a test may end whatever is connected."""
        if self._connection is None or self._connection.closed:
            # What the tests' own tidying leaves need not outlive a crash.
            self._connection = psycopg.connect(
                self._url, autocommit=True, options="-c synchronous_commit=off"
            )
        return self._connection
