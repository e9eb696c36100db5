"""Runs that report themselves: START when they begin, COMPLETE or FAIL when they end.

A run learns of its parent from the environment, in the variables that `dbt-ol` reads as well:
`OPENLINEAGE_PARENT_ID` and `OPENLINEAGE_ROOT_PARENT_ID`, each `namespace/job/run id`.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from fraud_pipeline import facets
from fraud_pipeline.datasets import measures
from openlineage.client import OpenLineageClient, facet_v2
from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    set_producer,
)
from openlineage.client.uuid import generate_new_uuid

if TYPE_CHECKING:
    from types import TracebackType

    from fraud_pipeline.datasets import DataSet
    from fraud_pipeline.facets import Facets, JobCard

PARENT = "OPENLINEAGE_PARENT_ID"
ROOT_PARENT = "OPENLINEAGE_ROOT_PARENT_ID"


@dataclass
class ReportedRun:
    """One run of a job. Use it as a context; add run facets while it runs."""

    job: JobCard
    reads: tuple[DataSet, ...] = ()
    writes: tuple[DataSet, ...] = ()
    run_facets: Facets = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: str(generate_new_uuid()))

    def __enter__(self) -> Self:
        self.commit = _commit()
        set_producer(facets.REPOSITORY)
        self.client = OpenLineageClient()
        self.existed = {data_set: data_set.path.exists() for data_set in self.writes}
        self.inputs = measures(self.reads)
        self._emit(RunState.START, [])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._emit(RunState.COMPLETE, self._outputs())
        else:
            failure = facet_v2.error_message_run.ErrorMessageRunFacet(repr(error), "PYTHON")
            self.run_facets["errorMessage"] = failure
            self._emit(RunState.FAIL, [])
        self.client.close()

    def children_environment(self) -> dict[str, str]:
        """The environment in which whatever this run starts knows its parent."""
        own = f"{self.job.namespace}/{self.job.name}/{self.run_id}"
        return {**os.environ, PARENT: own, ROOT_PARENT: os.environ.get(ROOT_PARENT, own)}

    def _emit(self, state: RunState, outputs: list[OutputDataset]) -> None:
        card, begins = self.job, state is RunState.START
        inputs = [
            InputDataset(
                data_set.namespace,
                data_set.name,
                facets=facets.of_input_data_set(data_set, measured, described=begins),
                inputFacets=facets.of_input(measured),
            )
            for data_set, measured in self.inputs.items()
        ]
        described = facets.of_job(card, self.commit, described=begins)
        self.client.emit(
            RunEvent(
                eventType=state,
                eventTime=datetime.now(UTC).isoformat(),  # noqa: TID251 - when it happens
                run=Run(
                    self.run_id, facets.engine(learns=card.learns) | _parent() | self.run_facets
                ),
                job=Job(card.namespace, card.name, described),
                inputs=inputs,
                outputs=outputs,
                producer=facets.REPOSITORY,
            )
        )

    def _outputs(self) -> list[OutputDataset]:
        return [
            OutputDataset(
                data_set.namespace,
                data_set.name,
                facets=facets.of_output_data_set(
                    data_set, measured, existed=self.existed[data_set]
                ),
                outputFacets=facets.of_output(measured),
            )
            for data_set, measured in measures(self.writes).items()
        ]


def _commit() -> str:
    """The commit of the code that runs; the working directory is its repository."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def _parent() -> Facets:
    """The run that started this one, and the one that started it all."""
    if PARENT not in os.environ:
        return {}
    parent = facet_v2.parent_run
    namespace, job, run_id = os.environ[PARENT].split("/")
    root_namespace, root_job, root_run_id = os.environ[ROOT_PARENT].split("/")
    return {
        "parent": parent.ParentRunFacet(
            run=parent.Run(run_id),
            job=parent.Job(namespace, job),
            root=parent.Root(
                run=parent.RootRun(root_run_id), job=parent.RootJob(root_namespace, root_job)
            ),
        )
    }
