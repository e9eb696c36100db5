"""What a registered model looks like in answers: versions, stages, approvals, and what serves."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Redaction, ResolvedLabel, Truncation
from lineage_schemas.semantic_versions import ChangeClass
from lineage_schemas.serving import Certainty, ServingInterval
from lineage_schemas.values import JsonValue


class HoldingKind(StrEnum):
    """What a version holds."""

    STAGE = "stage"
    ALIAS = "alias"


class Holding(Struct, frozen=True, kw_only=True):
    """A version had a stage, or an alias pointed to it, from ``start`` to before ``end``.

    Times, bounds and ``certainty`` are as of serving intervals. ``name`` is the tool's own word.
    ``opened_by`` and ``closed_by`` are executions, ``given_by`` and ``taken_by`` the people that
    they name. Several versions may hold a stage: ``is_current`` is the one that the tool calls
    current, at the valid time or, as far as is known, still. That a stage or an alias moved is
    never an approval.
    """

    kind: HoldingKind
    name: str
    version: str
    start: str | None
    start_after: str | None
    end: str | None
    end_after: str | None
    opened_by: str | None
    closed_by: str | None
    given_by: str | None
    taken_by: str | None
    source: str
    positions: tuple[int, ...] = ()
    certainty: Certainty | None = None
    is_current: bool = False


class Attestation(StrEnum):
    """How a decision is known."""

    SIGNED = "signed"
    """The approver signed it: the signature is kept, and holds."""
    REPORTED = "reported"
    """Nobody signed it: a tool says so, or somebody here does; the entries tell which."""


class ApprovalOf(StrEnum):
    """What a decision was about."""

    VERSION = "version"
    DEPLOYMENT = "deployment"
    """A deployment of the version, or an image it is packed in."""
    PIPELINE_RUN = "pipeline_run"
    """The pipeline run that deployed it."""
    REGISTERED_MODEL = "registered_model"
    """The registered model as a whole, and so no version of it."""
    PLACE = "place"
    """A place where a version of it was deployed, and so no version either."""


class ApprovalView(Struct, frozen=True, kw_only=True):
    """Somebody decided about a version, a deployment of it, or the run that deployed it.

    ``version`` is ``None`` where it was about the registered model or a place: about no version.
    ``approval`` is the ``lineage.Approval``, ``None`` where only the deciding is known.
    ``verifier_key`` is that of a signature: whose key it is, is for the reader to know.
    """

    version: str | None
    approval: str | None
    execution: str
    about: str
    about_kind: ApprovalOf
    decision: str | None
    approver: str | None
    approver_role: str | None
    meaning: str | None
    conditions: str | None
    decided_time: str | None
    valid_until_time: str | None
    evidence: JsonValue
    attestation: Attestation
    verifier_key: str | None = None
    positions: tuple[int, ...] = ()


class OnlineEvidence(Struct, frozen=True, kw_only=True):
    """Figures of something while it served: ``key`` is a monitoring, or a deployment."""

    key: str
    window_from_time: str | None
    window_to_time: str | None
    metrics: JsonValue


class PromotionView(Struct, frozen=True, kw_only=True):
    """A version was moved to a stage or an alias, or a deployment of it became champion.

    ``criterion`` and ``stated_evidence`` are what the promotion itself says; ``online_evidence`` is
    what had been measured of it by then.
    """

    version: str
    execution: str
    to: str
    place: str | None
    at: str | None
    promoted_by: str | None
    criterion: JsonValue
    stated_evidence: JsonValue
    online_evidence: tuple[OnlineEvidence, ...]
    positions: tuple[int, ...] = ()


class RollBackView(Struct, frozen=True, kw_only=True):
    """A place went back from some deployments to another, and what set that off."""

    execution: str
    place: str
    at: str
    taken_out: tuple[str, ...]
    brought_back: str | None
    trigger: str | None
    trigger_summary: str | None
    reason: str | None
    is_automatic: bool | None
    rolled_back_by: str | None
    source: str
    positions: tuple[int, ...] = ()


class Existence(StrEnum):
    """Whether a thing is still there, as far as sources told."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """Nobody has described it, or what was said of it was erased."""


class StillThere(Struct, frozen=True, kw_only=True):
    """Whether what a roll-back needs still exists, and the entry that says so."""

    key: str
    type: str | None
    exists: Existence
    position: int | None


class PreviousGood(Struct, frozen=True, kw_only=True):
    """To what a place can be rolled back.

    ``serving`` is the champion that is asked about, ``deployment`` the last one before it in the
    place that served another version and is good: it was not rolled back from there, and no
    incident about it is open. ``passed_over`` says in words which were not good, and why;
    ``needs`` are the parts of ``deployment``. ``None``: there is no such one.
    """

    place: str
    environment: str | None
    serving: str
    serving_versions: tuple[str, ...]
    deployment: str | None
    versions: tuple[str, ...]
    served_until: str | None
    needs: tuple[StillThere, ...]
    passed_over: tuple[str, ...]
    positions: tuple[int, ...] = ()


class VersionView(Struct, frozen=True, kw_only=True):
    """A version of a registered model.

    ``change_class`` is computed from ``changed_from``, the semantic version before it; beside it
    stands what was stated. ``stages`` and ``aliases`` are those it holds, at the valid time or, as
    far as is known, still.
    """

    key: str
    label: str
    number: int | None
    semantic_version: str | None
    change_class: ChangeClass | None
    changed_from: str | None
    stated_change_class: str | None
    stages: tuple[str, ...]
    aliases: tuple[str, ...]
    registered_time: str | None
    registered_by: str | None
    exists: StillThere
    serving: tuple[ServingInterval, ...]


class FindingKind(StrEnum):
    """What is wrong with what a registry says."""

    CHANGE_CLASS_CONTRADICTED = "change_class_contradicted"
    NOT_A_SEMANTIC_VERSION = "not_a_semantic_version"
    UNDATED_MOVE = "undated_move"
    """A stage or an alias moved, and nobody said when: no interval can be made of it."""
    UNREADABLE_MOVE = "unreadable_move"
    """Something says that a tag moved a stage, in no form that is known."""


class RegistryFinding(Struct, frozen=True, kw_only=True):
    """Something that does not fit, and where."""

    kind: FindingKind
    what: str
    where: str


class RegistryAnswer(Struct, frozen=True, kw_only=True):
    """A registered model as a registry would show it, as of then and at a valid time.

    ``models`` are the members of the entity: one model may be registered in several places.
    ``valid_at`` bounds stages, aliases, serving intervals and what is called previous; lists of
    what happened (approvals, promotions, roll-backs) end at it.
    """

    basis: Basis
    valid_at: str | None
    models: tuple[str, ...]
    name: str
    versions: tuple[VersionView, ...]
    holdings: tuple[Holding, ...]
    approvals: tuple[ApprovalView, ...]
    promotions: tuple[PromotionView, ...]
    rollbacks: tuple[RollBackView, ...]
    previous_good: tuple[PreviousGood, ...]
    findings: tuple[RegistryFinding, ...] = ()
    unplaced: int = 0
    truncations: tuple[Truncation, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing was cut, and nothing is known to be missing."""
        return not self.truncations and not self.unplaced and self.basis.complete
