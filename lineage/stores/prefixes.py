"""Texts that begin with a prefix: where they end in bytewise order, and how SQL asks for them."""

from __future__ import annotations

from typing import Final

from lineage.stores.tables import Cell, Row, Table
from lineage_schemas.errors import StoreError

_LAST_CHARACTER: Final = "\U0010ffff"
_BEFORE_SURROGATES: Final = "\ud7ff"
_AFTER_SURROGATES: Final = "\ue000"


def after_prefix(prefix: str) -> str | None:
    """Return the first text beyond all that begin with ``prefix``; ``None`` if there is none."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    last = kept[-1]
    return kept[:-1] + (_AFTER_SURROGATES if last == _BEFORE_SURROGATES else chr(ord(last) + 1))


def check_ordered(table: Table, column: str) -> None:
    """Refuse to return rows in the order of a key that does not begin with the column.

    Raises:
        StoreError: it does not.
    """
    if column != table.key[0]:
        raise StoreError(f"Table {table.name} is not in the order of {column}")


def prefix_sql(
    table: Table, wanted: tuple[str, str], after: Row | None, count: int | None, mark: str
) -> tuple[str, list[Cell]]:
    """Return the condition, with order and limit, of rows by (column, prefix), and its cells.

    Rows beyond ``after`` are asked for by one range over the key, so that a page does not read
    those before it again.
    """
    column, prefix = wanted
    sql = f'"{column}" >= {mark}'
    cells: list[Cell] = [prefix]
    key = ", ".join(f'"{name}"' for name in table.key)
    if after is not None and after[0] >= prefix:
        sql, cells = f"({key}) > ({', '.join([mark] * len(table.key))})", list(after)
    end = after_prefix(prefix)
    if end is not None:
        sql += f' AND "{column}" < {mark}'
        cells.append(end)
    if count is not None:
        check_ordered(table, column)
        sql += f" ORDER BY {key} LIMIT {mark}"
        cells.append(count)
    return sql, cells
