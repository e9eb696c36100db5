"""What came late, where something was erased of what it was about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lineage.ledger import (
    Artifact,
    ErasureRequest,
    HistoryQuery,
    LateQuery,
    Ledger,
    PartsErased,
    StatedTime,
    Statement,
    open_ledger,
)
from lineage.projections.retellings import RETOLD
from lineage.stores.bound import BoundReader
from lineage.stores.tables import Cell, Row, Table
from lineage_schemas.entry import StoredEntry

DATA = "acme:data"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEVER = LateQuery(lag=10**9)
"""So that nothing is late by its lag."""


def said(name: str, days: int, key: str = DATA) -> Statement:
    record = Artifact(key=key, type="lineage.DataSet", name=name)
    stated = StatedTime(start=NOON + timedelta(days=days))
    return Statement(id=name, source="scan", stated=stated, records=(record,))


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Ledger]:
    """Tell of one thing in the order of time but for the last, and of another once."""
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for name, days, key in (("first", -9, DATA), ("new", 9, DATA), ("old", 0, DATA)):
            ledger.record([said(name, days, key)])
        ledger.record([said("other", 0, "acme:other")])
        yield ledger


def erase(ledger: Ledger, statement: str) -> int:
    (position,) = (
        one.position
        for one in ledger.graph.history(HistoryQuery(node=DATA)).entries
        if one.statement == statement
    )
    request = ErasureRequest(
        targets=(position,),
        parts=PartsErased.ALL,
        legal_basis="contract",
        requester="ada",
        approver="bob",
        reason="asked for",
    )
    ledger.erasures.erase(request)
    return position


def late(ledger: Ledger) -> tuple[list[str], int, list[int], int]:
    answer = ledger.graph.late(NEVER)
    erased = [one.position for one in answer.redactions]
    found = [one.statement for one in answer.records]
    return found, answer.unjudged, erased, answer.basis.redactions


def test_what_was_overtaken_is_late(told: Ledger) -> None:
    assert late(told) == (["old"], 0, [], 0)


def test_of_an_erased_entry_it_is_not_known_whether_it_was_overtaken(told: Ledger) -> None:
    position = erase(told, "old")
    assert late(told) == ([], 1, [position], 1)


def test_what_an_erased_entry_overtook_is_not_known(told: Ledger) -> None:
    """The entry that was erased, and the one that came after it, may both have been late."""
    position = erase(told, "new")
    assert late(told) == ([], 2, [position], 1)


def test_an_erasure_leaves_a_lag_known(told: Ledger) -> None:
    erase(told, "old")
    assert "old" in {one.statement for one in told.graph.late(LateQuery(lag=0)).records}


def test_no_retelling_of_another_namespace_is_read(
    told: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        told.record([said(f"again {number}", number, "acme:busy")], namespace="busy")
    asked: list[Cell] = []
    kept = BoundReader.find

    def find(
        self: BoundReader,
        table: Table,
        column: str,
        values: Iterable[Cell],
        size: int | None = None,
    ) -> list[Row]:
        values = list(values)
        if (table, column) == (RETOLD, "since"):
            asked.extend(values)
        return kept(self, table, column, values, size)

    def scan(self: BoundReader, table: Table, after: Row | None, count: int) -> list[Row]:
        assert table is not RETOLD
        return scanned(self, table, after, count)

    scanned = BoundReader.scan
    monkeypatch.setattr(BoundReader, "find", find)
    monkeypatch.setattr(BoundReader, "scan", scan)
    assert late(told)[0] == ["old"]
    assert len(asked) == 4


def test_entries_of_a_history_that_follow_one_another_are_read_at_once(
    told: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: three entries in a row, one of another thing, and one more."""
    told.record([said("last", 30)])
    runs: list[int] = []
    kept = BoundReader.entries

    def entries(self: BoundReader, start: int, count: int) -> list[StoredEntry]:
        runs.append(count)
        return kept(self, start, count)

    monkeypatch.setattr(BoundReader, "entries", entries)
    answer = told.graph.history(HistoryQuery(node=DATA))
    assert [one.statement for one in answer.entries] == ["first", "new", "old", "last"]
    assert runs == [3, 1]
