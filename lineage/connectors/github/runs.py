"""Runs of workflows, and their jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.connectors.github.naming import Naming
from lineage.connectors.github.telling import (
    RUN,
    Told,
    moment_of,
    run_state,
    run_word,
    say_code,
    say_project,
    shown_url,
    stated_at,
    time_of,
    without_empty,
)
from lineage_schemas.mlmd import Association, Context, Execution, Kind, ParentContext
from lineage_schemas.outside.github import (
    Workflow,
    WorkflowJobMessage,
    WorkflowRun,
    WorkflowRunMessage,
)
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

PIPELINE_RUN: Final = "lineage.PipelineRun"
DISPLAY_TITLE: Final = "github.display_title"


def tell_run(message: WorkflowRunMessage, naming: Naming) -> Told:
    """Say that an attempt of a run was asked for, goes on, or is over."""
    run = message.workflow_run
    records = (*say_run_context(run, naming), *_run(run, naming), *_workflow(message, naming))
    return Told(stated_at(time_of(run.updated_at, run.run_started_at, run.created_at)), records)


def say_run_context(run: WorkflowRun, naming: Naming) -> Iterator[AnyRecord]:
    """Yield an attempt of a run as the context of what belongs to it."""
    key = naming.run(run.id, run.run_attempt)
    yield say_project(naming)
    yield Context(
        key=key,
        type=PIPELINE_RUN,
        properties=without_empty(
            {
                "display_name": shown_run(run, naming),
                "run_number": None if run.run_number is None else str(run.run_number),
                "trigger": run.event,
                "started_time": moment_of(run.run_started_at, run.created_at),
                "source_type": "github.WorkflowRun",
                "source_url": shown_url(run.html_url),
            }
        ),
    )
    yield ParentContext(child=key, parent=naming.project)


def _run(run: WorkflowRun, naming: Naming) -> Iterator[AnyRecord]:
    key = naming.run(run.id, run.run_attempt)
    actor = run.triggering_actor or run.actor
    head = run.head_repository.full_name if run.head_repository else None
    address = f"{naming.host}/{head}" if head else naming.address
    is_over = run.status == "completed" and run.conclusion != "action_required"
    yield Execution(
        key=key,
        type=RUN,
        state=run_state(run.status, run.conclusion),
        properties=without_empty(
            {
                "display_name": shown_run(run, naming),
                "source_type": "github.WorkflowRun",
                "source_state": run_word(run.status, run.conclusion),
                "source_url": shown_url(run.html_url),
                "code_commit": run.head_sha.lower(),
                "code_repository": address,
                "code_branch": run.head_branch,
                "entry_point": run.path,
                "started_time": moment_of(run.run_started_at, run.created_at),
                "ended_time": moment_of(run.updated_at) if is_over else None,
                "started_by": actor.shown if actor else None,
            }
        ),
        custom_properties=without_empty(
            {
                "github.event": run.event,
                "github.run_id": run.id,
                "github.run_attempt": run.run_attempt,
                DISPLAY_TITLE: run.display_title,
            }
        ),
        # "Build pull_request 3 by @ada": people may be named in it.
        personal=(DISPLAY_TITLE,) if run.display_title else (),
    )
    yield Association(context=key, execution=key)
    yield from say_code(run.head_sha, key, address, run.head_commit)
    yield Claim(
        kind=Kind.EXECUTION,
        node=key,
        identifier=naming.run_number(run.id, run.run_attempt),
        link_class=LinkClass.ASSERTED,
        evidence={"github.repository_id": naming.repository.id},
    )


def _workflow(message: WorkflowRunMessage, naming: Naming) -> Iterator[AnyRecord]:
    workflow = message.workflow
    if workflow is None:
        return
    run = message.workflow_run
    key = naming.own("workflow", workflow.id)
    yield Context(
        key=key,
        type="lineage.Pipeline",
        properties=without_empty(
            {
                "display_name": _workflow_name(workflow),
                "definition_uri": shown_url(workflow.html_url),
                "source_type": "github.Workflow",
            }
        ),
        custom_properties=without_empty({"github.path": workflow.path}),
    )
    yield ParentContext(child=key, parent=naming.project)
    yield ParentContext(child=naming.run(run.id, run.run_attempt), parent=key)


def _workflow_name(workflow: Workflow) -> str | None:
    return workflow.name or workflow.path


def shown_run(run: WorkflowRun, naming: Naming) -> str:
    """Return what people call a run."""
    number = run.run_number if run.run_number is not None else run.id
    return f"{naming.repository.full_name} #{number}"


def tell_job(message: WorkflowJobMessage, naming: Naming) -> Told:
    """Say that a job waits, goes on, or is over."""
    job = message.workflow_job
    key, run = naming.job(job.id), naming.run(job.run_id, job.run_attempt)
    is_over = job.status == "completed"
    custom: dict[str, JsonValue] = {
        "github.job_id": job.id,
        "github.workflow": job.workflow_name,
        "github.runner": job.runner_name,
        "github.runner_labels": {"items": list(job.labels)} if job.labels else None,
    }
    records: tuple[AnyRecord, ...] = (
        say_project(naming),
        Context(key=run, type=PIPELINE_RUN),
        ParentContext(child=run, parent=naming.project),
        Execution(
            key=key,
            type=RUN,
            state=run_state(job.status, job.conclusion),
            properties=without_empty(
                {
                    "display_name": job.name,
                    "source_type": "github.WorkflowJob",
                    "source_state": run_word(job.status, job.conclusion),
                    "source_url": shown_url(job.html_url),
                    "code_commit": job.head_sha.lower(),
                    "code_repository": naming.address,
                    "code_branch": job.head_branch,
                    "started_time": moment_of(job.started_at)
                    if is_over or job.status == "in_progress"
                    else None,
                    "ended_time": moment_of(job.completed_at) if is_over else None,
                }
            ),
            custom_properties=without_empty(custom),
        ),
        Association(context=run, execution=key),
        *say_code(job.head_sha, key, naming.address),
    )
    if is_over:
        stated = stated_at(time_of(job.completed_at, job.started_at))
    elif job.status == "in_progress":
        stated = stated_at(time_of(job.started_at, job.created_at))
    else:
        stated = stated_at(time_of(job.created_at, job.started_at))
    return Told(stated, records)
