"""Reads what a watch or an audit log tells of a cluster, one change after the other.

What it tells is parted into *rounds*, in each of which a thing changes once at most; each round is
a look of its own. An audit event says when it was; a watch says nothing of time, so its changes lie
between the time that the object itself shows and the time at which the stream was read.

Formats: audit.k8s.io/v1, stage ``ResponseComplete``, level ``RequestResponse``; the objects of
``kubectl get --watch --output-watch-events -o json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lineage.connectors.kubernetes.keys import PLATFORM
from lineage.connectors.kubernetes.reading import KubernetesReader
from lineage.connectors.kubernetes.shown import (
    CHANGED_BY,
    DEPLOYMENT,
    INFERENCE_SERVICE,
    POD,
    REPLICA_SET,
    REVISION,
    kind_of,
    show,
    subject,
)
from lineage.connectors.plain_json import (
    Body,
    bodies_at,
    body_at,
    decode,
    encode,
    text_at,
    time_at,
    whole_at,
)
from lineage.connectors.scanning import GONE, Document, Look, Memory
from lineage_schemas.errors import LedgerError, LimitExceededError
from lineage_schemas.values import JsonValue

EVENTS_MAX: Final = 200_000
"""Changes that say something, of one file; what is kept of each is held in memory."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_SUCCESS: Final = 2  # the first digit of a status
_WRITES: Final = frozenset({"create", "update", "patch", "delete"})
_CONTROLLERS: Final = (
    "system:kube-controller-manager",
    "system:serviceaccount:kube-system:",
    "system:apiserver",
)
_WATCHED: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})


class Happening(Struct, frozen=True):
    """A change of one object: ``plain`` is the object after it, or the last before it was gone.

    ``by`` is the person who made it, as the audit log reports it; a service account is none.
    ``is_controller``: the cluster itself made it, and so on somebody's word.
    """

    at: datetime | None
    order: tuple[int, int]
    plain: Body
    is_gone: bool
    by: str = ""
    is_created: bool = False
    is_controller: bool = False


class RoundReader:
    """Reads one round: objects as they were, each at its own time."""

    tool = PLATFORM
    cursor: JsonValue = None
    listed: tuple[str, ...] = ()

    def __init__(self, cluster: str, shown_at: datetime, changes: list[Happening]) -> None:
        """Read these changes, no two of them of one thing."""
        self.address = cluster
        self.shown_at: datetime | None = shown_at
        self._until = shown_at
        self._changes = changes

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002
        """Yield each thing as its change left it."""
        times = {_subject(one): one for one in self._changes}
        latest = max((one.at for one in self._changes if one.at is not None), default=None)
        plain = [(one.plain, "event") for one in self._changes if not one.is_gone]
        reader = KubernetesReader(plain, self.address, self._until)
        for shown in reader.read(memory, None, is_whole=False):
            if isinstance(shown, Document):
                # What is known already is shown again where a pod told of its images.
                found = times.get(shown.subject)
                changed = latest if found is None else found.at
                body = shown.body
                if found is not None and found.by:
                    body = encode({**decode(body), CHANGED_BY: found.by})
                yield Document(shown.kind, shown.subject, body, changed)
            else:
                yield shown
        for name, one in times.items():
            if one.is_gone and not name.startswith(f"{POD}/"):
                yield Document(kind_of(one.plain) or "", name, GONE, one.at)


def is_event(plain: Body) -> bool:
    """Tell whether something is an event of a watch or of an audit log, and no object."""
    return _is_audit(plain) or (
        text_at(plain, "type") in {*_WATCHED, "BOOKMARK", "ERROR"} and "object" in plain
    )


def rounds_of(plain: Iterable[tuple[Body, str]]) -> Iterator[list[Happening]]:
    """Part what happened into rounds, by time, whatever order it was written in.

    Raises:
        LimitExceededError: more than ``EVENTS_MAX`` changes.
    """
    told: dict[tuple[str, bytes], Happening] = {}
    for index, (event, _) in enumerate(plain):
        one = _happening(event, index)
        if one is None:
            continue
        told.setdefault((_subject(one), _identity(event, one)), one)
        if len(told) > EVENTS_MAX:
            raise LimitExceededError(
                f"The changes are over the limit of {EVENTS_MAX} (EVENTS_MAX)",
                hint="Import the file in parts, the oldest first.",
            )
    changes: list[Happening] = []
    taken: set[str] = set()
    last: dict[str, bytes] = {}
    for one in _with_people(_last_of_watch(sorted(told.values(), key=_when))):
        name = _subject(one)
        body = _body(one)
        if last.get(name) == body:
            continue
        last[name] = body
        if name in taken:
            yield changes
            changes, taken = [], set()
        changes.append(one)
        taken.add(name)
    if changes:
        yield changes


def _last_of_watch(happened: list[Happening]) -> list[Happening]:
    """Leave out what was watched only in passing, of what tells no times of its own.

    All that is known of when it was is that it was before the stream ended, so that what came last
    is the only one of them that can be put in order with anything. A ReplicaSet tells when it
    was made; of an InferenceService each revision is kept, for only then is its model shown.
    """
    last: dict[tuple[str, str], Happening] = {}
    kept: list[Happening] = []
    for one in happened:
        kind = kind_of(one.plain)
        if one.order[1] == 0 or kind in {REPLICA_SET, POD}:
            kept.append(one)
        else:
            last[_subject(one), _revision(one.plain) if kind == INFERENCE_SERVICE else ""] = one
    return sorted((*kept, *last.values()), key=_when)


