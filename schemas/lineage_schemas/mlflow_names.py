"""What MLflow's things are called, and what its model URIs name.

    mlflow:experiment/SERVER/ID
    mlflow:run/SERVER/ID                           mlflow-run:ID
    mlflow:logged-model/SERVER/ID                  mlflow-logged-model:ID
    mlflow:dataset/SERVER/NAME/DIGEST/SOURCE
    mlflow:artifact/SERVER/RUN/PATH
    mlflow:registered-model/SERVER/NAME
    mlflow:model-version/SERVER/NAME/NUMBER
    mlflow:alias/SERVER/NAME/ALIAS/TURN
    mlflow:stage/SERVER/NAME/NUMBER/TURN

The server is the instance's name: what one calls 3 is something else on another. Names, aliases and
digests are percent-encoded, so that a slash in one separates nothing. The last two are moves, not
things that are moved: the turn counts how often that alias, or that version's stage, has changed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from lineage_schemas.errors import InvalidIdentifierError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.openlineage_names import BLANK
from lineage_schemas.uris import ascii_lower, shown, without_passwords

STAGES: Final = ("None", "Staging", "Production", "Archived")
"""The stages of MLflow, the only words that a model URI may have instead of a number."""

SOURCE_DIGITS: Final = 32
"""How many digits of a data set's source are in its key."""

_RUN_ID: Final = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_LOGGED_MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_RUNS: Final = re.compile(r"runs:/{1,3}([^/?#]+)(?:/(.*))?", re.DOTALL)
_MODELS: Final = re.compile(r"models:/{1,3}([^?]+)", re.DOTALL)
_SERVER_OF: Final = re.compile(r"(runs|models)://([^/?#]+@)?([^/?#]+)/(.+)", re.DOTALL)
_IN_PATHS: Final = re.compile(rf"[%@:\x00-\x1f\x7f-\x9f]|\A[{BLANK}]+|[{BLANK}]+\Z")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class RunArtifact(Struct, frozen=True, tag="run_artifact"):
    """``runs:/ID/path``: something that a run logged; the path may be empty."""

    run: str
    run_id: str
    path: str


class LoggedModel(Struct, frozen=True, tag="logged_model"):
    """``models:/m-...``: a model as it was logged; the path is within it, and mostly empty."""

    model: str
    model_id: str
    path: str


class NumberedVersion(Struct, frozen=True, tag="numbered_version"):
    """``models:/NAME/3``: one version for ever."""

    version: str
    name: str
    number: int


class AliasedVersion(Struct, frozen=True, tag="aliased_version"):
    """``models:/NAME@alias``: whichever version has the alias when it is asked for."""

    registered_model: str
    name: str
    alias: str


class StagedVersion(Struct, frozen=True, tag="staged_version"):
    """``models:/NAME/Production``: whichever version is in the stage when it is asked for."""

    registered_model: str
    name: str
    stage: str


class LatestVersion(Struct, frozen=True, tag="latest_version"):
    """``models:/NAME/latest``: whichever version is the last when it is asked for."""

    registered_model: str
    name: str


ModelReference = (
    RunArtifact | LoggedModel | NumberedVersion | AliasedVersion | StagedVersion | LatestVersion
)


def mlflow_experiment_identifier(server: str, experiment_id: str) -> str:
    """Return the key of an experiment.

    Raises:
        InvalidIdentifierError: empty, or a server that is not one segment.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    return _scoped("experiment", server, _segment(experiment_id, "experiment"))


def mlflow_run_identifier(server: str, run_id: str) -> str:
    """Return the key of a run.

    Raises:
        InvalidIdentifierError: not 32 hexadecimal digits, or a server that is not one segment.
    """
    return _scoped("run", server, run_id)


def mlflow_unscoped_run_identifier(run_id: str) -> str:
    """Return what a run is called where its server is not known: to be claimed, never a key.

    Raises:
        InvalidIdentifierError: not 32 hexadecimal digits.
    """
    return normalise_identifier(f"mlflow-run:{run_id}")


def mlflow_logged_model_identifier(server: str, model_id: str) -> str:
    """Return the key of a logged model.

    Raises:
        InvalidIdentifierError: not ``m-`` and 32 hexadecimal digits, or a server that is not one
            segment.
    """
    return _scoped("logged-model", server, model_id)


def mlflow_unscoped_logged_model_identifier(model_id: str) -> str:
    """Return what a logged model is called where its server is not known: to be claimed.

    Raises:
        InvalidIdentifierError: not ``m-`` and 32 hexadecimal digits.
    """
    return normalise_identifier(f"mlflow-logged-model:{model_id}")


def mlflow_registered_model_identifier(server: str, name: str) -> str:
    """Return the key of a registered model.

    Raises:
        InvalidIdentifierError: empty, a lone surrogate, or a server that is not one segment.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    return _scoped("registered-model", server, _segment(name, "registered model"))


def mlflow_model_version_identifier(server: str, name: str, number: int) -> str:
    """Return the key of a version of a registered model.

    Raises:
        InvalidIdentifierError: no name, a number below 0, or a server that is not one segment.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    model = _segment(name, "registered model")
    return _scoped("model-version", server, f"{model}/{_counted(number, 'version')}")


def mlflow_dataset_identifier(
    server: str, source_type: str, source: str, name: str, digest: str
) -> str:
    """Return the key of a data set as MLflow tells them apart.

    Its digest is of a sample, so it proves nothing alone. The source can be longer than any
    identifier and stands in it as a digest, without the passwords that are in it.

    Raises:
        InvalidIdentifierError: no name, no digest, or a server that is not one segment.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    _check_text(source_type, "source type")
    _check_text(source, "source")
    told = f"{source_type}\0{without_passwords(source)}".encode()
    place = hashlib.sha256(told).hexdigest()[:SOURCE_DIGITS]
    called = f"{_segment(name, 'data set')}/{_segment(digest, 'digest')}"
    return _scoped("dataset", server, f"{called}/{place}")


