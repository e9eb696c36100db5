"""MLflow's things as its REST interface has them, and the messages of its webhooks.

Read tolerantly: fields that are not here are passed over, and every field but the id may be absent.
Times are milliseconds since 1970. What MLflow calls a webhook *event* is a *message* here.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from lineage_schemas.errors import DecodeError
from lineage_schemas.values import JsonValue

Texts = dict[str, str]


class Shown(Struct, frozen=True, kw_only=True):
    """What all things share: how often they have changed their state, as far as was seen."""

    turns: dict[str, int] = {}
    gone: bool = False


class Experiment(Shown, frozen=True, kw_only=True):
    """An experiment."""

    experiment_id: str
    name: str | None = None
    artifact_location: str | None = None
    lifecycle_stage: str | None = None
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: Texts = {}


class Metric(Struct, frozen=True, kw_only=True):
    """A value of a metric; one of a model or of a measurement on data names those too."""

    key: str
    value: JsonValue
    timestamp: int | None = None
    step: int = 0
    run_id: str | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Dataset(Struct, frozen=True, kw_only=True):
    """A data set that was logged. ``source``, ``schema`` and ``profile`` hold JSON as text."""

    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Struct, frozen=True, kw_only=True):
    """A data set that a run has read; one of the tags says what for."""

    dataset: Dataset
    tags: Texts = {}


class ModelOfRun(Struct, frozen=True, kw_only=True):
    """A logged model that a run has read or made."""

    model_id: str
    step: int | None = None


class Run(Shown, frozen=True, kw_only=True):
    """A run."""

    run_id: str
    experiment_id: str | None = None
    run_name: str | None = None
    user_id: str | None = None
    status: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    artifact_uri: str | None = None
    lifecycle_stage: str | None = None
    params: Texts = {}
    tags: Texts = {}
    metrics: tuple[Metric, ...] = ()
    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[ModelOfRun, ...] = ()
    model_outputs: tuple[ModelOfRun, ...] = ()


class Series(Shown, frozen=True, kw_only=True):
    """A chunk of a metric by step; a point is step, value, time."""

    run_id: str
    metric: str
    chunk: int
    points: tuple[tuple[int, JsonValue, int], ...] = ()


class LoggedModel(Shown, frozen=True, kw_only=True):
    """A logged model."""

    model_id: str
    experiment_id: str | None = None
    name: str | None = None
    creation_timestamp_ms: int | None = None
    last_updated_timestamp_ms: int | None = None
    artifact_uri: str | None = None
    status: str | None = None
    status_message: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    tags: Texts = {}
    params: Texts = {}
    metrics: tuple[Metric, ...] = ()


class ModelFile(Struct, frozen=True, kw_only=True):
    """The ``MLmodel`` file of a model: by flavour how it is loaded, and its signature."""

    flavors: dict[str, JsonValue] = {}
    signature: dict[str, JsonValue] | None = None
    saved_input_example_info: dict[str, JsonValue] | None = None
    artifact_path: str | None = None
    mlflow_version: str | None = None
    model_size_bytes: int | None = None
    model_uuid: str | None = None
    run_id: str | None = None
    utc_time_created: str | None = None


class LoggedModelFile(Shown, frozen=True, kw_only=True):
    """That file, and whose it is."""

    model_id: str
    file: ModelFile


class ArtifactFile(Struct, frozen=True, kw_only=True):
    """A file of a run; the digests are ours, where its contents were read."""

    path: str
    file_size: int | None = None
    md5: str | None = None
    sha256: str | None = None


class Artifacts(Shown, frozen=True, kw_only=True):
    """The files of a run; ``is_cut``: there are more."""

    run_id: str
    files: tuple[ArtifactFile, ...] = ()
    is_cut: bool = False


class RegisteredModel(Shown, frozen=True, kw_only=True):
    """A registered model or prompt; ``aliases`` point to numbers of versions."""

    name: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    description: str | None = None
    tags: Texts = {}
    aliases: Texts = {}


class ModelVersion(Shown, frozen=True, kw_only=True):
    """A version of a registered model or prompt."""

    name: str
    version: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    current_stage: str | None = None
    description: str | None = None
    user_id: str | None = None
    source: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    run_link: str | None = None
    status: str | None = None
    status_message: str | None = None
    tags: Texts = {}


class WebhookMessage(Struct, frozen=True, kw_only=True):
    """What MLflow delivers: something was done to an entity at a time, as RFC 3339 text."""

    entity: str
    action: str
    timestamp: str
    data: dict[str, JsonValue] = {}
    workspace: str | None = None


_T = TypeVar("_T")
_WEBHOOK: Final = msgspec.json.Decoder(WebhookMessage)


def decode_shown(body: bytes, form: type[_T]) -> _T:
    """Read a document as one of MLflow's things.

    Raises:
        DecodeError: not JSON, or a field is missing or of a wrong type; names its JSON path.
    """
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _misread(error) from error


def decode_webhook(body: bytes) -> WebhookMessage:
    """Read what a webhook delivered.

    Raises:
        DecodeError: not JSON, or no message of MLflow's; names the JSON path.
    """
    try:
        return _WEBHOOK.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _misread(error) from error


def _misread(error: Exception) -> DecodeError:
    what, _, path = str(error).partition(" - at ")
    return DecodeError(f"This is not as MLflow shows it: {what}", where=path.strip("`") or "$")
