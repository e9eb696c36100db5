"""Logged models, their ``MLmodel`` files, and the models that older runs kept as artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from lineage.connectors.mlflow.keys import artifact_key, experiment_key, logged_model_key, run_key
from lineage.connectors.mlflow.saying import Saying, json_text, moment, objects, table
from lineage.connectors.mlflow.tags import commit_of
from lineage_schemas.mlflow_names import mlflow_unscoped_logged_model_identifier
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    Attribution,
    Context,
    Event,
    EventKind,
    Kind,
)
from lineage_schemas.outside.mlflow import LoggedModel, LoggedModelFile, ModelFile
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

MODEL_TYPE: Final = "lineage.Model"
_USER: Final = "mlflow.user"

_STATES: Final = {
    "LOGGED_MODEL_PENDING": ArtifactState.PENDING,
    "LOGGED_MODEL_READY": ArtifactState.LIVE,
    "LOGGED_MODEL_UPLOAD_FAILED": ArtifactState.ABANDONED,
}
_ANY_CODE: Final = frozenset({"pickle", "cloudpickle", "dill", "joblib"})
_PICKLE_FILES: Final = (".pkl", ".pickle", ".joblib", ".dill")
_GENERIC: Final = "python_function"


def say_logged_model_structure(server: str, shown: LoggedModel) -> Iterator[AnyRecord]:
    """Yield a logged model's place: who made it, where it belongs, what else it is called."""
    key = logged_model_key(server, shown.model_id)
    yield Artifact(key=key, type=MODEL_TYPE)
    yield Claim(
        kind=Kind.ARTIFACT,
        node=key,
        identifier=mlflow_unscoped_logged_model_identifier(shown.model_id),
        link_class=LinkClass.ASSERTED,
        evidence={"field": "model_id"},
    )
    if shown.experiment_id is not None:
        experiment = experiment_key(server, shown.experiment_id)
        yield Context(key=experiment, type="lineage.Experiment")
        yield Attribution(context=experiment, artifact=key)
    if shown.source_run_id:
        # The run says itself at which step it made the model, where it knows of it; this is the
        # model's own word, and the only one where the model was made without the run's knowing.
        yield Event(
            artifact=key,
            execution=run_key(server, shown.source_run_id),
            kind=EventKind.DECLARED_OUTPUT,
        )


def say_logged_model(server: str, shown: LoggedModel, *, was_known: bool) -> Iterator[AnyRecord]:
    """Yield what a logged model shows now."""
    saying = Saying(logged_model_key(server, shown.model_id), MODEL_TYPE, was_known)
    saying.put(
        display_name=shown.name,
        source_type="logged model",
        source_state=shown.status,
        storage_uri=shown.artifact_uri,
        evaluation_metrics=table(
            {metric.key: metric.value for metric in shown.metrics if metric.dataset_name}
        ),
    )
    saying.put_texts("tags", {name: text for name, text in shown.tags.items() if name != _USER})
    saying.keep(
        {
            "params": table(shown.params),
            "model_type": shown.model_type,
            "creation_time": moment(shown.creation_timestamp_ms),
            "status_message": shown.status_message,
            "source_run": run_key(server, shown.source_run_id) if shown.source_run_id else None,
            "commit": commit_of(shown.tags),
        }
    )
    state = _STATES.get(shown.status or "", ArtifactState.UNKNOWN)
    yield Artifact(**saying.fields(), uri=shown.artifact_uri, state=state)


def say_logged_model_file(server: str, shown: LoggedModelFile) -> Iterator[AnyRecord]:
    """Yield what the ``MLmodel`` file of a logged model says of it."""
    saying = Saying(logged_model_key(server, shown.model_id), MODEL_TYPE)
    _put_file(saying, shown.file)
    yield Artifact(**saying.fields())


def say_history_models(server: str, run_id: str, history: str | None) -> Iterator[AnyRecord]:
    """Yield the models that a run kept as artifacts, as MLflow before 3 tells in a tag."""
    run = run_key(server, run_id)
    for item in objects(json_text(history)):
        path = item.get("artifact_path")
        if not isinstance(path, str) or not path:
            continue
        saying = Saying(artifact_key(server, run_id, path), MODEL_TYPE)
        saying.put(display_name=path, source_type="artifact")
        try:
            _put_file(saying, msgspec.convert(item, ModelFile))
        except msgspec.ValidationError:
            saying.custom["mlflow.not_understood"] = True
        yield Artifact(**saying.fields())
        yield Event(artifact=saying.key, execution=run, kind=EventKind.OUTPUT, path=(path,))


def _put_file(saying: Saying, file: ModelFile) -> None:
    own = sorted(name for name in file.flavors if name != _GENERIC)
    framework = own[0] if own else None
    flavor = file.flavors.get(framework) if framework else None
    details = flavor if isinstance(flavor, dict) else {}
    signature = file.signature or {}
    inputs, outputs = (_columns(signature.get(name)) for name in ("inputs", "outputs"))
    saying.put(
        framework=framework,
        framework_version=_text(details.get(f"{framework}_version")),
        format=_text(details.get("serialization_format")),
        is_pickle=_is_pickle(file),
        features=_items(column for column in inputs if "name" in column),
        input_schema=_items(inputs),
        output_schema=_items(outputs),
        size_bytes=file.model_size_bytes,
    )
    example = file.saved_input_example_info or {}
    saying.keep(
        {
            "flavors": table(file.flavors),
            "signature": table(signature),
            "input_example": _text(example.get("artifact_path")),
            "mlflow_version": file.mlflow_version,
            "model_uuid": file.model_uuid,
        }
    )


def _is_pickle(file: ModelFile) -> bool | None:
    """Tell whether loading the model can run any code, if the file says how it is kept."""
    answers: list[bool] = []
    for flavor in file.flavors.values():
        details = flavor if isinstance(flavor, dict) else {}
        kept = _text(details.get("serialization_format"))
        if kept:
            answers.append(kept.lower() in _ANY_CODE)
        answers += [
            True
            for name in ("pickled_model", "python_model", "model_path", "data")
            if (_text(details.get(name)) or "").endswith(_PICKLE_FILES)
        ]
    return any(answers) if answers else None


def _columns(text: JsonValue) -> list[dict[str, JsonValue]]:
    return objects(json_text(text) if isinstance(text, str) else text)


def _items(columns: Iterator[dict[str, JsonValue]] | list[dict[str, JsonValue]]) -> JsonValue:
    listed: list[JsonValue] = list(columns)
    return {"items": listed} if listed else None


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None
