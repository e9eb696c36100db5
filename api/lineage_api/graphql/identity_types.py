"""What answers about identity look like in GraphQL. Each type shows a struct of ``identity``."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from lineage_api.graphql.fields import resolved
from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.types import (
    BasisType,
    RedactionType,
    ResolvedLabelType,
    ShownClass,
    TruncationType,
)
from lineage_schemas import graph, identity
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

strawberry.enum(identity.NameFound, description="How a name came to mean a node.")
strawberry.enum(
    identity.Relation, description="What two names have to do with each other, closest first."
)
strawberry.enum(
    identity.ApartBecause,
    description="What comes nearest to joining two nodes, or keeps them apart.",
)

HIDDEN = "How many more there are."
COMPLETE = "Whether nothing is unknown or was cut, and nothing is known to be missing."


@strawberry.type(name="NamedNode", description="A node by its kind, id and key.")
class NamedNodeType:
    """Shows ``lineage_schemas.identity.NamedNode``."""

    kind: Kind
    id: Int64 = strawberry.field(name="localId")
    key: str | None
    type: str | None


@strawberry.type(name="SaidClaim", description="What a source said last of one claim.")
class SaidClaimType:
    """Shows ``lineage_schemas.identity.SaidClaim``."""

    node: NamedNodeType
    identifier: str | None = strawberry.field(description="Null where it was erased.")

    @resolved(ShownClass, name="class")
    @staticmethod
    def link_class(claim: strawberry.Parent[identity.SaidClaim]) -> ShownClass:
        """Name the class."""
        return ShownClass(claim.link_class)

    source: str = strawberry.field(description="Who claims it; empty for a node's own key.")
    evidence: JSON
    stands: bool = strawberry.field(description="False where it was taken back.")
    position: Int64 = strawberry.field(description="The entry since which it is so.")
    recorded_at: datetime
    stated_at: datetime | None


@strawberry.type(
    name="JoinStep", description="A link between two nodes: the two claims to one identifier."
)
class JoinStepType:
    """Shows ``lineage_schemas.identity.JoinStep``."""

    link_class: LinkClass = strawberry.field(name="class")
    near: SaidClaimType
    far: SaidClaimType


@strawberry.type(name="ResolvedName", description="A name, and the nodes that it means.")
class ResolvedNameType:
    """Shows ``lineage_schemas.identity.ResolvedNode``."""

    name: str
    identifier: str
    found: identity.NameFound
    nodes: list[NamedNodeType]
    claims: list[SaidClaimType] = strawberry.field(description="By what it means them, if no key.")
    hidden: Int64 = strawberry.field(description=HIDDEN)
    label: ResolvedLabelType | None = strawberry.field(
        description="What was asked for, where that was no identifier."
    )


@strawberry.type(name="Apart", description="One reason why two names are not one.")
class ApartType:
    """Shows ``lineage_schemas.identity.Apart``."""

    reason: identity.ApartBecause
    steps: list[JoinStepType] = strawberry.field(
        description="They would join the two, if they might be crossed."
    )
    claims: list[SaidClaimType]
    hidden: Int64 = strawberry.field(description=HIDDEN)
    evidence: JSON
    direction: graph.Direction | None
    distance: int | None = strawberry.field(description="In lineage edges, from the first name.")


@strawberry.type(
    name="WhyAnswer", description="Why two names mean one thing, or what comes nearest to that."
)
class WhyAnswerType:
    """Shows ``lineage_schemas.identity.WhyAnswer``."""

    basis: BasisType
    one: ResolvedNameType
    other: ResolvedNameType
    relation: identity.Relation
    link_class: LinkClass | None = strawberry.field(
        name="class", description="Of the weakest claim in the chain."
    )
    steps: list[JoinStepType] = strawberry.field(
        description="The strongest chain of links there is, and of those the shortest."
    )
    apart: list[ApartType] = strawberry.field(description="What is nearest, where there is none.")
    conflicts: list[graph.ConflictKind] = strawberry.field(
        description="In what the entity contradicts itself."
    )
    truncations: list[TruncationType]
    redactions: list[RedactionType]
    complete: bool = strawberry.field(description=COMPLETE)


@strawberry.type(name="ConflictSide", description="One of what contradict each other.")
class ConflictSideType:
    """Shows ``lineage_schemas.identity.ConflictSide``."""

    value: str
    nodes: list[NamedNodeType]
    sources: list[str]
    claims: list[SaidClaimType]
    hidden: Int64 = strawberry.field(description=HIDDEN)


@strawberry.type(
    name="Conflict",
    description="What cannot all be true of one entity. Its links stand, and answers stay.",
)
class ConflictType:
    """Shows ``lineage_schemas.identity.Conflict``."""

    kind: graph.ConflictKind
    entity: list[NamedNodeType] = strawberry.field(description="Its first members.")
    about: str = strawberry.field(description="An algorithm, an identifier, or a property.")
    sides: list[ConflictSideType]
    steps: list[JoinStepType] = strawberry.field(
        description="The links that join the first side to the second."
    )
    asked: list[str] = strawberry.field(description="The sources that can take a claim back.")
    advice: str
    members: Int64 = strawberry.field(description="How many members the entity has.")
    hidden: Int64 = strawberry.field(description="How many more sides there are.")


@strawberry.type(
    name="ConflictPage", description="One page of conflicts. It may be short and not the last."
)
class ConflictPageType:
    """Shows ``lineage_schemas.identity.ConflictPage``."""

    basis: BasisType
    conflicts: list[ConflictType]
    cursor: str | None = strawberry.field(
        description="Asks for the next page as `after`; null: this is the last."
    )
    truncations: list[TruncationType]
    redactions: list[RedactionType]
    complete: bool = strawberry.field(description=COMPLETE)
    label: ResolvedLabelType | None = strawberry.field(
        description="What was asked for, where that was no identifier."
    )
