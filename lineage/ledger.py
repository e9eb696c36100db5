"""The embedded Python API: open a ledger inside your own process.

>>> from lineage import open_ledger
>>> from lineage.ledger import Artifact, Event, EventKind, Execution, Statement, TraceQuery
>>> with open_ledger("memory:") as ledger:
...     receipts = ledger.record(
...         [
...             Statement(
...                 id="training-1",
...                 source="notebook",
...                 records=(
...                     Execution(key="acme:run/1", type="lineage.Train", name="train"),
...                     Event(
...                         artifact="uri:file:///a.csv",
...                         execution="acme:run/1",
...                         kind=EventKind.INPUT,
...                     ),
...                     Artifact(key="uri:file:///model.bin", type="lineage.Model"),
...                     Event(
...                         artifact="uri:file:///model.bin",
...                         execution="acme:run/1",
...                         kind=EventKind.OUTPUT,
...                     ),
...                 ),
...             )
...         ]
...     )
...     answer = ledger.trace(TraceQuery(start=("uri:file:///model.bin",)))
>>> [(node.key, node.depth) for node in answer.nodes]
[('uri:file:///model.bin', 0), ('acme:run/1', 1), ('uri:file:///a.csv', 2)]
>>> answer.stubs, answer.complete
(1, True)
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lineage.clock import Clock, Randomness, system_clock, system_randomness
from lineage.projections.views import TABLES
from lineage.questions.trace import TraceQuery
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage.writing.submission import Outcome, Principal, Receipt
from lineage_schemas.graph import Direction
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    ParentContext,
)
from lineage_schemas.records import (
    Claim,
    LinkClass,
    MetricSeries,
    Mode,
    Retraction,
    StatedTime,
    Statement,
)

__all__ = [
    "Artifact",
    "ArtifactState",
    "Association",
    "Attribution",
    "Claim",
    "Context",
    "Direction",
    "Event",
    "EventKind",
    "Execution",
    "ExecutionState",
    "Kind",
    "Ledger",
    "LinkClass",
    "MetricSeries",
    "Mode",
    "Outcome",
    "ParentContext",
    "Principal",
    "Receipt",
    "Retraction",
    "StatedTime",
    "Statement",
    "TraceQuery",
    "open_ledger",
]

ORIGIN_BYTES: Final = 8


def open_ledger(
    location: str | Path,
    *,
    clock: Clock = system_clock,
    randomness: Randomness = system_randomness,
) -> Ledger:
    """Open the ledger at ``location``, or make a new one there.

    ``location`` is a path (a SQLite file), ``sqlite:///path``, or ``memory:`` for one that lives as
    long as the process. ``clock`` returns microseconds since the epoch, ``randomness`` that many
    unpredictable bytes; tests give their own.

    Raises:
        StoreError: the store cannot be opened, is not a ledger, or is of a later version.
        InvalidInputError: a kind of store this software does not know.
    """
    new_origin = f"lineage-ledger/{randomness(ORIGIN_BYTES).hex()}"
    return Ledger(open_store(location, TABLES, new_origin), clock, randomness)
