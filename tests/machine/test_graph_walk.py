"""Walks over arrays and over the store against plain lists: `graph_oracle.Walker`."""

from collections.abc import Callable
from typing import NamedTuple, Protocol
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_oracle import ClaimName, EdgeName, Reached, Walker
from lineage.graph import edge_index, link_index, narrow
from lineage.graph.adjacency import KIND_NUMBERS, Bools, Ints, row_of, vertex_at, vertices_at
from lineage.graph.edges import edge_ends
from lineage.graph.index import GraphSnapshot, stored_graph
from lineage.graph.link_index import link_changes
from lineage.graph.links import CROSSABLE, LinkIndex
from lineage.graph.reading import GraphArrays, read_graph
from lineage.graph.walk import Bounds, Walked, walk_lineage
from lineage.graph.walked import count_undated_edges
from lineage.projections.edges import EDGE
from lineage.projections.links import LINK, LinkRow
from lineage.projections.views import BOOKMARK, PROJECTION_VERSION, TABLES
from lineage.stores.base import Reader, Store
from lineage.stores.opening import open_store
from lineage.stores.tables import BOOKMARK_ID, Row
from lineage.valid_time import ValidTime
from lineage.vertices import HUB_CODE, KIND_CODES, vertex_of
from lineage_schemas.graph import Direction, TruncationReason
from lineage_schemas.mlmd import Kind

NAMESPACE = 3
SIZE = 12
NODES = 5
STATED = (None, 10, 20, 30)
UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH


def artifact(number: int, namespace: int = NAMESPACE) -> int:
    return vertex_of(namespace, KIND_CODES[Kind.ARTIFACT], number)


def execution(number: int, namespace: int = NAMESPACE) -> int:
    return vertex_of(namespace, KIND_CODES[Kind.EXECUTION], number)


def hub(number: int) -> int:
    return vertex_of(NAMESPACE, HUB_CODE, number)


@st.composite
def edge_rows(draw: st.DrawFn) -> list[Row]:
    """Draw edges with their versions: each is closed where the next one of its key begins."""
    found: list[Row] = []
    numbers = st.integers(1, NODES)
    keys = draw(
        st.lists(
            st.tuples(numbers, numbers, st.sampled_from(["INPUT", "OUTPUT", "DECLARED_INPUT"])),
            max_size=14,
            unique=True,
        )
    )
    for one, other, kind in keys:
        ends = artifact(one), execution(other)
        tail, head = ends[::-1] if kind == "OUTPUT" else ends
        begins = sorted(draw(st.sets(st.integers(0, SIZE - 1), min_size=1, max_size=3)))
        for since, until in zip(begins, [*begins[1:], None], strict=True):
            detail = draw(st.sampled_from([None, b'[["x"],null,null,""]']))
            found.append((tail, head, kind, since, until, detail, draw(st.sampled_from(STATED))))
    return found


@st.composite
def link_rows(draw: st.DrawFn) -> list[LinkRow]:
    found: list[LinkRow] = []
    registers = draw(
        st.lists(
            st.tuples(
                st.integers(1, NODES).map(artifact) | st.integers(1, 2).map(execution),
                st.integers(1, 3).map(hub),
                st.sampled_from(["key", "asserted", "content", "derived", "guessed"]),
                st.sampled_from(["mlflow", "dvc"]),
            ),
            max_size=8,
            unique=True,
        )
    )
    for register in registers:
        begins = sorted(draw(st.sets(st.integers(0, SIZE - 1), min_size=1, max_size=2)))
        for since, until in zip(begins, [*begins[1:], None], strict=True):
            active = draw(st.integers(0, 1))
            found.append(LinkRow(*register, since, until, active, None, None))
    return [row for row in found if _one_kind(row, found)]


def _one_kind(row: LinkRow, rows: list[LinkRow]) -> bool:
    """An identifier is of one kind: nodes of another are left out."""
    first = next(one for one in rows if one.hub == row.hub)
    return artifact(0) <= row.vertex < execution(0) and artifact(0) <= first.vertex < execution(0)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    valid = draw(st.none() | st.integers(5, 35).map(ValidTime.at))
    return Bounds(
        size=draw(st.integers(0, SIZE)),
        depth_max=draw(st.integers(0, 5) | st.just(100)),
        nodes_max=1_000,
        crossed=tuple(draw(st.lists(st.sampled_from(CROSSABLE), unique=True))),
        valid=valid,
        fanout_max=draw(st.none() | st.integers(1, 3)),
    )


# --- the ways to have a graph --------------------------------------------------------------------


class Told(NamedTuple):
    edges: list[Row]
    links: list[LinkRow]


class Way(Protocol):
    """Makes a graph of rows; ``size`` is where what came first ends and what came later begins."""

    def __call__(
        self, store: Store, told: Told, size: int
    ) -> Callable[[Reader], GraphSnapshot]: ...


