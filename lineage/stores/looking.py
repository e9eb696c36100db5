"""Look at a store without opening it: opening makes, migrates, erases again and folds views.

Each kind of store has a look of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lineage.stores.base import Reader
from lineage.stores.opening import (
    access_location,
    driver,
    has_store,
    is_postgres,
    path_of,
)
from lineage.stores.sqlite.looking import look_at_file
from lineage.stores.tables import Table
from lineage_schemas.errors import LedgerError
from lineage_schemas.health import Finding, fine, problem

STORE: str = "store"
ACCESS_LOG: str = "access log"


class StoreLook(NamedTuple):
    """What was found, and a snapshot to ask more of; ``None`` where there is nothing to read."""

    findings: tuple[Finding, ...]
    reader: Reader | None


@contextmanager
def look_at_store(location: str | Path, tables: Sequence[Table]) -> Generator[StoreLook]:
    """Look at the store at ``location``, and change nothing. Never raises for what is wrong."""
    if is_postgres(location):
        try:
            with driver():
                from lineage.stores.postgres.looking import (  # noqa: PLC0415 - see driver
                    look_at_database,
                )
        except LedgerError as error:
            yield StoreLook((problem(STORE, error.what, error.where, error.hint),), None)
            return
        with look_at_database(str(location), tables) as (findings, reader):
            yield StoreLook(findings, reader)
        return
    try:
        path = path_of(location)
    except LedgerError as error:
        yield StoreLook((problem(STORE, error.what, error.where, error.hint),), None)
        return
    if path is None:
        yield StoreLook((fine(STORE, "The ledger is in memory, and gone with its process"),), None)
        return
    with look_at_file(path, tables) as (findings, reader):
        yield StoreLook(findings, reader)


def look_at_access_log(location: str | Path, tables: Sequence[Table]) -> Finding:
    """Tell whether the access log of the ledger at ``location`` can take what it must."""
    place = access_location(location)
    if is_postgres(place):
        with driver():
            from lineage.stores.postgres.rights import judge_rights  # noqa: PLC0415 - see driver
        return judge_rights(str(place), tuple(tables), ACCESS_LOG, "the access log")
    if not has_store(place):
        return fine(ACCESS_LOG, "Nobody was accounted for yet")
    return fine(ACCESS_LOG, "It is there: `lineage audit` checks it as any ledger", str(place))
