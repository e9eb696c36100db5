"""Reads a folder in which MLflow's file store keeps its things (``mlruns``), old layouts too.

    ID/meta.yaml, tags/                an experiment; deleted ones are in .trash
    ID/RUN/meta.yaml                   a run
    ID/RUN/{params,tags,metrics}/KEY   one file a value; a metric has a line a point
    ID/RUN/{inputs,outputs}/*          what the run read and made; the data sets are in ID/datasets
    ID/RUN/artifacts/                  its files
    ID/models/m-*                      logged models
    models/NAME/version-N              the registry

Nothing is written and nothing is locked: a folder that a server still writes into shows each file
as it is when it is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from lineage.connectors.mlflow.documents import (
    ARTIFACTS,
    EXPERIMENT,
    LOGGED_MODEL,
    MODEL_VERSION,
    REGISTERED_MODEL,
    RUN,
    SERIES,
    Point,
    Shown,
    artifacts_document,
    artifacts_subject,
    checked,
    experiment_document,
    logged_model_document,
    number,
    registered_model_document,
    run_document,
    series_subject,
    version_document,
)
from lineage.connectors.mlflow.reading import (
    DEFAULT_OPTIONS,
    LISTED,
    TOOL,
    Found,
    ReadingOptions,
    composed,
    digests,
    has_series,
    model_file,
    read_object,
    series,
)
from lineage.connectors.scanning import Document, Listed, Look, Memory, Unread
from lineage_schemas.errors import DecodeError, InvalidInputError, LedgerError, NotFoundError
from lineage_schemas.values import JsonValue

META: Final = "meta.yaml"
TRASH: Final = ".trash"
MODELS: Final = "models"
RESERVED: Final = frozenset({"tags", "datasets", "traces", MODELS, TRASH})
"""Folders of an experiment that are no runs."""

VALUE_BYTES_MAX: Final = 1_048_576
"""A param or a tag; MLflow itself allows some thousand characters."""

BLOCK_BYTES: Final = 1_048_576

RUN_STATES: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATES: Final = {
    1: "LOGGED_MODEL_PENDING",
    2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}
DELETED_VERSION: Final = "Deleted_Internal"

_Values = dict[str, JsonValue]


class FolderReader:
    """One look at a folder of MLflow's file store. Always a whole one."""

    tool = TOOL
    listed = LISTED
    cursor: JsonValue = None

    def __init__(
        self,
        folder: Path,
        options: ReadingOptions = DEFAULT_OPTIONS,
        shown_at: datetime | None = None,
    ) -> None:
        self.address = folder.as_posix()
        self.shown_at = shown_at
        self._root = folder
        self._options = options
        self._cut: set[str] = set()

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002 - a folder has no memory and no cursor
        """Yield all that the folder holds.

        Raises:
            NotFoundError: there is no such folder, or no experiment of MLflow's in it.
        """
        experiments = list(self._experiment_folders())
        if not experiments and not (self._root / MODELS).is_dir():
            raise NotFoundError(
                "No folder of MLflow's is there",
                where=self.address,
                hint="Name the folder that holds the experiments, usually mlruns.",
            )
        parts: tuple[tuple[str, Callable[[Path], Iterator[Found]]], ...] = (
            (EXPERIMENT, self._experiment),
            (RUN, self._runs),
            (LOGGED_MODEL, self._logged_models),
        )
        for kind, read in parts:
            for folder in experiments:
                yield from read(folder)
            yield from self._all_of(kind)
        for kind, read in ((REGISTERED_MODEL, self._registered), (MODEL_VERSION, self._versions)):
            for folder in _folders(self._root / MODELS):
                if (folder / META).is_file():
                    yield from read(folder)
            yield from self._all_of(kind)

    def _all_of(self, kind: str) -> Iterator[Listed]:
        if kind not in self._cut:
            yield Listed(kind)

    def _experiment_folders(self) -> Iterator[Path]:
        for place in (self._root, self._root / TRASH):
            for folder in _folders(place):
                if folder.name not in {MODELS, TRASH} and (folder / META).is_file():
                    yield folder

    def _experiment(self, folder: Path) -> Iterator[Found]:
        def shown() -> Shown:
            meta = _meta(folder)
            stage = "deleted" if folder.parent.name == TRASH else meta.get("lifecycle_stage")
            return {
                **_without(meta, ("tags", "effective_trace_archival_retention", "trace_location")),
                "experiment_id": str(meta.get("experiment_id")),
                "lifecycle_stage": stage or "active",
                "tags": _texts(folder / "tags"),
            }

        yield from self._found(EXPERIMENT, folder, experiment_document, shown)

    def _runs(self, experiment: Path) -> Iterator[Found]:
        for folder in _folders(experiment):
            if folder.name in RESERVED or not (folder / META).is_file():
                continue
            for found in self._found(RUN, folder, run_document, lambda run=folder: _run(run)):  # type: ignore[misc]
                yield found
                if isinstance(found, Document):
                    yield from self._series(folder)
                    yield from self._artifacts(folder)

    def _series(self, run: Path) -> Iterator[Found]:
        for metric, path in _files(run / "metrics"):
            try:
                last = _last(_points(path))
                if last is not None and has_series(self._options.series, last[0]):
                    yield from series(run.name, metric, _points(path), last[0])
            except (LedgerError, OSError) as error:
                yield Unread(SERIES, series_subject(run.name, metric, 0), str(error))

    def _artifacts(self, run: Path) -> Iterator[Found]:
        top = run / "artifacts"
        if not self._options.artifacts_max or not top.is_dir():
            return
        listed: list[Shown] = []
        is_cut = False
        try:
            for name, path in _files(top):
                if len(listed) == self._options.artifacts_max:
                    is_cut = True
                    break
                size = path.stat().st_size
                wanted = 0 < self._options.hash_bytes_max >= size
                hashed = digests(_blocks(path)) if wanted else {}
                listed.append({"path": name, "is_dir": False, "file_size": size, **hashed})
        except OSError as error:
            yield Unread(ARTIFACTS, artifacts_subject(run.name), str(error))
            return
        if listed:
            yield checked(artifacts_document(run.name, listed, is_cut=is_cut))

    def _logged_models(self, experiment: Path) -> Iterator[Found]:
        for folder in _folders(experiment / MODELS):
            if not (folder / META).is_file():
                continue
            for found in self._found(
                LOGGED_MODEL,
                folder,
                logged_model_document,
                lambda model=folder: _logged_model(model),  # type: ignore[misc]
            ):
                yield found
                file = folder / "artifacts" / "MLmodel"
                if isinstance(found, Document) and file.is_file():
                    yield model_file(folder.name, file.read_bytes())

    def _registered(self, folder: Path) -> Iterator[Found]:
        def shown() -> Shown:
            meta = _meta(folder)
            aliases: list[JsonValue] = [
                {"alias": name, "version": text} for name, text in _read_texts(folder / "aliases")
            ]
            return {
                **_without(meta, ("aliases", "deployment_job_id", "deployment_job_state")),
                "aliases": aliases,
                "tags": _texts(folder / "tags"),
            }

        yield from self._found(REGISTERED_MODEL, folder, registered_model_document, shown)

    def _versions(self, model: Path) -> Iterator[Found]:
        for folder in _folders(model):
            if folder.name.startswith("version-") and (folder / META).is_file():
                yield from self._found(
                    MODEL_VERSION,
                    folder,
                    version_document,
                    lambda version=folder: _version(version),  # type: ignore[misc]
                )

    def _found(
        self,
        kind: str,
        folder: Path,
        compose: Callable[[Shown], Document],
        read: Callable[[], Shown | None],
    ) -> Iterator[Found]:
        """Yield the thing that a folder holds; what cannot be read is told by the folder."""
        try:
            shown = read()
        except (LedgerError, OSError) as error:
            self._cut.add(kind)
            yield Unread(kind, f"{kind}/{folder.relative_to(self._root).as_posix()}", str(error))
            return
        if shown is not None:
            found = composed(compose, kind, shown)
            if isinstance(found, Unread):
                self._cut.add(kind)
            yield found


