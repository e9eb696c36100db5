"""What sources look like in GraphQL."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import strawberry
from strawberry.scalars import JSON

from lineage_api.graphql.fields import resolved
from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.types import BasisType
from lineage_schemas.sources import SourceView


class SourceCount(NamedTuple):
    """How much of a kind there was at a source, and how much of that was here."""

    kind: str
    there: int
    here: int


@strawberry.type(
    name="SourceCount",
    description="How many things of a kind a source showed, and how many of them the ledger holds.",
)
class SourceCountType:
    """Shows ``SourceCount``."""

    kind: str
    there: Int64
    here: Int64


@strawberry.type(
    name="Source",
    description="A source, and what of it may be missing. Judged are those that were looked at, or "
    "are expected to be heard.",
)
class SourceType:
    """Shows ``lineage_schemas.sources.SourceView``."""

    name: str
    first_position: Int64 = strawberry.field(description="Where it is first spoken of.")
    last_heard: datetime | None = strawberry.field(
        description="When its last word was recorded. Null: it is expected and never spoke."
    )
    tool: str | None = strawberry.field(description="What it is, where it was looked at.")
    address: str | None
    last_scan: datetime | None = strawberry.field(description="When the last look at it ended.")
    last_whole_scan: datetime | None = strawberry.field(
        description="When the last look at all of it ended."
    )
    cursor: JSON | None = strawberry.field(description="From where the next look may go on.")
    unread: list[str] = strawberry.field(description="What could not be read: the first of it.")
    unread_count: Int64
    due_seconds: Int64 | None = strawberry.field(
        description="Within how long a look at all of it is promised again."
    )
    expected_seconds: Int64 | None = strawberry.field(
        description="Within how long it is expected to be heard again."
    )
    is_overdue: bool
    is_reconciled: bool | None = strawberry.field(
        description="Whether all that it shows is here, as far as the last looks could tell. Null: "
        "it was never looked at."
    )
    findings: list[str] = strawberry.field(
        description="Why answers that rest on it are not complete."
    )

    @resolved(list[SourceCountType], "What it showed when it was last looked at whole, by kind.")
    @staticmethod
    def counts(source: strawberry.Parent[SourceView]) -> list[SourceCount]:
        """Put the counts of both sides together."""
        kinds = sorted(source.there.keys() | source.here.keys())
        return [
            SourceCount(one, source.there.get(one, 0), source.here.get(one, 0)) for one in kinds
        ]


@strawberry.type(name="Sources", description="The sources of a namespace.")
class SourcesAnswerType:
    """Shows ``lineage_schemas.sources.SourcesAnswer``."""

    basis: BasisType
    sources: list[SourceType]
