"""Where things serve, and what surrounds that: services, infrastructure, tickets, documents."""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import (
    SHARED,
    KnownType,
    PropertySpec,
    person,
    struct,
    text,
    whole,
)
from lineage_schemas.mlmd import Kind

_SERVICE = (
    text("environment", "Key of the environment it is in."),
    text("platform", "What runs it, such as 'kubernetes'."),
    text("cluster", "The cluster."),
    text("namespace", "The namespace in the cluster."),
    text("endpoint_url", "Where it can be called, without credentials."),
)

_DOCUMENT = (
    text("subject", "Key of what it is about."),
    text("media_type", "Its media type."),
    text("content_digest", "Digest of it as 'algorithm:hexadecimal'."),
    whole("size_bytes", "Its size."),
    text("document_uri", "Where it is kept, without credentials."),
    text("content", "The whole of it, where it is a short text."),
    text("version", "Its version."),
    text("attached_time", "When it was attached."),
    person("attached_by", "Who attached it."),
)

_INFRASTRUCTURE = (
    text("resource_type", "What it is, as its provider calls it, such as 'aws_s3_bucket'."),
    text("resource_name", "What it is called where it is defined."),
    text("provider", "Who provides it."),
    text("region", "Where it stands."),
    struct("attributes", "Those of its attributes that are kept: what is allowed, never secrets."),
)

_WORK_ITEM = (
    text("item_kind", "ticket or change (a proposed one, such as a pull request)."),
    text("number", "The number people know it by."),
    text("status", "Its state, in the tracker's own word."),
    text("priority", "How urgent it is, in the tracker's own word."),
    text("resolution", "How it ended."),
    struct("labels", "Its labels: {'items': [...]}."),
    person("created_by", "Who opened it."),
)

_SIGNAL = (
    text("message_id", "The message's own id."),
    text("chain", "The chain of messages it is a part of."),
    text("sent_time", "When it was sent."),
)

_DECLARE = (
    person("declared_by", "Who declared it."),
    text("declared_time", "When."),
)


def _artifact(name: str, description: str, own: tuple[PropertySpec, ...]) -> KnownType:
    return KnownType(
        kind=Kind.ARTIFACT,
        name=f"lineage.{name}",
        description=description,
        properties=(*SHARED, *own),
    )


PLACE_TYPES: Final[tuple[KnownType, ...]] = (
    KnownType(
        kind=Kind.CONTEXT,
        name="lineage.Service",
        description="A place in an environment where one deployment follows another.",
        properties=(*SHARED, *_SERVICE),
    ),
    KnownType(
        kind=Kind.EXECUTION,
        name="lineage.Declare",
        base_type="mlmd.Process",
        description="A person says what no tool knows.",
        properties=(*SHARED, *_DECLARE),
    ),
    _artifact("Document", "A file about something: a card, a validation, a plan.", _DOCUMENT),
    _artifact("Infrastructure", "Something that deployments stand on.", _INFRASTRUCTURE),
    _artifact("WorkItem", "A ticket, or a change that was proposed.", _WORK_ITEM),
    _artifact("Signal", "A message by which one step set off another.", _SIGNAL),
)
