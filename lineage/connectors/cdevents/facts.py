"""What people and watchers say: incidents, approvals, tickets and proposed changes."""

from __future__ import annotations

from typing import Final

from lineage.connectors.cdevents.artifacts import artifact_of
from lineage.connectors.cdevents.services import place_of
from lineage.connectors.cdevents.telling import Step, Telling, say_repository, without_none
from lineage_schemas.errors import LedgerError, LimitExceededError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.limits import NAME_BYTES_MAX
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    ExecutionState,
)
from lineage_schemas.records import AnyRecord
from lineage_schemas.uris import without_passwords
from lineage_schemas.values import JsonValue

APPROVAL: Final = "lineage.Approval"
INCIDENT: Final = "lineage.Incident"
WORK_ITEM: Final = "lineage.WorkItem"

_PERSONAL_CUSTOM: Final = ("cdevents.assignees", "cdevents.updated_by")


def say_incident(telling: Telling) -> Step:
    """Say that an incident was noticed or reported, by one step, or resolved, by another.

    Its resolution follows from what was done about it, which followed from the incident: were it
    the same step, the incident would come of its own remedy.
    """
    content, is_over = telling.content, telling.predicate == "resolved"
    step = Step(telling.step if is_over else telling.key, type="lineage.Monitor")
    step.state = ExecutionState.COMPLETE
    step.is_later = telling.predicate == "reported"
    step.properties = {"display_name": f"{telling.id} {'resolved' if is_over else 'noticed'}"}
    kind = EventKind.INPUT if is_over else EventKind.OUTPUT
    step.records = [
        Artifact(
            key=telling.key,
            type=INCIDENT,
            properties=without_none(_incident(telling, is_over=is_over)),
        ),
        Event(artifact=telling.key, execution=step.key, kind=kind, path=("incident",)),
        *_whereabouts(telling, step.key),
    ]
    if content.artifact_id is not None:
        artifact = artifact_of(content.artifact_id, telling.source)
        step.records += (
            *artifact.records,
            Event(
                artifact=artifact.key, execution=step.key, kind=EventKind.INPUT, path=("artifact",)
            ),
        )
    if not is_over:
        step.names_signal = telling.key
    return step


def _incident(telling: Telling, *, is_over: bool) -> dict[str, JsonValue]:
    content = telling.content
    ticket = content.ticket_uri
    return {
        "display_name": telling.id,
        "status": "resolved" if is_over else "open",
        "summary": None if is_over else content.description,
        "corrective_action": content.description if is_over else None,
        "severity": content.severity,
        "detected_time": telling.moment if telling.predicate == "detected" else None,
        "resolved_time": telling.moment if is_over else None,
        "source_url": None if ticket is None else without_passwords(ticket),
    }


def _whereabouts(telling: Telling, step: str) -> list[AnyRecord]:
    """Return what an incident is about: its service, and its environment."""
    content = telling.content
    records: list[AnyRecord] = []
    contexts: list[str] = []
    if content.service is not None:
        place = place_of(telling, content.service)
        records += place.records
        contexts.append(place.key)
    if content.environment is not None:
        key = telling.key_of("environment", content.environment)
        named: dict[str, JsonValue] = {"display_name": content.environment.id}
        records.append(Context(key=key, type="lineage.Environment", properties=named))
        contexts.append(key)
    for context in contexts:
        records.append(Attribution(context=context, artifact=telling.key))
        records.append(Association(context=context, execution=step))
    return records


