"""How long to wait for a source, how often to ask it again, and how much to take from it."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

from lineage_schemas.instants import instant_us

ANSWER_BYTES_MAX: Final = 64 * 1_048_576
"""One answer, decompressed."""

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
TOTAL_SECONDS: Final = 300.0
ATTEMPTS_MAX: Final = 5
FAULT_ATTEMPTS_MAX: Final = 2
"""A source that answers 500 has met a fault of its own: it seldom goes away by itself."""

FIRST_WAIT_SECONDS: Final = 0.5
WAIT_SECONDS_MAX: Final = 60.0
"""A source that asks for a longer pause is left alone until the next look."""

_MICROSECONDS: Final = 1_000_000


class Patience(Struct, frozen=True, kw_only=True):
    """The bounds of one transport. ``total_seconds`` is for one answer, from first to last byte."""

    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    total_seconds: float = TOTAL_SECONDS
    attempts_max: int = ATTEMPTS_MAX
    wait_seconds_max: float = WAIT_SECONDS_MAX
    answer_bytes_max: int = ANSWER_BYTES_MAX


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait after an attempt, the first being 1: each time twice as long."""
    return FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1)


def asked_seconds(retry_after: str, now: int) -> float | None:
    """Return for how long a source asks to be left alone; ``None``: it does not say.

    ``now`` is in microseconds since the epoch.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    # One without a zone is in UTC: HTTP knows no other.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (instant_us(aware) - now) / _MICROSECONDS)
