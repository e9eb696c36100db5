"""Jobs: their nodes, and job events, which describe a job apart from any run."""

from __future__ import annotations

from typing import Final

from lineage.connectors.openlineage.datasets import SaidDataset, say_datasets
from lineage.connectors.openlineage.known import JOB
from lineage.connectors.openlineage.naming import INPUTS, OUTPUTS
from lineage.connectors.openlineage.saying import Said, Saying
from lineage.connectors.parcels import distinct
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import job_identifier
from lineage_schemas.mlmd import Attribution, Context
from lineage_schemas.outside.openlineage import Job, JobEvent

JOB_TYPE: Final = "lineage.Pipeline"


def job_key(job: Job, path: str) -> str:
    """Return the key of a job.

    Raises:
        InvalidInputError: a namespace or name that cannot be kept; names ``path``.
    """
    try:
        return job_identifier(job.namespace, job.name)
    except LedgerError as error:
        raise error.at(path) from error


def say_job(job: Job) -> Saying:
    """Begin to say a job, with its facets.

    Raises:
        InvalidInputError: a namespace or name that cannot be kept; names the JSON path.
    """
    saying = Saying(job_key(job, "$.job"), JOB_TYPE)
    saying.properties["display_name"] = job.name
    saying.facets(job.facets, JOB)
    return saying


def say_job_event(event: JobEvent) -> Said:
    """Say what a job event states.

    Nothing ran, so there is no lineage: the data sets belong to the job, which keeps the list of
    those it reads and of those it writes.

    Raises:
        InvalidInputError: a name that cannot be kept; names the JSON path.
    """
    job = say_job(event.job)
    job.source(event)
    inputs, outputs = say_datasets(event.inputs, "inputs"), say_datasets(event.outputs, "outputs")
    for given, said in zip(event.inputs or (), inputs, strict=True):
        job.dataset_facets("input", said.key, given.input_facets)
    for put, said in zip(event.outputs or (), outputs, strict=True):
        job.dataset_facets("output", said.key, put.output_facets)
    _list(job, INPUTS, inputs)
    _list(job, OUTPUTS, outputs)
    data = (*inputs, *outputs)
    records = (
        Context(**job.fields()),
        *(
            record
            for said in data
            for record in (*said.records, Attribution(context=job.key, artifact=said.key))
        ),
    )
    flags = {*job.all_flags(), *(flag for said in data for flag in said.flags)}
    return Said(distinct(records), tuple(sorted(flags)))


def _list(job: Saying, slot: str, data: list[SaidDataset]) -> None:
    if data:
        job.custom[slot] = {"items": list(dict.fromkeys(said.key for said in data))}
