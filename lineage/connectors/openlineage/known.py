"""What facets say in the words of the well-known types, where the two mean the same.

Each table tells, for one kind of node, which facet fills which properties. Readers are tolerant: a
facet that is not shaped as its specification says fills nothing, and is kept whole all the same.
A facet that only nearly fits fills nothing either: nominal time is no start, rows read are not the
rows of the data set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from lineage_schemas.limits import INT_MAX
from lineage_schemas.values import JsonValue

Facet = dict[str, JsonValue]
Properties = dict[str, JsonValue]


class Filling(Struct, frozen=True):
    """How one facet fills properties; ``names`` are all those that it may fill."""

    names: tuple[str, ...]
    read: Callable[[Facet], Iterator[tuple[str, JsonValue]]]


_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_WHOLE_WRITES: Final = frozenset({"CREATE", "OVERWRITE"})


def _texts(**names: str) -> Filling:
    """Copy texts: the property's name, and the facet's field."""

    def read(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
        for name, field in names.items():
            text = _text(facet.get(field))
            if text:
                yield name, text

    return Filling(tuple(names), read)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _whole(facet: Facet, name: str, field: str) -> Iterator[tuple[str, JsonValue]]:
    number = facet.get(field)
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= INT_MAX:
        yield name, number


def _struct(facet: Facet, name: str, field: str) -> Iterator[tuple[str, JsonValue]]:
    table = facet.get(field)
    if isinstance(table, dict) and not any(key.startswith("$") for key in table):
        yield name, table


def _objects(value: JsonValue) -> list[Facet]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _by_key(facet: Facet, name: str, field: str) -> Iterator[tuple[str, JsonValue]]:
    """Turn a list of objects with key and value into a table; what is about a field stays out."""
    table: dict[str, JsonValue] = {
        key: item.get("value")
        for item in _objects(facet.get(field))
        if (key := _text(item.get("key"))) and not key.startswith("$") and "field" not in item
    }
    if table:
        yield name, table


def _tags(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    yield from _by_key(facet, "tags", "tags")


def _owner(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    names = [name for item in _objects(facet.get("owners")) if (name := _text(item.get("name")))]
    if names:
        yield "owner", ", ".join(names)


def _engine(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    name, version = _text(facet.get("name")), _text(facet.get("version"))
    if name.lower() == "python" and version:
        yield "python_version", version
    elif name and version and not name.startswith("$"):
        yield "library_versions", {name: version}


def _parameters(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    yield from _by_key(facet, "hyperparameters", "parameters")


def _hyperparameters(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    yield from _struct(facet, "hyperparameters", "parameters")


def _metrics(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    yield from _struct(facet, "metrics", "values")


def _code(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    version = _text(facet.get("version"))
    if facet.get("type") == "git" and _COMMIT.fullmatch(version):
        yield "code_commit", version.lower()
    yield from _CODE_TEXTS.read(facet)


def _schema(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    fields = facet.get("fields")
    if isinstance(fields, list) and fields:
        yield "schema", {"items": fields}
        yield "feature_count", len(fields)


def _quality(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    yield from _whole(facet, "row_count", "rowCount")
    yield from _whole(facet, "size_bytes", "bytes")
    yield from _whole(facet, "file_count", "fileCount")
    yield from _struct(facet, "feature_statistics", "columnMetrics")


def _checks(facet: Facet) -> Iterator[tuple[str, JsonValue]]:
    checks = facet.get("assertions")
    if isinstance(checks, list) and checks:
        yield "quality_checks", {"items": checks}


_CODE_TEXTS: Final = _texts(code_repository="repoUrl", code_branch="branch", entry_point="path")
_DOCUMENTATION: Final = _texts(description="description")
_TAGS: Final = Filling(("tags",), _tags)
_OWNER: Final = Filling(("owner",), _owner)

RUN: Final = {
    "processing_engine": Filling(("python_version", "library_versions"), _engine),
    "executionParameters": Filling(("hyperparameters",), _parameters),
    "errorMessage": _texts(error="message"),
    "tags": _TAGS,
    # No standard facets, but what scripts that train send; the first has types, so it comes last.
    "hyperparameters": Filling(("hyperparameters",), _hyperparameters),
    "metrics": Filling(("metrics",), _metrics),
}
"""Run facets, for ``lineage.Run``."""

RUN_BY_JOB: Final = {
    "sourceCodeLocation": Filling(("code_commit", *_CODE_TEXTS.names), _code),
}
"""Job facets that tell of the run in whose message they came, for ``lineage.Run``."""

JOB: Final = {
    "documentation": _DOCUMENTATION,
    "jobType": _texts(source_type="jobType"),
    "ownership": _OWNER,
    "sourceCodeLocation": _texts(definition_uri="url", version="version"),
    "tags": _TAGS,
}
"""Job facets, for ``lineage.Pipeline``."""

DATASET: Final = {
    "dataQualityAssertions": Filling(("quality_checks",), _checks),
    "dataQualityMetrics": Filling(
        ("row_count", "size_bytes", "file_count", "feature_statistics"), _quality
    ),
    "dataSource": _texts(source="name", source_uri="uri"),
    "datasetType": _texts(source_type="datasetType"),
    "documentation": _DOCUMENTATION,
    "ownership": _OWNER,
    "schema": Filling(("schema", "feature_count"), _schema),
    "storage": _texts(format="fileFormat"),
    "tags": _TAGS,
    "version": _texts(version="datasetVersion"),
}
"""Dataset facets, for ``lineage.DataSet``."""


def written_whole(facets: dict[str, JsonValue], output_facets: dict[str, JsonValue]) -> Properties:
    """Return the size of a data set that a run wrote anew; rows added to one say nothing of it."""
    change, written = facets.get("lifecycleStateChange"), output_facets.get("outputStatistics")
    if not isinstance(change, dict) or not isinstance(written, dict):
        return {}
    if change.get("lifecycleStateChange") not in _WHOLE_WRITES:
        return {}
    return dict(
        (
            *_whole(written, "row_count", "rowCount"),
            *_whole(written, "size_bytes", "size"),
            *_whole(written, "file_count", "fileCount"),
        )
    )
