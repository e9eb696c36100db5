"""Traces within a filter, no further than asked, and over so many edges of a node, by hand.

raw -> prepare -> features -> train -> model
features -> probe -> report
"""

import pytest

from lineage.ledger import (
    Artifact,
    Association,
    Claim,
    Context,
    Direction,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    Statement,
    TraceQuery,
)
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.filters import parse_filter
from lineage_schemas.graph import LineageAnswer, Truncation, TruncationReason
from lineage_schemas.mlmd import ArtifactState
from lineage_schemas.records import AnyRecord

STEPS = (
    ("raw", "prepare", "features"),
    ("features", "train", "model"),
    ("features", "probe", "report"),
)


def records() -> list[AnyRecord]:
    said: list[AnyRecord] = [
        Artifact(key="t:raw", type="lineage.DataSet", properties={"row_count": 10}),
        Artifact(key="t:features", type="lineage.DataSet", properties={"row_count": 2000}),
        Artifact(key="t:model", type="lineage.Model", state=ArtifactState.LIVE),
        Execution(key="t:prepare", type="lineage.Run"),
        Execution(key="t:train", type="lineage.Train"),
        Context(key="t:experiment", type="lineage.Experiment"),
        Association(context="t:experiment", execution="t:train"),
    ]
    for taken, run, made in STEPS:
        said += [
            Event(artifact=f"t:{taken}", execution=f"t:{run}", kind=EventKind.INPUT),
            Event(artifact=f"t:{made}", execution=f"t:{run}", kind=EventKind.OUTPUT),
        ]
    return said


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    ledger.record([Statement(id="1", source="hand", records=tuple(records()))])
    return ledger


def down(ledger: Ledger, **more: object) -> LineageAnswer:
    query = TraceQuery(start=("t:raw",), direction=Direction.DOWNSTREAM, **more)  # type: ignore[arg-type]
    return ledger.graph.trace(query)


def names(answer: LineageAnswer) -> set[str]:
    return {str(node.key).removeprefix("t:") for node in answer.nodes}


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        ("kind:artifact", {"features", "model", "report"}),
        ("type:lineage.DataSet", {"features"}),
        ("type:mlmd.Model", {"model"}),
        ("type:Model,DataSet", {"features", "model"}),
        ("state:live", {"model"}),
        ("row_count>=1000", {"features"}),
        ("context:t:experiment", {"train"}),
        ("source:hand", {"prepare", "features", "train", "model"}),
        ("is:stub", {"probe", "report"}),
        ("key:t:pr", {"prepare", "probe"}),
        ("kind:artifact is:described", {"features", "model"}),
    ],
)
def test_a_filter_shows_what_fulfils_it_and_counts_the_others(
    told: Ledger, terms: str, shown: set[str]
) -> None:
    whole = down(told)
    answer = down(told, filter=parse_filter(terms))
    assert names(answer) == shown | {"raw"}
    assert answer.filtered == len(whole.nodes) - len(answer.nodes)
    assert answer.complete


def test_edges_of_a_filtered_answer_join_what_it_shows(told: Ledger) -> None:
    answer = down(told, filter=parse_filter("key:t:prepare,t:train"))
    assert names(answer) == {"raw", "prepare", "train"}
    assert [edge.kind for edge in answer.edges] == [EventKind.INPUT]


def test_a_walk_does_not_lead_on_from_where_it_stops(told: Ledger) -> None:
    answer = down(told, stop_at=parse_filter("type:lineage.Train"))
    assert names(answer) == {"raw", "prepare", "features", "train", "probe", "report"}
    assert answer.stopped == 1
    assert answer.complete


def test_a_walk_never_stops_at_its_start(told: Ledger) -> None:
    answer = down(told, stop_at=parse_filter("kind:artifact"))
    assert names(answer) == {"raw", "prepare", "features"}
    assert answer.stopped == 1


def test_edges_beyond_a_fan_out_are_counted(told: Ledger) -> None:
    answer = down(told, fanout=1)
    assert names(answer) == {"raw", "prepare", "features", "train", "model"}
    cut = Truncation(reason=TruncationReason.FANOUT, limit=1, hidden=1)
    assert answer.truncations == (cut,)
    assert not answer.complete


def test_a_stub_that_is_described_under_another_key_is_resolved(told: Ledger) -> None:
    assert (down(told).stubs, down(told).unresolved) == (2, 2)
    alias = Claim(
        kind=Kind.ARTIFACT,
        node="t:described",
        identifier="t:report",
        link_class=LinkClass.ASSERTED,
    )
    described = Artifact(key="t:described", type="lineage.DataSet")
    told.record([Statement(id="2", source="hand", records=(described, alias))])
    assert (down(told).stubs, down(told).unresolved) == (2, 1)


@pytest.mark.parametrize("terms", ["type:lineage.Modle", "context:t:nowhere"])
def test_a_name_that_nobody_has_heard_of_is_an_error(told: Ledger, terms: str) -> None:
    with pytest.raises(NotFoundError):
        down(told, filter=parse_filter(terms))
    with pytest.raises(NotFoundError):
        down(told, stop_at=parse_filter(terms))


@pytest.mark.parametrize("fanout", [0, 1_000_001])
def test_a_fan_out_beyond_the_limits_is_refused(told: Ledger, fanout: int) -> None:
    with pytest.raises(InvalidInputError):
        down(told, fanout=fanout)