def _revision(plain: Body) -> str:
    predictor = body_at(plain, "status", "components", "predictor")
    generation = whole_at(plain, "metadata", "generation")
    return text_at(predictor, "latestCreatedRevision") or str(generation)


def _with_people(happened: list[Happening]) -> Iterator[Happening]:
    """Name whoever changed a Deployment last where a controller then made a revision of it.

    Only a revision that is seen to be new is theirs: its ReplicaSet is created, or takes a number
    above those that were told. One that is scaled down meanwhile keeps who deployed it.
    """
    people: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for one in happened:
        kind = kind_of(one.plain)
        if kind == DEPLOYMENT and not one.is_controller:
            people[_subject(one)] = one.by
        if kind != REPLICA_SET or one.is_gone:
            yield replace(one, by="")
            continue
        above = next(iter(_deployments_above(one.plain)), "")
        text = text_at(one.plain, "metadata", "annotations", REVISION)
        number = int(text) if _NUMBER.fullmatch(text) else 0
        known = numbers.get(above)
        is_new = one.is_created or (known is not None and number > known)
        numbers[above] = max(number, known or 0)
        yield replace(one, by=people.get(above, "") if is_new else "")


def _deployments_above(plain: Body) -> Iterator[str]:
    for owner in bodies_at(plain, "metadata", "ownerReferences"):
        if text_at(owner, "kind") == "Deployment":
            yield subject({"kind": DEPLOYMENT, "name": text_at(owner, "name"), **_space(plain)})


def _space(plain: Body) -> Body:
    return {"namespace": text_at(plain, "metadata", "namespace")}


def _body(one: Happening) -> bytes:
    """Return what is kept of an object, to tell whether it changed at all."""
    try:
        return GONE if one.is_gone else encode(show(one.plain, kind_of(one.plain) or ""))
    except LedgerError as error:
        return str(error).encode()  # the reader of the round tells what cannot be read


def _happening(event: Body, index: int) -> Happening | None:
    if _is_audit(event):
        return _audited(event)
    kind, plain = text_at(event, "type"), body_at(event, "object")
    if kind not in _WATCHED or not _is_of_ours(plain):
        return None
    is_gone = kind == "DELETED"
    ended = time_at(plain, "metadata", "deletionTimestamp") if is_gone else None
    # The order of a watch is that of its lines: versions are opaque, and times are of seconds.
    return Happening(ended, (0, index + 1), plain, is_gone)


def _audited(event: Body) -> Happening | None:
    verb, reference = text_at(event, "verb"), body_at(event, "objectRef")
    if text_at(event, "stage") != "ResponseComplete" or verb not in _WRITES:
        return None
    code = whole_at(event, "responseStatus", "code") or 0
    plain = body_at(event, "responseObject")
    if code // 100 != _SUCCESS:
        return None
    if verb == "delete" and not _is_of_ours(plain):
        plain = _named(reference)
    if not _is_of_ours(plain):
        return None
    moment = time_at(event, "stageTimestamp") or time_at(event, "requestReceivedTimestamp")
    version = text_at(plain, "metadata", "resourceVersion")
    order = int(version) if _NUMBER.fullmatch(version) else 0
    user = text_at(event, "user", "username")
    return Happening(
        at=moment,
        order=(order, 0),
        plain=plain,
        is_gone=verb == "delete",
        by="" if user.startswith("system:") else user,
        is_created=verb == "create",
        is_controller=user.startswith(_CONTROLLERS),
    )


def _named(reference: Body) -> Body:
    """Return an object of which only the reference is told."""
    group, resource = text_at(reference, "apiGroup"), text_at(reference, "resource")
    kinds = {
        "deployments": "Deployment",
        "replicasets": "ReplicaSet",
        "statefulsets": "StatefulSet",
        "daemonsets": "DaemonSet",
        "inferenceservices": "InferenceService",
    }
    return {
        "apiVersion": f"{group}/{text_at(reference, 'apiVersion')}",
        "kind": kinds.get(resource, ""),
        "metadata": {
            "name": text_at(reference, "name"),
            "namespace": text_at(reference, "namespace"),
        },
    }


def _is_of_ours(plain: Body) -> bool:
    return kind_of(plain) is not None and bool(text_at(plain, "metadata", "name"))


def _is_audit(plain: Body) -> bool:
    return (
        text_at(plain, "kind") == "Event"
        and text_at(plain, "apiVersion").partition("/")[0] == "audit.k8s.io"
    )


def _identity(event: Body, one: Happening) -> bytes:
    """Return what tells an event from others: its own id, or else where it stands."""
    return (text_at(event, "auditID") or str(one.order)).encode()


def _subject(one: Happening) -> str:
    kind = kind_of(one.plain) or ""
    return subject({**body_at(one.plain, "metadata"), "kind": kind})


def _when(one: Happening) -> tuple[bool, float, tuple[int, int], str]:
    moment = one.at.timestamp() if one.at else 0.0
    # Of a watch the lines' order counts, and none of its times.
    is_timed = one.order[1] == 0 and one.at is not None
    return is_timed, moment if is_timed else 0.0, one.order, _subject(one)
