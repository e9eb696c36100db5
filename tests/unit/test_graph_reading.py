"""What is read to bring a graph up to date is what changed, however large the rest is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kept_graphs import opened, steps, traced
from lineage.graph import reading
from lineage.ledger import Event, EventKind, Statement
from lineage.projections.edges import EDGE
from lineage.service import Ledger
from lineage.stores.sqlite.transactions import SqliteReader
from lineage.stores.tables import Row, Table
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Envelope

OUTPUTS = 500


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with opened(tmp_path / "a.db") as one:
        yield one


@pytest.fixture
def edges_read(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """Return the rows of edges that are found in the store, as they are."""
    found: list[Row] = []

    def noted(find: Callable[..., list[Row]]) -> Callable[..., list[Row]]:
        def passed_on(reader: SqliteReader, table: Table, *given: object) -> list[Row]:
            rows = find(reader, table, *given)
            found.extend(rows if table is EDGE else [])
            return rows

        return passed_on

    for name in ("find", "find_pairs"):
        monkeypatch.setattr(SqliteReader, name, noted(getattr(SqliteReader, name)))
    return found


def outputs(first: int, last: int) -> Statement:
    """Return what says of one run that it made some artifacts."""
    return Statement(
        id=f"outputs {first}",
        source="ci",
        records=tuple(
            Event(artifact=f"acme:o/{number}", execution="acme:e/0", kind=EventKind.OUTPUT)
            for number in range(first, last)
        ),
    )


def test_one_more_edge_of_a_large_execution_is_read_alone(
    ledger: Ledger, edges_read: list[Row]
) -> None:
    ledger.record([*steps(0, 1), outputs(0, OUTPUTS)])
    assert len(traced(ledger).edges) == OUTPUTS + 2
    edges_read.clear()
    ledger.record([outputs(OUTPUTS - 1, OUTPUTS + 1)])
    # The one that is there already, when it is folded; both, when the graph is brought up to date.
    assert len(edges_read) == 1
    ledger.find("acme:e/0")
    traced(ledger)
    assert len(edges_read) == 1 + 2
    assert len(traced(ledger).edges) == OUTPUTS + 3


def test_entries_of_another_namespace_are_not_taken_apart(
    ledger: Ledger, edges_read: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def noted(body: bytes) -> Envelope:
        envelope = decode_envelope(body)
        decoded.append(envelope.namespace)
        return envelope

    ledger.record(steps(0, 5), namespace="quiet")
    assert len(traced(ledger, namespace="quiet").edges) == 10
    ledger.record(steps(0, 9), namespace="busy")
    ledger.record(steps(5, 6), namespace="quiet")
    monkeypatch.setattr(reading, "decode_envelope", noted)
    edges_read.clear()
    assert len(traced(ledger, namespace="quiet").edges) == 12
    assert set(decoded) == {"quiet"}
    assert len(edges_read) == 2
