"""A fault underneath leaves the graph in memory as true as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kept_graphs import FailingReader, opened, said_to_be_one, steps, traced
from lineage.graph import reading
from lineage.graph.adjacency import edges_at
from lineage.graph.index import GraphIndex, GraphSnapshot, stored_graph
from lineage.graph.link_index import IndexedLinks
from lineage.service import Ledger
from lineage.stores.base import Reader
from lineage.vertices import vertex_of
from lineage_schemas.errors import StoreError

NAMESPACE = 1
ROWS = range(200)


def edges_of(snapshot: GraphSnapshot, size: int) -> list[list[int]]:
    """Return all edges of a snapshot, oldest first."""
    found = edges_at(snapshot.adjacency, ROWS, size)
    return [column.tolist() for column in snapshot.adjacency.columns(found)]


def assert_true(graph: GraphIndex, reader: Reader) -> None:
    size = reader.head().size
    kept, stored = graph.snapshot(reader, NAMESPACE), stored_graph(reader, NAMESPACE)
    assert edges_of(kept, size) == edges_of(stored, size)
    assert kept.links.vertices == stored.links.vertices


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with opened(tmp_path / "a.db") as one:
        one.record(steps(0, 3))
        yield one


def test_a_question_of_the_store_that_fails_leaves_the_graph_as_it_was(ledger: Ledger) -> None:
    graph = GraphIndex()
    failures = 0
    for at in range(1, 100):
        ledger.record([*steps(2 + at, 3 + at), said_to_be_one(0, at)])
        with ledger._store.read() as reader:
            failing = FailingReader(reader, at)
            try:
                graph.snapshot(failing, NAMESPACE)  # type: ignore[arg-type]
            except StoreError:
                failures += 1
            assert_true(graph, reader)
        if failing.asked < at:
            break
    assert failures == at - 1 > 4


def test_a_fault_while_the_graph_is_extended_doubles_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced(ledger)
    ledger.record(steps(3, 4))

    def out_of_memory(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(IndexedLinks, "extended", out_of_memory)
        with pytest.raises(MemoryError):
            traced(ledger)
    assert len(traced(ledger).edges) == 8
    assert ledger.audit().clean


def test_an_edge_that_was_never_seen_is_told_once_and_the_graph_read_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced(ledger)
    ledger.record(steps(3, 4))
    ends = vertex_of(NAMESPACE, 1, 77), vertex_of(NAMESPACE, 2, 77)
    closed = (*ends, "INPUT", 0, 1 << 40, None, None)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "edges_since", lambda *_: [closed])
        with pytest.raises(StoreError, match="never seen"):
            traced(ledger)
    assert len(traced(ledger).edges) == 8
