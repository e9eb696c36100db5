"""What the file of the graph keeps, when several namespaces and several processes share it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from kept_graphs import opened, steps, traced
from lineage.graph import filing, reading
from lineage.graph import index as graph_index
from lineage.graph.filing import GraphFiling
from lineage.graph.index import GraphIndex
from lineage.graph.keeping import decode_graphs
from lineage.graph_file import MappedGraphFile
from lineage.ledger import StatedTime
from lineage.service import Ledger
from lineage.stores.base import Reader

EDGES_MIN = 10


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_index, "KEPT_EDGES_MIN", EDGES_MIN)
    monkeypatch.setattr(filing, "KEPT_BEHIND_MAX", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def file_of(path: Path) -> MappedGraphFile:
    return MappedGraphFile(path.with_name(f"{path.name}.graph"))


def sizes_in_file(ledger: Ledger, path: Path) -> dict[int, int]:
    """Return the size as of which the file keeps each namespace."""
    body = file_of(path).read()
    assert body is not None
    found = decode_graphs(body, ledger.origin)
    assert not isinstance(found, str)
    return {number: one.packed.size for number, one in found.graphs.items()}


class CountedFile:
    """A file in memory that counts how often it is written."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.writes = 0

    def read(self) -> memoryview[int] | None:
        return None if self.body is None else memoryview(self.body)

    def write(self, body: bytes) -> None:
        self.body = body
        self.writes += 1

    def discard(self) -> None:
        self.body = None


def test_a_namespace_becomes_large_beside_one_that_nobody_took_from_the_file_yet(
    path: Path,
) -> None:
    with opened(path) as ledger:
        ledger.record(steps(0, 2), namespace="first")
        ledger.record(steps(0, 20), namespace="second")
        ledger.prepare_graph()
        assert list(sizes_in_file(ledger, path)) == [2]
    with opened(path) as ledger:
        ledger.record(steps(2, 20), namespace="first")
    with opened(path) as ledger:
        ledger.prepare_graph()
        assert sorted(sizes_in_file(ledger, path)) == [1, 2]


def test_what_a_process_was_not_asked_about_stays_in_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as ledger:
        for namespace in ("first", "second"):
            ledger.record(steps(0, 20), namespace=namespace)
        ledger.prepare_graph()
        before = sizes_in_file(ledger, path)
    with opened(path) as ledger:
        ledger.record(steps(20, 40), namespace="first")
        traced(ledger, namespace="first")
    monkeypatch.delattr(reading, "_edge_pages")
    with opened(path) as ledger:
        after = sizes_in_file(ledger, path)
        assert after[1] == ledger.head().size > before[1]
        assert after[2] == before[2]
        assert len(traced(ledger, namespace="first").nodes) == 81
        assert len(traced(ledger, namespace="second").nodes) == 41


def test_the_file_is_written_once_for_all_namespaces(path: Path) -> None:
    file = CountedFile()
    with opened(path) as ledger:
        for namespace in ("first", "second", "third"):
            ledger.record(steps(0, 20), namespace=namespace)
        with ledger._store.read() as reader:
            GraphIndex(file=file).prepare(reader)
    assert file.writes == 1


def test_an_older_snapshot_leaves_what_another_process_kept_since(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(path) as ledger, opened(path) as other:
        ledger.record(steps(0, 20))
        ours = GraphFiling(file_of(path))
        with ledger._store.read() as reader:
            before = reader.head().size
            other.record(steps(20, 40))
            other.prepare_graph()
            assert ours.waiting(reader) == [1]
            assert ours.take(reader, 1) is None
            graph = GraphIndex(file=file_of(path))
            assert graph.snapshot(reader, 1).adjacency.size == before
            graph.save(reader)
        assert not caplog.records
        assert sizes_in_file(other, path) == {1: other.head().size}
        with ledger._store.read() as reader:
            taken = ours.take(reader, 1)
            assert taken is not None
            assert taken.size == other.head().size


def test_a_snapshot_of_views_that_were_folded_anew_since_leaves_the_file(path: Path) -> None:
    with opened(path) as ledger, opened(path) as other:
        ledger.record(steps(0, 20))
        with ledger._store.read() as reader:
            assert reader.head().size > 20
            other.rebuild()
            other.prepare_graph()
            before = file_of(path).read()
            assert GraphFiling(file_of(path)).take(reader, 1) is None
            graph = GraphIndex(file=file_of(path))
            graph.prepare(reader)
            assert file_of(path).read() == before
        with ledger._store.read() as reader:
            assert GraphFiling(file_of(path)).take(reader, 1) is not None


def test_a_file_of_a_log_with_another_root_is_thrown_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, source in (("a.db", "ci"), ("b.db", "people")):
        # By one name, as after a restore that others went on from.
        with opened(tmp_path / name) as ledger:
            ledger.record(steps(0, 20, source))
            ledger.prepare_graph()
    (tmp_path / "a.db.graph").replace(tmp_path / "b.db.graph")
    with opened(tmp_path / "b.db") as ledger:
        assert len(traced(ledger).nodes) == 41
    assert "another root" in caplog.text


def test_an_audit_beside_questions_finds_nothing_wrong_in_what_came_later(path: Path) -> None:
    with opened(path) as ledger:
        ledger.record(steps(0, 20))
        traced(ledger)
        with ledger._store.read() as reader:
            size = reader.head().size
            tell_again(ledger)
            traced(ledger)
            assert kept_size(ledger) > size
            assert ledger._graph.differing(reader) == []
            assert kept_size(ledger) > size
            spoil(ledger, reader)
            assert ledger._graph.differing(reader) == [1]


def tell_again(ledger: Ledger) -> None:
    """Let more be said, also of edges that are there: those are closed, and begin anew."""
    said = StatedTime(start=datetime(2026, 3, 1, tzinfo=UTC))
    again = [replace(one, id=f"again {one.id}", stated=said) for one in steps(0, 30)]
    ledger.record(again)


def kept_size(ledger: Ledger) -> int:
    kept = ledger._graph._places[1].kept
    assert kept is not None
    return kept.edges.size


def spoil(ledger: Ledger, reader: Reader) -> None:
    """Let an edge that the reader sees lead elsewhere."""
    kept = ledger._graph._places[1].kept
    assert kept is not None
    oldest = int(kept.edges.packed.since.argmin())
    assert kept.edges.packed.since[oldest] < reader.head().size
    kept.edges.packed.arrays["head"][oldest] += 2
