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


class Looking(Struct, frozen=True, kw_only=True):
    """When a source is looked at, and what is known of the looks before.

    ``began``: when the look began; of a copy, when that was made. ``clean`` is when the last whole
    look began in which everything was read, ``last`` when the last one began and was over. ``size``
    is how many entries the log had: what is behind it was told meanwhile, by somebody else.
    """

    began: datetime
    clean: datetime | None = None
    last: tuple[datetime, datetime] | None = None
    size: int | None = None


class Shown(Struct, frozen=True):
    """A document, and the time by which it was shown so."""

    document: Document
    at: datetime


class Kept(Struct, frozen=True):
    """A document as the ledger keeps it: with what was carried over, and without secrets."""

    shown: Shown
    body: bytes
    secrets_filtered: int


def keep(shown: Shown, known: Known | None, mapping: ScanMapping) -> Kept:
    """Return a document as it would be kept after what is known of its subject.

    Raises:
        LimitExceededError: it is longer than ``MESSAGE_BYTES_MAX``.
        InvalidInputError: it cannot be understood.
    """
    document = shown.document
    carried = mapping.carry(None if known is None else known.body, document.body)
    if len(carried) > MESSAGE_BYTES_MAX:
        raise LimitExceededError(
            f"A document of {len(carried)} bytes is over the limit of {MESSAGE_BYTES_MAX} "
            "(MESSAGE_BYTES_MAX)",
            where=document.subject,
            hint="What it shows of this thing is not in the ledger.",
        )
    body, filtered = filter_secrets(carried)
    return Kept(shown, body, filtered)


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
    document = kept.shown.document
    changed = document.changed
    return Revision(
        subject=document.subject,
        body=kept.body,
        before=None if known is None else known.body,
        after=_after(known, looking, kept.shown.at) if changed is None else changed,
        at=changed or kept.shown.at,
    )


def _after(known: Known | None, looking: Looking, at: datetime) -> datetime | None:
    """Return the last time at which a thing is sure to have been as it is known.

    That is when a look began that saw it so: between a thing's being shown and a look's end it may
    have changed.
    """
    if known is None:
        return None
    seen = [looking.clean, known.after]
    if looking.last is not None and known.at is not None:
        began, over = looking.last
        seen += [began] if began <= known.at <= over else []
    return max((one for one in seen if one is not None and one <= at), default=None)


def _stated(revision: Revision) -> StatedTime:
    if revision.after == revision.at:
        return StatedTime(start=revision.at)
    return StatedTime(start=revision.after, end=revision.at, precision=Precision.INTERVAL)