def _run(folder: Path) -> Shown:
    meta = _meta(folder)
    status = meta.get("status", 1)
    info = _without(
        meta,
        (
            *("tags", "status", "source_type", "source_name", "source_version", "name"),
            *("entry_point_name", "run_uuid", "deleted_time"),
        ),
    )
    metrics: list[JsonValue] = []
    for metric, path in _files(folder / "metrics"):
        last = _last(_points(path))
        if last is not None:
            step, value, at = last
            metrics.append({"key": metric, "value": value, "step": step, "timestamp": at})
    return {
        "info": {
            **info,
            "run_id": str(meta.get("run_id") or meta.get("run_uuid") or ""),
            "run_name": meta.get("run_name") or meta.get("name"),
            "experiment_id": str(meta.get("experiment_id")),
            "status": RUN_STATES.get(status, status) if isinstance(status, int) else status,
            "lifecycle_stage": meta.get("lifecycle_stage") or "active",
        },
        "data": {
            "params": _texts(folder / "params"),
            "tags": _texts(folder / "tags"),
            "metrics": metrics,
        },
        **_inputs_and_outputs(folder),
    }


def _inputs_and_outputs(run: Path) -> dict[str, JsonValue]:
    datasets: list[JsonValue] = []
    read: list[JsonValue] = []
    made: list[JsonValue] = []
    for folder in _folders(run / "inputs"):
        given = _meta(folder)
        source = str(given.get("source_id"))
        if given.get("source_type") == "DATASET":
            tags = given.get("tags")
            table = tags if isinstance(tags, dict) else {}
            datasets.append(
                {
                    "dataset": _meta(run.parent / "datasets" / source),
                    "tags": [{"key": key, "value": value} for key, value in table.items()],
                }
            )
        else:
            read.append({"model_id": source})
    for folder in _folders(run / "outputs"):
        output = _meta(folder)
        made.append(
            {"model_id": output.get("destination_id") or folder.name, "step": output.get("step")}
        )
    return {
        "inputs": {"dataset_inputs": datasets, "model_inputs": read},
        "outputs": {"model_outputs": made},
    }


