"""What became of a model: deployments, approvals, incidents, usage logs, reports, declarations."""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import (
    SHARED,
    KnownType,
    flag,
    number,
    people,
    person,
    struct,
    text,
    whole,
)
from lineage_schemas.mlmd import Kind

_DEPLOYMENT = (
    text("version", "What is deployed, in its own version scheme."),
    text("revision", "The deployment's own number or name, as its platform counts."),
    text("place", "Where: environment, cluster, namespace or endpoint."),
    text("endpoint_url", "Where it can be called, without credentials."),
    text("from_time", "When it began to serve."),
    text("to_time", "When it stopped; absent while it serves."),
    person("deployed_by", "Who deployed it."),
    number("traffic_ratio", "Share of the traffic it has, 0 to 1."),
    text("role", "champion, challenger, canary or shadow."),
    text("strategy", "rolling, blue-green, canary, shadow, ..."),
    struct("online_metrics", "By metric: its value while serving."),
    struct("infrastructure", "What it runs on: machines, replicas, accelerators, region."),
    whole("replica_count", "How many copies run."),
    text("image_digest", "Digest of the container image as 'sha256:hexadecimal'."),
)

_APPROVAL = (
    person("approver", "The person who decided."),
    text("approver_role", "In what role they decided."),
    text("decision", "approved, rejected, withdrawn or abstained."),
    text("meaning", "What the decision means, such as 'fit for production'."),
    struct("evidence", "What it rests on: {'items': [keys, reports, links]}."),
    text("conditions", "Under what conditions."),
    person("requested_by", "Who asked for it."),
    text("requested_time", "When it was asked for."),
    text("decided_time", "When it was decided."),
    text("valid_until_time", "Until when it holds."),
    flag("is_signed", "Whether the approver signed it."),
)

_INCIDENT = (
    text("severity", "How bad it is, in the owner's scale."),
    text("status", "open, mitigated, resolved or closed."),
    text("summary", "What happened."),
    text("root_cause", "Why."),
    text("corrective_action", "What was done about it."),
    text("started_time", "When it began."),
    text("detected_time", "When it was noticed."),
    text("resolved_time", "When it was over."),
    text("reported_time", "When an authority was told."),
    text("authority", "Which authority was told."),
    flag("is_serious", "Whether the law calls it a serious incident."),
    struct("affected", "What it touched: {'items': [keys]}."),
    whole("affected_person_count", "How many people it touched."),
    person("reported_by", "Who noticed it."),
)

_USAGE_LOG_SEGMENT = (
    text("from_time", "The first moment it covers."),
    text("to_time", "The first moment after those it covers."),
    whole("request_count", "Uses it covers."),
    whole("error_count", "Uses that failed."),
    whole("size_bytes", "Size of the log."),
    text("log_uri", "Where the log is."),
    text("content_digest", "Digest of the log as 'algorithm:hexadecimal'."),
    text("previous_digest", "Digest of the segment before it."),
    text("reference_database", "What inputs were checked against."),
    text("retention_until_time", "Until when the log is kept."),
    people("verifiers", "Who verified the results: {'items': [...]}."),
)

_REPORT = (
    text("report_kind", "What kind of report it is."),
    text("format", "Its media type."),
    struct("basis", "What it was made from: origin, size, root hash, times, sources."),
    flag("is_complete", "Whether everything in scope was there."),
    struct("finding_counts", "By severity: how many findings it has."),
    text("generated_time", "When it was made."),
    text("content_digest", "Digest of it as 'algorithm:hexadecimal'."),
    whole("size_bytes", "Its size."),
    person("requested_by", "Who asked for it."),
    people("recipients", "Who it was given to: {'items': [...]}."),
)

_DECLARATION = (
    text("subject", "Key of what it is about."),
    text("tier", "How much depends on it: the owner's scale of risk or importance."),
    text("purpose", "What it is meant for."),
    text("legal_basis", "The ground in law for processing the data."),
    struct("restrictions", "What it must not be used for: {'items': [...]}."),
    text("review_date", "The day by which it must be looked at again, as YYYY-MM-DD."),
    text("vendor", "Who supplies it, if it was bought or borrowed."),
    struct("data_categories", "What kinds of data it touches: {'items': [...]}."),
    text("retention_until_time", "Until when it may be kept."),
    person("contact", "Whom to ask."),
    person("declared_by", "Who declared this."),
    text("declared_time", "When."),
)

OPERATION_TYPES: Final[tuple[KnownType, ...]] = (
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Deployment",
        description="A version at work in a place, from one time to another.",
        properties=(*SHARED, *_DEPLOYMENT),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Approval",
        description="A person's decision. The move of a stage or an alias is never one.",
        properties=(*SHARED, *_APPROVAL),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Incident",
        description="Something that went wrong.",
        properties=(*SHARED, *_INCIDENT),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.UsageLogSegment",
        description="One stretch of the log of a deployment's use.",
        properties=(*SHARED, *_USAGE_LOG_SEGMENT),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Report",
        description="A report that was made and handed over.",
        properties=(*SHARED, *_REPORT),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Declaration",
        description="What its owner declares of a thing.",
        properties=(*SHARED, *_DECLARATION),
    ),
)
