"""Callers take turns, and leave room for each other."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from lineage_api.queueing import TurnQueue


class Job(Struct, frozen=True):
    who: str
    number: int = 0
    length: int = 1
    bytes: int = 0


def queue(*, length_max: int = 100, bytes_max: int = 10_000, shared: bool = True) -> TurnQueue[Job]:
    return TurnQueue(length_max=length_max, bytes_max=bytes_max, shared=shared)


def fits(waiting: TurnQueue[Job], job: Job) -> bool:
    """Put a job in, where it may."""
    if waiting.is_full_for(job) or waiting.is_over_share(job):
        return False
    waiting.put(job)
    return True


def fill(waiting: TurnQueue[Job], *callers: str) -> Counter[str]:
    """Let callers put in as much as they may, turn by turn; return how much each has."""
    held: Counter[str] = Counter()
    while put := [who for who in callers if fits(waiting, Job(who))]:
        held.update(put)
    return held


def test_one_caller_fills_half_two_a_third_each_and_so_on() -> None:
    assert fill(queue(), "a") == {"a": 50}
    assert fill(queue(length_max=99), "a", "b") == {"a": 33, "b": 33}
    assert fill(queue(), *"abcd") == dict.fromkeys("abcd", 20)


def test_a_newcomer_finds_room_however_greedy_the_others_are() -> None:
    waiting = queue()
    held = [fill(waiting, who)[who] for who in "abcde"]
    assert held == [50, 25, 12, 6, 3]
    assert fits(waiting, Job("newcomer"))


def test_bytes_are_shared_too() -> None:
    waiting = queue()
    assert fits(waiting, Job("a", bytes=4_000))
    assert not fits(waiting, Job("a", bytes=2_000))
    assert fits(waiting, Job("b", bytes=6_000))
    assert not fits(waiting, Job("c", bytes=1))


def test_a_first_job_fits_however_large_it_is() -> None:
    waiting = queue()
    assert fits(waiting, Job("a", length=90, bytes=9_000))
    assert fits(waiting, Job("b", length=10, bytes=1_000))
    alone = queue()
    assert fits(alone, Job("a", length=1_000, bytes=1_000_000))


def test_unshared_there_is_one_room_for_all() -> None:
    assert fill(queue(shared=False), "a") == {"a": 100}


def test_turns() -> None:
    waiting = queue()
    for who, number in (("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("b", 2)):
        waiting.put(Job(who, number))
    taken = []
    while waiting:
        following = waiting.next()
        job = waiting.take()
        assert job is following
        taken.append(f"{job.who}{job.number}")
    assert taken == ["a1", "b1", "c1", "a2", "b2", "a3"]


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.builds(
                Job,
                who=st.sampled_from("abc"),
                number=st.integers(0, 9),
                length=st.integers(0, 60),
                bytes=st.integers(0, 6_000),
            ),
        ),
        max_size=60,
    ),
    st.booleans(),
)
def test_each_caller_is_served_in_its_own_order_and_nothing_is_lost(
    steps: list[Job | None],
    shared: bool,  # noqa: FBT001 - an example of hypothesis
) -> None:
    waiting = queue(shared=shared)
    expected: dict[str, list[Job]] = {}
    for step in steps:
        if step is None:
            if waiting:
                job = waiting.take()
                assert expected[job.who].pop(0) is job
        elif fits(waiting, step):
            expected.setdefault(step.who, []).append(step)
        left = [job for jobs in expected.values() for job in jobs]
        assert waiting.length == sum(job.length for job in left)
        assert waiting.bytes == sum(job.bytes for job in left)
        assert sorted(map(id, waiting)) == sorted(map(id, left))
        assert bool(waiting) is bool(left)
