"""What waits to be written inside a transaction, and the one statement that writes most of it.

A single record changes a dozen tables. Said one by one, each change would wait for its answer; said
together, they are one question and one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from lineage.stores.postgres.layout import SQL_TYPES
from lineage.stores.tables import Column, Row, Table
from lineage_schemas.errors import StoreError

COPY_ROWS_MIN: Final = 17
"""Fewer rows go into the one statement: a COPY costs two more, and then little a row."""


class Change(NamedTuple):
    """One statement: its lists, one for each column, and how many rows each part must replace."""

    sql: str
    lists: list[list[Any]]
    replaced: list[tuple[str, int]]

    def check(self, counts: Sequence[int]) -> None:
        """Refuse a change that did not find every row it was to replace.

        Raises:
            StoreError: names the table.
        """
        for (name, wanted), found in zip(self.replaced, counts, strict=True):
            if found != wanted:
                raise StoreError(f"A row of {name} is not there to replace")


class Deferred:
    """Rows that wait to be inserted or put in the place of others."""

    def __init__(self) -> None:
        self._inserts: dict[Table, list[Row]] = {}
        self._replaces: dict[Table, list[Row]] = {}

    def __bool__(self) -> bool:
        return bool(self._inserts or self._replaces)

    def touches(self, name: str) -> bool:
        """Tell whether anything waits to be written to a table of this name."""
        return any(table.name == name for table in (*self._inserts, *self._replaces))

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Let rows wait."""
        self._inserts.setdefault(table, []).extend(rows)

    def replace(self, table: Table, rows: Iterable[Row]) -> None:
        """Let rows wait, of a table to which nothing else waits to be written.

        One statement changes a row once, and does not see what it inserts itself.
        """
        assert not self.touches(table.name)
        self._replaces[table] = list(rows)

    def copies(self) -> list[tuple[Table, list[Row]]]:
        """Return what is so much that it is better copied in."""
        return [one for one in self._inserts.items() if len(one[1]) >= COPY_ROWS_MIN]

    def change(self) -> Change | None:
        """Return the statement that writes the rest; ``None`` where there is none."""
        few = {table: rows for table, rows in self._inserts.items() if len(rows) < COPY_ROWS_MIN}
        if not few and not self._replaces:
            return None
        parts = [*few.values(), *self._replaces.values()]
        return Change(
            sql=_change_sql(tuple(few), tuple(self._replaces)),
            lists=[list(cells) for rows in parts for cells in zip(*rows, strict=True)],
            replaced=[(table.name, len(rows)) for table, rows in self._replaces.items()],
        )


@lru_cache
def _change_sql(inserted: tuple[Table, ...], replaced: tuple[Table, ...]) -> str:
    """Return one statement that changes all of these; it answers how many rows were replaced."""
    inserts = [f"put_{place} AS ({_insert_sql(one)})" for place, one in enumerate(inserted)]
    updates = [f"moved_{place} AS ({_replace_sql(one)})" for place, one in enumerate(replaced)]
    counts = [f"(SELECT count(*) FROM moved_{place})" for place in range(len(replaced))]
    return f"WITH {', '.join(inserts + updates)} SELECT {', '.join(counts) or '0'}"


def _insert_sql(table: Table) -> str:
    return f'INSERT INTO "{table.name}" SELECT * FROM unnest({_lists(table.columns)})'


def _replace_sql(table: Table) -> str:
    given = ", ".join(f'"{name}" = given."{name}"' for name in table.names[len(table.key) :])
    where = " AND ".join(f'old."{name}" = given."{name}"' for name in table.key)
    names = ", ".join(f'"{name}"' for name in table.names)
    return (
        f'UPDATE "{table.name}" AS old SET {given} '
        f"FROM unnest({_lists(table.columns)}) AS given ({names}) WHERE {where} RETURNING 1"
    )


def _lists(columns: Iterable[Column]) -> str:
    return ", ".join(f"%b::{SQL_TYPES[column.type].split()[0]}[]" for column in columns)
