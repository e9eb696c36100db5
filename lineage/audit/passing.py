"""The pass over the entries: each is read once, and every level takes its share of it."""

from __future__ import annotations

from typing import Final

from lineage.audit.entries import Followed, Follower
from lineage.audit.payloads import PayloadCheck
from lineage.audit.reports import UNREADABLE, AuditLevel
from lineage.audit.states import AuditState
from lineage.audit.trees import TreeWalk
from lineage.collector import paused_collector
from lineage.proofs.tree import leaf_hash
from lineage.stores.base import Reader
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Entry, StoredEntry

RUN_ENTRIES: Final = 1_024
"""Entries that are read at once: whole tiles, because a tile is hashed in one go."""


class EntryPass:
    """Goes over the entries from where the tree stands, and checks levels 1 to 3."""

    def __init__(
        self, reader: Reader, walk: TreeWalk, level: AuditLevel, state: AuditState | None
    ) -> None:
        self._reader = reader
        self._walk = walk
        self._found = walk.found
        self._looks_at_payload = level >= AuditLevel.PAYLOAD
        self.follower = Follower(self._found, state.followed if state else Followed())
        self.payload = PayloadCheck(
            reader,
            self._found,
            dict(state.missing) if state else {},
        )
        self.is_whole = True
        """Whether every entry so far was there."""

    def read(self, size: int) -> list[Entry] | None:
        """Read and check the next run, up to ``size``; return its entries, decoded.

        ``None``: an entry is missing, or there is none left.
        """
        position = self._walk.tree.size
        count = min(RUN_ENTRIES - position % RUN_ENTRIES, size - position)
        if count <= 0:
            return None
        stored = self._reader.entries(position, count)
        there = _dense(stored, position)
        with paused_collector():
            self._walk.take([one.leaf for one in stored[:there]])
            entries = [entry for one in stored[:there] if (entry := self._check(one)) is not None]
        if there < count:
            self.is_whole = False
            self._found.add(AuditLevel.TREE, "The entry is missing", position + there)
            return None
        return entries

    def _check(self, stored: StoredEntry) -> Entry | None:
        if stored.leaf != leaf_hash(stored.envelope):
            what = "The leaf is not the hash of the envelope"
            self._found.add(AuditLevel.ENTRIES, what, stored.position)
        try:
            envelope = decode_envelope(stored.envelope)
        except UNREADABLE as error:
            what = f"The envelope cannot be read: {error}"
            self._found.add(AuditLevel.ENTRIES, what, stored.position)
            self.follower.skip(stored.position)
            return None
        self.follower.check(stored.position, envelope)
        return self.payload.check(stored, envelope) if self._looks_at_payload else None


def _dense(stored: list[StoredEntry], position: int) -> int:
    """Return how many stand where they should, one behind the other."""
    if stored and stored[-1].position == position + len(stored) - 1:
        # Positions are unique and come in order: where the last is right, all are.
        return len(stored)
    for offset, one in enumerate(stored):
        if one.position != position + offset:
            return offset
    return len(stored)
