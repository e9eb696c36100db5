"""The reference store: plain Python containers, and strict about every misuse.

It keeps nothing when the process ends. It is the strictest of the stores so that a test over it
finds what the others would forgive: wrong cell types, keys twice, replacing what is not there,
positions with a gap, use after closing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from threading import RLock

from msgspec.structs import replace

from lineage.proofs.tree import Subtree
from lineage.stores.base import (
    BUSY_WAIT_SECONDS_MAX,
    EMPTY_HEAD,
    READ_ENTRIES_MAX,
    SCRUB_WAIT_SECONDS_MAX,
    Documents,
    StoredHead,
    StrayParts,
    Strays,
    frozen_error,
)
from lineage.stores.prefixes import check_ordered
from lineage.stores.tables import Cell, Row, Table, is_visible
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.errors import StaleHeadError, StoreBusyError, StoreError
from lineage_schemas.governance import PartsErased


class MemoryStore:
    """A store in memory. Safe to use from many threads; one at a time is inside."""

    def __init__(self, origin: str) -> None:
        self._lock = RLock()
        self._closed = False
        self._writing = False
        self._contents = _Contents(origin)

    @property
    def origin(self) -> str:
        """The name the log goes by."""
        return self._contents.origin

    @property
    def is_scrubbed(self) -> bool:
        """Nothing is ever left: there is no file."""
        return True

    def scrub(self, wait_seconds: float = SCRUB_WAIT_SECONDS_MAX) -> None:
        """Do nothing: there is no file."""
        del wait_seconds
        with self._entered():
            pass

    @contextmanager
    def read(self) -> Generator[MemoryReader]:
        """Open a snapshot: nobody writes until it is left."""
        with self._entered():
            yield MemoryReader(self._contents)

    @contextmanager
    def write(self) -> Generator[MemoryWriter]:
        """Open the writing transaction."""
        with self._entered():
            if self._writing:
                raise StoreError("A writing transaction is already open in this thread")
            self._writing = True
            writer = MemoryWriter(self._contents)
            try:
                with writer.savepoint():
                    yield writer
            finally:
                self._writing = False

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._closed = True
            self._contents = _Contents(self._contents.origin)

    @contextmanager
    def _entered(self) -> Generator[None]:
        if not self._lock.acquire(timeout=BUSY_WAIT_SECONDS_MAX):
            raise StoreBusyError(
                f"Another thread held the store for over {BUSY_WAIT_SECONDS_MAX:.0f} s"
            )
        try:
            if self._closed:
                raise StoreError("The store is closed", hint="Open it again.")
            yield
        finally:
            self._lock.release()


class _Rows:
    """The rows of one table, by key, with the keys of each indexed value."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.by_key: dict[Row, Row] = {}
        self.by_value: dict[str, dict[Cell, set[Row]]] = {name: {} for name in table.lookups}
        self._ordered: list[Row] | None = None

    def put(self, row: Row) -> None:
        key = self.table.key_of(row)
        if self.remove(key) is None:
            self._ordered = None
        self.by_key[key] = row
        for name, keys in self.by_value.items():
            keys.setdefault(row[self.table.column(name)], set()).add(key)

    def remove(self, key: Row) -> Row | None:
        row = self.by_key.pop(key, None)
        if row is not None:
            for name, keys in self.by_value.items():
                keys[row[self.table.column(name)]].discard(key)
        return row

    def ordered(self) -> list[Row]:
        """Return the keys in order."""
        if self._ordered is None or len(self._ordered) != len(self.by_key):
            self._ordered = sorted(self.by_key, key=_sortable_row)
        return self._ordered


class _Contents:
    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.checkpoint: bytes | None = None
        self.frozen = False
        self.head = EMPTY_HEAD
        self.entries: list[StoredEntry] = []
        self.subtrees: dict[tuple[int, int], bytes] = {}
        self.tables: dict[str, _Rows] = {}

    def rows(self, table: Table) -> _Rows:
        return self.tables.setdefault(table.name, _Rows(table))


