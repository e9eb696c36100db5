"""The ledger's side: embedded, on a SQLite file, through the one door every surface uses."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from queue import Queue
from threading import Thread

from benchmarks.data import CONTEXT_RUN, Counts, History, Node, Step, uri
from benchmarks.side import main
from lineage import open_ledger
from lineage.clock import system_clock, system_randomness
from lineage.intake import Delivery
from lineage.ledger import (
    Artifact,
    Association,
    Attribution,
    Context,
    Direction,
    Event,
    EventKind,
    Execution,
    Ledger,
    Mode,
    Statement,
    TraceQuery,
)
from lineage.projections.views import TABLES
from lineage.questions.trace import NODES_MAX
from lineage.stores.opening import open_store
from lineage.writing.submission import Receipt
from lineage_schemas.errors import LedgerError
from lineage_schemas.mlmd import ArtifactType, ContextType, ExecutionType
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import PropertyType

SOURCE = "bench"
DEPTH = 100
"""As far as ML Metadata walks at the most."""

PROPERTIES = {"size": PropertyType.INT, "label": PropertyType.STRING}


class Ours:
    """Lineage Ledger."""

    name = "lineage-ledger"

    def versions(self) -> dict[str, str]:
        """Name what decides the speed."""
        return {
            "sqlite": sqlite3.sqlite_version,
            **{name: version(name) for name in ("msgspec", "numpy")},
        }

    def open(self, directory: Path) -> None:
        """Open the ledger and its graph, as a service does before it takes questions."""
        self._ledger: Ledger = self.open_ledger(directory)
        self._ledger.prepare_graph()

    def open_ledger(self, directory: Path) -> Ledger:
        """Open the ledger as users do; ``BENCH_UNSIGNED`` opens one that signs nothing."""
        path = _database(directory)
        if "BENCH_UNSIGNED" in os.environ:
            return Ledger(
                open_store(path, TABLES, "bench/unsigned"), system_clock, system_randomness
            )
        return open_ledger(path)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def prepare(self, history: History) -> None:
        """Put one type of each kind and write the first artifacts."""
        types: tuple[AnyRecord, ...] = (
            ArtifactType(name="A", properties=PROPERTIES),
            ExecutionType(name="E", properties=PROPERTIES),
            ContextType(name="C", properties=PROPERTIES),
        )
        roots = tuple(_artifact(node) for node in history.artifacts[: history.roots])
        self._ledger.record(
            [
                Statement(id="types", source=SOURCE, mode=Mode.COMMAND, records=types),
                Statement(id="roots", source=SOURCE, records=roots),
            ]
        )

    def ingest_batches(self, history: History) -> None:
        """Record one statement an execution, ``CONTEXT_RUN`` of them a batch."""
        self.ingest_places(history, range(len(history.steps)))

    def ingest_places(self, history: History, places: range, batch: int = CONTEXT_RUN) -> None:
        """Record the steps at these places, so many of them a batch."""
        described: set[int] = set()
        for start in range(0, len(places), batch):
            chosen = places[start : start + batch]
            self._ledger.record(_statements(history, chosen, described))

    def ingest_single(self, history: History) -> None:
        """Record one execution a call."""
        described: set[int] = set()
        for place in range(len(history.steps)):
            self._ledger.record(_statements(history, [place], described))

    def ingest_callers(self, history: History) -> None:
        """Record one execution a call from many threads, over one writer that groups commits."""
        writer = _GroupingWriter(self._ledger)
        contexts = tuple(_context(node) for node in history.contexts)
        self._ledger.record([Statement(id="contexts", source=SOURCE, records=contexts)])
        described = set(range(len(history.contexts)))

        def run_lane(lane: int) -> None:
            for place in range(lane, len(history.steps), history.lanes):
                statements = _statements(history, [place], described)
                writer.record(self._ledger.prepare(statements)).result()

        with ThreadPoolExecutor(history.lanes) as callers:
            list(callers.map(run_lane, range(history.lanes)))
        writer.stop()

    def stored(self, directory: Path) -> Counts:
        """Count rows with the standard library's own SQLite."""
        with closing(sqlite3.connect(_database(directory))) as database:
            # Contexts are code 3 of the two bits above the id; those above say the namespace.
            nodes = database.execute("SELECT count(*) FROM node WHERE vertex >> 44 & 3 != 3")
            events = database.execute("SELECT count(*) FROM edge")
            return Counts(int(nodes.fetchone()[0]), int(events.fetchone()[0]))

    def locate(self, artifact: str) -> str:
        """Return the artifact's key."""
        return _artifact_key(artifact)

    def upstream_ids(self, start: str) -> Counts:
        """Trace, by ids alone."""
        answer = self._ledger.trace_ids(_upstream(start))
        return Counts(len(answer.nodes.ids), len(answer.edges.kinds))

    def upstream_whole(self, start: str) -> Counts:
        """Trace, with every node and its properties."""
        answer = self._ledger.trace(_upstream(start))
        return Counts(len(answer.nodes), len(answer.edges))


