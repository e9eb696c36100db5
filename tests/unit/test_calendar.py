"""Serving intervals against a calendar made by hand, and against a simulation hour by hour."""

from itertools import combinations, pairwise, product
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendars import DAWN, hour, hours_of, moves_in, rows_of, serving_at, table_of
from lineage.serving.calendar import Interval, ToldMove, fold_moves
from lineage.valid_time import ValidTime
from lineage_schemas.instants import instant_us
from lineage_schemas.serving import Certainty, Role, ServingAction, ServingMove

# Made by hand, told out of order: "blue" and "green" are two clusters of one service.
MOVES = """
30   blue    deploy  c
0    blue    deploy  a            share=1
10   blue    deploy  b            role=challenger share=0.1 beside
20   blue    change  b            role=champion share=1
20   blue    change  a            role=challenger share=0
25   blue    remove  a
40   blue    deploy  b            rollback trigger=ops:inc-1
15   blue    deploy  s            role=shadow
50   blue    remove  *
60   blue    deploy  d            after=58
70   blue    remove  d            after=66
5    green   deploy  a
12   green   deploy  n            role=canary share=0.05
14   green   change  n            share=0.5
16   green   remove  n            rollback
30   green   deploy  x            beside share=0.5
8    green   deploy  a
33   lone    remove  z            after=31
35   lone    deploy  y
35   lone    remove  y
"""

INTERVALS = """
blue  a champion   1    0     20   changed
blue  b challenger 0.1  10    20   changed
blue  s shadow     -    15    50   removed
blue  a challenger 0    20    25   removed
blue  b champion   1    20    30   replaced
blue  c champion   -    30    40   rolled_back
blue  b champion   -    40    50   removed      rollback trigger=ops:inc-1
blue  d champion   -    (58 60 (66 70 removed
green a champion   -    5     -    -
green n canary     0.05 12    14   changed
green n canary     0.5  14    16   rolled_back
green x champion   0.5  30    -    -
lone  z champion   -    -     (31 33 removed
lone  y champion   -    35    35   removed
"""


def test_the_calendar_is_the_one_made_by_hand() -> None:
    assert rows_of(fold_moves(moves_in(MOVES)).intervals) == table_of(INTERVALS)


BOUNDARIES = """
-1    -
0     blue/a
4     blue/a
5     blue/a green/a
9     blue/a green/a
10    blue/a blue/b green/a
15    blue/a blue/b blue/s green/a green/n
19    blue/a blue/b blue/s green/a
20    blue/a blue/b blue/s green/a
24    blue/a blue/b blue/s green/a
25    blue/b blue/s green/a
29    blue/b blue/s green/a
30    blue/c blue/s green/a green/x
39    blue/c blue/s green/a green/x
40    blue/b blue/s green/a green/x
49    blue/b blue/s green/a green/x
50    green/a green/x
58    green/a green/x
59    green/a green/x blue/d?
60    blue/d green/a green/x
66    blue/d green/a green/x
69    blue/d? green/a green/x
70    green/a green/x
"""


@pytest.mark.parametrize("line", table_of(BOUNDARIES))
def test_who_served_at_each_boundary_and_just_before(line: str) -> None:
    at, *names = line.split()
    moment = hour(at)
    assert moment is not None
    calendar = fold_moves(moves_in(MOVES))
    served = serving_at(calendar, instant_us(moment))
    found = {
        deployment.removeprefix("acme:") + ("" if certainty == "certain" else "?")
        for _, deployment, _, _, certainty in served
        if not deployment.startswith("acme:lone")
    }
    assert found == set(names) - {"-"}


def test_every_boundary_is_half_open_to_the_microsecond() -> None:
    for one in fold_moves(moves_in(MOVES)).intervals:
        if one.start_us is not None and one.start_us != one.end_us:
            assert one.certainty_at(one.start_us) is Certainty.CERTAIN
            before = one.certainty_at(one.start_us - 1)
            assert before is (Certainty.POSSIBLE if one.start_after_us is not None else None)
        if one.end_us is not None:
            assert one.certainty_at(one.end_us) is None
        if one.start_us is None and one.end_us is not None:
            assert one.certainty_at(one.end_us - 1) is Certainty.POSSIBLE


