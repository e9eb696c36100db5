"""What ran, and what it ran on: runs of every kind, code revisions, container images.

``lineage.Run`` is any execution. The twelve named steps are runs too: each carries all of a run's
properties, and its own. A metric's values by step are ``metric_series`` records; a run's
``metrics`` hold only the last of each.
"""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import (
    SHARED,
    KnownType,
    PropertySpec,
    flag,
    number,
    people,
    person,
    struct,
    text,
    whole,
)
from lineage_schemas.mlmd import Kind

_CODE = (
    text("code_commit", "The commit that ran, all of its hexadecimal digits."),
    flag("code_is_dirty", "Whether the working tree differed from that commit."),
    text("code_diff_digest", "Digest of that difference as 'algorithm:hexadecimal'."),
    text("code_repository", "Address of the repository, without credentials."),
    text("code_branch", "The branch that was checked out."),
    text("entry_point", "File, function or command that was started, without secrets."),
)

_MEASURED = (
    struct("hyperparameters", "Every hyperparameter, by name."),
    struct("metrics", "The last value of each metric, by name."),
    text("started_time", "When it began."),
    text("ended_time", "When it was over."),
    whole("duration_us", "How long it ran."),
    whole("cpu_time_us", "Processor time, all cores together."),
    number("cpu_utilisation_ratio", "Mean use of the processors it had, 0 to 1."),
    whole("gpu_time_us", "Time on GPUs, all together."),
    number("gpu_utilisation_ratio", "Mean use of the GPUs it had, 0 to 1."),
    whole("gpu_memory_max_bytes", "The most memory it held on GPUs."),
    whole("memory_max_bytes", "The most memory it held."),
    whole("memory_mean_bytes", "The memory it held on average."),
    number("energy_joules", "Energy it took, as far as that was measured."),
    text("error", "Why it failed, without secrets."),
)

_SURROUNDINGS = (
    text("python_version", "Version of Python."),
    struct("library_versions", "By library: its version."),
    text("operating_system", "Name and version of the operating system."),
    struct("hardware", "The machine: processors, GPUs, memory, drivers."),
    whole("cpu_count", "Processor cores it could use."),
    whole("gpu_count", "GPUs it could use."),
    text("gpu_model", "Which GPUs."),
    text("image_digest", "Digest of the container image as 'sha256:hexadecimal'."),
    text("image_reference", "Registry, repository and tag of that image, for people."),
)

_REPRODUCIBLE = (
    whole("python_seed", "Seed of Python's random numbers."),
    text("python_hash_seed", "PYTHONHASHSEED, a number or 'random'."),
    whole("numpy_seed", "Seed of NumPy's random numbers."),
    whole("framework_seed", "Seed of the learning framework's random numbers."),
    whole("cuda_seed", "Seed of CUDA's random numbers."),
    text("framework", "The learning framework, such as 'pytorch'."),
    struct("determinism_flags", "By flag: its value, such as cudnn.deterministic."),
    flag("is_deterministic", "Whether every flag that the framework has for that was set."),
    text("reproducibility_level", "exact, statistical or approximate."),
    number("reproducibility_tolerance", "How far a repeated run's metrics may differ."),
)

_REASONING = (
    text("hypothesis", "What the run was to show."),
    text("finding", "What it showed."),
    text("next_step", "What follows from that."),
    person("started_by", "Who started it."),
)

RUN: Final = (*SHARED, *_CODE, *_MEASURED, *_SURROUNDINGS, *_REPRODUCIBLE, *_REASONING)
"""What every execution of ours carries."""

_COLLECT = (
    text("method", "How the data was collected: query, export, survey, sensor, ..."),
    text("query", "The query that was run, without secrets."),
    struct("collection_context", "How, where, why and from whom the data was collected."),
    text("range_from_time", "The earliest moment that was collected."),
    text("range_to_time", "The first moment after those that were collected."),
    whole("row_count", "Rows collected."),
)

_LABEL = (
    text("method", "How labels were made: by people, by rules, by a model, from outcomes, ..."),
    people("labellers", "Who labelled: {'items': [...]}."),
    struct("quality", "What was measured of the labels' quality."),
    text("guideline_uri", "The instructions that the labellers had."),
)

_PREPARE = (
    struct("transformations", "What was done, in order: {'items': [...]}."),
    struct("fitted_parameters", "What was learned from the data, such as means for scaling."),
    whole("input_row_count", "Rows that went in."),
    whole("output_row_count", "Rows that came out."),
    text("drop_reason", "Why rows were left out."),
)

_TRAIN = (
    text("objective", "What was minimised or maximised."),
    text("algorithm", "The learning algorithm."),
    whole("epoch_count", "Passes over the training data."),
    whole("step_count", "Steps of the optimiser."),
    whole("best_step", "The step whose model was kept."),
    whole("fold_count", "Folds of cross-validation."),
    flag("is_fine_tuning", "Whether it began from the weights of another model."),
)

_EVALUATE = (
    text("split_role", "The role of the split it measured on."),
    struct("metrics_by_slice", "By slice, then by metric: the value."),
    struct("fairness_by_slice", "By slice, then by fairness measure: the value."),
    struct("thresholds", "By metric: what it had to reach."),
    flag("has_passed", "Whether every threshold was reached."),
)

