"""Copies a database of MLflow's, which is never opened itself, and opens the copy."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from lineage_schemas.errors import ForeignStoreError, NotFoundError, StoreBusyError

BESIDE: Final = ("-wal", "-journal")
"""What SQLite keeps beside a file: without it the last transactions are missing."""

COPY: Final = "copy.db"
COPIES_MAX: Final = 5

_LOOKED_UP: Final = (
    *(("params", ("run_uuid",)), ("tags", ("run_uuid",)), ("latest_metrics", ("run_uuid",))),
    *(("metrics", ("run_uuid", "key")), ("experiment_tags", ("experiment_id",))),
    *(("inputs", ("destination_type", "destination_id")), ("inputs", ("source_type", "source_id"))),
    *(("input_tags", ("input_uuid",)), ("datasets", ("dataset_uuid",))),
    *(("logged_model_tags", ("model_id",)), ("logged_model_params", ("model_id",))),
    *(("logged_model_metrics", ("model_id",)), ("registered_model_tags", ("name",))),
    *(("registered_model_aliases", ("name",)), ("model_version_tags", ("name", "version"))),
)
"""By what rows are looked up, once for each thing."""


def copied(file: Path, folder: Path) -> Path:
    """Copy a database with what SQLite keeps beside it; the original is only read.

    Raises:
        NotFoundError: there is no such file.
        StoreBusyError: it was written to each time it was copied.
    """
    if not file.is_file():
        raise NotFoundError("There is no such file", where=file.as_posix())
    copy = folder / COPY
    for _ in range(COPIES_MAX):
        before = _states(file)
        for ending in ("", *BESIDE):
            beside, target = file.with_name(file.name + ending), folder / f"{COPY}{ending}"
            target.unlink(missing_ok=True)
            if beside.is_file():
                shutil.copyfile(beside, target)
        if _states(file) == before:
            return copy
    raise StoreBusyError(
        "The database is being written to, and no whole copy could be made",
        where=file.as_posix(),
        hint="Read a backup of it, or ask its server over REST.",
    )


def _states(file: Path) -> list[tuple[int, int] | None]:
    """Return what changes when a file is written to, or is there no more."""
    states: list[tuple[int, int] | None] = []
    for ending in ("", *BESIDE):
        beside = file.with_name(file.name + ending)
        state = beside.stat() if beside.is_file() else None
        states.append(None if state is None else (state.st_mtime_ns, state.st_size))
    return states


def opened(copy: Path, address: str) -> sqlite3.Connection:
    """Open a copy for reading, once what is looked up in it has an index.

    Raises:
        ForeignStoreError: it is no SQLite database.
    """
    connection = sqlite3.connect(copy)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for number, (table, columns) in enumerate(_LOOKED_UP):
            _index(connection, table, columns, number)
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise foreign(address) from error
    connection.text_factory = _text
    return connection


def _index(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], number: int
) -> None:
    """Index a table of the copy: old schemas have none, and each run would be searched in all."""
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    if {name for (name,) in rows} >= set(columns) and not _is_indexed(connection, table, columns):
        # A damaged page ends this; whoever reads the table tells of it, and the rest is only slow.
        with suppress(sqlite3.DatabaseError):
            listed = ", ".join(columns)
            connection.execute(f'CREATE INDEX "lineage {number}" ON "{table}" ({listed})')


def _is_indexed(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> bool:
    rows = connection.execute(
        "SELECT one.name, part.name FROM pragma_index_list(?) AS one, "
        "pragma_index_info(one.name) AS part ORDER BY one.name, part.seqno",
        (table,),
    )
    indexes: dict[str, list[str]] = {}
    for index, column in rows:
        indexes.setdefault(index, []).append(column)
    return any(set(found[: len(columns)]) == set(columns) for found in indexes.values())


def _text(raw: bytes) -> str:
    """Read text as UTF-8; a byte that is none becomes the mark for that."""
    return raw.decode(errors="replace")


def foreign(address: str) -> ForeignStoreError:
    """Return what is said of a file that is none of MLflow's."""
    return ForeignStoreError(
        "This is no database of an MLflow server",
        where=address,
        hint="Name the SQLite file that the server is started with, usually mlflow.db.",
    )
