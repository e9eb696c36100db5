"""The well-known types: everything the design names is there, and ids never move."""

import re

import pytest

from lineage_schemas.known_types.registry import (
    KNOWN_TYPES,
    known_type,
    personal_properties,
    type_records,
)
from lineage_schemas.mlmd import ArtifactType, ContextType, ExecutionType, Kind
from lineage_schemas.values import PropertyType

# The ids of the types, by their order. Append to this list; a changed line breaks every log.
IDS = """
artifact mlmd.Dataset
artifact mlmd.Model
artifact mlmd.Metrics
artifact mlmd.Statistics
execution mlmd.Train
execution mlmd.Transform
execution mlmd.Process
execution mlmd.Evaluate
execution mlmd.Deploy
artifact lineage.DataSet
artifact lineage.Split
artifact lineage.Labelling
artifact lineage.FeatureView
execution lineage.Run
execution lineage.Collect
execution lineage.Label
execution lineage.Prepare
execution lineage.Train
execution lineage.Evaluate
execution lineage.Register
execution lineage.Approve
execution lineage.Promote
execution lineage.Deploy
execution lineage.RollBack
execution lineage.Retire
execution lineage.Monitor
artifact lineage.CodeRevision
artifact lineage.ContainerImage
artifact lineage.Model
artifact lineage.ModelVersion
artifact lineage.Metrics
artifact lineage.Deployment
artifact lineage.Approval
artifact lineage.Incident
artifact lineage.UsageLogSegment
artifact lineage.Report
artifact lineage.Declaration
context lineage.Experiment
context lineage.RunContext
context lineage.Pipeline
context lineage.PipelineRun
context lineage.RegisteredModel
context lineage.Environment
context lineage.Project
context lineage.System
context lineage.Commit
context lineage.LockedPipeline
artifact lineage.PipelineLock
context lineage.Service
execution lineage.Declare
artifact lineage.Document
artifact lineage.Infrastructure
artifact lineage.WorkItem
artifact lineage.Signal
"""

