"""The contract of a store. ``tests/contract`` holds every store to it.

A store keeps two things: the *log* (entries, payload parts, head, the roots of complete subtrees,
the last checkpoint), which is only ever appended to, and *views* (tables of
``lineage.projections``), which can be dropped and folded again. Both change in one transaction or
not at all. Of the log only payload parts may go (``erase``); once a transaction that erased is
committed, ``scrub`` sees to it that no file of the store holds the erased bytes any more.

A store can be *frozen* (``freeze``): then its log takes nothing, whoever asks, whatever software
has it open; ``append``, ``rename`` and ``erase`` raise ``FrozenStoreError``. Views may still be
folded anew and a checkpoint kept: neither changes what the log says.

Writing: ``write`` opens the one writing transaction. It locks the head before anything is read, so
two writers, in one process or several, never interleave; the second waits up to
``BUSY_WAIT_SECONDS_MAX``, then ``StoreBusyError``. Leaving the block commits, durably: once it has
returned, a crash of the machine loses nothing. An exception undoes everything. Inside it,
``savepoint`` undoes one batch and leaves the others.

Reading: ``read`` opens a snapshot: whatever is appended meanwhile, every answer is of one moment.
Any number of threads may read while one writes.

Collation is bytewise. Cells come back as they went in, bytes identical.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from lineage.proofs.tree import CompactRange, Subtree
from lineage.stores.tables import Cell, Row, Table
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.errors import FrozenStoreError
from lineage_schemas.governance import PartsErased

BUSY_WAIT_SECONDS_MAX: Final = 30.0
SCRUB_WAIT_SECONDS_MAX: Final = 5.0
"""How long a scrub waits for readers of an old state to end, before it stays due."""

READ_ENTRIES_MAX: Final = 10_000
"""How many entries one call of ``entries`` returns at most."""


class StoredHead(NamedTuple):
    """The head as stored: enough to append the next entry without reading the tree."""

    size: int
    recorded_us: int
    compact_range: bytes

    def tree(self) -> CompactRange:
        """Return the tree, to take its root or to go on with.

        Raises:
            ValueError: what is stored is no tree of this size.
        """
        return CompactRange.from_bytes(self.size, self.compact_range)


class Documents(NamedTuple):
    """JSON documents of some rows: their keys and themselves, in step, each joined by commas."""

    keys: bytes
    documents: bytes


class HalfPart(NamedTuple):
    """Of a payload part, ``facts`` or ``personal``, only the ``salt`` or the ``body`` is there."""

    position: int
    part: str
    there: str


class Strays(NamedTuple):
    """What lies in a store, and no other question would ever show.

    ``things`` are not of the ledger (a table, an index); ``gone`` are the ledger's own that are
    missing; ``entries`` stand before the first position.
    """

    things: list[str]
    gone: list[str]
    entries: list[int]


class StrayParts(NamedTuple):
    """Payload that no other question would ever show: half parts, and rows without an entry."""

    halves: list[HalfPart]
    orphans: list[int]


STRAYS_MAX: Final = 100
"""How many of each kind are told at most."""

EMPTY_HEAD: Final = StoredHead(0, 0, b"")


def frozen_error(where: str = "") -> FrozenStoreError:
    """Return what is raised where the log of a frozen store is to change.

    ``where`` says, in the words of whoever moved the ledger, where it lives now.
    """
    return FrozenStoreError(
        "This ledger was exported for good: it can be read, audited and exported again, and takes "
        "nothing",
        where=f"moved to {where}" if where else "",
        hint="Send to where it was imported. If it never was, import that export.",
    )


class Reader(Protocol):
    """What can be asked inside a transaction or snapshot."""

    def origin(self) -> str:
        """Return the name the log goes by."""
        ...

    def head(self) -> StoredHead:
        """Return the head."""
        ...

    def checkpoint(self) -> bytes | None:
        """Return the last checkpoint that was kept, as a signed note; nobody has verified it."""
        ...

    def is_frozen(self) -> bool:
        """Tell whether the log takes nothing here any more."""
        ...

    def envelopes(self, start: int, count: int) -> list[bytes]:
        """Return up to ``count`` (at most ``READ_ENTRIES_MAX``) envelopes from ``start`` on."""
        ...

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        """Return up to ``count`` (at most ``READ_ENTRIES_MAX``) entries from ``start`` on."""
        ...

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Return roots of complete subtrees; level 0 are the leaf hashes."""
        ...

    def payload(self, position: int) -> tuple[PayloadPart | None, PayloadPart | None]:
        """Return the parts (facts, personal) of one entry; ``None`` for an erased or absent one."""
        ...

    def find(
        self, table: Table, column: str, values: Iterable[Cell], size: int | None = None
    ) -> list[Row]:
        """Return the rows whose ``column`` is one of ``values``, in no promised order.

        With ``size``, only rows that show as of it. ``column`` must be one of ``table.lookups``.
        An empty cell is never found: ``None`` equals nothing.
        """
        ...

    def find_pairs(self, table: Table, pairs: Collection[tuple[int, int]]) -> list[Row]:
        """Return the rows whose key begins with one of these pairs, in no promised order.

        The first two columns of the key are whole numbers.
        """
        ...

    def find_documents(
        self, table: Table, values: Collection[int], cell: str, size: int
    ) -> list[Documents]:
        """Return the ``cell`` (JSON, as bytes) of a timed table's rows that show as of ``size``.

        ``values`` are whole numbers in the first column of the key. This is ``find`` for many rows
        at once: what is found comes joined, so that it can be decoded as a list.
        """
        ...

    def find_prefix(
        self,
        table: Table,
        column: str,
        prefix: str,
        after: Row | None = None,
        count: int | None = None,
    ) -> list[Row]:
        """Return the rows whose text in ``column`` begins with ``prefix``, bytewise.

        With ``count``, the first so many in the order of the key, from beyond the key ``after``;
        then ``column`` must be the first of the key.
        """
        ...

    def page(
        self,
        table: Table,
        index: tuple[str, str],
        value: Cell,
        after: Cell,
        count: int,
        size: int | None = None,
    ) -> list[Row]:
        """Return up to ``count`` rows whose first column of ``index`` is ``value``.

        Ordered by the second column of ``index``, from beyond ``after`` (``None``: from the start).
        """
        ...

    def added(self, table: Table, since: int) -> list[Row]:
        """Return the rows of a table indexed by ``since`` that began at ``since`` or later."""
        ...

    def scan(self, table: Table, after: Row | None, count: int) -> list[Row]:
        """Return up to ``count`` rows in the order of the key, from beyond the key ``after``."""
        ...

    def strays(self, tables: Sequence[Table]) -> Strays:
        """Return what lies here that is neither the log's nor of the views' ``tables``."""
        ...

    def stray_parts(self) -> StrayParts:
        """Return payload that belongs to no entry, or of which half is there; reads all rows.

        To every other question a half part is an absent one.
        """
        ...