def mlflow_artifact_identifier(server: str, run_id: str, path: str) -> str:
    """Return the key of a file or folder that a run logged; slashes at its ends are dropped.

    Raises:
        InvalidIdentifierError: not a run's id, no path, or a server that is not one segment.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise InvalidIdentifierError("An MLflow run has no such id", where=shown(run_id))
    plain = path.strip("/")
    _check_text(plain, "path")
    if not plain:
        raise InvalidIdentifierError("The path of an MLflow artifact is empty", where=run_id)
    quoted = _IN_PATHS.sub(lambda found: quote(found[0], safe=""), plain)
    return _scoped("artifact", server, f"{ascii_lower(run_id)}/{quoted}")


def mlflow_alias_identifier(server: str, name: str, alias: str, turn: int) -> str:
    """Return the key of one move of an alias: given, moved or taken away.

    Raises:
        InvalidIdentifierError: no name, no alias, or a server that is not one segment.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    moved = f"{_segment(name, 'registered model')}/{_segment(alias, 'alias')}"
    return _scoped("alias", server, f"{moved}/{_counted(turn, 'turn')}")


def mlflow_stage_identifier(server: str, name: str, number: int, turn: int) -> str:
    """Return the key of one move of a version to a stage.

    Raises:
        InvalidIdentifierError: no name, or a server that is not one segment.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    moved = f"{_segment(name, 'registered model')}/{_counted(number, 'version')}"
    return _scoped("stage", server, f"{moved}/{_counted(turn, 'turn')}")


def parse_model_uri(text: str, server: str) -> ModelReference | None:
    """Return what a model URI names on a server, or ``None`` where it is no such URI.

    Only what is named by number or id is one thing for ever. For an alias, a stage or ``latest``
    the registered model is returned, since what they name today is not in the URI. Names are taken
    as they stand, without percent-decoding, as MLflow takes them. A URI may name a
    server of its own (``models://server/...``): such a URI names nothing here and is ``None``,
    unless it is this server's name.

    Raises:
        InvalidIdentifierError: ``server`` is not one segment.
        LimitExceededError: an identifier would be longer than ``IDENTIFIER_BYTES_MAX``.
    """
    if _SURROGATE.search(text) is not None:
        return None
    elsewhere = _SERVER_OF.fullmatch(text)
    if elsewhere is not None:
        if ascii_lower(elsewhere[3]) != ascii_lower(server):
            return None
        text = f"{elsewhere[1]}:/{elsewhere[4]}"
    of_run = _RUNS.fullmatch(text)
    if of_run is not None:
        if _RUN_ID.fullmatch(of_run[1]) is None:
            return None
        run = ascii_lower(of_run[1])
        path = (of_run[2] or "").strip("/")
        return RunArtifact(mlflow_run_identifier(server, run), run, path)
    of_model = _MODELS.fullmatch(text)
    return None if of_model is None else _model_reference(of_model[1], server)


def _model_reference(text: str, server: str) -> ModelReference | None:
    name, slash, rest = text.partition("/")
    if _LOGGED_MODEL_ID.fullmatch(name) is not None:
        model = ascii_lower(name)
        return LoggedModel(mlflow_logged_model_identifier(server, model), model, rest.strip("/"))
    if slash:
        return _version_reference(name, rest, server)
    name, _, alias = text.rpartition("@")
    if not name or not alias:
        return None
    return AliasedVersion(mlflow_registered_model_identifier(server, name), name, alias)


def _version_reference(name: str, rest: str, server: str) -> ModelReference | None:
    if not name or "/" in rest:
        return None
    if _NUMBER.fullmatch(rest) is not None:
        number = int(rest)
        return NumberedVersion(mlflow_model_version_identifier(server, name, number), name, number)
    registered = mlflow_registered_model_identifier(server, name)
    if ascii_lower(rest) == "latest":
        return LatestVersion(registered, name)
    stages = {ascii_lower(stage): stage for stage in STAGES}
    stage = stages.get(ascii_lower(rest))
    return None if stage is None else StagedVersion(registered, name, stage)


def _scoped(kind: str, server: str, rest: str) -> str:
    if not server or "/" in server or "@" in server:
        raise InvalidIdentifierError(
            "The name of an MLflow server is not one segment",
            where=shown(server),
            hint="Such as tracking.example.org:5000; percent-encode a path, and leave out users.",
        )
    return normalise_identifier(f"mlflow:{kind}/{server}/{rest}")


def _segment(text: str, what: str) -> str:
    _check_text(text, what)
    if not text:
        raise InvalidIdentifierError(f"The name of an MLflow {what} is empty")
    return quote(text, safe="")


def _check_text(text: str, what: str) -> None:
    if _SURROGATE.search(text) is not None:
        raise InvalidIdentifierError(
            f"The {what} of MLflow's holds a lone surrogate", where=shown(text)
        )


def _counted(number: int, what: str) -> str:
    if number < 0:
        raise InvalidIdentifierError(f"The {what} of MLflow's is below 0", where=str(number))
    return str(number)
