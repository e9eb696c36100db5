"""The order in which observations arrive, and how they are cut into batches, decides nothing."""

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from canonical import CanonicalGraph, canonical_graph
from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    ArtifactState,
    Claim,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    MetricSeries,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.graph import MetricValues
from lineage_schemas.records import AnyRecord
from strategies import ARTIFACTS, DAWN, EXECUTIONS, batch_sizes, cut, events, histories, series


def told(statements: list[Statement], sizes: list[int]) -> Ledger:
    """Return a ledger that was told these statements, in batches of these sizes."""
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    for batch in cut(statements, sizes):
        ledger.record(batch)
    return ledger


def graph_of(statements: list[Statement], sizes: list[int]) -> CanonicalGraph:
    ledger = told(statements, sizes)
    check_ledger(ledger)
    return canonical_graph(ledger)


def said(
    number: int, *records: AnyRecord, hours: int | None = None, source: str = "ci"
) -> Statement:
    start = None if hours is None else DAWN + timedelta(hours=hours)
    stated = None if start is None else StatedTime(start=start)
    return Statement(id=f"s-{number}", source=source, records=records, stated=stated)


A, B, RUN = "acme:a/0", "acme:a/1", "acme:e/0"
CLAIM = Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
BACK = Retraction(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
USED = Event(artifact=A, execution=RUN, kind=EventKind.INPUT)
MET = [
    [said(1, USED), said(2, Artifact(key=A, name="ada")), said(3, Execution(key=RUN))],
    [said(1, CLAIM), said(2, Artifact(key=B, uri="file:///b")), said(3, Artifact(key=A))],
    [said(1, CLAIM, hours=1), said(2, BACK, hours=1), said(3, CLAIM, hours=0)],
    [said(1, BACK), said(2, CLAIM), said(3, CLAIM, hours=0, source="dvc")],
    [said(1, Artifact(key=A, state=ArtifactState.LIVE)), said(2, Artifact(key=A, name="x"))],
    [
        said(1, Artifact(key=A, custom_properties={"p": 1}), hours=1),
        said(2, Artifact(key=A, custom_properties={"p": None}), hours=1),
        said(3, Artifact(key=A, custom_properties={"p": 0}), hours=1, source="dvc"),
    ],
    [
        said(1, Event(artifact=A, execution=RUN, kind=EventKind.INPUT, path=("in", 0)), hours=1),
        said(2, Event(artifact=A, execution=RUN, kind=EventKind.INPUT, path=("in", 1)), hours=1),
        said(3, Event(artifact=A, execution=RUN, kind=EventKind.INPUT, time=DAWN)),
    ],
]
"""Histories in which two statements meet, so that these at least are always tried."""


@pytest.mark.parametrize("statements", MET)
def test_what_meets_commutes(statements: list[Statement]) -> None:
    forwards = graph_of(statements, [1])
    backwards = graph_of(statements[::-1], [1])
    at_once = graph_of(statements[1:] + statements[:1], [9])
    assert forwards == backwards == at_once


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Statement], list[Statement]]:
    """A history twice, the second time in another order."""
    statements = draw(histories())
    return statements, draw(st.permutations(statements))


@given(orders=shuffled(), sizes=batch_sizes(), others=batch_sizes())
@example(orders=(MET[0], MET[0][::-1]), sizes=[1], others=[3])
def test_any_order_in_any_batches_gives_the_same_graph(
    orders: tuple[list[Statement], list[Statement]], sizes: list[int], others: list[int]
) -> None:
    first, second = orders
    assert graph_of(first, sizes) == graph_of(second, others)


@given(history=histories(events(ARTIFACTS[:1], EXECUTIONS[:1])), data=st.data())
def test_what_is_said_of_one_edge_in_any_order_gives_the_same_edge(
    history: list[Statement], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(history))
    assert graph_of(history, [1]) == graph_of(other, [2])


@pytest.mark.long
@settings(max_examples=3_000)
@given(orders=shuffled(), sizes=batch_sizes(), others=batch_sizes())
def test_any_order_gives_the_same_graph_for_long(
    orders: tuple[list[Statement], list[Statement]], sizes: list[int], others: list[int]
) -> None:
    first, second = orders
    assert graph_of(first, sizes) == graph_of(second, others)


@given(history=histories(series(), statements_max=5), data=st.data())
def test_the_points_of_a_metric_do_not_depend_on_arrival(
    history: list[Statement], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(history))
    assert metrics(told(history, [1])) == metrics(told(other, [2]))


def test_of_one_chunk_said_twice_at_one_time_the_points_decide() -> None:
    low = MetricSeries(execution=RUN, metric="loss", chunk=0, points=((0, 0.5, None),))
    high = MetricSeries(execution=RUN, metric="loss", chunk=0, points=((0, 1.5, None),))
    one, two = said(1, low, hours=0), said(2, high, hours=0)
    assert metrics(told([one, two], [1])) == metrics(told([two, one], [1]))


def metrics(ledger: Ledger) -> list[tuple[MetricValues, ...]]:
    return [ledger.show(key, kind=Kind.EXECUTION)[0].series for key in EXECUTIONS]
