"""From a document to the statements of its next revision. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from lineage.connectors.base import MESSAGE_BYTES_MAX, with_ordinal
from lineage.connectors.parcels import parcels
from lineage.connectors.scanning import Document, Known, Revision, ScanMapping
from lineage.rules.secrets import filter_secrets
from lineage_schemas.errors import LimitExceededError
from lineage_schemas.records import Message, Precision, StatedTime, Statement

MEDIA_TYPE: Final = "application/json"


class Looking(Struct, frozen=True):
    """When a source is looked at: now, and when it was looked at as a whole before."""

    at: datetime
    before: datetime | None = None


class Kept(Struct, frozen=True):
    """A document as the ledger keeps it: with what was carried over, and without secrets."""

    document: Document
    body: bytes
    secrets_filtered: int


def keep(document: Document, known: Known | None, mapping: ScanMapping) -> Kept:
    """Return a document as it would be kept after what is known of its subject.

    Raises:
        LimitExceededError: it is longer than ``MESSAGE_BYTES_MAX``.
        InvalidInputError: it cannot be understood.
    """
    carried = mapping.carry(None if known is None else known.body, document.body)
    if len(carried) > MESSAGE_BYTES_MAX:
        raise LimitExceededError(
            f"A document of {len(carried)} bytes is over the limit of {MESSAGE_BYTES_MAX} "
            "(MESSAGE_BYTES_MAX)",
            where=document.subject,
            hint="What it shows of this thing is not in the ledger.",
        )
    body, filtered = filter_secrets(carried)
    return Kept(document, body, filtered)


def revise(
    kept: Kept, known: Known | None, mapping: ScanMapping, source: str, looking: Looking
) -> tuple[Statement, ...]:
    """Return the statements of the next revision of a subject, to be appended as one batch.

    Raises:
        InvalidInputError: the mapping cannot understand the document.
        LimitExceededError: one of its records fits into no statement.
    """
    revision = _revision(kept, known, looking)
    message_id = with_ordinal(revision.subject, 1 if known is None else known.ordinal + 1)
    number = mapping.version.rpartition("/")[2]
    statements = [
        Statement(
            id=message_id,
            source=source,
            records=(
                Message(
                    media_type=MEDIA_TYPE,
                    body=Raw(kept.body),
                    secrets_filtered=kept.secrets_filtered,
                ),
            ),
            stated=_stated(revision),
        )
    ]
    for said in mapping.map(revision):
        for records in parcels(said.records):
            part = len(statements)
            statements.append(
                Statement(
                    id=f"{message_id}@{number}" + (f".{part}" if part > 1 else ""),
                    source=source,
                    records=records,
                    stated=said.stated,
                    message=message_id,
                    mapping=mapping.version,
                )
            )
    return tuple(statements)


def _revision(kept: Kept, known: Known | None, looking: Looking) -> Revision:
    changed = kept.document.changed
    at = looking.at if changed is None else changed
    after = changed
    if changed is None and known is not None:
        # It was as known in the last whole look, or that would have been told then.
        seen = [one for one in (known.at, looking.before) if one is not None and one <= at]
        after = max(seen, default=None)
    return Revision(
        subject=kept.document.subject,
        body=kept.body,
        before=None if known is None else known.body,
        after=after,
        at=at,
    )


def _stated(revision: Revision) -> StatedTime:
    if revision.after == revision.at:
        return StatedTime(start=revision.at)
    return StatedTime(start=revision.after, end=revision.at, precision=Precision.INTERVAL)
