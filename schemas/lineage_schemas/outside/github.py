"""What GitHub delivers by webhooks, as far as it is read here.

The payloads of https://docs.github.com/webhooks/webhook-events-and-payloads, read tolerantly:
unknown fields are passed over, ``null`` means absent, and what servers of other ages leave out may
be missing. A time is kept as its text, since some are of no year that ever was.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from lineage_schemas.errors import DecodeError
from lineage_schemas.values import JsonValue


class Account(Struct, frozen=True):
    """A user, an organisation, a team or an app."""

    login: str | None = None
    name: str | None = None

    @property
    def shown(self) -> str | None:
        """What people call it."""
        return self.login or self.name or None


class Repository(Struct, frozen=True):
    """A repository. Its number stays when it is renamed; its full name is what people write."""

    id: int
    full_name: str
    html_url: str | None = None
    owner: Account | None = None
    pushed_at: JsonValue = None


class Person(Struct, frozen=True):
    """Who wrote a commit."""

    name: str | None = None
    email: str | None = None


class Commit(Struct, frozen=True):
    """A commit as a push or a run shows it."""

    id: str
    message: str | None = None
    timestamp: str | None = None
    url: str | None = None
    author: Person | None = None
    committer: Person | None = None


class OtherRepository(Struct, frozen=True):
    """Where the commit of a run lies: a fork, for one."""

    full_name: str | None = None


class Workflow(Struct, frozen=True):
    """A workflow, which runs again and again."""

    id: int
    name: str | None = None
    path: str | None = None
    html_url: str | None = None


class WorkflowRun(Struct, frozen=True):
    """One attempt of a run of a workflow."""

    id: int
    head_sha: str
    name: str | None = None
    display_title: str | None = None
    head_branch: str | None = None
    head_commit: Commit | None = None
    head_repository: OtherRepository | None = None
    path: str | None = None
    event: str | None = None
    status: str | None = None
    conclusion: str | None = None
    html_url: str | None = None
    run_number: int | None = None
    run_attempt: int | None = None
    run_started_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    actor: Account | None = None
    triggering_actor: Account | None = None


class WorkflowJob(Struct, frozen=True):
    """One job of a run."""

    id: int
    run_id: int
    head_sha: str
    run_attempt: int | None = None
    name: str | None = None
    workflow_name: str | None = None
    head_branch: str | None = None
    status: str | None = None
    conclusion: str | None = None
    html_url: str | None = None
    created_at: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    runner_name: str | None = None
    labels: list[str] | None = None


class Deployment(Struct, frozen=True):
    """A deployment that was asked for. ``payload`` is whatever its creator gave along."""

    id: int
    sha: str
    environment: str
    ref: str | None = None
    task: str | None = None
    payload: JsonValue = None
    description: str | None = None
    creator: Account | None = None
    created_at: str | None = None
    updated_at: str | None = None
    production_environment: bool | None = None
    transient_environment: bool | None = None


class DeploymentStatus(Struct, frozen=True):
    """One step of a deployment: it waits, goes on, succeeds, fails, or is in use no more."""

    id: int
    state: str
    environment: str | None = None
    description: str | None = None
    target_url: str | None = None
    log_url: str | None = None
    environment_url: str | None = None
    creator: Account | None = None
    created_at: str | None = None
    updated_at: str | None = None


class JobRun(Struct, frozen=True):
    """A job that waits, or has waited, for a decision."""

    environment: str | None = None


class Reviewer(Struct, frozen=True):
    """Who may decide."""

    type: str | None = None
    reviewer: Account | None = None


class ImageTag(Struct, frozen=True):
    """The tag under which an image was pushed."""

    name: str | None = None
    digest: str | None = None


class ImageLabels(Struct, frozen=True):
    """Labels of an image: those that GitHub picks, and all."""

    revision: str | None = None
    all_labels: dict[str, JsonValue] | None = None


class ContainerMetadata(Struct, frozen=True):
    """What GitHub knows of an image."""

    tag: ImageTag | None = None
    labels: ImageLabels | None = None


class PackageVersion(Struct, frozen=True):
    """A version of a package; of an image, its digest."""

    id: int
    version: str | None = None
    name: str | None = None
    html_url: str | None = None
    package_url: str | None = None
    target_oid: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    author: Account | None = None
    container_metadata: ContainerMetadata | None = None


class Registry(Struct, frozen=True):
    """Where a package is kept."""

    type: str | None = None


class Package(Struct, frozen=True):
    """A package. ``package_type`` is what holds; ``ecosystem`` is where that does not say."""

    id: int
    name: str
    package_type: str | None = None
    ecosystem: str | None = None
    owner: Account | None = None
    created_at: str | None = None
    updated_at: str | None = None
    package_version: PackageVersion | None = None
    registry: Registry | None = None


class Release(Struct, frozen=True):
    """A release: a tag, with notes."""

    id: int
    tag_name: str
    target_commitish: str | None = None
    name: str | None = None
    html_url: str | None = None
    draft: bool | None = None
    prerelease: bool | None = None
    author: Account | None = None
    created_at: str | None = None
    updated_at: str | None = None
    published_at: str | None = None


class Delivered(Struct, frozen=True, kw_only=True):
    """What every payload may have."""

    action: str | None = None
    repository: Repository | None = None
    organization: Account | None = None
    sender: Account | None = None


class WorkflowRunMessage(Delivered, frozen=True, kw_only=True):
    """``workflow_run``."""

    workflow_run: WorkflowRun
    workflow: Workflow | None = None


class WorkflowJobMessage(Delivered, frozen=True, kw_only=True):
    """``workflow_job``."""

    workflow_job: WorkflowJob


class DeploymentMessage(Delivered, frozen=True, kw_only=True):
    """``deployment``, and ``deployment_status`` where the status is there."""

    deployment: Deployment
    deployment_status: DeploymentStatus | None = None
    workflow_run: WorkflowRun | None = None


class DeploymentReviewMessage(Delivered, frozen=True, kw_only=True):
    """``deployment_review``."""

    workflow_run: WorkflowRun
    since: str
    environment: str | None = None
    workflow_job_run: JobRun | None = None
    workflow_job_runs: list[JobRun] | None = None
    reviewers: list[Reviewer] | None = None
    requestor: Account | None = None
    requester: Account | None = None
    approver: Account | None = None
    comment: str | None = None


class PackageMessage(Delivered, frozen=True, kw_only=True):
    """``package`` and ``registry_package``: they differ by the name of one field."""

    package: Package | None = None
    registry_package: Package | None = None


class PushMessage(Delivered, frozen=True, kw_only=True):
    """``push``."""

    ref: str
    after: str
    before: str | None = None
    deleted: bool = False
    forced: bool = False
    commits: list[Commit] = []
    head_commit: Commit | None = None
    pusher: Person | None = None


class ReleaseMessage(Delivered, frozen=True, kw_only=True):
    """``release``."""

    release: Release


_T = TypeVar("_T")
_OBJECT: Final = msgspec.json.Decoder(dict[str, JsonValue])


def decode_delivered(body: bytes, form: type[_T]) -> _T:
    """Read a payload as that of one event.

    Raises:
        DecodeError: not JSON, or a field is missing or of a wrong type; names its JSON path.
    """
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        what, _, path = str(error).partition(" - at ")
        raise DecodeError(
            f"This is not as GitHub delivers it: {what}", where=path.strip("`") or "$"
        ) from error


def fields_of(body: bytes) -> frozenset[str]:
    """Return the names of a payload's fields that are not null.

    Raises:
        DecodeError: it is no JSON object.
    """
    try:
        return frozenset(name for name, one in _OBJECT.decode(body).items() if one is not None)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(
            "What was delivered is no JSON object",
            hint="Look into the webhook's settings at GitHub, and into its recent deliveries.",
        ) from error
