"""Refusals are counted within bounds, and what fails is left alone for a while."""

from doubles import NOON_US, FakeClock
from lineage.access.denials import (
    DENIALS_EACH_MAX,
    DENIALS_EVERY_US,
    DENIALS_MAX,
    DENIALS_RETRY_US_MAX,
    OTHERS,
    Denial,
    Denials,
)
from lineage.ledger import Principal

EVE = Principal("eve")


def denial(number: int, who: Principal = EVE) -> Denial:
    return Denial(who, "http", "read", f"namespace {number}")


def test_one_principal_cannot_fill_it_and_everything_is_counted() -> None:
    denials = Denials(FakeClock())
    for number in range(10 * DENIALS_MAX):
        denials.count(denial(number))
    denials.count(denial(1))
    denials.count(denial(1, Principal("ada")))
    counted = denials.take()
    assert len(counted) == DENIALS_EACH_MAX + 2
    assert sum(counted.values()) == 10 * DENIALS_MAX + 2
    assert counted[denial(1)] == 2
    assert counted[Denial(EVE, "http", "read", OTHERS)] == 10 * DENIALS_MAX - DENIALS_EACH_MAX
    assert denials.take() == {}


def test_many_principals_cannot_either() -> None:
    denials = Denials(FakeClock())
    for number in range(2 * DENIALS_MAX):
        denials.count(denial(1, Principal(f"principal {number}")))
    counted = denials.take()
    assert len(counted) == DENIALS_MAX + 1
    assert counted[Denial(Principal(OTHERS), "http", "read", OTHERS)] == DENIALS_MAX


def test_a_principal_is_the_same_by_each_of_its_keys() -> None:
    denials = Denials(FakeClock())
    for key in ("", "a", "b"):
        denials.count(denial(1, Principal("eve", key=key, groups=frozenset({key}))))
    assert denials.take() == {denial(1): 3}


def test_what_was_not_written_is_counted_on() -> None:
    denials = Denials(FakeClock())
    denials.count(denial(1))
    denials.count(denial(2))
    counted = denials.take()
    del counted[denial(2)]
    denials.count(denial(1))
    denials.done(counted, failed=True)
    assert denials.take() == {denial(1): 2}


def test_it_is_due_once_a_second_and_after_failures_ever_more_rarely() -> None:
    clock = FakeClock(NOON_US, 0)
    denials = Denials(clock)
    assert not denials.is_due()
    denials.count(denial(1))
    assert denials.is_due()
    waits = []
    for _ in range(12):
        denials.done(denials.take(), failed=True)
        waits.append(waited(denials, clock))
    assert waits[:4] == [DENIALS_EVERY_US * 2**exponent for exponent in (1, 2, 3, 4)]
    assert waits[-1] == DENIALS_RETRY_US_MAX
    denials.take()
    denials.done({}, failed=False)
    denials.count(denial(1))
    assert waited(denials, clock) == DENIALS_EVERY_US
    denials.take()
    denials.count(denial(1))
    clock.turn_back(10 * DENIALS_RETRY_US_MAX)
    assert denials.is_due()


def waited(denials: Denials, clock: FakeClock) -> int:
    """Let time pass until it is due, and return how much that was."""
    began = clock.now_us
    while not denials.is_due():
        clock.now_us += DENIALS_EVERY_US
    return clock.now_us - began
