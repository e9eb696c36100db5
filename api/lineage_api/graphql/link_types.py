"""What lists of links look like in GraphQL. Each type shows a struct of ``linking`` as it is."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.types import BasisType, NodeType, RedactionType, ResolvedLabelType
from lineage_schemas import linking
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

strawberry.enum(linking.UnresolvedReason, description="Why a thing is unresolved.")
strawberry.enum(linking.ReferenceKind, description="How one thing refers to another.")


@strawberry.type(
    name="Joined", description="A node that a link joins, by the weaker of the two claims."
)
class JoinedType:
    """Shows ``lineage_schemas.linking.Joined``."""

    kind: Kind
    id: Int64 = strawberry.field(name="localId")
    key: str | None
    link_class: LinkClass = strawberry.field(name="class")


@strawberry.type(name="ListedLink", description="A claim as it stands, and what it joins.")
class ListedLinkType:
    """Shows ``lineage_schemas.linking.ListedLink``."""

    kind: Kind
    id: Int64 = strawberry.field(name="localId")
    key: str | None
    type: str | None
    identifier: str | None = strawberry.field(description="Null where it was erased.")
    link_class: LinkClass = strawberry.field(name="class")
    source: str = strawberry.field(description="Who claims it.")
    evidence: JSON
    stated_at: datetime | None
    joined: list[JoinedType] = strawberry.field(
        description="The first other nodes of the identifier; none: the other side may yet come."
    )
    hidden: Int64 = strawberry.field(description="How many more it joins.")


@strawberry.type(name="LinkPage", description="One page of links; all pages are of one size.")
class LinkPageType:
    """Shows ``lineage_schemas.linking.LinkPage``."""

    basis: BasisType
    links: list[ListedLinkType]
    cursor: str | None = strawberry.field(
        description="Asks for the next page as `after`; null: this is the last."
    )
    complete: bool = strawberry.field(description="False when something is known to be missing.")
    redactions: list[RedactionType]
    label: ResolvedLabelType | None = strawberry.field(
        description="What was asked for, where that was no identifier."
    )


@strawberry.type(name="Reference", description="A source refers to a thing, so many times.")
class ReferenceType:
    """Shows ``lineage_schemas.linking.Reference``."""

    source: str
    kind: linking.ReferenceKind
    count: Int64


@strawberry.type(
    name="Guess", description="What a thing may be the same as, and why. It is never crossed."
)
class GuessType:
    """Shows ``lineage_schemas.linking.Guess``."""

    kind: Kind
    id: Int64 = strawberry.field(name="localId")
    key: str | None
    type: str | None
    evidence: JSON


@strawberry.type(
    name="Unresolved", description="A thing that nobody has joined to what it is elsewhere."
)
class UnresolvedType:
    """Shows ``lineage_schemas.linking.Unresolved``."""

    reason: linking.UnresolvedReason
    node: NodeType
    references: list[ReferenceType] = strawberry.field(description="Who refers to it, by source.")
    uncounted: Int64 = strawberry.field(description="References that were not looked at.")
    guesses: list[GuessType] = strawberry.field(description="Best first.")
    hidden: Int64 = strawberry.field(description="How many more guesses there are.")


@strawberry.type(
    name="UnresolvedPage",
    description="One page of what is unresolved. It may be short and not the last.",
)
class UnresolvedPageType:
    """Shows ``lineage_schemas.linking.UnresolvedPage``."""

    basis: BasisType
    things: list[UnresolvedType]
    cursor: str | None = strawberry.field(
        description="Asks for the next page as `after`; null: this is the last."
    )
    complete: bool = strawberry.field(description="False when something is known to be missing.")
    redactions: list[RedactionType]
    label: ResolvedLabelType | None = strawberry.field(
        description="What was asked for, where that was no identifier."
    )
