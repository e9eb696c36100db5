"""Deployments, their statuses, and the moves that statuses make."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from lineage.connectors.deployments.saying import move_property, say_image
from lineage.connectors.github.naming import DEFAULT_TASK, Naming, Place
from lineage.connectors.github.payloads import Asked, read_payload
from lineage.connectors.github.runs import say_run_context
from lineage.connectors.github.telling import (
    RUN,
    Told,
    moment_of,
    say_code,
    say_project,
    shown_url,
    stated_at,
    time_of,
    without_empty,
)
from lineage_schemas.errors import InvalidInputError
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
from lineage_schemas.outside.github import Deployment, DeploymentMessage, DeploymentStatus
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import ServingAction, ServingMove
from lineage_schemas.values import JsonValue

MISREAD: Final = "github.payload_misread"
"""The flag, and the custom property, of a deployment whose payload could not be read in full."""

_ENDS: Final = {
    "success": ExecutionState.COMPLETE,
    "failure": ExecutionState.FAILED,
    "error": ExecutionState.FAILED,
}
"""What ends a deployment's own run. GitHub counts in seconds, so what comes before is not stated as
the state: it might show for what is over already."""


class Asking(Struct, frozen=True):
    """A deployment as it was asked for."""

    naming: Naming
    deployment: Deployment
    asked: Asked
    run: str | None

    @property
    def key(self) -> str:
        """The key of the deployment, and of the run that carries it out."""
        return self.naming.own("deployment", self.deployment.id)

    @property
    def version(self) -> str | None:
        """What people call what is deployed."""
        return self.asked.said.version or self.deployment.ref

    @property
    def shown(self) -> str:
        """What people call the deployment."""
        return f"{self.naming.repository.full_name} #{self.deployment.id}"

    def place(self, status: DeploymentStatus | None = None) -> tuple[str, Place]:
        """Return the environment's name, and where that is; a status may name another one."""
        environment = (status.environment if status else None) or self.deployment.environment
        return environment, self.naming.place(environment, self.deployment.task)


def tell_deployment(message: DeploymentMessage, naming: Naming) -> Told:
    """Say that a deployment was asked for."""
    asking = _asking(message, naming)
    deployment = message.deployment
    at = time_of(deployment.created_at, deployment.updated_at)
    return Told(stated_at(at), tuple(_asked(message, asking)), _flags(asking))


def tell_status(message: DeploymentMessage, naming: Naming) -> Told:
    """Say how a deployment goes, and what that moves.

    Raises:
        InvalidInputError: the status that would move something has no time.
    """
    asking, status = _asking(message, naming), message.deployment_status
    if status is None:
        raise InvalidInputError("The message has no status", where="$.deployment_status")
    at = time_of(status.created_at, status.updated_at)
    records = [*_asked(message, asking), *_went(asking, status)]
    if status.state in {"success", "inactive"}:
        if at is None:
            raise InvalidInputError("A status has no time", where="$.deployment_status.created_at")
        name, place = asking.place(status)
        records += _say_place(asking, name, place, status)
        records += (
            _begin(asking, status, at) if status.state == "success" else _end(asking, status, at)
        )
    return Told(stated_at(at), tuple(records), _flags(asking))


def _flags(asking: Asking) -> tuple[str, ...]:
    return (MISREAD,) if asking.asked.misread else ()


def _asking(message: DeploymentMessage, naming: Naming) -> Asking:
    run = message.workflow_run
    return Asking(
        naming=naming,
        deployment=message.deployment,
        asked=read_payload(message.deployment.payload),
        run=None if run is None else naming.run(run.id, run.run_attempt),
    )


def _asked(message: DeploymentMessage, asking: Asking) -> Iterator[AnyRecord]:
    """Yield the deployment, the run that carries it out, and what goes into it."""
    deployment, asked, naming = asking.deployment, asking.asked, asking.naming
    name, place = asking.place()
    creator = deployment.creator.shown if deployment.creator else None
    yield say_project(naming)
    yield from _say_place(asking, name, place, None)
    properties: dict[str, JsonValue] = {
        "display_name": f"{asking.shown} in {name}",
        "description": deployment.description,
        "source_type": "github.Deployment",
        "version": asking.version,
        "revision": str(deployment.id),
        "place": place.key,
        "deployed_by": creator,
        "role": asked.said.role,
        "traffic_ratio": asked.said.traffic_ratio,
        "image_digest": asked.images[0].digest if asked.images else None,
    }
    custom: dict[str, JsonValue] = {
        "github.task": deployment.task,
        "github.ref": deployment.ref,
        "github.is_transient": deployment.transient_environment,
    }
    yield Artifact(
        key=asking.key,
        type="lineage.Deployment",
        properties=without_empty(properties),
        custom_properties=without_empty(custom),
    )
    yield Attribution(context=place.key, artifact=asking.key)
    misread: dict[str, JsonValue] = {MISREAD: {"items": list(asked.misread)}}
    yield Execution(
        key=asking.key,
        type=RUN,
        properties=without_empty(
            {
                "display_name": f"deploying {asking.shown} to {name}",
                "source_type": "github.Deployment",
                "code_commit": deployment.sha.lower(),
                "code_repository": naming.address,
                "started_time": moment_of(deployment.created_at),
                "started_by": creator,
            }
        ),
        custom_properties=misread if asked.misread else {},
    )
    yield Association(context=place.environment, execution=asking.key)
    yield from _inputs(asking, asking.key)
    yield _event(asking.key, asking.key, EventKind.OUTPUT, "deployment")
    if message.workflow_run is not None and asking.run is not None:
        yield from say_run_context(message.workflow_run, naming)
        yield Association(context=asking.run, execution=asking.key)


