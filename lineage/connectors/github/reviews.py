"""Reviews of deployments: people decide whether a run may go on to an environment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from lineage.connectors.dvc.naming import commit_key
from lineage.connectors.github.naming import Naming
from lineage.connectors.github.runs import say_run_context, shown_run
from lineage.connectors.github.telling import (
    Told,
    moment_of,
    say_code,
    shown_url,
    time_of,
    without_empty,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    ParentContext,
)
from lineage_schemas.outside.github import Account, DeploymentReviewMessage
from lineage_schemas.records import AnyRecord, Precision, StatedTime
from lineage_schemas.values import JsonValue

DECISIONS: Final = frozenset({"approved", "rejected"})

_PERSONAL: Final = ("github.comment", "github.reviewers")


def tell_review(message: DeploymentReviewMessage, naming: Naming) -> Told:
    """Say that a decision was asked for, or made, for each environment that it is about.

    GitHub says since when it was waited for, and shows the run as it went on; the decision lies
    between the two.

    Raises:
        InvalidInputError: it names no environment, or no time.
    """
    since, run = time_of(message.since), message.workflow_run
    if since is None:
        raise InvalidInputError("A review has no time", where="$.since")
    names = _environments(message)
    if not names:
        raise InvalidInputError("A review names no environment", where="$.environment")
    stated = StatedTime(start=since)
    decided: datetime | None = None
    if message.action in DECISIONS:
        went_on = time_of(run.updated_at)
        decided = since
        if went_on is not None and went_on > since:
            decided = went_on
            stated = StatedTime(start=since, end=went_on, precision=Precision.INTERVAL)
    records: list[AnyRecord] = [*say_run_context(run, naming)]
    for name in names:
        records += _review(message, naming, name, decided)
    return Told(stated, tuple(records))


def _environments(message: DeploymentReviewMessage) -> tuple[str, ...]:
    jobs = [*(message.workflow_job_runs or ()), message.workflow_job_run]
    named = [message.environment, *(job.environment for job in jobs if job is not None)]
    return tuple({one.lower(): one for one in named if one}.values())


def _review(
    message: DeploymentReviewMessage, naming: Naming, environment: str, decided: datetime | None
) -> Iterator[AnyRecord]:
    run = message.workflow_run
    attempt = naming.run(run.id, run.run_attempt)
    key = naming.own("review", run.id, run.run_attempt or 1, environment.lower())
    place = naming.place(environment, None)
    subject = commit_key(run.head_sha.lower())
    said = _said(message, naming, environment, decided)
    yield Context(
        key=place.environment,
        type="lineage.Environment",
        properties={"display_name": environment, "source_type": "github.Environment"},
    )
    yield ParentContext(child=place.environment, parent=naming.project)
    yield Execution(
        key=key,
        type="lineage.Approve",
        state=ExecutionState.COMPLETE if decided is not None else ExecutionState.NEW,
        properties=said,
    )
    yield from say_code(run.head_sha, key, naming.address, run.head_commit, path="subject")
    custom = _custom(message)
    yield Artifact(
        key=key,
        type="lineage.Approval",
        properties={
            **said,
            **({"requested_time": moment_of(message.since)} if decided is None else {}),
            "decided_time": None if decided is None else format_instant(instant_us(decided)),
            "evidence": {"items": [subject, attempt]},
        },
        custom_properties=custom,
        personal=tuple(name for name in _PERSONAL if name in custom),
    )
    yield Event(artifact=key, execution=key, kind=EventKind.OUTPUT, path=("approval",))
    for context in (attempt, place.environment):
        yield Association(context=context, execution=key)
        yield Attribution(context=context, artifact=key)


def _said(
    message: DeploymentReviewMessage,
    naming: Naming,
    environment: str,
    decided: datetime | None,
) -> dict[str, JsonValue]:
    run, requestor = message.workflow_run, message.requestor or message.requester
    approver = (message.approver or message.sender) if decided is not None else None
    known: dict[str, JsonValue] = {
        "display_name": f"{shown_run(run, naming)} to {environment}",
        "source_type": "github.DeploymentReview",
        "source_url": shown_url(run.html_url),
        "requested_by": _shown(requestor),
        "meaning": f"whether the run goes on to the environment {environment}",
    }
    # What the last decision says stands whole. Asked for anew, it is undecided until there is one:
    # of two at one time, a value counts before none.
    decision: dict[str, JsonValue] = {
        "source_state": message.action if decided is not None else None,
        "approver": _shown(approver),
        "decision": message.action if decided is not None else None,
    }
    return without_empty(known) | decision


def _custom(message: DeploymentReviewMessage) -> dict[str, JsonValue]:
    reviewers: list[JsonValue] = [
        f"{one.type or 'User'} {name}"
        for one in message.reviewers or ()
        if (name := _shown(one.reviewer))
    ]
    return {
        "github.comment": message.comment or None,
        **({"github.reviewers": {"items": reviewers}} if reviewers else {}),
    }


def _shown(account: Account | None) -> str | None:
    return account.shown if account is not None else None
