"""Instants: whatever is taken in can be written out again."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant, instant_of, instant_us, parse_instant

OFFSETS = st.integers(min_value=-1439, max_value=1439).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)


@given(st.datetimes(timezones=OFFSETS))
def test_a_moment_is_read_back_as_it_was_or_is_said_to_be_out_of_range(moment: datetime) -> None:
    try:
        there = moment.astimezone(UTC)
    except OverflowError:
        with pytest.raises(InvalidInputError, match="years 1 to 9999"):
            instant_us(moment)
        return
    assert instant_of(instant_us(moment)) == there
    assert parse_instant(format_instant(instant_us(moment))) == instant_us(moment)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-00:01"])
def test_a_time_that_its_offset_carries_over_the_end_is_none(text: str) -> None:
    with pytest.raises(InvalidInputError, match="write it in UTC"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_moment_are_times(text: str) -> None:
    assert parse_instant(format_instant(parse_instant(text))) == parse_instant(text)
