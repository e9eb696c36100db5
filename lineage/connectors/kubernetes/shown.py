"""What is kept of a cluster's objects: an allow-list, applied before anything reaches the log.

Never kept: values of variables, arguments, Secrets and ConfigMaps, volumes, node names, addresses,
and labels or annotations other than those named here (``last-applied-configuration`` has all of a
manifest in it).

Format: Kubernetes 1.31 (apps/v1, v1) and KServe 0.14 (serving.kserve.io/v1beta1).
"""

from __future__ import annotations

from typing import Final

from lineage.connectors.deployments.saying import MODEL_LABELS, RUN_LABELS
from lineage.connectors.plain_json import (
    Body,
    bodies_at,
    body_at,
    text_at,
    texts_of,
    time_at,
    whole_at,
    without_blanks,
)
from lineage.connectors.scanning import subject_of
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.values import JsonValue

DEPLOYMENT: Final = "deployment"
REPLICA_SET: Final = "replicaset"
STATEFUL_SET: Final = "statefulset"
DAEMON_SET: Final = "daemonset"
INFERENCE_SERVICE: Final = "inferenceservice"
POD: Final = "pod"

KINDS: Final = (DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET, INFERENCE_SERVICE)
"""What becomes documents, in the order in which they are shown."""

REVISION: Final = "deployment.kubernetes.io/revision"
REVISION_HISTORY: Final = "deployment.kubernetes.io/revision-history"
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
CHANGED_BY: Final = "changed_by"
"""Who had a revision made, where an audit log was read."""

ROLE_LABELS: Final = ("lineage.role", "lineage/role")
MODE: Final = "serving.kserve.io/deploymentMode"
_TEMPLATE_HASH: Final = "pod-template-hash"
_CONTROLLER_HASH: Final = "controller-revision-hash"
_POD_GENERATION: Final = "pod-template-generation"
_GENERATION: Final = "deprecated.daemonset.template.generation"

_APPLICATION: Final = tuple(
    f"app.kubernetes.io/{name}" for name in ("name", "version", "component", "part-of", "instance")
)
_LABELS: Final = (*MODEL_LABELS, *RUN_LABELS, *ROLE_LABELS, *_APPLICATION, _TEMPLATE_HASH)
_ANNOTATIONS: Final = (
    *MODEL_LABELS,
    *RUN_LABELS,
    *ROLE_LABELS,
    *(REVISION, REVISION_HISTORY, DESIRED, MODE, _GENERATION),
)
_GROUPS: Final = {
    ("apps", "Deployment"): DEPLOYMENT,
    ("apps", "ReplicaSet"): REPLICA_SET,
    ("apps", "StatefulSet"): STATEFUL_SET,
    ("apps", "DaemonSet"): DAEMON_SET,
    ("serving.kserve.io", "InferenceService"): INFERENCE_SERVICE,
    ("", "Pod"): POD,
}
_CONDITIONS: Final = frozenset({"Available", "Progressing", "Ready"})
_COMPONENTS: Final = ("predictor", "transformer", "explainer")
_FRAMEWORKS: Final = (
    *("sklearn", "xgboost", "lightgbm", "tensorflow", "pytorch", "triton", "onnx", "pmml"),
    *("paddle", "huggingface"),
)

CONTAINERS_MAX: Final = 100
REVISIONS_MAX: Final = 100


def kind_of(plain: Body) -> str | None:
    """Return what kind an object is of; ``None``: of none that says what serves."""
    group, slash, _ = text_at(plain, "apiVersion").partition("/")
    return _GROUPS.get((group if slash else "", text_at(plain, "kind")))


def show(plain: Body, kind: str) -> Body:
    """Return what is kept of an object.

    Raises:
        InvalidInputError: it has no name.
        LimitExceededError: more containers or revisions than any real one has.
    """
    meta = body_at(plain, "metadata")
    name = text_at(meta, "name")
    if not name:
        raise InvalidInputError("An object has no metadata.name", where=kind)
    created = time_at(meta, "creationTimestamp")
    shown: Body = {
        "kind": kind,
        "namespace": text_at(meta, "namespace"),
        "name": name,
        "uid": text_at(meta, "uid"),
        "created": created.isoformat() if created else None,
        "labels": texts_of(body_at(meta, "labels"), _LABELS),
        "annotations": texts_of(body_at(meta, "annotations"), _ANNOTATIONS),
        "owners": _owners(meta),
    }
    shown |= _inference(plain) if kind == INFERENCE_SERVICE else _workload(plain, kind)
    return without_blanks(shown)


def subject(shown: Body) -> str:
    """Return the subject of an object's document."""
    kind, space, name = (text_at(shown, one) for one in ("kind", "namespace", "name"))
    return subject_of(kind, space or "_", name)


def _owners(meta: Body) -> list[JsonValue]:
    return [
        {"kind": text_at(one, "kind"), "name": text_at(one, "name")}
        for one in bodies_at(meta, "ownerReferences")[:REVISIONS_MAX]
        if one.get("controller") is True
    ]


