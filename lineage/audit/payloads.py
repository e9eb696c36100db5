"""Level 3: payload parts against the envelopes that commit to them, and against what was erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from lineage.anchoring.sidecar import ErasedParts, Sidecar
from lineage.audit.fitting import fits
from lineage.audit.reports import UNREADABLE, AuditLevel, Findings
from lineage.folding import erased_parts
from lineage.writing.sealing import commit
from lineage_schemas.codec import decode_records
from lineage_schemas.entry import Entry, Envelope, EraseItem, StoredEntry
from lineage_schemas.governance import PartsErased
from lineage_schemas.mlmd import Record
from lineage_schemas.redactions import with_redactions

_LEVEL: Final = AuditLevel.PAYLOAD

FACTS: Final = 1
PERSONAL: Final = 2
_NAMES: Final = {FACTS: "facts", PERSONAL: "personal"}
_ERASED: Final = {PartsErased.PERSONAL: PERSONAL, PartsErased.ALL: FACTS | PERSONAL}


class Looked(Protocol):
    """Where an earlier entry is looked at again."""

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        """Return up to ``count`` entries from ``start`` on."""
        ...

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Return leaf hashes; asked for only where a sidecar is compared."""
        ...


class PayloadCheck:
    """Checks payloads in the order of the log.

    It remembers the parts that are missing until an entry says that they were erased: a number or
    two for each, and nothing for the other entries.
    """

    def __init__(
        self,
        reader: Looked,
        found: Findings,
        missing: Mapping[int, int],
    ) -> None:
        self._reader = reader
        self._found = found
        self.missing = dict(missing)
        """Position to parts (``FACTS``, ``PERSONAL``) that are gone and not accounted for yet."""
        self.changes = 0

    def check(self, stored: StoredEntry, envelope: Envelope) -> Entry | None:
        """Check one entry's payload; return the entry decoded, ``None`` where it cannot be."""
        position, commitments = stored.position, envelope.commitments
        facts, personal = commit(stored.facts), commit(stored.personal)
        if facts != commitments.facts:
            self._misfit(FACTS, position, facts, commitments.facts)
        if personal != commitments.personal:
            self._misfit(PERSONAL, position, personal, commitments.personal)
        for item in envelope.structure:
            if type(item) is EraseItem:
                self._account(position, item)
        records: tuple[Record, ...] | None = None
        if stored.facts is not None:
            body = None if stored.personal is None else stored.personal.body
            try:
                records = decode_records(stored.facts.body, body)
            except UNREADABLE as error:
                self._found.add(_LEVEL, f"The payload cannot be read: {error}", position)
                return None
            self._check_structure(position, envelope, records)
        erased = erased_parts(stored, commitments)
        if erased is not None and records is not None:
            records = with_redactions(records, position)
        return Entry(position=position, envelope=envelope, records=records, erased=erased)

    def _misfit(self, part: int, position: int, there: str | None, promised: str | None) -> None:
        if there is None:
            self.missing[position] = self.missing.get(position, 0) | part
            self.changes += 1
        elif promised is None:
            what = f"There is a {_NAMES[part]} part that the envelope does not commit to"
            self._found.add(_LEVEL, what, position)
        else:
            what = f"The {_NAMES[part]} part does not open its commitment"
            self._found.add(_LEVEL, what, position)

    def _check_structure(
        self, position: int, envelope: Envelope, records: tuple[Record, ...]
    ) -> None:
        if not fits(records, envelope.structure):
            self._found.add(_LEVEL, "The structure is not that of the records", position)

    # --- what was erased -------------------------------------------------------------------------

    def _account(self, by: int, item: EraseItem) -> None:
        """Account for what an entry says was erased; it must be gone."""
        parts = _ERASED[item.parts]
        for position in item.positions:
            if not 0 <= position < by:
                self._found.add(_LEVEL, "It says that a later entry was erased", by)
                continue
            missing = self.missing.pop(position, 0)
            self.changes += 1
            if missing & ~parts:
                self.missing[position] = missing & ~parts
            if parts & ~missing:
                self._refuse_again(position, parts & ~missing, f"the entry at {by} says that it")

    def _refuse_again(self, position: int, parts: int, who: str) -> None:
        """Find parts that were erased and are there."""
        for stored in self._reader.entries(position, 1):
            if stored.position != position:
                return
            there = FACTS * (stored.facts is not None) | PERSONAL * (stored.personal is not None)
            for part, name in _NAMES.items():
                if parts & there & part:
                    what = f"The {name} part is there again, though {who} was erased"
                    self._found.add(_LEVEL, what, position)

    def _is_of(self, erased: ErasedParts) -> bool:
        """Tell whether the sidecar speaks of the entry that is here, and not of a lost one."""
        leaves = self._reader.hashes(0, erased.position, 1)
        return bool(leaves) and erased.leaf == leaves[0].hex()

    def end(self, sidecar: Sidecar | None) -> None:
        """Find the parts that are missing and that no entry accounts for."""
        remembered = {
            one.position: one for one in (sidecar.erased if sidecar else ()) if self._is_of(one)
        }
        for position, parts in sorted(self.missing.items()):
            known = _parts_of(remembered.get(position))
            for part, name in _NAMES.items():
                if parts & part & ~known:
                    what = f"The {name} part is missing, and no entry says it was erased"
                    self._found.add(_LEVEL, what, position)
                elif parts & part:
                    what = (
                        f"The {name} part is missing; the sidecar remembers that it was erased, "
                        "but the entry that said so is lost"
                    )
                    self._found.add(_LEVEL, what, position)
        told = {one.position for one in self._found.kept if one.level is _LEVEL}
        for position, erased in remembered.items():
            if position not in told and position not in self.missing:
                self._refuse_again(position, _parts_of(erased), "the sidecar remembers that it")


def _parts_of(erased: ErasedParts | None) -> int:
    if erased is None:
        return 0
    return FACTS * erased.facts | PERSONAL * erased.personal
