"""What one caller may use at a time, against a definition that remembers everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from doubles import FakeClock
from lineage_api.identity.gate import address_of
from lineage_api.identity.limits import Buckets, Occupancy, neighbourhood
from lineage_schemas.errors import RateLimitedError

SECOND_US = 1_000_000


def waits(buckets: Buckets, name: str, count: int) -> list[float]:
    return [buckets.take(name) for _ in range(count)]


def test_a_burst_and_then_the_rate() -> None:
    clock = FakeClock(step_us=0)
    buckets = Buckets(2, 3, clock)
    assert waits(buckets, "ada", 5) == [0, 0, 0, 0.5, 0.5]
    clock.now_us += SECOND_US // 4
    assert buckets.take("ada") == 0.25
    clock.now_us += SECOND_US // 4
    assert waits(buckets, "ada", 2) == [0, 0.5]
    clock.now_us += 100 * SECOND_US
    assert waits(buckets, "ada", 4) == [0, 0, 0, 0.5]


def test_everybody_has_a_bucket_of_their_own() -> None:
    buckets = Buckets(1, 1, FakeClock(step_us=0))
    assert (buckets.take("ada"), buckets.take("ada"), buckets.take("bob")) == (0, 1, 0)


def test_what_was_not_used_is_given_back() -> None:
    buckets = Buckets(1, 2, FakeClock(step_us=0))
    assert waits(buckets, "ada", 3) == [0, 0, 1]
    buckets.give_back("ada")
    assert waits(buckets, "ada", 2) == [0, 1]
    for _ in range(9):
        buckets.give_back("ada")
    assert waits(buckets, "ada", 3) == [0, 0, 1]


def test_a_rate_of_nothing_is_no_limit_and_remembers_nobody() -> None:
    buckets = Buckets(0, 1, FakeClock(step_us=0))
    assert waits(buckets, "ada", 1_000) == [0] * 1_000
    buckets.give_back("ada")
    assert len(buckets) == 0


def test_a_clock_that_runs_backwards_gives_nothing_away() -> None:
    clock = FakeClock(step_us=0)
    buckets = Buckets(1, 1, clock)
    assert waits(buckets, "ada", 2) == [0, 1]
    clock.turn_back(10 * SECOND_US)
    assert buckets.take("ada") == 1


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(1, 4))
def test_no_more_names_are_remembered_than_may_be(names: list[str], names_max: int) -> None:
    buckets = Buckets(1, 1, FakeClock(step_us=0), names_max)
    recent: list[str] = []
    for name in names:
        taken = buckets.take(name) == 0
        assert taken is (name not in recent)
        recent = [*(one for one in recent if one != name), name][-names_max:]
        assert len(buckets) == len(recent)


@given(
    st.lists(st.integers(0, 3 * SECOND_US), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(1, 8),
)
def test_a_bucket_lets_through_what_its_definition_does(
    pauses: list[int], rate: int, burst: int
) -> None:
    """In every stretch of time at most burst + rate * seconds, and never less than is due."""
    clock = FakeClock(step_us=0)
    buckets = Buckets(rate, burst, clock)
    level, let_in = float(burst), []
    for pause in pauses:
        clock.now_us += pause
        level = min(burst, level + rate * pause / SECOND_US)
        wait = buckets.take("ada")
        assert (wait == 0) is (level >= 1 - 1e-9) or abs(level - 1) < 1e-9
        if wait == 0:
            level -= 1
            let_in.append(clock.now_us)
        else:
            assert wait == pytest.approx((1 - level) / rate, abs=1e-6)
    for first, begin in enumerate(let_in):
        for last, end in enumerate(let_in[first:], first):
            assert last - first + 1 <= burst + rate * (end - begin) / SECOND_US + 1e-6


# --- at once -------------------------------------------------------------------------------------


def test_so_many_requests_at_once() -> None:
    occupancy = Occupancy(2, 0)
    occupancy.enter("ada")
    occupancy.enter("ada")
    with pytest.raises(RateLimitedError, match="2 requests"):
        occupancy.enter("ada")
    occupancy.enter("bob")
    occupancy.leave("ada", 0)
    occupancy.enter("ada")
    for name in ("ada", "ada", "bob"):
        occupancy.leave(name, 0)
    assert len(occupancy) == 0


def test_so_many_bytes_at_once() -> None:
    occupancy = Occupancy(0, 100)
    occupancy.enter("ada")
    occupancy.enter("ada")
    occupancy.add("ada", 60)
    occupancy.add("ada", 40)
    with pytest.raises(RateLimitedError, match="100 bytes"):
        occupancy.add("ada", 1)
    occupancy.leave("ada", 61)
    occupancy.add("ada", 60)
    occupancy.leave("ada", 100)
    assert len(occupancy) == 0


@pytest.mark.parametrize(
    ("address", "stands_for"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unix", "unknown"),
        ("", "unknown"),
        ("evil\r\n", "unknown"),
        ("192.0.2.1:5678", "192.0.2.1"),
        ("[2001:db8:1:2:3::1]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("[::ffff:192.0.2.1]:1", "192.0.2.1"),
        ("[fe80::1%eth0]:1", "fe80::/64"),
        ("192.0.2.1:5678:9", "unknown"),
        (":5678", "unknown"),
        ("[", "unknown"),
    ],
)
def test_what_stands_for_an_address(address: str, stands_for: str) -> None:
    assert neighbourhood(address) == stands_for


def test_of_several_forwarded_addresses_the_last_is_our_proxys_word() -> None:
    lines = [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"192.0.2.2, 192.0.2.3")]
    scope = {"type": "http", "headers": lines, "client": ("192.0.2.9", 1)}
    headers = Headers(scope=scope)
    assert address_of(scope, headers, behind_proxy=True) == "192.0.2.3"
    assert address_of(scope, headers, behind_proxy=False) == "192.0.2.9"
    none = Headers({})
    assert address_of(scope, none, behind_proxy=True) == "192.0.2.9"
    assert address_of({"type": "http"}, none, behind_proxy=True) == "unknown"
