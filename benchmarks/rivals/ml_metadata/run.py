"""Measure ML Metadata: its Python client on its SQLite store, in this process.

Runs in an environment of its own (see `../setup.sh`), on CPython 3.11, and takes from this
repository only `benchmarks.data` and `benchmarks.side`. The command line is that of `side.main`.
"""
# ruff: noqa: INP001 - a program, not a module of a package
# mypy: disable-error-code="import-not-found,import-untyped"

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as pb
from ml_metadata.proto import metadata_store_service_pb2 as service

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.data import CONTEXT_RUN, Counts, History, Node, Step, uri
from benchmarks.side import main

Message = TypeVar("Message", pb.Artifact, pb.Execution, pb.Context)
PROPERTIES = {"size": pb.INT, "label": pb.STRING}
TUNED = "BENCH_RIVAL_WAL"
MOST_HOPS = 100
"""ML Metadata walks no further, whatever it is asked."""


class MlMetadata:
    """The side of ML Metadata, given the cheapest calls that store the same."""

    name = "ml-metadata (WAL)" if TUNED in os.environ else "ml-metadata"
    _store: MetadataStore
    _artifact: int
    _execution: int
    _context: int
    _ids: list[int]

    def versions(self) -> dict[str, str]:
        """Name the wheel and the protobuf runtime below it."""
        return {name: version(name) for name in ("ml-metadata", "protobuf")}

    def open(self, directory: Path) -> None:
        """Open the database with the settings that the library chooses.

        It offers no others, but a file that is already in WAL mode stays in it.
        """
        file = _database(directory)
        if TUNED in os.environ and not file.exists():
            with closing(sqlite3.connect(file)) as database:
                database.execute("PRAGMA journal_mode = WAL")
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(file)
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = MetadataStore(config)

    def close(self) -> None:
        """Close the database, which happens when the store object dies."""
        del self._store

    def prepare(self, history: History) -> None:
        """Declare one type of each kind and write the first artifacts."""
        put = self._store
        self._artifact = put.put_artifact_type(pb.ArtifactType(name="A", properties=PROPERTIES))
        self._execution = put.put_execution_type(pb.ExecutionType(name="E", properties=PROPERTIES))
        self._context = put.put_context_type(pb.ContextType(name="C", properties=PROPERTIES))
        first = history.artifacts[: history.roots]
        self._ids = list(put.put_artifacts([self._new_artifact(node) for node in first]))

    def ingest_batches(self, history: History) -> None:
        """Put subgraphs; the context is found by its name, and made by the first that needs it."""
        for start in range(0, len(history.steps), CONTEXT_RUN):
            steps = history.steps[start : start + CONTEXT_RUN]
            base = history.roots + start
            made = history.artifacts[base : base + len(steps)]
            _, ids, _ = self._store.put_lineage_subgraph(
                [self._new_execution(step.execution) for step in steps],
                [self._new_artifact(node) for node in made],
                [self._new_context(history.contexts[steps[0].context])],
                list(self._edges(steps, base)),
                reuse_context_if_already_exist=True,
            )
            self._ids += ids

    def ingest_single(self, history: History) -> None:
        """Put one execution a call; inputs are named by id alone, so that they are not rewritten.

        An input given as an artifact would be replaced as a whole, and its properties lost.
        """
        for place, step in enumerate(history.steps, history.roots):
            reads = [
                (None, pb.Event(type=pb.Event.INPUT, artifact_id=self._ids[read]))
                for read in step.inputs
            ]
            made = self._new_artifact(history.artifacts[place])
            _, ids, _ = self._store.put_execution(
                self._new_execution(step.execution),
                [*reads, (made, pb.Event(type=pb.Event.OUTPUT))],
                [self._new_context(history.contexts[step.context])],
                reuse_context_if_already_exist=True,
            )
            self._ids.append(ids[-1])

    def ingest_callers(self, history: History) -> None:
        """Refuse: one store object serves one caller at a time."""
        raise SystemExit(f"ml-metadata serves one caller a store, not {history.lanes}")

    def stored(self, directory: Path) -> Counts:
        """Count rows with the standard library's own SQLite."""
        tables = ("Artifact", "Execution", "Event")
        with closing(sqlite3.connect(_database(directory))) as database:
            artifacts, executions, events = (
                int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
                for table in tables
            )
        return Counts(artifacts + executions, events)

    def locate(self, artifact: str) -> str:
        """Find the artifact's id, and say it in the filter language."""
        return f"id = {self._store.get_artifact_by_type_and_name('A', artifact).id}"

    def upstream_ids(self, start: str) -> Counts:
        """Call the service below the client, which answers with bare ids and events."""
        request = service.GetLineageSubgraphRequest(lineage_subgraph_query_options=_upstream(start))
        request.read_mask.paths.extend(["artifacts", "executions", "events"])
        response = service.GetLineageSubgraphResponse()
        self._store._call("GetLineageSubgraph", request, response)  # noqa: SLF001 - no public way
        return _counts(response.lineage_subgraph)

    def upstream_whole(self, start: str) -> Counts:
        """Call the client, which fetches every node and its type; contexts are not asked for."""
        wanted = ["artifacts", "executions", "events", "artifact_types", "execution_types"]
        return _counts(self._store.get_lineage_subgraph(_upstream(start), wanted))

    def _edges(
        self, steps: tuple[Step, ...], base: int
    ) -> Iterator[tuple[int, int | None, pb.Event]]:
        """Tie inputs and outputs to executions, by index within the batch and by id outside."""
        for index, step in enumerate(steps):
            for read in step.inputs:
                if read < base:
                    event = pb.Event(type=pb.Event.INPUT, artifact_id=self._ids[read])
                    yield index, None, event
                else:
                    yield index, read - base, pb.Event(type=pb.Event.INPUT)
            yield index, index, pb.Event(type=pb.Event.OUTPUT)

    def _new_artifact(self, node: Node) -> pb.Artifact:
        return _filled(pb.Artifact(type_id=self._artifact, uri=uri(node)), node)

    def _new_execution(self, node: Node) -> pb.Execution:
        return _filled(pb.Execution(type_id=self._execution), node)

    def _new_context(self, node: Node) -> pb.Context:
        return _filled(pb.Context(type_id=self._context), node)


def _filled(message: Message, node: Node) -> Message:
    message.name = node.name
    message.properties["size"].int_value = node.size
    message.properties["label"].string_value = node.label
    return message


def _database(directory: Path) -> Path:
    return directory / "mlmd.db"


def _upstream(start: str) -> pb.LineageSubgraphQueryOptions:
    options = pb.LineageSubgraphQueryOptions(
        max_num_hops=MOST_HOPS, direction=pb.LineageSubgraphQueryOptions.UPSTREAM
    )
    options.starting_artifacts.filter_query = start
    return options


def _counts(graph: pb.LineageGraph) -> Counts:
    return Counts(len(graph.artifacts) + len(graph.executions), len(graph.events))


if __name__ == "__main__":
    main(MlMetadata())