def say_approval(telling: Telling) -> Step:
    """Say that an approval was asked for, answered, or settled.

    What was last answered is shown; every answer stands beside it, by the message that told it.

    Raises:
        LimitExceededError: the message's id is too long for that.
    """
    content, predicate = telling.content, telling.predicate
    decision = None if content.decision is None else content.decision.lower()
    has_answered = content.responder is not None or decision is not None
    url = content.approval_details_url
    shared: dict[str, JsonValue] = {
        "display_name": telling.id,
        "source_url": None if url is None else without_passwords(url),
        "source_state": content.status or predicate,
        "requested_by": content.requestor,
    }
    # Who answers without deciding is no approver; and what a decision says stands whole.
    decided: dict[str, JsonValue] = {
        "approver": content.responder,
        "approver_role": telling.data.text("approver_role"),
        "decision": decision,
        "meaning": telling.data.text("meaning"),
    }
    if decision is None:
        decided = {}
    approval: dict[str, JsonValue] = {
        **shared,
        "requested_time": telling.moment if predicate == "created" else None,
    }
    answer = _answer_name(telling.event.context.id)
    custom: dict[str, JsonValue] = {}
    if has_answered:
        custom[answer] = without_none(
            {"responder": content.responder, "decision": decision, "time": telling.moment}
        )
    step = Step(telling.key, type="lineage.Approve", properties=shared | decided)
    step.cleared = tuple(name for name, value in decided.items() if value is None)
    step.is_later = predicate != "created"
    step.state = {"created": ExecutionState.NEW, "closed": ExecutionState.COMPLETE}.get(
        predicate, ExecutionState.RUNNING
    )
    step.records = [
        Artifact(
            key=telling.key,
            type=APPROVAL,
            properties={
                **without_none(approval),
                **decided,
                **({"decided_time": telling.moment} if decided else {}),
            },
            custom_properties=custom,
            personal=tuple(custom),
        ),
        Event(artifact=telling.key, execution=step.key, kind=EventKind.OUTPUT, path=("approval",)),
    ]
    subject = _approved(content.resource_target_url)
    if subject is not None:
        step.records.append(
            Event(artifact=subject, execution=step.key, kind=EventKind.INPUT, path=("subject",))
        )
    return step


def _answer_name(message_id: str) -> str:
    name = f"cdevents.answer/{message_id}"
    size = len(name.encode())
    if size > NAME_BYTES_MAX:
        raise LimitExceededError(
            f"A property name of {size} bytes is over the limit of {NAME_BYTES_MAX} "
            "(NAME_BYTES_MAX)",
            where="$.data.context.id",
        )
    return name


def _approved(url: str | None) -> str | None:
    """Return the key of what is decided about; whoever knows it by that address claims it."""
    try:
        return None if url is None else normalise_identifier(f"uri:{without_passwords(url)}")
    except LedgerError:
        return None  # it stands in the message, and is no address


def say_work_item(telling: Telling) -> Step:
    """Say what became of a ticket or a proposed change: it was opened by a step, or used by one."""
    content, is_new = telling.content, telling.predicate == "created"
    properties: dict[str, JsonValue] = {
        "display_name": content.summary or telling.id,
        "description": content.description,
        "item_kind": telling.subject,
        "number": telling.id,
        "status": telling.predicate,
        "source_type": content.ticket_type,
        "source_url": telling.url,
        "priority": content.priority,
        "resolution": content.resolution,
        "labels": None if content.labels is None else {"items": list(content.labels)},
        "created_by": content.creator,
    }
    custom: dict[str, JsonValue] = without_none(
        {
            "cdevents.group": content.group,
            "cdevents.milestone": content.milestone,
            "cdevents.assignees": None
            if content.assignees is None
            else {"items": list(content.assignees)},
            "cdevents.updated_by": content.updated_by,
        }
    )
    step = Step(
        telling.step,
        state=ExecutionState.COMPLETE,
        properties={
            "display_name": f"{telling.id} {telling.predicate}",
            "source_type": f"{telling.subject} {telling.predicate}",
            "ended_time": telling.moment,
        },
    )
    kind = EventKind.OUTPUT if is_new else EventKind.INPUT
    step.records = [
        Artifact(
            key=telling.key,
            type=WORK_ITEM,
            properties=without_none(properties),
            custom_properties=custom,
            personal=tuple(name for name in _PERSONAL_CUSTOM if name in custom),
        ),
        Event(artifact=telling.key, execution=step.key, kind=kind, path=(telling.subject,)),
        *say_repository(telling, None),
    ]
    if content.repository is not None:
        key = telling.key_of("repository", content.repository)
        step.records.append(Attribution(context=key, artifact=telling.key))
        step.records.append(Association(context=key, execution=step.key))
    return step
