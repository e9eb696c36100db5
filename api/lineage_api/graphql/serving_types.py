"""What serving intervals look like in GraphQL. Each type shows a struct of ``serving`` as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from lineage_api.graphql.fields import resolved
from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.types import (
    BasisType,
    RedactionType,
    ResolvedLabelType,
    TruncationType,
    ValidDuring,
    ValidDuringType,
    named_interval,
)
from lineage_schemas import serving

strawberry.enum(
    serving.Role, name="ServingRole", description="What a deployment is there for in its place."
)
strawberry.enum(serving.Ending, name="ServingEnding", description="Why an interval ended.")
strawberry.enum(
    serving.Certainty,
    description="Whether an interval contains the moment, or meets the interval, that was asked "
    "about.",
)

OfArgument = Annotated[
    str | None,
    strawberry.argument(
        description="What is served: an identifier or a label of a model version, a model, a data "
        "set, an image, a deployment, or anything else that a deployment is made of."
    ),
]
ServiceArgument = Annotated[
    str | None, strawberry.argument(description="Only in this place, or these, by key or name.")
]
EnvironmentArgument = Annotated[
    str | None,
    strawberry.argument(
        description="Only in this environment, by key, or in all that go by this name."
    ),
]


@strawberry.type(name="Served", description="A model version that a deployment serves.")
class ServedType:
    """Shows ``lineage_schemas.serving.Served``."""

    key: str
    label: str
    path: list[str] = strawberry.field(description="The keys from the deployment back to it.")
    link_class: str | None = strawberry.field(
        description="The weakest link that was crossed; null where every step is an edge."
    )
    is_described: bool = strawberry.field(
        description="False: it is only named, and nobody described it, or that was erased."
    )


@strawberry.type(
    name="ServingInterval",
    description="A deployment served in a place from start to before end, in one role and share.",
)
class ServingIntervalType:
    """Shows ``lineage_schemas.serving.ServingInterval``."""

    deployment: str
    place: str
    environment: str | None
    environment_name: str | None
    role: serving.Role
    traffic_ratio: float | None = strawberry.field(description="0 to 1; null: not known.")
    start: datetime | None = strawberry.field(description="Null where only its end was told.")
    start_after: datetime | None = strawberry.field(
        description="Where it is only known to begin after this and by start."
    )
    end: datetime | None = strawberry.field(description="Null: it serves still, as far as known.")
    end_after: datetime | None = strawberry.field(
        description="Where it is only known to end after this and by end."
    )
    ending: serving.Ending | None
    is_rollback: bool
    trigger: str | None = strawberry.field(description="What set off the roll-back, by its key.")
    opened_by: str | None
    closed_by: str | None
    source: str
    serves: list[ServedType]
    positions: list[Int64] = strawberry.field(description="The entries that this rests on.")
    certainty: serving.Certainty | None = strawberry.field(
        description="Where a valid time was asked about: whether it surely served then."
    )


@strawberry.type(
    name="ServingAnswer", description="Who served where and when, by environment, place and start."
)
class ServingAnswerType:
    """Shows ``lineage_schemas.serving.ServingAnswer``."""

    basis: BasisType
    valid_at: datetime | None

    @resolved(ValidDuringType | None)
    @staticmethod
    def valid_during(answer: strawberry.Parent[serving.ServingAnswer]) -> ValidDuring | None:
        """Name both ends."""
        return named_interval(answer.valid_during)

    intervals: list[ServingIntervalType]
    cursor: str | None = strawberry.field(
        description="Asks for the next page as `after`; null: this is the last."
    )
    unplaced: Int64 = strawberry.field(description="Moves that could not be read.")
    truncations: list[TruncationType]
    redactions: list[RedactionType]
    label: ResolvedLabelType | None = strawberry.field(
        description="What was asked for, where that was no identifier."
    )
    complete: bool
