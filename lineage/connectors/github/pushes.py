"""Pushes and releases: which commits there are, and what they are called."""

from __future__ import annotations

from typing import Final

from lineage.connectors.github.naming import Naming
from lineage.connectors.github.telling import (
    Told,
    is_commit,
    moment_of,
    say_code,
    say_commit,
    say_project,
    shown_url,
    stated_at,
    time_of,
    without_empty,
)
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
)
from lineage_schemas.outside.github import PushMessage, ReleaseMessage
from lineage_schemas.records import AnyRecord, Precision, StatedTime
from lineage_schemas.values import JsonValue

_BRANCH: Final = "refs/heads/"
_TAG: Final = "refs/tags/"


def tell_push(message: PushMessage, naming: Naming) -> Told:
    """Say which commits came, and where a branch or a tag leads from now on.

    Where it leads stands on the repository, under the name of the branch or tag; nothing, once that
    was deleted.
    """
    head = message.head_commit
    stated = stated_at(
        time_of(naming.repository.pushed_at, head.timestamp if head is not None else None)
    )
    leads: dict[str, JsonValue] = {f"github.ref/{message.ref}": None}
    if not message.deleted:
        leads = {f"github.ref/{message.ref}": message.after.lower()}
    records: list[AnyRecord] = [
        say_project(naming),
        Context(key=naming.project, custom_properties=leads),
    ]
    shown = {one.id.lower(): one for one in (*message.commits, *([head] if head else ()))}
    branch = message.ref.removeprefix(_BRANCH) if message.ref.startswith(_BRANCH) else None
    for sha, commit in shown.items():
        more: dict[str, JsonValue] = {"branch": branch}
        if head is not None and sha == head.id.lower() and message.ref.startswith(_TAG):
            more["tag"] = message.ref.removeprefix(_TAG)
        revision = say_commit(sha, naming.address, commit, more)
        records += (revision, Attribution(context=naming.project, artifact=revision.key or sha))
    return Told(stated, tuple(records))


def tell_release(message: ReleaseMessage, naming: Naming) -> Told:
    """Say what a release is, or that it is there no more.

    A deletion has no time of its own, and states nothing but itself.
    """
    release = message.release
    key = naming.own("release", release.id)
    if message.action == "deleted":
        gone = Artifact(key=key, type="lineage.Document", state=ArtifactState.DELETED)
        return Told(StatedTime(precision=Precision.UNKNOWN), (gone,))
    commit = release.target_commitish or ""
    author = release.author.shown if release.author else None
    time = moment_of(release.published_at, release.created_at)
    flags: dict[str, JsonValue] = {
        "github.tag": release.tag_name,
        "github.target": release.target_commitish,
        "github.is_draft": release.draft,
        "github.is_prerelease": release.prerelease,
    }
    shared: dict[str, JsonValue] = {
        "display_name": release.name or f"{naming.repository.full_name} {release.tag_name}",
        "source_type": "github.Release",
        "source_url": shown_url(release.html_url),
    }
    records: list[AnyRecord] = [
        say_project(naming),
        Artifact(
            key=key,
            type="lineage.Document",
            properties=without_empty(
                {
                    **shared,
                    "version": release.tag_name,
                    "document_uri": shown_url(release.html_url),
                    "subject": naming.project,
                    "attached_by": author,
                    "attached_time": time,
                }
            ),
            custom_properties=without_empty(flags),
        ),
        Execution(
            key=key,
            type="lineage.Declare",
            state=ExecutionState.COMPLETE,
            properties=without_empty({**shared, "declared_by": author, "declared_time": time}),
        ),
        Event(artifact=key, execution=key, kind=EventKind.OUTPUT, path=("document",)),
        Association(context=naming.project, execution=key),
        Attribution(context=naming.project, artifact=key),
    ]
    if is_commit(commit):
        records += say_code(commit, key, naming.address, path="subject")
    at = time_of(release.updated_at, release.published_at, release.created_at)
    return Told(stated_at(at), tuple(records))
