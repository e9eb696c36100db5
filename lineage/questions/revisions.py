"""Ask what a source said last of the things it shows: the last revision of each subject.

The revisions of a subject are the statements ``<subject>``, ``<subject>~2``, ``<subject>~3``, ...
of one source, without gaps. The last is found by leaping ahead in doubling steps, and then halving:
a few lookups a subject, all subjects at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from lineage.connectors.base import with_ordinal
from lineage.connectors.scanning import Known
from lineage.projections.statements import STATEMENT, statement_handle
from lineage.stores.base import Reader
from lineage_schemas.codec import decode_envelope, decode_records
from lineage_schemas.declarations import KEPT_PROPERTY
from lineage_schemas.entry import StatedInterval, StoredEntry
from lineage_schemas.errors import LimitExceededError
from lineage_schemas.instants import instant_of
from lineage_schemas.mlmd import Artifact, Record
from lineage_schemas.records import Message
from lineage_schemas.sources import SourceScan

SUBJECTS_PER_READ: Final = 1_000

SCAN_SUBJECT: Final = "scan"
"""The statements in which a source is said to have been looked at."""

REVISIONS_MAX: Final = 1_000
"""Revisions of one subject that are read at once."""

WHOLE_SCANS_SOUGHT: Final = 64
"""How many looks back a whole one is sought."""


def find_known(
    reader: Reader, namespace: int | None, source: str, subjects: Iterable[str]
) -> dict[str, Known]:
    """Return the last revision of each subject that the source has spoken of."""
    if namespace is None:
        return {}
    last = _last_ordinals(reader, namespace, source, set(subjects))
    return {
        subject: _known(reader.entries(position, 1)[0], ordinal)
        for subject, (ordinal, position) in last.items()
    }


def find_revisions(
    reader: Reader, namespace: int | None, source: str, subject: str
) -> tuple[Known, ...]:
    """Return every revision of a subject that the source has spoken of, in their order.

    Raises:
        LimitExceededError: there are more than ``REVISIONS_MAX``.
    """
    if namespace is None:
        return ()
    found = _last_ordinals(reader, namespace, source, [subject])
    count = found[subject][0] if subject in found else 0
    if count > REVISIONS_MAX:
        raise LimitExceededError(
            f"There are {count} revisions, over the limit of {REVISIONS_MAX} (REVISIONS_MAX)",
            where=subject,
            hint="Go on under another id.",
        )
    ordinals = {
        statement_handle(namespace, source, with_ordinal(subject, one)): one
        for one in range(1, count + 1)
    }
    rows = reader.find(STATEMENT, "handle", ordinals)
    known = [_known(reader.entries(row[1], 1)[0], ordinals[row[0]]) for row in rows]
    return tuple(sorted(known, key=lambda one: one.ordinal))


def find_subjects_of(
    reader: Reader, namespace: int | None, source: str, kind: str
) -> Iterator[str]:
    """Yield every subject of a kind that the source has spoken of, in bytewise order."""
    if namespace is None:
        return
    start = statement_handle(namespace, source, "")
    prefix = f"{start}{kind}/"
    after = prefix
    while rows := reader.scan(STATEMENT, (after,), SUBJECTS_PER_READ):
        for handle, _ in rows:
            if not handle.startswith(prefix):
                return
            subject = handle.removeprefix(start)
            if "~" not in subject and "@" not in subject:
                yield subject
        after = rows[-1][0]


class LastScans(NamedTuple):
    """What was said last of looks at a source: how often, and the last look.

    Besides, the last ``whole`` one, and the last ``clean`` one, which was whole and read all.
    ``size`` is how many entries the log had when this was asked.
    """

    size: int = 0
    ordinal: int = 0
    last: SourceScan | None = None
    whole: SourceScan | None = None
    clean: SourceScan | None = None


def find_scans(reader: Reader, namespace: int | None, source: str) -> LastScans:
    """Return the last look that was stated, and the last whole and clean ones of the last few."""
    size = reader.head().size
    if namespace is None:
        return LastScans(size)
    found = _last_ordinals(reader, namespace, source, [SCAN_SUBJECT])
    if SCAN_SUBJECT not in found:
        return LastScans(size)
    ordinal, position = found[SCAN_SUBJECT]
    last = _scan_at(reader, position)
    whole: SourceScan | None = None
    for earlier in range(ordinal, max(0, ordinal - WHOLE_SCANS_SOUGHT), -1):
        handle = statement_handle(namespace, source, with_ordinal(SCAN_SUBJECT, earlier))
        scan = _scan_at(reader, reader.find(STATEMENT, "handle", [handle])[0][1])
        if scan is not None and scan.is_whole:
            whole = whole or scan
            if not scan.unread_count:
                return LastScans(size, ordinal, last, whole, scan)
    return LastScans(size, ordinal, last, whole)


def _scan_at(reader: Reader, position: int) -> SourceScan | None:
    records = read_stated(reader.entries(position, 1)[0])
    return records[0] if records and isinstance(records[0], SourceScan) else None


def read_stated(entry: StoredEntry) -> tuple[Record, ...] | None:
    """Return the records of an entry; ``None`` where any part of it was erased."""
    if entry.facts is None:
        return None
    commitments = decode_envelope(entry.envelope).commitments
    if commitments.personal is not None and entry.personal is None:
        return None
    personal = None if entry.personal is None else entry.personal.body
    return decode_records(entry.facts.body, personal)


def _last_ordinals(
    reader: Reader, namespace: int, source: str, subjects: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Return the highest ordinal of each subject that is there, and where it stands."""
    found: dict[str, tuple[int, int]] = {}
    missing: dict[str, int] = {}

    def look(wanted: dict[str, int]) -> None:
        handles = {
            statement_handle(namespace, source, with_ordinal(subject, ordinal)): subject
            for subject, ordinal in wanted.items()
        }
        there = {handles[row[0]]: row[1] for row in reader.find(STATEMENT, "handle", handles)}
        for subject, ordinal in wanted.items():
            if subject in there:
                found[subject] = ordinal, there[subject]
            else:
                missing[subject] = ordinal

    look(dict.fromkeys(subjects, 1))
    while ahead := {one: 2 * n for one, (n, _) in found.items() if one not in missing}:
        look(ahead)
    while between := {
        one: (n + missing[one]) // 2 for one, (n, _) in found.items() if missing[one] - n > 1
    }:
        look(between)
    return found


def _known(entry: StoredEntry, ordinal: int) -> Known:
    records = read_stated(entry)
    after, at = _interval(decode_envelope(entry.envelope).stated)
    return Known(
        ordinal=ordinal,
        position=entry.position,
        body=None if not records else _kept_in(records[0]),
        at=at,
        after=after,
    )


def _kept_in(record: Record) -> bytes | None:
    """Return the document that a statement keeps: as its message, or inside an approval."""
    if isinstance(record, Message):
        return bytes(record.body)
    kept = record.custom_properties.get(KEPT_PROPERTY) if isinstance(record, Artifact) else None
    return kept.encode() if isinstance(kept, str) else None


def _interval(stated: StatedInterval | None) -> tuple[datetime | None, datetime | None]:
    """Return between which times a thing came to be as it was said."""
    if stated is None:
        return None, None
    after = None if stated.start_us is None else instant_of(stated.start_us)
    return after, after if stated.end_us is None else instant_of(stated.end_us)
