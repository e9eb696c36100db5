"""The order in which observations arrive decides no answer: in any store, asked either way."""

from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from canonical import canonical_graph
from every_question import Asked, asked_things, valid_times
from every_store import Place, every_store, in_memory
from lineage.ledger import (
    CommonQuery,
    ConflictQuery,
    CyclesQuery,
    Direction,
    ImpactQuery,
    Ledger,
    OrphansQuery,
    PathsQuery,
    Statement,
    TraceQuery,
    WhyQuery,
)
from lineage_schemas.graph import LineageAnswer, Node
from lineage_schemas.paths import Path
from oracle import Name
from strategies import batch_sizes, cut, histories, lineage_records, observed_records
from trace_answers import depths_of, edges_of

THERE, BACK = "there", "back"
STORIES = histories(st.one_of(lineage_records(), lineage_records(), observed_records()), 10)


class Orders(NamedTuple):
    """A history twice, the second time in another order; how each is cut into batches."""

    first: list[Statement]
    second: list[Statement]
    sizes: list[int]
    others: list[int]


@st.composite
def orders(draw: st.DrawFn) -> Orders:
    history = draw(STORIES)
    return Orders(history, draw(st.permutations(history)), draw(batch_sizes()), draw(batch_sizes()))


@settings(max_examples=6, phases=[Phase.explicit, Phase.generate])
@given(told=orders(), asked=asked_things(), valid=valid_times())
def test_any_order_of_arrival_gives_the_same_answers_in_every_store_both_ways(
    told: Orders, asked: Asked, valid: dict[str, Any]
) -> None:
    with every_store() as places:
        check_orders(places, told, asked, valid)


@settings(max_examples=30)
@given(told=orders(), asked=asked_things(), valid=valid_times())
def test_any_order_of_arrival_gives_the_same_answers(
    told: Orders, asked: Asked, valid: dict[str, Any]
) -> None:
    with in_memory() as place:
        check_orders([place], told, asked, valid)


@pytest.mark.long
@settings(max_examples=300)
@given(told=orders(), asked=asked_things(), valid=valid_times())
def test_any_order_of_arrival_gives_the_same_answers_in_every_store_for_long(
    told: Orders, asked: Asked, valid: dict[str, Any]
) -> None:
    with every_store() as places:
        check_orders(places, told, asked, valid)


def check_orders(places: list[Place], told: Orders, asked: Asked, valid: dict[str, Any]) -> None:
    """Tell all places both orders, each in a namespace of its own, and ask the same of each."""
    for place in places:
        for batch in cut(told.first, told.sizes):
            place.hears(lambda ledger: ledger.record(batch, namespace=THERE))  # noqa: B023 - at once
        for batch in cut(told.second, told.others):
            place.hears(lambda ledger: ledger.record(batch, namespace=BACK))  # noqa: B023 - at once
    graphs = [canonical_graph(one.ledger, name) for one in places for name in (THERE, BACK)]
    assert graphs == graphs[:1] * len(graphs)
    ways = [way for place in places for way in place.ways()]
    expected = by_keys(ways[0][1], asked, {**valid, "namespace": THERE})
    for way, ledger in ways:
        for namespace in (THERE, BACK):
            found = by_keys(ledger, asked, {**valid, "namespace": namespace})
            assert found == expected, (way, namespace)


def by_keys(ledger: Ledger, asked: Asked, where: dict[str, Any]) -> dict[str, object]:
    """Return what is answered without ids, positions, and the order that ids decide."""
    graph, start = ledger.graph, (asked.one,)
    walk = TraceQuery(start=start, direction=asked.direction, cross=asked.cross)
    upstream = CommonQuery(start=(asked.one, asked.other), cross=asked.cross)
    impact = graph.impact(ImpactQuery(start=start, cross=asked.cross, listed=100), **where)
    paths = PathsQuery(start=asked.one, end=asked.other, cross=asked.cross, count=1_000)
    cycles = graph.cycles(CyclesQuery(), **where)
    orphans = graph.orphans(OrphansQuery(without=asked.without, cross=asked.cross), **where)
    place = {"namespace": where["namespace"]}
    why = ledger.linking.why(WhyQuery(one=asked.one, other=asked.other), **place)
    conflicts = ledger.linking.conflicts(ConflictQuery(), **place).conflicts
    return {
        "trace": _trace(graph.trace(walk, **where)),
        "common": {
            _name(one.node): (one.depths, one.nearest)
            for one in graph.common(upstream, **where).common
        },
        "impact": {
            (group.type, _name(one)): one.depth for group in impact.groups for one in group.nearest
        },
        "things": impact.things,
        "paths": sorted(map(_path, graph.paths(paths, **where).paths)),
        "knots": {(frozenset(map(_name, one.nodes)), one.cycle.length) for one in cycles.knots},
        "orphans": set(map(_name, orphans.nodes)),
        "why": (why.relation, why.link_class, len(why.steps)),
        "conflicts": sorted((one.kind, one.about) for one in conflicts),
    }


def _name(node: Node) -> Name:
    assert node.kind is not None
    return node.kind, str(node.key)


def _path(path: Path) -> tuple[Direction, int, int]:
    """Of chains of links that are as short, ids decide which one shows: not how long it is."""
    return path.direction, path.length, len(path.steps)


def _trace(answer: LineageAnswer) -> object:
    keys = {(node.kind, node.id): str(node.key) for node in answer.nodes}
    return (
        depths_of(answer),
        edges_of(answer),
        {
            frozenset(keys.get((one.kind, member)) for member in one.members)
            for one in answer.entities
        },
        {(keys[one.kind, one.node], one.identifier, one.link_class) for one in answer.links},
        (answer.stubs, answer.unresolved, answer.undated, answer.unknown, answer.not_begun),
    )
