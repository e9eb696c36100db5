"""The graph in memory: how much it takes, what it reads, what is kept in a file and what is not."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from doubles import FakeClock, SeededRandomness
from kept_graphs import opened, said_to_be_one, steps, traced
from lineage.anchoring.durable import Disk
from lineage.audit import AuditLevel
from lineage.graph import index as graph_index
from lineage.graph import reading
from lineage.graph.adjacency import OPEN, UNDATED, EdgePiece, Ints, Shown, row_of
from lineage.graph.edge_index import ADDED_EDGES_MIN, EdgeIndex
from lineage.graph.index import GraphIndex, GraphSnapshot
from lineage.graph.links import LinkIndex
from lineage.graph.packing import pack_edges
from lineage.graph.walk import Bounds, walk_lineage
from lineage.graph_file import MappedGraphFile
from lineage.ledger import (
    Kind,
    StatedTime,
    TraceQuery,
    open_ledger,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.base import Reader
from lineage.stores.opening import open_store
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.graph import Direction

BYTES_PER_EDGE_MAX = 40


def random_edges(nodes: int, edges: int) -> EdgePiece:
    """Return edges between artifacts and executions, half of the nodes each."""
    drawn = np.random.default_rng(20_261_128)
    artifacts = 2 * drawn.integers(1, nodes // 2 + 1, edges)
    executions = 2 * drawn.integers(1, nodes // 2 + 1, edges) + 1
    flows_in = drawn.integers(0, 2, edges).astype(np.bool_)
    tail, head = (
        np.where(flows_in, *pair) for pair in ((artifacts, executions), (executions, artifacts))
    )
    return EdgePiece(
        tail,
        head,
        np.where(flows_in, 2, 3).astype(np.int8),
        np.arange(edges, dtype=np.int64),
        np.full(edges, OPEN),
        np.full(edges, UNDATED),
    )


def test_an_edge_takes_forty_bytes_with_the_starts_of_rows() -> None:
    nodes, edges = 20_000, 30_000
    packed = pack_edges([random_edges(nodes, edges)], edges)
    assert packed.count == edges
    assert packed.nbytes <= BYTES_PER_EDGE_MAX * edges
    # What does not fit into 32 bits takes more, and loses nothing.
    late = random_edges(nodes, edges)._replace(since=np.arange(edges) + (1 << 40))
    assert pack_edges([late], (1 << 40) + edges).since.max() == (1 << 40) + edges - 1


def test_a_few_more_edges_copy_nothing_of_what_is_packed() -> None:
    packed = pack_edges([random_edges(2_000, 3_000)], 3_000)
    older = EdgeIndex.of(packed)
    newer = older.extended([edge_row(1, 2, 3_000)], 3_001)
    assert newer.packed is packed
    shown = Shown(3_000)
    row = np.array([row_of(artifact(1))])
    now = newer.behind(row, Shown(3_001), upstream=False).edges
    assert len(now) == len(older.behind(row, shown, upstream=False).edges) + 1
    many = [edge_row(1, 2_000 + number, 3_001) for number in range(ADDED_EDGES_MIN)]
    packed_again = newer.extended(many, 3_002)
    assert packed_again.packed.count == packed_again.count == 3_001 + ADDED_EDGES_MIN


def edge_row(one: int, other: int, since: int) -> Row:
    end = vertex_of(0, KIND_CODES[Kind.EXECUTION], other)
    return (artifact(one), end, "INPUT", since, None, None, None)


def artifact(number: int) -> int:
    return vertex_of(0, KIND_CODES[Kind.ARTIFACT], number)


# --- a ledger with a chain -----------------------------------------------------------------------


class Disks(Disk):
    """A disk that fails at a step."""

    def __init__(self, fails_at: str) -> None:
        self._fails_at = fails_at

    def replace(self, source: Path, target: Path) -> None:
        if self._fails_at == "replace":
            raise OSError(5, "Input/output error")
        super().replace(source, target)


@pytest.fixture
def every_graph_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_index, "KEPT_EDGES_MIN", 1)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the namespaces that are read from the views, as they are."""
    found: list[int] = []
    real = reading.read_graph

    def counted(reader: Reader, namespace: int, *more: object) -> object:
        found.append(namespace)
        return real(reader, namespace, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(graph_index, "read_graph", counted)
    return found


@pytest.mark.usefixtures("every_graph_is_large")
def test_a_restart_takes_the_graph_from_the_file(tmp_path: Path, built: list[int]) -> None:
    path = tmp_path / "a.db"
    with opened(path) as ledger:
        ledger.record([*steps(0, 20), said_to_be_one(0, 5)])
        before = traced(ledger)
    assert built
    built.clear()
    with opened(path) as ledger:
        assert traced(ledger) == before
        assert not built
        ledger.record(steps(20, 25))
        assert len(traced(ledger).nodes) == len(before.nodes) + 10
        assert not built


@pytest.mark.usefixtures("every_graph_is_large")
def test_the_file_holds_no_names(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with opened(path) as ledger:
        ledger.record([*steps(0, 3, source="secret-source"), said_to_be_one(0, 2)])
        traced(ledger)
    body = (tmp_path / "a.db.graph").read_bytes()
    assert b"acme" not in body
    assert b"secret" not in body
    assert (tmp_path / "a.db.graph").stat().st_mode & 0o077 == 0


def damaged(body: bytes) -> bytes:
    return body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]


@pytest.mark.usefixtures("every_graph_is_large")
@pytest.mark.parametrize(
    "change",
    [
        damaged,
        lambda body: body[:-64],
        lambda body: body[:20],
        lambda _: b"",
        lambda body: b"lineage-graph/0\n" + body[16:],
    ],
    ids=["flipped", "cut short", "only a head", "empty", "another form"],
)
def test_a_damaged_file_is_thrown_away_and_said_so(
    tmp_path: Path,
    built: list[int],
    caplog: pytest.LogCaptureFixture,
    change: Callable[[bytes], bytes],
) -> None:
    path = tmp_path / "a.db"
    with opened(path) as ledger:
        ledger.record(steps(0, 20))
        before = traced(ledger)
    kept = tmp_path / "a.db.graph"
    kept.write_bytes(change(kept.read_bytes()))
    built.clear()
    with caplog.at_level(logging.WARNING), opened(path) as ledger:
        assert traced(ledger) == before
    assert built
    assert "kept graph" in caplog.text


@pytest.mark.usefixtures("every_graph_is_large")
def test_a_file_of_another_ledger_does_not_fit(tmp_path: Path, built: list[int]) -> None:
    for name, count in (("a.db", 20), ("b.db", 30)):
        clock, randomness = FakeClock(), SeededRandomness(name)
        with open_ledger(tmp_path / name, clock=clock, randomness=randomness) as ledger:
            ledger.record(steps(0, count))
            traced(ledger)
    (tmp_path / "a.db.graph").replace(tmp_path / "b.db.graph")
    built.clear()
    with opened(tmp_path / "b.db") as ledger:
        assert len(traced(ledger).nodes) == 61
    assert built


@pytest.mark.usefixtures("every_graph_is_large")
def test_views_that_are_folded_anew_make_the_file_unfit(tmp_path: Path, built: list[int]) -> None:
    path = tmp_path / "a.db"
    with opened(path) as ledger:
        ledger.record(steps(0, 20))
        before = traced(ledger)
        ledger.rebuild()
    built.clear()
    with opened(path) as ledger:
        assert traced(ledger) == before
    assert built


@pytest.mark.usefixtures("every_graph_is_large")
def test_a_crash_before_the_file_has_its_name_leaves_the_old_one(tmp_path: Path) -> None:
    kept = tmp_path / "x.graph"
    MappedGraphFile(kept).write(b"old")
    MappedGraphFile(kept, Disks("replace")).write(b"new")
    assert kept.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".tmp")] == []