class Writer(Reader, Protocol):
    """What can be done inside the one writing transaction."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Open a block that is undone, alone, when an exception leaves it."""
        ...

    def append(
        self,
        expected_size: int,
        entries: Sequence[StoredEntry],
        subtrees: Sequence[Subtree],
        head: StoredHead,
    ) -> None:
        """Append entries at dense positions from ``expected_size`` and move the head.

        Raises:
            StaleHeadError: the log does not have that size; nothing was written.
            FrozenStoreError: the store is frozen; nothing was written.
        """
        ...

    def keep_checkpoint(self, note: bytes | None) -> None:
        """Keep a checkpoint, or none, in the place of the one before, for others to serve."""
        ...

    def rename(self, origin: str) -> None:
        """Let the log go by another origin. Only a recovery and an import do.

        Raises:
            FrozenStoreError: the store is frozen.
        """
        ...

    def freeze(self, frozen: bool) -> None:  # noqa: FBT001 - it is what the row will say
        """Let the log take nothing from here on, or let it take entries again.

        A final export freezes, and the mark of a store that is behind what was signed; an import
        and a recovery let go again.
        """
        ...

    def erase(self, positions: Sequence[int], parts: PartsErased) -> int:
        """Erase payload parts with their salts; return how many parts, or halves, were there.

        A position that the log has not reached is passed over.

        Raises:
            FrozenStoreError: the store is frozen.
        """
        ...

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows with keys that are not there yet."""
        ...

    def replace(self, table: Table, rows: Sequence[Row]) -> None:
        """Put rows in the place of those with the same keys, which must be there."""
        ...

    def clear(self, tables: Sequence[Table]) -> None:
        """Remove every row of these tables."""
        ...


class Store(Protocol):
    """A ledger's place to live."""

    @property
    def origin(self) -> str:
        """The name this ledger was made with; part of every basis."""
        ...

    def read(self) -> AbstractContextManager[Reader]:
        """Open a snapshot."""
        ...

    def write(self) -> AbstractContextManager[Writer]:
        """Open the writing transaction; commit durably when the block is left."""
        ...

    @property
    def is_scrubbed(self) -> bool:
        """Tell whether no erased byte is left in any file, as far as the store knows."""
        ...

    def scrub(self, wait_seconds: float = SCRUB_WAIT_SECONDS_MAX) -> None:
        """Rewrite whatever file may still hold erased bytes: free pages, logs, dead rows.

        Takes as long as copying the store, and room for that copy. Interrupted, it is due again.

        Raises:
            StoreBusyError: a reader held an old state for too long; the scrub is still due.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections. Nothing may be asked afterwards."""
        ...
