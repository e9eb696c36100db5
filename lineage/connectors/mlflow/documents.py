"""What MLflow shows of its things, in one spelling.

However a thing was read (over REST, in a database, in a folder), it makes the same bytes: names are
those of MLflow's REST interface, lists of keys and values are objects, keys are sorted, and what is
absent, null or an empty text is left out. Fields that we do not know are kept.

    experiment/ID                  an experiment
    run/ID                         a run: its params, tags, last metrics, what it read and made
    series/RUN/METRIC/CHUNK        a metric of a run by step, ``METRIC_SERIES_POINTS_MAX`` at a time
    logged_model/ID                a logged model: its params, tags, metrics with their data sets
    model_file/ID                  the ``MLmodel`` file of a logged model: flavours and signature
    artifacts/RUN                  the files of a run, as far as they were listed
    registered_model/NAME          a registered model (or prompt) with its aliases
    model_version/NAME/NUMBER      a version of one

A metric's value is a number, or tagged where it is none
(``{"$float": "NaN"}``). MLflow's databases hold an infinity as the largest number there is; it is
read back as the infinity.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from lineage.connectors.base import MESSAGE_BYTES_MAX
from lineage.connectors.scanning import Document, Unread, subject_of
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.limits import INT_MAX, INT_MIN
from lineage_schemas.values import NON_FINITE, JsonValue, metric_value

EXPERIMENT: Final = "experiment"
RUN: Final = "run"
SERIES: Final = "series"
LOGGED_MODEL: Final = "logged_model"
MODEL_FILE: Final = "model_file"
ARTIFACTS: Final = "artifacts"
REGISTERED_MODEL: Final = "registered_model"
MODEL_VERSION: Final = "model_version"

KINDS: Final = (
    EXPERIMENT,
    RUN,
    SERIES,
    LOGGED_MODEL,
    MODEL_FILE,
    ARTIFACTS,
    REGISTERED_MODEL,
    MODEL_VERSION,
)
"""All kinds of documents, in the order in which readers yield them."""

DATASET_TEXT_BYTES_MAX: Final = 131_072
"""A schema or profile of a data set that is longer is left out, and its length is told."""

NAME_IN_SUBJECT_BYTES_MAX: Final = 128
NAME_START: Final = 16
"""A name in a subject that is longer is told by its beginning and its digest."""

MODEL_URI_START: Final = "models:/m-"
PROMPT_TAG: Final = "mlflow.prompt.is_prompt"

_INFINITE: Final = 1.7976931348623157e308
"""What MLflow's SQL stores keep in place of an infinity."""

_WHOLE_NUMBERS: Final = frozenset(
    {
        *("creation_time", "last_update_time", "start_time", "end_time", "timestamp", "step"),
        *("creation_timestamp_ms", "last_updated_timestamp_ms", "creation_timestamp"),
        *("last_updated_timestamp", "file_size"),
    }
)
"""Fields that some servers show as text, since JavaScript has no numbers of 64 bits."""

_ENCODER: Final = msgspec.json.Encoder(order="sorted")

Shown = Mapping[str, JsonValue]
"""One of MLflow's things, as its REST interface has it."""

Point = tuple[int, JsonValue, int]
"""A value of a metric: step, value, milliseconds since 1970."""


def experiment_document(shown: Shown) -> Document:
    """Return the document of an experiment."""
    body = _plain(shown, ("tags", "workspace"))
    body |= _table("tags", shown.get("tags"))
    # The workspace of a server that has only one is shown by some versions and not by others.
    if shown.get("workspace") not in {None, "", "default"}:
        body["workspace"] = shown["workspace"]
    return _document(EXPERIMENT, body, _text(body, "experiment_id"))


