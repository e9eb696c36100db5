"""What a registered model looks like in GraphQL. Each type shows a struct of ``registry_views``."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.serving_types import ServingIntervalType
from lineage_api.graphql.types import BasisType, RedactionType, ResolvedLabelType, TruncationType
from lineage_schemas import registry_views
from lineage_schemas.semantic_versions import ChangeClass
from lineage_schemas.serving import Certainty

strawberry.enum(ChangeClass, description="What a semantic version changes from the one before it.")
strawberry.enum(registry_views.HoldingKind, description="What a version holds.")
strawberry.enum(registry_views.Attestation, description="How a decision is known.")
strawberry.enum(registry_views.ApprovalOf, description="What a decision was about.")
strawberry.enum(
    registry_views.Existence, description="Whether a thing is still there, as far as sources told."
)
strawberry.enum(
    registry_views.FindingKind,
    name="RegistryFindingKind",
    description="What is wrong with what a registry says.",
)


@strawberry.type(
    name="Holding",
    description="A version had a stage, or an alias pointed to it. That is never an approval.",
)
class HoldingType:
    """Shows ``lineage_schemas.registry_views.Holding``."""

    kind: registry_views.HoldingKind
    name: str
    version: str
    start: datetime | None
    start_after: datetime | None
    end: datetime | None
    end_after: datetime | None
    opened_by: str | None
    closed_by: str | None
    given_by: str | None
    taken_by: str | None
    source: str
    positions: list[Int64]
    certainty: Certainty | None
    is_current: bool = strawberry.field(
        description="Whether it is the one that counts, where several versions hold a stage."
    )


@strawberry.type(name="ApprovalView", description="Somebody decided about a version, or its use.")
class ApprovalViewType:
    """Shows ``lineage_schemas.registry_views.ApprovalView``."""

    version: str | None = strawberry.field(
        description="Null where it was about the registered model or a place."
    )
    approval: str | None
    execution: str
    about: str
    about_kind: registry_views.ApprovalOf
    decision: str | None
    approver: str | None
    approver_role: str | None
    meaning: str | None
    conditions: str | None
    decided_time: str | None = strawberry.field(description="As it was stated.")
    valid_until_time: str | None
    evidence: JSON | None
    attestation: registry_views.Attestation
    verifier_key: str | None = strawberry.field(
        description="By which the approver's signature holds; null: a tool reports it."
    )
    positions: list[Int64]


@strawberry.type(name="OnlineEvidence", description="Figures of something while it served.")
class OnlineEvidenceType:
    """Shows ``lineage_schemas.registry_views.OnlineEvidence``."""

    key: str
    window_from_time: str | None
    window_to_time: str | None
    metrics: JSON | None


@strawberry.type(
    name="PromotionView",
    description="A version came to a stage or an alias, or a deployment of it became champion.",
)
class PromotionViewType:
    """Shows ``lineage_schemas.registry_views.PromotionView``."""

    version: str
    execution: str
    to: str
    place: str | None
    at: datetime | None
    promoted_by: str | None
    criterion: JSON | None
    stated_evidence: JSON | None = strawberry.field(description="What the promotion itself says.")
    online_evidence: list[OnlineEvidenceType] = strawberry.field(
        description="What had been measured by then."
    )
    positions: list[Int64]


@strawberry.type(name="RollBackView", description="A place went back to another deployment.")
class RollBackViewType:
    """Shows ``lineage_schemas.registry_views.RollBackView``."""

    execution: str
    place: str
    at: datetime
    taken_out: list[str]
    brought_back: str | None
    trigger: str | None
    trigger_summary: str | None
    reason: str | None
    is_automatic: bool | None
    rolled_back_by: str | None
    source: str
    positions: list[Int64]


@strawberry.type(name="StillThere", description="Whether a thing exists, and what entry says so.")
class StillThereType:
    """Shows ``lineage_schemas.registry_views.StillThere``."""

    key: str
    type: str | None
    exists: registry_views.Existence
    position: Int64 | None


@strawberry.type(name="PreviousGood", description="To what a place can be rolled back.")
class PreviousGoodType:
    """Shows ``lineage_schemas.registry_views.PreviousGood``."""

    place: str
    environment: str | None
    serving: str
    serving_versions: list[str]
    deployment: str | None = strawberry.field(description="Null: there is none.")
    versions: list[str]
    served_until: datetime | None
    needs: list[StillThereType]
    passed_over: list[str] = strawberry.field(description="What was not good, and why.")
    positions: list[Int64]


@strawberry.type(name="VersionView", description="A version of a registered model.")
class VersionViewType:
    """Shows ``lineage_schemas.registry_views.VersionView``."""

    key: str
    label: str
    number: Int64 | None
    semantic_version: str | None
    change_class: ChangeClass | None = strawberry.field(description="Computed.")
    changed_from: str | None = strawberry.field(description="The semantic version before it.")
    stated_change_class: str | None
    stages: list[str]
    aliases: list[str]
    registered_time: str | None
    registered_by: str | None
    exists: StillThereType
    serving: list[ServingIntervalType]


@strawberry.type(name="RegistryFinding", description="Something that does not fit, and where.")
class RegistryFindingType:
    """Shows ``lineage_schemas.registry_views.RegistryFinding``."""

    kind: registry_views.FindingKind
    what: str
    where: str


@strawberry.type(
    name="RegistryAnswer", description="A registered model, as of then and at a valid time."
)
class RegistryAnswerType:
    """Shows ``lineage_schemas.registry_views.RegistryAnswer``."""

    basis: BasisType
    valid_at: datetime | None
    models: list[str]
    name: str
    versions: list[VersionViewType]
    holdings: list[HoldingType]
    approvals: list[ApprovalViewType]
    promotions: list[PromotionViewType]
    rollbacks: list[RollBackViewType]
    previous_good: list[PreviousGoodType]
    findings: list[RegistryFindingType]
    unplaced: Int64 = strawberry.field(description="Moves that could not be read.")
    truncations: list[TruncationType]
    redactions: list[RedactionType]
    label: ResolvedLabelType | None
    complete: bool
