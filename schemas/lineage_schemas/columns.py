"""Column lineage: how an execution states it, and what answers about it look like.

An execution says of each data set it wrote which fields were made from which. It is a custom
property, one for each output, named by ``columns_property`` and of the form ``ColumnLineage``,
which is published as ``column-lineage.json``: whoever can state a property can state this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lineage_schemas.basis import Basis
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction, Link, Node, Redaction, ResolvedLabel, Truncation
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.limits import NAME_BYTES_MAX
from lineage_schemas.values import JsonValue

COLUMNS_PREFIX: Final = "columns/"
"""What the names of the custom properties begin with that hold column lineage."""


class Transformation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a field goes into what is made of it.

    ``type`` is ``DIRECT`` where its values do, ``INDIRECT`` where they only decide, as in a filter,
    a join or a sort. ``masking``: whether they can no longer be told from what was made.
    """

    type: str | None = None
    subtype: str | None = None
    description: str | None = None
    masking: bool | None = None


class SourceField(Struct, frozen=True, omit_defaults=True):
    """A field of a data set that something was made from; without ``field``: all of the data set.

    ``dataset`` is the data set's key.
    """

    dataset: str
    field: str | None = None
    transformations: tuple[Transformation, ...] = ()


class MadeField(Struct, frozen=True):
    """A field of an output, and what it was made from."""

    field: str
    inputs: tuple[SourceField, ...]


class ColumnLineage(Struct, frozen=True, omit_defaults=True):
    """What one execution made the fields of one data set from.

    ``output`` is the data set's key. ``dataset`` lists what all of it depends on, whichever field:
    what rows were filtered, joined or sorted by.
    """

    output: str
    fields: tuple[MadeField, ...] = ()
    dataset: tuple[SourceField, ...] = ()

    @property
    def sources(self) -> frozenset[str]:
        """The keys of the data sets that it was made from."""
        made = (one.dataset for field in self.fields for one in field.inputs)
        return frozenset((*made, *(one.dataset for one in self.dataset)))


def columns_property(output: str) -> str:
    """Name the custom property for the output with this key; what does not fit is a UUID."""
    name = COLUMNS_PREFIX + output
    if len(name.encode()) <= NAME_BYTES_MAX:
        return name
    return f"{COLUMNS_PREFIX}{uuid5(NAMESPACE_URL, output)}"


def columns_value(said: ColumnLineage) -> JsonValue:
    """Return the property's value: what is said twice is there once, in the order of its bytes."""
    fields: dict[str, list[SourceField]] = {}
    for made in said.fields:
        fields.setdefault(made.field, []).extend(made.inputs)
    tidied = ColumnLineage(
        said.output,
        tuple(MadeField(name, _tidied(fields[name])) for name in sorted(fields)),
        _tidied(said.dataset),
    )
    value: JsonValue = msgspec.json.decode(encode_json(tidied))
    return value


def read_columns(value: JsonValue) -> ColumnLineage | None:
    """Return what a property's value says, with keys in their normal form; ``None``: it is not so.

    A field that nobody named says nothing: an empty name is not of the form.
    """
    try:
        said = msgspec.convert(value, ColumnLineage, strict=True)
        return ColumnLineage(
            normalise_identifier(said.output),
            tuple(MadeField(_name(one.field), _normal(one.inputs)) for one in said.fields),
            _normal(said.dataset),
        )
    except (msgspec.ValidationError, InvalidInputError):
        return None


def column_values(custom_properties: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return those of a node's custom properties that hold column lineage, by name."""
    return {
        name: value
        for name, value in custom_properties.items()
        if name.startswith(COLUMNS_PREFIX) and value is not None
    }


def _name(field: str) -> str:
    if not field:
        raise InvalidInputError("A field has a name")
    return field


def _normal(inputs: Iterable[SourceField]) -> tuple[SourceField, ...]:
    return tuple(
        replace(
            one,
            dataset=normalise_identifier(one.dataset),
            field=None if one.field is None else _name(one.field),
        )
        for one in inputs
    )


def _tidied(inputs: Iterable[SourceField]) -> tuple[SourceField, ...]:
    joined: dict[tuple[str, str, bool], dict[bytes, Transformation]] = {}
    for one in inputs:
        place = joined.setdefault((one.dataset, one.field or "", one.field is None), {})
        place.update((encode_json(how), how) for how in one.transformations)
    return tuple(
        SourceField(dataset, None if is_whole else field, tuple(hows[how] for how in sorted(hows)))
        for (dataset, field, is_whole), hows in sorted(joined.items())
    )


class Column(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field of a data set; without ``field``: the data set as a whole.

    ``dataset`` is the key that the data set has among ``datasets`` of the answer. ``type`` is what
    its schema says; ``in_schema`` is false for a field that column lineage names and no schema has.
    ``depth`` counts the steps from one field to the next, from the nearest start.
    """

    dataset: str
    field: str | None
    type: str | None = None
    in_schema: bool = False
    depth: int = 0


class ColumnEdge(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field was made from another: ``to_field`` of ``to_dataset`` from ``from_field``.

    No ``from_field``: from the data set as a whole. No ``to_field``: every field depends on it, as
    on a filter. ``executions`` are those that say so, by id.
    """

    from_dataset: str
    from_field: str | None
    to_dataset: str
    to_field: str | None
    transformations: tuple[Transformation, ...] = ()
    executions: tuple[int, ...]


class ColumnsAnswer(Struct, frozen=True, kw_only=True):
    """A bounded piece of column lineage.

    ``columns`` come nearest first, then by data set and name; ``edges`` by their ends. ``datasets``
    are what the columns are of: one node for each entity, with the least key of its members, its
    values merged and without its properties; ``members`` are the ids behind those keys, where they
    are several, and ``links`` what joins them. ``executions`` are those that the edges name, also
    without properties.

    ``stubs`` counts the data sets that nobody has described. ``unread`` counts what executions say
    about columns and is not of the form, ``redacted`` what was erased of it. ``undated`` counts the
    edges that are counted in for a valid time though nobody dated one of their executions.
    ``not_begun`` names the data set that is only stated to have been there after the valid time.
    ``unknown`` names the data set that was asked about, where the log has not heard of it, or else
    the field, where no schema has it and no step names it.
    """

    basis: Basis
    direction: Direction
    dataset: str
    field: str | None
    columns: tuple[Column, ...]
    edges: tuple[ColumnEdge, ...]
    datasets: tuple[Node, ...]
    executions: tuple[Node, ...] = ()
    members: dict[str, tuple[int, ...]] = {}
    links: tuple[Link, ...] = ()
    truncations: tuple[Truncation, ...] = ()
    stubs: int = 0
    unread: int = 0
    redacted: int = 0
    undated: int = 0
    unknown: tuple[str, ...] = ()
    not_begun: tuple[str, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        is_cut = self.truncations or self.unread
        return not self.unknown and not is_cut and self.basis.complete