class _GroupingWriter:
    """One writer thread over a queue, as the HTTP surface has it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._queue: Queue[tuple[Delivery, Future[list[Receipt]]] | None] = Queue()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def record(self, delivery: Delivery) -> Future[list[Receipt]]:
        """Queue a delivery; its future is done once it is durable."""
        future: Future[list[Receipt]] = Future()
        self._queue.put((delivery, future))
        return future

    def stop(self) -> None:
        """End the thread once the queue is empty."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            while not self._queue.empty() and (more := self._queue.get()) is not None:
                group.append(more)
            outcomes = self._ledger.commit([delivery for delivery, _ in group])
            for (_, future), outcome in zip(group, outcomes, strict=True):
                if isinstance(outcome, LedgerError):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)


def _statements(
    history: History, places: Iterable[int], described: set[int]
) -> Iterable[Statement]:
    for place in places:
        yield _statement(history, place, history.steps[place], described)


def _statement(history: History, place: int, step: Step, described: set[int]) -> Statement:
    """Say one execution; its context is described by the first that needs it."""
    execution = _execution(step.execution)
    made = _artifact(history.artifacts[history.roots + place])
    context = _context(history.contexts[step.context])
    records: list[AnyRecord] = [execution, made]
    if step.context not in described:
        described.add(step.context)
        records.append(context)
    records += _joins(history.artifacts, step, execution, made, context)
    return Statement(id=f"step-{place}", source=SOURCE, records=tuple(records))


def _joins(
    artifacts: Sequence[Node],
    step: Step,
    execution: Execution,
    made: Artifact,
    context: Context,
) -> list[AnyRecord]:
    ran, output, group = execution.key or "", made.key or "", context.key or ""
    reads: list[AnyRecord] = [
        Event(artifact=_artifact_key(artifacts[read].name), execution=ran, kind=EventKind.INPUT)
        for read in step.inputs
    ]
    return [
        *reads,
        Event(artifact=output, execution=ran, kind=EventKind.OUTPUT),
        Association(context=group, execution=ran),
        Attribution(context=group, artifact=output),
    ]


def _artifact_key(name: str) -> str:
    return f"bench:artifact/{name}"


def _artifact(node: Node) -> Artifact:
    return Artifact(
        key=_artifact_key(node.name),
        type="A",
        name=node.name,
        uri=uri(node),
        properties={"size": node.size, "label": node.label},
    )


def _execution(node: Node) -> Execution:
    return Execution(
        key=f"bench:execution/{node.name}",
        type="E",
        name=node.name,
        properties={"size": node.size, "label": node.label},
    )


def _context(node: Node) -> Context:
    return Context(
        key=f"bench:context/{node.name}",
        type="C",
        name=node.name,
        properties={"size": node.size, "label": node.label},
    )


def _database(directory: Path) -> Path:
    return directory / "ledger.db"


def _upstream(start: str) -> TraceQuery:
    return TraceQuery(start=(start,), direction=Direction.UPSTREAM, depth=DEPTH, nodes=NODES_MAX)


if __name__ == "__main__":
    main(Ours())
