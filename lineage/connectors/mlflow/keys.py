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
from lineage_schemas.outside.mlflow import Dataset

_LONG: Final = 512


def check_server(server: str) -> str:
    """Return the name of a server, if it can be one segment of an identifier.

    Raises:
        InvalidInputError: empty, with a slash, with capitals or with blanks.
    """
    if not server or server != server.lower() or set(server) & set("/ \t\r\n") or "%2f" in server:
        raise InvalidInputError(
            "The name of an MLflow server is one segment in lower case",
            where=repr(server)[:64],
            hint="Such as tracking.example.org:5000.",
        )
    return server


def key_of(kind: str, server: str, *names: str) -> str:
    """Return the key of a thing of a server."""
    return f"mlflow:{kind}/{server}/" + "/".join(map(_segment, names))


def experiment_key(server: str, experiment_id: str) -> str:
    """Return the key of an experiment."""
    return key_of("experiment", server, experiment_id)


def run_key(server: str, run_id: str) -> str:
    """Return the key of a run, as an execution and as the context of what is inside it."""
    return key_of("run", server, run_id)


def logged_model_key(server: str, model_id: str) -> str:
    """Return the key of a logged model."""
    return key_of("logged-model", server, model_id)


def registered_model_key(server: str, name: str) -> str:
    """Return the key of a registered model."""
    return key_of("registered-model", server, name)


def version_key(server: str, name: str, number: str) -> str:
    """Return the key of a version of a registered model."""
    return key_of("model-version", server, name, number)


def artifact_key(server: str, run_id: str, path: str) -> str:
    """Return the key of a file or folder of a run."""
    return key_of("artifact", server, run_id, path)


def dataset_key(server: str, dataset: Dataset) -> str:
    """Return the key of a data set: its source, its name and its digest together.

    The digest is of a sample of the data, so it tells versions apart and proves nothing.
    """
    names = (dataset.source_type, dataset.source, dataset.name, dataset.digest)
    return key_of("dataset", server, *names)


def dataset_in_experiment(server: str, experiment_id: str, name: str, digest: str) -> str:
    """Return what MLflow itself tells a data set by: one experiment has no two of these."""
    return key_of("dataset-in-experiment", server, experiment_id, name, digest)


def _segment(name: str) -> str:
    segment = quote(name, safe="")
    if len(segment) <= _LONG:
        return segment
    # A colon is always encoded, so no name is mistaken for a digest.
    return f"sha256:{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()}"
