"""Open a store by its name: a path, ``sqlite:///path``, or ``memory:``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage.stores.sqlite.store import SqliteStore
from lineage.stores.tables import Table
from lineage_schemas.errors import InvalidInputError

MEMORY: Final = "memory:"
_SQLITE: Final = "sqlite:///"


def open_store(location: str | Path, tables: Sequence[Table], new_origin: str) -> Store:
    """Open the store at ``location``, or make one there whose ledger is called ``new_origin``.

    Raises:
        InvalidInputError: a kind of store this software does not know.
        StoreError: it cannot be opened, is not ours, or is of a later version.
    """
    if isinstance(location, Path):
        return SqliteStore(location, tables, new_origin)
    if location == MEMORY:
        return MemoryStore(new_origin)
    if location.startswith(_SQLITE):
        return SqliteStore(Path(unquote(location.removeprefix(_SQLITE))), tables, new_origin)
    if "://" in location or not location:
        raise InvalidInputError(
            "This software knows no such store",
            where=location[:64],
            hint="Give a path such as ledger.db, or sqlite:///ledger.db.",
        )
    return SqliteStore(Path(location), tables, new_origin)
