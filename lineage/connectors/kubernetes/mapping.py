"""The mapping ``kubernetes/1``: what the documents of a cluster state. Pure.

    replicaset         Artifact lineage.Deployment for each revision that it was; Execution
                       lineage.Deploy when it was made, lineage.RollBack when it was taken again
                       (for what makes its own ReplicaSets also that it stopped, or began again)
    deployment         that all of it stopped, or began again
    statefulset,       Artifact lineage.Deployment for the revision at work; Execution
    daemonset          lineage.Deploy, or lineage.RollBack to one that was at work before
    inferenceservice   Artifact lineage.Deployment for each revision with traffic; Executions for
                       what begins, is given another share, ends

A new revision serves from when its ReplicaSet was made: that is when its roll-out began, and the
one time that every later look shows alike. What no object has a time for lies between two looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from lineage.connectors.kubernetes.inference import carry_revisions, say_inference
from lineage.connectors.kubernetes.keys import check_name
from lineage.connectors.kubernetes.shown import (
    DAEMON_SET,
    DEPLOYMENT,
    INFERENCE_SERVICE,
    REPLICA_SET,
    STATEFUL_SET,
)
from lineage.connectors.kubernetes.workloads import (
    carry_seen,
    say_alone_changes,
    say_deployment_changes,
    say_replica_set,
    say_single,
)
from lineage.connectors.plain_json import Body, decode, encode, text_at
from lineage.connectors.scanning import GONE, Revision, Said
from lineage_schemas.errors import DecodeError
from lineage_schemas.records import AnyRecord, Precision, StatedTime

VERSION: Final = "kubernetes/1"


class KubernetesMapping(Struct, frozen=True):
    """The first mapping of Kubernetes, for one cluster."""

    cluster: str
    mlflow_server: str | None = None
    version: str = VERSION

    def __post_init__(self) -> None:
        """Refuse what cannot be the name of a cluster."""
        check_name(self.cluster, "a cluster")

    def carry(self, before: bytes | None, body: bytes) -> bytes:
        """Return the document with what was known of it and is not shown any more.

        A revision that is not at work has no pods to tell its images' digests; a service that
        moves its traffic shows the model of its newest revision only.
        """
        if before is None or GONE in (before, body):
            return body if body == GONE else encode(_begun(decode(body)))
        was, now = decode(before), decode(body)
        if text_at(was, "uid") != text_at(now, "uid"):
            return encode(_begun(now))
        if text_at(now, "kind") == INFERENCE_SERVICE:
            return encode(carry_revisions(was, now))
        return encode(carry_seen(was, now))

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """Say what a revision of a document states.

        Raises:
            DecodeError: the document is not what the reader makes.
        """
        now = None if revision.body == GONE else decode(revision.body)
        before = revision.before
        was = None if before is None or before == GONE else decode(before)
        shown = now if now is not None else was
        if shown is None:
            return ()
        kind = text_at(shown, "kind")
        after = revision.after
        said: list[Said] = []
        if kind == REPLICA_SET:
            if now is not None:
                said += say_replica_set(self.cluster, was, now, after, revision.at)
            records = say_alone_changes(self.cluster, was, now, after, revision.at)
        elif kind == DEPLOYMENT:
            records = say_deployment_changes(self.cluster, was, now, after, revision.at)
        elif kind in {STATEFUL_SET, DAEMON_SET}:
            records = say_single(self.cluster, was, now, after, revision.at)
        elif kind == INFERENCE_SERVICE:
            server = self.mlflow_server
            records = say_inference(self.cluster, server, was, now, after, revision.at)
        else:
            raise DecodeError("A cluster has no documents of this kind", where=kind)
        return (*said, *_said(records, after, revision.at))


def _begun(now: Body) -> Body:
    if text_at(now, "kind") == INFERENCE_SERVICE:
        return carry_revisions({}, now)
    return carry_seen({}, now)


def _said(records: Iterator[AnyRecord], after: datetime | None, at: datetime) -> tuple[Said, ...]:
    found = tuple(records)
    if not found:
        return ()
    if after is None or after == at:
        return (Said(StatedTime(start=at), found),)
    return (Said(StatedTime(start=after, end=at, precision=Precision.INTERVAL), found),)
