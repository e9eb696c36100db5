"""The mapping ``terraform/1``: what deployments stand on. Pure.

    state      Context lineage.Project: the state, its serial and lineage
    resource   Artifact lineage.Infrastructure, which belongs to it; gone: DELETED

Infrastructure meets what others say of it by identifiers that its provider gives and that are one
thing for ever (``arn:``), and by the environment it is said to belong to; never by a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from lineage.connectors.kubernetes.keys import check_name, environment_key
from lineage.connectors.plain_json import Body, bodies_at, body_at, decode, text_at
from lineage.connectors.scanning import GONE, Revision, Said
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.mlmd import Artifact, ArtifactState, Attribution, Context, Kind
from lineage_schemas.records import AnyRecord, Claim, LinkClass, StatedTime
from lineage_schemas.values import JsonValue

VERSION: Final = "terraform/1"

_BUCKETS: Final = {
    "aws_s3_bucket": ("bucket", "s3"),
    "google_storage_bucket": ("name", "gs"),
}
_ARN_PARTS: Final = 6
_ARN_REGION: Final = 3


class TerraformMapping(Struct, frozen=True):
    """The first mapping of Terraform, for one state.

    ``environments`` are keys of environments that all of the state belongs to; ``cluster`` is what
    the cluster is called whose namespaces it makes.
    """

    name: str
    environments: tuple[str, ...] = ()
    cluster: str | None = None
    version: str = VERSION

    def __post_init__(self) -> None:
        """Refuse what cannot be a name, or the key of an environment."""
        check_name(self.name, "a state")
        if self.cluster is not None:
            check_name(self.cluster, "a cluster")
        for one in self.environments:
            normalise_identifier(one)

    def carry(self, before: bytes | None, body: bytes) -> bytes:  # noqa: ARG002 - the contract's
        """Return the document as it is: Terraform counts its changes itself."""
        return body

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """Say what a revision of a document states.

        Raises:
            DecodeError: the document is not what the reader makes.
        """
        before = revision.before
        was = None if before is None or before == GONE else decode(before)
        by_now = StatedTime(start=revision.at)
        if revision.body == GONE:
            if was is None or "address" not in was:
                return ()
            gone = Artifact(key=self._key(was), state=ArtifactState.DELETED)
            return (Said(by_now, (gone,)),)
        body = decode(revision.body)
        said = self._resource(body, was) if "address" in body else self._state(body)
        return (Said(by_now, tuple(said)),)

    @property
    def _project(self) -> str:
        return f"terraform-state:{self.name}"

    def _key(self, body: Body) -> str:
        return f"terraform:{self.name}/{quote(text_at(body, 'address'), safe='.[]')}"

    def _state(self, body: Body) -> Iterator[AnyRecord]:
        yield Context(
            key=self._project,
            type="lineage.Project",
            properties={"display_name": self.name, "source_type": "terraform.State"},
            custom_properties={f"terraform.{name}": value for name, value in body.items()},
        )

    def _resource(self, body: Body, was: Body | None) -> Iterator[AnyRecord]:
        key = self._key(body)
        attributes = body_at(body, "attributes")
        properties: dict[str, JsonValue] = {
            "display_name": text_at(body, "address"),
            "source_type": f"terraform.{text_at(body, 'mode') or 'managed'}",
            "resource_type": text_at(body, "type"),
            "resource_name": text_at(body, "name"),
            "provider": text_at(body, "provider"),
            "region": _region(attributes) or None,
            "attributes": attributes or None,
        }
        custom: dict[str, JsonValue] = {}
        needed = body.get("dependencies")
        if needed or (was is not None and was.get("dependencies")):
            custom["terraform.dependencies"] = {"items": needed} if needed else None
        yield Artifact(
            key=key,
            type="lineage.Infrastructure",
            state=ArtifactState.LIVE,
            properties={
                name: value
                for name, value in properties.items()
                if value is not None or was is not None
            },
            custom_properties=custom,
        )
        yield Attribution(context=self._project, artifact=key)
        for environment in (*self.environments, *self._namespaces(body)):
            yield Context(key=environment, type="lineage.Environment")
            yield Attribution(context=environment, artifact=key)
        for identifier in _identifiers(text_at(body, "type"), attributes):
            yield Claim(
                kind=Kind.ARTIFACT,
                node=key,
                identifier=identifier,
                link_class=LinkClass.ASSERTED,
                evidence={"state": self.name, "address": text_at(body, "address")},
            )

    def _namespaces(self, body: Body) -> Iterator[str]:
        """Yield the environments that a namespace or what lies in one belongs to."""
        kind = text_at(body, "type")
        if self.cluster is None or not kind.startswith("kubernetes_"):
            return
        for one in bodies_at(body, "attributes", "metadata"):
            is_space = kind in {"kubernetes_namespace", "kubernetes_namespace_v1"}
            name = text_at(one, "name" if is_space else "namespace")
            if name:
                yield environment_key(self.cluster, name)


def _identifiers(kind: str, attributes: Body) -> Iterator[str]:
    """Yield what a resource is called everywhere, by those who provide it."""
    texts: list[str] = []
    arn = text_at(attributes, "arn")
    if arn.startswith("arn:") and arn.count(":") >= _ARN_PARTS - 1:
        texts.append(arn)
    if link := text_at(attributes, "self_link"):
        texts.append(f"uri:{link}")
    field, scheme = _BUCKETS.get(kind, ("", ""))
    if field and (bucket := text_at(attributes, field)):
        texts.append(f"uri:{scheme}://{bucket}")
    for text in texts:
        try:
            yield normalise_identifier(text)
        except LedgerError:
            continue  # it is kept among the attributes; as an identifier it would meet nothing


def _region(attributes: Body) -> str:
    told = text_at(attributes, "region") or text_at(attributes, "location")
    parts = text_at(attributes, "arn").split(":")
    return told or (parts[_ARN_REGION] if len(parts) >= _ARN_PARTS else "")
