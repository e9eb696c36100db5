"""OpenLineage's two facets of column lineage, read tolerantly.

``columnLineage`` (1-2-0, https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json)
is of a data set. ``lineage`` (1-0-0, https://openlineage.io/spec/facets/1-0-0/LineageFacet.json)
is of a data set, or of a job, which lists its data sets as entries.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

DATASET: Final = "DATASET"
"""The type of an entry or input that is a data set; the other one is a job."""


class Transformation(Struct, frozen=True):
    """How an input goes into a field."""

    type: str | None = None
    subtype: str | None = None
    description: str | None = None
    masking: bool | None = None


class InputField(Struct, frozen=True):
    """An input of ``columnLineage``: always one field."""

    namespace: str
    name: str
    field: str
    transformations: list[Transformation] | None = None


class OutputField(Struct, frozen=True, rename="camel"):
    """What a field was made from; the last two are how it was said before version 1-1-0."""

    input_fields: list[InputField]
    transformation_description: str | None = None
    transformation_type: str | None = None


class ColumnLineageFacet(Struct, frozen=True):
    """The dataset facet ``columnLineage``; ``dataset`` is what all of the data set depends on."""

    fields: dict[str, OutputField]
    dataset: list[InputField] | None = None


class LineageInput(Struct, frozen=True):
    """An input of ``lineage``: a field, a whole data set, or a job, which has no field."""

    type: str
    namespace: str | None = None
    name: str | None = None
    source_field: str | None = field(default=None, name="field")
    transformations: list[Transformation] | None = None


class LineageField(Struct, frozen=True):
    """What a field was made from."""

    inputs: list[LineageInput]


class LineageFacet(Struct, frozen=True):
    """The facet ``lineage`` of a data set."""

    inputs: list[LineageInput] | None = None
    fields: dict[str, LineageField] | None = None


class LineageEntry(LineageFacet, frozen=True, kw_only=True):
    """One entry of the facet ``lineage`` of a job: what flows into a data set, or into a job."""

    type: str
    namespace: str | None = None
    name: str | None = None


class LineageJobFacet(Struct, frozen=True):
    """The facet ``lineage`` of a job."""

    entries: list[LineageEntry]
