"""What KServe's InferenceServices say: which model each revision serves, and its traffic. Pure.

An InferenceService shows the model of its newest revision only; what earlier ones served is carried
from the documents before. A revision that was never seen as the newest serves a model nobody knows,
and nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from lineage.connectors.deployments.saying import move_property
from lineage.connectors.kubernetes.keys import move_key
from lineage.connectors.kubernetes.saying import (
    Place,
    Revised,
    images_of,
    labels_of,
    models_of,
    role_of,
    say_deployment,
    say_move,
    say_removal,
    say_step,
)
from lineage.connectors.kubernetes.shown import INFERENCE_SERVICE, MODE, REVISIONS_MAX
from lineage.connectors.plain_json import Body, body_at, text_at, time_at, whole_at
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlmd import Association, Event, EventKind, Execution, ExecutionState
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import Role, ServingAction, ServingMove
from lineage_schemas.values import JsonValue

_ALL: Final = 100
_KEPT: Final = ("format", "format_version", "storage_uri", "runtime", "runtime_version")


def carry_revisions(was: Body, now: Body) -> Body:
    """Return a document with the model of each revision, as far as it was ever shown.

    A revision never changes, so what it was first shown with stands. While what is asked for has
    not been looked at by its controller, the newest revision is still that of the model before.
    """
    predictor = body_at(now, "components", "predictor")
    known = dict(body_at(was, "revisions"))
    newest = _newest(now)
    if newest and (newest in known or not now.get("is_behind")):
        model: Body = {name: predictor[name] for name in _KEPT if name in predictor}
        if containers := predictor.get("containers"):
            model["containers"] = containers
        known[newest] = known.pop(newest, model)
    return {**now, "revisions": dict(list(known.items())[-REVISIONS_MAX:])}


def traffic_of(shown: Body) -> dict[str, int]:
    """Return the share of each revision that serves, in hundredths."""
    predictor = body_at(shown, "components", "predictor")
    told = body_at(predictor, "traffic")
    found = {name: share for name, share in told.items() if isinstance(share, int) and share}
    if found:
        return found
    ready = text_at(predictor, "latest_ready")
    if ready:
        return {ready: _ALL}
    # Without Knative there are no revisions: the generation is what there is to count.
    newest = _newest(shown)
    return {newest: _ALL} if newest.startswith("generation-") and _is_ready(shown) else {}


def say_inference(
    cluster: str,
    mlflow_server: str | None,
    was: Body | None,
    now: Body | None,
    after: datetime | None,
    seen_at: datetime,
) -> Iterator[AnyRecord]:
    """Yield the revisions that serve, and what began, changed its share, or ended."""
    shown = now or was or {}
    place = Place(cluster, text_at(shown, "namespace"), INFERENCE_SERVICE, text_at(shown, "name"))
    yield from place.say(text_at(shown, "url"))
    if now is None:
        yield from say_removal(place, None, after, seen_at, "deleted")
        return
    is_same = was is not None and text_at(was, "uid") == text_at(now, "uid")
    if was is not None and not is_same:
        yield from say_removal(place, None, after, seen_at, "deleted and made anew")
    before = traffic_of(was) if was is not None and is_same else {}
    shares = traffic_of(now)
    created = time_at(now, "created")
    since = max((t for t in (after, created) if t is not None and t < seen_at), default=None)
    was_known = set(body_at(was or {}, "revisions")) if is_same else set[str]()
    for revision in [one for one in before if one not in shares]:
        yield from _ends(place, was or {}, now, revision, (since, seen_at))
    for revision, share in sorted(shares.items()):
        revised = _revised(place, now, revision, mlflow_server)
        yield from say_deployment(revised)
        old = before.get(revision)
        if old is None:
            is_back = revision in was_known and _newest(was or {}) != revision
            yield from _begins(revised, shares, share, (since, seen_at), is_back=is_back)
        elif old != share or _role(was or {}, revision) is not _role(now, revision):
            yield from _changes(revised, share, (since, seen_at))


def _begins(
    revised: Revised,
    shares: dict[str, int],
    share: int,
    times: tuple[datetime | None, datetime],
    *,
    is_back: bool,
) -> Iterator[AnyRecord]:
    kind = "lineage.RollBack" if is_back else "lineage.Deploy"
    what = "rollback" if is_back else "deploy"
    key = move_key(revised.key, f"{what}:{_text(times[1])}")
    others = len(shares) > 1
    move = _move(revised, ServingAction.DEPLOY, share, times, is_beside=others, is_rollback=is_back)
    yield from say_step(
        revised, key, kind, {"strategy": "canary"} if others and not is_back else {}
    )
    yield from say_move(key, kind, move)


def _changes(
    revised: Revised, share: int, times: tuple[datetime | None, datetime]
) -> Iterator[AnyRecord]:
    key = move_key(revised.key, f"share:{_text(times[1])}")
    properties: dict[str, JsonValue] = {"display_name": f"{revised.key} to {share} %"}
    yield Execution(
        key=key,
        type="lineage.Promote",
        state=ExecutionState.COMPLETE,
        properties=properties,
        custom_properties=move_property(_move(revised, ServingAction.CHANGE, share, times)),
    )
    yield Event(artifact=revised.key, execution=key, kind=EventKind.INPUT, path=("deployment",))
    yield Association(context=revised.place.key, execution=key)


def _ends(
    place: Place,
    was: Body,
    now: Body,
    revision: str,
    times: tuple[datetime | None, datetime],
) -> Iterator[AnyRecord]:
    """Yield the end of a revision; a canary that was never given all is taken back."""
    deployment = place.deployment(revision)
    if _role(was, revision) is not Role.CANARY or _newest(now) == revision:
        yield from say_removal(place, deployment, *times, "without traffic")
        return
    key = move_key(deployment, f"rollback:{_text(times[1])}")
    yield Execution(
        key=key,
        type="lineage.RollBack",
        state=ExecutionState.COMPLETE,
        properties={"place": place.key, "from_version": revision, "reason": "canary taken back"},
        custom_properties=move_property(
            ServingMove(
                action=ServingAction.REMOVE,
                at=times[1],
                after=times[0],
                place=place.key,
                environment=place.environment,
                deployment=deployment,
                is_rollback=True,
            )
        ),
    )
    yield Event(artifact=deployment, execution=key, kind=EventKind.INPUT, path=("deployment",))
    yield Association(context=place.key, execution=key)


def _move(
    revised: Revised,
    action: ServingAction,
    share: int,
    times: tuple[datetime | None, datetime],
    *,
    is_beside: bool = False,
    is_rollback: bool = False,
) -> ServingMove:
    return ServingMove(
        action=action,
        at=times[1],
        after=times[0],
        place=revised.place.key,
        environment=revised.place.environment,
        deployment=revised.key,
        role=revised.role,
        traffic_ratio=share / _ALL,
        is_beside=is_beside,
        is_rollback=is_rollback,
    )


def _revised(place: Place, now: Body, revision: str, mlflow_server: str | None) -> Revised:
    model = body_at(now, "revisions", revision)
    is_newest = revision == _newest(now) and not now.get("is_behind")
    labels = labels_of(now) if is_newest else {}
    uri = text_at(model, "storage_uri")
    custom: dict[str, JsonValue] = {
        f"k8s.{name}": text for name in _KEPT if (text := text_at(model, name))
    }
    return Revised(
        place=place,
        revision=revision,
        source_type=INFERENCE_SERVICE,
        images=images_of(model),
        labels=labels,
        role=_role(now, revision),
        models=models_of(uri, mlflow_server),
        custom=custom,
    )


def _role(shown: Body, revision: str) -> Role | None:
    """Return canary for a newest revision with a part of the traffic, else what a label says."""
    share = traffic_of(shown).get(revision, 0)
    is_newest = revision == _newest(shown)
    if is_newest and (given := role_of(labels_of(shown))) is not None:
        return given
    if is_newest and 0 < share < _ALL and len(traffic_of(shown)) > 1:
        return Role.CANARY
    return Role.CHAMPION


def _newest(shown: Body) -> str:
    predictor = body_at(shown, "components", "predictor")
    found = text_at(predictor, "latest_created") or text_at(predictor, "latest_ready")
    generation = whole_at(shown, "generation")
    if found or generation is None:
        return found
    is_raw = text_at(shown, "annotations", MODE) == "RawDeployment" or not predictor.get("traffic")
    return f"generation-{generation}" if is_raw else ""


def _is_ready(shown: Body) -> bool:
    conditions = shown.get("conditions")
    return isinstance(conditions, list) and any(
        text_at(one, "type") == "Ready" and text_at(one, "status") == "True" for one in conditions
    )


def _text(moment: datetime) -> str:
    return format_instant(instant_us(moment))
