"""What a view keeps: a table of rows, described once for every store.

A table has plain columns of whole numbers, text or bytes. One with the columns ``since`` and
``until`` can be asked *as of* a size N: a row shows when ``since < N`` and ``until`` is empty or
``N <= until``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from functools import cached_property
from typing import Any, NamedTuple

from msgspec import Struct

Cell = int | str | bytes | None
Row = tuple[Any, ...]
"""Cells in the order of a table's columns, of the types that the columns name (``Cell``).

Which type stands where is known by the table alone: stores check it, type checkers cannot.
"""


class Column(NamedTuple):
    """A column: its name, the Python type of its cells, and whether a cell may be empty."""

    name: str
    type: type[int | str | bytes]
    optional: bool = False


class Bound(Enum):
    """How a row says which namespace it is of, for whoever may see but one.

    ``PUBLIC`` rows are of the ledger as a whole and show to everybody; ``HIDDEN`` ones to nobody
    who is bound to a namespace.
    """

    NUMBER = auto()
    VERTEX = auto()
    POSITION = auto()
    HANDLE = auto()
    PUBLIC = auto()
    HIDDEN = auto()


class Table(Struct, frozen=True, eq=False, dict=True):
    """A view's table. Rows are told apart by the columns of ``key``, which come first.

    A table is equal to itself only: every commit looks tables up, and to hash all that one is made
    of costs as much as a row that it gets.

    ``indexes`` are the columns by which ``find`` and ``page`` may look rows up; the first column of
    the key always may be. ``bound`` says how, and by which column, a row is of a namespace: a table
    without cannot be asked by whoever is bound to one (``lineage.stores.bound``).
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    bound: tuple[Bound, str] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def is_timed(self) -> bool:
        """Tell whether rows have ``since`` and ``until``."""
        return "until" in self.names

    @cached_property
    def key_is_number(self) -> bool:
        """Tell whether the key is a single whole number."""
        return len(self.key) == 1 and self.columns[0].type is int

    def key_of(self, row: Row) -> Row:
        """Return the cells by which a row is told apart."""
        return row[: len(self.key)]

    def column(self, name: str) -> int:
        """Return the index of a column."""
        return self.names.index(name)

    @cached_property
    def lookups(self) -> frozenset[str]:
        """The columns by which rows may be looked up."""
        return frozenset((self.key[0], *(index[0] for index in self.indexes)))


def wanting(tables: Iterable[Table], there: Mapping[str, tuple[str, ...]]) -> list[Table]:
    """Return the tables that a store has not, or has with other columns, of another version.

    ``there`` are the tables that it has, each with the names of its columns in order.
    """
    return [table for table in tables if there.get(table.name) != table.names]


BOOKMARK_TABLE = "bookmark"
"""The table that says, in one row, how far the views have come."""
BOOKMARK_ID = 1
"""That row: a store deletes it when it must add a view, and leaves the others as they are."""


def is_visible(since: int, until: int | None, size: int) -> bool:
    """Tell whether a row of [since, until) shows as of ``size``."""
    return since < size and (until is None or size <= until)
