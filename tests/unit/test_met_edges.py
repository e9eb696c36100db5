"""Edges that are met in a store have one number each, and take little memory."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.graph import met_edges
from lineage.graph.adjacency import piece_of, row_of
from lineage.graph.met_edges import MetEdges
from lineage.stores.tables import Row
from lineage.vertices import vertex_of
from lineage_schemas.mlmd import EventKind

BYTES_PER_EDGE_MAX = 100
EDGES = 40_000
ARTIFACT, EXECUTION = 1, 2

ids = st.one_of(st.integers(1, 3), st.just(256), st.just((1 << 44) - 1))
edges = st.builds(
    lambda artifact, execution, kind, since: (
        vertex_of(1, ARTIFACT, artifact),
        vertex_of(1, EXECUTION, execution),
        kind,
        since,
        None,
        None,
        None,
    ),
    ids,
    ids,
    st.sampled_from([EventKind.INPUT.value, EventKind.DECLARED_INPUT.value]),
    st.sampled_from([0, 1, 255, 256, 1 << 40]),
)


@pytest.fixture(scope="module", autouse=True)
def _few_recent() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(met_edges, "RECENT_MAX", 2)
        yield


@given(st.lists(st.lists(edges, min_size=1, max_size=6, unique=True), max_size=12))
def test_an_edge_has_the_number_it_was_given_first(frontiers: list[list[Row]]) -> None:
    met = MetEdges()
    expected: dict[Row, int] = {}
    for rows in frontiers:
        numbers = met.numbers_of(rows, piece_of(rows)).tolist()
        assert numbers == [expected.setdefault(row, len(expected)) for row in rows]
    columns = met.columns(np.array(list(expected.values()), dtype=np.int64))
    assert columns.tail.tolist() == [row_of(row[0]) for row in expected]
    assert columns.head.tolist() == [row_of(row[1]) for row in expected]
    assert columns.since.tolist() == [row[3] for row in expected]


def test_many_edges_take_few_bytes_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(met_edges, "RECENT_MAX", 500)
    met = MetEdges()
    tracemalloc.start()
    for first in range(0, EDGES, 800):
        rows = [row_between(number) for number in range(first, first + 800)]
        met.numbers_of(rows, piece_of(rows))
        del rows
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < BYTES_PER_EDGE_MAX * EDGES


def row_between(number: int) -> Row:
    ends = vertex_of(1, ARTIFACT, number), vertex_of(1, EXECUTION, number)
    return (*ends, EventKind.INPUT.value, number, None, None, number)
