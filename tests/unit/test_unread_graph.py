"""A question that does not walk is answered without the graph in memory, and alike with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from lineage.graph import index
from lineage.graph.reading import GraphArrays, read_graph
from lineage.ledger import (
    ColumnsQuery,
    Event,
    EventKind,
    HistoryQuery,
    Ledger,
    Statement,
    TraceQuery,
)

DATA: Final = "acme:data"
ASK: Final[dict[str, Callable[[Ledger], object]]] = {
    "show": lambda ledger: ledger.show(DATA),
    "history": lambda ledger: ledger.graph.history(HistoryQuery(node=DATA)),
    "late": lambda ledger: ledger.graph.late(),
    "columns": lambda ledger: ledger.graph.columns(ColumnsQuery(dataset=DATA)),
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note each graph that is read whole."""
    found: list[int] = []

    def noting(*arguments: object) -> GraphArrays | None:
        found.append(1)
        return read_graph(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "read_graph", noting)
    return found


@pytest.mark.parametrize("name", ASK)
def test_a_question_that_does_not_walk_reads_no_graph(
    ledger: Ledger, read: list[int], name: str
) -> None:
    used = Event(artifact=DATA, execution="acme:run", kind=EventKind.INPUT)
    ledger.record([Statement(id="one", source="ci", records=(used,))])
    before = ASK[name](ledger)
    assert len(read) == 0
    ledger.trace(TraceQuery(start=(DATA,)))
    assert len(read) == 1
    assert ASK[name](ledger) == before
    assert len(read) == 1
