"""Reads a folder in which MLflow's file store keeps its things (``mlruns``), old layouts too.

    ID/meta.yaml, tags/                an experiment; deleted ones are in .trash
    ID/RUN/meta.yaml                   a run
    ID/RUN/{params,tags,metrics}/KEY   one file a value; a metric has a line a point
    ID/RUN/{inputs,outputs}/*          what the run read and made; the data sets are in ID/datasets
    ID/RUN/artifacts/                  its files
    ID/models/m-*                      logged models
    models/NAME/version-N              the registry

Nothing is written and nothing is locked: a folder that a server still writes into shows each file
as it is when it is read. Links are told as unread and not followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from lineage.connectors.mlflow.documents import (
    ARTIFACTS,
    EXPERIMENT,
    LOGGED_MODEL,
    MODEL_FILE,
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
    model_file_subject,
    number,
    registered_model_document,
    run_document,
    series_subject,
    version_document,
)
from lineage.connectors.mlflow.folders import (
    blocks,
    content,
    files,
    folders,
    lines,
    unlinked,
    within,
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
from lineage.connectors.scanning import Document, Listed, Look, Memory, Unread, subject_of
from lineage.connectors.yaml_documents import YAML_BYTES_MAX
from lineage_schemas.errors import DecodeError, InvalidInputError, LedgerError, NotFoundError
from lineage_schemas.values import JsonValue

META: Final = "meta.yaml"
TRASH: Final = ".trash"
MODELS: Final = "models"
RESERVED: Final = frozenset({"tags", "datasets", "traces", MODELS, TRASH})
"""Folders of an experiment that are no runs."""

VALUE_BYTES_MAX: Final = 1_048_576
"""A param or a tag; MLflow itself allows some thousand characters."""

RUN_STATES: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATES: Final = {
    1: "LOGGED_MODEL_PENDING",
    2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}
DELETED_VERSION: Final = "Deleted_Internal"

_RUN_ID: Final = re.compile("[0-9a-f]{32}")

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
        # Where the caller's own path leads over links, that is what the caller named.
        self._root = folder.resolve()
        self._options = options
        self._cut: set[str] = set()

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002 - a folder has no memory and no cursor
        """Yield all that the folder holds.

        Raises:
            NotFoundError: there is no such folder, or no experiment of MLflow's in it.
        """
        experiments: list[Path] = []
        for place in (self._root, self._root / TRASH):
            yield from self._experiment_folders(place, experiments)
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
        models: list[Path] = []
        for found in self._things(REGISTERED_MODEL, self._root / MODELS):
            if isinstance(found, Unread):
                self._cut.add(MODEL_VERSION)
                yield found
            else:
                models.append(found)
        for kind, read in ((REGISTERED_MODEL, self._registered), (MODEL_VERSION, self._versions)):
            for folder in models:
                yield from read(folder)
            yield from self._all_of(kind)

    def _all_of(self, kind: str) -> Iterator[Listed]:
        if kind not in self._cut:
            yield Listed(kind)

    def _experiment_folders(self, place: Path, experiments: list[Path]) -> Iterator[Unread]:
        """Add the folders of experiments; tell those that cannot be entered."""
        for found in self._things(EXPERIMENT, place):
            if isinstance(found, Path):
                experiments.append(found)
            else:
                self._cut |= {RUN, LOGGED_MODEL}
                yield found

    def _things(self, kind: str, place: Path) -> Iterator[Path | Unread]:
        """Yield the folders in a place that hold a thing of a kind each."""
        try:
            found = [folder for folder in folders(place) if _may_be(kind, folder.name)]
        except (LedgerError, OSError) as error:
            yield self._unread(kind, place, error)
            return
        for folder in found:
            try:
                if (unlinked(folder) / META).is_file():
                    yield folder
                elif _looks_like(kind, folder):
                    # Passed over, it would be taken for gone.
                    raise NotFoundError(f"Its {META} is missing", where=folder.as_posix())
            except (LedgerError, OSError) as error:
                yield self._unread(kind, folder, error)

    def _unread(self, kind: str, folder: Path, error: Exception) -> Unread:
        self._cut.add(kind)
        return Unread(kind, f"{kind}/{folder.relative_to(self._root).as_posix()}", str(error))

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
        for folder in self._things(RUN, experiment):
            if isinstance(folder, Unread):
                yield folder
                continue
            for found in self._found(RUN, folder, run_document, lambda run=folder: _run(run)):  # type: ignore[misc]
                yield found
                if isinstance(found, Document):
                    yield from self._series(folder)
                    yield from self._artifacts(folder)

    def _series(self, run: Path) -> Iterator[Found]:
        for metric, path in files(run / "metrics"):
            try:
                last = _last(_points(path))
                if last is not None and has_series(self._options.series, last[0]):
                    yield from series(run.name, metric, _points(path), last[0])
            except (LedgerError, OSError) as error:
                yield Unread(SERIES, series_subject(run.name, metric, 0), str(error))

    def _artifacts(self, run: Path) -> Iterator[Found]:
        top = run / "artifacts"
        if not self._options.artifacts_max or not (top.is_dir() or top.is_symlink()):
            return
        listed: list[Shown] = []
        is_cut = False
        try:
            for name, path in files(top):
                if path.is_symlink():
                    subject = subject_of(ARTIFACTS, run.name, name)
                    yield Unread(ARTIFACTS, subject, "This is a link, which is not followed")
                    continue
                if len(listed) == self._options.artifacts_max:
                    is_cut = True
                    break
                size = path.stat().st_size
                wanted = 0 < self._options.hash_bytes_max >= size
                hashed = digests(blocks(path)) if wanted else {}
                listed.append({"path": name, "is_dir": False, "file_size": size, **hashed})
        except (LedgerError, OSError) as error:
            yield Unread(ARTIFACTS, artifacts_subject(run.name), str(error))
            return
        if listed:
            yield checked(artifacts_document(run.name, listed, is_cut=is_cut))

    def _logged_models(self, experiment: Path) -> Iterator[Found]:
        for folder in self._things(LOGGED_MODEL, experiment / MODELS):
            if isinstance(folder, Unread):
                yield folder
                continue
            for found in self._found(
                LOGGED_MODEL,
                folder,
                logged_model_document,
                lambda model=folder: _logged_model(model),  # type: ignore[misc]
            ):
                yield found
                if isinstance(found, Document):
                    yield from self._model_file(folder)

    @staticmethod
    def _model_file(model: Path) -> Iterator[Found]:
        try:
            file = within(model, "artifacts") / "MLmodel"
            if file.is_file() or file.is_symlink():
                yield model_file(model.name, content(file, YAML_BYTES_MAX))
        except (LedgerError, OSError) as error:
            yield Unread(MODEL_FILE, model_file_subject(model.name), str(error))

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
        for folder in self._things(MODEL_VERSION, model):
            if isinstance(folder, Unread):
                yield folder
            else:
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
            yield self._unread(kind, folder, error)
            return
        if shown is not None:
            found = composed(compose, kind, shown)
            if isinstance(found, Unread):
                self._cut.add(kind)
            yield found


def _may_be(kind: str, name: str) -> bool:
    """Tell whether a folder of this name may hold a thing of a kind."""
    if kind in {EXPERIMENT, RUN}:
        return name not in RESERVED
    return kind != MODEL_VERSION or name.startswith("version-")


def _looks_like(kind: str, folder: Path) -> bool:
    """Tell whether a folder seems to hold a thing of a kind, though it says nothing of itself."""
    if kind == EXPERIMENT:
        return folder.name.isdecimal() or any(folder.glob(f"*/{META}"))
    if kind == RUN:
        is_id = _RUN_ID.fullmatch(folder.name) is not None
        return is_id or any((folder / part).is_dir() for part in ("params", "metrics", "tags"))
    if kind == LOGGED_MODEL:
        return folder.name.startswith("m-")
    if kind == REGISTERED_MODEL:
        return (folder / "aliases").is_dir() or any(folder.glob("version-*"))
    return True


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
    for metric, path in files(folder / "metrics"):
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
    for folder in folders(run / "inputs"):
        given = _meta(folder)
        source = str(given.get("source_id"))
        if given.get("source_type") == "DATASET":
            tags = given.get("tags")
            table = tags if isinstance(tags, dict) else {}
            datasets.append(
                {
                    "dataset": _meta(within(within(run.parent, "datasets"), source)),
                    "tags": [{"key": key, "value": value} for key, value in table.items()],
                }
            )
        else:
            read.append({"model_id": source})
    for folder in folders(run / "outputs"):
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
                for name, path in files(folder / "metrics")
                for metric in _model_metrics(name, path)
            ],
        },
    }


def _model_metrics(name: str, path: Path) -> Iterator[JsonValue]:
    """Yield, for each data set and for none, the last value: time value step run [name digest]."""
    last: dict[tuple[str, ...], tuple[int, int, JsonValue, str]] = {}
    for words in lines(path):
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
    for words in lines(path):
        if len(words) not in {2, 3, 5}:
            raise _misread(path, words)
        step = _whole(path, words[2]) if len(words) > 2 else 0  # noqa: PLR2004 - a line of two words has no step
        yield step, number(words[1]), _whole(path, words[0])


def _last(points: Iterator[Point]) -> Point | None:
    """Return the last point as MLflow has it: of the highest step, then time, then value."""
    return max(points, key=lambda point: (point[0], point[2], _comparable(point[1])), default=None)


def _comparable(value: JsonValue) -> float:
    return value if isinstance(value, float) else float("-inf")


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
        return read_object(content(unlinked(folder) / META, YAML_BYTES_MAX))
    except LedgerError as error:
        raise error.at(f"{folder.name}/{META}") from error


def _texts(folder: Path) -> list[JsonValue]:
    return [{"key": name, "value": text} for name, text in _read_texts(folder)]


def _read_texts(folder: Path) -> Iterator[tuple[str, str]]:
    for name, path in files(folder):
        try:
            yield name, content(path, VALUE_BYTES_MAX).decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"{name} is not UTF-8", where=folder.as_posix()) from error


def _without(meta: _Values, names: tuple[str, ...]) -> _Values:
    return {name: value for name, value in meta.items() if name not in names}
