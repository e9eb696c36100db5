"""What Deployments, ReplicaSets, StatefulSets and DaemonSets say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from lineage.connectors.kubernetes.keys import move_key
from lineage.connectors.kubernetes.saying import (
    Place,
    Revised,
    images_of,
    labels_of,
    role_of,
    say_deployment,
    say_move,
    say_removal,
    say_step,
)
from lineage.connectors.kubernetes.shown import (
    CHANGED_BY,
    DEPLOYMENT,
    DESIRED,
    REPLICA_SET,
    REVISION,
    REVISION_HISTORY,
    REVISIONS_MAX,
)
from lineage.connectors.plain_json import (
    Body,
    at,
    bodies_at,
    body_at,
    text_at,
    time_at,
    whole_at,
)
from lineage.connectors.scanning import Said
from lineage_schemas.errors import LimitExceededError
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlmd import ExecutionState
from lineage_schemas.records import AnyRecord, Precision, StatedTime
from lineage_schemas.serving import ServingAction, ServingMove
from lineage_schemas.values import JsonValue

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_DEPLOY: Final = "lineage.Deploy"
_ROLL_BACK: Final = "lineage.RollBack"
_OF_REVISION: Final = ("revision", "containers", "template_labels", "template_annotations")
"""What an object that counts its own revisions shows of the one that is asked for."""

_UNTIMED: Final = StatedTime(precision=Precision.UNKNOWN)
"""Whatever is told with a time wins over what lies between two looks."""


def carry_seen(was: Body, now: Body) -> Body:
    """Return a document with the digests, roll-outs and revisions that were seen before."""
    carried = dict(now)
    if "is_ahead" in now and was and "is_ahead" not in was:
        # What is asked for runs nowhere yet; what runs is as it was.
        carried = {**now, **{name: was[name] for name in _OF_REVISION if name in was}}
        del carried["is_ahead"]
        now = carried
    if at(was, "containers") == at(now, "containers"):
        images = {**body_at(was, "images"), **body_at(now, "images")}
        if images:
            carried["images"] = images
    for name in ("rolled_out", "follows", "current", CHANGED_BY):
        is_same = text_at(was, "annotations", REVISION) == text_at(now, "annotations", REVISION)
        if is_same and name in was and name not in now:
            carried[name] = was[name]
    if text_at(now, "kind") == REPLICA_SET:
        carried |= _carry_readiness(was, carried)
    revision = text_at(now, "revision")
    is_single = text_at(now, "kind") not in {DEPLOYMENT, REPLICA_SET}
    if revision and is_single and "is_ahead" not in carried:
        seen = at(was, "seen")
        before = seen if isinstance(seen, list) else []
        carried["seen"] = [*(one for one in before if one != revision), revision][-REVISIONS_MAX:]
    return carried


def _carry_readiness(was: Body, now: Body) -> Body:
    """Return whether the last revision of a ReplicaSet ever answered, or was wanted and did not.

    One whose pods never were ready has replaced nothing, though it is the newest; and what was only
    ever seen to wait is not taken to have served when it is given up.
    """
    number, last = revisions_of(now)[-1], revisions_of(was)[-1]
    is_same = last == number
    # It may be tried again, as another revision.
    never: JsonValue = at(was, "never")
    if not is_same and was.get("waiting") is True:
        never = [*(never if isinstance(never, list) else []), last][-REVISIONS_MAX:]
    told: Body = {} if never is None else {"never": never}
    is_at_work = _is_wanted(now) and (now.get("is_ready") is True or "rolled_out" in now)
    if is_at_work or (is_same and text_at(was, "begun") == number):
        return {**told, "begun": number}
    is_waiting = _is_wanted(now) or (is_same and was.get("waiting") is True)
    return {**told, "waiting": True} if is_waiting else told


def revisions_of(shown: Body) -> tuple[str, ...]:
    """Return the numbers that a ReplicaSet has had as a revision, first to last.

    Raises:
        LimitExceededError: more than ``REVISIONS_MAX``.
    """
    annotations = body_at(shown, "annotations")
    texts = [*text_at(annotations, REVISION_HISTORY).split(","), text_at(annotations, REVISION)]
    found = [one.strip() for one in texts if _NUMBER.fullmatch(one.strip())]
    if len(found) > REVISIONS_MAX:
        raise LimitExceededError(
            f"{len(found)} revisions are over the limit of {REVISIONS_MAX} (REVISIONS_MAX)",
            where=text_at(shown, "name"),
        )
    return tuple(dict.fromkeys(found)) or ("1",)


def owner_of(shown: Body, kind: str) -> str:
    """Return the name of the object of a kind that controls this one, or nothing."""
    for one in bodies_at(shown, "owners"):
        if text_at(one, "kind") == kind:
            return text_at(one, "name")
    return ""


def segment(shown: Body, number: str) -> str:
    """Return what one revision of a ReplicaSet is called.

    Numbers begin again when a Deployment is made anew under its old name; the template's hash
    keeps the two apart.
    """
    return f"{number}-{text_at(shown, 'labels', 'pod-template-hash') or text_at(shown, 'name')}"


def say_replica_set(
    cluster: str, was: Body | None, now: Body, after: datetime | None, seen_at: datetime
) -> Iterator[Said]:
    """Say the revisions that a ReplicaSet was, and when it began to be each."""
    owner = owner_of(now, "Deployment")
    place = Place(
        cluster,
        text_at(now, "namespace"),
        DEPLOYMENT if owner else REPLICA_SET,
        owner or text_at(now, "name"),
    )
    numbers = revisions_of(now)
    created = time_at(now, "created")
    records: list[AnyRecord] = [*place.say()]
    moves: list[Said] = []
    is_new = was is None or text_at(was, "uid") != text_at(now, "uid")
    had_begun = "" if is_new else text_at(was, "begun")
    for index, number in enumerate(numbers):
        revised = _revised(place, now, segment(now, number))
        kind = _DEPLOY if index == 0 else _ROLL_BACK
        key = move_key(revised.key, _scoped("deploy" if index == 0 else "rollback", now))
        is_last = number == numbers[-1]
        is_waiting = _is_among(number, at(now, "never")) or (is_last and "waiting" in now)
        state = _state(now, is_last=is_last) if is_waiting else ExecutionState.COMPLETE
        records += say_deployment(revised)
        records += say_step(revised, key, kind, _of_step(now, revised, number, kind), state)
        if index == 0:
            # What else made it scales it to nothing, and then says of no time that it began.
            has_served = _was_wanted(now) if owner else bool(text_at(now, "begun"))
            if created is not None and has_served and not is_waiting:
                move = _begins(revised, created, None, is_rollback=False)
                moves.append(Said(StatedTime(start=created), tuple(say_move(key, kind, move))))
        elif number == numbers[-1] == text_at(now, "begun") != had_begun:
            rolled_out = time_at(now, "rolled_out")
            by = seen_at if rolled_out is None else min(rolled_out, seen_at)
            # It came after the revision before it; and a roll-out may be over since long ago.
            known = (after, created, time_at(now, "follows"))
            since = max((t for t in known if t is not None and t < by), default=None)
            move = _begins(revised, by, since, is_rollback=True)
            moves.append(Said(_UNTIMED, tuple(say_move(key, kind, move))))
    yield Said(StatedTime(start=seen_at), tuple(records))
    yield from moves


def say_alone_changes(
    cluster: str, was: Body | None, now: Body | None, after: datetime | None, seen_at: datetime
) -> Iterator[AnyRecord]:
    """Yield that a ReplicaSet stopped or began again which no Deployment speaks for."""
    shown = now or was or {}
    if was is None or owner_of(shown, "Deployment") or not text_at(was, "begun"):
        return
    place = Place(cluster, text_at(shown, "namespace"), REPLICA_SET, text_at(shown, "name"))
    if now is None:
        yield from say_removal(place, None, after, seen_at, "deleted")
    elif text_at(was, "uid") != text_at(now, "uid"):
        made = time_at(now, "created") or seen_at
        yield from say_removal(place, None, after, min(made, seen_at), "deleted and made anew")
    elif _is_wanted(was) and not _is_wanted(now):
        yield from say_removal(place, None, after, seen_at, "scaled to no replicas")
    elif _is_wanted(now) and not _is_wanted(was):
        revised = _revised(place, now, segment(now, revisions_of(now)[-1]))
        yield from _say_again(revised, after, seen_at)


def _of_step(now: Body, revised: Revised, number: str, kind: str) -> dict[str, JsonValue]:
    is_rollback, by = kind == _ROLL_BACK, text_at(now, CHANGED_BY)
    said: dict[str, JsonValue] = {("to_version" if is_rollback else "version"): revised.revision}
    if by and number == revisions_of(now)[-1]:
        said["rolled_back_by" if is_rollback else "deployed_by"] = by
    return said


def say_deployment_changes(
    cluster: str, was: Body | None, now: Body | None, after: datetime | None, seen_at: datetime
) -> Iterator[AnyRecord]:
    """Yield that all of a Deployment stopped or began again."""
    shown = now or was or {}
    place = Place(cluster, text_at(shown, "namespace"), DEPLOYMENT, text_at(shown, "name"))
    yield from place.say()
    current = body_at(shown, "current")
    running = text_at(current, "segment")
    deployment = place.deployment(running) if running else None
    if now is None:
        yield from say_removal(place, None, after, seen_at, "deleted")
        return
    if was is not None and text_at(was, "uid") != text_at(now, "uid"):
        made = time_at(now, "created") or seen_at
        yield from say_removal(place, None, after, min(made, seen_at), "deleted and made anew")
    elif not _is_wanted(now) and (was is None or _is_wanted(was)):
        # Where nobody looked before, it stopped at any time since its last revision was made.
        since = after or time_at(current, "created") or time_at(now, "created")
        yield from say_removal(place, None, since, seen_at, "scaled to no replicas")
    elif was is not None and _is_wanted(now) and not _is_wanted(was) and deployment is not None:
        revised = Revised(place=place, revision=running, source_type=DEPLOYMENT)
        yield from _say_again(revised, after, seen_at)


def say_single(
    cluster: str, was: Body | None, now: Body | None, after: datetime | None, seen_at: datetime
) -> Iterator[AnyRecord]:
    """Yield the revision of a StatefulSet or DaemonSet, and that it began, ended or came again."""
    shown = now or was or {}
    place = Place(
        cluster, text_at(shown, "namespace"), text_at(shown, "kind"), text_at(shown, "name")
    )
    yield from place.say()
    if now is None:
        yield from say_removal(place, None, after, seen_at, "deleted")
        return
    if "is_ahead" in now:
        return  # the revision that runs is not shown, and the one that is shown does not run
    was = None if was is not None and "is_ahead" in was else was
    revised = _revised(place, now, text_at(now, "revision") or "1")
    yield from say_deployment(revised)
    if not _is_wanted(now):
        if was is None or _is_wanted(was):
            yield from say_removal(place, None, after, seen_at, "scaled to no replicas")
        return
    is_new = was is None or text_at(was, "uid") != text_at(now, "uid")
    if was is not None and not is_new and text_at(was, "revision") == text_at(now, "revision"):
        if not _is_wanted(was):
            yield from _say_again(revised, after, seen_at)
        else:
            yield from say_step(revised, move_key(revised.key, _scoped("deploy", now)), _DEPLOY)
        return
    earlier = at(was, "seen") if was is not None and not is_new else None
    is_rollback = isinstance(earlier, list) and text_at(now, "revision") in earlier
    what = f"rollback:{format_instant(instant_us(seen_at))}" if is_rollback else "deploy"
    kind = _ROLL_BACK if is_rollback else _DEPLOY
    key = move_key(revised.key, _scoped(what, now))
    created = time_at(now, "created")
    since = max((t for t in (after, created) if t is not None and t < seen_at), default=None)
    yield from say_step(revised, key, kind)
    yield from say_move(key, kind, _begins(revised, seen_at, since, is_rollback=is_rollback))


def _say_again(revised: Revised, after: datetime | None, seen_at: datetime) -> Iterator[AnyRecord]:
    key = move_key(revised.key, f"again:{format_instant(instant_us(seen_at))}")
    yield from say_step(revised, key, _DEPLOY)
    yield from say_move(key, _DEPLOY, _begins(revised, seen_at, after, is_rollback=False))


def _begins(
    revised: Revised, moment: datetime, after: datetime | None, *, is_rollback: bool
) -> ServingMove:
    return ServingMove(
        action=ServingAction.DEPLOY,
        at=moment,
        after=None if after == moment else after,
        place=revised.place.key,
        environment=revised.place.environment,
        deployment=revised.key,
        role=revised.role,
        is_rollback=is_rollback,
    )


def _revised(place: Place, shown: Body, revision: str) -> Revised:
    labels = labels_of(shown)
    return Revised(
        place=place,
        revision=revision,
        source_type=text_at(shown, "kind"),
        images=images_of(shown),
        labels=labels,
        role=role_of(labels),
        strategy=text_at(shown, "strategy"),
    )


def _scoped(what: str, shown: Body) -> str:
    """Return a step's name with the object's own id, for names come back."""
    return f"{what}:{text_at(shown, 'uid')}" if text_at(shown, "uid") else what


def _is_wanted(shown: Body) -> bool:
    return text_at(shown, "kind") == "daemonset" or bool(whole_at(shown, "replicas"))


def _was_wanted(shown: Body) -> bool:
    """Tell whether a ReplicaSet ever was to run anything, as far as it shows."""
    return _is_wanted(shown) or text_at(shown, "annotations", DESIRED) != "0"


def _state(shown: Body, *, is_last: bool) -> ExecutionState:
    """Return the state of a roll-out that never was ready: it goes on, or was given up."""
    is_going_on = is_last and _is_wanted(shown)
    return ExecutionState.RUNNING if is_going_on else ExecutionState.CANCELED


def _is_among(number: str, told: JsonValue) -> bool:
    return isinstance(told, list) and number in told
