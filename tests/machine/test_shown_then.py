"""What answers show of nodes at any two times, held against a fold of each field."""

from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from calendars import DAWN
from doubles import FakeClock, SeededRandomness
from lineage.exploring import When
from lineage.ledger import (
    Artifact,
    ArtifactState,
    Claim,
    CommonQuery,
    Direction,
    Event,
    EventKind,
    ImpactQuery,
    Kind,
    LinkClass,
    PathsQuery,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage_schemas.filters import Comparison, NodeFilter, PropertyTest
from lineage_schemas.graph import LineageAnswer, Node

START, MIDDLE, END, SAME = "acme:start", "acme:middle", "acme:end", "acme:same"
RUNS = ("acme:run/1", "acme:run/2")
DESCRIBED = (MIDDLE, END, SAME)
TYPES = ("lineage.Model", "lineage.DataSet")
STATES = list(ArtifactState)[1:]


class Told(NamedTuple):
    """What one source says of one node, at an hour or at none."""

    node: str
    source: str
    hour: int | None
    fields: dict[str, str | None]


Values = dict[str, str | None]

FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES),
        "state": st.sampled_from([state.value for state in STATES]),
        "name": st.sampled_from("mn"),
        "x": st.none() | st.sampled_from("12"),
    },
).filter(bool)
STORIES = st.lists(
    st.builds(
        Told,
        st.sampled_from(DESCRIBED),
        st.sampled_from("ci"),
        st.none() | st.integers(0, 4),
        FIELDS,
    ),
    max_size=12,
)
HOURS = st.integers(-1, 5)


