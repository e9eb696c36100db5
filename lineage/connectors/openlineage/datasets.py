"""Data sets: their nodes, and what else they are called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.openlineage.facets import is_deleted
from lineage.connectors.openlineage.known import DATASET, written_whole
from lineage.connectors.openlineage.saying import Saying
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.identifiers import dataset_identifier
from lineage_schemas.mlmd import Artifact, Kind
from lineage_schemas.outside.openlineage import (
    Dataset,
    DatasetEvent,
    OutputDataset,
    SymlinksFacet,
)
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

DATASET_TYPE: Final = "lineage.DataSet"
SYMLINKS: Final = "symlinks"


class SaidDataset(Struct, frozen=True):
    """What is said of one data set: its key, its record and the claims to its other names."""

    key: str
    records: tuple[AnyRecord, ...]
    flags: tuple[str, ...]


def say_dataset(dataset: Dataset, path: str, event: DatasetEvent | None = None) -> SaidDataset:
    """Say a data set with its facets; ``event`` is the message, where it is all about this one.

    Raises:
        InvalidInputError: its namespace or name cannot be kept; names ``path``.
    """
    key = _key(dataset.namespace, dataset.name, path)
    saying = Saying(key, DATASET_TYPE)
    if event is not None:
        saying.source(event)
    saying.properties["display_name"] = dataset.name
    saying.facets(dataset.facets, DATASET)
    if isinstance(dataset, OutputDataset):
        saying.properties |= written_whole(dataset.facets or {}, dataset.output_facets or {})
    claims = tuple(_claims(saying, (dataset.facets or {}).get(SYMLINKS)))
    return SaidDataset(key, (Artifact(**saying.fields()), *claims), saying.all_flags())


def say_datasets(datasets: Sequence[Dataset] | None, field: str) -> list[SaidDataset]:
    """Say each data set of a list, in its order."""
    return [
        say_dataset(dataset, f"$.{field}[{index}]") for index, dataset in enumerate(datasets or ())
    ]


def _key(namespace: str, name: str, path: str) -> str:
    try:
        return dataset_identifier(namespace, name)
    except LedgerError as error:
        raise error.at(path) from error


def _claims(saying: Saying, facet: JsonValue) -> Iterator[Claim]:
    """Yield an asserted claim for each other name; what is no list of names is flagged."""
    if facet is None or is_deleted(facet):
        return
    try:
        links = msgspec.convert(facet, SymlinksFacet).identifiers or []
        identifiers = [dataset_identifier(link.namespace, link.name) for link in links]
    except (msgspec.ValidationError, InvalidInputError):
        saying.misread.append(SYMLINKS)
        return
    producer = facet.get("_producer") if isinstance(facet, dict) else None
    for link, identifier in zip(links, identifiers, strict=True):
        if identifier != saying.key:
            evidence: dict[str, JsonValue] = {"facet": SYMLINKS}
            if isinstance(producer, str):
                evidence["producer"] = producer
            if link.type is not None:
                evidence["type"] = link.type
            yield Claim(
                kind=Kind.ARTIFACT,
                node=saying.key,
                identifier=identifier,
                link_class=LinkClass.ASSERTED,
                evidence=evidence,
            )