class MemoryReader:
    """Reads a memory store."""

    def __init__(self, contents: _Contents) -> None:
        self._contents = contents

    def origin(self) -> str:
        """Return the name the log goes by."""
        return self._contents.origin

    def head(self) -> StoredHead:
        """Return the head."""
        return self._contents.head

    def checkpoint(self) -> bytes | None:
        """Return the last checkpoint that was kept."""
        return self._contents.checkpoint

    def is_frozen(self) -> bool:
        """Tell whether the log takes nothing here any more."""
        return self._contents.frozen

    def envelopes(self, start: int, count: int) -> list[bytes]:
        """Return envelopes from ``start`` on."""
        return [one.envelope for one in self.entries(start, count)]

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        """Return entries from ``start`` on."""
        return self._contents.entries[start : start + min(count, READ_ENTRIES_MAX)]

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Return roots of complete subtrees; level 0 are the leaf hashes."""
        if level == 0:
            return [entry.leaf for entry in self._contents.entries[first : first + count]]
        return [self._contents.subtrees[level, index] for index in range(first, first + count)]

    def payload(self, position: int) -> tuple[PayloadPart | None, PayloadPart | None]:
        """Return the parts of one entry."""
        entry = self._contents.entries[position]
        return entry.facts, entry.personal

    def find(
        self, table: Table, column: str, values: Iterable[Cell], size: int | None = None
    ) -> list[Row]:
        """Return the rows whose ``column`` is one of ``values``."""
        if column not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by {column}")
        rows = self._contents.rows(table)
        keys = rows.by_value[column]
        # As in SQL, an empty cell equals nothing, not even another one.
        wanted = set(values) - {None}
        found = [rows.by_key[key] for value in wanted for key in keys.get(value, ())]
        return found if size is None else _visible(table, found, size)

    def find_pairs(self, table: Table, pairs: Collection[tuple[int, int]]) -> list[Row]:
        """Return the rows whose key begins with one of these pairs."""
        wanted = set(pairs)
        rows = self.find(table, table.key[0], {first for first, _ in wanted})
        return [row for row in rows if row[:2] in wanted]

    def find_documents(
        self, table: Table, values: Collection[int], cell: str, size: int
    ) -> list[Documents]:
        """Return the JSON cells of rows that show as of ``size``, joined."""
        rows = self.find(table, table.key[0], values, size)
        if not rows:
            return []
        place = table.column(cell)
        keys = b",".join(b"%d" % row[0] for row in rows)
        return [Documents(keys, b",".join(row[place] for row in rows))]

    def find_prefix(
        self,
        table: Table,
        column: str,
        prefix: str,
        after: Row | None = None,
        count: int | None = None,
    ) -> list[Row]:
        """Return the rows whose text in ``column`` begins with ``prefix``."""
        if column not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by {column}")
        rows = self._contents.rows(table)
        found = [
            rows.by_key[key]
            for value, keys in rows.by_value[column].items()
            if str(value).startswith(prefix)
            for key in keys
        ]
        if count is None:
            return found
        check_ordered(table, column)
        found.sort(key=lambda row: _sortable_row(table.key_of(row)))
        if after is not None:
            beyond = _sortable_row(after)
            found = found[
                bisect_right(found, beyond, key=lambda row: _sortable_row(table.key_of(row))) :
            ]
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
        """Return rows of one indexed value, ordered by the second column of ``index``."""
        if index not in (*table.indexes, table.key):
            raise StoreError(f"Table {table.name} has no index {index}")
        order = table.column(index[1])
        rows = sorted(
            self.find(table, index[0], [value], size), key=lambda row: _sortable(row[order])
        )
        if after is not None:
            start = bisect_right(rows, _sortable(after), key=lambda row: _sortable(row[order]))
            rows = rows[start:]
        return rows[:count]

    def added(self, table: Table, since: int) -> list[Row]:
        """Return the rows that began at ``since`` or later."""
        if "since" not in table.lookups:
            raise StoreError(f"Table {table.name} cannot be looked up by since")
        column = table.column("since")
        rows = self._contents.rows(table).by_key.values()
        return sorted(
            (row for row in rows if row[column] >= since),
            key=lambda row: (row[column], _sortable_row(table.key_of(row))),
        )

    def scan(self, table: Table, after: Row | None, count: int) -> list[Row]:
        """Return rows in the order of the key."""
        rows = self._contents.rows(table)
        by_key, keys = rows.by_key, rows.ordered()
        start = 0 if after is None else bisect_right(keys, _sortable_row(after), key=_sortable_row)
        return [by_key[key] for key in keys[start : start + count]]

    def strays(self, tables: Sequence[Table]) -> Strays:
        """Return nothing: there is no room for anything else."""
        del tables
        return Strays([], [], [])

    def stray_parts(self) -> StrayParts:
        """Return nothing: a part is whole or absent, and part of its entry."""
        return StrayParts([], [])


class MemoryWriter(MemoryReader):
    """Writes a memory store; remembers how to undo."""

    def __init__(self, contents: _Contents) -> None:
        super().__init__(contents)
        self._undo: list[Callable[[], object]] = []

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what the block did when an exception leaves it."""
        mark = len(self._undo)
        try:
            yield
        except BaseException:
            while len(self._undo) > mark:
                self._undo.pop()()
            raise

    def append(
        self,
        expected_size: int,
        entries: Sequence[StoredEntry],
        subtrees: Sequence[Subtree],
        head: StoredHead,
    ) -> None:
        """Append entries and move the head."""
        self._refuse_frozen()
        contents = self._contents
        before = contents.head
        if before.size != expected_size:
            raise StaleHeadError(f"The log has size {before.size}, not {expected_size}")
        positions = [entry.position for entry in entries]
        if positions != list(range(expected_size, head.size)):
            raise StoreError("Positions are not dense", where=f"from {expected_size}")
        self._undo.append(lambda: self._shrink(before, subtrees))
        contents.entries.extend(entries)
        contents.subtrees.update(((tree.level, tree.number), tree.root) for tree in subtrees)
        contents.head = head

    def keep_checkpoint(self, note: bytes | None) -> None:
        """Keep a checkpoint in the place of the one before."""
        self._set("checkpoint", note)

    def rename(self, origin: str) -> None:
        """Let the log go by another origin."""
        self._refuse_frozen()
        self._set("origin", origin)

    def freeze(self, frozen: bool) -> None:  # noqa: FBT001 - as the contract has it
        """Let the log take nothing from here on, or let it take entries again."""
        self._set("frozen", frozen)

    def _refuse_frozen(self) -> None:
        if self._contents.frozen:
            raise frozen_error()

    def erase(self, positions: Sequence[int], parts: PartsErased) -> int:
        """Erase payload parts."""
        self._refuse_frozen()
        erased = 0
        entries = self._contents.entries
        for position in positions:
            if not 0 <= position < len(entries):
                continue
            old = entries[position]
            facts = None if parts is PartsErased.ALL else old.facts
            kept = replace(old, facts=facts, personal=None)
            erased += (old.facts is not facts) + (old.personal is not None)
            self._undo.append(partial(entries.__setitem__, position, old))
            entries[position] = kept
        return erased

    def _set(self, name: str, value: object) -> None:
        self._undo.append(partial(setattr, self._contents, name, getattr(self._contents, name)))
        setattr(self._contents, name, value)

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows with new keys."""
        kept = self._contents.rows(table)
        for row in rows:
            _check_row(table, row)
            key = table.key_of(row)
            if key in kept.by_key:
                raise StoreError(f"A row of {table.name} is already there", where=str(key))
            self._undo.append(partial(kept.remove, key))
            kept.put(row)

    def replace(self, table: Table, rows: Sequence[Row]) -> None:
        """Put rows in the place of those with the same keys."""
        kept = self._contents.rows(table)
        for row in rows:
            _check_row(table, row)
            key = table.key_of(row)
            if key not in kept.by_key:
                raise StoreError(f"A row of {table.name} is not there to replace", where=str(key))
            old = kept.by_key[key]
            self._undo.append(partial(kept.put, old))
            kept.put(row)

    def clear(self, tables: Sequence[Table]) -> None:
        """Remove every row of these tables."""
        for table in tables:
            old = self._contents.tables.pop(table.name, None)
            if old is not None:
                self._undo.append(partial(self._bring_back, old))

    def _bring_back(self, rows: _Rows) -> None:
        self._contents.tables[rows.table.name] = rows

    def _shrink(self, head: StoredHead, subtrees: Sequence[Subtree]) -> None:
        del self._contents.entries[head.size :]
        for tree in subtrees:
            self._contents.subtrees.pop((tree.level, tree.number), None)
        self._contents.head = head


def _visible(table: Table, rows: list[Row], size: int) -> list[Row]:
    since, until = table.column("since"), table.column("until") if table.is_timed else None
    return [
        row for row in rows if is_visible(row[since], None if until is None else row[until], size)
    ]


def _check_row(table: Table, row: Row) -> None:
    if len(row) != len(table.columns):
        raise StoreError(f"A row of {table.name} needs {len(table.columns)} cells", where=str(row))
    for column, cell in zip(table.columns, row, strict=True):
        if not (type(cell) is column.type or (cell is None and column.optional)):
            raise StoreError(
                f"Column {column.name} of {table.name} holds {column.type.__name__}",
                where=repr(cell)[:64],
            )


def _sortable(cell: Cell) -> tuple[bool, int | str | bytes]:
    """Order cells as SQL does bytewise: nothing first, text by its bytes."""
    if cell is None:
        return False, b""
    return True, cell.encode() if isinstance(cell, str) else cell


def _sortable_row(row: Row) -> tuple[tuple[bool, int | str | bytes], ...]:
    return tuple(_sortable(cell) for cell in row)
