"""Places, deployments and moves of a cluster, said from what is kept of its objects. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from lineage.connectors.deployments.saying import (
    move_property,
    referenced_models,
    say_image,
)
from lineage.connectors.kubernetes.keys import PLATFORM, environment_key, move_key, object_key
from lineage.connectors.kubernetes.shown import ROLE_LABELS
from lineage.connectors.plain_json import Body, bodies_at, body_at, text_at
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.image_names import ImageName, image_of_reference
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlflow_names import (
    LoggedModel,
    NumberedVersion,
    parse_model_uri,
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
    ParentContext,
)
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import Role, ServingAction, ServingMove
from lineage_schemas.values import JsonValue


class Place(Struct, frozen=True):
    """A workload in its namespace of a cluster."""

    cluster: str
    namespace: str
    kind: str
    name: str

    @property
    def key(self) -> str:
        """Its key."""
        return object_key(self.cluster, self.namespace, self.kind, self.name)

    @property
    def environment(self) -> str:
        """The key of its namespace."""
        return environment_key(self.cluster, self.namespace or "_")

    def deployment(self, revision: str) -> str:
        """Return the key of one revision in it."""
        return object_key(self.cluster, self.namespace, self.kind, self.name, revision)

    def say(self, endpoint: str = "") -> Iterator[AnyRecord]:
        """Yield the place and the environment that it is in."""
        where: dict[str, JsonValue] = {"platform": PLATFORM, "cluster": self.cluster}
        if self.namespace:
            where["namespace"] = self.namespace
        yield Context(
            key=self.environment,
            type="lineage.Environment",
            properties={"display_name": f"{self.cluster}/{self.namespace}", **where},
        )
        service: dict[str, JsonValue] = {
            "display_name": self.name,
            "environment": self.environment,
            "source_type": self.kind,
            **where,
        }
        if endpoint:
            service["endpoint_url"] = endpoint
        yield Context(key=self.key, type="lineage.Service", properties=service)
        yield ParentContext(child=self.key, parent=self.environment)


class Revised(Struct, frozen=True, kw_only=True):
    """One revision in a place: the deployment, and what it is made of."""

    place: Place
    revision: str
    source_type: str
    images: tuple[tuple[str, str], ...] = ()
    """By container: what its image is called, by its digest where that is known."""

    labels: Mapping[str, str] = {}
    role: Role | None = None
    strategy: str = ""
    models: tuple[tuple[str, str], ...] = ()
    """How a model was named, and its identifier."""

    custom: Mapping[str, JsonValue] = {}

    @property
    def key(self) -> str:
        """The key of the deployment."""
        return self.place.deployment(self.revision)

    def found_images(self) -> list[tuple[str, ImageName]]:
        """Return the images that have a digest, by container."""
        named = [(name, image_of_reference(text)) for name, text in self.images]
        return [(name, image) for name, image in named if image is not None]


def say_deployment(revised: Revised) -> Iterator[AnyRecord]:
    """Yield a deployment, the images and models in it, and that it belongs to its place."""
    found = revised.found_images()
    custom: dict[str, JsonValue] = dict(revised.custom)
    if revised.images:
        custom["k8s.images"] = dict(revised.images)
    properties: dict[str, JsonValue] = {
        "display_name": f"{revised.place.name} {revised.revision}",
        "source_type": revised.source_type,
        "revision": revised.revision,
        "place": revised.place.key,
    }
    if revised.role is not None:
        properties["role"] = revised.role.value
    if revised.strategy:
        properties["strategy"] = revised.strategy
    if len(digests := {image.digest for _, image in found}) == 1:
        properties["image_digest"] = digests.pop()
    yield Artifact(
        key=revised.key,
        type="lineage.Deployment",
        properties=properties,
        custom_properties=custom,
    )
    yield Attribution(context=revised.place.key, artifact=revised.key)
    for _, image in found:
        yield from say_image(image, {"deployment": revised.key})


def say_step(
    revised: Revised,
    key: str,
    kind: str,
    properties: Mapping[str, JsonValue] | None = None,
    state: ExecutionState = ExecutionState.COMPLETE,
) -> Iterator[AnyRecord]:
    """Yield an execution that put a deployment to work: what went in, and what came out.

    A model that a label of the pods names went into the deployment, and not into its image: others
    may run the same image with another model.
    """
    yield Execution(
        key=key,
        type=kind,
        state=state,
        properties={
            "display_name": f"{revised.place.name} {revised.revision}",
            "place": revised.place.key,
            **(properties or {}),
        },
    )
    for container, image in revised.found_images():
        yield Event(
            artifact=image.identifier,
            execution=key,
            kind=EventKind.INPUT,
            path=("image", container),
        )
    named = (*revised.models, *referenced_models(revised.labels))
    for how, identifier in dict.fromkeys(named):
        yield Event(artifact=identifier, execution=key, kind=EventKind.INPUT, path=("model", how))
    yield Event(artifact=revised.key, execution=key, kind=EventKind.OUTPUT, path=("deployment",))
    yield Association(context=revised.place.key, execution=key)


def say_move(key: str, kind: str, move: ServingMove) -> Iterator[AnyRecord]:
    """Yield what an execution did to its place."""
    yield Execution(key=key, type=kind, custom_properties=move_property(move))


def say_removal(
    place: Place, deployment: str | None, after: datetime | None, at: datetime, reason: str
) -> Iterator[AnyRecord]:
    """Yield that a deployment stopped; without one, all in the place did."""
    key = move_key(deployment or place.key, f"retire:{format_instant(instant_us(at))}")
    yield Execution(
        key=key,
        type="lineage.Retire",
        state=ExecutionState.COMPLETE,
        properties={"display_name": f"end of {place.name}", "reason": reason},
        custom_properties=move_property(
            ServingMove(
                action=ServingAction.REMOVE,
                at=at,
                after=after,
                place=place.key,
                environment=place.environment,
                deployment=deployment,
            )
        ),
    )
    if deployment is not None:
        yield Event(artifact=deployment, execution=key, kind=EventKind.INPUT, path=("deployment",))
    yield Association(context=place.key, execution=key)


def labels_of(shown: Body) -> dict[str, str]:
    """Return what labels and annotations of an object and its template say, the template's last."""
    found: dict[str, str] = {}
    for one in ("labels", "annotations", "template_labels", "template_annotations"):
        found |= {name: text for name, text in body_at(shown, one).items() if isinstance(text, str)}
    return found


