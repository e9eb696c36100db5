"""What a limit cuts off a trace, and what it does not."""

from __future__ import annotations

import pytest

from lineage.ledger import Event, EventKind, Ledger, Statement, TraceQuery
from lineage_schemas.graph import Direction, LineageAnswer, Truncation, TruncationReason

RING = 10
"""Artifacts in the ring, with as many executions between them."""


def event(artifact: str, execution: str, kind: EventKind) -> Event:
    return Event(artifact=f"acme:{artifact}", execution=f"acme:run/{execution}", kind=kind)


@pytest.fixture
def ring(ledger: Ledger) -> Ledger:
    records = [
        record
        for number in range(RING)
        for record in (
            event(f"file/{number}", str(number), EventKind.INPUT),
            event(f"file/{(number + 1) % RING}", str(number), EventKind.OUTPUT),
        )
    ]
    ledger.record([Statement(id="ring", source="ci", records=tuple(records))])
    return ledger


def both_ways(ledger: Ledger, nodes: int, depth: int | None = None) -> LineageAnswer:
    start = ("acme:file/0",)
    if depth is None:
        return ledger.trace(TraceQuery(start=start, direction=Direction.BOTH, nodes=nodes))
    return ledger.trace(TraceQuery(start=start, direction=Direction.BOTH, nodes=nodes, depth=depth))


@pytest.mark.parametrize("nodes", [2 * RING, 2 * RING + 5])
def test_what_both_ways_find_takes_up_room_once(ring: Ledger, nodes: int) -> None:
    answer = both_ways(ring, nodes)
    assert len(answer.nodes) == len(answer.edges) == 2 * RING
    assert (answer.truncations, answer.complete) == ((), True)


def test_a_limit_of_nodes_hides_what_neither_way_found(ring: Ledger) -> None:
    answer = both_ways(ring, 2 * RING - 1)
    assert len(answer.nodes) == 2 * RING - 1
    cut = Truncation(reason=TruncationReason.NODES, limit=2 * RING - 1, hidden=1)
    assert answer.truncations == (cut,)


@pytest.mark.parametrize(("depth", "hidden"), [(3, 2), (9, 1), (10, 0)])
def test_a_limit_of_depth_hides_what_neither_way_found(
    ring: Ledger, depth: int, hidden: int
) -> None:
    """By hand: 3 edges away each way are 7 of 20 nodes, and 2 more are seen; 9 away leave one."""
    answer = both_ways(ring, 100, depth)
    assert len(answer.nodes) == min(2 * depth + 1, 2 * RING)
    cut = Truncation(reason=TruncationReason.DEPTH, limit=depth, hidden=hidden)
    assert answer.truncations == (cut,)
    assert not answer.complete


def test_no_edge_is_left_out_by_fan_out_where_the_depth_ends(ledger: Ledger) -> None:
    records = (
        event("raw", "1", EventKind.INPUT),
        event("raw", "1", EventKind.DECLARED_INPUT),
        event("made", "1", EventKind.OUTPUT),
    )
    ledger.record([Statement(id="one", source="ci", records=records)])
    short = ledger.trace(TraceQuery(start=("acme:made",), fanout=1, depth=1))
    assert short.truncations == (Truncation(reason=TruncationReason.DEPTH, limit=1, hidden=1),)
    longer = ledger.trace(TraceQuery(start=("acme:made",), fanout=1, depth=2))
    assert longer.truncations == (Truncation(reason=TruncationReason.FANOUT, limit=1, hidden=1),)