def _logged_model(folder: Path) -> Shown | None:
    meta = _meta(folder)
    if meta.get("lifecycle_stage") == "deleted":
        return None
    status = meta.get("status")
    return {
        "info": {
            **_without(
                meta,
                (
                    *("artifact_location", "creation_timestamp", "last_updated_timestamp"),
                    *("status", "lifecycle_stage"),
                ),
            ),
            "experiment_id": str(meta.get("experiment_id")),
            "artifact_uri": meta.get("artifact_location"),
            "creation_timestamp_ms": meta.get("creation_timestamp"),
            "last_updated_timestamp_ms": meta.get("last_updated_timestamp"),
            "status": MODEL_STATES.get(status, status) if isinstance(status, int) else status,
            "tags": _texts(folder / "tags"),
        },
        "data": {
            "params": _texts(folder / "params"),
            "metrics": [
                metric
                for name, path in _files(folder / "metrics")
                for metric in _model_metrics(name, path)
            ],
        },
    }


def _model_metrics(name: str, path: Path) -> Iterator[JsonValue]:
    """Yield, for each data set and for none, the last value: time value step run [name digest]."""
    last: dict[tuple[str, ...], tuple[int, int, JsonValue, str]] = {}
    for words in _lines(path):
        if len(words) not in {4, 6}:
            raise _misread(path, words)
        at, step = _whole(path, words[0]), _whole(path, words[2])
        measured = tuple(words[4:])
        newest = last.get(measured)
        if newest is None or (step, at) >= newest[:2]:
            last[measured] = (step, at, number(words[1]), words[3])
    for measured, (step, at, value, run_id) in last.items():
        named = dict(zip(("dataset_name", "dataset_digest"), measured, strict=False))
        yield {
            "key": name,
            "value": value,
            "timestamp": at,
            "step": step,
            "run_id": run_id,
            **named,
        }


def _version(folder: Path) -> Shown | None:
    meta = _meta(folder)
    if meta.get("current_stage") == DELETED_VERSION:
        return None
    return {
        **_without(meta, ("storage_location", "deployment_job_state", "aliases")),
        "version": str(meta.get("version")),
        "tags": _texts(folder / "tags"),
    }


def _points(path: Path) -> Iterator[Point]:
    """Yield the points of a metric: time value [step], in the order of the file."""
    for words in _lines(path):
        if len(words) not in {2, 3, 5}:
            raise _misread(path, words)
        step = _whole(path, words[2]) if len(words) > 2 else 0  # noqa: PLR2004 - a line of two words has no step
        yield step, number(words[1]), _whole(path, words[0])


def _last(points: Iterator[Point]) -> Point | None:
    """Return the last point as MLflow has it: of the highest step, then time, then value."""
    return max(points, key=lambda point: (point[0], point[2], _comparable(point[1])), default=None)


def _comparable(value: JsonValue) -> float:
    return value if isinstance(value, float) else float("-inf")


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if words := line.split():
                    yield words
    except UnicodeDecodeError as error:
        raise DecodeError("A metric is not UTF-8", where=path.as_posix()) from error


def _whole(path: Path, word: str) -> int:
    try:
        return int(word)
    except ValueError as error:
        raise _misread(path, [word]) from error


def _misread(path: Path, words: list[str]) -> InvalidInputError:
    return InvalidInputError(
        f"This is no line of a metric: {' '.join(words)[:64]}", where=path.as_posix()
    )


def _meta(folder: Path) -> _Values:
    try:
        return read_object((folder / META).read_bytes())
    except LedgerError as error:
        raise error.at(f"{folder.name}/{META}") from error


def _texts(folder: Path) -> list[JsonValue]:
    return [{"key": name, "value": text} for name, text in _read_texts(folder)]


def _read_texts(folder: Path) -> Iterator[tuple[str, str]]:
    for name, path in _files(folder):
        if path.stat().st_size > VALUE_BYTES_MAX:
            raise InvalidInputError(f"{name} is longer than {VALUE_BYTES_MAX} bytes")
        try:
            yield name, path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"{name} is not UTF-8", where=folder.as_posix()) from error


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder by name; a name with a slash lies in folders of its own."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            yield path.relative_to(folder).as_posix(), path


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(path for path in place.iterdir() if path.is_dir())


def _without(meta: _Values, names: tuple[str, ...]) -> _Values:
    return {name: value for name, value in meta.items() if name not in names}