def role_of(labels: Mapping[str, str]) -> Role | None:
    """Return the role that a label gives; one that is unknown gives none."""
    for name in ROLE_LABELS:
        text = labels.get(name, "").strip().lower()
        if text in {role.value for role in Role}:
            return Role(text)
    return None


def images_of(shown: Body) -> tuple[tuple[str, str], ...]:
    """Return the image of each container: as pods that ran said it, else as it was asked for."""
    seen = body_at(shown, "images")
    return tuple(
        (name, _told(text_at(seen, name), text_at(one, "image")))
        for one in bodies_at(shown, "containers")
        if (name := text_at(one, "name"))
    )


def models_of(uri: str, mlflow_server: str | None) -> tuple[tuple[str, str], ...]:
    """Return what a storage address names for ever; an alias or a stage names nothing that is."""
    found = parse_model_uri(uri, mlflow_server) if uri and mlflow_server else None
    identifier: str | None = None
    if isinstance(found, NumberedVersion):
        identifier = found.version
    elif isinstance(found, LoggedModel):
        identifier = found.model
    elif found is None and ":" in uri and not uri.startswith(("models:", "runs:")):
        try:
            identifier = normalise_identifier(f"uri:{uri}")
        except LedgerError:
            identifier = None  # the address itself is kept among the deployment's own
    return () if identifier is None else (("storage address", identifier),)


def _told(seen: str, asked: str) -> str:
    """Return the name that has a digest; what a container runtime saw goes first."""
    if image_of_reference(seen) is not None:
        return seen
    bare = seen.rpartition("@")[2] if "@" in seen else ""
    joined = f"{asked.partition('@')[0]}@{bare}"
    return joined if bare and image_of_reference(joined) is not None else asked