def run_document(shown: Shown) -> Document:
    """Return the document of a run, from its ``info``, ``data``, ``inputs`` and ``outputs``."""
    data, inputs, outputs = (_object(shown.get(name)) for name in ("data", "inputs", "outputs"))
    body = _plain(_object(shown.get("info")), ("run_uuid",))
    if "run_id" not in body:
        body["run_id"] = _object(shown.get("info")).get("run_uuid")
    body |= _table("params", data.get("params"))
    body |= _table("tags", data.get("tags"))
    name = _object(body.get("tags")).get("mlflow.runName")
    if "run_name" not in body and isinstance(name, str) and name:
        body["run_name"] = name
    body |= _listed("metrics", (_metric(item) for item in _objects(data.get("metrics"))))
    datasets = (_dataset_input(item) for item in _objects(inputs.get("dataset_inputs")))
    body |= _listed("dataset_inputs", datasets)
    body |= _listed("model_inputs", (_plain(i) for i in _objects(inputs.get("model_inputs"))))
    body |= _listed("model_outputs", (_plain(i) for i in _objects(outputs.get("model_outputs"))))
    return _document(RUN, body, _text(body, "run_id"))


def series_document(run_id: str, metric: str, chunk: int, points: Iterable[Point]) -> Document:
    """Return the document of one chunk of a metric by step; its points are put in order.

    Without points it tells that the metric was asked for and has no more than its last value.
    """
    body: dict[str, JsonValue] = {
        "run_id": run_id,
        "metric": metric,
        "chunk": chunk,
        "points": [list(point) for point in _ordered(points)],
    }
    return _document(SERIES, body, run_id, metric, str(chunk))


def series_subject(run_id: str, metric: str, chunk: int) -> str:
    """Return what a chunk of a series is called."""
    return _subject(SERIES, run_id, metric, str(chunk))


def logged_model_document(shown: Shown) -> Document:
    """Return the document of a logged model, from its ``info`` and ``data``."""
    info, data = _object(shown.get("info")), _object(shown.get("data"))
    body = _plain(info, ("tags", "workspace"))
    body |= _table("tags", info.get("tags"))
    body |= _table("params", data.get("params"))
    metrics = (_without(_metric(item), "model_id") for item in _objects(data.get("metrics")))
    body |= _listed("metrics", metrics)
    return _document(LOGGED_MODEL, body, _text(body, "model_id"))


def model_file_document(model_id: str, file: Shown) -> Document:
    """Return the document of the ``MLmodel`` file of a logged model, which never changes."""
    document = _document(MODEL_FILE, {"model_id": model_id, "file": _plain(file)}, model_id)
    return msgspec.structs.replace(document, is_fixed=True)


def model_file_subject(model_id: str) -> str:
    """Return what the ``MLmodel`` file of a logged model is called."""
    return _subject(MODEL_FILE, model_id)


def artifacts_document(run_id: str, files: Iterable[Shown], *, is_cut: bool) -> Document:
    """Return the document of the files of a run; ``is_cut``: there are more than these."""
    body: dict[str, JsonValue] = {"run_id": run_id, **_listed("files", map(_plain, files))}
    if is_cut:
        body["is_cut"] = True
    return _document(ARTIFACTS, body, run_id)


def artifacts_subject(run_id: str) -> str:
    """Return what the list of the files of a run is called."""
    return _subject(ARTIFACTS, run_id)


def registered_model_document(shown: Shown) -> Document:
    """Return the document of a registered model, or of a prompt, which MLflow keeps as one."""
    body = _plain(shown, ("tags", "aliases", "latest_versions", "workspace"))
    body |= _table("tags", shown.get("tags"))
    aliases: dict[str, JsonValue] = {
        _text(item, "alias"): str(item.get("version")) for item in _objects(shown.get("aliases"))
    }
    if aliases:
        body["aliases"] = aliases
    return _document(REGISTERED_MODEL, body, _text(body, "name"))


def registered_model_subject(name: str) -> str:
    """Return what a registered model is called."""
    return _subject(REGISTERED_MODEL, name)


def version_document(shown: Shown) -> Document:
    """Return the document of a version; the logged model it was made from is told by its source."""
    body = _plain(shown, ("tags", "aliases", "workspace"))
    body |= _table("tags", shown.get("tags"))
    body["version"] = str(shown.get("version"))
    source = body.get("source")
    if isinstance(source, str) and source.startswith(MODEL_URI_START):
        body["model_id"] = source.removeprefix("models:/").partition("/")[0]
    return _document(MODEL_VERSION, body, _text(body, "name"), _text(body, "version"))


def version_subject(name: str, number: str) -> str:
    """Return what a version is called."""
    return _subject(MODEL_VERSION, name, number)


