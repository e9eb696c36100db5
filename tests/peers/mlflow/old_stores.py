"""Run inside MLflow's own environment: makes databases as old versions of MLflow had them.

``python old_stores.py FOLDER REVISION...`` makes ``FOLDER/REVISION.db`` by MLflow's own migrations
up to that revision (``first``: the schema before all of them), each with one experiment, one run
and, where there are such tables, one version with an alias, one data set and one logged model.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

RUN = "a" * 32
MODEL = "m-" + "b" * 32
START = 1_600_000_000_000

ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "experiments",
        {
            "experiment_id": 1,
            "name": "old",
            "artifact_location": "s3://old/1",
            "lifecycle_stage": "active",
        },
    ),
    (
        "runs",
        {
            "run_uuid": RUN,
            "name": "",
            "user_id": "ada",
            "status": "FINISHED",
            "start_time": START,
            "end_time": START + 5_000,
            "source_type": "LOCAL",
            "source_name": "train.py",
            "entry_point_name": "main",
            "source_version": "",
            "lifecycle_stage": "active",
            "artifact_uri": "s3://old/1/run/artifacts",
            "experiment_id": 1,
        },
    ),
    ("params", {"key": "depth", "value": "3", "run_uuid": RUN}),
    ("tags", {"key": "mlflow.runName", "value": "old run", "run_uuid": RUN}),
    ("tags", {"key": "mlflow.source.git.commit", "value": "c" * 40, "run_uuid": RUN}),
    *(
        (
            "metrics",
            {
                "key": "loss",
                "value": 1.0 / step,
                "timestamp": START + step,
                "run_uuid": RUN,
                "step": step,
                "is_nan": 0,
            },
        )
        for step in (1, 2)
    ),
    (
        "latest_metrics",
        {
            "key": "loss",
            "value": 0.5,
            "timestamp": START + 2,
            "step": 2,
            "is_nan": 0,
            "run_uuid": RUN,
        },
    ),
    ("registered_models", {"name": "old-model", "creation_time": START}),
    (
        "model_versions",
        {
            "name": "old-model",
            "version": 1,
            "creation_time": START,
            "current_stage": "Production",
            "source": f"s3://old/1/{RUN}/artifacts/model",
            "run_id": RUN,
            "status": "READY",
        },
    ),
    ("registered_model_aliases", {"name": "old-model", "alias": "champion", "version": 1}),
    (
        "datasets",
        {
            "dataset_uuid": "d1",
            "experiment_id": 1,
            "name": "rows",
            "digest": "01234567",
            "dataset_source_type": "s3",
            "dataset_source": '{"uri": "s3://old/rows"}',
        },
    ),
    (
        "inputs",
        {
            "input_uuid": "i1",
            "source_type": "DATASET",
            "source_id": "d1",
            "destination_type": "RUN",
            "destination_id": RUN,
        },
    ),
    (
        "logged_models",
        {
            "model_id": MODEL,
            "experiment_id": 1,
            "name": "model",
            "artifact_location": "s3://old/1/models/m",
            "creation_timestamp_ms": START,
            "last_updated_timestamp_ms": START,
            "status": 2,
            "lifecycle_stage": "active",
            "source_run_id": RUN,
        },
    ),
)


def main(folder: Path, *revisions: str) -> None:
    """Make the databases."""
    for revision in revisions:
        file = folder / f"{revision}.db"
        url = f"sqlite:///{file}"
        engine = create_engine(url)
        Base.metadata.create_all(engine)
        engine.dispose()
        if revision != "first":
            command.upgrade(_get_alembic_config(url), revision)
        fill(file)


def fill(file: Path) -> None:
    """Put the rows into those of the tables that are there, in those of the columns."""
    connection = sqlite3.connect(file)
    for table, row in ROWS:
        columns = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
        kept = {name: value for name, value in row.items() if name in columns}
        if columns:
            names, marks = ", ".join(kept), ", ".join("?" * len(kept))
            connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - names from above
                tuple(kept.values()),
            )
    connection.commit()
    connection.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
