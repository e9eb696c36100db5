"""Metrics that name the data set they were measured on: evaluations.

MLflow names such a data set by name and digest only, which tells it within its experiment. So the
evaluation reads a node of that name, and the data set that a run has read claims the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from lineage.connectors.mlflow.keys import (
    dataset_in_experiment,
    key_of,
    logged_model_key,
    run_key,
)
from lineage.connectors.mlflow.saying import Saying, moment, table
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
)
from lineage_schemas.outside.mlflow import LoggedModel, Metric, Run
from lineage_schemas.records import AnyRecord

EVALUATE_TYPE: Final = "lineage.Evaluate"
METRICS_TYPE: Final = "lineage.Metrics"

_NO_MODEL: Final = "-"

_Measured = tuple[str, str, str]
"""(id of the run, name of the data set, its digest)."""


Evaluation = tuple[int | None, Iterator[AnyRecord]]
"""When it was measured, in milliseconds, and what is said of it."""


def say_model_evaluations(server: str, shown: LoggedModel) -> Iterator[Evaluation]:
    """Yield the evaluations of a logged model."""
    for measured, metrics in _by_dataset(shown.metrics, shown.source_run_id or ""):
        yield (
            metrics[-1].timestamp,
            _evaluation(server, shown.model_id, shown.experiment_id, measured, metrics),
        )


def say_run_evaluations(server: str, shown: Run) -> Iterator[Evaluation]:
    """Yield the evaluations of a run whose metrics name a data set, and no model."""
    metrics = [metric for metric in shown.metrics if not metric.model_id]
    for measured, group in _by_dataset(metrics, shown.run_id):
        yield (
            group[-1].timestamp,
            _evaluation(server, _NO_MODEL, shown.experiment_id, measured, group),
        )


def _by_dataset(
    metrics: Iterable[Metric], run_id: str
) -> Iterator[tuple[_Measured, tuple[Metric, ...]]]:
    def measured(metric: Metric) -> _Measured:
        return metric.run_id or run_id, metric.dataset_name or "", metric.dataset_digest or ""

    named = sorted((metric for metric in metrics if metric.dataset_name), key=measured)
    for key, group in groupby(named, key=measured):
        yield key, tuple(sorted(group, key=lambda metric: (metric.step, metric.timestamp or 0)))


def _evaluation(
    server: str,
    model_id: str,
    experiment_id: str | None,
    measured: _Measured,
    metrics: tuple[Metric, ...],
) -> Iterator[AnyRecord]:
    run_id, name, digest = measured
    key = key_of("evaluation", server, model_id, *measured)
    figures = key_of("metrics", server, model_id, *measured)
    dataset = dataset_in_experiment(server, experiment_id or "", name, digest)
    values = table({metric.key: metric.value for metric in metrics})
    last = metrics[-1]
    execution, artifact = Saying(key, EVALUATE_TYPE), Saying(figures, METRICS_TYPE)
    execution.put(
        display_name=f"evaluation on {name}",
        source_type="metrics of a data set",
        metrics=values,
        ended_time=moment(last.timestamp),
    )
    artifact.put(
        display_name=f"metrics on {name}",
        values=values,
        step=last.step,
        measured_time=moment(last.timestamp),
    )
    data = Saying(dataset, "lineage.DataSet")
    data.put(display_name=name, version=digest, source_type="dataset")
    yield Execution(**execution.fields(), state=ExecutionState.COMPLETE)
    yield Artifact(**artifact.fields())
    yield Artifact(**data.fields())
    if model_id != _NO_MODEL:
        yield _event(logged_model_key(server, model_id), key, EventKind.INPUT, "model")
    yield _event(dataset, key, EventKind.INPUT, "data")
    yield _event(figures, key, EventKind.OUTPUT, "metrics")
    if run_id:
        context = run_key(server, run_id)
        yield Context(key=context, type="lineage.RunContext", properties={"run_key": context})
        yield Association(context=context, execution=key)


def _event(artifact: str, execution: str, kind: EventKind, role: str) -> Event:
    return Event(artifact=artifact, execution=execution, kind=kind, path=(role,))