def record(story: list[Told]) -> Ledger:
    """Tell of start, middle and end, one made of the other, and that the end has another name."""
    ledger = Ledger(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
    shape = [
        Event(artifact=key, execution=run, kind=kind)
        for run, ends in zip(RUNS, ((START, MIDDLE), (MIDDLE, END)), strict=True)
        for key, kind in zip(ends, (EventKind.INPUT, EventKind.OUTPUT), strict=True)
    ]
    same = Claim(kind=Kind.ARTIFACT, node=SAME, identifier=END, link_class=LinkClass.ASSERTED)
    ledger.record([Statement(id="shape", source="s", records=(*shape, same))])
    for number, (node, source, hour, fields) in enumerate(story):
        state = fields.get("state")
        told = Artifact(
            key=node,
            type=fields.get("type"),
            name=fields.get("name"),
            state=None if state is None else ArtifactState(state),
            custom_properties={"x": fields["x"]} if "x" in fields else {},
        )
        stated = None if hour is None else StatedTime(start=DAWN + timedelta(hours=hour))
        ledger.record([Statement(id=str(number), source=source, stated=stated, records=(told,))])
    return ledger


def by_then(story: list[Told], hour: int, nodes: set[str]) -> list[Told]:
    return [one for one in story if one.node in nodes and (one.hour is None or one.hour <= hour)]


def shown(story: list[Told]) -> Values:
    """Fold each field: the latest counts, then the source, then the value."""
    found: dict[str, tuple[tuple[object, ...], str | None]] = {}
    for one in story:
        for field, value in one.fields.items():
            rank = [state.value for state in STATES].index(value) if field == "state" else 0  # type: ignore[arg-type]
            order = one.hour is not None, one.hour or 0, one.source, value is not None, rank, value
            if field not in found or order > found[field][0]:
                found[field] = order, value
    return {field: value for field, (_, value) in found.items() if value is not None}


def values_of(node: Node) -> Values:
    values = {"type": node.type, "state": node.state, "name": node.name}
    values["x"] = node.custom_properties.get("x")  # type: ignore[assignment]
    return {field: value for field, value in values.items() if value is not None}


def at(hour: int) -> datetime:
    return DAWN + timedelta(hours=hour)


def keys_of(answer: LineageAnswer) -> set[str]:
    return {str(node.key) for node in answer.nodes}


QUERY = TraceQuery(start=(START,), direction=Direction.DOWNSTREAM)


@given(STORIES, HOURS, st.integers(0, 12))
def test_a_trace_shows_what_was_said_of_each_node_by_both_times(
    story: list[Told], hour: int, told: int
) -> None:
    ledger = record(story)
    size = ledger.head().size - len(story) + min(told, len(story))
    known = story[:told]
    for when in (When(valid_at=at(hour)), When(valid_during=(at(-2), at(hour + 1)))):
        answer = ledger.graph.trace(QUERY, as_of=size, **when)
        stubs = 0
        for node in answer.nodes:
            said = by_then(known, hour, {str(node.key)})
            assert values_of(node) == shown(said)
            assert node.stub == (not said)
            stubs += node.stub
        assert answer.stubs == stubs
        for entity in answer.entities:
            assert values_of(entity.merged) == shown(by_then(known, hour, {END, SAME}))
        if len(answer.entities):
            ends = [bool(by_then(known, hour, {one})) for one in (END, SAME)]
            resolved = sum(not one for one in ends) if any(ends) else 0
            assert answer.unresolved == stubs - resolved


FILTERS = st.sampled_from(
    [
        NodeFilter(types=(TYPES[0],)),
        NodeFilter(states=(STATES[0].value,)),
        NodeFilter(sources=("c",)),
        NodeFilter(stub=True),
        NodeFilter(properties=(PropertyTest("x", Comparison.EQUAL, "1"),)),
    ]
)


def fulfils(wanted: NodeFilter, said: list[Told]) -> bool:
    values = shown(said)
    if wanted.types:
        return values.get("type") in wanted.types
    if wanted.states:
        return values.get("state") in wanted.states
    if wanted.sources:
        return any(one.source in wanted.sources for one in said)
    if wanted.stub:
        return not said
    return values.get("x") == "1"


@given(STORIES, HOURS, FILTERS)
def test_filters_and_stops_judge_by_what_was_said_by_then(
    story: list[Told], hour: int, wanted: NodeFilter
) -> None:
    # That a type is known is of a size, and no matter of a stated time.
    story = [*story, Told(SAME, "z", 5, {"type": TYPES[0]})]
    ledger = record(story)
    when = When(valid_at=at(hour))
    every = ledger.graph.trace(QUERY, **when)
    kept = {
        key
        for key in keys_of(every)
        if key == START or fulfils(wanted, by_then(story, hour, {key}))
    }
    query = TraceQuery(start=(START,), direction=Direction.DOWNSTREAM, filter=wanted)
    filtered = ledger.graph.trace(query, **when)
    assert keys_of(filtered) == kept
    ids = ledger.graph.trace_ids(query, **when)
    assert len(ids.nodes.ids) == len(kept)
    stopping = TraceQuery(start=(START,), direction=Direction.DOWNSTREAM, stop_at=wanted)
    stopped = ledger.graph.trace(stopping, **when)
    held = {RUNS[0], MIDDLE, RUNS[1]} & {
        key for key in keys_of(every) if fulfils(wanted, by_then(story, hour, {key}))
    }
    order = [RUNS[0], MIDDLE, RUNS[1]]
    first = next((place for place, key in enumerate(order) if key in held), None)
    if first is not None:
        assert keys_of(stopped) == {START, *order[: first + 1]} & keys_of(every)
    else:
        assert keys_of(stopped) == keys_of(every)


@given(STORIES, HOURS)
def test_every_question_shows_a_node_as_a_trace_does(story: list[Told], hour: int) -> None:
    ledger = record(story)
    when = When(valid_at=at(hour))
    shows = {node.key: node for node in ledger.graph.trace(QUERY, **when).nodes}
    paths = ledger.graph.paths(PathsQuery(start=START, end=END), **when)
    common = ledger.graph.common(CommonQuery(start=(END, SAME)), **when)
    impact = ledger.graph.impact(ImpactQuery(start=(START,)), **when)
    groups = [(group, node) for group in impact.groups for node in group.nearest]
    assert {node.key for _, node in groups} == shows.keys() - {START}
    for group, node in groups:
        assert group.type == node.type == shows[node.key].type
    found = [*paths.nodes, *(one.node for one in common.common), *(node for _, node in groups)]
    for node in found:
        assert values_of(node) == values_of(shows[node.key])
        assert node.stub == shows[node.key].stub