# Each thing the design names, in its words and order, and the properties that hold it.
NAMED: dict[tuple[Kind, str], dict[str, str]] = {
    (Kind.ARTIFACT, "lineage.DataSet"): {
        "schema": "schema",
        "per-feature statistics": "feature_statistics",
        "missing rates": "missing_ratio missing_ratio_by_feature",
        "outlier rates": "outlier_ratio outlier_ratio_by_feature",
        "size": "size_bytes row_count",
        "source": "source source_uri",
        "collection context": "collection_context",
        "date range": "range_from_time range_to_time",
        "partition range": "partition_range",
        "version scheme": "version_scheme",
        "a pointer's query": "version_query",
        "version": "version",
        "the source's own words": "source_type source_state",
    },
    (Kind.ARTIFACT, "lineage.Split"): {
        "role": "role",
        "method": "method",
        "seed": "seed",
        "declared disjointness": "is_declared_disjoint declared_disjoint_from",
    },
    (Kind.ARTIFACT, "lineage.Labelling"): {
        "method": "method",
        "labellers": "labellers labeller_count",
        "quality": "quality agreement_score error_ratio",
    },
    (Kind.ARTIFACT, "lineage.FeatureView"): {"feature view": "features entities source version"},
    (Kind.EXECUTION, "lineage.Run"): {
        "code commit": "code_commit",
        "dirtiness": "code_is_dirty",
        "every hyperparameter": "hyperparameters",
        "metrics, the last of each series": "metrics",
        "duration": "duration_us",
        "CPU use": "cpu_time_us cpu_utilisation_ratio",
        "GPU use": "gpu_time_us gpu_utilisation_ratio gpu_memory_max_bytes",
        "memory use": "memory_max_bytes memory_mean_bytes",
        "Python version": "python_version",
        "library versions": "library_versions",
        "hardware": "hardware cpu_count gpu_count gpu_model",
        "image digest": "image_digest",
        "seeds": "python_seed numpy_seed framework_seed cuda_seed",
        "determinism flags": "determinism_flags",
        "reproducibility level": "reproducibility_level",
        "hypothesis": "hypothesis",
        "finding": "finding",
        "next step": "next_step",
    },
    (Kind.CONTEXT, "lineage.Pipeline"): {
        "steps": "steps",
        "order": "step_order",
        "parameters": "parameters",
        "intermediate outputs": "intermediate_outputs",
    },
    (Kind.CONTEXT, "lineage.PipelineRun"): {
        "steps": "steps",
        "parameters": "parameters",
        "intermediate outputs": "intermediate_outputs",
    },
    (Kind.ARTIFACT, "lineage.Model"): {
        "architecture": "architecture",
        "weights": "weights_uri weights_digest",
        "fitted preprocessing": "preprocessing",
        "ordered typed features": "features",
        "input schema": "input_schema",
        "output schema": "output_schema",
        "SLO": "slo",
        "parameter count": "parameter_count",
        "size": "size_bytes",
        "format": "format",
        "pickle flagged": "is_pickle",
        "feature importance": "feature_importance",
        "latency": "latency_mean_us latency_p50_us latency_p95_us latency_p99_us",
        "evaluation metrics": "evaluation_metrics",
        "metrics by slice": "metrics_by_slice",
        "fairness by slice": "fairness_by_slice",
        "storage version": "storage_version",
        "base model": "base_model",
    },
    (Kind.ARTIFACT, "lineage.ModelVersion"): {
        "number": "number",
        "semantic version": "semantic_version",
        "its change class": "change_class",
        "stage": "stage",
        "aliases": "aliases",
    },
    (Kind.ARTIFACT, "lineage.Deployment"): {
        "version": "version",
        "place": "place",
        "from and to": "from_time to_time",
        "by whom": "deployed_by",
        "traffic share": "traffic_ratio",
        "role": "role",
        "online metrics": "online_metrics",
        "infrastructure": "infrastructure",
    },
    (Kind.ARTIFACT, "lineage.Approval"): {
        "person": "approver",
        "role": "approver_role",
        "decision": "decision",
        "meaning": "meaning",
        "evidence": "evidence",
    },
    (Kind.ARTIFACT, "lineage.Incident"): {"incident": "severity status summary"},
    (Kind.ARTIFACT, "lineage.UsageLogSegment"): {"segment": "from_time to_time request_count"},
    (Kind.ARTIFACT, "lineage.Report"): {"report": "report_kind basis is_complete content_digest"},
    (Kind.ARTIFACT, "lineage.Declaration"): {
        "owner": "owner",
        "tier": "tier",
        "purpose": "purpose",
        "legal basis": "legal_basis",
        "restrictions": "restrictions",
        "review date": "review_date",
        "vendor": "vendor",
    },
}

STEPS = [
    *("Collect", "Label", "Prepare", "Train", "Evaluate", "Register"),
    *("Approve", "Promote", "Deploy", "RollBack", "Retire", "Monitor"),
]

CONTEXTS = [
    *("Experiment", "RunContext", "Pipeline", "PipelineRun"),
    *("RegisteredModel", "Environment", "Project", "System"),
]

PEOPLE = [
    (Kind.ARTIFACT, "lineage.DataSet", {"owner"}),
    (Kind.ARTIFACT, "lineage.Labelling", {"owner", "labellers"}),
    (Kind.ARTIFACT, "lineage.CodeRevision", {"owner", "author", "committer"}),
    (Kind.ARTIFACT, "lineage.ModelVersion", {"owner", "registered_by"}),
    (Kind.ARTIFACT, "lineage.Deployment", {"owner", "deployed_by"}),
    (Kind.ARTIFACT, "lineage.Approval", {"owner", "approver", "requested_by"}),
    (Kind.ARTIFACT, "lineage.Incident", {"owner", "reported_by"}),
    (Kind.ARTIFACT, "lineage.UsageLogSegment", {"owner", "verifiers"}),
    (Kind.ARTIFACT, "lineage.Report", {"owner", "requested_by", "recipients"}),
    (Kind.ARTIFACT, "lineage.Declaration", {"owner", "contact", "declared_by"}),
    (Kind.EXECUTION, "lineage.Run", {"owner", "started_by"}),
    (Kind.EXECUTION, "lineage.Label", {"owner", "started_by", "labellers"}),
    (Kind.EXECUTION, "lineage.Approve", {"owner", "started_by", "approver", "requested_by"}),
    (Kind.EXECUTION, "lineage.Deploy", {"owner", "started_by", "deployed_by"}),
    (Kind.CONTEXT, "lineage.System", {"owner", "overseer"}),
]

