"""The checker: derive everything again from the stored bytes, and compare.

It trusts nothing that can be computed: leaves from envelopes, the tree from leaves, commitments
from payloads, views from entries. Findings are data; it raises only when the store cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from lineage.folding import Progress, fold_entries
from lineage.projections.views import (
    PROJECTION_VERSION,
    VIEW_TABLES,
    digest_views,
    read_bookmark,
    scan_rows,
)
from lineage.proofs.tree import CompactRange, leaf_hash
from lineage.stores.base import Reader
from lineage.stores.memory import MemoryStore
from lineage.writing.sealing import commit
from lineage_schemas.codec import decode_envelope, decode_records
from lineage_schemas.entry import Envelope, PayloadPart, StoredEntry
from lineage_schemas.errors import LedgerError

_RUN_ENTRIES: Final = 1_000
FINDINGS_MAX: Final = 1_000
"""After so many findings the audit stops looking and says so."""


class AuditFinding(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be. ``position`` is the first entry concerned, if any."""

    what: str
    position: int | None = None


class AuditReport(Struct, frozen=True, kw_only=True):
    """What an audit looked at, and what it found."""

    origin: str
    size: int
    root: str
    findings: tuple[AuditFinding, ...]

    @property
    def clean(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings


def audit_log(reader: Reader, origin: str, progress: Progress | None = None) -> AuditReport:
    """Check the whole log and every view, inside one snapshot."""
    findings: list[AuditFinding] = []
    tree = CompactRange()
    follower = _Follower()
    size = reader.head().size
    for finding in _check_entries(reader, tree, follower, progress):
        findings.append(finding)
        if len(findings) == FINDINGS_MAX:
            findings.append(AuditFinding(what="There is more; the audit stopped here"))
            break
    else:
        findings += _check_head(reader, tree, follower.recorded_us)
        if not findings:
            findings += _check_views(reader, origin)
    return AuditReport(origin=origin, size=size, root=tree.root().hex(), findings=tuple(findings))


def _check_entries(
    reader: Reader, tree: CompactRange, follower: _Follower, progress: Progress | None
) -> Iterator[AuditFinding]:
    size = reader.head().size
    position = 0
    while position < size:
        stored_entries = reader.entries(position, min(_RUN_ENTRIES, size - position))
        if not stored_entries:
            yield AuditFinding(what="The entry is missing", position=position)
            return
        for stored in stored_entries:
            if stored.position != position:
                yield AuditFinding(what="The entry is missing", position=position)
                return
            yield from _check_entry(stored, follower)
            for subtree in tree.append(leaf_hash(stored.envelope)):
                if reader.hashes(subtree.level, subtree.number, 1) != [subtree.root]:
                    yield AuditFinding(
                        what=f"The stored root of a subtree of level {subtree.level} is wrong",
                        position=position,
                    )
            position += 1
        if progress is not None:
            progress(position, size)
    yield from follower.end(size)


def _check_entry(stored: StoredEntry, follower: _Follower) -> Iterator[AuditFinding]:
    position = stored.position
    if stored.leaf != leaf_hash(stored.envelope):
        yield AuditFinding(what="The leaf is not the hash of the envelope", position=position)
    try:
        envelope = decode_envelope(stored.envelope)
    except LedgerError as error:
        yield AuditFinding(what=str(error), position=position)
        follower.skip(position)
        return
    try:
        yield from _check_payload(stored, envelope)
    except LedgerError as error:
        yield AuditFinding(what=str(error), position=position)
    yield from follower.check(position, envelope)


def _check_payload(stored: StoredEntry, envelope: Envelope) -> Iterator[AuditFinding]:
    parts: tuple[tuple[str, PayloadPart | None, str | None], ...] = (
        ("facts", stored.facts, envelope.commitments.facts),
        ("personal", stored.personal, envelope.commitments.personal),
    )
    for name, part, commitment in parts:
        if commit(part) != commitment:
            yield AuditFinding(
                what=f"The {name} part does not open its commitment", position=stored.position
            )
    if stored.facts is not None:
        personal = stored.personal.body if stored.personal else None
        count = len(decode_records(stored.facts.body, personal))
        if len(envelope.structure) < count:
            yield AuditFinding(
                what="The structure has fewer items than there are records",
                position=stored.position,
            )


class _Follower:
    """Follows what must hold from one entry to the next.

    After each finding it believes the entry at hand, so that one wrong entry is not told again at
    every entry behind it.
    """

    def __init__(self) -> None:
        self.recorded_us: int | None = 0
        """The recorded time of the entry before, ``None`` if that could not be read."""
        self._batch_end: int | None = 0
        self._batch = (0, 0)
        self._statements: set[tuple[str, str, str]] = set()

    def skip(self, position: int) -> None:
        """Pass over an entry that cannot be read."""
        self.recorded_us = None
        if position == self._batch_end:
            self._batch_end = None

    def check(self, position: int, envelope: Envelope) -> Iterator[AuditFinding]:
        """Check an entry against those before it."""
        if self.recorded_us is not None and envelope.recorded_us < self.recorded_us:
            yield AuditFinding(what="Recorded time runs backwards", position=position)
        self.recorded_us = envelope.recorded_us
        name = envelope.namespace, envelope.source, envelope.statement
        if name in self._statements:
            yield AuditFinding(what="The statement id was used before", position=position)
        self._statements.add(name)
        batch = envelope.batch.start, envelope.batch.length
        if position == self._batch_end:
            if batch[0] != position or batch[1] < 1:
                yield AuditFinding(what="The batch does not begin here", position=position)
        elif self._batch_end is not None and batch != self._batch:
            yield AuditFinding(what="The batch is interleaved with another", position=position)
        self._batch = batch
        self._batch_end = max(position + 1, batch[0] + batch[1])
        if envelope.message is not None and envelope.message >= position:
            yield AuditFinding(what="The message it cites comes later", position=position)

    def end(self, size: int) -> Iterator[AuditFinding]:
        """Check that the last batch is whole."""
        if self._batch_end not in {None, size}:
            yield AuditFinding(what="The last batch is not whole", position=self._batch[0])


def _check_head(
    reader: Reader, tree: CompactRange, recorded_us: int | None
) -> Iterator[AuditFinding]:
    head = reader.head()
    if head.size != tree.size or head.compact_range != tree.to_bytes():
        yield AuditFinding(what="The head is not that of the tree over the stored entries")
    if recorded_us is not None and head.recorded_us != recorded_us:
        yield AuditFinding(what="The head has not the recorded time of the last entry")
    if reader.entries(head.size, 1):
        yield AuditFinding(what="There are entries beyond the head", position=head.size)


def _check_views(reader: Reader, origin: str) -> Iterator[AuditFinding]:
    version, size = read_bookmark(reader)
    if (version, size) != (PROJECTION_VERSION, reader.head().size):
        yield AuditFinding(
            what=f"The views are of {version} and have reached {size}; run a rebuild"
        )
        return
    replay = MemoryStore(origin)
    with replay.write() as writer:
        fold_entries(reader, writer)
        if digest_views(writer) == digest_views(reader):
            return
        for table in VIEW_TABLES:
            if list(scan_rows(writer, table)) != list(scan_rows(reader, table)):
                yield AuditFinding(what=f"The view {table.name} is not what the log folds into")
