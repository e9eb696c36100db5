"""A source is looked at by a beat that does not drift, and left alone while it is down."""

import logging
from collections.abc import Callable
from itertools import pairwise

import pytest

from lineage.connectors.transport import SourceSlowError, SourceUnreachableError
from lineage.importing.importer import Tally
from lineage_api.looking import PAUSE_SECONDS_MAX, Beat, StoppedError, Watch
from lineage_schemas.errors import ForbiddenError, LedgerError, StoreBusyError, StoreFullError

MINUTE = 60
HOUR = 3_600


class Day:
    """A day in which nothing takes time but what says so; it ends the watch after some hours."""

    def __init__(self, hours: float) -> None:
        self.now = 1_000.0
        self.began = self.now
        self.end = self.now + hours * HOUR
        self.looks: list[tuple[float, bool]] = []
        self.takes: Callable[[float], float] = lambda _: 0.0
        self.fails: Callable[[float], LedgerError | None] = lambda _: None

    def steady(self) -> int:
        return round(self.now * 1_000_000)

    def wait(self, seconds: float) -> bool:
        assert seconds >= 0
        self.now += seconds
        return self.now > self.end

    def look(self, is_whole: bool) -> Tally:  # noqa: FBT001 - as it is called
        at = self.now - self.began
        self.looks.append((at, is_whole))
        self.now += self.takes(at)
        if error := self.fails(at):
            raise error
        return Tally(there={"run": 3}, here={"run": 3}, appended=1)

    def watch(self, beat: Beat) -> Watch:
        watch = Watch(self.look, beat, self.wait, self.steady)
        watch.run()
        return watch

    def times(self) -> list[float]:
        return [round(at, 6) for at, _ in self.looks]


def test_it_looks_at_its_beat_and_now_and_then_at_all_of_it() -> None:
    day = Day(hours=1)
    health = day.watch(Beat(10 * MINUTE, 30 * MINUTE)).health
    assert day.looks == [
        (0, True),
        (600, False),
        (1_200, False),
        (1_800, True),
        (2_400, False),
        (3_000, False),
        (3_600, True),
    ]
    assert (health.looks, health.whole_looks, health.appended) == (7, 3, 7)


def test_looks_that_take_time_do_not_move_the_beat() -> None:
    day = Day(hours=0.1)
    day.takes = lambda at: 0.37 + (at % 7)
    day.watch(Beat(MINUTE, HOUR))
    assert day.times() == [0, 60, 120, 180, 240, 300, 360]


def test_a_look_longer_than_the_beat_leaves_beats_out() -> None:
    day = Day(hours=0.15)
    day.takes = lambda at: 150 if at == 60 else 0
    day.watch(Beat(MINUTE, HOUR))
    assert day.times() == [0, 60, 240, 300, 360, 420, 480, 540]


def test_a_long_whole_look_does_not_make_every_look_a_whole_one() -> None:
    day = Day(hours=4)
    day.takes = lambda _: 90 * MINUTE if day.looks[-1][1] else 0
    day.watch(Beat(30 * MINUTE, HOUR))
    assert day.looks == [(0, True), (5_400 + 1_800, True), (14_400, True)]


@pytest.mark.parametrize("error", [SourceUnreachableError("Gone"), SourceSlowError("Slow")])
def test_a_source_that_is_down_is_asked_less_and_less_and_told_once(
    caplog: pytest.LogCaptureFixture, error: LedgerError
) -> None:
    day = Day(hours=2)
    day.fails = lambda at: error if 60 <= at < 5_000 else None
    with caplog.at_level(logging.INFO):
        health = day.watch(Beat(MINUTE, HOUR)).health
    down = [at for at in day.times() if 60 <= at < 5_060]
    pauses = [later - at for at, later in pairwise(down)]
    assert pauses[:4] == [60, 120, 240, 480]
    assert set(pauses[4:]) == {PAUSE_SECONDS_MAX}
    assert sum("cannot be looked at" in one.message for one in caplog.records) == 1
    assert sum("can be looked at again" in one.message for one in caplog.records) == 1
    back = next(at for at in day.times() if at >= 5_000)
    assert (back, True) in day.looks  # the whole look that was due meanwhile
    after = [at - back for at in day.times() if at >= back]
    assert after[:3] == [0, 60, 120]
    assert health.failures == len([at for at in down if at < 5_000])
    assert health.failures_in_a_row == 0


def test_a_slow_beat_is_not_made_faster_by_failing() -> None:
    day = Day(hours=8)
    day.fails = lambda _: SourceUnreachableError("Gone")
    day.watch(Beat(HOUR, HOUR))
    assert day.times() == [0, 3_600, 7_200, 10_800, 14_400, 18_000, 21_600, 25_200, 28_800]


def test_a_busy_ledger_ends_a_look_and_no_watch() -> None:
    day = Day(hours=0.05)
    day.fails = lambda at: StoreBusyError("Another writer") if at == 0 else None
    assert day.watch(Beat(MINUTE, HOUR)).health.looks == 3


@pytest.mark.parametrize("error", [StoreFullError("No room"), ForbiddenError("Not you")])
def test_what_no_later_look_can_mend_ends_the_watch(error: LedgerError) -> None:
    day = Day(hours=1)
    day.fails = lambda _: error
    with pytest.raises(type(error)):
        day.watch(Beat(MINUTE, HOUR))
    assert day.times() == [0]


def test_a_look_can_be_stopped_in_the_middle() -> None:
    day = Day(hours=1)

    def stopped(_: bool) -> Tally:  # noqa: FBT001 - as it is called
        raise StoppedError

    watch = Watch(stopped, Beat(MINUTE, HOUR), day.wait, day.steady)
    watch.run()
    assert watch.health.looks == watch.health.failures == 0
