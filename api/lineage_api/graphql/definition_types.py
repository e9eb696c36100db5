"""Types as GraphQL shows them: what a namespace knows by name, and what properties they declare."""

from __future__ import annotations

from typing import NamedTuple

import strawberry

from lineage_api.graphql.fields import resolved
from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.types import BasisType
from lineage_schemas import graph
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import PropertyType


class PropertyOfType(NamedTuple):
    """A property that a type declares."""

    name: str
    type: PropertyType


@strawberry.type(name="PropertyDefinition", description="A property that a type declares.")
class PropertyDefinitionType:
    """Shows ``PropertyOfType``."""

    name: str
    type: PropertyType


@strawberry.type(name="TypeDefinition", description="A type of artifacts, executions or contexts.")
class TypeDefinitionType:
    """Shows ``lineage_schemas.graph.TypeView``."""

    kind: Kind

    @resolved(Int64)
    @staticmethod
    def local_id(row: strawberry.Parent[graph.TypeView]) -> int:
        """Return our id, as of a node."""
        return row.id

    @resolved(str)
    @staticmethod
    def name(row: strawberry.Parent[graph.TypeView]) -> str:
        """Return the name."""
        return row.type.name

    @resolved(str | None)
    @staticmethod
    def version(row: strawberry.Parent[graph.TypeView]) -> str | None:
        """Return the version."""
        return row.type.version

    @resolved(str | None)
    @staticmethod
    def description(row: strawberry.Parent[graph.TypeView]) -> str | None:
        """Return the description."""
        return row.type.description

    @resolved(str | None, "One of ML Metadata's nine system types.")
    @staticmethod
    def base_type(row: strawberry.Parent[graph.TypeView]) -> str | None:
        """Return the base type."""
        return row.type.base_type

    @resolved(list[PropertyDefinitionType])
    @staticmethod
    def properties(row: strawberry.Parent[graph.TypeView]) -> list[PropertyOfType]:
        """List the declared properties."""
        return [PropertyOfType(name, kind) for name, kind in row.type.properties.items()]


@strawberry.type(name="Types", description="The types of a namespace.")
class TypesAnswerType:
    """Shows ``lineage_schemas.graph.TypesAnswer``."""

    basis: BasisType
    types: list[TypeDefinitionType]
