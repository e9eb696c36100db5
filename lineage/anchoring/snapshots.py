"""Snapshots of a store, for those who may see it as it stands.

While a store is not what was signed, such as a backup that was put back, a grant or a key may hold
in it which was revoked: whoever signs in is answered nothing from it, and not told its size either.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from lineage.anchoring.behind import marked_fault
from lineage.anchoring.notary import Notary, Recalled
from lineage.stores.base import Reader, Store
from lineage.writing.submission import Principal
from lineage_schemas.errors import StoreBehindError, StoreError


class Snapshot:
    """One moment of a store, and what was remembered of it just before."""

    def __init__(self, reader: Reader, notary: Notary | None, recalled: Recalled | None) -> None:
        self.reader = reader
        self.recalled = recalled
        self._notary = notary

    def fault(self) -> StoreError | None:
        """Return what is wrong with the log itself, by what was signed of it."""
        if self._notary is None or self.recalled is None:
            return marked_fault(self.reader)
        return self._notary.verdict(self.reader, self.recalled)


class Snapshots:
    """Opens snapshots of one store."""

    def __init__(self, store: Store, notary: Notary | None) -> None:
        self._store = store
        self._notary = notary

    @contextmanager
    def opened(self, principal: Principal) -> Generator[Snapshot]:
        """Open a snapshot for somebody; the local principal is given any.

        Raises:
            StoreBehindError: the store is not what was signed, and ``principal`` signs in.
        """
        recalled = None if self._notary is None else self._notary.recall()
        with self._store.read() as reader:
            snapshot = Snapshot(reader, self._notary, recalled)
            if not principal.is_local and snapshot.fault() is not None:
                raise StoreBehindError(
                    "The ledger is not what was signed, and answers nobody who signs in",
                    hint="Ask whoever operates it; `lineage doctor` says what is wrong.",
                )
            yield snapshot
