"""Reads what ``kubectl get -o json`` wrote: a copy of what a cluster showed at one time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Final

from lineage.connectors.kubernetes.keys import PLATFORM
from lineage.connectors.kubernetes.shown import (
    CONTAINERS_MAX,
    DAEMON_SET,
    DEPLOYMENT,
    KINDS,
    POD,
    REPLICA_SET,
    REVISION,
    STATEFUL_SET,
    kind_of,
    show,
    subject,
)
from lineage.connectors.kubernetes.workloads import owner_of, revisions_of, segment
from lineage.connectors.plain_json import Body, bodies_at, decode, encode, text_at
from lineage.connectors.scanning import GONE, Document, Listed, Look, Memory, Unread, subject_of
from lineage_schemas.errors import LedgerError, LimitExceededError
from lineage_schemas.values import JsonValue

OBJECTS_MAX: Final = 200_000
"""Of one file; what is kept of each is held in memory."""

_OWNING: Final = {
    "ReplicaSet": REPLICA_SET,
    "StatefulSet": STATEFUL_SET,
    "DaemonSet": DAEMON_SET,
}


class KubernetesReader:
    """Reads one copy of a cluster's objects.

    ``whole`` are the kinds of which the copy has every object: what it has not is gone.
    """

    tool = PLATFORM
    cursor: JsonValue = None

    def __init__(
        self,
        objects: Iterable[tuple[Body, str]],
        cluster: str,
        shown_at: datetime,
        whole: Iterable[str] = (),
    ) -> None:
        """Read these objects, of a cluster, as they were shown at a time."""
        self._objects = objects
        self.address = cluster
        self.shown_at: datetime | None = shown_at
        self.listed = tuple(kind for kind in KINDS if kind in set(whole))

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002
        """Yield what the copy shows, replica sets with what their pods tell of their images.

        Raises:
            DecodeError: the copy is not JSON.
            LimitExceededError: more than ``OBJECTS_MAX``.
        """
        bodies, pods, unread = self._kept()
        yield from unread
        _join_pods(bodies, pods, memory)
        _join_deployments(bodies)
        _join_siblings(bodies)
        for kind in KINDS:
            for name in sorted(one for one in bodies if one.startswith(f"{kind}/")):
                yield Document(kind, name, encode(bodies[name]))
            if is_whole and kind in self.listed:
                yield Listed(kind)

    def _kept(self) -> tuple[dict[str, Body], list[Body], list[Unread]]:
        bodies: dict[str, Body] = {}
        pods: list[Body] = []
        unread: list[Unread] = []
        for count, (plain, where) in enumerate(self._objects):
            if count >= OBJECTS_MAX:
                raise LimitExceededError(
                    f"The objects are over the limit of {OBJECTS_MAX} (OBJECTS_MAX)",
                    hint="Import one namespace after the other.",
                )
            kind = kind_of(plain)
            if kind is None:
                continue
            try:
                shown = show(plain, kind)
                name = subject(shown)
                if kind == REPLICA_SET:
                    revisions_of(shown)  # too many of them are told here
            except LedgerError as error:
                unread.append(Unread(kind, subject_of(kind, where), str(error)))
                continue
            if kind == POD:
                pods.append(shown)
            else:
                bodies[name] = shown
        return bodies, pods, unread


def _join_pods(bodies: dict[str, Body], pods: list[Body], memory: Memory) -> None:
    """Write the images that pods ran into what they belong to, whether that is shown or known."""
    images: dict[str, dict[str, JsonValue]] = {}
    for pod in sorted(pods, key=lambda one: text_at(one, "name")):
        for owner in bodies_at(pod, "owners"):
            kind = _OWNING.get(text_at(owner, "kind"))
            found = pod.get("image_ids")
            if kind is None or not isinstance(found, dict):
                continue
            named = subject_of(kind, text_at(pod, "namespace") or "_", text_at(owner, "name"))
            if kind != REPLICA_SET and not _is_of(bodies.get(named), pod):
                continue  # it still runs the revision before, or its owner is not shown
            images.setdefault(named, {}).update(found)
    known = memory.known([one for one in images if one not in bodies])
    for named, seen in images.items():
        body = bodies.get(named) or _body(known[named].body if named in known else None)
        if body is not None:
            bodies[named] = {**body, "images": dict(list(seen.items())[:CONTAINERS_MAX])}


def _is_of(owner: Body | None, pod: Body) -> bool:
    if owner is None:
        return False
    counted = "generation" if text_at(owner, "kind") == DAEMON_SET else "revision"
    return text_at(pod, counted) == text_at(owner, "revision")


def _body(kept: bytes | None) -> Body | None:
    return None if kept is None or kept == GONE else decode(kept)


def _join_deployments(bodies: dict[str, Body]) -> None:
    """Write into a deployment which revision is at work, and into that when it was rolled out."""
    for name, body in list(_of_kind(bodies, REPLICA_SET)):
        owner = owner_of(body, "Deployment")
        named = subject_of(DEPLOYMENT, text_at(body, "namespace") or "_", owner)
        above = bodies.get(named) if owner else None
        revision = text_at(body, "annotations", REVISION)
        if above is None or not revision:
            continue
        if text_at(above, "annotations", REVISION) == revision:
            current: Body = {"replicaset": text_at(body, "name")}
            current |= {"segment": segment(body, revision), "created": text_at(body, "created")}
            bodies[named] = {**above, "current": current}
        for condition in bodies_at(above, "conditions"):
            if text_at(condition, "replicaset") == text_at(body, "name"):
                bodies[name] = {**body, "rolled_out": text_at(condition, "rolled_out")}


def _join_siblings(bodies: dict[str, Body]) -> None:
    """Write into a replica set that was taken again when the revision before that was made."""
    made: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for name, body in _of_kind(bodies, REPLICA_SET):
        created, revision = text_at(body, "created"), int(revisions_of(body)[-1])
        owner = text_at(body, "namespace"), owner_of(body, "Deployment")
        if created and owner[1]:
            made.setdefault(owner, []).append((revision, created, name))
    for siblings in made.values():
        siblings.sort()
        for (_, created, _), (_, _, name) in pairwise(siblings):
            if len(revisions_of(bodies[name])) > 1:
                bodies[name] = {**bodies[name], "follows": created}


def _of_kind(bodies: Mapping[str, Body], kind: str) -> Iterator[tuple[str, Body]]:
    return ((name, body) for name, body in bodies.items() if text_at(body, "kind") == kind)
