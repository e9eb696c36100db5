"""Experiments, runs, and what belongs to a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.connectors.mlflow.datasets import say_dataset_inputs
from lineage.connectors.mlflow.keys import (
    artifact_key,
    experiment_key,
    logged_model_key,
    run_key,
)
from lineage.connectors.mlflow.models import say_history_models
from lineage.connectors.mlflow.saying import Saying, is_time, moment, table
from lineage.connectors.mlflow.tags import (
    DVC_STAGE_TAGS,
    commit_of,
    image_digest,
    say_commit,
    say_tags,
)
from lineage_schemas.identifiers import is_content_digest, is_empty_content
from lineage_schemas.instants import instant_of
from lineage_schemas.mlflow_names import mlflow_unscoped_run_identifier
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
)
from lineage_schemas.outside.mlflow import (
    ArtifactFile,
    Artifacts,
    Experiment,
    Metric,
    Run,
    Series,
)
from lineage_schemas.records import AnyRecord, Claim, LinkClass, MetricSeries, Retraction
from lineage_schemas.uris import without_passwords
from lineage_schemas.values import JsonValue

RUN_TYPE: Final = "lineage.Run"
RUN_CONTEXT_TYPE: Final = "lineage.RunContext"
EXPERIMENT_TYPE: Final = "lineage.Experiment"
MODEL_TYPE: Final = "lineage.Model"

NOTE: Final = "mlflow.note.content"
PARENT: Final = "mlflow.parentRunId"
LOG_HISTORY: Final = "mlflow.log-model.history"
USER: Final = "mlflow.user"

STATES: Final = {
    "RUNNING": ExecutionState.RUNNING,
    "SCHEDULED": ExecutionState.NEW,
    "FINISHED": ExecutionState.COMPLETE,
    "FAILED": ExecutionState.FAILED,
    "KILLED": ExecutionState.CANCELED,
}
UNKNOWN_STATUS: Final = "mlflow.unknown_status"
"""The flag of a run whose status no version of MLflow that we know has."""

_SAID_ELSEWHERE: Final = frozenset({NOTE, LOG_HISTORY, USER, "mlflow.runName"})
_REPOSITORY: Final = (*("mlflow.source.git.repoURL", "mlflow.gitRepoURL", "mlflow.git.repo_url"),)
_BRANCH: Final = ("mlflow.source.git.branch", "mlflow.git.branch")
_MODEL_FILE: Final = "MLmodel"


def say_experiment(server: str, shown: Experiment, *, was_known: bool) -> Iterator[AnyRecord]:
    """Yield an experiment."""
    saying = Saying(experiment_key(server, shown.experiment_id), EXPERIMENT_TYPE, was_known)
    saying.put(
        display_name=shown.name,
        description=shown.tags.get(NOTE),
        source_type="experiment",
        source_state=shown.lifecycle_stage,
        artifact_uri=shown.artifact_location,
    )
    saying.put_texts("tags", _free(shown.tags))
    saying.keep(
        {
            "creation_time": moment(shown.creation_time),
            "last_update_time": moment(shown.last_update_time),
        }
    )
    yield Context(**saying.fields())


def say_run_structure(server: str, shown: Run) -> Iterator[AnyRecord]:
    """Yield a run's place: what it read and made, what it belongs to, what else it is called.

    All of this is so from the start of the run.
    """
    key = run_key(server, shown.run_id)
    yield Execution(key=key, type=RUN_TYPE)
    yield Claim(
        kind=Kind.EXECUTION,
        node=key,
        identifier=mlflow_unscoped_run_identifier(shown.run_id),
        link_class=LinkClass.ASSERTED,
        evidence={"field": "run_id"},
    )
    if shown.experiment_id is not None:
        experiment = experiment_key(server, shown.experiment_id)
        yield Context(key=experiment, type=EXPERIMENT_TYPE)
        yield Association(context=experiment, execution=key)
    parent = shown.tags.get(PARENT)
    if parent:
        yield from say_inside(server, parent, key)
    commit = commit_of(shown.tags)
    if commit is not None:
        yield from say_commit(key, commit, _repository(shown.tags), "code")
    yield from say_dataset_inputs(server, shown, key)
    for read in shown.model_inputs:
        yield _model_event(server, read.model_id, key, EventKind.INPUT, ("model",))
    for made in shown.model_outputs:
        path = () if made.step is None else ("step", made.step)
        yield _model_event(server, made.model_id, key, EventKind.OUTPUT, path)
    yield from say_history_models(server, shown.run_id, shown.tags.get(LOG_HISTORY))
    yield from say_tags(server, key, shown.tags)


def say_claims_changed(server: str, was: Run, now: Run) -> Iterator[AnyRecord]:
    """Yield what a run's tags claim of it since ``was``; what they claim no more is taken back.

    Both are stated at the look: a claim that came back is later than its retraction then.
    """
    before, after = _tag_claims(server, was), _tag_claims(server, now)
    for name, claim in before.items():
        if name not in after:
            yield Retraction(
                kind=claim.kind,
                node=claim.node,
                identifier=claim.identifier,
                link_class=claim.link_class,
                reason="MLflow shows no tag any more that says so",
            )
    for name, claim in after.items():
        if name not in before:
            yield claim


def say_run(server: str, shown: Run, *, was_known: bool) -> Iterator[AnyRecord]:
    """Yield what a run shows now: its state, its values, its labels."""
    tags = shown.tags
    saying = Saying(run_key(server, shown.run_id), RUN_TYPE, was_known)
    state = STATES.get(shown.status or "")
    is_deleted = shown.lifecycle_stage == "deleted"
    saying.put(
        display_name=shown.run_name,
        description=tags.get(NOTE),
        source_type="run",
        source_state=shown.status,
        hyperparameters=table(shown.params),
        metrics=_last_values(shown.metrics),
        started_time=moment(shown.start_time),
        ended_time=moment(shown.end_time),
        duration_us=_duration_us(shown),
        code_commit=commit_of(tags),
        code_branch=_first(tags, _BRANCH),
        code_repository=_repository(tags),
        entry_point=tags.get("mlflow.project.entryPoint") or tags.get("mlflow.source.name"),
        image_digest=image_digest(tags),
        image_reference=tags.get("mlflow.docker.image.uri"),
        started_by=shown.user_id or tags.get(USER),
    )
    saying.put_texts("tags", _free(tags))
    saying.keep(
        {
            "artifact_uri": shown.artifact_uri,
            "lifecycle_stage": shown.lifecycle_stage,
            "is_deleted": is_deleted or (False if was_known else None),
            "parent_run": run_key(server, tags[PARENT]) if tags.get(PARENT) else None,
            "source_type": tags.get("mlflow.source.type"),
            "dvc_stage": _first(tags, DVC_STAGE_TAGS),
        }
    )
    if shown.status is not None and state is None:
        saying.custom[UNKNOWN_STATUS] = True
    yield Execution(**saying.fields(), state=state or ExecutionState.UNKNOWN)


def say_inside(server: str, run_id: str, execution: str) -> Iterator[AnyRecord]:
    """Yield that an execution ran inside a run."""
    key = run_key(server, run_id)
    yield Context(key=key, type=RUN_CONTEXT_TYPE, properties={"run_key": key})
    yield Association(context=key, execution=execution)


def say_series(server: str, shown: Series) -> Iterator[AnyRecord]:
    """Yield a chunk of a metric by step; an empty one tells that there is nothing by step."""
    if not shown.points:
        return
    yield MetricSeries(
        execution=run_key(server, shown.run_id),
        metric=shown.metric,
        chunk=shown.chunk,
        points=tuple(
            (step, value, instant_of(at * 1_000) if is_time(at) else None)
            for step, value, at in shown.points
        ),
    )


def say_artifacts(server: str, shown: Artifacts, *, was_known: bool) -> Iterator[AnyRecord]:
    """Yield the files of a run; a folder of them that is a model is an output of the run."""
    run = run_key(server, shown.run_id)
    saying = Saying(run, RUN_TYPE, was_known)
    files: list[JsonValue] = [
        {"path": file.path, **({} if file.file_size is None else {"size_bytes": file.file_size})}
        for file in shown.files
    ]
    saying.keep({"artifacts": {"items": files}, "artifacts_are_cut": shown.is_cut or None})
    yield Execution(**saying.fields())
    for file in shown.files:
        if file.sha256 is not None:
            yield from _hashed(artifact_key(server, shown.run_id, file.path), run, file)
        folder, _, name = file.path.rpartition("/")
        if name == _MODEL_FILE and folder:
            key = artifact_key(server, shown.run_id, folder)
            model = Saying(key, MODEL_TYPE)
            model.put(display_name=folder, source_type="artifact")
            yield Artifact(**model.fields())
            yield Event(artifact=key, execution=run, kind=EventKind.OUTPUT, path=(folder,))


def _hashed(key: str, run: str, file: ArtifactFile) -> Iterator[AnyRecord]:
    """Yield a file whose contents were read: an output, which meets the same bytes elsewhere."""
    saying = Saying(key, "lineage.DataSet")
    saying.put(
        display_name=file.path,
        source_type="artifact",
        size_bytes=file.file_size,
        content_digest=f"sha256:{file.sha256}",
    )
    yield Artifact(**saying.fields())
    for digest in (f"md5:{file.md5}", f"sha256:{file.sha256}"):
        if is_content_digest(digest) and not is_empty_content(digest):
            yield Claim(
                kind=Kind.ARTIFACT,
                node=key,
                identifier=digest,
                link_class=LinkClass.CONTENT,
                evidence={"path": file.path},
            )
    yield Event(artifact=key, execution=run, kind=EventKind.OUTPUT, path=(file.path,))


def _tag_claims(server: str, shown: Run) -> dict[str, Claim]:
    """Return, by identifier, what a run's tags claim of the run itself.

    What they claim of an input holds for every run that read it, whatever becomes of this tag.
    """
    key = run_key(server, shown.run_id)
    return {
        record.identifier: record
        for record in say_tags(server, key, shown.tags)
        if isinstance(record, Claim) and record.node == key
    }


def _model_event(
    server: str, model_id: str, run: str, kind: EventKind, path: tuple[str | int, ...]
) -> Event:
    return Event(artifact=logged_model_key(server, model_id), execution=run, kind=kind, path=path)


def _last_values(metrics: tuple[Metric, ...]) -> dict[str, JsonValue]:
    """Return the last value of each metric; of one that was measured on data, the newest."""
    newest = sorted(metrics, key=lambda metric: (metric.step, metric.timestamp or 0))
    return table({metric.key: metric.value for metric in newest})


def _duration_us(run: Run) -> int | None:
    if run.start_time is None or run.end_time is None or not is_time(run.start_time):
        return None
    return (run.end_time - run.start_time) * 1_000 if run.end_time >= run.start_time else None


def _free(tags: dict[str, str]) -> dict[str, JsonValue]:
    return {name: value for name, value in tags.items() if name not in _SAID_ELSEWHERE}


def _repository(tags: dict[str, str]) -> str | None:
    found = _first(tags, _REPOSITORY)
    return None if found is None else without_passwords(found)


def _first(tags: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((tags[name] for name in names if tags.get(name)), None)
