"""A reader that is bound to one namespace: what it cannot see, no question above it can tell.

Every row says which namespace it is of (``Table.bound``), and every entry in its envelope. Rows and
entries of other namespaces are not there for this reader, whatever was asked and whichever number,
cursor or position somebody made up. Hashes and heads are of the log as a whole: they show nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from lineage.stores.base import Documents, Reader, StoredHead, StrayParts, Strays
from lineage.stores.tables import Bound, Cell, Row, Table
from lineage.vertices import HUB_CODE, vertex_of
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import EraseItem, PayloadPart, StoredEntry
from lineage_schemas.errors import InvariantError, StoreError

_NO_NAMESPACE: Final = -1


class BoundReader:
    """Reads what is of one namespace, over a reader of everything.

    ``number`` is that of the namespace (``None``: nothing was ever said in it). Of the ledger's own
    namespace ``shared`` it sees the entries that state erasures, which may be of any namespace.
    """

    def __init__(self, reader: Reader, namespace: str, number: int | None, shared: str) -> None:
        self._reader = reader
        self._namespace = namespace
        self._number = _NO_NAMESPACE if number is None else number
        self._shared = shared
        self._low = vertex_of(max(self._number, 0), HUB_CODE, 0)
        self._high = vertex_of(self._number + 1, HUB_CODE, 0)
        self._handle = f"{self._number}:"
        self._positions: dict[int, bool] = {}

    # --- of the log as a whole -------------------------------------------------------------------

    def origin(self) -> str:
        """Return the name the log goes by."""
        return self._reader.origin()

    def head(self) -> StoredHead:
        """Return the head."""
        return self._reader.head()

    def checkpoint(self) -> bytes | None:
        """Return the last checkpoint that was kept."""
        return self._reader.checkpoint()

    def is_frozen(self) -> bool:
        """Tell whether the ledger was handed over to another store."""
        return self._reader.is_frozen()

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Return roots of complete subtrees; level 0 are the leaf hashes."""
        return self._reader.hashes(level, first, count)

    def strays(self, tables: Sequence[Table]) -> Strays:  # noqa: ARG002 - none is looked at
        """Refuse: what lies about is of no namespace."""
        raise self._unbound("strays")

    def stray_parts(self) -> StrayParts:
        """Refuse, as ``strays``."""
        raise self._unbound("stray parts")

    # --- of one namespace ------------------------------------------------------------------------

    def envelopes(self, start: int, count: int) -> list[bytes]:
        """Return those of the ``count`` envelopes from ``start`` on that are of the namespace."""
        return [one for one in self._reader.envelopes(start, count) if self._is_own(one)]

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        """Return those of the ``count`` entries from ``start`` on that are of the namespace."""
        return [one for one in self._reader.entries(start, count) if self._is_own(one.envelope)]

    def payload(self, position: int) -> tuple[PayloadPart | None, PayloadPart | None]:
        """Return the parts of one entry."""
        if not self._is_own_position(position):
            raise StoreError("There is no such entry", where=f"position {position}")
        return self._reader.payload(position)

    def find(
        self, table: Table, column: str, values: Iterable[Cell], size: int | None = None
    ) -> list[Row]:
        """Return the rows whose ``column`` is one of ``values``."""
        return self._own(table, self._reader.find(table, column, values, size))

    def find_pairs(self, table: Table, pairs: Collection[tuple[int, int]]) -> list[Row]:
        """Return the rows whose key begins with one of these pairs."""
        return self._own(table, self._reader.find_pairs(table, pairs))

    def find_documents(
        self, table: Table, values: Collection[int], cell: str, size: int
    ) -> list[Documents]:
        """Return the ``cell`` of rows that show as of ``size``, each joined by commas."""
        if table.bound != (Bound.VERTEX, table.key[0]):
            raise self._unbound(table.name)
        if values and not (self._low <= min(values) and max(values) < self._high):
            values = [one for one in values if self._low <= one < self._high]
        return self._reader.find_documents(table, values, cell, size)

    def find_prefix(
        self,
        table: Table,
        column: str,
        prefix: str,
        after: Row | None = None,
        count: int | None = None,
    ) -> list[Row]:
        """Return the rows whose text in ``column`` begins with ``prefix``."""
        if count is None:
            return self._own(table, self._reader.find_prefix(table, column, prefix))
        found: list[Row] = []
        while rows := self._reader.find_prefix(table, column, prefix, after, count):
            found += self._own(table, rows)
            if len(found) >= count or len(rows) < count:
                break
            after = table.key_of(rows[-1])
        return found[:count]

    def page(
        self,
        table: Table,
        index: tuple[str, str],
        value: Cell,
        after: Cell,
        count: int,
        size: int | None = None,
    ) -> list[Row]:
        """Return up to ``count`` rows of one indexed value, from beyond ``after``."""
        found: list[Row] = []
        at = table.column(index[1])
        while rows := self._reader.page(table, index, value, after, count, size):
            found += self._own(table, rows)
            if len(found) >= count or len(rows) < count:
                break
            after = rows[-1][at]
        return found[:count]

    def added(self, table: Table, since: int) -> list[Row]:
        """Return the rows that began at ``since`` or later."""
        return self._own(table, self._reader.added(table, since))

    def scan(self, table: Table, after: Row | None, count: int) -> list[Row]:
        """Return up to ``count`` rows in the order of the key, from beyond the key ``after``."""
        if table.key_is_number and table.bound == (Bound.VERTEX, table.key[0]):
            # The rows of one namespace lie together: no other is passed over on the way.
            first = self._low - 1 if after is None else max(self._low - 1, after[0])
            return self._own(table, self._reader.scan(table, (first,), count))
        found: list[Row] = []
        while rows := self._reader.scan(table, after, count):
            found += self._own(table, rows)
            if len(found) >= count or len(rows) < count:
                break
            after = table.key_of(rows[-1])
        return found[:count]

    def _own(self, table: Table, rows: list[Row]) -> list[Row]:
        if table.bound is None:
            raise self._unbound(table.name)
        how, column = table.bound
        at = table.column(column)
        match how:
            case Bound.VERTEX:
                low, high = self._low, self._high
                return [row for row in rows if low <= row[at] < high]
            case Bound.NUMBER:
                return [row for row in rows if row[at] == self._number]
            case Bound.HANDLE:
                return [row for row in rows if row[at].startswith(self._handle)]
            case Bound.POSITION:
                return [row for row in rows if self._is_own_position(row[at])]
            case Bound.PUBLIC:
                return rows
            case Bound.HIDDEN:
                return []

    def _is_own(self, body: bytes) -> bool:
        envelope = decode_envelope(body)
        if envelope.namespace == self._namespace:
            return True
        return envelope.namespace == self._shared and any(
            type(item) is EraseItem for item in envelope.structure
        )

    def _is_own_position(self, position: int) -> bool:
        if position not in self._positions:
            bodies = self._reader.envelopes(position, 1) if position >= 0 else []
            self._positions[position] = bool(bodies) and self._is_own(bodies[0])
        return self._positions[position]

    def _unbound(self, what: str) -> InvariantError:
        return InvariantError(
            f"{what} cannot be asked within one namespace", where=self._namespace[:64]
        )