def test_a_bound_itself_is_surely_outside_and_after_an_end_bound_surely_inside() -> None:
    (one,) = fold_moves(moves_in("60 p deploy d after=58\n70 p remove d after=66")).intervals
    at = {text: instant_us(moment) for text in ("58", "66") if (moment := hour(text))}
    assert one.certainty_at(at["58"]) is None
    assert one.certainty_at(at["58"] + 1) is Certainty.POSSIBLE
    assert one.certainty_at(at["66"]) is Certainty.CERTAIN
    assert one.certainty_at(at["66"] + 1) is Certainty.POSSIBLE


def test_an_end_that_is_told_after_a_replacement_tells_nothing_new() -> None:
    found = fold_moves(moves_in("1 p deploy a\n5 p deploy b\n6 p remove a"))
    assert rows_of(found.intervals) == [
        "p a champion - 1 5 replaced",
        "p b champion - 5 - -",
    ]


def test_an_end_lies_no_earlier_than_the_start_it_ends() -> None:
    found = fold_moves(moves_in("10 p deploy a\n12 p deploy b after=8"))
    assert rows_of(found.intervals) == [
        "p a champion - 10 (10 12 replaced",
        "p b champion - (8 12 - -",
    ]


def test_two_trade_roles_at_one_moment_and_both_go_on() -> None:
    moves = """
    0 p deploy a
    0 p deploy b role=challenger
    5 p change b role=champion
    5 p change a role=challenger
    """
    assert rows_of(fold_moves(moves_in(moves)).intervals)[2:] == [
        "p a challenger - 5 - -",
        "p b champion - 5 - -",
    ]


def test_a_move_without_a_deployment_is_placed_nowhere_unless_it_ends_all() -> None:
    found = fold_moves(moves_in("1 p deploy *\n2 p change *\n3 p remove *"))
    assert found.intervals == ()
    assert [one.execution for one in found.unplaced] == ["acme:move/000", "acme:move/001"]


def test_an_interval_cites_the_entries_that_opened_and_closed_it() -> None:
    found = fold_moves(moves_in("5 p deploy b\n1 p deploy a\n9 p remove b"))
    assert [(one.positions, one.opened_by, one.closed_by) for one in found.intervals] == [
        ((0, 1), "acme:move/001", "acme:move/000"),
        ((0, 2), "acme:move/000", "acme:move/002"),
    ]


# --- a simulation --------------------------------------------------------------------------------

HOURS = 6
PLACES = ("acme:p", "acme:q")
NAMES = ("a", "b", "c")


class Shown(NamedTuple):
    role: Role
    share: float | None


MOVE = st.builds(
    ServingMove,
    action=st.sampled_from(ServingAction),
    at=st.integers(0, HOURS).map(lambda number: hour(str(number)) or DAWN),
    place=st.sampled_from(PLACES),
    deployment=st.sampled_from([*NAMES, None]),
    role=st.sampled_from([None, None, *Role]),
    traffic_ratio=st.sampled_from([None, None, 0.5, 1.0]),
    is_beside=st.booleans(),
    is_rollback=st.booleans(),
)
TOLD = st.lists(MOVE, max_size=12).map(
    lambda moves: [ToldMove(move, f"acme:e/{n:02}", "k8s", (n,)) for n, move in enumerate(moves)]
)


def order_in_an_hour(told: ToldMove, serving: dict[str, Shown], begins: set[str]) -> int:
    """Number the kinds of moves as the page on the registry lists them."""
    move = told.move
    late = move.deployment in begins and move.deployment not in serving
    if move.action is ServingAction.REMOVE:
        return 7 if late else 0
    if move.action is ServingAction.CHANGE:
        crowns = move.role is Role.CHAMPION
        return (6 if crowns else 5) if late else (2 if crowns else 1)
    return 4 if move.is_beside else 3


