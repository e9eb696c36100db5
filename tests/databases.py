"""A PostgreSQL server for tests: each test has a schema of its own there, dropped afterwards."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Final

import psycopg
import pytest

from lineage.clock import system_randomness

VARIABLE: Final = "LINEAGE_TEST_POSTGRES"
DEFAULT: Final = "postgresql:///postgres?host=/var/run/postgresql&user=postgres"
"""The server that a Debian package starts, on its local socket."""


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


@contextmanager
def fresh_schema() -> Iterator[str]:
    """Yield the URL of a schema that is not there yet; drop it afterwards."""
    need_server()
    schema = f"test_{system_randomness(16).hex()}"
    url = server_url()
    yield f"{url}{'&' if '?' in url else '?'}schema={schema}"
    with psycopg.connect(url, autocommit=True) as connection:
        for name in (schema, f"{schema}_access"):
            connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'.encode())


@contextmanager
def clerk_of(location: str, page: str) -> Iterator[str]:
    """Yield the URL of a user who was granted what ``page`` (docs/postgres.md) says is needed."""
    plain, _, schema = location.rpartition("schema=")
    user = f"clerk_{schema[-12:]}"
    names = {"lineage_app": user, "lineage_access": f"{schema}_access", "lineage": schema}
    grants = re.sub(
        r"\blineage(_app|_access)?\b",
        lambda found: names[found[0]],
        page.partition("```sql\n")[2].partition("```")[0],
    )
    with psycopg.connect(plain.rstrip("?&"), autocommit=True) as connection:
        connection.execute(grants.encode())
        try:
            yield location.replace("user=postgres", f"user={user}")
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
