"""A small driver of sources that are looked at, for tests of readers and mappings alone."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from lineage.connectors.scanning import (
    GONE,
    Document,
    Known,
    Listed,
    ScanMapping,
    Unread,
)
from lineage.importing.revising import Looking, Shown, keep, revise
from lineage_schemas.records import Statement

LOOKED_AT = datetime(2030, 1, 31, 12, tzinfo=UTC)


class Remembered:
    """A memory that lives in a dictionary, and counts what it was asked."""

    def __init__(self) -> None:
        self.revisions: dict[str, Known] = {}
        self.asked = 0

    def known(self, subjects: Iterable[str]) -> Mapping[str, Known]:
        wanted = list(subjects)
        self.asked += len(wanted)
        return {one: self.revisions[one] for one in wanted if one in self.revisions}

    def subjects(self, kind: str) -> Iterator[str]:
        yield from sorted(one for one in self.revisions if one.startswith(f"{kind}/"))


class Look:
    """What one look yielded, and the statements made of it."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.unread: list[Unread] = []
        self.batches: list[tuple[Statement, ...]] = []


def take(
    yielded: Iterable[Document | Unread | Listed],
    memory: Remembered,
    mapping: ScanMapping,
    source: str,
    at: datetime = LOOKED_AT,
) -> Look:
    """Take in what a look yields: one batch of statements for each new revision."""
    look = Look()
    for one in yielded:
        if isinstance(one, Unread):
            look.unread.append(one)
            continue
        if isinstance(one, Listed):
            continue
        look.documents.append(one)
        batch = _revised(one, memory, mapping, source, at)
        if batch:
            look.batches.append(batch)
    return look


def miss(
    subject: str, memory: Remembered, mapping: ScanMapping, source: str, at: datetime = LOOKED_AT
) -> tuple[Statement, ...]:
    """Take in that a subject is not shown any more."""
    return _revised(Document("", subject, GONE), memory, mapping, source, at)


def _revised(
    shown: Document, memory: Remembered, mapping: ScanMapping, source: str, at: datetime
) -> tuple[Statement, ...]:
    known = memory.revisions.get(shown.subject)
    kept = keep(Shown(shown, at), known, mapping)
    if known is not None and kept.body == known.body:
        return ()
    ordinal = 1 if known is None else known.ordinal + 1
    memory.revisions[shown.subject] = Known(ordinal, 0, kept.body, at, at)
    return revise(kept, known, mapping, source, Looking(began=at))
