"""Read a whole table of any store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.stores.base import Reader
from lineage.stores.tables import Row, Table

_ROWS_PER_READ: Final = 10_000


def scan_rows(reader: Reader, table: Table, after: Row | None = None) -> Iterator[Row]:
    """Yield every row of a table in the order of its key, from beyond the key ``after``."""
    while page := reader.scan(table, after, _ROWS_PER_READ):
        yield from page
        after = table.key_of(page[-1])
