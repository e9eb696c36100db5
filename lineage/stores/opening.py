"""Open a store by its name: a path, ``sqlite:///path``, ``postgresql://…``, or ``memory:``."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage.stores.sqlite.passing import PassingStore
from lineage.stores.sqlite.store import SqliteStore
from lineage.stores.tables import Table
from lineage_schemas.errors import InvalidInputError

MEMORY: Final = "memory:"
ACCESS_SUFFIX: Final = ".access"
_ACCESS_SCHEMA: Final = "_access"
_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = ("postgresql://", "postgres://")


def open_store(location: str | Path, tables: Sequence[Table], new_origin: str) -> Store:
    """Open the store at ``location``, or make one there whose ledger is called ``new_origin``.

    Raises:
        InvalidInputError: a kind of store this software does not know.
        StoreError: it cannot be opened, is not ours, or is of a later version.
    """
    if is_postgres(location):
        with driver():
            from lineage.stores.postgres.store import PostgresStore  # noqa: PLC0415 - see driver
        return PostgresStore(str(location), tables, new_origin)
    path = path_of(location)
    return MemoryStore(new_origin) if path is None else SqliteStore(path, tables, new_origin)


def prepare_store(location: str, tables: Sequence[Table], new_origin: str) -> None:
    """Make the store in a database, or what it lacks, without opening it.

    Raises: as ``open_store``.
    """
    with driver():
        from lineage.stores.postgres.store import (  # noqa: PLC0415 - see driver
            prepare_postgres_ledger,
        )
    prepare_postgres_ledger(location, tables, new_origin)


def open_passing_store(tables: Sequence[Table], new_origin: str) -> Store:
    """Make a store that is gone with the process, and may be larger than memory.

    Raises:
        StoreError: no temporary file can be made.
    """
    return PassingStore(tables, new_origin)


def has_store(location: str | Path) -> bool:
    """Tell whether there is a store to open at ``location``, without opening or making one.

    An empty file is none: opening would make it one. Neither is one in memory.

    Raises:
        InvalidInputError: as ``open_store``.
    """
    if is_postgres(location):
        with driver():
            from lineage.stores.postgres.store import (  # noqa: PLC0415 - see driver
                has_postgres_ledger,
            )
        return has_postgres_ledger(str(location))
    path = path_of(location)
    return path is not None and path.exists() and (path.is_dir() or path.stat().st_size > 0)


def access_location(location: str | Path) -> str | Path:
    """Return where the access log of the ledger at ``location`` lives: beside it.

    Raises:
        InvalidInputError: as ``open_store``.
    """
    if is_postgres(location):
        with driver():
            from lineage.stores.postgres.place import parse_place  # noqa: PLC0415 - see driver
        # The last schema that a URL names is the one that counts.
        separator = "&" if "?" in str(location) else "?"
        return f"{location}{separator}schema={parse_place(str(location)).schema}{_ACCESS_SCHEMA}"
    path = path_of(location)
    return MEMORY if path is None else path.with_name(f"{path.name}{ACCESS_SUFFIX}")


def accounted_location(location: str | Path) -> str | Path | None:
    """Return which ledger the access log at ``location`` belongs to; ``None``: it is no such log.

    Raises:
        InvalidInputError: as ``open_store``.
        StoreError: the database cannot be reached.
    """
    found: str | Path
    if is_postgres(location):
        with driver():
            from lineage.stores.postgres.place import parse_place  # noqa: PLC0415 - see driver
        schema = parse_place(str(location)).schema
        if not schema.endswith(_ACCESS_SCHEMA):
            return None
        separator = "&" if "?" in str(location) else "?"
        found = f"{location}{separator}schema={schema.removesuffix(_ACCESS_SCHEMA)}"
    else:
        path = path_of(location)
        if path is None or path.suffix != ACCESS_SUFFIX:
            return None
        found = path.with_suffix("")
    return found if has_store(found) else None


def path_of(location: str | Path) -> Path | None:
    """Return the path of a SQLite store; ``None`` for one in memory or in a database."""
    if isinstance(location, Path):
        return location
    if location == MEMORY or is_postgres(location):
        return None
    if location.startswith(_SQLITE):
        return Path(unquote(location.removeprefix(_SQLITE)))
    if "://" in location or not location:
        raise InvalidInputError(
            "This software knows no such store",
            where=location.partition("://")[0][:64],
            hint="Give a path such as ledger.db, sqlite:///ledger.db, or "
            "postgresql://user@host/database.",
        )
    return Path(location)


def is_postgres(location: str | Path) -> bool:
    """Tell whether a location means a PostgreSQL database."""
    return isinstance(location, str) and location.startswith(_POSTGRES)


def shown_location(location: str | Path) -> str:
    """Return a location as it may be shown: a database's URL can hold a password.

    Raises:
        InvalidInputError: as ``open_store``.
    """
    if not is_postgres(location):
        return str(location)
    with driver():
        from lineage.stores.postgres.place import parse_place  # noqa: PLC0415 - see driver
    return parse_place(str(location)).shown


@contextmanager
def driver() -> Generator[None]:
    """Import what most installations have no need of, and say how to have it."""
    try:
        yield
    except ImportError as error:
        raise InvalidInputError(
            f"PostgreSQL needs a driver that is not installed: {error}",
            hint="Install it with: pip install 'lineage-ledger[postgres]'.",
        ) from error
