"""Look at a ledger in PostgreSQL in one transaction that may only read, and at its server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Final, NamedTuple

import psycopg
from psycopg import Connection

from lineage.stores.postgres.errors import translate
from lineage.stores.postgres.horizon import holders, next_transaction, told
from lineage.stores.postgres.layout import STORE_VERSION
from lineage.stores.postgres.place import Place, parse_place
from lineage.stores.postgres.reading import PostgresReader
from lineage.stores.postgres.store import READERS_MAX, connect
from lineage.stores.tables import Table
from lineage_schemas.errors import LedgerError
from lineage_schemas.health import Finding, Verdict, fine, problem, warning

SERVER_VERSION_MIN: Final = 140_000
"""PostgreSQL 14, as the server numbers itself."""

_STORE: Final = "store"
_DATABASE: Final = "database"
_IDLE_SECONDS: Final = 60
_BEGIN: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_FREE: Final = b"""
    SELECT current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')
"""
_ENCRYPTED: Final = b"SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()"

DatabaseLook = tuple[tuple[Finding, ...], PostgresReader | None]


class _Looked(NamedTuple):
    connection: Connection
    place: Place

    def setting(self, name: str) -> str:
        """Return a setting of the server."""
        row = self.connection.execute(b"SELECT current_setting(%s)", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def number(self, sql: bytes) -> int:
        """Return what a question for one number says."""
        row = self.connection.execute(sql).fetchone()
        return 0 if row is None else int(row[0])


@contextmanager
def look_at_database(url: str, tables: Sequence[Table]) -> Generator[DatabaseLook]:
    """Find out what is at ``url``, and open a snapshot of it if it is a ledger of this version."""
    with ExitStack() as stack:
        # What goes wrong in the block is its own: only looking is guarded.
        yield _look(url, tables, stack)


def _look(url: str, tables: Sequence[Table], stack: ExitStack) -> DatabaseLook:
    try:
        place = parse_place(url)
        connection = stack.enter_context(closing(connect(place, _IDLE_SECONDS)))
    except LedgerError as error:
        return (problem(_DATABASE, error.what, error.where, error.hint),), None
    try:
        connection.execute(_BEGIN)
        looked = _Looked(connection, place)
        server = [check(looked) for check in _SERVER]
        mark = _mark(looked)
        if mark.verdict is not Verdict.OK:
            return (*server, mark), None
        reader = PostgresReader(connection)
        return (*server, mark, *_of_ledger(looked, reader, tables)), reader
    except psycopg.Error as error:
        fault = translate(error, place.shown)
        return (problem(_DATABASE, fault.what, fault.where, fault.hint),), None


def _mark(looked: _Looked) -> Finding:
    shown = looked.place.shown
    if not looked.number(b"SELECT count(*) WHERE to_regclass('ledger') IS NOT NULL"):
        return warning(
            _STORE,
            "There is no ledger here yet",
            shown,
            "`lineage serve` and `lineage ingest` make one.",
        )
    version = looked.number(b"SELECT store_version FROM ledger")
    if version > STORE_VERSION:
        return problem(
            _STORE,
            f"The ledger has store version {version}, this software knows {STORE_VERSION}",
            shown,
            "Install the version that wrote it, or a later one.",
        )
    if version < STORE_VERSION:
        return warning(
            _STORE,
            f"The ledger has store version {version}; opening it makes that {STORE_VERSION}",
            shown,
            "Make a backup first: older software cannot use it afterwards.",
        )
    return fine(_STORE, f"A ledger of store version {version}", shown)


def _of_ledger(
    looked: _Looked, reader: PostgresReader, tables: Sequence[Table]
) -> Sequence[Finding]:
    shown = looked.place.shown
    scrub, frozen = fine("scrub", "No erased byte is left"), fine("frozen", "It takes entries")
    if reader.is_scrub_due():
        scrub = _scrub_due(looked)
    if looked.number(b"SELECT count(*) FROM ledger WHERE frozen"):
        frozen = warning(
            "frozen",
            "The ledger takes nothing: it was exported for good, or is not what was signed",
            shown,
            "If it was exported, send to where it was imported; else put the newer store back.",
        )
    strays, there = reader.strays(tables), fine("tables", "The tables are those of a ledger")
    if strays.gone:
        there = problem(
            "tables",
            f"There is no {', '.join(strays.gone[:5])}",
            shown,
            "`lineage audit` tells what it held; views come back with `lineage rebuild`.",
        )
    elif strays.things:
        there = warning(
            "tables",
            f"Somebody added to the schema: {', '.join(strays.things[:5])}",
            shown,
            "Find out who, and why: nothing of ours makes it.",
        )
    return scrub, frozen, there


def _scrub_due(looked: _Looked) -> Finding:
    connection = looked.connection
    held = holders(connection, next_transaction(connection))
    by = f"; an old state of them is held by {told(held)}" if held else ""
    return warning(
        "scrub",
        f"Erased bytes may still be in the files of the tables{by}",
        looked.place.shown,
        "End what holds an old state, and open the ledger again as the owner of its tables.",
    )


def _version(looked: _Looked) -> Finding:
    version = int(looked.setting("server_version_num"))
    name = f"PostgreSQL {looked.setting('server_version')}"
    if version < SERVER_VERSION_MIN:
        return problem(_DATABASE, f"{name} is too old", looked.place.shown, "Use 14 or later.")
    return fine(_DATABASE, name, looked.place.shown)


def _standby(looked: _Looked) -> Finding:
    if looked.number(b"SELECT pg_is_in_recovery()::int"):
        return problem(
            "standby",
            "This server is a standby: it takes nothing",
            looked.place.shown,
            "Name the primary, or let the URL find it: target_session_attrs=read-write.",
        )
    return fine("standby", "This server is no standby")


def judge_durability(fsync: str, full_page_writes: str, synchronous_commit: str) -> Finding:
    """Whether what the server acknowledges is on its disk, by its settings."""
    off = [
        name
        for name, value in [("fsync", fsync), ("full_page_writes", full_page_writes)]
        if value != "on"
    ]
    if off:
        return problem(
            "durability",
            f"The server does not keep what it acknowledged when it crashes: {', '.join(off)} off",
            hint="Turn them on: whoever was told that an entry is durable relies on it.",
        )
    return fine("durability", f"fsync on, synchronous_commit {synchronous_commit}")


def _durability(looked: _Looked) -> Finding:
    return judge_durability(
        *(looked.setting(one) for one in ("fsync", "full_page_writes", "synchronous_commit"))
    )


def judge_connections(free: int) -> Finding:
    """Whether a server of ours could open as many connections as it may."""
    wanted = READERS_MAX + 1
    if free < wanted:
        return warning(
            "connections",
            f"The server has {max(0, free)} connections left, one process of ours uses {wanted}",
            hint="Raise max_connections, or end what does not need its own.",
        )
    return fine("connections", f"The server has {free} connections left")


def _connections(looked: _Looked) -> Finding:
    return judge_connections(looked.number(_FREE))


def judge_encryption(host: str, *, is_encrypted: bool) -> Finding:
    """Whether others on the way could read and change what is said."""
    is_local = host.startswith("/") or host in {"", "localhost", "127.0.0.1", "::1"}
    if not is_encrypted and not is_local:
        return warning(
            "encryption",
            "The connection to the database is not encrypted",
            host,
            "Say sslmode=verify-full in the URL.",
        )
    return fine("encryption", "Encrypted" if is_encrypted else "The server is on this machine")


def _encryption(looked: _Looked) -> Finding:
    row = looked.connection.execute(_ENCRYPTED).fetchone()
    is_encrypted = row is not None and bool(row[0])
    return judge_encryption(looked.connection.info.host, is_encrypted=is_encrypted)


_SERVER: Final[tuple[Callable[[_Looked], Finding], ...]] = (
    _version,
    _standby,
    _durability,
    _connections,
    _encryption,
)