UNITS_LAST = re.compile(r"_(us|bytes|ratio|joules)_")
PERSON_WORDS = re.compile(r"_by$|owner|author$|approver$|labellers|contact$|recipients")
NOT_PEOPLE = {"stratified_by", "grouped_by", "replaced_by"}


def names(kind: Kind, name: str) -> set[str]:
    known = known_type(kind, name)
    assert known is not None
    return {spec.name for spec in known.properties}


def test_ids_never_move() -> None:
    assert [f"{known.kind} {known.name}" for known in KNOWN_TYPES] == IDS.split("\n")[1:-1]


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_everything_the_design_names_is_a_property(kind: Kind, name: str) -> None:
    there = names(kind, name)
    missing = {
        words: lacking
        for words, wanted in NAMED[kind, name].items()
        if (lacking := set(wanted.split()) - there)
    }
    assert missing == {}


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_a_run_and_says_more(step: str) -> None:
    assert names(Kind.EXECUTION, f"lineage.{step}") > names(Kind.EXECUTION, "lineage.Run")


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_context_is_there(context: str) -> None:
    assert names(Kind.CONTEXT, f"lineage.{context}")


@pytest.mark.parametrize(("kind", "name", "people"), PEOPLE)
def test_properties_that_name_people_are_personal(kind: Kind, name: str, people: set[str]) -> None:
    assert personal_properties(kind, name) == people


def test_unknown_types() -> None:
    assert known_type(Kind.ARTIFACT, "lineage.Run") is None
    assert known_type(Kind.EXECUTION, "my.Type") is None
    assert personal_properties(Kind.EXECUTION, "my.Type") == frozenset()
    assert personal_properties(Kind.CONTEXT, "lineage.DataSet") == frozenset()


def test_system_types_are_plain() -> None:
    for known in KNOWN_TYPES[:9]:
        assert known.name.startswith("mlmd.")
        assert known.properties == ()
        assert known.base_type is None


def test_every_base_type_is_a_system_type_of_the_same_kind() -> None:
    system = {known.name: known.kind for known in KNOWN_TYPES[:9]}
    for known in KNOWN_TYPES[9:]:
        assert known.base_type is None or system[known.base_type] is known.kind
    assert known_type(Kind.ARTIFACT, "lineage.DataSet").base_type == "mlmd.Dataset"  # type: ignore[union-attr]


def test_names_and_descriptions_keep_the_rules() -> None:
    for known in KNOWN_TYPES:
        assert known.description.endswith(".")
        seen = [spec.name for spec in known.properties]
        assert len(seen) == len(set(seen)), known.name
        for spec in known.properties:
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", spec.name)
            assert not UNITS_LAST.search(spec.name.replace("_ratio_by_", "_by_")), spec.name
            assert spec.description.endswith(".")
            assert spec.type is not PropertyType.PROTO
            if spec.name not in NOT_PEOPLE and PERSON_WORDS.search(spec.name):
                assert spec.personal, f"{known.name} {spec.name}"


def test_types_of_units() -> None:
    whole, part = ("_us", "_bytes", "_count"), ("_ratio", "_joules", "_score")
    for known in KNOWN_TYPES:
        for spec in known.properties:
            if spec.name.endswith(whole):
                assert spec.type is PropertyType.INT, spec.name
            elif spec.name.endswith(part):
                assert spec.type is PropertyType.DOUBLE, spec.name
            elif spec.name.endswith(("_time", "_date", "_digest", "_uri", "_url")):
                assert spec.type is PropertyType.STRING, spec.name
            elif spec.name.startswith(("is_", "has_")):
                assert spec.type is PropertyType.BOOLEAN, spec.name


def test_records_follow_the_order_of_ids() -> None:
    records = type_records()
    kinds: dict[Kind, type] = {
        Kind.ARTIFACT: ArtifactType,
        Kind.EXECUTION: ExecutionType,
        Kind.CONTEXT: ContextType,
    }
    assert len(records) == len(KNOWN_TYPES)
    for known, record in zip(KNOWN_TYPES, records, strict=True):
        assert type(record) is kinds[known.kind]
        assert (record.name, record.version) == (known.name, known.version)
        assert record.base_type == known.base_type
        assert record.description == known.description
        assert record.properties == {spec.name: spec.type for spec in known.properties}
