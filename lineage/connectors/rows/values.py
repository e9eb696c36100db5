"""What columns hold, read as the values that a mapping asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from lineage.connectors.rows.columns import Column, Row, parse_column, text_of
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant, instant_of, instant_us, parse_instant
from lineage_schemas.records import Precision, StatedTime
from lineage_schemas.row_mappings import Condition, Conditions, Time, TimeForm, Value, ValueForm
from lineage_schemas.values import JsonValue, check_value

DIGITS_MAX: Final = 64
"""Digits of one number as text; the log keeps 64 bits."""

OTHERWISE: Final = "*"
"""The row of a table that stands for whatever is not in it."""

_INT: Final = re.compile(rf"[-+]?[0-9]{{1,{DIGITS_MAX}}}")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_BOOLS: Final = {
    **dict.fromkeys(("true", "yes", "y", "t", "1", "on"), True),
    **dict.fromkeys(("false", "no", "n", "f", "0", "off"), False),
}

Tables = Mapping[str, Mapping[str, JsonValue]]


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises:
        InvalidInputError: there is none here.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInputError(
            f"There is no time zone {name[:64]!r} here",
            hint="Write one of the IANA database, such as UTC or Europe/Berlin.",
        ) from error


def holds(conditions: Conditions, row: Row) -> bool:
    """Tell whether all conditions hold of a row."""
    several = (conditions,) if isinstance(conditions, Condition) else conditions
    return all(_holds(one, row) for one in several)


def _holds(condition: Condition, row: Row) -> bool:
    column = parse_column(condition.column)
    value = column.of(row)
    if condition.present is not None and (value is not None) is not condition.present:
        return False
    if condition.absent is not None and (value is None) is not condition.absent:
        return False
    wanted = [condition.equals] if condition.equals is not None else list(condition.among or ())
    if condition.equals is None and condition.among is None:
        return True
    return value is not None and text_of(column, value) in {text_of(column, one) for one in wanted}


def time_of(time: Time, row: Row) -> datetime | None:
    """Return the time in a column, in UTC; ``None`` where it is empty.

    Raises:
        InvalidInputError: it is none in that format; names the column.
    """
    column = parse_column(time.column)
    value = column.of(row)
    return None if value is None else _time(column, value, (time.format, time.pattern, time.zone))


def stated_of(time: Time, row: Row) -> StatedTime | None:
    """Return the stated time in a column: of a day, that it was in the course of it.

    Raises:
        InvalidInputError: it is none in that format; names the column.
    """
    start = time_of(time, row)
    if start is None:
        return None
    if time.format is not TimeForm.DATE:
        return StatedTime(start=start)
    local = start.astimezone(zone_named(time.zone))
    end = (local + timedelta(days=1)).astimezone(UTC)
    return StatedTime(start=start, end=end, precision=Precision.INTERVAL)


_Written = tuple[TimeForm, str | None, str]
"""How a time is written: its format, its pattern, its zone."""


def _time(column: Column, value: JsonValue, written: _Written) -> datetime:
    text, (form, pattern, _) = text_of(column, value).strip(), written
    try:
        return _parsed_time(text, written)
    except (ValueError, OverflowError, InvalidInputError) as error:
        asked = f"format {form.value}" if pattern is None else f"pattern {pattern}"
        raise InvalidInputError(
            f"{text[:64]!r} is no time in the {asked}",
            where=f"column {column.text}",
            hint=_TIME_HINTS.get(form, "") if pattern is None else "",
        ) from error


_LOCAL_HINT: Final = 'A day that is not written year first needs a pattern: "%d.%m.%Y".'
_TIME_HINTS: Final = {
    TimeForm.RFC3339: "A time without an offset is read with format: local, and a zone.",
    TimeForm.LOCAL: _LOCAL_HINT,
    TimeForm.DATE: _LOCAL_HINT,
}


def _parsed_time(text: str, written: _Written) -> datetime:
    form, pattern, zone = written
    if form is TimeForm.RFC3339:
        return instant_of(parse_instant(text))
    if form in {TimeForm.UNIX_SECONDS, TimeForm.UNIX_MILLISECONDS}:
        return _unix_time(text, 6 if form is TimeForm.UNIX_SECONDS else 3)
    if pattern is not None:
        local = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes below
    elif form is TimeForm.DATE:
        day = date.fromisoformat(text)
        local = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone comes below
    else:
        local = datetime.fromisoformat(text)
    if local.tzinfo is not None:
        raise ValueError(text)
    moment = local.replace(tzinfo=zone_named(zone))
    return instant_of(instant_us(moment.astimezone(UTC)))


def _unix_time(text: str, digits: int) -> datetime:
    """Read a number since 1970 whose unit is ``10 ** digits`` microseconds; the rest is cut off."""
    whole, _, fraction = text.partition(".")
    if not _INT.fullmatch(whole) or (fraction and not fraction.isdecimal()):
        raise ValueError(text)
    return instant_of(int(whole + (fraction + "0" * digits)[:digits]))


def value_of(value: Value, form: ValueForm, row: Row, tables: Tables) -> JsonValue:
    """Return what is said for a row; ``None`` where there is nothing to say.

    Raises:
        InvalidInputError: the column holds something else, or what its table does not have.
    """
    if value.column is None:
        return value.value
    column = parse_column(value.column)
    found = column.of(row)
    if found is None:
        return value.default
    if value.translate is not None:
        table = tables[value.translate]
        text = text_of(column, found)
        if text not in table and OTHERWISE not in table:
            raise InvalidInputError(
                f"{text[:64]!r} is not in the table {value.translate}",
                where=f"column {column.text}",
                hint=f"Add it to the table, or a row {OTHERWISE!r} for all others.",
            )
        return table.get(text, table.get(OTHERWISE))
    try:
        read = _read(column, found, form, value)
        check_value(read)
    except (ValueError, OverflowError, msgspec.DecodeError) as error:
        raise InvalidInputError(
            f"{str(found)[:64]!r} is no {form.value}",
            where=f"column {column.text}",
            hint="What fits no property of the type goes into custom, as text.",
        ) from error
    except InvalidInputError as error:
        place = f"column {column.text}"
        raise error if error.where.startswith(place) else error.at(place) from error
    return read


def _read(column: Column, found: JsonValue, form: ValueForm, value: Value) -> JsonValue:
    match form:
        case ValueForm.TIME:
            written = (value.format or TimeForm.RFC3339, value.pattern, value.zone or "UTC")
            moment = _time(column, found, written)
            return format_instant(instant_us(moment))
        case ValueForm.JSON:
            return _boxed(msgspec.json.decode(found) if isinstance(found, str) else found)
        case ValueForm.LIST:
            return {"items": list_of(column, found, value.separator)}
        case ValueForm.TEXT:
            return text_of(column, found)
        case ValueForm.INT | ValueForm.FLOAT | ValueForm.BOOL:
            return _READERS[form](text_of(column, found).strip())


def _int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _bool(text: str) -> bool:
    if text.lower() not in _BOOLS:
        raise ValueError(text)
    return _BOOLS[text.lower()]


_READERS: Final[dict[ValueForm, Callable[[str], JsonValue]]] = {
    ValueForm.INT: _int,
    ValueForm.FLOAT: _float,
    ValueForm.BOOL: _bool,
}


def _boxed(value: JsonValue) -> JsonValue:
    """Return a value as an object: a list stands inside one."""
    if isinstance(value, list):
        return {"items": value}
    if isinstance(value, dict):
        return value
    raise ValueError(str(value))


def list_of(column: Column, found: JsonValue, separator: str) -> list[JsonValue]:
    """Return the items of a column: of a list, or of a text that is split; empty ones are left."""
    if isinstance(found, list):
        return found
    return [item.strip() for item in text_of(column, found).split(separator) if item.strip()]
