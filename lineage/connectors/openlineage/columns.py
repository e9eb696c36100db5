"""Column lineage: what a run says of the fields of its outputs, put on the run.

Both facets may speak of one output, and so may the run's job: what they say of it adds up. Of
several messages of a run the latest counts for each output, as for every property.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from lineage.connectors.openlineage.facets import is_deleted, keep_facet
from lineage.connectors.openlineage.naming import COLUMNS_LEFT_OUT
from lineage.connectors.openlineage.saying import Saying
from lineage_schemas.codec import encode_json
from lineage_schemas.columns import (
    ColumnLineage,
    MadeField,
    SourceField,
    Transformation,
    columns_property,
    columns_value,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.identifiers import dataset_identifier
from lineage_schemas.outside import openlineage_columns as facets
from lineage_schemas.outside.openlineage import Facets, OutputDataset
from lineage_schemas.values import JsonValue

COLUMNS_BYTES_MAX: Final = 262_144
"""What a run says of the fields of one output, encoded; more stays in the facet alone, flagged."""

_COLUMN_LINEAGE: Final = "columnLineage"
_LINEAGE: Final = "lineage"
_MASKED: Final = "MASKED"

_Facet = TypeVar("_Facet")


class RunColumns:
    """What one message says of the fields of what its run wrote."""

    def __init__(self, run: Saying) -> None:
        self._run = run
        self._said: dict[str, list[ColumnLineage]] = {}
        self._taken_back: set[str] = set()

    def output(self, dataset: OutputDataset, key: str) -> None:
        """Take in the two facets of an output."""
        given = dataset.facets or {}
        said = (
            self._read(given, _COLUMN_LINEAGE, facets.ColumnLineageFacet),
            self._read(given, _LINEAGE, facets.LineageFacet),
        )
        if any(is_deleted(given.get(name)) for name in (_COLUMN_LINEAGE, _LINEAGE)):
            self._taken_back.add(key)
        try:
            found = [
                *([] if said[0] is None else [_of_columns(key, said[0])]),
                *([] if said[1] is None else [_of_lineage(key, said[1])]),
            ]
        except InvalidInputError:
            self._misread(_COLUMN_LINEAGE if said[1] is None else _LINEAGE)
            return
        self._said.setdefault(key, []).extend(found)

    def job(self, given: Facets | None) -> None:
        """Take in the facet ``lineage`` of the job, which was observed during the run."""
        facet = self._read(given or {}, _LINEAGE, facets.LineageJobFacet)
        try:
            for entry in () if facet is None else facet.entries:
                if entry.type == facets.DATASET:
                    key = _key(entry.namespace, entry.name)
                    self._said.setdefault(key, []).append(_of_lineage(key, entry))
        except InvalidInputError:
            self._misread(_LINEAGE)

    def say(self) -> None:
        """Put what was taken in on the run, one property for each output."""
        for key in sorted(self._said.keys() | self._taken_back):
            found = [one for one in self._said.get(key, ()) if one.fields or one.dataset]
            if found:
                self._put(key, columns_value(_together(key, found)))
            elif key in self._taken_back:
                self._run.custom[columns_property(key)] = None

    def _put(self, key: str, value: JsonValue) -> None:
        if len(encode_json(value)) > COLUMNS_BYTES_MAX:
            self._run.flags.add(COLUMNS_LEFT_OUT)
            return
        name = columns_property(key)
        self._run.custom[name] = value
        if keep_facet(_COLUMN_LINEAGE, value).is_personal:
            self._run.personal.add(name)

    def _read(self, given: Facets, name: str, form: type[_Facet]) -> _Facet | None:
        facet = given.get(name)
        if facet is None or is_deleted(facet):
            return None
        try:
            return msgspec.convert(facet, form)
        except (msgspec.ValidationError, RecursionError):
            self._misread(name)
            return None

    def _misread(self, name: str) -> None:
        if name not in self._run.misread:
            self._run.misread.append(name)


def _together(key: str, said: Iterable[ColumnLineage]) -> ColumnLineage:
    fields: list[MadeField] = []
    dataset: list[SourceField] = []
    for one in said:
        fields += one.fields
        dataset += one.dataset
    return ColumnLineage(key, tuple(fields), tuple(dataset))


def _of_columns(key: str, facet: facets.ColumnLineageFacet) -> ColumnLineage:
    return ColumnLineage(
        key,
        tuple(
            MadeField(
                _field(name),
                tuple(
                    _source(one.namespace, one.name, one.field, _hows(one, made))
                    for one in made.input_fields
                ),
            )
            for name, made in facet.fields.items()
        ),
        tuple(
            _source(one.namespace, one.name, one.field, _transformations(one.transformations))
            for one in facet.dataset or ()
        ),
    )


def _of_lineage(key: str, facet: facets.LineageFacet) -> ColumnLineage:
    return ColumnLineage(
        key,
        tuple(
            MadeField(_field(name), tuple(_datasets(made.inputs)))
            for name, made in (facet.fields or {}).items()
        ),
        tuple(_datasets(facet.inputs or ())),
    )


def _datasets(inputs: Iterable[facets.LineageInput]) -> Iterator[SourceField]:
    """Yield the inputs that are data sets: a job that made data itself has no fields."""
    for one in inputs:
        if one.type == facets.DATASET:
            hows = _transformations(one.transformations)
            yield _source(one.namespace, one.name, one.source_field, hows)


def _source(
    namespace: str | None, name: str | None, field: str | None, hows: tuple[Transformation, ...]
) -> SourceField:
    return SourceField(_key(namespace, name), None if field is None else _field(field), hows)


def _key(namespace: str | None, name: str | None) -> str:
    return dataset_identifier(namespace or "", name or "")


def _field(name: str) -> str:
    if not name:
        raise InvalidInputError("A field has no name")
    return name


def _hows(one: facets.InputField, made: facets.OutputField) -> tuple[Transformation, ...]:
    """Return an input's own transformations, else the one that early producers said of the field.

    What they could say, the same value or a masked one, goes into the field directly.
    """
    if one.transformations:
        return _transformations(one.transformations)
    kind, description = made.transformation_type, made.transformation_description
    if kind is None and description is None:
        return ()
    return (
        Transformation(
            type=None if kind is None else "DIRECT",
            subtype=kind,
            description=description,
            masking=True if kind == _MASKED else None,
        ),
    )


def _transformations(
    given: Iterable[facets.Transformation] | None,
) -> tuple[Transformation, ...]:
    return tuple(
        Transformation(
            type=one.type, subtype=one.subtype, description=one.description, masking=one.masking
        )
        for one in given or ()
    )