@pytest.mark.usefixtures("every_graph_is_large")
def test_an_audit_sees_a_kept_graph_that_the_views_do_not_say(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with opened(path) as ledger:
        ledger.record(steps(0, 20))
        traced(ledger)
        arrays = ledger._graph._places[1].kept
        assert arrays is not None
        # As if somebody had made a file that fits in all else.
        arrays.edges.packed.arrays["head"][0] = arrays.edges.packed.arrays["head"][1]
        ledger._graph._filing._marks = {}
    with opened(path) as ledger:
        (finding,) = ledger.audit().findings
        assert finding.level is AuditLevel.VIEWS
        assert "not what the views say" in finding.what
        assert ledger.audit().clean
        assert len(traced(ledger).nodes) == 41


def test_what_does_not_fit_is_asked_of_the_store_with_the_same_answer(
    ledger: Ledger, built: list[int]
) -> None:
    ledger.record([*steps(0, 40), said_to_be_one(0, 35)])
    in_memory = traced(ledger)
    for allowed in (0, 1_000):
        ledger._graph = ledger.graph._graph = GraphIndex(memory_bytes=allowed)
        built.clear()
        assert traced(ledger) == in_memory
        assert traced(ledger) == in_memory
        assert len(built) <= 1


def test_progress_is_told_to_its_end() -> None:
    store = open_store("memory:", TABLES, "test/origin")
    heard: list[tuple[int, int]] = []
    graph = GraphIndex(progress=lambda done, every: heard.append((done, every)))
    with Ledger(store, FakeClock(), SeededRandomness(), graph=graph) as ledger:
        ledger.record(steps(0, 30))
        ledger.prepare_graph()
    assert heard[-1] == (60, 60)
    assert all(done < every for done, every in heard[:-1])


class Counting:
    """Edges that count how many of them a walk looks at."""

    def __init__(self, edges: EdgeIndex) -> None:
        self._edges = edges
        self.size = edges.size
        self.rows = edges.rows
        self.spare_marks = edges.spare_marks
        self.looked_at = 0

    def behind(self, frontier: Ints, shown: Shown, *, upstream: bool) -> object:
        behind = self._edges.behind(frontier, shown, upstream=upstream)
        self.looked_at += len(frontier) + len(behind.edges)
        return behind

    def columns(self, edges: Ints) -> object:
        self.looked_at += len(edges)
        return self._edges.columns(edges)


def test_a_small_trace_looks_at_as_much_in_a_graph_ten_times_as_large() -> None:
    counts = []
    for times in (1, 10):
        chain = chain_of(60)
        noise = random_edges(4_000 * times, 6_000 * times)
        noise = noise._replace(tail=noise.tail + 200, head=noise.head + 200)
        edges = Counting(EdgeIndex.of(pack_edges([chain, noise], 1 << 20)))
        graph = GraphSnapshot(edges, LinkIndex.empty())  # type: ignore[arg-type]
        bounds = Bounds(1 << 20, 1_000, 1_000, ())
        walked = walk_lineage(0, graph, [2], Direction.DOWNSTREAM, bounds)
        assert len(walked.rows) == 60
        counts.append(edges.looked_at)
    assert counts[0] == counts[1]


def chain_of(nodes: int) -> EdgePiece:
    tail = np.arange(2, nodes + 1)
    count = len(tail)
    kind = np.full(count, 2, dtype=np.int8)
    return EdgePiece(
        tail, tail + 1, kind, np.arange(count), np.full(count, OPEN), np.full(count, UNDATED)
    )


def test_an_answer_of_many_threads_is_the_answer_of_one(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as ledger, ThreadPoolExecutor(4) as pool:
        ledger.record(steps(0, 3))
        before = ledger.head().size - 3
        for first in range(3, 60, 3):
            size = ledger.head().size
            asked = [pool.submit(traced, ledger) for _ in range(4)]
            ledger.record(steps(first, first + 3))
            for answer in (one.result() for one in asked):
                edges = len(answer.edges)
                assert answer.basis.size in {size, size + 3}
                assert edges == 2 * (answer.basis.size - before)


def test_links_are_those_that_stood_at_a_valid_time(ledger: Ledger) -> None:
    said = StatedTime(start=datetime.fromisoformat("2026-03-01T00:00:00+00:00"))
    ledger.record([*steps(0, 1), *steps(9, 10), replace(said_to_be_one(1, 9), stated=said)])

    def found(valid_at: str | None) -> set[str | None]:
        when = None if valid_at is None else datetime.fromisoformat(valid_at)
        query = TraceQuery(start=("acme:a/0",), direction=Direction.DOWNSTREAM)
        return {node.key for node in ledger.graph.trace(query, valid_at=when).nodes}

    before = {"acme:a/0", "acme:e/0", "acme:a/1"}
    since = before | {"acme:a/9", "acme:e/9", "acme:a/10"}
    assert found(None) == since
    assert found("2026-02-28T00:00:00+00:00") == before
    assert found("2026-03-02T00:00:00+00:00") == since