def simulate(told: list[ToldMove], place: str) -> tuple[list[dict[str, Shown]], set[str]]:
    """Return who serves in each hour, and who ended and was never said to begin."""
    serving: dict[str, Shown] = {}
    ever: set[str] = set()
    unbegun: set[str] = set()
    hours: list[dict[str, Shown]] = []
    for number in range(HOURS + 1):
        now = [one for one in told if one.move.place == place and one.move.at == hour(str(number))]
        begins = {
            one.move.deployment
            for one in now
            if one.move.deployment and one.move.action is ServingAction.DEPLOY
        }
        before = dict(serving)
        keyed = [(order_in_an_hour(one, before, begins), one.execution, one) for one in now]
        for _, _, one in sorted(keyed, key=lambda each: each[:2]):
            move, name = one.move, one.move.deployment
            if move.action is ServingAction.REMOVE:
                for gone in list(serving) if name is None else [name]:
                    if gone not in ever:
                        unbegun.add(gone)
                    serving.pop(gone, None)
                    ever.add(gone)
                continue
            if name is None:
                continue
            was = serving.get(name)
            role = move.role or (was.role if was else Role.CHAMPION)
            share = move.traffic_ratio
            if share is None and was is not None:
                share = was.share
            crowned = role is Role.CHAMPION and (was is None or was.role is not Role.CHAMPION)
            takes = move.action is ServingAction.DEPLOY or (crowned and move.role is Role.CHAMPION)
            if takes and not move.is_beside:
                for other in [one for one, shown in serving.items() if shown.role is role]:
                    del serving[other]
            serving[name] = Shown(role, share)
            ever.add(name)
        hours.append(dict(serving))
    return hours, unbegun


@given(TOLD)
def test_the_calendar_is_what_a_simulation_sees_hour_by_hour(told: list[ToldMove]) -> None:
    found = fold_moves(told).intervals
    for place in PLACES:
        hours, unbegun = simulate(told, place)
        own = [one for one in found if one.place == place]
        for number, expected in enumerate(hours):
            moment = hour(str(number))
            assert moment is not None
            there = [
                one for one in own if one.certainty_at(instant_us(moment)) is Certainty.CERTAIN
            ]
            shown = {one.deployment: Shown(one.role, one.traffic_ratio) for one in there}
            assert len(shown) == len(there)
            assert shown == expected
        assert {one.deployment for one in own if one.start_us is None} == unbegun


@given(TOLD.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_the_order_of_arrival_changes_nothing(
    orders: tuple[list[ToldMove], list[ToldMove]],
) -> None:
    told, shuffled = orders
    assert fold_moves(shuffled) == fold_moves(told)


@given(TOLD)
def test_what_happens_in_one_place_touches_no_other(told: list[ToldMove]) -> None:
    apart = [fold_moves(one for one in told if one.move.place == place) for place in PLACES]
    together = fold_moves(told)
    assert together.intervals == tuple(one for each in apart for one in each.intervals)


@given(TOLD)
def test_intervals_of_one_deployment_never_overlap_and_ends_have_reasons(
    told: list[ToldMove],
) -> None:
    by_name: dict[tuple[str, str], list[Interval]] = {}
    for one in fold_moves(told).intervals:
        assert (one.end_us is None) is (one.ending is None) is (one.closed_by is None)
        if one.start_us is not None:
            by_name.setdefault((one.place, one.deployment), []).append(one)
    for intervals in by_name.values():
        for before, after in pairwise(intervals):
            assert before.end_us is not None
            assert after.start_us is not None
            assert before.end_us <= after.start_us, hours_of(after.start_us)


def test_a_stretch_of_time_is_answered_as_the_best_of_all_its_moments() -> None:
    times = (None, *range(5))
    for start, start_after, end, end_after in product(times, repeat=4):
        if start is None and end is None:
            continue
        one = Interval(
            place="p",
            deployment="d",
            environment=None,
            role=Role.CHAMPION,
            traffic_ratio=None,
            start_us=start,
            start_after_us=start_after,
            end_us=end,
            end_after_us=end_after,
        )
        for begin, finish in combinations(range(-1, 7), 2):
            each = [one.certainty_at(moment) for moment in range(begin, finish)]
            best = next((sure for sure in ("certain", "possible") if sure in each), None)
            assert one.certainty_during(ValidTime(begin, finish)) == best