_REGISTER = (
    text("model_name", "The name it was registered under."),
    whole("version_number", "The number it was given."),
    text("registry", "The registry."),
    person("registered_by", "Who registered it."),
)

_APPROVE = (
    person("approver", "The person who decided."),
    text("approver_role", "In what role they decided."),
    person("requested_by", "Who asked for the decision."),
    text("decision", "approved, rejected, withdrawn or abstained."),
    text("meaning", "What the decision means, such as 'fit for production'."),
)

_PROMOTE = (
    text("from_stage", "The stage it left."),
    text("to_stage", "The stage it reached."),
    text("alias", "The alias that was moved."),
    text("reason", "Why."),
    person("promoted_by", "Who promoted it."),
)

_DEPLOY = (
    text("version", "What was deployed, in its own version scheme."),
    text("place", "Where to: environment, cluster, namespace or endpoint."),
    text("strategy", "rolling, blue-green, canary, shadow, ..."),
    number("traffic_ratio", "Share of the traffic it was given, 0 to 1."),
    text("change_ticket", "The change that allowed it."),
    person("deployed_by", "Who deployed it."),
)

_ROLL_BACK = (
    text("place", "Where: environment, cluster, namespace or endpoint."),
    text("from_version", "The version that was taken out."),
    text("to_version", "The version that serves again."),
    text("reason", "Why."),
    flag("is_automatic", "Whether a machine decided it."),
    person("rolled_back_by", "Who rolled it back."),
)

_RETIRE = (
    text("reason", "Why."),
    text("replaced_by", "Key of what takes its place."),
    text("retention_until_time", "Until when it is kept."),
    person("retired_by", "Who retired it."),
)

_MONITOR = (
    text("window_from_time", "The first moment it looked at."),
    text("window_to_time", "The first moment after those it looked at."),
    struct("online_metrics", "By metric: its value in that window."),
    struct("drift_by_feature", "By feature: how far it moved from the reference."),
    text("drift_measure", "The measure of that, such as 'population stability index'."),
    text("reference", "Key of the data it was compared with."),
    whole("alert_count", "Alerts it raised."),
)


def _step(name: str, base_type: str, description: str, own: tuple[PropertySpec, ...]) -> KnownType:
    return KnownType(
        kind=Kind.EXECUTION,
        name=f"lineage.{name}",
        base_type=base_type,
        description=description,
        properties=(*RUN, *own),
    )


_CODE_REVISION = (
    text("commit", "The commit, all of its hexadecimal digits."),
    text("repository", "Address of the repository, without credentials."),
    text("branch", "A branch it was on."),
    text("tag", "A tag that names it."),
    text("message", "The first line of its message."),
    text("committed_time", "When it was committed, as it says itself."),
    person("author", "Who wrote it."),
    person("committer", "Who committed it."),
    flag("is_signed", "Whether it carries a signature."),
)

_CONTAINER_IMAGE = (
    text("image_digest", "Digest of its manifest as 'sha256:hexadecimal'."),
    text("registry", "The registry it was read from."),
    text("repository", "Its repository there."),
    struct("image_tags", "Tags that pointed to it when it was seen: {'items': [...]}."),
    struct("image_labels", "Labels in its configuration, by name."),
    text("base_image_digest", "Digest of the image it was built on."),
    text("platform", "Operating system and processor."),
    whole("size_bytes", "Size of its layers together."),
    text("built_time", "When it was built, as it says itself."),
    text("bill_of_materials_uri", "What software is in it."),
    flag("is_signed", "Whether a signature for it was found."),
)

RUN_TYPES: Final[tuple[KnownType, ...]] = (
    _step("Run", "mlmd.Process", "Anything that ran.", ()),
    _step("Collect", "mlmd.Process", "Collected data.", _COLLECT),
    _step("Label", "mlmd.Process", "Gave data its labels.", _LABEL),
    _step("Prepare", "mlmd.Transform", "Made data ready for learning.", _PREPARE),
    _step("Train", "mlmd.Train", "Made a model from data.", _TRAIN),
    _step("Evaluate", "mlmd.Evaluate", "Measured a model on data.", _EVALUATE),
    _step("Register", "mlmd.Process", "Entered a model into a registry.", _REGISTER),
    _step("Approve", "mlmd.Process", "Decided whether something may go on.", _APPROVE),
    _step("Promote", "mlmd.Process", "Moved a version to a stage or an alias.", _PROMOTE),
    _step("Deploy", "mlmd.Deploy", "Put a version to work somewhere.", _DEPLOY),
    _step("RollBack", "mlmd.Deploy", "Put an earlier version back.", _ROLL_BACK),
    _step("Retire", "mlmd.Process", "Took something out of use for good.", _RETIRE),
    _step("Monitor", "mlmd.Evaluate", "Watched something that serves.", _MONITOR),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.CodeRevision",
        description="The state of a code repository at one commit.",
        properties=(*SHARED, *_CODE_REVISION),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.ContainerImage",
        description="A container image, told by its digest.",
        properties=(*SHARED, *_CONTAINER_IMAGE),
    ),
)
