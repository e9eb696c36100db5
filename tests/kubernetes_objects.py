"""Objects of a cluster as ``kubectl get -o json`` shows them, written by hand.

After the published API of Kubernetes 1.31 and KServe 0.14; with what must never be kept in them.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

SECRET = "hunter2-do-not-keep"
"""Stands wherever a real object may hold a secret."""

Plain = dict[str, Any]


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def image(letter: str) -> str:
    return f"registry.example.org/fraud@{digest(letter)}"


def as_list(objects: Iterable[Plain]) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}).encode()


def _meta(name: str, created: str, uid: str, **more: Any) -> Plain:  # noqa: ANN401
    meta: Plain = {
        "name": name,
        "namespace": "scoring",
        "uid": uid,
        "resourceVersion": "1001",
        "creationTimestamp": created,
        "labels": {"app": "fraud", "password": SECRET},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"env": SECRET})
        },
    }
    for key, value in more.items():
        meta[key] = {**meta[key], **value} if isinstance(value, dict) else value
    return meta


def _template(tag: str, labels: Plain) -> Plain:
    container = {
        "name": "server",
        "image": f"registry.example.org/fraud:{tag}",
        "args": ["--key", SECRET],
        "env": [{"name": "DB", "value": SECRET}],
    }
    return {"metadata": {"labels": {"app": "fraud", **labels}}, "spec": {"containers": [container]}}


def deployment(  # noqa: PLR0913
    revision: int,
    tag: str,
    *,
    replicas: int = 2,
    rolled_out: tuple[str, str] | None = None,
    created: str = "2026-01-05T08:00:00Z",
    uid: str = "d-1",
    labels: Plain | None = None,
) -> Plain:
    conditions = [
        {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "lastTransitionTime": created,
        }
    ]
    if rolled_out is not None:
        conditions.append(
            {
                "type": "Progressing",
                "status": "True",
                "reason": "NewReplicaSetAvailable",
                "message": f'ReplicaSet "fraud-{rolled_out[0]}" has successfully progressed.',
                "lastTransitionTime": created,
                "lastUpdateTime": rolled_out[1],
            }
        )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(
            "fraud",
            created,
            uid,
            annotations={"deployment.kubernetes.io/revision": str(revision)},
        ),
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "RollingUpdate"},
            "template": _template(tag, labels or {}),
        },
        "status": {"readyReplicas": replicas, "conditions": conditions},
    }


def replica_set(  # noqa: PLR0913
    template: str,
    revision: int,
    created: str,
    tag: str,
    *,
    replicas: int = 2,
    history: str = "",
    uid: str = "",
    labels: Plain | None = None,
    ready: int | None = None,
) -> Plain:
    annotations = {
        "deployment.kubernetes.io/revision": str(revision),
        "deployment.kubernetes.io/desired-replicas": "2",
    }
    if history:
        annotations["deployment.kubernetes.io/revision-history"] = history
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": _meta(
            f"fraud-{template}",
            created,
            uid or f"rs-{template}",
            annotations=annotations,
            labels={"pod-template-hash": template},
            ownerReferences=[{"kind": "Deployment", "name": "fraud", "controller": True}],
        ),
        "spec": {"replicas": replicas, "template": _template(tag, labels or {})},
        "status": {"replicas": replicas, "readyReplicas": replicas if ready is None else ready},
    }


def pod(template: str, letter: str, number: int = 1) -> Plain:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(
            f"fraud-{template}-{number}",
            "2026-01-05T08:00:05Z",
            f"pod-{template}-{number}",
            ownerReferences=[
                {"kind": "ReplicaSet", "name": f"fraud-{template}", "controller": True}
            ],
        ),
        "spec": _template("v", {})["spec"],
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {
                    "name": "server",
                    "image": "registry.example.org/fraud:v",
                    "imageID": f"docker-pullable://{image(letter)}",
                }
            ],
        },
    }


def inference_service(
    newest: str,
    uri: str,
    traffic: dict[str, int],
    *,
    generation: int = 1,
    canary: int | None = None,
    created: str = "2026-01-05T08:00:00Z",
) -> Plain:
    predictor: Plain = {
        "model": {
            "modelFormat": {"name": "sklearn"},
            "storageUri": uri,
            "env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": SECRET}],
        }
    }
    if canary is not None:
        predictor["canaryTrafficPercent"] = canary
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {**_meta("fraud", created, "is-1"), "generation": generation},
        "spec": {"predictor": predictor},
        "status": {
            "url": "http://fraud.scoring.example.org",
            "components": {
                "predictor": {
                    "latestCreatedRevision": newest,
                    "latestReadyRevision": newest,
                    "traffic": [
                        {"revisionName": name, "percent": percent, "latestRevision": name == newest}
                        for name, percent in traffic.items()
                    ],
                }
            },
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def audited(
    plain: Plain,
    at: str,
    verb: str = "update",
    number: int = 1,
    user: str = "ann@example.org",
) -> bytes:
    """Return a line of an audit log."""
    group, _, version = plain["apiVersion"].rpartition("/")
    event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": f"{at}-{number}",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": user},
        "objectRef": {
            "resource": f"{plain['kind'].lower()}s",
            "namespace": plain["metadata"]["namespace"],
            "name": plain["metadata"]["name"],
            "apiGroup": group,
            "apiVersion": version,
        },
        "responseStatus": {"code": 200},
        "responseObject": plain if verb != "delete" else {"kind": "Status", "status": "Success"},
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
    }
    return json.dumps(event).encode() + b"\n"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
