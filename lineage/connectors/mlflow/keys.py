"""What MLflow's things are called here: their keys, each scoped by the server.

A *server* is one segment in lower case without a slash, such as ``tracking.example.org:5000``. The
names of a server's things are percent-encoded, so that two never make one key; what is too long for
an identifier is told by its digest.
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import quote

from lineage_schemas.errors import InvalidInputError
from lineage_schemas.mlflow_names import (
    mlflow_alias_identifier,
    mlflow_artifact_identifier,
    mlflow_dataset_identifier,
    mlflow_experiment_identifier,
    mlflow_logged_model_identifier,
    mlflow_model_version_identifier,
    mlflow_registered_model_identifier,
    mlflow_run_identifier,
    mlflow_stage_identifier,
)
from lineage_schemas.outside.mlflow import Dataset

NONE: Final = "-"
"""Stands for a name that is empty."""

_LONG: Final = 512

# The keys that other connectors may build too are made where they can all reach them.
alias_key = mlflow_alias_identifier
artifact_key = mlflow_artifact_identifier
experiment_key = mlflow_experiment_identifier
logged_model_key = mlflow_logged_model_identifier
registered_model_key = mlflow_registered_model_identifier
run_key = mlflow_run_identifier
stage_key = mlflow_stage_identifier


def check_server(server: str) -> str:
    """Return the name of a server, if it can be one segment of an identifier.

    Raises:
        InvalidInputError: empty, with a slash, with capitals or with blanks.
    """
    if not server or server != server.lower() or set(server) & set("/@ \t\r\n") or "%2f" in server:
        raise InvalidInputError(
            "The name of an MLflow server is one segment in lower case",
            where=repr(server)[:64],
            hint="Such as tracking.example.org:5000.",
        )
    return server


def key_of(kind: str, server: str, *names: str) -> str:
    """Return the key of a thing of a server."""
    return f"mlflow:{kind}/{server}/" + "/".join(_segment(name or NONE) for name in names)


def version_key(server: str, name: str, number: str) -> str:
    """Return the key of a version of a registered model.

    Raises:
        InvalidInputError: the number is none.
    """
    if not number.isascii() or not number.isdecimal():
        raise InvalidInputError(
            "A version of MLflow's has no number", where=f"{name} {number}"[:64]
        )
    return mlflow_model_version_identifier(server, name, int(number))


def dataset_key(server: str, dataset: Dataset) -> str:
    """Return the key of a data set: its source, its name and its digest together.

    The digest is of a sample of the data, so it tells versions apart and proves nothing.
    """
    return mlflow_dataset_identifier(
        server, dataset.source_type, dataset.source, dataset.name or NONE, dataset.digest or NONE
    )


def dataset_in_experiment(server: str, experiment_id: str, name: str, digest: str) -> str:
    """Return what MLflow itself tells a data set by: one experiment has no two of these."""
    return key_of("dataset-in-experiment", server, experiment_id, name, digest)


def _segment(name: str) -> str:
    segment = quote(name, safe="")
    if len(segment) <= _LONG:
        return segment
    # A colon is always encoded, so no name is mistaken for a digest.
    return f"sha256:{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()}"
