"""Run events: a run, its job, what it read and wrote, and who started it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from lineage.connectors.openlineage.columns import RunColumns
from lineage.connectors.openlineage.datasets import say_datasets
from lineage.connectors.openlineage.facets import is_deleted
from lineage.connectors.openlineage.jobs import JOB_TYPE, job_key, say_job
from lineage.connectors.openlineage.known import RUN, RUN_BY_JOB
from lineage.connectors.openlineage.naming import RUN_ID_NOT_UUID, is_uuid
from lineage.connectors.openlineage.saying import Said, Saying
from lineage.connectors.parcels import distinct
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.identifiers import run_identifier
from lineage_schemas.mlmd import (
    Association,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    ParentContext,
)
from lineage_schemas.outside.openlineage import (
    Dataset,
    EventType,
    Facets,
    ParentFacet,
    RunEvent,
    RunOfJob,
)
from lineage_schemas.records import AnyRecord

RUN_TYPE: Final = "lineage.Run"
PARENT_RUN_TYPE: Final = "lineage.PipelineRun"

STATES: Final = {
    EventType.START: ExecutionState.RUNNING,
    EventType.RUNNING: ExecutionState.RUNNING,
    EventType.COMPLETE: ExecutionState.COMPLETE,
    EventType.FAIL: ExecutionState.FAILED,
    EventType.ABORT: ExecutionState.CANCELED,
}
"""What a transition tells of the run's state; an absent one tells nothing."""

_ENDS: Final = frozenset({EventType.COMPLETE, EventType.FAIL, EventType.ABORT})
_VERSION: Final = "version"
_PARENTS: Final = ("parent", "parentRun")  # the second is what early producers wrote


def say_run(event: RunEvent, moment: str) -> Said:
    """Say what a run event states; ``moment`` is its time as text.

    Raises:
        InvalidInputError: a name that cannot be kept; names the JSON path.
    """
    key = run_key(event.run.run_id, "$.run.runId")
    job = say_job(event.job)
    run = Saying(key, RUN_TYPE)
    run.source(event)
    run.facets(event.run.facets, RUN)
    run.fill(event.job.facets, RUN_BY_JOB)
    _transition(run, event.event_type, moment)
    if not is_uuid(event.run.run_id):
        run.flags.add(RUN_ID_NOT_UUID)
    data = tuple(_data(event, run))
    parents = tuple(_parents(event, run, job.key))
    records = (
        Execution(state=STATES.get(event.event_type) if event.event_type else None, **run.fields()),
        Context(**job.fields()),
        Association(context=job.key, execution=key),
        *parents,
        *(record for said in data for record in said.records),
    )
    flags = {*run.all_flags(), *job.all_flags(), *(flag for said in data for flag in said.flags)}
    return Said(distinct(records), tuple(sorted(flags)))


def run_key(run_id: str, path: str) -> str:
    """Return the key of a run, as an execution and as the context of its children.

    Raises:
        InvalidInputError: an id that cannot be kept; names ``path``.
    """
    try:
        return run_identifier(run_id)
    except LedgerError as error:
        raise error.at(path) from error


def _transition(run: Saying, event_type: EventType | None, moment: str) -> None:
    if event_type is None:
        return
    run.properties["source_state"] = event_type.value
    if event_type is EventType.START:
        run.properties["started_time"] = moment
    elif event_type in _ENDS:
        run.properties["ended_time"] = moment


def _data(event: RunEvent, run: Saying) -> Iterator[Said]:
    """Yield what is said of the data that was read and written, Events included."""
    columns = RunColumns(run)
    for given, said in zip(event.inputs or (), say_datasets(event.inputs, "inputs"), strict=True):
        run.dataset_facets("input", said.key, given.input_facets)
        run.dataset_facets("input", said.key, _version(given))
        link = Event(artifact=said.key, execution=run.key, kind=EventKind.INPUT)
        yield Said((*said.records, link), said.flags)
    for put, said in zip(event.outputs or (), say_datasets(event.outputs, "outputs"), strict=True):
        run.dataset_facets("output", said.key, put.output_facets)
        columns.output(put, said.key)
        run.dataset_facets("output", said.key, _version(put))
        link = Event(artifact=said.key, execution=run.key, kind=EventKind.OUTPUT)
        yield Said((*said.records, link), said.flags)
    columns.job(event.job.facets)
    columns.say()


def _version(data: Dataset) -> Facets:
    """Return the facet that says which version it was: the data set's own word is its latest."""
    version = (data.facets or {}).get(_VERSION)
    return {} if version is None else {_VERSION: version}


def _parents(event: RunEvent, run: Saying, own_job: str) -> Iterator[AnyRecord]:
    """Yield the run that started this one, and the one at the top of it all."""
    for name in _PARENTS:
        facet = (event.run.facets or {}).get(name)
        if facet is None or is_deleted(facet):
            continue
        try:
            parent = msgspec.convert(facet, ParentFacet)
            yield from _family(parent, run.key, own_job)
        except (msgspec.ValidationError, InvalidInputError):
            run.misread.append(name)


def _family(parent: ParentFacet, own_key: str, own_job: str) -> tuple[AnyRecord, ...]:
    key, known = _other_run(parent)
    records = [*known, Association(context=key, execution=own_key)]
    above = job_key(parent.job, "")
    if above != own_job:
        records.append(ParentContext(child=own_job, parent=above))
    if parent.root is not None:
        top, known = _other_run(parent.root)
        if top != key:
            records += (*known, ParentContext(child=key, parent=top))
    return tuple(records)


def _other_run(other: RunOfJob) -> tuple[str, tuple[AnyRecord, ...]]:
    """Return the key of another run, and what naming it states: itself, its job, its children."""
    key, job = run_key(other.run.run_id, ""), job_key(other.job, "")
    return key, (
        Context(key=key, type=PARENT_RUN_TYPE),
        Association(context=key, execution=key),
        Context(key=job, type=JOB_TYPE, properties={"display_name": other.job.name}),
        Association(context=job, execution=key),
    )
