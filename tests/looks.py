"""A small driver of sources that are looked at, for tests of readers and mappings alone."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Raw

from lineage.connectors.parcels import parcels
from lineage.connectors.scanning import (
    GONE,
    Document,
    Known,
    Listed,
    Revision,
    ScanMapping,
    Unread,
)
from lineage_schemas.records import Message, Statement

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
    subject, changed = shown.subject, shown.changed
    known = memory.revisions.get(subject)
    before = known.body if known else None
    body = mapping.carry(before, shown.body)
    if body == before:
        return ()
    ordinal = known.ordinal + 1 if known else 1
    memory.revisions[subject] = Known(ordinal, 0, body, at)
    name = subject if ordinal == 1 else f"{subject}~{ordinal}"
    after = changed or (known.at if known else None)
    revision = Revision(subject=subject, body=body, before=before, after=after, at=changed or at)
    first = Statement(
        id=name,
        source=source,
        records=(Message(media_type="application/json", body=Raw(body)),),
    )
    number = mapping.version.rpartition("/")[2]
    made: list[Statement] = [first]
    for said in mapping.map(revision):
        for records in parcels(said.records):
            part = len(made)
            made.append(
                Statement(
                    id=f"{name}@{number}" + (f".{part}" if part > 1 else ""),
                    source=source,
                    records=records,
                    stated=said.stated,
                    message=name,
                    mapping=mapping.version,
                )
            )
    return tuple(made)
