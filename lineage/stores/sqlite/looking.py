"""Look at a SQLite ledger without writing a byte, whatever state it is in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from lineage.stores.sqlite.layout import APPLICATION_ID, STORE_VERSION
from lineage.stores.sqlite.transactions import SqliteReader
from lineage.stores.tables import Table
from lineage_schemas.health import Finding, Verdict, fine, problem, warning

QUICK_CHECK_BYTES_MAX: Final = 256 * 1_048_576
"""A larger file is not read as a whole: that is what an audit is for."""

_WAIT_SECONDS: Final = 5.0
_STORE: Final = "store"

FileLook = tuple[tuple[Finding, ...], SqliteReader | None]


@contextmanager
def look_at_file(path: Path, tables: Sequence[Table]) -> Generator[FileLook]:
    """Find out what is at ``path``, and open a snapshot of it if it is a ledger of this version."""
    with ExitStack() as stack:
        # What goes wrong in the block is its own: only looking is guarded.
        yield _look(path, tables, stack)


def _look(path: Path, tables: Sequence[Table], stack: ExitStack) -> FileLook:
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        nothing = warning(
            _STORE,
            "There is no ledger here yet",
            str(path),
            "`lineage serve` and `lineage ingest` make one.",
        )
        return (nothing,), None
    try:
        connection = stack.enter_context(closing(_connect(path)))
        connection.execute("BEGIN")
        mark = _mark(connection, path)
    except (sqlite3.Error, OSError) as error:
        return (_unreadable(error, path),), None
    if mark.verdict is not Verdict.OK:
        return (mark,), None
    reader = SqliteReader(connection)
    findings = (_guarded(check, connection, path) for check in _CHECKS)
    return (mark, *findings, _strays(reader, path, tables)), reader


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file for reading only.

    A file in use is read with its write-ahead log. One that nobody uses has none, and is opened as
    if it could not change: otherwise SQLite would make two files beside it.
    """
    in_use = path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro" if in_use else "mode=ro&immutable=1"
    url = f"{path.absolute().as_uri()}?{how}"
    return sqlite3.connect(url, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)


def _guarded(
    check: Callable[[sqlite3.Connection, Path], Finding], connection: sqlite3.Connection, path: Path
) -> Finding:
    try:
        return check(connection, path)
    except sqlite3.Error as error:
        return _unreadable(error, path)


def _unreadable(error: Exception, path: Path) -> Finding:
    return problem(
        _STORE,
        f"The file cannot be read: {error}",
        str(path),
        "Check its permissions; if it is damaged, put a backup in its place.",
    )


def _mark(connection: sqlite3.Connection, path: Path) -> Finding:
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application != APPLICATION_ID:
        return problem(_STORE, "This is not a ledger", str(path), "Name another file.")
    if version > STORE_VERSION:
        return problem(
            _STORE,
            f"The ledger has store version {version}, this software knows {STORE_VERSION}",
            str(path),
            "Install the version that wrote it, or a later one.",
        )
    if version < STORE_VERSION:
        return warning(
            _STORE,
            f"The ledger has store version {version}; opening it makes that {STORE_VERSION}",
            str(path),
            "Make a backup first: older software cannot read it afterwards.",
        )
    return fine(_STORE, f"A ledger of store version {version}", str(path))


def _journal(connection: sqlite3.Connection, path: Path) -> Finding:
    mode = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    written = _versions(path)
    if written != b"\x02\x02":
        return warning(
            "journal",
            f"The file does not use the write-ahead log (journal mode {mode})",
            str(path),
            "Opening the ledger turns it on; if it does not stay, look who else opens the file.",
        )
    return fine("journal", "Write-ahead log; every commit of ours is synced (synchronous=FULL)")


def _versions(path: Path) -> bytes:
    """Return the bytes of the header that say so: opened as immutable, the mode is not told."""
    with path.open("rb") as stream:
        stream.seek(18)
        return stream.read(2)


def _pages(connection: sqlite3.Connection, path: Path) -> Finding:
    if path.stat().st_size > QUICK_CHECK_BYTES_MAX:
        return fine("pages", "The file is too large to look at every page; `lineage audit` does")
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        return problem(
            "pages",
            f"The file is damaged: {str(found)[:200]}",
            str(path),
            "Put a backup in its place; see `lineage audit` and `lineage recover`.",
        )
    return fine("pages", "Every page of the file is whole")


def _scrub(connection: sqlite3.Connection, path: Path) -> Finding:
    (due,) = connection.execute("SELECT scrub_due FROM ledger").fetchone()
    if due:
        return warning(
            "scrub",
            "Erased bytes may still be in the file",
            str(path),
            "Make room for a copy of it, close what reads it, and open the ledger again.",
        )
    return fine("scrub", "No erased byte is left in the file")


def _frozen(connection: sqlite3.Connection, path: Path) -> Finding:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(ledger)")}
    (frozen,) = (
        connection.execute("SELECT frozen FROM ledger").fetchone() if "frozen" in columns else (0,)
    )
    if frozen:
        return warning(
            "frozen",
            "The ledger takes nothing: it was exported for good, or is not what was signed",
            str(path),
            "If it was exported, send to where it was imported; else put the newer store back.",
        )
    return fine("frozen", "The ledger takes entries")


def _strays(reader: SqliteReader, path: Path, tables: Sequence[Table]) -> Finding:
    try:
        strays = reader.strays(tables)
    except sqlite3.Error as error:
        return _unreadable(error, path)
    if strays.gone:
        return problem(
            "tables",
            f"There is no {', '.join(strays.gone[:5])}",
            str(path),
            "`lineage audit` tells what it held; views come back with `lineage rebuild`.",
        )
    if strays.things:
        return warning(
            "tables",
            f"Somebody added to the file: {', '.join(strays.things[:5])}",
            str(path),
            "Find out who, and why: nothing of ours makes it.",
        )
    return fine("tables", "The tables are those of a ledger")


_CHECKS: Final = (_journal, _pages, _scrub, _frozen)
