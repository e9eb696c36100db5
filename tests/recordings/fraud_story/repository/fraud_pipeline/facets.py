"""What is said of data sets, jobs and runs, in the words of OpenLineage."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sklearn
from fraud_pipeline.datasets import FILES, ROOT, WAREHOUSE
from openlineage.client import facet_v2

if TYPE_CHECKING:
    from fraud_pipeline.datasets import DataSet, Measure
    from fraud_pipeline.files import Value

Facets = dict[str, Any]

REPOSITORY = "https://git.example.com/fraud/fraud-pipeline"
SCHEMAS = "https://schemas.example.com/openlineage"


@dataclass(frozen=True)
class JobCard:
    """What a job says of itself in each of its runs."""

    namespace: str
    name: str
    source: str
    about: str
    owner: str
    type: str = "TASK"
    learns: bool = False


def _of_data_set(data_set: DataSet) -> Facets:
    source = ("fraud-data", f"file://{ROOT}") if data_set.namespace == FILES else (WAREHOUSE,) * 2
    facets: Facets = {
        "dataSource": facet_v2.datasource_dataset.DatasourceDatasetFacet(*source),
        "datasetType": facet_v2.dataset_type_dataset.DatasetTypeDatasetFacet(data_set.kind),
        "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet(data_set.about),
        "ownership": facet_v2.ownership_dataset.OwnershipDatasetFacet(
            [facet_v2.ownership_dataset.Owner(data_set.owner, "OWNER")]
        ),
    }
    if data_set.fields:
        schema = facet_v2.schema_dataset
        facets["schema"] = schema.SchemaDatasetFacet(
            [
                schema.SchemaDatasetFacetFields(f.name, f.type, f.about, position, None)
                for position, f in enumerate(data_set.fields, start=1)
            ]
        )
    if data_set.personal:
        tags = facet_v2.tags_dataset
        facets["tags"] = tags.TagsDatasetFacet(
            [tags.TagsDatasetFacetFields("pii", "true", "USER", f) for f in data_set.personal]
        )
    if data_set.aliases:
        symlinks = facet_v2.symlinks_dataset
        facets["symlinks"] = symlinks.SymlinksDatasetFacet(
            [symlinks.Identifier(a.namespace, a.name, a.type) for a in data_set.aliases]
        )
    return facets


def _version(measured: Measure) -> Facets:
    if not measured.digest:
        return {}
    version = facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(measured.digest)
    return {"version": version}


def of_input_data_set(data_set: DataSet, measured: Measure, *, described: bool) -> Facets:
    """Tell which version was read; describe the data set only where that is asked."""
    return (_of_data_set(data_set) if described else {}) | _version(measured)


def of_input(measured: Measure) -> Facets:
    """How much was read."""
    statistics = facet_v2.input_statistics_input_dataset.InputStatisticsInputDatasetFacet
    return {"inputStatistics": statistics(measured.rows, measured.size, fileCount=1)}


def of_output(measured: Measure) -> Facets:
    """How much was written."""
    statistics = facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    return {"outputStatistics": statistics(measured.rows, measured.size, fileCount=1)}


def of_output_data_set(data_set: DataSet, measured: Measure, *, existed: bool) -> Facets:
    """Describe what was written, and whether it took something's place."""
    lifecycle = facet_v2.lifecycle_state_change_dataset
    change = lifecycle.LifecycleStateChange
    return (
        _of_data_set(data_set)
        | _version(measured)
        | {
            "lifecycleStateChange": lifecycle.LifecycleStateChangeDatasetFacet(
                change.OVERWRITE if existed else change.CREATE
            )
        }
    )


def of_job(job: JobCard, commit: str, *, described: bool) -> Facets:
    """Tell a job's kind; its words, its owner and the file that it is where that is asked."""
    kind = facet_v2.job_type_job.JobTypeJobFacet("BATCH", "PYTHON", job.type)
    if not described:
        return {"jobType": kind}
    code = facet_v2.source_code_location_job
    tags = facet_v2.tags_job
    return {
        "jobType": kind,
        "documentation": facet_v2.documentation_job.DocumentationJobFacet(job.about),
        "ownership": facet_v2.ownership_job.OwnershipJobFacet(
            [facet_v2.ownership_job.Owner(job.owner, "MAINTAINER")]
        ),
        "sourceCodeLocation": code.SourceCodeLocationJobFacet(
            type="git",
            url=f"{REPOSITORY}/blob/{commit}/{job.source}",
            repoUrl=f"{REPOSITORY}.git",
            path=job.source,
            version=commit,
            branch="main",
        ),
        "tags": tags.TagsJobFacet([tags.TagsJobFacetFields("cost_centre", "4711", "USER")]),
    }


def engine(*, learns: bool) -> Facets:
    """Tell which engine computes: the one that learns, or Python itself."""
    version, name = (
        (sklearn.__version__, "scikit-learn") if learns else (platform.python_version(), "Python")
    )
    facet = facet_v2.processing_engine_run.ProcessingEngineRunFacet(version, name)
    return {"processing_engine": facet}


def settings(values: dict[str, Value]) -> Facets:
    """Parameters in the standard facet, which knows only text."""
    execution = facet_v2.execution_parameters_run
    listed = [execution.ExecutionParameter(key, value=str(value)) for key, value in values.items()]
    return {
        "executionParameters": execution.ExecutionParametersRunFacet(listed, producer=REPOSITORY)
    }


def hyperparameters(values: dict[str, Value]) -> Facets:
    """Hyperparameters with their types, in a facet of our own."""
    return {"hyperparameters": _own("HyperparametersRunFacet") | {"parameters": values}}


def metrics(values: dict[str, float]) -> Facets:
    """Metrics by name, in a facet of our own."""
    return {"metrics": _own("MetricsRunFacet") | {"values": values}}


def _own(name: str) -> Facets:
    return {"_producer": REPOSITORY, "_schemaURL": f"{SCHEMAS}/1-0-0/{name}.json#/$defs/{name}"}
