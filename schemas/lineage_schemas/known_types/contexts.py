"""What things belong to: experiments, pipelines, registered models, environments, ..."""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import (
    SHARED,
    KnownType,
    PropertySpec,
    flag,
    person,
    struct,
    text,
    whole,
)
from lineage_schemas.mlmd import Kind

_EXPERIMENT = (
    text("objective", "What it is to find out."),
    text("hypothesis", "What is expected."),
    text("conclusion", "What was found."),
    text("artifact_uri", "Where its artifacts are kept."),
)

_RUN_CONTEXT = (
    text("run_key", "Key of the run whose children belong here."),
    text("purpose", "Why those runs belong together, such as 'hyperparameter search'."),
)

_PIPELINE = (
    struct("steps", "Its steps, by name."),
    struct("step_order", "Their order: {'items': [names]} or, by step, what it waits for."),
    struct("parameters", "Its parameters, by name, with their defaults."),
    struct("intermediate_outputs", "By step: what it hands to the next."),
    text("version", "Its version."),
    text("definition_uri", "Where it is defined."),
)

_PIPELINE_RUN = (
    text("run_number", "The number people know it by."),
    struct("steps", "Its steps as they ran, by name."),
    struct("parameters", "Its parameters, by name."),
    struct("intermediate_outputs", "By step: what it handed to the next."),
    text("trigger", "What started it: a schedule, a push, a person, ..."),
    text("started_time", "When it began."),
    text("ended_time", "When it was over."),
    whole("duration_us", "How long it ran."),
    person("started_by", "Who started it."),
)

_REGISTERED_MODEL = (
    text("registry", "The registry it is in."),
    text("task", "What its versions are for."),
    struct("aliases", "By alias: the number of the version it points to."),
    whole("latest_version_number", "The highest number given so far."),
)

_ENVIRONMENT = (
    text("tier", "development, test, staging or production."),
    flag("is_production", "Whether people or machines rely on what serves there."),
    text("platform", "What runs it, such as 'kubernetes'."),
    text("cluster", "The cluster."),
    text("namespace", "The namespace in the cluster."),
    text("region", "Where it stands."),
)

_PROJECT = (
    text("repository", "Address of its repository, without credentials."),
    text("purpose", "What it is for."),
    text("department", "The part of the organisation it belongs to."),
)

_SYSTEM = (
    text("purpose", "What it is meant for."),
    text("tier", "How much depends on it: the owner's scale of risk or importance."),
    text("risk_class", "Its class in law, such as 'high-risk'."),
    text("provider", "Who answers for it towards the law."),
    text("version", "Its version."),
    text("in_use_from_time", "When it was put into service."),
    text("in_use_to_time", "When it was taken out of service."),
    person("overseer", "The person who watches over its use."),
)


def _context(name: str, description: str, own: tuple[PropertySpec, ...]) -> KnownType:
    return KnownType(
        kind=Kind.CONTEXT,
        name=f"lineage.{name}",
        description=description,
        properties=(*SHARED, *own),
    )


CONTEXT_TYPES: Final[tuple[KnownType, ...]] = (
    _context("Experiment", "Runs that look for an answer to one question.", _EXPERIMENT),
    _context("RunContext", "Runs inside another run.", _RUN_CONTEXT),
    _context("Pipeline", "Steps that are run together, again and again.", _PIPELINE),
    _context("PipelineRun", "One run of a pipeline.", _PIPELINE_RUN),
    _context("RegisteredModel", "A name in a registry, whose versions follow.", _REGISTERED_MODEL),
    _context("Environment", "A place where things are deployed.", _ENVIRONMENT),
    _context("Project", "Work that belongs together.", _PROJECT),
    _context("System", "A system that people meet, with all that serves it.", _SYSTEM),
)
