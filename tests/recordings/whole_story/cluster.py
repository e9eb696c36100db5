"""What a Kubernetes cluster shows, in objects of the form that ``kubectl get -o json`` prints.

API versions: apps/v1 for Deployment and ReplicaSet, v1 for Pod and List, as of Kubernetes 1.34.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from recordings.whole_story import moments
from recordings.whole_story.images import Image
from recordings.whole_story.moments import MODEL

CLUSTER: Final = "eu-1"
NAMESPACE: Final = "fraud-production"
CHALLENGER: Final = f"{MODEL}-challenger"
REPLICAS: Final = 2

Object = dict[str, Any]


class Revision(NamedTuple):
    """What a workload runs from a time on: a release, as its so manieth revision."""

    at: str
    workload: str
    number: int
    release: int
    role: str


REVISIONS: Final = (
    Revision(moments.FIRST_SERVED, MODEL, 1, 1, "champion"),
    Revision(moments.CHALLENGED, CHALLENGER, 1, 2, "challenger"),
    Revision(moments.CROWNED, MODEL, 2, 2, "champion"),
    Revision(moments.ROLLED_BACK, MODEL, 3, 1, "champion"),
    Revision(moments.SUCCEEDED, MODEL, 4, 3, "champion"),
)

LOOKS: Final = (
    "2026-01-12T12:00:00Z",
    "2026-02-05T12:00:00Z",
    "2026-02-17T12:00:00Z",
    "2026-02-24T18:00:00Z",
    "2026-03-24T12:00:00Z",
    moments.TOLD,
)
"""When somebody asked the cluster for all Deployments, ReplicaSets and Pods of the namespace."""


def looks(images: dict[int, Image]) -> Iterator[bytes]:
    """Yield, a line each, when the cluster was asked and what it showed."""
    for at in LOOKS:
        items = list(_shown(at, images))
        shown = {
            "apiVersion": "v1",
            "items": items,
            "kind": "List",
            "metadata": {"resourceVersion": ""},
        }
        yield json.dumps({"at": at, "list": shown}, separators=(",", ":")).encode() + b"\n"


def _shown(at: str, images: dict[int, Image]) -> Iterator[Object]:
    for workload in (MODEL, CHALLENGER):
        revisions = [one for one in REVISIONS if one.workload == workload and one.at <= at]
        if not revisions or (workload == CHALLENGER and at >= moments.CROWNED):
            continue
        yield _deployment(revisions, images)
        last: dict[int, Revision] = {one.release: one for one in revisions}
        for one in sorted(last.values(), key=lambda one: one.number):
            first = next(each for each in revisions if each.release == one.release)
            olds = [str(each.number) for each in revisions if each.release == one.release]
            is_on = one is revisions[-1]
            yield _replica_set(one, first, olds[:-1], images[one.release], is_on=is_on)
        for number in range(REPLICAS):
            yield _pod(revisions[-1], number, images[revisions[-1].release])


def uid(name: str) -> str:
    """Return the id of an object: the same each time."""
    return str(uuid5(NAMESPACE_URL, f"{CLUSTER}/{NAMESPACE}/{name}"))


def _hash(revision: Revision) -> str:
    return uid(f"template/{revision.workload}/{revision.release}").replace("-", "")[:10]


def _labels(revision: Revision) -> dict[str, str]:
    return {"app.kubernetes.io/name": revision.workload, "lineage.role": revision.role}


def _template(revision: Revision, image: Image) -> Object:
    return {
        "metadata": {
            "labels": _labels(revision),
            "annotations": {"lineage/model-version": image.labels["lineage.model-version"]},
        },
        "spec": {
            "containers": [
                {
                    "name": "model",
                    "image": image.reference,
                    "imagePullPolicy": "IfNotPresent",
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                    "env": [{"name": "THRESHOLD", "value": "0.5"}],
                    "resources": {"limits": {"memory": "512Mi"}},
                }
            ],
            "restartPolicy": "Always",
        },
    }


def _metadata(name: str, created: str, **more: object) -> Object:
    return {
        "name": name,
        "namespace": NAMESPACE,
        "uid": uid(name),
        "creationTimestamp": created,
        **more,
    }


def _deployment(revisions: list[Revision], images: dict[int, Image]) -> Object:
    now = revisions[-1]
    template = _template(now, images[now.release])
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(
            now.workload,
            revisions[0].at,
            generation=now.number,
            labels=_labels(now),
            annotations={"deployment.kubernetes.io/revision": str(now.number)},
        ),
        "spec": {
            "replicas": REPLICAS,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"app.kubernetes.io/name": now.workload}},
            "strategy": {"type": "RollingUpdate"},
            "template": template,
        },
        "status": {
            "observedGeneration": now.number,
            "replicas": REPLICAS,
            "updatedReplicas": REPLICAS,
            "readyReplicas": REPLICAS,
            "availableReplicas": REPLICAS,
            "conditions": [
                {
                    "type": "Progressing",
                    "status": "True",
                    "reason": "NewReplicaSetAvailable",
                    "lastTransitionTime": revisions[0].at,
                    "lastUpdateTime": now.at,
                }
            ],
        },
    }


def _replica_set(
    now: Revision, first: Revision, olds: list[str], image: Image, *, is_on: bool
) -> Object:
    name, template = f"{now.workload}-{_hash(now)}", _template(now, image)
    template["metadata"]["labels"]["pod-template-hash"] = _hash(now)
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(REPLICAS),
        "deployment.kubernetes.io/revision": str(now.number),
    }
    if olds:
        annotations["deployment.kubernetes.io/revision-history"] = ",".join(olds)
    count = REPLICAS if is_on else 0
    ready = {"readyReplicas": count, "availableReplicas": count} if is_on else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": _metadata(
            name,
            first.at,
            labels={**_labels(now), "pod-template-hash": _hash(now)},
            annotations=annotations,
            ownerReferences=[_owner("apps/v1", "Deployment", now.workload)],
        ),
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": {"pod-template-hash": _hash(now)}},
            "template": template,
        },
        "status": {"replicas": count, "observedGeneration": 1, **ready},
    }


def _owner(version: str, kind: str, name: str) -> Object:
    return {
        "apiVersion": version,
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": kind,
        "name": name,
        "uid": uid(name),
    }


def _pod(now: Revision, number: int, image: Image) -> Object:
    owner = f"{now.workload}-{_hash(now)}"
    name = f"{owner}-{uid(f'{now.at}/{number}')[:5]}"
    template = _template(now, image)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(
            name,
            now.at,
            labels={**_labels(now), "pod-template-hash": _hash(now)},
            annotations=template["metadata"]["annotations"],
            ownerReferences=[_owner("apps/v1", "ReplicaSet", owner)],
        ),
        "spec": {**template["spec"], "nodeName": f"node-{number}"},
        "status": {
            "phase": "Running",
            "startTime": now.at,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now.at}],
            "containerStatuses": [
                {
                    "name": "model",
                    "image": image.reference,
                    "imageID": image.reference,
                    "containerID": f"containerd://{uid(name).replace('-', '') * 2}",
                    "ready": True,
                    "restartCount": 0,
                    "started": True,
                    "state": {"running": {"startedAt": now.at}},
                }
            ],
        },
    }
