"""Level 4: every view against what the entries fold into.

The entries are folded anew, as a rebuild does it, into a store of the audit's own: in memory for a
short log, for a long one in a temporary file that has no name, because it holds personal values and
must be gone when the audit is, also if that is killed.

That a statement id stands in the log only once is checked here as well, at no cost: it is the key
of a view, and a key is never inserted twice. What was held when is known here too, so each erasure
is judged again.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from lineage.audit.judging import ErasureCheck
from lineage.audit.reports import UNREADABLE, AuditLevel, Findings
from lineage.collector import paused_collector
from lineage.folding import decode_entry
from lineage.projections.catalog import Catalog
from lineage.projections.edges import EDGE
from lineage.projections.statements import STATEMENT, statement_handle
from lineage.projections.unfolding import Unfolded
from lineage.projections.views import (
    PROJECTION_VERSION,
    TABLES,
    VIEW_TABLES,
    Views,
    read_bookmark,
)
from lineage.stores.base import Reader, Store
from lineage.stores.memory import MemoryStore
from lineage.stores.opening import open_passing_store
from lineage.stores.tables import Row, Table
from lineage_schemas.codec import encode_json
from lineage_schemas.entry import Entry
from lineage_schemas.errors import ReadOnlyStoreError, StoreBusyError, StoreFullError

_LEVEL: Final = AuditLevel.VIEWS

MEMORY_ENTRIES_MAX: Final = 1_000
"""A longer log is replayed into a temporary file: in memory an entry of a few records takes about
8 kB, and from about here on the file is faster too, because it is not as strict about each row."""

_ROWS_PER_READ: Final = 5_000
_ENTRIES_PER_READ: Final = 1_000
_NAME: Final = "replay"

_BARE_TABLES: Final = tuple(
    replace(table, indexes=(("head",),) if table == EDGE else ()) for table in TABLES
)
"""The views' tables without the indexes that only questions use: folding looks up by keys, and
edges by their heads."""


def check_bookmark(reader: Reader, found: Findings) -> bool:
    """Tell whether the views have come as far as the log, by this software's projections."""
    version, size, _ = read_bookmark(reader)
    if (version, size) == (PROJECTION_VERSION, reader.head().size):
        return True
    what = f"The views are of {version} and have reached {size}; run a rebuild"
    found.add(_LEVEL, what)
    return False


class Replay:
    """Folds entries into a store of its own. Use it as a context manager."""

    def __init__(self, size: int, found: Findings) -> None:
        self._found = found
        self._catalog = Catalog()
        self._store: Store = (
            MemoryStore(_NAME)
            if size <= MEMORY_ENTRIES_MAX
            else open_passing_store(_BARE_TABLES, _NAME)
        )
        self._erasures = ErasureCheck(found)
        self.is_sound = True
        """Whether everything so far could be folded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.close()

    def catch_up(self, reader: Reader, size: int) -> None:
        """Fold the first ``size`` entries, which an earlier run has checked.

        Raises:
            StoreError: as ``take``.
        """
        for start in range(0, size, _ENTRIES_PER_READ):
            entries: list[Entry] = []
            for stored in reader.entries(start, min(_ENTRIES_PER_READ, size - start)):
                try:
                    entries.append(decode_entry(stored))
                except UNREADABLE as error:
                    self.is_sound = False
                    what = f"The entry cannot be read any more: {error}"
                    self._found.add(_LEVEL, what, stored.position)
            self.take(entries)

    def take(self, entries: Sequence[Entry]) -> None:
        """Fold the next entries; where they cannot be folded, that is the finding.

        Raises:
            StoreError: there is no room for the replay, or it cannot be written.
        """
        if not self.is_sound or not entries:
            return
        folding = entries[0].position
        try:
            views = Views(self._catalog)
            with paused_collector(), self._store.write() as writer:
                said: list[Unfolded] = []
                for entry in entries:
                    folding = entry.position
                    said.append(views.unfold(entry))
                views.load(writer, said)
                for one in said:
                    folding = one.entry.position
                    views.fold(one)
                views.flush(writer, folding + 1)
            self._erasures.take(entries)
        except (StoreFullError, StoreBusyError, ReadOnlyStoreError):
            raise
        except Exception as error:  # noqa: BLE001 - what was forged may break any step of a fold
            self.is_sound = False
            if not self._find_repeated(entries):
                what = f"The entries cannot be folded into views up to here: {error!r}"
                self._found.add(_LEVEL, what, folding)

    def _find_repeated(self, entries: Sequence[Entry]) -> bool:
        """Find the statement ids that stand here and before; tell whether there are any."""
        named: dict[str, int] = {}
        repeated: list[int] = []
        for entry in entries:
            envelope = entry.envelope
            number = self._catalog.number_of(envelope.namespace, entry.position)
            handle = statement_handle(number, envelope.source, envelope.statement)
            if named.setdefault(handle, entry.position) != entry.position:
                repeated.append(entry.position)
        with self._store.read() as reader:
            known = reader.find(STATEMENT, "handle", list(named))
        for position in sorted([*repeated, *(named[handle] for handle, _ in known)]):
            self._found.add(_LEVEL, "The statement id was used before", position)
        return bool(repeated or known)

    def compare(self, reader: Reader) -> None:
        """Compare every view with what the entries have folded into, and judge the erasures."""
        if not self.is_sound:
            return
        with self._store.read() as replayed:
            for table in VIEW_TABLES:
                if not _are_same(reader, replayed, table):
                    what = f"The view {table.name} is not what the log folds into"
                    self._found.add(_LEVEL, what)
            self._erasures.end(reader, replayed)


def _are_same(one: Reader, other: Reader, table: Table) -> bool:
    """Compare the rows of both, page by page, as bytes: in Python 1, 1.0 and True are equal."""
    after: Row | None = None
    while True:
        rows = one.scan(table, after, _ROWS_PER_READ)
        if encode_json(rows) != encode_json(other.scan(table, after, _ROWS_PER_READ)):
            return False
        if len(rows) < _ROWS_PER_READ:
            return True
        after = table.key_of(rows[-1])
