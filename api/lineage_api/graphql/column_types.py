"""What column lineage looks like in GraphQL. Each type shows a struct of ``columns`` as it is."""

from __future__ import annotations

from typing import Annotated

import strawberry

from lineage_api.graphql.fields import resolved
from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.types import (
    BasisType,
    LinkType,
    NodeType,
    RedactionType,
    ResolvedLabelType,
    TruncationType,
)
from lineage_schemas import graph
from lineage_schemas.columns import ColumnsAnswer

FieldArgument = Annotated[
    str | None,
    strawberry.argument(description="The name of one field; left out, every field."),
]


@strawberry.type(
    name="Column", description="A field of a data set; without a field: the data set as a whole."
)
class ColumnType:
    """Shows ``lineage_schemas.columns.Column``."""

    dataset: str = strawberry.field(description="The key of one of the answer's data sets.")
    field: str | None
    type: str | None = strawberry.field(description="What the data set's schema says.")
    in_schema: bool = strawberry.field(
        description="False for a field that column lineage names and no schema has."
    )
    depth: int = strawberry.field(description="Steps from the nearest start, field by field.")


@strawberry.type(name="Transformation", description="How a field goes into what is made of it.")
class TransformationType:
    """Shows ``lineage_schemas.columns.Transformation``."""

    type: str | None = strawberry.field(
        description="DIRECT where its values go in, INDIRECT where they only decide."
    )
    subtype: str | None
    description: str | None
    masking: bool | None


@strawberry.type(
    name="ColumnEdge",
    description="One field was made from another; without a field: from, or into, the whole.",
)
class ColumnEdgeType:
    """Shows ``lineage_schemas.columns.ColumnEdge``."""

    from_dataset: str
    from_field: str | None
    to_dataset: str
    to_field: str | None
    transformations: list[TransformationType]
    executions: list[Int64] = strawberry.field(description="Those that say so, by local id.")


@strawberry.type(name="DatasetMembers", description="The nodes that are one data set.")
class DatasetMembersType:
    """The nodes behind the key of a data set."""

    dataset: str
    members: list[Int64]


@strawberry.type(
    name="ColumnsAnswer", description="A bounded piece of column lineage: what is cut says so."
)
class ColumnsAnswerType:
    """Shows ``lineage_schemas.columns.ColumnsAnswer``."""

    basis: BasisType
    direction: graph.Direction
    dataset: str
    field: str | None
    columns: list[ColumnType] = strawberry.field(
        description="Nearest first, then by data set and name."
    )
    edges: list[ColumnEdgeType]
    datasets: list[NodeType] = strawberry.field(
        description="One for each entity, with the least key of its members; without properties."
    )
    executions: list[NodeType] = strawberry.field(
        description="Those that the edges name, without properties."
    )

    @resolved(list[DatasetMembersType], "The data sets that are several nodes.")
    @staticmethod
    def members(answer: strawberry.Parent[ColumnsAnswer]) -> list[DatasetMembersType]:
        """List the table of members."""
        return [
            DatasetMembersType(dataset=key, members=[Int64(one) for one in members])
            for key, members in answer.members.items()
        ]

    links: list[LinkType] = strawberry.field(description="What joins these nodes.")
    truncations: list[TruncationType]
    stubs: int = strawberry.field(description="How many of the data sets nobody has described.")
    unread: int = strawberry.field(
        description="What executions say about columns that is not of the form."
    )
    redacted: int = strawberry.field(description="What was erased of what they say.")
    undated: int = strawberry.field(
        description="Edges counted in for a valid time though nobody dated one of them."
    )
    unknown: list[str]
    not_begun: list[str] = strawberry.field(
        description="The data set, where it is only stated to have been there after the valid time."
    )
    complete: bool
    redactions: list[RedactionType]
    label: ResolvedLabelType | None
