"""Data sets that runs have logged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.connectors.mlflow.keys import dataset_in_experiment, dataset_key
from lineage.connectors.mlflow.saying import Saying, json_object, objects, table
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.mlmd import Artifact, Event, EventKind, Kind
from lineage_schemas.outside.mlflow import Dataset, Run
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

DATASET_TYPE: Final = "lineage.DataSet"
CONTEXT_TAG: Final = "mlflow.data.context"

SOURCE_URI_CLASS: Final = LinkClass.DERIVED
"""An address says where the data lay, and not which version of it: two data sets of one address may
have nothing in common but their place. An asserted link would make them one."""

_URI_FIELDS: Final = ("uri", "url", "path")
_LOCAL: Final = frozenset({"file", "dbfs", "mlflow-artifacts", "runs", "models"})
"""Schemes whose addresses mean another thing on another machine or server."""


def say_dataset_inputs(server: str, run: Run, run_node: str) -> Iterator[AnyRecord]:
    """Yield the data sets that a run has read, with what each was read for."""
    for given in run.dataset_inputs:
        dataset = given.dataset
        key = dataset_key(server, dataset)
        yield Artifact(**_dataset(key, dataset).fields(), uri=_uri_text(dataset))
        yield from _claims(server, run.experiment_id, key, dataset)
        role = given.tags.get(CONTEXT_TAG)
        yield Event(
            artifact=key,
            execution=run_node,
            kind=EventKind.INPUT,
            path=(role,) if role else (),
        )


def _dataset(key: str, dataset: Dataset) -> Saying:
    saying = Saying(key, DATASET_TYPE)
    profile = json_object(dataset.profile)
    source = json_object(dataset.source)
    saying.put(
        display_name=dataset.name,
        source_type="dataset",
        source=dataset.source_type,
        source_uri=_uri_text(dataset),
        version=_table_version(source) or dataset.digest,
        schema=_schema(dataset.schema),
        row_count=_count(profile.get("num_rows")),
    )
    saying.keep(
        {
            "digest": dataset.digest,
            "source": table(source) if source else dataset.source,
            "profile": table(profile),
        }
    )
    return saying


def _claims(
    server: str, experiment_id: str | None, key: str, dataset: Dataset
) -> Iterator[AnyRecord]:
    if experiment_id is not None:
        identifier = dataset_in_experiment(server, experiment_id, dataset.name, dataset.digest)
        evidence: dict[str, JsonValue] = {"field": "dataset_inputs"}
        yield _claim(key, identifier, LinkClass.ASSERTED, evidence)
    source = json_object(dataset.source)
    uri = _global_uri(_uri_text(dataset))
    if uri is not None:
        yield _claim(key, uri, SOURCE_URI_CLASS, {"field": "dataset.source"})
    table_id, version = source.get("delta_table_id"), _table_version(source)
    if isinstance(table_id, str) and table_id and version is not None:
        identifier = f"delta:{table_id}/{version}"
        yield _claim(key, identifier, LinkClass.ASSERTED, {"field": "dataset.source"})


def _claim(
    node: str, identifier: str, link_class: LinkClass, evidence: dict[str, JsonValue]
) -> Claim:
    return Claim(
        kind=Kind.ARTIFACT,
        node=node,
        identifier=identifier,
        link_class=link_class,
        evidence=evidence,
    )


def _uri_text(dataset: Dataset) -> str | None:
    source = json_object(dataset.source)
    for name in _URI_FIELDS:
        text = source.get(name)
        if isinstance(text, str) and text and len(text) < _URI_CHARACTERS_MAX:
            return text
    return None


_URI_CHARACTERS_MAX: Final = 1_000


def _global_uri(text: str | None) -> str | None:
    """Return the identifier of an address that means the same everywhere."""
    if text is None or "://" not in text or text.partition(":")[0].lower() in _LOCAL:
        return None
    try:
        return normalise_identifier(f"uri:{text}")
    except LedgerError:
        return None


def _table_version(source: dict[str, JsonValue]) -> str | None:
    version = source.get("delta_table_version")
    return str(version) if isinstance(version, int | str) and version != "" else None


def _schema(text: str | None) -> JsonValue:
    columns = objects(json_object(text).get("mlflow_colspec"))
    if not columns:
        return None
    return {"items": [_column(column) for column in columns]}


def _column(column: dict[str, JsonValue]) -> dict[str, JsonValue]:
    required = column.get("required")
    return {
        **column,
        **({"nullable": not required} if isinstance(required, bool) else {}),
    }


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