def _say_place(
    asking: Asking, name: str, place: Place, status: DeploymentStatus | None
) -> Iterator[AnyRecord]:
    task = asking.deployment.task or DEFAULT_TASK
    shown = f"{asking.naming.repository.full_name} in {name}"
    url = status.environment_url if status else None
    yield Context(
        key=place.key,
        type="lineage.Service",
        properties=without_empty(
            {
                "display_name": shown if task == DEFAULT_TASK else f"{shown} ({task})",
                "source_type": "github.Environment",
                "environment": place.environment,
                "endpoint_url": shown_url(url),
            }
        ),
    )
    is_production = asking.deployment.production_environment
    # The flag is that of the environment which the deployment was asked for.
    known = is_production is not None and place == asking.place()[1]
    yield Context(
        key=place.environment,
        type="lineage.Environment",
        properties={
            "display_name": name,
            "source_type": "github.Environment",
            **({"is_production": is_production} if known else {}),
        },
    )
    yield ParentContext(child=place.key, parent=place.environment)
    yield ParentContext(child=place.environment, parent=asking.naming.project)


def _inputs(asking: Asking, execution: str) -> Iterator[AnyRecord]:
    yield from say_code(asking.deployment.sha, execution, asking.naming.address)
    for image in asking.asked.images:
        yield from say_image(image, {"github": "deployment payload"})
        yield _event(image.identifier, execution, EventKind.INPUT, "image")
    for model in asking.asked.said.models:
        yield _event(model, execution, EventKind.INPUT, "model")


def _went(asking: Asking, status: DeploymentStatus) -> Iterator[AnyRecord]:
    """Yield a status on the run of its deployment, each under its own number."""
    told = without_empty(
        {
            "state": status.state,
            "time": moment_of(status.created_at),
            "description": status.description,
            "environment": status.environment,
        }
    )
    is_over = status.state in _ENDS
    has_failed = _ENDS.get(status.state) is ExecutionState.FAILED
    yield Execution(
        key=asking.key,
        type=RUN,
        state=_ENDS.get(status.state),
        properties=without_empty(
            {
                "source_state": status.state if is_over else None,
                "ended_time": moment_of(status.created_at) if is_over else None,
                "error": status.description if has_failed else None,
                "source_url": shown_url(status.log_url or status.target_url) if is_over else None,
            }
        ),
        custom_properties={f"github.status/{status.id}": told},
    )


def _begin(asking: Asking, status: DeploymentStatus, at: datetime) -> Iterator[AnyRecord]:
    """Yield that a deployment serves from now on, in the place of what served there."""
    asked, (name, place) = asking.asked, asking.place(status)
    key = asking.naming.own("deployment-status", status.id)
    by = status.creator or asking.deployment.creator
    properties: dict[str, JsonValue] = {
        "display_name": f"{asking.shown} deployed to {name}",
        "place": place.key,
        "to_version" if asked.is_rollback else "version": asking.version,
        "rolled_back_by" if asked.is_rollback else "deployed_by": by.shown if by else None,
        **({} if asked.is_rollback else {"traffic_ratio": asked.said.traffic_ratio}),
    }
    move = ServingMove(
        action=ServingAction.DEPLOY,
        at=at,
        place=place.key,
        environment=place.environment,
        deployment=asking.key,
        role=asked.said.role,
        traffic_ratio=asked.said.traffic_ratio,
        is_beside=asked.said.is_beside,
        is_rollback=asked.is_rollback,
        trigger=asked.trigger if asked.is_rollback else None,
    )
    kind = "lineage.RollBack" if asked.is_rollback else "lineage.Deploy"
    yield _step(asking, status, kind, properties, move)
    yield from _belonging(asking, key, place)
    yield from _inputs(asking, key)
    yield _event(asking.key, key, EventKind.OUTPUT, "deployment")
    yield Attribution(context=place.key, artifact=asking.key)
    if move.trigger is not None:
        yield _event(move.trigger, key, EventKind.INPUT, "trigger")


def _end(asking: Asking, status: DeploymentStatus, at: datetime) -> Iterator[AnyRecord]:
    """Yield that a deployment serves no more."""
    name, place = asking.place(status)
    key = asking.naming.own("deployment-status", status.id)
    properties: dict[str, JsonValue] = {
        "display_name": f"{asking.shown} taken out of {name}",
        "reason": status.description,
        "retired_by": status.creator.shown if status.creator else None,
    }
    move = ServingMove(
        action=ServingAction.REMOVE,
        at=at,
        place=place.key,
        environment=place.environment,
        deployment=asking.key,
    )
    yield _step(asking, status, "lineage.Retire", properties, move)
    yield from _belonging(asking, key, place)
    yield _event(asking.key, key, EventKind.INPUT, "deployment")


def _step(
    asking: Asking,
    status: DeploymentStatus,
    kind: str,
    properties: dict[str, JsonValue],
    move: ServingMove,
) -> Execution:
    shared: dict[str, JsonValue] = {
        "source_type": "github.DeploymentStatus",
        "source_state": status.state,
        "source_url": shown_url(status.log_url or status.target_url),
        "ended_time": moment_of(status.created_at, status.updated_at),
    }
    return Execution(
        key=asking.naming.own("deployment-status", status.id),
        type=kind,
        state=ExecutionState.COMPLETE,
        properties=without_empty({**properties, **shared}),
        custom_properties=move_property(move),
    )


def _belonging(asking: Asking, execution: str, place: Place) -> Iterator[AnyRecord]:
    yield Association(context=place.key, execution=execution)
    if asking.run is not None:
        yield Association(context=asking.run, execution=execution)


def _event(artifact: str, execution: str, kind: EventKind, path: str) -> Event:
    return Event(artifact=artifact, execution=execution, kind=kind, path=(path,))