def encode(body: Shown) -> bytes:
    """Return the one spelling of a document."""
    return _ENCODER.encode(body)


def checked(document: Document) -> Document | Unread:
    """Return the document, or that it is unread where it is longer than a message may be."""
    size = len(document.body)
    if size <= MESSAGE_BYTES_MAX:
        return document
    reason = f"{size} bytes are over the limit of {MESSAGE_BYTES_MAX} (MESSAGE_BYTES_MAX)"
    return Unread(document.kind, document.subject, reason)


def number(value: JsonValue) -> JsonValue:
    """Return the value of a metric: a finite number, or a tagged value, which is its own.

    Raises:
        InvalidInputError: neither a number nor the text of one.
    """
    if isinstance(value, dict) and value.get("$float") in NON_FINITE:
        return value
    try:
        plain = float(value)  # type: ignore[arg-type]  # what it is, is what is asked
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(
            "The value of a metric is no number", where=repr(value)[:64]
        ) from error
    if abs(plain) == _INFINITE:
        plain = math.copysign(math.inf, plain)
    return metric_value(plain)


def _document(kind: str, body: dict[str, JsonValue], *names: str) -> Document:
    return Document(kind=kind, subject=_subject(kind, *names), body=encode(body))


def _subject(kind: str, *names: str) -> str:
    return subject_of(kind, *map(_shortened, names))


def _shortened(name: str) -> str:
    """Keep a subject within the limit of a statement id, whatever a model or a metric is called."""
    encoded = name.encode(errors="surrogatepass")
    if len(encoded) <= NAME_IN_SUBJECT_BYTES_MAX:
        return name
    return f"{name[:NAME_START]}... sha256 {hashlib.sha256(encoded).hexdigest()}"


def _plain(shown: Shown, without: tuple[str, ...] = ()) -> dict[str, JsonValue]:
    """Drop what is absent; whole numbers that came as text become numbers."""
    return {
        name: _whole(value) if name in _WHOLE_NUMBERS else value
        for name, value in shown.items()
        if name not in without and value not in (None, "", [], {})
    }


def _whole(value: JsonValue) -> JsonValue:
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        plain = int(value)
        return plain if INT_MIN <= plain <= INT_MAX else value
    return value


def _metric(item: Shown) -> dict[str, JsonValue]:
    metric = _plain(item, ("value", "run_uuid"))
    metric["value"] = number(item.get("value"))
    metric.setdefault("step", 0)
    return metric


def _dataset_input(item: Shown) -> dict[str, JsonValue]:
    dataset = _plain(_object(item.get("dataset")))
    for name in ("schema", "profile"):
        text = dataset.get(name)
        if isinstance(text, str) and (size := len(text.encode())) > DATASET_TEXT_BYTES_MAX:
            del dataset[name]
            dataset[f"{name}_bytes_left_out"] = size
    return {"dataset": dataset, **_table("tags", item.get("tags"))}


def _table(name: str, listed: JsonValue) -> dict[str, JsonValue]:
    """Turn a list of keys and values into an object; an absent value is an empty text."""
    table: dict[str, JsonValue] = {
        str(item.get("key")): item.get("value") or "" for item in _objects(listed)
    }
    return {name: table} if table else {}


def _listed(name: str, items: Iterable[dict[str, JsonValue]]) -> dict[str, JsonValue]:
    """Put the items in the order of their own spelling: stores keep them in any."""
    spelled: list[JsonValue] = list(
        {encode(one): one for one in sorted(items, key=encode)}.values()
    )
    return {name: spelled} if spelled else {}


def _ordered(points: Iterable[Point]) -> Iterable[Point]:
    """Return points in order, each once: a file store keeps a point as often as it was logged."""
    return {_point_order(point): point for point in sorted(points, key=_point_order)}.values()


def _point_order(point: Point) -> tuple[int, int, bytes]:
    step, value, moment = point
    return step, moment, msgspec.json.encode(value)


def _without(item: dict[str, JsonValue], name: str) -> dict[str, JsonValue]:
    return {key: value for key, value in item.items() if key != name}


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(body: Shown, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"A thing that MLflow shows has no {name}", where=f"$.{name}")
    return value
