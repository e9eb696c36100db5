"""PostgreSQL's errors, told in our own, at the edge of the store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from lineage_schemas.errors import (
    CorruptLogError,
    ForeignStoreError,
    InvariantError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreConflictError,
    StoreError,
    StoreFullError,
    StoreLostError,
)

_CONFLICT: Final = (
    StoreConflictError,
    "Another transaction came between; nothing was written",
    "Try again.",
)
_BUSY: Final = (
    StoreBusyError,
    "Another process is writing to the ledger, or the database is too slow; nothing was written",
    "Try again; if nobody writes, look for a session that holds a lock.",
)
_LOST: Final = (
    StoreLostError,
    "The connection to the database broke; what was under way was written, or nothing of it",
    "Send statements again: none is written twice. Of anything else look first whether it is done.",
)
_UNREACHABLE: Final = (
    StoreError,
    "The database cannot be reached",
    "Check its address, that it runs, and who may sign in.",
)
_FULL: Final = (
    StoreFullError,
    "There is no room left for the ledger; nothing of this batch was written",
    "Make room and send it again.",
)
_REFUSED: Final = (
    ReadOnlyStoreError,
    "The database does not let this user do this",
    "Check the user's privileges, and that this server is no standby.",
)
_DAMAGED: Final = (
    CorruptLogError,
    "The database says that its own files are damaged",
    "Stop writing, keep the files, and restore a backup beside them.",
)
_FOREIGN: Final = (
    ForeignStoreError,
    "This schema is not a ledger, and was left as it is",
    "Name another schema, or one that does not exist yet.",
)

# PostgreSQL, Appendix A: error codes. The first two characters are the class.
_BY_CODE: Final[dict[str, tuple[type[StoreError], str, str]]] = {
    "25006": _REFUSED,
    "25P03": _LOST,
    "40001": _CONFLICT,
    "40003": _LOST,
    "40P01": _CONFLICT,
    "42501": _REFUSED,
    "42703": _FOREIGN,
    "42P01": _FOREIGN,
    "53100": _FULL,
    "53300": _BUSY,
    "55P03": _BUSY,
    "57014": _BUSY,
    "57P01": _LOST,
    "57P02": _LOST,
    "57P03": _UNREACHABLE,
    "57P05": _LOST,
}
_BY_CLASS: Final[dict[str, tuple[type[StoreError], str, str]]] = {
    "08": _LOST,
    "28": _UNREACHABLE,
    "3D": _UNREACHABLE,
    "XX": _DAMAGED,
}


@contextmanager
def translated(shown: str) -> Generator[None]:
    """Raise what PostgreSQL raises inside the block as one of our errors that names the place."""
    try:
        yield
    except PoolTimeout as error:
        kind, what, hint = _UNREACHABLE
        raise kind(what, where=shown, hint=hint) from error
    except psycopg.Error as error:
        raise translate(error, shown) from error


def translate(error: psycopg.Error, shown: str) -> StoreError:
    """Return our error for PostgreSQL's."""
    code = error.sqlstate or ""
    found = _BY_CODE.get(code) or _BY_CLASS.get(code[:2])
    if found is None and isinstance(error, psycopg.IntegrityError):
        return InvariantError(f"A row contradicts another: {_said(error)}", where=shown)
    if found is None and not code and isinstance(error, psycopg.OperationalError):
        found = _LOST
    if found is None:
        return StoreError(f"PostgreSQL could not do this: {_said(error)}", where=shown)
    kind, what, hint = found
    return kind(what, where=shown, hint=hint)


def _said(error: psycopg.Error) -> str:
    """Return what happened, without the lines that quote the values of a row."""
    return error.diag.message_primary or str(error).partition("\n")[0]
