"""What has the same content as what, against all pairs of claims."""

from hypothesis import given
from hypothesis import strategies as st

from lineage.graph.alike import Alike, AlikeClaim
from lineage.graph.ordering import order_steps

THINGS = 5
CLAIMS = st.lists(
    st.builds(
        AlikeClaim,
        st.integers(0, THINGS - 1),
        st.integers(0, 2),
        st.booleans(),
        st.integers(0, 2),
    ),
    max_size=12,
    unique=True,
)
GROUPED = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, THINGS - 1)), max_size=5, unique=True
)


def naively(claims: list[AlikeClaim], thing: int) -> set[int]:
    """Return what pairs of claims say has the same content as a thing."""
    return {
        far.thing
        for near in claims
        for far in claims
        if near.thing == thing != far.thing
        and near.identifier == far.identifier
        and (near.by_content or far.by_content)
        and not (near.by_content and far.by_content and near.source == far.source)
    }


@given(claims=CLAIMS, some=st.sets(st.integers(0, THINGS - 1)), count=st.integers(1, THINGS))
def test_things_are_alike_as_pairs_of_claims_say(
    claims: list[AlikeClaim], some: set[int], count: int
) -> None:
    alike = Alike(claims)
    same = {thing: naively(claims, thing) for thing in range(THINGS)}
    assert alike.to(some) == {thing for thing in same if same[thing] & some}
    for thing, others in same.items():
        assert alike.first(thing, count) == sorted(others)[:count]


@given(claims=CLAIMS, ones=GROUPED, others=GROUPED)
def test_a_group_has_alike_things_on_both_of_its_sides(
    claims: list[AlikeClaim], ones: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    expected = {
        group
        for group, thing in ones
        for other_group, other in others
        if group == other_group and other in naively(claims, thing)
    }
    assert Alike(claims).groups_of(ones, others) == expected


PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=8, unique=True)


@given(pairs=PAIRS)
def test_points_between_steps_change_no_order(pairs: list[tuple[int, int]]) -> None:
    through = [
        step
        for number, (one, other) in enumerate(pairs)
        for step in ((one, 100 + number), (100 + number, other))
    ]
    assert order_steps(range(5), through) == order_steps(range(5), pairs)
