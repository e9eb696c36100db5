"""What an attached document states: what it is, and what it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from lineage.connectors.declarations.mapping import join
from lineage_schemas.identifiers import EMPTY_DIGESTS, normalise_identifier
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlmd import Artifact, Execution, Kind
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

CONTENT_BYTES_MAX: Final = 262_144
"""A text that is kept whole. What is longer, or no text, is kept by its digest and URI alone."""

_TEXT_TYPES: Final = frozenset(
    {
        *("application/json", "application/yaml", "application/x-yaml", "application/xml"),
        *("application/toml", "application/x-ndjson", "application/javascript"),
    }
)
_LINE_MARKS: Final = frozenset("\t\n\r")


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A document and what it is about; ``content`` is the whole of it, where it is a short text."""

    subject: str
    kind: Kind
    name: str
    media_type: str
    digest: str
    size: int
    title: str = ""
    document_kind: str = ""
    uri: str = ""
    content: str | None = None
    attached_by: str = ""


ATTACHMENT: Final = msgspec.json.Decoder(Attachment)


def short_text(body: bytes, media_type: str) -> str | None:
    """Return a document that is kept whole as a text; ``None`` where it is too long, or no text."""
    word = media_type.partition(";")[0].strip().lower()
    is_text = word.startswith("text/") or word in _TEXT_TYPES or word.endswith(("+json", "+xml"))
    if not is_text or len(body) > CONTENT_BYTES_MAX:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None  # it calls itself a text and is none: the digest says what it is
    return None if any(mark < " " and mark not in _LINE_MARKS for mark in text) else text


def document_key(source: str, attachment: Attachment) -> str:
    """Return the key of a document: what it is called among those of its subject."""
    names = (source, attachment.subject, attachment.name)
    return normalise_identifier("document:" + "/".join(quote(one, safe=":") for one in names))


def say_document(body: bytes, source: str, at: datetime) -> tuple[AnyRecord, ...]:
    """Return what one version of an attachment states of the time ``at``."""
    return tuple(_said(ATTACHMENT.decode(body), source, format_instant(instant_us(at))))


def _said(attachment: Attachment, source: str, at: str) -> Iterator[AnyRecord]:
    key = document_key(source, attachment)
    step = f"attach:{key.removeprefix('document:')}"
    content = attachment.content
    properties: dict[str, JsonValue] = {
        "display_name": attachment.title or attachment.name,
        "source_type": attachment.document_kind,
        "subject": attachment.subject,
        "media_type": attachment.media_type,
        "content_digest": attachment.digest,
        "size_bytes": attachment.size,
        "document_uri": attachment.uri,
        "content": content,
        "attached_time": at,
        "attached_by": attachment.attached_by,
    }
    custom: dict[str, JsonValue] = {"document.name": attachment.name}
    if (
        content is not None
        and f"sha256:{sha256(content.encode()).hexdigest()}" != attachment.digest
    ):
        # A password in it was filtered out: what is kept is not what the digest is of.
        custom["document.is_content_filtered"] = True
    yield Artifact(
        key=key,
        type="lineage.Document",
        uri=attachment.uri or None,
        properties={name: one for name, one in properties.items() if one not in (None, "")},
        custom_properties=custom,
        # Whatever people wrote may name people.
        personal=("content",) if content else (),
    )
    if attachment.digest not in EMPTY_DIGESTS:
        yield Claim(
            kind=Kind.ARTIFACT,
            node=key,
            identifier=attachment.digest,
            link_class=LinkClass.CONTENT,
            evidence={"document": attachment.name},
        )
    declaring: dict[str, JsonValue] = {
        "display_name": f"attaching of {attachment.name}",
        "declared_time": at,
    }
    if attachment.attached_by:
        declaring["declared_by"] = attachment.attached_by
    yield Execution(key=step, type="lineage.Declare", properties=declaring)
    yield from join(attachment.kind, attachment.subject, step, key, "document")