def _workload(plain: Body, kind: str) -> Body:
    spec, status = body_at(plain, "spec"), body_at(plain, "status")
    template = spec if kind == POD else body_at(spec, "template", "spec")
    shown: Body = {"containers": _containers(template)}
    if kind == POD:
        statuses = [
            *bodies_at(status, "containerStatuses"),
            *bodies_at(status, "initContainerStatuses"),
        ]
        shown["image_ids"] = {
            text_at(one, "name"): text_at(one, "imageID")
            for one in statuses[:CONTAINERS_MAX]
            if text_at(one, "name") and text_at(one, "imageID")
        }
        labels = body_at(plain, "metadata", "labels")
        shown["revision"] = text_at(labels, _CONTROLLER_HASH)
        shown["generation"] = text_at(labels, _POD_GENERATION)
        return shown
    of_template = body_at(spec, "template", "metadata")
    shown["template_labels"] = texts_of(body_at(of_template, "labels"), _LABELS)
    shown["template_annotations"] = texts_of(body_at(of_template, "annotations"), _ANNOTATIONS)
    replicas = whole_at(spec, "replicas")
    if kind != DAEMON_SET:
        shown["replicas"] = 1 if replicas is None else replicas
    shown["is_ready"] = bool(
        whole_at(status, "numberReady" if kind == DAEMON_SET else "readyReplicas")
    )
    shown["strategy"] = text_at(spec, "strategy", "type") or text_at(spec, "updateStrategy", "type")
    shown["conditions"] = _conditions(status)
    if kind == STATEFUL_SET:
        current, update = text_at(status, "currentRevision"), text_at(status, "updateRevision")
        shown["revision"] = update or current
        # No pod has been replaced yet (and none will be, OnDelete or beyond a partition).
        is_ahead = bool(current) and update not in {"", current}
        shown["is_ahead"] = (is_ahead and not whole_at(status, "updatedReplicas")) or None
    elif kind == DAEMON_SET:
        shown["revision"] = text_at(plain, "metadata", "annotations", _GENERATION)
    return shown


def _containers(spec: Body) -> list[JsonValue]:
    found = [
        *({**one, "init": True} for one in bodies_at(spec, "initContainers")),
        *bodies_at(spec, "containers"),
    ]
    if len(found) > CONTAINERS_MAX:
        raise LimitExceededError(
            f"{len(found)} containers are over the limit of {CONTAINERS_MAX} (CONTAINERS_MAX)"
        )
    return [
        without_blanks(
            {
                "name": text_at(one, "name"),
                "image": text_at(one, "image"),
                "init": one.get("init") is True or None,
            }
        )
        for one in found
    ]


def _conditions(status: Body) -> list[JsonValue]:
    names = ("type", "status", "reason", "lastTransitionTime")
    found: list[JsonValue] = [
        without_blanks({name: text_at(one, name) for name in names}) | _progressed(one)
        for one in bodies_at(status, "conditions")
        if text_at(one, "type") in _CONDITIONS
    ]
    return found[: len(_CONDITIONS)]


def _progressed(condition: Body) -> Body:
    """Return by when a revision had been rolled out. Until then this time keeps changing."""
    if text_at(condition, "reason") != "NewReplicaSetAvailable":
        return {}
    found = time_at(condition, "lastUpdateTime")
    named = text_at(condition, "message").partition('"')[2].partition('"')[0]
    return {"rolled_out": found.isoformat(), "replicaset": named} if found and named else {}


def _inference(plain: Body) -> Body:
    generation = whole_at(plain, "metadata", "generation")
    status = body_at(plain, "status")
    components: Body = {}
    for name in _COMPONENTS:
        spec = body_at(plain, "spec", name)
        if spec:
            components[name] = without_blanks(
                {
                    **_model(spec),
                    "canary": whole_at(spec, "canaryTrafficPercent"),
                    "containers": _containers(spec),
                    **_component_status(body_at(status, "components", name)),
                }
            )
    observed = whole_at(status, "observedGeneration")
    return {
        "generation": generation if observed is None else observed,
        "is_behind": True if observed is not None and observed != generation else None,
        "components": components,
        "url": text_at(status, "url"),
        "conditions": _conditions(status),
    }


def _model(spec: Body) -> Body:
    model = body_at(spec, "model")
    framework = text_at(model, "modelFormat", "name")
    if not model:
        # Before 0.8 the framework was the name of the field.
        framework = next((one for one in _FRAMEWORKS if body_at(spec, one)), "")
        model = body_at(spec, framework)
    return {
        "format": framework,
        "format_version": text_at(model, "modelFormat", "version"),
        "storage_uri": text_at(model, "storageUri"),
        "runtime": text_at(model, "runtime"),
        "runtime_version": text_at(model, "runtimeVersion"),
    }


def _component_status(status: Body) -> Body:
    traffic: dict[str, JsonValue] = {}
    for one in bodies_at(status, "traffic")[:REVISIONS_MAX]:
        name, percent = text_at(one, "revisionName"), whole_at(one, "percent")
        if name and percent:
            traffic[name] = min((whole_at(traffic, name) or 0) + percent, 100)
    return {
        "traffic": traffic,
        "latest_ready": text_at(status, "latestReadyRevision"),
        "latest_created": text_at(status, "latestCreatedRevision"),
        "previous": text_at(status, "previousRolledoutRevision"),
    }
