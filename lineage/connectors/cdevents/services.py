"""Services: what is put to work in a place, changed there, put back and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from lineage.connectors.cdevents.artifacts import NamedArtifact, artifact_of
from lineage.connectors.cdevents.telling import ENVIRONMENT, Step, Telling, without_none
from lineage.connectors.deployments.saying import move_property
from lineage_schemas.cdevents_names import cdevents_identifier, cdevents_place
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    ExecutionState,
    ParentContext,
)
from lineage_schemas.outside.cdevents import Reference
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import ServingAction, ServingMove
from lineage_schemas.values import JsonValue

SERVICE: Final = "lineage.Service"
DEPLOYMENT: Final = "lineage.Deployment"

_BEGINS: Final = {
    "deployed": "lineage.Deploy",
    "upgraded": "lineage.Deploy",
    "rolledback": "lineage.RollBack",
}
"""What puts something to work, and the type of the step that does."""


class Place(Struct, frozen=True):
    """A service in an environment, by their keys."""

    key: str
    environment: str | None
    records: tuple[AnyRecord, ...]


def place_of(telling: Telling, service: Reference) -> Place:
    """Return where a service is, and what naming it states."""
    environment = telling.content.environment
    name = None if environment is None else environment.id
    key = cdevents_place(telling.source_of(service), service.id, name)
    properties: dict[str, JsonValue] = {"display_name": service.id, "source_type": "service"}
    if environment is None:
        return Place(key, None, (Context(key=key, type=SERVICE, properties=properties),))
    above = telling.key_of("environment", environment)
    records = (
        Context(key=key, type=SERVICE, properties={**properties, "environment": above}),
        Context(key=above, type=ENVIRONMENT, properties={"display_name": environment.id}),
        ParentContext(child=key, parent=above),
    )
    return Place(key, above, records)


def say_service(telling: Telling) -> Step:
    """Say what became of a service in its environment."""
    place = place_of(telling, Reference(telling.id, telling.source))
    step = Step(telling.step, state=ExecutionState.COMPLETE)
    step.records += (*place.records, Association(context=place.key, execution=step.key))
    if telling.predicate in _BEGINS:
        _begin(telling, place, step)
    elif telling.predicate == "removed":
        _remove(telling, place, step)
    else:
        _publish(telling, place, step)
    step.properties |= {
        "display_name": f"{telling.id} {telling.predicate}",
        "ended_time": telling.moment,
        "source_type": f"service {telling.predicate}",
    }
    return step


def _begin(telling: Telling, place: Place, step: Step) -> None:
    """Say that something begins to serve, in the place of what served there in its role."""
    is_rollback = telling.predicate == "rolledback"
    text = telling.content.artifact_id
    artifact = None if text is None else artifact_of(text, telling.source)
    deployment = _revision(telling) or telling.key_of_message("deployment")
    version = telling.data.version or _version(artifact)
    step.type = _BEGINS[telling.predicate]
    step.properties |= {
        "place": place.key,
        "to_version" if is_rollback else "version": version,
        **({} if is_rollback else {"traffic_ratio": telling.data.traffic_ratio}),
    }
    step.custom |= _move(telling, place, ServingAction.DEPLOY, deployment)
    step.records += (
        *_deployed(telling, place, deployment, artifact),
        Event(artifact=deployment, execution=step.key, kind=EventKind.OUTPUT, path=("deployment",)),
    )
    if artifact is not None:
        step.records += (
            *artifact.records,
            Event(
                artifact=artifact.key, execution=step.key, kind=EventKind.INPUT, path=("artifact",)
            ),
        )


def _remove(telling: Telling, place: Place, step: Step) -> None:
    """Say that a deployment stops, or all of them where none is named."""
    deployment = _revision(telling)
    step.type = "lineage.Retire"
    step.custom |= _move(telling, place, ServingAction.REMOVE, deployment)
    if deployment is not None:
        step.records.append(_used(deployment, step))


def _publish(telling: Telling, place: Place, step: Step) -> None:
    """Say that a service can be reached now: a move only where it says of what, and what moves."""
    deployment = _revision(telling)
    data = telling.data
    if deployment is None or (data.role is None and data.traffic_ratio is None):
        return
    step.type = "lineage.Promote"
    step.custom |= _move(telling, place, ServingAction.CHANGE, deployment)
    step.records.append(_used(deployment, step))


def _used(deployment: str, step: Step) -> Event:
    return Event(
        artifact=deployment, execution=step.key, kind=EventKind.INPUT, path=("deployment",)
    )


def _revision(telling: Telling) -> str | None:
    """Return the key of the deployment that a message names by a name of its own."""
    revision = telling.data.text("revision")
    if revision is None:
        return None
    environment = telling.content.environment
    names = (telling.source, telling.id, environment.id if environment is not None else "")
    return cdevents_identifier("revision", *names, revision)


def _version(artifact: NamedArtifact | None) -> str | None:
    if artifact is None:
        return None
    return artifact.key if artifact.image is None else artifact.image.tag


def _deployed(
    telling: Telling, place: Place, deployment: str, artifact: NamedArtifact | None
) -> Iterator[AnyRecord]:
    data = telling.data
    image = None if artifact is None else artifact.image
    properties: dict[str, JsonValue] = {
        "display_name": f"{telling.id} {data.text('revision') or data.version or ''}".strip(),
        "version": data.version or _version(artifact),
        "revision": data.text("revision"),
        "place": place.key,
        "from_time": telling.moment,
        "role": data.role,
        "traffic_ratio": data.traffic_ratio,
        "image_digest": None if image is None else image.digest,
    }
    yield Artifact(key=deployment, type=DEPLOYMENT, properties=without_none(properties))
    yield Attribution(context=place.key, artifact=deployment)


def _move(
    telling: Telling, place: Place, action: ServingAction, deployment: str | None
) -> dict[str, JsonValue]:
    data, is_rollback = telling.data, telling.predicate == "rolledback"
    return move_property(
        ServingMove(
            action=action,
            at=telling.at,
            place=place.key,
            environment=place.environment,
            deployment=deployment,
            role=data.role,
            traffic_ratio=data.traffic_ratio,
            is_beside=data.is_beside,
            is_rollback=is_rollback,
            trigger=telling.triggers[0] if is_rollback and telling.triggers else None,
        )
    )
