"""A node as it is being said: properties and facets gathered, then made into one record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from msgspec import Struct

from lineage.connectors.openlineage.facets import KeptFacet, is_deleted, keep_facet
from lineage.connectors.openlineage.known import Filling
from lineage.connectors.openlineage.naming import (
    NOT_UNDERSTOOD,
    PRODUCER,
    SCHEMA_URL,
    dataset_facet_property,
    facet_property,
)
from lineage_schemas.outside.openlineage import AnyEvent, Facets
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue


class Said(Struct, frozen=True):
    """What was made of one message, or of a part of it."""

    records: tuple[AnyRecord, ...]
    flags: tuple[str, ...]


class NodeFields(TypedDict):
    """What every kind of node record takes."""

    key: str
    type: str
    properties: dict[str, JsonValue]
    custom_properties: dict[str, JsonValue]
    personal: tuple[str, ...]


class Saying(Struct):
    """What one message says of one node."""

    key: str
    type: str
    properties: dict[str, JsonValue] = {}
    custom: dict[str, JsonValue] = {}
    flags: set[str] = set()
    """Custom properties that are true because something irregular was taken."""

    misread: list[str] = []
    """Facets that are kept, but were not understood."""

    personal: set[str] = set()

    def facets(self, facets: Facets | None, fillings: Mapping[str, Filling]) -> None:
        """Keep each facet whole, and fill the properties that it fills."""
        for name, facet in (facets or {}).items():
            slot, is_named = facet_property(name)
            self._keep(slot, name, facet, None if is_named else {"facet": name})
        self.fill(facets, fillings)

    def dataset_facets(self, direction: str, dataset: str, facets: Facets | None) -> None:
        """Keep the facets of one reading or writing of a data set."""
        for name, facet in (facets or {}).items():
            slot, is_named = dataset_facet_property(direction, dataset, name)
            self._keep(slot, name, facet, None if is_named else {"dataset": dataset, "facet": name})

    def fill(self, facets: Facets | None, fillings: Mapping[str, Filling]) -> None:
        """Fill the properties that the facets fill, without keeping the facets.

        In the order of the table, since a later facet may say the same better.
        """
        given = facets or {}
        for name, filling in fillings.items():
            facet = given.get(name)
            if is_deleted(facet):
                self.properties |= dict.fromkeys(filling.names)
            elif isinstance(facet, dict):
                self._read(filling, keep_facet(name, facet))

    def _read(self, filling: Filling, kept: KeptFacet) -> None:
        if kept.plain is None:
            return
        for slot, value in filling.read(kept.plain):
            self.properties[slot] = value
            if kept.is_personal:
                self.personal.add(slot)

    def _keep(
        self, slot: str, name: str, facet: JsonValue, beside: dict[str, JsonValue] | None
    ) -> None:
        if facet is None:
            return
        if is_deleted(facet):
            self.custom[slot] = None
            return
        kept = keep_facet(name, facet, beside)
        slot = _free(slot, self.custom, kept.value)
        self.custom[slot] = kept.value
        self.flags.update(kept.flags)
        if kept.is_personal:
            self.personal.add(slot)

    def source(self, event: AnyEvent) -> None:
        """Keep who sent the message, and by which schema."""
        if event.producer is not None:
            self.custom[PRODUCER] = event.producer
        if event.schema_url is not None:
            self.custom[SCHEMA_URL] = event.schema_url

    def all_flags(self) -> tuple[str, ...]:
        """Name what was irregular and yet taken."""
        return (*sorted(self.flags), *((NOT_UNDERSTOOD,) if self.misread else ()))

    def fields(self) -> NodeFields:
        """Return what the node's record is made of, flags included."""
        custom = {**self.custom, **dict.fromkeys(sorted(self.flags), True)}
        if self.misread:
            custom[NOT_UNDERSTOOD] = {"items": list(self.misread)}
        return NodeFields(
            key=self.key,
            type=self.type,
            properties=self.properties,
            custom_properties=custom,
            personal=tuple(sorted(self.personal)),
        )


def _free(slot: str, taken: dict[str, JsonValue], value: JsonValue) -> str:
    """Return ``slot``, numbered where a data set that is listed twice has said something else."""
    name, number = slot, 1
    while name in taken and taken[name] != value:
        number += 1
        name = f"{slot}#{number}"
    return name
