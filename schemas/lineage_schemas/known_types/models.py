"""What was learned: models, their registered versions, the figures about them."""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import (
    SHARED,
    KnownType,
    flag,
    number,
    person,
    struct,
    text,
    whole,
)
from lineage_schemas.mlmd import Kind

_MODEL = (
    text("architecture", "What kind of model it is, such as 'gradient boosted trees'."),
    struct("architecture_details", "Its layers, sizes and connections."),
    text("task", "What it is for: classification, regression, ranking, generation, ..."),
    text("framework", "The framework it was made with."),
    text("framework_version", "Version of that framework."),
    text("weights_uri", "Where its weights are."),
    text("weights_digest", "Digest of its weights as 'algorithm:hexadecimal'."),
    struct("preprocessing", "The preprocessing that was fitted with it, step by step."),
    text("preprocessing_digest", "Digest of that preprocessing as 'algorithm:hexadecimal'."),
    struct("features", "Its features in the order it takes them: {'items': [{'name', 'type'}]}."),
    struct("input_schema", "What it takes."),
    struct("output_schema", "What it gives."),
    struct("slo", "The service levels it was made for, by name."),
    whole("parameter_count", "How many parameters it has."),
    whole("size_bytes", "Size of its files."),
    text("format", "Format of its files, such as 'onnx'."),
    flag("is_pickle", "Whether loading it can run any code (pickle and its kin)."),
    struct("feature_importance", "By feature: how much it matters."),
    text("feature_importance_method", "How that was measured."),
    whole("latency_mean_us", "Mean time of one prediction."),
    whole("latency_p50_us", "Time within which half of the predictions came."),
    whole("latency_p95_us", "Time within which 95 of 100 predictions came."),
    whole("latency_p99_us", "Time within which 99 of 100 predictions came."),
    struct("evaluation_metrics", "By metric: its value on the test split."),
    struct("metrics_by_slice", "By slice, then by metric: the value."),
    struct("fairness_by_slice", "By slice, then by fairness measure: the value."),
    text("storage_uri", "Where it is stored."),
    text("storage_version", "Its version there, as the storage counts."),
    text("base_model", "Key or name of the model it was made from."),
    text("licence", "The licence it is under."),
)

_MODEL_VERSION = (
    text("model_name", "The registered model it is a version of."),
    whole("number", "Its number in the registry."),
    text("semantic_version", "Its version as major.minor.patch."),
    text("change_class", "What that version changes: major, minor or patch."),
    text("stage", "experimental, staging, production or archived."),
    struct("aliases", "Names that point to it: {'items': [...]}."),
    text("registry", "The registry it is in."),
    text("model_uri", "What was registered, in the registry's words."),
    text("release_notes", "What changed."),
    text("registered_time", "When it was registered."),
    person("registered_by", "Who registered it."),
)

_METRICS = (
    struct("values", "By metric: its value."),
    struct("metrics_by_slice", "By slice, then by metric: the value."),
    struct("fairness_by_slice", "By slice, then by fairness measure: the value."),
    struct("confidence_intervals", "By metric: {'low', 'high', 'level'}."),
    struct("confusion_matrix", "By actual class, then by predicted class: the count."),
    text("split_role", "The role of the split they were measured on."),
    number("decision_threshold", "The score from which a case counted as positive."),
    whole("row_count", "Rows they were measured on."),
    whole("step", "The training step they were measured at."),
    text("measured_time", "When they were measured."),
)

MODEL_TYPES: Final[tuple[KnownType, ...]] = (
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Model",
        base_type="mlmd.Model",
        description="What one training made.",
        properties=(*SHARED, *_MODEL),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.ModelVersion",
        base_type="mlmd.Model",
        description="A model as a registry numbers it.",
        properties=(*SHARED, *_MODEL_VERSION),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Metrics",
        base_type="mlmd.Metrics",
        description="What one evaluation measured.",
        properties=(*SHARED, *_METRICS),
    ),
)
