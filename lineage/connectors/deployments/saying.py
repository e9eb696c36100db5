"""Images, what was packed into them, and moves, said in the same words by every connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import is_content_digest, normalise_identifier
from lineage_schemas.image_names import ImageName
from lineage_schemas.mlmd import Artifact, Event, EventKind, Execution, Kind
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.serving import SERVING_PROPERTY, ServingMove
from lineage_schemas.values import JsonValue

CONTAINER_IMAGE: Final = "lineage.ContainerImage"

MODEL_LABELS: Final = (
    "lineage.model-version",
    "lineage.model_version",
    "lineage/model-version",
    "LINEAGE_MODEL_VERSION",
)
"""A label, an annotation or a variable that holds the identifier of the model version inside."""

RUN_LABELS: Final = ("lineage.run", "lineage/run", "LINEAGE_RUN")
"""Likewise of the run that made what is inside."""


def say_image(image: ImageName, evidence: Mapping[str, JsonValue]) -> Iterator[AnyRecord]:
    """Yield an image and that its digest is that of its content."""
    properties: dict[str, JsonValue] = {
        "display_name": f"{image.repository}@{image.digest[:19]}",
        "image_digest": image.digest,
        "repository": image.repository,
    }
    if image.tag:
        properties["image_tags"] = {"items": [image.tag]}
    yield Artifact(key=image.identifier, type=CONTAINER_IMAGE, properties=properties)
    yield Claim(
        kind=Kind.ARTIFACT,
        node=image.identifier,
        identifier=image.digest,
        link_class=LinkClass.CONTENT,
        evidence=dict(evidence),
    )


def referenced_models(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return (label, identifier) of each model version that labels name; what is none is left."""
    found: list[tuple[str, str]] = []
    for name in MODEL_LABELS:
        text = labels.get(name, "").strip()
        try:
            identifier = normalise_identifier(text) if text else ""
        except LedgerError:
            continue  # the label itself is kept among the image's or object's own
        if identifier and not is_content_digest(identifier):
            found.append((name, identifier))
    return tuple(found)


def say_packing(image: ImageName, labels: Mapping[str, str], where: str) -> Iterator[AnyRecord]:
    """Yield that an image was made of the model version that a label of it names.

    ``where`` says whose label it was, such as ``image label``: one of the image itself, since a
    label of what runs it is not of every run of that image. The step is stated on the label's word:
    nobody saw it run.
    """
    for name, identifier in referenced_models(labels):
        packing = f"packing:{image.identifier}"
        yield Execution(
            key=packing,
            type="lineage.Run",
            properties={
                "display_name": f"packing of {image.repository}",
                "source_type": where,
            },
            custom_properties={"packing.label": name},
        )
        yield Event(artifact=identifier, execution=packing, kind=EventKind.INPUT, path=("model",))
        yield Event(
            artifact=image.identifier, execution=packing, kind=EventKind.OUTPUT, path=("image",)
        )


def move_property(move: ServingMove) -> dict[str, JsonValue]:
    """Return the custom property of an execution that says a move."""
    return {SERVING_PROPERTY: msgspec.to_builtins(move)}
