"""Artifacts: images by their digests, packages by their package URLs, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lineage.connectors.cdevents.telling import Step, Telling
from lineage.connectors.deployments.saying import say_image
from lineage_schemas.cdevents_names import cdevents_identifier
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import is_content_digest, normalise_identifier
from lineage_schemas.image_names import ImageName, image_of_purl, image_of_reference
from lineage_schemas.mlmd import Artifact, ArtifactState, Event, EventKind, ExecutionState
from lineage_schemas.records import AnyRecord

_MADE: Final = frozenset({"packaged", "published", "signed"})
"""What leaves the artifact as it goes on; what follows it uses that."""


class NamedArtifact(Struct, frozen=True):
    """An artifact by what a message calls it, and what calling it so states."""

    key: str
    records: tuple[AnyRecord, ...]
    image: ImageName | None = None


def artifact_of(text: str, source: str) -> NamedArtifact:
    """Return the artifact that a message names: an image, a package URL, or another identifier.

    What is no identifier is one of the message's own source.
    """
    image = image_of_purl(text) or image_of_reference(text)
    if image is not None:
        records = tuple(say_image(image, {"cdevents": "artifact id"}))
        return NamedArtifact(image.identifier, records, image)
    key = _identifier(text) or cdevents_identifier("artifact", source, text)
    described = Artifact(key=key, custom_properties={"cdevents.artifact": text})
    return NamedArtifact(key, (described,))


def say_artifact(telling: Telling) -> Step:
    """Say what became of an artifact: it was made, published, signed, downloaded or deleted."""
    content = telling.content
    artifact = artifact_of(telling.id, telling.source)
    is_deleted = telling.predicate == "deleted"
    step = Step(
        telling.step,
        type="lineage.Retire" if is_deleted else "lineage.Run",
        state=ExecutionState.COMPLETE,
        properties={
            "display_name": f"{telling.predicate}: {telling.id}",
            "ended_time": telling.moment,
            "retired_by" if is_deleted else "started_by": content.user,
        },
    )
    kind = EventKind.OUTPUT if telling.predicate in _MADE else EventKind.INPUT
    step.records += (
        *(_described(record, telling) for record in artifact.records),
        Event(artifact=artifact.key, execution=step.key, kind=kind, path=("artifact",)),
    )
    if content.change is not None:
        change = telling.key_of("change", content.change)
        step.records.append(
            Event(artifact=change, execution=step.key, kind=EventKind.INPUT, path=("change",))
        )
    return step


def say_made(telling: Telling, step: str) -> Iterator[AnyRecord]:
    """Yield the artifact that a run says it made."""
    text = telling.content.artifact_id
    if text is not None:
        artifact = artifact_of(text, telling.source)
        yield from artifact.records
        yield Event(
            artifact=artifact.key, execution=step, kind=EventKind.OUTPUT, path=("artifact",)
        )


def _described(record: AnyRecord, telling: Telling) -> AnyRecord:
    """Add to an artifact what a message says of it."""
    if not isinstance(record, Artifact):
        return record
    content = telling.content
    properties, custom = dict(record.properties), dict(record.custom_properties)
    is_image = record.type is not None
    place = properties if is_image else custom
    prefix = "" if is_image else "cdevents."
    if content.sbom is not None and content.sbom.uri is not None:
        place[f"{prefix}bill_of_materials_uri"] = content.sbom.uri
    if telling.predicate == "signed":
        place[f"{prefix}is_signed"] = True
    return replace(
        record,
        properties=properties,
        custom_properties=custom,
        state=ArtifactState.DELETED if telling.predicate == "deleted" else None,
    )


def _identifier(text: str) -> str | None:
    """Return an identifier in its normal form; ``None`` where it is none that may be a key."""
    try:
        identifier = normalise_identifier(text.strip())
    except LedgerError:
        return None
    return None if is_content_digest(identifier) else identifier
