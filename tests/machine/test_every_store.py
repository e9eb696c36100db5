"""Every question of any history, erasures included, has one answer: in every store, both ways."""

from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from erased_histories import STORIES, Happened, Step, happen
from every_question import Asked, Times, answers, asked_things, valid_times
from every_store import Place, every_store, in_memory
from lineage.ledger import (
    CommonQuery,
    CyclesQuery,
    Direction,
    ImpactQuery,
    Ledger,
    OrphansQuery,
    PathsQuery,
    TraceQuery,
)
from lineage.questions.trace import DEPTH_MAX
from oracle_shapes import memberships
from path_answers import check_paths
from shape_answers import check_common, check_impact, check_knots, check_orphans, orphan_pages
from trace_answers import check_whole, depths_of, restored, starts_of


class Round(NamedTuple):
    """What is asked, of which stated time, between which steps as counted from the last one."""

    asked: Asked
    valid: dict[str, Any]
    since: int
    until: int

    def times(self, sizes: list[int]) -> Times:
        """Return the times that are meant in a ledger that had these sizes between its steps."""
        earlier, size = sorted(sizes[-1 - last % len(sizes)] for last in (self.since, self.until))
        return Times(size, earlier, **self.valid)


STEPS = st.integers(0, 9)
ROUNDS = st.lists(
    st.builds(Round, asked_things(), valid_times(), STEPS, STEPS), min_size=3, max_size=3
)


@settings(max_examples=6, phases=[Phase.explicit, Phase.generate])
@given(story=STORIES, rounds=ROUNDS)
def test_every_question_has_one_answer_in_every_store_both_ways(
    story: list[Step], rounds: list[Round]
) -> None:
    with every_store() as places:
        check_story(places, story, rounds)


@settings(max_examples=30)
@given(story=STORIES, rounds=ROUNDS)
def test_every_question_has_one_answer_in_memory_both_ways(
    story: list[Step], rounds: list[Round]
) -> None:
    with in_memory() as place:
        check_story([place], story, rounds)


@pytest.mark.long
@settings(max_examples=300)
@given(story=STORIES, rounds=ROUNDS)
def test_every_question_has_one_answer_in_every_store_both_ways_for_long(
    story: list[Step], rounds: list[Round]
) -> None:
    with every_store() as places:
        check_story(places, story, rounds)


def check_story(places: list[Place], story: list[Step], rounds: list[Round]) -> None:
    """Ask one and the same of all, and hold the first of them against the oracles."""
    told = [happen(story, place) for place in places]
    heads = [place.ledger.head() for place in places]
    assert heads == heads[:1] * len(places)
    (_, first), *others = [way for place in places for way in place.ways()]
    for one in rounds:
        times = one.times(told[0].sizes)
        check_oracles(first, told[0], one.asked, times)
        expected = dict(answers(first, one.asked, times))
        for name, ledger in others:
            for question, answer in answers(ledger, one.asked, times):
                assert answer == expected[question], (question, name)


def check_oracles(ledger: Ledger, told: Happened, asked: Asked, times: Times) -> None:
    """Hold one ledger against oracles that were told what is still there."""
    graph, keys = told.graph(times.size), told.keys
    for depth in (DEPTH_MAX, asked.depth):
        check_trace(ledger, told, asked, times, depth)
    paths = PathsQuery(start=asked.one, end=asked.other, cross=asked.cross, count=asked.page)
    check_paths(graph, keys, paths, ledger.graph.paths(paths, as_of=times.size))
    for way in (Direction.UPSTREAM, Direction.DOWNSTREAM):
        common = CommonQuery(start=(asked.one, asked.other), direction=way, cross=asked.cross)
        check_common(graph, keys, common, ledger.graph.common(common, as_of=times.size))
    impact = ImpactQuery(start=(asked.one,), cross=asked.cross, listed=100)
    check_impact(graph, keys, impact, ledger.graph.impact(impact, as_of=times.size))
    orphans = OrphansQuery(without=asked.without, cross=asked.cross, count=asked.page)
    pages = orphan_pages(
        ledger.graph.orphans(orphans, as_of=times.size), ledger.graph.orphans, orphans
    )
    check_orphans(graph, keys, memberships(told.statements(times.size)), orphans, pages)
    for entities in (True, False):
        cycles = ledger.graph.cycles(CyclesQuery(entities=entities), as_of=times.size)
        check_knots(graph, keys, cycles, entities=entities)


def check_trace(ledger: Ledger, told: Happened, asked: Asked, times: Times, depth: int) -> None:
    """Compare a trace of both times, and what it says is erased of what it shows."""
    query = TraceQuery(
        start=(asked.one,), direction=asked.direction, cross=asked.cross, depth=depth
    )
    graph = told.graph(times.size, times.interval)
    answer = ledger.graph.trace(query, **times.both)
    shown = restored(answer, told.keys)
    starts = starts_of(told.graph(times.size), query) & graph.nodes
    check_whole(graph, told.keys, query, shown, starts)
    redacted = told.redacted(times.size, set(depths_of(shown)))
    assert {one.position for one in answer.redactions} == redacted
    assert answer.basis.redactions == len(redacted)