def write(store: Store, told: Told, size: int) -> None:
    """Let the views of a store be what they were as of a size."""
    with store.write() as writer:
        writer.clear([EDGE, LINK, BOOKMARK])
        writer.insert(EDGE, [as_of(row, size) for row in told.edges if row[3] < size])
        writer.insert(LINK, [as_of_link(row, size) for row in told.links if row[4] < size])
        writer.insert(BOOKMARK, [(BOOKMARK_ID, PROJECTION_VERSION, size, 0)])


def as_of(row: Row, size: int) -> Row:
    later = row[4] is not None and row[4] >= size
    return (*row[:4], None, *row[5:]) if later else row


def as_of_link(row: LinkRow, size: int) -> LinkRow:
    later = row.until is not None and row.until >= size
    return row._replace(until=None) if later else row


def read_whole(store: Store, told: Told, size: int) -> Callable[[Reader], GraphSnapshot]:
    del told, size
    with store.read() as reader:
        arrays = read_graph(reader, NAMESPACE, 0, SIZE)
    return lambda reader: in_memory(reader, arrays)


def in_memory(reader: Reader, arrays: GraphArrays | None) -> GraphSnapshot:
    assert arrays is not None
    return GraphSnapshot(arrays.edges, LinkIndex.of(reader, arrays.links))


def grown(store: Store, told: Told, size: int) -> Callable[[Reader], GraphSnapshot]:
    """Read what came first, and add what came later by two and two positions."""
    write(store, told, size)
    with store.read() as reader:
        arrays = read_graph(reader, NAMESPACE, 0, size)
    assert arrays is not None
    for so_far in range(size, SIZE, 2):
        following = min(so_far + 2, SIZE)
        write(store, told, following)
        rows = [
            row
            for row in (as_of(one, following) for one in told.edges)
            if so_far <= row[3] < following or (row[4] is not None and so_far <= row[4])
        ]
        with store.read() as reader:
            changes = link_changes(reader, NAMESPACE, so_far)
        links = arrays.links.extended(changes, following)
        arrays = GraphArrays(0, arrays.edges.extended(rows, following), links)
    return lambda reader: in_memory(reader, arrays)


def repacked(store: Store, told: Told, size: int) -> Callable[[Reader], GraphSnapshot]:
    made = grown(store, told, size)
    with store.read() as reader:
        edges, links = made(reader)
    assert isinstance(edges, edge_index.EdgeIndex)
    assert isinstance(links.source, link_index.IndexedLinks)
    arrays = GraphArrays(0, edges.repacked(), links.source.repacked())
    return lambda reader: in_memory(reader, arrays)


def in_store(store: Store, told: Told, size: int) -> Callable[[Reader], GraphSnapshot]:
    del store, told, size
    return lambda reader: stored_graph(reader, NAMESPACE)


WAYS = [read_whole, grown, repacked, in_store]


def walked_by(
    way: Way, told: Told, since: int, start: list[int], query: tuple[Direction, Bounds]
) -> tuple[GraphSnapshot, Walked]:
    store = open_store("memory:", TABLES, "test/origin")
    write(store, told, SIZE)
    open_graph = way(store, told, since)
    direction, asked = query
    with store.read() as reader:
        graph = open_graph(reader)
        rows = list(map(row_of, start))
        walked = walk_lineage(NAMESPACE, graph, rows, direction, asked)
        # The next walk marks rows with what this one has given back.
        again = walk_lineage(NAMESPACE, graph, rows, direction, asked)
        assert again.rows.tolist() == walked.rows.tolist()
        assert again.truncations == walked.truncations
        assert not graph.adjacency.spare_marks.take(0).any()
        return graph, walked


def depths_of(walked: Walked) -> dict[int, int]:
    vertices = vertices_at(NAMESPACE, walked.rows).tolist()
    pairs = list(zip(vertices, walked.depths.tolist(), strict=True))
    assert len(dict(pairs)) == len(pairs)
    assert [depth for _, depth in pairs] == sorted(depth for _, depth in pairs)
    return dict(pairs)


def edges_of(graph: GraphSnapshot, walked: Walked) -> set[EdgeName]:
    columns = graph.adjacency.columns(walked.edges)
    ends = edge_ends(graph.adjacency, walked.edges)
    assert len(ends.artifacts) == len(walked.edges)
    names = list(zip(ends.artifacts, ends.executions, ends.kinds, strict=True))
    assert len(set(names)) == len(names)
    words = {number: word for word, number in KIND_NUMBERS.items()}
    rows = zip(*(column.tolist() for column in columns[:4]), strict=True)
    return {
        (vertex_at(NAMESPACE, tail), vertex_at(NAMESPACE, head), words[kind], since)
        for tail, head, kind, since in rows
    }


