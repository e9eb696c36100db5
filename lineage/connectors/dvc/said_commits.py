"""What commits and annotated tags state, those of a model registry included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from lineage.connectors.dvc.documents import CommitDocument, TagDocument
from lineage.connectors.dvc.naming import (
    commit_key,
    lock_key,
    locked_pipeline_key,
    model_key,
    model_version_key,
    project_key,
    tag_key,
)
from lineage.connectors.dvc.said_pipelines import COMMIT
from lineage.connectors.dvc.saying import (
    entry_key,
    items,
    say_entry,
    shown_person,
    shown_time,
)
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
from lineage_schemas.outside.gto import Action, RegistryTag
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

REVISION = "lineage.CodeRevision"
REGISTRY_PROPERTY = "gto.action"
"""The custom property of an execution that says what its tag did, for ``intervals``."""

_TYPES = {
    Action.CREATION: "lineage.Register",
    Action.REGISTRATION: "lineage.Register",
    Action.ASSIGNMENT: "lineage.Promote",
    Action.UNASSIGNMENT: "lineage.Promote",
    Action.DEREGISTRATION: "lineage.Retire",
    Action.DEPRECATION: "lineage.Retire",
}


def say_commit(document: CommitDocument) -> Iterator[AnyRecord]:
    """Yield a commit as a revision of the code and as a context of what it has.

    That a lock was committed then does not say that its stages ran on that code, so the lock bears
    the commit's identifier as *derived*.
    """
    key = commit_key(document.sha)
    committer = document.committer
    shared: dict[str, JsonValue] = {
        "display_name": document.sha[:12],
        "commit": document.sha,
        "repository": document.repository,
        "message": document.subject,
    }
    if committer is not None and committer.time is not None:
        shared["committed_time"] = shown_time(committer.time)
    people: dict[str, JsonValue] = {}
    if document.author is not None:
        people["author"] = shown_person(document.author)
    if committer is not None:
        people["committer"] = shown_person(committer)
    yield Artifact(
        key=key,
        type=REVISION,
        properties={**shared, **people, "is_signed": document.is_signed},
        custom_properties={"git.parents": items(document.parents)},
    )
    unread = {one.name: one.reason for one in document.unread}
    yield Context(
        key=key,
        type=COMMIT,
        properties=shared,
        custom_properties={"dvc.unread": dict(unread)} if unread else {},
    )
    yield Attribution(context=key, artifact=key)
    yield ParentContext(child=key, parent=project_key(document.repository))
    yield from _locked(document, key)


def _locked(document: CommitDocument, key: str) -> Iterator[AnyRecord]:
    repository = document.repository
    time = document.committer.time if document.committer else None
    for one in document.pipelines:
        locked = locked_pipeline_key(repository, one.path, one.blob, one.definition)
        yield ParentContext(child=locked, parent=key)
        evidence: dict[str, JsonValue] = {"repository": repository, "path": one.path}
        if time is not None:
            evidence["committed_time"] = shown_time(time)
        yield Claim(
            kind=Kind.ARTIFACT,
            node=lock_key(repository, one.path, one.blob),
            identifier=key,
            link_class=LinkClass.DERIVED,
            evidence=evidence,
        )


def say_tag(document: TagDocument) -> Iterator[AnyRecord]:
    """Yield an annotated tag: on its commit, and what it did to the model registry."""
    yield _tagged(document)
    if document.registry is not None:
        yield from _registry(document, document.registry)


def say_tag_back(document: TagDocument) -> Iterator[AnyRecord]:
    """Yield that a tag is there, by now: after it was deleted, or was about something else.

    Its tagger's time may lie before that, so what it stated then no longer shows.
    """
    yield _tagged(document)
    if document.registry is not None:
        yield Execution(
            key=tag_key(document.repository, document.name, document.object),
            custom_properties={"gto.is_tag_deleted": False},
        )
        version = _version_key(document)
        if version is not None:
            yield Artifact(key=version, custom_properties=_marked(document, document.registry))


def _tagged(document: TagDocument) -> Artifact:
    tag: dict[str, JsonValue] = {"object": document.object, "is_signed": document.is_signed}
    if document.tagger is not None and document.tagger.time is not None:
        tag["time"] = shown_time(document.tagger.time)
    return Artifact(
        key=commit_key(document.commit), custom_properties={f"git.tag/{document.name}": tag}
    )


def say_tag_gone(document: TagDocument) -> Iterator[AnyRecord]:
    """Yield that a tag is not there any more: what it did was undone without a word."""
    yield Artifact(
        key=commit_key(document.commit), custom_properties={f"git.tag/{document.name}": None}
    )
    if document.registry is not None:
        yield Execution(
            key=tag_key(document.repository, document.name, document.object),
            custom_properties={"gto.is_tag_deleted": True},
        )
    yield from say_tag_left(document)


def say_tag_left(document: TagDocument) -> Iterator[AnyRecord]:
    """Yield that a tag is not about the version any more that it was about."""
    version = _version_key(document)
    if version is not None:
        yield Artifact(key=version, custom_properties={_mark(document): None})


def say_commit_gone(document: CommitDocument) -> Iterator[AnyRecord]:
    """Yield that no branch or tag leads to a commit any more."""
    yield Artifact(key=commit_key(document.sha), custom_properties={"git.is_unreachable": True})


def say_commit_back(document: CommitDocument) -> Iterator[AnyRecord]:
    """Yield that a branch or tag leads to a commit again."""
    yield Artifact(key=commit_key(document.sha), custom_properties={"git.is_unreachable": False})


def _registry(document: TagDocument, said: RegistryTag) -> Iterator[AnyRecord]:
    repository = document.repository
    key = tag_key(repository, document.name, document.object)
    model = model_key(repository, said.model)
    yield Context(
        key=model,
        type="lineage.RegisteredModel",
        properties={
            "display_name": said.model,
            "registry": repository,
            "source_type": "gto.Artifact",
        },
    )
    yield Execution(
        key=key,
        type=_TYPES[said.action],
        state=ExecutionState.COMPLETE,
        properties=_did(document, said),
        custom_properties=_action(document, said),
    )
    yield Association(context=model, execution=key)
    revision = commit_key(document.commit)
    yield Event(artifact=revision, execution=key, kind=EventKind.INPUT, path=("revision",))
    version = _version_key(document)
    if version is None:
        return
    yield Artifact(
        key=version,
        type="lineage.ModelVersion",
        properties=_version(document, said),
        custom_properties=_marked(document, said),
    )
    yield Attribution(context=model, artifact=version)
    # A stage that is given to a commit makes a version out of it.
    is_made = said.action is Action.REGISTRATION or (
        said.action is Action.ASSIGNMENT and document.version == document.commit
    )
    if is_made and document.model is not None:
        yield from say_entry(repository, document.model, key)
        artifact = entry_key(repository, document.model, key)
        yield Event(artifact=artifact, execution=key, kind=EventKind.INPUT, path=("model",))
    kind = EventKind.OUTPUT if is_made else EventKind.INPUT
    yield Event(artifact=version, execution=key, kind=kind, path=("version",))


def _did(document: TagDocument, said: RegistryTag) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        "display_name": document.name,
        "source_type": f"gto.{said.action.value}",
        "code_commit": document.commit,
        "code_repository": document.repository,
    }
    who: JsonValue = shown_person(document.tagger) if document.tagger else None
    match said.action:
        case Action.CREATION | Action.REGISTRATION:
            found |= {"model_name": said.model, "registry": document.repository}
            people = {"registered_by": who}
        case Action.ASSIGNMENT | Action.UNASSIGNMENT:
            stage = "to_stage" if said.action is Action.ASSIGNMENT else "from_stage"
            found |= {stage: said.stage, "reason": document.message}
            people = {"promoted_by": who}
        case Action.DEREGISTRATION | Action.DEPRECATION:
            found |= {"reason": document.message}
            people = {"retired_by": who}
        case _:
            assert_never(said.action)
    if document.message:
        found["description"] = document.message
    return found if who is None else found | people


def _action(document: TagDocument, said: RegistryTag) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        "action": said.action.value,
        "model": said.model,
        "tag": document.name,
        "commit": document.commit,
    }
    more: dict[str, JsonValue] = {
        "version": document.version,
        "stage": said.stage,
        "counter": said.counter,
    }
    found |= {name: value for name, value in more.items() if value is not None}
    if document.tagger is not None and document.tagger.time is not None:
        found["time"] = shown_time(document.tagger.time)
    return {REGISTRY_PROPERTY: found}


def _version(document: TagDocument, said: RegistryTag) -> dict[str, JsonValue]:
    version = document.version or ""
    found: dict[str, JsonValue] = {
        "display_name": f"{said.model} {version}",
        "model_name": said.model,
        "registry": document.repository,
        "source_type": "gto.Version",
    }
    if version.startswith("v") and said.action is Action.REGISTRATION:
        found["semantic_version"] = version.removeprefix("v")
        if document.tagger is not None:
            found["registered_by"] = shown_person(document.tagger)
            if document.tagger.time is not None:
                found["registered_time"] = shown_time(document.tagger.time)
    return found


def _marked(document: TagDocument, said: RegistryTag) -> dict[str, JsonValue]:
    """Return what a tag says of a version, under the tag's own name.

    Tags of one second may contradict each other, and one of them may be deleted: which stage a
    version has follows from all of them in their order, as ``current_intervals`` tells.
    """
    told: dict[str, JsonValue] = {
        "action": said.action.value,
        "stage": said.stage,
        "counter": said.counter,
    }
    if document.tagger is not None and document.tagger.time is not None:
        told["time"] = shown_time(document.tagger.time)
    return {_mark(document): {name: value for name, value in told.items() if value is not None}}


def _mark(document: TagDocument) -> str:
    return f"gto.tag/{document.name}"


def _version_key(document: TagDocument) -> str | None:
    if document.registry is None or document.version is None:
        return None
    return model_version_key(document.repository, document.registry.model, document.version)
