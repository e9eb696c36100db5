"""Reads a copy of the SQLite file in which an MLflow server keeps its things.

MLflow migrates a file that it merely opens, and SQLite itself writes beside one that it reads. So
the file and its log are copied into a folder of our own, and the copy is only read, once what is
looked up there has an index. The columns are looked up, so that old schemas are read as they are:
what a schema does not have is absent.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from lineage.connectors.mlflow.copying import copied, foreign, opened
from lineage.connectors.mlflow.documents import (
    EXPERIMENT,
    LOGGED_MODEL,
    MODEL_VERSION,
    REGISTERED_MODEL,
    RUN,
    SERIES,
    Point,
    Shown,
    experiment_document,
    logged_model_document,
    number,
    registered_model_document,
    run_document,
    series_subject,
    version_document,
)
from lineage.connectors.mlflow.files import DELETED_VERSION, MODEL_STATES
from lineage.connectors.mlflow.reading import (
    DEFAULT_OPTIONS,
    LISTED,
    TOOL,
    Found,
    ReadingOptions,
    composed,
    has_no_name,
    has_series,
    series,
)
from lineage.connectors.scanning import Document, Listed, Look, Memory, Unread
from lineage_schemas.errors import LedgerError, NotFoundError
from lineage_schemas.values import JsonValue, metric_value

DEFAULT_WORKSPACE: Final = "default"
WORKSPACES_NAMED_MAX: Final = 10

_Row = dict[str, JsonValue]
_NAN: Final = float("nan")


class DatabaseReader:
    """One look at one workspace in a copy of an MLflow database. Always a whole one.

    ``schema`` is MLflow's name for the schema of the file, once it was opened; ``notes`` tell, for
    people, what else the file holds.
    """

    tool = TOOL
    listed = LISTED
    cursor: JsonValue = None

    def __init__(
        self,
        file: Path,
        options: ReadingOptions = DEFAULT_OPTIONS,
        shown_at: datetime | None = None,
        workspace: str = DEFAULT_WORKSPACE,
    ) -> None:
        self.address = file.as_posix()
        self.shown_at = shown_at
        self.schema = ""
        self.notes: list[str] = []
        # SQLite keeps its log beside the file itself, and not beside a link to it.
        self._file = file.resolve()
        self._options = options
        self._workspace = workspace
        self._cut: set[str] = set()

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002 - a copy has no cursor, and is read whole
        """Yield all that the database holds.

        Raises:
            NotFoundError: there is no such file, or no such workspace in it.
            ForeignStoreError: the file is no SQLite database, or none of MLflow's.
        """
        with tempfile.TemporaryDirectory(prefix="lineage-mlflow-") as folder:
            copy = copied(self._file, Path(folder))
            with closing(opened(copy, self.address)) as connection:
                tables = _Tables(connection, self._workspace)
                if not tables.has("experiments") or not tables.has("runs"):
                    raise foreign(self.address)
                self.schema = next(
                    (str(row["version_num"]) for row in tables.all("alembic_version")), ""
                )
                self._find_workspace(tables)
                yield from self._read(tables)

    def _find_workspace(self, tables: _Tables) -> None:
        # Two workspaces may have a model of one name each, which are two models and no revisions
        # of one: each workspace is a server of its own.
        others = tables.workspaces() or {DEFAULT_WORKSPACE}
        is_there = self._workspace in others
        others.discard(self._workspace)
        named = ", ".join(sorted(others)[:WORKSPACES_NAMED_MAX])
        if not is_there:
            raise NotFoundError(
                f"This database has no workspace {self._workspace}",
                where=self.address,
                hint=f"It has: {named}.",
            )
        if others:
            self.notes.append(
                f"Workspaces of this database that were not read: {named}. "
                "Each is a server of its own, by a name of its own"
            )

    def _read(self, tables: _Tables) -> Look:
        parts: tuple[tuple[str, Callable[[_Tables], Iterator[Found]]], ...] = (
            (EXPERIMENT, self._experiments),
            (RUN, self._runs),
            (LOGGED_MODEL, self._logged_models),
            (REGISTERED_MODEL, self._registered_models),
            (MODEL_VERSION, self._versions),
        )
        for kind, read in parts:
            try:
                yield from read(tables)
            except (sqlite3.Error, LedgerError) as error:
                self._cut.add(kind)
                yield Unread(kind, f"{kind}/the rest", f"The database cannot be read on: {error}")
            if kind not in self._cut:
                yield Listed(kind)

    def _experiments(self, tables: _Tables) -> Iterator[Found]:
        for row in tables.all("experiments", "experiment_id"):
            experiment_id = row["experiment_id"]
            shown = {
                **row,
                "experiment_id": str(experiment_id),
                "tags": tables.pairs("experiment_tags", {"experiment_id": experiment_id}),
            }
            yield self._composed(experiment_document, EXPERIMENT, shown)

    def _runs(self, tables: _Tables) -> Iterator[Found]:
        for row in tables.all("runs", "start_time", "run_uuid"):
            run_id = str(row["run_uuid"])
            found = self._composed(run_document, RUN, _run(tables, run_id, row))
            yield found
            if isinstance(found, Document):
                yield from self._series(tables, run_id)

    def _series(self, tables: _Tables, run_id: str) -> Iterator[Found]:
        for name, step in tables.last_steps(run_id):
            if not has_series(self._options.series, step):
                continue
            try:
                yield from series(run_id, name, tables.points(run_id, name), step)
            except LedgerError as error:
                yield Unread(SERIES, series_subject(run_id, name, 0), str(error))

    def _logged_models(self, tables: _Tables) -> Iterator[Found]:
        for row in tables.all("logged_models", "creation_timestamp_ms", "model_id"):
            if row.get("lifecycle_stage") != "deleted":
                shown = _logged_model(tables, row)
                yield self._composed(logged_model_document, LOGGED_MODEL, shown)

    def _registered_models(self, tables: _Tables) -> Iterator[Found]:
        for row in tables.all("registered_models", "name"):
            named = {"name": row["name"], **_workspace(row)}
            shown: _Row = {
                "name": row["name"],
                "creation_timestamp": row.get("creation_time"),
                "last_updated_timestamp": row.get("last_updated_time"),
                "description": row.get("description"),
                "tags": tables.pairs("registered_model_tags", named),
                "aliases": list(tables.where("registered_model_aliases", named)),
            }
            yield self._composed(registered_model_document, REGISTERED_MODEL, shown)

    def _versions(self, tables: _Tables) -> Iterator[Found]:
        for row in tables.all("model_versions", "name", "version"):
            if row.get("current_stage") == DELETED_VERSION:
                continue
            named = {"name": row["name"], "version": row["version"], **_workspace(row)}
            shown = {
                **{name: row.get(name) for name in _VERSION_FIELDS},
                "creation_timestamp": row.get("creation_time"),
                "last_updated_timestamp": row.get("last_updated_time"),
                "tags": tables.pairs("model_version_tags", named),
            }
            yield self._composed(version_document, MODEL_VERSION, shown)

    def _composed(self, compose: Callable[[Shown], Document], kind: str, shown: Shown) -> Found:
        found = composed(compose, kind, shown)
        if has_no_name(found):
            self._cut.add(kind)
        return found


_VERSION_FIELDS: Final = (
    *("name", "version", "description", "user_id", "current_stage", "source", "run_id"),
    *("status", "status_message", "run_link"),
)
_RUN_FIELDS: Final = ("user_id", "status", "start_time", "end_time", "artifact_uri")


def _run(tables: _Tables, run_id: str, row: _Row) -> Shown:
    named: _Row = {"run_uuid": run_id}
    read: _Row = {"destination_type": "RUN", "destination_id": run_id}
    made: _Row = {"source_type": "RUN_OUTPUT", "source_id": run_id}
    datasets: list[JsonValue] = []
    models: list[JsonValue] = []
    for given in tables.where("inputs", read):
        if given["source_type"] == "DATASET":
            datasets += _dataset_inputs(tables, given)
        else:
            models.append({"model_id": given["source_id"]})
    # A run that has read a logged model is kept as RUN_INPUT in some versions.
    models += [
        {"model_id": given["destination_id"]}
        for given in tables.where("inputs", {"source_type": "RUN_INPUT", "source_id": run_id})
    ]
    outputs: list[JsonValue] = [
        {"model_id": output["destination_id"], "step": output.get("step")}
        for output in tables.where("inputs", made)
    ]
    return {
        "info": {
            **{name: row.get(name) for name in _RUN_FIELDS},
            "run_id": run_id,
            "run_name": row.get("name"),
            "experiment_id": str(row.get("experiment_id")),
            "lifecycle_stage": row.get("lifecycle_stage") or "active",
        },
        "data": {
            "params": tables.pairs("params", named),
            "tags": tables.pairs("tags", named),
            "metrics": tables.last_metrics(run_id),
        },
        "inputs": {"dataset_inputs": datasets, "model_inputs": models},
        "outputs": {"model_outputs": outputs},
    }


def _dataset_inputs(tables: _Tables, given: _Row) -> Iterator[JsonValue]:
    tags: list[JsonValue] = [
        {"key": tag["name"], "value": tag["value"]}
        for tag in tables.where("input_tags", {"input_uuid": given["input_uuid"]})
    ]
    for row in tables.where("datasets", {"dataset_uuid": given["source_id"]}):
        dataset = {
            "name": row["name"],
            "digest": row["digest"],
            "source_type": row["dataset_source_type"],
            "source": row["dataset_source"],
            "schema": row.get("dataset_schema"),
            "profile": row.get("dataset_profile"),
        }
        yield {"dataset": dataset, "tags": tags}


def _logged_model(tables: _Tables, row: _Row) -> Shown:
    named = {"model_id": row["model_id"]}
    status = row.get("status")
    metrics: list[JsonValue] = [
        {
            "key": metric["metric_name"],
            "value": _NAN if metric["metric_value"] is None else metric["metric_value"],
            "timestamp": metric["metric_timestamp_ms"],
            "step": metric["metric_step"],
            "run_id": metric.get("run_id"),
            "dataset_name": metric.get("dataset_name"),
            "dataset_digest": metric.get("dataset_digest"),
        }
        for metric in tables.where("logged_model_metrics", named)
    ]
    return {
        "info": {
            "model_id": row["model_id"],
            "experiment_id": str(row.get("experiment_id")),
            "name": row.get("name"),
            "creation_timestamp_ms": row.get("creation_timestamp_ms"),
            "last_updated_timestamp_ms": row.get("last_updated_timestamp_ms"),
            "artifact_uri": row.get("artifact_location"),
            "status": MODEL_STATES.get(status, status) if isinstance(status, int) else status,
            "status_message": row.get("status_message"),
            "model_type": row.get("model_type"),
            "source_run_id": row.get("source_run_id"),
            "tags": tables.pairs("logged_model_tags", named, ("tag_key", "tag_value")),
        },
        "data": {
            "params": tables.pairs("logged_model_params", named, ("param_key", "param_value")),
            "metrics": metrics,
        },
    }


def _workspace(row: _Row) -> _Row:
    return {"workspace": row["workspace"]} if "workspace" in row else {}


class _Tables:
    """The tables of one database, whatever its schema. Names of tables and columns are ours."""

    def __init__(self, connection: sqlite3.Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace
        self._columns: dict[str, tuple[str, ...]] = {}

    def has(self, table: str) -> bool:
        """Tell whether there is such a table."""
        return bool(self._columns_of(table))

    def all(self, table: str, *order: str) -> Iterator[_Row]:
        """Yield the workspace's rows of a table in an order; of one that is not there, none."""
        columns = self._columns_of(table)
        sorted_by = ", ".join(name for name in order if name in columns)
        rest, values = self._of_workspace(columns)
        yield from self._rows(table, f"{rest} ORDER BY {sorted_by}" if sorted_by else rest, values)

    def _of_workspace(self, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        if "workspace" in columns:
            return "WHERE workspace = ?", (self._workspace,)
        if "experiment_id" in columns and "workspace" in self._columns_of("experiments"):
            ids = "SELECT experiment_id FROM experiments WHERE workspace = ?"
            return f"WHERE experiment_id IN ({ids})", (self._workspace,)
        return "", ()

    def workspaces(self) -> set[str]:
        """Return the workspaces that have something; of schemas without workspaces, none."""
        return {
            str(name)
            for table in ("experiments", "registered_models")
            if "workspace" in self._columns_of(table)
            for (name,) in self._connection.execute(f"SELECT DISTINCT workspace FROM {table}")  # noqa: S608 - the two names above
        }

    def where(self, table: str, equal: _Row) -> Iterator[_Row]:
        """Yield the rows whose columns have these values, as far as there are such columns."""
        columns = self._columns_of(table)
        asked = {name: value for name, value in equal.items() if name in columns}
        if columns:
            condition = " AND ".join(f"{name} = ?" for name in asked)
            yield from self._rows(table, f"WHERE {condition}", tuple(asked.values()))

    def pairs(
        self, table: str, equal: _Row, names: tuple[str, str] = ("key", "value")
    ) -> list[JsonValue]:
        """Return keys and values as REST lists them."""
        key, value = names
        return [{"key": row[key], "value": row[value]} for row in self.where(table, equal)]

    def last_metrics(self, run_id: str) -> list[JsonValue]:
        """Return the last value of each metric; schemas without a table of these are searched."""
        if self.has("latest_metrics"):
            rows = self.where("latest_metrics", {"run_uuid": run_id})
            return [_metric(row) for row in rows]
        last: dict[str, tuple[Point, _Row]] = {}
        for row in self.where("metrics", {"run_uuid": run_id}):
            point, key = _point(row), str(row["key"])
            if key not in last or _order(point) >= _order(last[key][0]):
                last[key] = (point, row)
        return [_metric(row) for _, row in last.values()]

    def last_steps(self, run_id: str) -> list[tuple[str, int]]:
        """Return the last step of each metric."""
        return [
            (str(metric["key"]), step if isinstance(step := metric.get("step"), int) else 0)
            for metric in self.last_metrics(run_id)
            if isinstance(metric, dict)
        ]

    def points(self, run_id: str, metric: str) -> Iterator[Point]:
        """Yield the points of a metric in order."""
        columns = self._columns_of("metrics")
        order = ", ".join(
            name for name in ("step", "timestamp", "value", "is_nan") if name in columns
        )
        asked = f"WHERE run_uuid = ? AND key = ? ORDER BY {order}"
        for row in self._rows("metrics", asked, (run_id, metric)):
            yield _point(row)

    def _rows(self, table: str, rest: str, values: Sequence[JsonValue]) -> Iterator[_Row]:
        columns = self._columns_of(table)
        if not columns:
            return
        listed = ", ".join(f'"{name}"' for name in columns)
        sql = f'SELECT {listed} FROM "{table}" {rest}'  # noqa: S608 - the names come from the schema and from us, values never do
        for row in self._connection.execute(sql, tuple(values)):
            yield dict(zip(columns, row, strict=True))

    def _columns_of(self, table: str) -> tuple[str, ...]:
        if table not in self._columns:
            rows = self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
            self._columns[table] = tuple(name for (name,) in rows)
        return self._columns[table]


def _metric(row: _Row) -> _Row:
    step, value, at = _point(row)
    return {"key": row["key"], "value": value, "timestamp": at, "step": step}


def _point(row: _Row) -> Point:
    is_nan = bool(row.get("is_nan")) or row["value"] is None
    step, at = row.get("step"), row.get("timestamp")
    value = metric_value(_NAN) if is_nan else number(row["value"])
    return step if isinstance(step, int) else 0, value, at if isinstance(at, int) else 0


def _order(point: Point) -> tuple[int, int, float]:
    step, value, at = point
    return step, at, value if isinstance(value, float) else float("-inf")
