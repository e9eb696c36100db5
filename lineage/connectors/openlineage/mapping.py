"""What OpenLineage's messages state. Pure: no clock, no randomness, no I/O.

    run event      Execution lineage.Run (ol:run/ID), its job as Context lineage.Pipeline
                   (ol:job/...), inputs and outputs as Artifacts lineage.DataSet (ol:dataset/...)
                   with Events; parents as Contexts lineage.PipelineRun; what the fields of
                   each output were made from, on the Execution
    job event      the Context of the job, with its data sets as Attributions
    dataset event  the Artifact

Everything a message says is an observation at its ``eventTime``, and observations commute: the
inputs of a run are those of all its messages together, and no message takes one away.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from lineage.connectors.base import Mapped, check_keepable
from lineage.connectors.openlineage.datasets import say_dataset
from lineage.connectors.openlineage.jobs import say_job_event
from lineage.connectors.openlineage.naming import (
    dataset_statement,
    job_statement,
    run_statement,
)
from lineage.connectors.openlineage.runs import say_run
from lineage.connectors.openlineage.saying import Said
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant, instant_of, parse_instant
from lineage_schemas.outside.openlineage import (
    AnyEvent,
    DatasetEvent,
    JobEvent,
    RunEvent,
    decode_event,
)
from lineage_schemas.records import StatedTime

VERSION: Final = "openlineage/2"
"""Since version 2 a run states the column lineage of its outputs."""


class OpenLineageMapping(Struct, frozen=True):
    """The mapping of OpenLineage."""

    version: str = VERSION

    def map(self, body: bytes) -> Mapped:
        """Say what one message states.

        Raises:
            DecodeError: not a message in JSON, or a text in it has U+0000, which the log refuses.
            InvalidInputError: an ``eventTime`` that is no time or has no time zone, or a name that
                cannot be an identifier; names the JSON path.
        """
        check_keepable(body)
        event = decode_event(body)
        instant = _event_time(event.event_time)
        moment = format_instant(instant)
        statement_id, said = _said(event, moment)
        return Mapped(
            statement_id=statement_id,
            stated=StatedTime(start=instant_of(instant)),
            records=said.records,
            flags=said.flags,
        )


def _said(event: AnyEvent, moment: str) -> tuple[str, Said]:
    if isinstance(event, RunEvent):
        said = say_run(event, moment)
        return run_statement(event.run.run_id, event.event_type, moment), said
    if isinstance(event, JobEvent):
        return job_statement(event.job, moment), say_job_event(event)
    return dataset_statement(event.dataset, moment), _said_dataset(event)


def _said_dataset(event: DatasetEvent) -> Said:
    said = say_dataset(event.dataset, "$.dataset", event)
    return Said(said.records, said.flags)


def _event_time(text: str) -> int:
    try:
        return parse_instant(text)
    except InvalidInputError as error:
        raise error.at("$.eventTime") from error
