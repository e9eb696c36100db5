"""Runs: of pipelines, tasks and builds, of test suites and test cases, and what tests put out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from lineage.connectors.cdevents.artifacts import say_made
from lineage.connectors.cdevents.telling import RUN, Step, Telling, say_environment, without_none
from lineage_schemas.cdevents_names import cdevents_identifier
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
)
from lineage_schemas.outside.cdevents import Reference
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

PIPELINE: Final = "lineage.Pipeline"
PIPELINE_RUN: Final = "lineage.PipelineRun"
DOCUMENT: Final = "lineage.Document"

_STATES: Final = {
    "queued": ExecutionState.NEW,
    "started": ExecutionState.RUNNING,
    "skipped": ExecutionState.CANCELED,
}
_OUTCOMES: Final = {
    "success": ExecutionState.COMPLETE,
    "pass": ExecutionState.COMPLETE,
    "failure": ExecutionState.FAILED,
    "fail": ExecutionState.FAILED,
    "error": ExecutionState.FAILED,
    "cancel": ExecutionState.CANCELED,
    "cancelled": ExecutionState.CANCELED,
}
_ENDS: Final = frozenset({"finished", "skipped"})
_PARENTS: Final = (("pipeline_run", "pipelinerun"), ("test_suite_run", "testsuiterun"))
"""Fields that name the run which another belongs to, and of what kind that is."""


def say_run(telling: Telling) -> Step:
    """Say what became of a run. Its messages add up, in whatever order they come."""
    content, predicate = telling.content, telling.predicate
    test = content.test_case or content.test_suite
    name = content.pipeline_name or content.task_name or (test and test.name) or telling.id
    outcome = content.outcome if predicate == "finished" else None
    properties: dict[str, JsonValue] = {
        "display_name": name,
        "source_type": telling.subject,
        "source_state": outcome or predicate,
        "source_url": telling.url,
        "started_time": telling.moment if predicate == "started" else None,
        "ended_time": telling.moment if predicate in _ENDS else None,
        "error": content.errors or (content.reason if predicate in _ENDS else None),
    }
    custom: dict[str, JsonValue] = {
        "cdevents.outcome": outcome,
        "cdevents.severity": content.severity,
        "cdevents.queued_time": telling.moment if predicate == "queued" else None,
        "cdevents.test": _plain(test),
        "cdevents.trigger": _plain(content.trigger),
    }
    return Step(
        telling.key,
        properties=properties,
        custom=custom,
        state=_state(telling),
        is_later=predicate in _ENDS,
        records=[
            *say_made(telling, telling.key),
            *_pipeline(telling),
            *_parents(telling),
            *say_environment(telling, telling.key),
        ],
    )


def say_test_output(telling: Telling) -> Step:
    """Say that a run of tests put something out: a report, a video, a log."""
    content = telling.content
    document: dict[str, JsonValue] = {
        "display_name": telling.id,
        "source_type": content.output_type,
        "media_type": content.format,
        "document_uri": telling.url,
        "attached_time": telling.moment,
    }
    records: list[AnyRecord] = [
        Artifact(key=telling.key, type=DOCUMENT, properties=without_none(document))
    ]
    run = content.test_case_run
    step = telling.step if run is None else telling.key_of("testcaserun", run)
    records.append(
        Event(artifact=telling.key, execution=step, kind=EventKind.OUTPUT, path=("output",))
    )
    named = {} if run is not None else _publishing(telling)
    return Step(step, properties=named, records=records, is_later=run is not None)


def _publishing(telling: Telling) -> dict[str, JsonValue]:
    return {"display_name": f"published: {telling.id}", "ended_time": telling.moment}


def _state(telling: Telling) -> ExecutionState | None:
    """Return the state of a run; of one that is over and does not say how, that is not known."""
    if telling.predicate != "finished":
        return _STATES.get(telling.predicate)
    outcome, made = telling.content.outcome, telling.content.artifact_id
    if outcome is None and made is not None:
        return ExecutionState.COMPLETE  # builds have no outcome: they say what they made
    return _OUTCOMES.get((outcome or "").lower(), ExecutionState.UNKNOWN)


def _pipeline(telling: Telling) -> Iterator[AnyRecord]:
    name = telling.content.pipeline_name
    if name is not None and name:
        key = cdevents_identifier("pipeline", telling.source, name)
        yield Context(key=key, type=PIPELINE, properties={"display_name": name})
        yield Association(context=key, execution=telling.key)


def _parents(telling: Telling) -> Iterator[AnyRecord]:
    """Yield the runs that this one is a part of: each as a run, and as the context of its parts."""
    for field, kind in _PARENTS:
        parent: Reference | None = getattr(telling.content, field)
        if parent is None:
            continue
        key = telling.key_of(kind, parent)
        if key == telling.key:
            continue
        yield Execution(key=key, type=RUN)
        yield Context(key=key, type=PIPELINE_RUN)
        yield Association(context=key, execution=key)
        yield Association(context=key, execution=telling.key)


def _plain(described: msgspec.Struct | None) -> JsonValue:
    """Return what is said of a test or a trigger as an object; ``None`` where that is nothing."""
    if described is None:
        return None
    found: dict[str, JsonValue] = msgspec.to_builtins(described)
    return without_none(found) or None
