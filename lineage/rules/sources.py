"""The form of what is said of sources: looks at them, and what is expected of them."""

from __future__ import annotations

from lineage.rules.secrets import filter_secrets
from lineage.rules.texts import check_bytes, check_name, check_text
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.limits import (
    CURSOR_BYTES_MAX,
    DUE_SECONDS_MAX,
    INT_MAX,
    SCAN_KINDS_MAX,
    UNREAD_NAMED_MAX,
)
from lineage_schemas.sources import SourceExpectation, SourceScan


def check_scan(record: SourceScan) -> None:
    """Refuse a look that ends before it begins, counts what cannot be, or is over a limit."""
    check_name("tool", record.tool)
    check_text("address", record.address, "IDENTIFIER_BYTES_MAX")
    started, finished = instant_us(record.started), instant_us(record.finished)
    if finished < started:
        raise InvalidInputError(
            "A look ends before it begins",
            where=f"from {format_instant(started)} to {format_instant(finished)}",
        )
    for counts in (record.there, record.here):
        _check_counts(counts)
    _check_unread(record)
    _check_due(record.due_seconds)
    # The common cursors are small, and a large one is written out only to be refused.
    cursor = b"" if record.cursor is None else encode_json(record.cursor)
    if len(cursor) > CURSOR_BYTES_MAX:
        raise LimitExceededError(
            f"A cursor of {len(cursor)} bytes is over the limit of {CURSOR_BYTES_MAX} "
            "(CURSOR_BYTES_MAX)"
        )


def check_expectation(record: SourceExpectation) -> None:
    """Refuse what names no source, or promises what cannot be."""
    check_name("source", record.source)
    if filter_secrets(encode_json(record.source))[1]:
        raise InvalidInputError("A source is kept for ever, and may hold no password")
    _check_due(record.due_seconds)


def _check_counts(counts: dict[str, int]) -> None:
    if len(counts) > SCAN_KINDS_MAX:
        raise LimitExceededError(
            f"Counts of {len(counts)} kinds are over the limit of {SCAN_KINDS_MAX} (SCAN_KINDS_MAX)"
        )
    for kind, count in counts.items():
        check_name("kind", kind)
        if not 0 <= count <= INT_MAX:
            raise InvalidInputError("A look counts from 0", where=f"{kind[:64]}: {count}"[:96])


def _check_unread(record: SourceScan) -> None:
    if len(record.unread) > UNREAD_NAMED_MAX:
        raise LimitExceededError(
            f"{len(record.unread)} things that were not read are over the limit of "
            f"{UNREAD_NAMED_MAX} (UNREAD_NAMED_MAX)",
            hint="Name the first ones, and count them all in unread_count.",
        )
    if not len(record.unread) <= record.unread_count <= INT_MAX:
        raise InvalidInputError(
            "unread_count counts what was not read, the named ones too",
            where=f"{record.unread_count}, with {len(record.unread)} named"[:96],
        )
    for text in record.unread:
        check_bytes("thing that was not read", text, "REASON_BYTES_MAX")


def _check_due(seconds: int | None) -> None:
    if seconds is not None and not 1 <= seconds <= DUE_SECONDS_MAX:
        raise LimitExceededError(
            f"due_seconds is from 1 to {DUE_SECONDS_MAX} (DUE_SECONDS_MAX)",
            where=str(seconds)[:64],
        )
