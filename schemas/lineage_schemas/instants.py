"""Instants: UTC, in whole microseconds since 1970-01-01T00:00:00Z; RFC 3339 in text."""

from datetime import UTC, datetime, timedelta
from typing import Final

from lineage_schemas.errors import InvalidInputError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def instant_us(moment: datetime) -> int:
    """Return ``moment`` in microseconds since the epoch.

    Raises:
        InvalidInputError: ``moment`` has no time zone, so nobody can say when it was; or it lies
            outside the years 1 to 9999 of UTC, so that nobody could read it back.
    """
    if moment.tzinfo is None:
        raise InvalidInputError(
            "A time has no time zone",
            where=moment.isoformat(),
            hint="Write it as RFC 3339 with an offset, such as 2026-01-31T12:00:00Z.",
        )
    instant = (moment - _EPOCH) // _MICROSECOND
    if not _FIRST <= instant <= _LAST:
        raise InvalidInputError(
            "A time lies outside the years 1 to 9999 of UTC",
            where=moment.isoformat(),
            hint="An offset may have carried it over the end: write it in UTC.",
        )
    return instant


def instant_of(instant: int) -> datetime:
    """Return the UTC moment of an instant in microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=instant)


def format_instant(instant: int) -> str:
    """Return RFC 3339 text with six digits of fraction and ``Z``: one text per instant."""
    return instant_of(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def format_known_instant(instant: int | None) -> str | None:
    """Return the text of an instant, where it is known."""
    return None if instant is None else format_instant(instant)


def parse_instant(text: str) -> int:
    """Read RFC 3339 text as an instant in microseconds since the epoch.

    Raises:
        InvalidInputError: the text is not a time, has no time zone, or is out of range.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            "This is not a time",
            where=text[:64],
            hint="Write it as RFC 3339, such as 2026-01-31T12:00:00Z.",
        ) from error
    return instant_us(moment)
