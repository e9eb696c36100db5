"""A PostgreSQL server for tests: each process has a database there, each test a schema in it."""

import atexit
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from typing import Final

import psycopg
import pytest

from lending import Lender
from lineage.clock import system_randomness

VARIABLE: Final = "LINEAGE_TEST_POSTGRES"
DEFAULT: Final = "postgresql:///postgres?host=/var/run/postgresql&user=postgres"
"""The server that a Debian package starts, on its local socket."""

_PREFIX: Final = "lineage_test_"

# Whoever makes a database is connected under its name, before it is there and until it is gone.
_ORPHANS: Final = b"""
    SELECT d.datname FROM pg_catalog.pg_database d
    WHERE starts_with(d.datname, %(prefix)s) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity a
        WHERE a.application_name = d.datname OR a.datname = d.datname
    )
"""
_ORPHAN_USERS: Final = b"""
    SELECT r.rolname FROM pg_catalog.pg_roles r
    WHERE starts_with(r.rolname, %(prefix)s) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity a
        WHERE starts_with(a.application_name, %(prefix)s)
        AND starts_with(r.rolname, a.application_name)
    )
"""


def server_url() -> str:
    """Return where the server for tests is."""
    return os.environ.get(VARIABLE) or DEFAULT


@cache
def _fault() -> str | None:
    try:
        psycopg.connect(server_url(), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        return str(error)
    return None


def need_server() -> None:
    """Skip where there is no server; fail where there must be one."""
    fault = _fault()
    if fault is None:
        return
    reason = f"no PostgreSQL at {VARIABLE} (default {DEFAULT}): {fault}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class OwnDatabase:
    """A database that is this process's until it ends.

    Which old rows may go, and who is in the way of it, is decided database by database: in one of
    their own, tests do not wait for the readers of others.
    """

    def __init__(self) -> None:
        self.name = f"{_PREFIX}{system_randomness(8).hex()}"
        self._owner = psycopg.connect(server_url(), autocommit=True, application_name=self.name)
        remove_orphans(self._owner)
        # Nobody can be connected to this template, which would be in the way.
        self._owner.execute(f'CREATE DATABASE "{self.name}" TEMPLATE template0'.encode())
        self.url = with_parameter(server_url(), "dbname", self.name)
        self.lender = Lender(self.url)
        # No hook of a test run is called for certain in a process to which tests are handed out.
        atexit.register(self.drop)

    def drop(self) -> None:
        """Drop it, whoever is connected."""
        self.lender.close()
        with self._owner:
            self._owner.execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)'.encode())


@cache
def _own() -> OwnDatabase:
    return OwnDatabase()


def own_url() -> str:
    """Return the URL of this process's database; skip or fail where there is no server."""
    need_server()
    return _own().url


def remove_orphans(connection: psycopg.Connection) -> None:
    """Drop the databases and users of processes that are gone."""
    for kind, query in (("DATABASE", _ORPHANS), ("ROLE", _ORPHAN_USERS)):
        for (name,) in connection.execute(query, {"prefix": _PREFIX}).fetchall():
            # It may be in use after all, another user's, or dropped by another run just now.
            with suppress(psycopg.Error):
                connection.execute(f'DROP {kind} "{name}"'.encode())


@contextmanager
def fresh_schema() -> Iterator[str]:
    """Yield the URL of a schema that is not there yet; drop it afterwards."""
    url = own_url()
    schema = f"test_{system_randomness(8).hex()}"
    try:
        yield with_parameter(url, "schema", schema)
    finally:
        _own().lender.clear(schema)


def lend(location: str) -> None:
    """Put a ledger that nobody has written to yet where ``fresh_schema`` said; else do nothing.

    It is as opening would make it, with the tables of the views and ``test/origin`` as its name.
    """
    if location.startswith("postgresql:"):
        _own().lender.lend(schema_of(location))


def schema_of(url: str) -> str:
    """Return the schema of a URL that ``fresh_schema`` yielded."""
    return url.rpartition("schema=")[2]


def with_parameter(url: str, name: str, value: str) -> str:
    """Return a URL with one more parameter; the last one of a name counts."""
    return f"{url}{'&' if '?' in url else '?'}{name}={value}"


@contextmanager
def clerk_of(location: str, page: str) -> Iterator[str]:
    """Yield the URL of a user who was granted what ``page`` (docs/postgres.md) says is needed."""
    schema = schema_of(location)
    # A user belongs to the whole server: the name says whose it is, should nobody drop it.
    user = f"{_own().name}_clerk"
    names = {"lineage_app": user, "lineage_access": f"{schema}_access", "lineage": schema}
    grants = re.sub(
        r"\blineage(_app|_access)?\b",
        lambda found: names[found[0]],
        page.partition("```sql\n")[2].partition("```")[0],
    )
    with psycopg.connect(own_url(), autocommit=True) as connection:
        connection.execute(grants.encode())
        try:
            plain = location.removesuffix(f"&schema={schema}")
            yield with_parameter(with_parameter(plain, "user", user), "schema", schema)
        finally:
            connection.execute(f"DROP OWNED BY {user}; DROP ROLE {user}".encode())


def run_behind(location: str, statement: str) -> None:
    """Say something to a store's database behind its back."""
    if location.startswith("postgresql:"):
        with in_schema(location) as connection:
            connection.execute(statement.encode())
    else:
        with closing(sqlite3.connect(location)) as database:
            database.execute(statement)
            database.commit()


def in_schema(url: str) -> psycopg.Connection:
    """Connect to the schema of a store behind its back."""
    plain, _, schema = url.rpartition("schema=")
    return psycopg.connect(plain.rstrip("?&"), autocommit=True, options=f"-c search_path={schema}")