def claims_of(walked: Walked) -> set[ClaimName]:
    """Return the claims by which links were crossed between two nodes that were found."""
    claims = walked.links.joining()
    return set(zip(*(column.tolist() for column in claims[:3]), strict=True))


STARTS = st.lists(
    st.integers(1, NODES).map(artifact) | st.integers(1, NODES).map(execution),
    min_size=1,
    max_size=2,
    unique=True,
)
TOLD = st.builds(Told, edge_rows(), link_rows())


class Query(NamedTuple):
    """A walk that is asked for, in a graph that was told in two parts, cut at ``since``."""

    told: Told
    since: int
    start: list[int]
    direction: Direction
    bounds: Bounds
    stops: set[int] | None
    narrow_max: int


QUERIES = st.builds(
    Query,
    told=TOLD,
    since=st.integers(0, SIZE),
    start=STARTS,
    direction=st.sampled_from([UP, DOWN]),
    bounds=bounds(),
    stops=st.none() | st.sets(st.integers(1, NODES).map(artifact), max_size=2),
    narrow_max=st.sampled_from([0, narrow.ROWS_MAX]),
)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=40)
@given(query=QUERIES)
def test_a_walk_finds_what_the_oracle_finds(way: Way, query: Query) -> None:
    told, since, start, direction, asked, stops, narrow_max = query

    def stopping(rows: Ints) -> Bools:
        return np.isin(vertices_at(NAMESPACE, rows), sorted(stops or ()))

    walker = Walker(told.edges, told.links, asked, upstream=direction is UP)
    expected = walker.walk(start, stops or set())
    wanted = asked if stops is None else asked._replace(stops=stopping)
    with patch.object(narrow, "ROWS_MAX", narrow_max):
        graph, walked = walked_by(way, told, since, start, (direction, wanted))
    check(graph, walked, told, asked, expected)


def check(
    graph: GraphSnapshot, walked: Walked, told: Told, asked: Bounds, expected: Reached
) -> None:
    assert depths_of(walked) == expected.depths
    assert edges_of(graph, walked) >= expected.edges
    inside = {
        name for name in edges_of(graph, walked) if {name[0], name[1]} <= expected.depths.keys()
    }
    assert inside == {
        name for name in expected.edges if {name[0], name[1]} <= expected.depths.keys()
    }
    assert set(vertices_at(NAMESPACE, walked.stopped).tolist()) == expected.stopped
    assert claims_of(walked) == expected.claims
    told_cuts = {one.reason: (one.limit, one.hidden) for one in walked.truncations}
    cuts = {}
    if expected.fanned_out:
        cuts[TruncationReason.FANOUT] = asked.fanout_max, expected.fanned_out
    if expected.beyond:
        cuts[TruncationReason.DEPTH] = asked.depth_max, len(expected.beyond)
    assert told_cuts == cuts
    if asked.valid is not None:
        by_name = {row[:4]: row[6] for row in told.edges}
        shown = edges_of(graph, walked)
        undated = count_undated_edges(graph.adjacency, walked.edges)
        assert undated == sum(by_name[name] is None for name in shown)


@settings(max_examples=30)
@given(query=QUERIES, direction=st.sampled_from(Direction), nodes_max=st.integers(1, 9))
def test_every_way_gives_the_same_answer(
    query: Query, direction: Direction, nodes_max: int
) -> None:
    asked = direction, query.bounds._replace(nodes_max=nodes_max)
    answers = []
    for way in WAYS:
        with patch.object(narrow, "ROWS_MAX", query.narrow_max):
            graph, walked = walked_by(way, query.told, query.since, query.start, asked)
        ends = edge_ends(graph.adjacency, walked.edges)
        cells = walked.rows.tolist(), walked.depths.tolist()
        answers.append((ends, cells, claims_of(walked), walked.truncations))
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("way", WAYS)
def test_of_a_row_the_lowest_rows_are_followed_and_the_others_counted(way: Way) -> None:
    ends = (1, "INPUT"), (2, "DECLARED_INPUT"), (3, "DECLARED_INPUT"), (3, "INPUT")
    rows = [(artifact(one), execution(1), kind, 0, None, None, None) for one, kind in ends]
    for limit, followed in ((1, {1}), (2, {1, 2}), (3, {1, 2, 3})):
        asked = Bounds(SIZE, 9, 99, (), fanout_max=limit)
        graph, walked = walked_by(way, Told(rows, []), 0, [execution(1)], (UP, asked))
        found = {execution(1), *map(artifact, followed)}
        assert depths_of(walked).keys() == found
        (cut,) = walked.truncations
        assert (cut.reason, cut.limit, cut.hidden) == (TruncationReason.FANOUT, limit, 4 - limit)
        assert (artifact(3), execution(1), "INPUT", 0) not in edges_of(graph, walked)
