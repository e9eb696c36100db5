"""The graphs of one process take no more memory than they may, and are answered all the same."""

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from kept_graphs import opened, said_to_be_one, steps, traced
from lineage.graph import reading
from lineage.graph.accounts import MemoryAccounts
from lineage.graph.adjacency import OPEN, EdgePiece
from lineage.graph.edge_index import ADDED_EDGE_BYTES, AddedEdges, EdgeIndex
from lineage.graph.index import GraphIndex
from lineage.graph.link_index import Claim, IndexedLinks, LinkChanges, pack_links
from lineage.graph.packing import NO_CLOSINGS, NOTHING_PACKED, pack_edges, packed_bytes
from lineage.graph.reading import GraphArrays
from lineage.service import Ledger
from lineage.stores.base import Reader
from lineage_schemas.graph import LineageAnswer

ITEMS = 5_000
GROWN_BYTES_MAX = 10_000


def with_memory(ledger: Ledger, nbytes: int) -> GraphIndex:
    """Give the graph of a ledger so much memory, and forget what it holds."""
    graph = ledger._graph = ledger.graph._graph = GraphIndex(nbytes)
    return graph


def in_store(ledger: Ledger) -> LineageAnswer:
    """Trace the chain without any graph in memory."""
    graph = ledger._graph
    with_memory(ledger, 0)
    answer = traced(ledger)
    ledger._graph = ledger.graph._graph = graph
    return answer


def kept_of(graph: GraphIndex, namespace: int) -> GraphArrays | None:
    return graph._places[namespace].kept


def test_a_graph_that_grows_past_the_limit_is_asked_of_the_store(ledger: Ledger) -> None:
    graph = with_memory(ledger, GROWN_BYTES_MAX)
    was_kept: list[bool] = []
    for first in range(0, 160, 20):
        ledger.record([*steps(first, first + 20), said_to_be_one(first, first + 3)])
        assert traced(ledger) == in_store(ledger)
        kept = kept_of(graph, 0)
        assert graph._accounts.taken == (0 if kept is None else kept.nbytes) <= GROWN_BYTES_MAX
        was_kept.append(kept is not None)
    assert was_kept == sorted(was_kept, reverse=True)
    assert was_kept[0]
    assert not was_kept[-1]


def test_what_fits_only_without_a_tail_is_packed_again(ledger: Ledger) -> None:
    ledger.record(steps(0, 20))
    graph = with_memory(ledger, 12_000)
    traced(ledger)
    for first in range(20, 60):
        ledger.record(steps(first, first + 1))
        traced(ledger)
        kept = kept_of(graph, 0)
        assert kept is not None
        assert kept.nbytes <= 12_000
    # Forty steps of two edges would have taken more than all there is.
    assert 80 * ADDED_EDGE_BYTES > 12_000
    assert traced(ledger) == in_store(ledger)


def test_two_namespaces_that_are_read_at_once_share_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier = Barrier(2)
    real = reading._edge_pages

    def together(reader: Reader, namespace: int) -> object:
        barrier.wait(10)
        return real(reader, namespace)

    with opened(tmp_path / "a.db") as ledger:
        for namespace in ("first", "second"):
            ledger.record(steps(0, 100), namespace=namespace)
        traced(ledger, namespace="first")
        kept = kept_of(ledger._graph, 1)
        assert kept is not None
        graph = with_memory(ledger, kept.nbytes * 3 // 2)
        monkeypatch.setattr(reading, "_edge_pages", together)
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(traced, ledger, namespace=name) for name in ("first", "second")]
            assert [len(one.result().nodes) for one in asked] == [201, 201]
        assert sorted(kept_of(graph, one) is not None for one in (1, 2)) == [False, True]
        assert graph._accounts.taken == kept.nbytes


def test_a_question_that_fails_leaves_no_room_taken(ledger: Ledger) -> None:
    ledger.record(steps(0, 20))
    graph = with_memory(ledger, 1 << 20)

    def stopped(_: int, __: int) -> None:
        raise KeyboardInterrupt

    graph._progress = stopped
    with pytest.raises(KeyboardInterrupt):
        traced(ledger)
    assert graph._accounts.taken == 0


def test_of_two_that_outgrow_the_limit_together_one_gives_way() -> None:
    accounts = MemoryAccounts(100)
    assert accounts.reserve(1, 50)
    assert accounts.reserve(2, 50)
    assert not accounts.reserve(1, 60)
    assert accounts.reserve(2, 100)
    assert accounts.taken == 100
    accounts.release(2)
    assert accounts.taken == 0


def test_edges_between_few_rows_take_what_is_said() -> None:
    drawn = np.random.default_rng(7)
    for rows, edges in ((10, 300), (4_000, 300)):
        tail, head = drawn.integers(0, rows, (2, edges))
        tail[0] = rows - 1
        columns = np.arange(edges), np.full(edges, OPEN), np.zeros(edges, np.int64)
        kind = np.full(edges, 2, dtype=np.int8)
        packed = pack_edges([EdgePiece(tail, head, kind, *columns)], edges)
        # Two arrays of starts are one longer than there are rows.
        assert packed.nbytes == packed_bytes(edges, rows) + 8


def memory_of(make: Callable[[], object]) -> int:
    tracemalloc.start()
    made = make()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del made
    return taken


def added_edges() -> AddedEdges:
    added = AddedEdges(0)
    for number in range(ITEMS):
        row = 1_000_000 + 2 * number
        stated_us = 1_700_000_000_000_000 + number
        added.add((row, row + 1, 2, 3_000_000 + number), 2, stated_us)
    return added


def changed_links() -> IndexedLinks:
    changes: LinkChanges = {
        (1 << 46) + one: (Claim((1 << 50) + one, 1, (1 << 60) + one, 1_000 + one, None),)
        for one in range(ITEMS)
    }
    return IndexedLinks.of(pack_links(1, (), 0)).extended(changes, 1 << 20)


def test_a_tail_takes_no_more_than_is_counted() -> None:
    edges = EdgeIndex(1, NOTHING_PACKED, added_edges(), NO_CLOSINGS, 0)
    taken = memory_of(added_edges)
    assert edges.nbytes / 2 < taken <= edges.nbytes


def test_changed_links_take_no_more_than_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineage.graph.link_index.CHANGED_NODES_MIN", ITEMS)
    taken = memory_of(changed_links)
    nbytes = changed_links().nbytes
    assert nbytes / 2 < taken <= nbytes
