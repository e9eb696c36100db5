"""The contracts as JSON Schemas (draft 2020-12), for programs in other languages.

What ``published_documents`` returns is kept in ``schemas/published/``, and a golden test compares
the two. A schema cannot say all that the log demands: lengths in bytes, what an identifier's
scheme allows and what a command needs are checked when a statement arrives.
"""

from __future__ import annotations

import json
from inspect import cleandoc
from typing import Any, Final

import msgspec
from msgspec import Struct

from lineage_schemas.columns import ColumnLineage
from lineage_schemas.declarations import DECLARATIONS_MAX, DeclarationFile
from lineage_schemas.entry import Envelope
from lineage_schemas.known_types.registry import KNOWN_TYPES
from lineage_schemas.known_types.spec import KnownType, PropertySpec
from lineage_schemas.limits import INT_MAX, INT_MIN, METRIC_SERIES_POINTS_MAX, STATEMENT_RECORDS_MAX
from lineage_schemas.records import Statement
from lineage_schemas.reports import Report
from lineage_schemas.row_mappings import RowMapping
from lineage_schemas.values import NON_FINITE

# A JSON Schema is a tree of any shape; it is only built here and written out.
Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
VERSION: Final = 1

_INT: Final[Schema] = {"type": "integer", "minimum": INT_MIN, "maximum": INT_MAX}
_NON_FINITE: Final[Schema] = {
    "type": "object",
    "properties": {"$float": {"enum": list(NON_FINITE)}},
    "required": ["$float"],
    "additionalProperties": False,
}
_DOUBLE: Final[Schema] = {"anyOf": [{"type": "number"}, _NON_FINITE]}
_STRUCT: Final[Schema] = {"type": "object", "propertyNames": {"pattern": r"^(?!\$)"}}
_PROTO: Final[Schema] = {
    "type": "object",
    "properties": {
        "$proto": {
            "type": "object",
            "properties": {
                "type_url": {"type": "string"},
                "value": {"type": "string", "contentEncoding": "base64"},
            },
            "required": ["type_url", "value"],
            "additionalProperties": False,
        }
    },
    "required": ["$proto"],
    "additionalProperties": False,
}
_VALUE: Final[Schema] = {
    "title": "Value",
    "description": (
        "What a property may hold. A list stands inside an object, such as {'items': [...]}; a "
        "whole number has 64 bits; null stands for cleared."
    ),
    "anyOf": [
        {"type": ["null", "boolean", "string"]},
        _DOUBLE,
        _STRUCT,
        _PROTO,
    ],
}
_BY_TYPE: Final[dict[str, Schema]] = {
    "INT": {"anyOf": [_INT, {"type": "null"}]},
    "DOUBLE": {"anyOf": [{"type": "number"}, _NON_FINITE, {"type": "null"}]},
    "STRING": {"type": ["string", "null"]},
    "STRUCT": {"anyOf": [_STRUCT, {"type": "null"}]},
    "PROTO": {"anyOf": [_PROTO, {"type": "null"}]},
    "BOOLEAN": {"type": ["boolean", "null"]},
}


def published_documents() -> dict[str, bytes]:
    """Return each published document by its file name; the same bytes each time."""
    return {
        "column-lineage.json": _written(_struct_document("column-lineage", ColumnLineage)),
        "declaration.json": _written(_declaration_document()),
        "envelope.json": _written(_struct_document("envelope", Envelope)),
        "known-types.json": _written(_known_types_document()),
        "report.json": _written(_struct_document("report", Report)),
        "row-mapping.json": _written(_struct_document("row-mapping", RowMapping)),
        "statement.json": _written(_statement_document()),
    }


def _written(document: Schema) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _head(name: str) -> Schema:
    return {"$schema": DIALECT, "$id": f"urn:lineage-ledger:schema:{name}:{VERSION}"}


def _struct_document(name: str, struct: type[Struct]) -> Schema:
    (root,), parts = msgspec.json.schema_components((struct,), ref_template="#/$defs/{name}")
    for part in parts.values():
        if "description" in part:
            part["description"] = cleandoc(part["description"])
    return _head(name) | root | {"$defs": dict(sorted(parts.items()))}


def _declaration_document() -> Schema:
    """Describe a declaration file: one declaration, a list of them, or an object that holds one."""
    document = _struct_document("declaration", DeclarationFile)
    parts: Schema = document.pop("$defs")
    file = {"$ref": document.pop("$ref")}
    one = {"$ref": "#/$defs/Declaration"}
    several = {
        "type": "array",
        "items": one,
        "minItems": 1,
        "maxItems": DECLARATIONS_MAX,
    }
    return document | {
        "title": "Declarations",
        "description": "What people declare of things: owners, purposes, approvals, incidents.",
        "anyOf": [one, several, file],
        "$defs": parts,
    }


def _statement_document() -> Schema:
    """Describe a statement, and what msgspec cannot know of it: values, and the two limits."""
    document = _struct_document("statement", Statement)
    parts: Schema = document["$defs"]
    for node in ("Artifact", "Context", "Execution"):
        for field in ("custom_properties", "properties"):
            parts[node]["properties"][field]["additionalProperties"] = {"$ref": "#/$defs/Value"}
    parts["MetricSeries"]["properties"]["points"]["maxItems"] = METRIC_SERIES_POINTS_MAX
    parts["Statement"]["properties"]["records"]["maxItems"] = STATEMENT_RECORDS_MAX
    parts["Value"] = _VALUE
    return document


def _known_types_document() -> Schema:
    """Describe each well-known type's declared properties, under ``KIND.NAME``."""
    types = {f"{known.kind}.{known.name}": _known_type(known) for known in KNOWN_TYPES}
    return _head("known-types") | {
        "title": "Well-known types",
        "description": (
            "The declared properties of each well-known type. 'x-personal' marks what names people "
            "and can be erased; 'x-id' is the id of the type in every namespace."
        ),
        "$defs": _BY_TYPE
        | {
            name: {"x-id": position, **schema}
            for position, (name, schema) in enumerate(types.items(), start=1)
        },
    }


def _known_type(known: KnownType) -> Schema:
    schema: Schema = {"title": known.name, "description": known.description}
    if known.base_type is not None:
        schema["x-base-type"] = known.base_type
    return schema | {
        "type": "object",
        "properties": {spec.name: _property(spec) for spec in known.properties},
        "additionalProperties": False,
    }


def _property(spec: PropertySpec) -> Schema:
    schema: Schema = {"$ref": f"#/$defs/{spec.type}", "description": spec.description}
    return schema | {"x-personal": True} if spec.personal else schema
