"""The mapping ``argocd/1``: what Applications and their history state. Pure.

    application   Context lineage.Service in the lineage.Environment of its destination; its state;
                  that it was deleted
    sync          Artifact lineage.Deployment, one entry of the history, and Execution
                  lineage.Deploy, or lineage.RollBack to what was deployed before

The images of an Application are those of now, so they are said of its newest entry alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from lineage.connectors.deployments.saying import move_property, say_image
from lineage.connectors.kubernetes.keys import check_name, environment_key
from lineage.connectors.plain_json import (
    Body,
    at,
    bodies_at,
    decode,
    text_at,
    time_at,
    whole_at,
)
from lineage.connectors.scanning import GONE, Revision, Said
from lineage_schemas.image_names import image_of_reference
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
from lineage_schemas.records import AnyRecord, Precision, StatedTime
from lineage_schemas.serving import ServingAction, ServingMove
from lineage_schemas.values import JsonValue

VERSION: Final = "argocd/1"

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class ArgoMapping(Struct, frozen=True):
    """The first mapping of Argo CD, for one server.

    ``clusters`` says what the clusters that Applications are deployed to are called elsewhere: by
    the destination's name or address. One that is not there is called by its own.
    """

    server: str
    clusters: Mapping[str, str] = {}
    version: str = VERSION

    def __post_init__(self) -> None:
        """Refuse what cannot be the name of a server or a cluster."""
        check_name(self.server, "an Argo CD")
        for cluster in self.clusters.values():
            check_name(cluster, "a cluster")

    def carry(self, before: bytes | None, body: bytes) -> bytes:  # noqa: ARG002 - the contract's
        """Return the document as it is: Argo CD counts its syncs itself."""
        return body

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """Say what a revision of a document states.

        Raises:
            DecodeError: the document is not what the reader makes.
        """
        was = None if revision.before in (None, GONE) else decode(revision.before or b"")
        if revision.body == GONE:
            if was is None or "id" in was:
                return ()
            records = tuple(self._removed(was, revision))
        else:
            body = decode(revision.body)
            records = tuple(self._sync(body) if "id" in body else self._application(body))
        if revision.after is None or revision.after == revision.at:
            return (Said(StatedTime(start=revision.at), records),)
        if revision.body != GONE:
            # What an Application shows now wins over what it showed before.
            return (Said(StatedTime(start=revision.at), records),)
        between = StatedTime(start=revision.after, end=revision.at, precision=Precision.INTERVAL)
        return (Said(between, records),)

    def _place(self, body: Body) -> str:
        names = "/".join(
            quote(text_at(body, name) or "_", safe="") for name in ("namespace", "name")
        )
        return f"argocd:{self.server}/{names}"

    def _environment(self, body: Body) -> str:
        destination = text_at(body, "destination") or "in-cluster"
        cluster = self.clusters.get(destination, quote(destination, safe=""))
        return environment_key(cluster, text_at(body, "destination_namespace") or "_")

    def _deployment(self, body: Body, number: int) -> str:
        scope = text_at(body, "uid")
        return f"{self._place(body)}/{number}" + (f"-{quote(scope, safe='')}" if scope else "")

    def _say_place(self, body: Body, state: str = "") -> Iterator[AnyRecord]:
        place, environment = self._place(body), self._environment(body)
        where: dict[str, JsonValue] = {"platform": "kubernetes"}
        if space := text_at(body, "destination_namespace"):
            where["namespace"] = space
        yield Context(key=environment, type="lineage.Environment", properties=dict(where))
        service: dict[str, JsonValue] = {
            "display_name": text_at(body, "name"),
            "environment": environment,
            "source_type": "argocd.Application",
            **where,
        }
        if state:
            service["source_state"] = state
        custom: dict[str, JsonValue] = {
            f"argocd.{name}": text
            for name in ("project", "destination", "sync", "phase")
            if (text := text_at(body, name))
        }
        yield Context(
            key=place, type="lineage.Service", properties=service, custom_properties=custom
        )
        yield ParentContext(child=place, parent=environment)

    def _application(self, body: Body) -> Iterator[AnyRecord]:
        yield from self._say_place(body, text_at(body, "health"))
        number, images = whole_at(body, "newest"), at(body, "images")
        is_settled = text_at(body, "sync") == "Synced" and text_at(body, "health") == "Healthy"
        if number is None or not isinstance(images, list) or not is_settled:
            return  # while it is being rolled out, images of two revisions are shown
        deployment = self._deployment(body, number)
        for text in images:
            image = image_of_reference(text) if isinstance(text, str) else None
            if image is not None:
                yield from say_image(image, {"deployment": deployment})
                yield Event(
                    artifact=image.identifier,
                    execution=f"{deployment}#sync",
                    kind=EventKind.INPUT,
                    path=("image", image.repository),
                )

    def _sync(self, body: Body) -> Iterator[AnyRecord]:
        yield from self._say_place(body)
        number, moment = whole_at(body, "id"), time_at(body, "deployed")
        if number is None or moment is None:
            return
        place, deployment = self._place(body), self._deployment(body, number)
        sources = bodies_at(body, "sources")
        version = " ".join(text_at(one, "revision") for one in sources)
        key, is_rollback = f"{deployment}#sync", body.get("is_rollback") is True
        by = text_at(body, "by")
        listed: JsonValue = {"items": [*sources]}
        yield Artifact(
            key=deployment,
            type="lineage.Deployment",
            properties={
                "display_name": f"{text_at(body, 'name')} {number}",
                "revision": str(number),
                "version": version,
                "place": place,
                "source_type": "argocd.history",
                **({"deployed_by": by} if by else {}),
            },
        )
        move = ServingMove(
            action=ServingAction.DEPLOY,
            at=moment,
            place=place,
            environment=self._environment(body),
            deployment=deployment,
            is_rollback=is_rollback,
        )
        yield Execution(
            key=key,
            type="lineage.RollBack" if is_rollback else "lineage.Deploy",
            state=ExecutionState.COMPLETE,
            properties=_step(body, place, version, by, is_rollback=is_rollback),
            custom_properties={**move_property(move), "argocd.sources": listed},
        )
        for index, one in enumerate(sources):
            commit = text_at(one, "revision").lower()
            if _COMMIT.fullmatch(commit):
                yield Event(
                    artifact=f"git:commit/{commit}",
                    execution=key,
                    kind=EventKind.INPUT,
                    path=("source", index),
                )
        yield Event(artifact=deployment, execution=key, kind=EventKind.OUTPUT, path=("deployment",))
        yield Association(context=place, execution=key)
        yield Attribution(context=place, artifact=deployment)

    def _removed(self, was: Body, revision: Revision) -> Iterator[AnyRecord]:
        place = self._place(was)
        key = f"{place}#retire-{format_instant(instant_us(revision.at))}"
        yield from self._say_place(was)
        number = whole_at(was, "newest")
        yield Execution(
            key=key,
            type="lineage.Retire",
            state=ExecutionState.COMPLETE,
            properties={"reason": "deleted"},
            custom_properties=move_property(
                ServingMove(
                    action=ServingAction.REMOVE,
                    at=revision.at,
                    after=revision.after if revision.after != revision.at else None,
                    place=place,
                    environment=self._environment(was),
                )
            ),
        )
        if number is not None:
            yield Event(
                artifact=self._deployment(was, number),
                execution=key,
                kind=EventKind.INPUT,
                path=("deployment",),
            )
        yield Association(context=place, execution=key)


def _step(
    body: Body, place: str, version: str, by: str, *, is_rollback: bool
) -> dict[str, JsonValue]:
    properties: dict[str, JsonValue] = {
        "display_name": f"{text_at(body, 'name')} {whole_at(body, 'id')}",
        "place": place,
        "ended_time": text_at(body, "deployed"),
        ("to_version" if is_rollback else "version"): version,
    }
    if started := text_at(body, "started"):
        properties["started_time"] = started
    if by:
        properties["rolled_back_by" if is_rollback else "deployed_by"] = by
    if is_rollback:
        properties["is_automatic"] = body.get("is_automatic") is True
    return properties
