"""What stages, pipelines and tracked paths state."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from lineage.connectors.dvc.documents import (
    ParamsFile,
    PipelineDocument,
    RepositoryDocument,
    StageDocument,
    StatedEntry,
    TrackedDocument,
)
from lineage.connectors.dvc.naming import (
    commit_key,
    data_key,
    import_key,
    lock_key,
    locked_pipeline_key,
    pipeline_key,
    project_key,
    stage_key,
)
from lineage.connectors.dvc.saying import entry_key, items, say_claims, say_entry
from lineage.connectors.dvc.templates import DEFAULT_PARAMS
from lineage_schemas.mlflow_names import mlflow_unscoped_run_identifier
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    ParentContext,
)
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

COMMIT = "lineage.Commit"
LOCK = "lineage.PipelineLock"
LOCKED_PIPELINE = "lineage.LockedPipeline"


def say_repository(document: RepositoryDocument) -> Iterator[AnyRecord]:
    """Yield the repository."""
    custom: dict[str, JsonValue] = {"git.is_shallow": document.is_shallow}
    if document.remotes:
        custom["dvc.remotes"] = dict(document.remotes)
    if document.default_remote is not None:
        custom["dvc.default_remote"] = document.default_remote
    yield Context(
        key=project_key(document.repository),
        type="lineage.Project",
        properties={
            "display_name": document.repository,
            "repository": document.repository,
            "source_type": "git.Repository",
        },
        custom_properties=custom,
    )


def say_stage(document: StageDocument) -> Iterator[AnyRecord]:
    """Yield a stage as an execution, with all that it read and wrote."""
    repository = document.repository
    key = stage_key(repository, document.lock, document.name, document.digest)
    yield Execution(
        key=key,
        type="lineage.Run",
        state=ExecutionState.COMPLETE,
        properties=_stage_properties(document),
        custom_properties=_stage_custom(document),
    )
    for role, kind, entries in (
        ("deps", EventKind.INPUT, document.deps),
        ("outs", EventKind.OUTPUT, document.outs),
    ):
        for entry in entries:
            if not entry.is_made_here:
                yield from say_entry(repository, entry, key)
            artifact = entry_key(repository, entry, key)
            yield Event(artifact=artifact, execution=key, kind=kind, path=(role, entry.path))
    yield from _overlaps(document, key)
    for run in document.runs:
        yield Claim(
            kind=Kind.EXECUTION,
            node=key,
            identifier=mlflow_unscoped_run_identifier(run.run),
            link_class=LinkClass.ASSERTED if run.is_own else LinkClass.DERIVED,
            evidence={
                "repository": repository,
                "path": run.path,
                "name": run.name,
                "commit": document.seen.commit,
            },
        )


def _overlaps(document: StageDocument, key: str) -> Iterator[AnyRecord]:
    """Yield, for a file read out of a folder that another stage wrote, that the folder was read."""
    for one in document.overlaps:
        if one.written.state is not None:
            yield Event(
                artifact=data_key(document.repository, one.written.path, one.written.state),
                execution=key,
                kind=EventKind.INPUT,
                path=("deps", one.path, "overlaps", one.written.path),
            )


def _stage_properties(document: StageDocument) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        "display_name": posixpath.join(document.folder, document.name),
        "source_type": "dvc.Stage",
        "code_repository": document.repository,
    }
    if document.command:
        found["entry_point"] = "\n".join(document.command)
    if document.desc:
        found["description"] = document.desc
    if document.params:
        found["hyperparameters"] = _hyperparameters(document)
    metrics = [one for one in document.outs if one.values is not None]
    if len(metrics) == 1:
        found["metrics"] = dict(metrics[0].values or {})
    elif metrics:
        found["metrics"] = {one.path: one.values for one in metrics}
    return found


def _hyperparameters(document: StageDocument) -> dict[str, JsonValue]:
    """Name each parameter as the lock does; those of further files with the file before them."""
    found: dict[str, JsonValue] = {}
    for one in document.params:
        is_default = posixpath.basename(one.path) == DEFAULT_PARAMS or len(document.params) == 1
        for name, value in _values(one).items():
            place = name if is_default and name not in found else f"{one.path}:{name}"
            found[place] = value
    return found


def _values(params: ParamsFile) -> dict[str, JsonValue]:
    """Return the values of the lock; where it names a whole file only, those of the file."""
    return params.locked or params.committed or {}


def _stage_custom(document: StageDocument) -> dict[str, JsonValue]:
    custom: dict[str, JsonValue] = {"dvc.first_seen_commit": document.seen.commit}
    if len(document.command) > 1:
        custom["dvc.commands"] = items(document.command)
    if document.wdir is not None:
        custom["dvc.wdir"] = document.wdir
    if document.is_frozen:
        custom["dvc.is_frozen"] = True
    differing = {one.path: one.committed for one in document.params if one.differs}
    if differing:
        custom["dvc.params_at_commit"] = dict(differing)
    unread = {one.path: one.unread for one in document.params if one.unread is not None}
    if unread:
        custom["dvc.params_unread"] = dict(unread)
    return custom


def say_pipeline(document: PipelineDocument) -> Iterator[AnyRecord]:
    """Yield a pipeline in one state: which stages it has, and that they made its lock."""
    repository = document.repository
    pipeline = pipeline_key(repository, document.path)
    locked = locked_pipeline_key(repository, document.path, document.blob, document.definition)
    lock = lock_key(repository, document.path, document.blob)
    yield Context(
        key=pipeline,
        type="lineage.Pipeline",
        properties={"display_name": document.path, "source_type": "dvc.Pipeline"},
    )
    yield Context(
        key=locked,
        type=LOCKED_PIPELINE,
        properties=_locked_properties(document),
        custom_properties=_locked_custom(document),
    )
    yield ParentContext(child=locked, parent=pipeline)
    yield ParentContext(child=pipeline, parent=project_key(repository))
    yield Artifact(
        key=lock,
        type=LOCK,
        properties={
            "display_name": document.path,
            "source_type": "dvc.Lock",
            "path": document.path,
            "repository": repository,
            "blob": document.blob,
        },
    )
    yield Attribution(context=locked, artifact=lock)
    for stage in document.stages:
        key = stage_key(repository, document.path, stage.name, stage.digest)
        yield Association(context=locked, execution=key)
        yield Event(artifact=lock, execution=key, kind=EventKind.OUTPUT, path=("lock", stage.name))
    for entry in document.declared:
        yield from say_entry(repository, entry, locked)


def _locked_properties(document: PipelineDocument) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        "display_name": document.path,
        "source_type": "dvc.Lock",
        "path": document.path,
        "repository": document.repository,
        "lock_blob": document.blob,
    }
    if document.definition is not None:
        found["definition_blob"] = document.definition
    return found


def _locked_custom(document: PipelineDocument) -> dict[str, JsonValue]:
    custom: dict[str, JsonValue] = {"dvc.first_seen_commit": document.seen.commit}
    if document.schema is not None:
        custom["dvc.lock_schema"] = document.schema
    leftovers = [stage.name for stage in document.stages if not stage.is_declared]
    if leftovers:
        custom["dvc.leftover_stages"] = items(leftovers)
    if document.unread:
        custom["dvc.unread_stages"] = dict(document.unread)
    return custom


def say_tracked(document: TrackedDocument) -> Iterator[AnyRecord]:
    """Yield what a ``.dvc`` file tracks; an import as the execution that brought it."""
    repository = document.repository
    key = import_key(repository, document.path, document.blob)
    for entry in document.outs:
        yield from say_entry(repository, entry, key)
        yield Attribution(
            context=commit_key(document.seen.commit), artifact=entry_key(repository, entry, key)
        )
    if not document.sources:
        return
    told: dict[str, JsonValue] = {
        "dvc.first_seen_commit": document.seen.commit,
        "dvc.import_repository": document.origin,
        "dvc.import_revision": document.revision,
        "dvc.import_revision_locked": document.revision_locked,
        "dvc.is_frozen": document.is_frozen or None,
    }
    custom: dict[str, JsonValue] = {
        name: value for name, value in told.items() if value is not None
    }
    yield Execution(
        key=key,
        type="lineage.Collect",
        state=ExecutionState.COMPLETE,
        properties={
            "display_name": document.path,
            "source_type": "dvc.Import",
            "code_repository": repository,
            **({"description": document.desc} if document.desc else {}),
        },
        custom_properties=custom,
    )
    for entry in document.sources:
        yield from _source(document, entry, key)
    if document.origin is not None and document.revision_locked is not None:
        yield Event(
            artifact=commit_key(document.revision_locked.lower()),
            execution=key,
            kind=EventKind.INPUT,
            path=("revision",),
        )
    for entry in document.outs:
        yield Event(
            artifact=entry_key(repository, entry, key),
            execution=key,
            kind=EventKind.OUTPUT,
            path=("outs", entry.path),
        )


def _source(document: TrackedDocument, entry: StatedEntry, key: str) -> Iterator[AnyRecord]:
    """Yield what was imported. What another repository has is described by that repository."""
    if document.origin is None:
        yield from say_entry(document.repository, entry, key)
        artifact = entry_key(document.repository, entry, key)
    else:
        artifact = entry_key(document.origin, entry, key)
        yield from say_claims(document.origin, entry, artifact)
    yield Event(artifact=artifact, execution=key, kind=EventKind.INPUT, path=("deps", entry.path))
