"""What MLflow's documents state. Pure: nothing but the revision decides.

    experiment         Context lineage.Experiment
    run                Execution lineage.Run in its experiment, and in the run it is nested in; the
                       commit, data sets, models and image that it read as inputs, models as outputs
    series             the metric's values by step
    logged_model       Artifact lineage.Model; by data set it was measured on, an Execution
                       lineage.Evaluate with Artifact lineage.Metrics
    model_file         flavours, signature and example of that model
    artifacts          files of the run; folders that are models
    registered_model   Context lineage.RegisteredModel
    model_version      Artifact lineage.ModelVersion, output of an Execution lineage.Register
    what changed       Executions lineage.Promote and lineage.Retire

What a thing is made of holds from the time that MLflow gives for it; what it shows now (its state,
its labels) holds from the look that saw it, so that a later look wins over an earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from lineage.connectors.mlflow.changes import Changes
from lineage.connectors.mlflow.documents import (
    ARTIFACTS,
    EXPERIMENT,
    LOGGED_MODEL,
    MODEL_FILE,
    MODEL_VERSION,
    REGISTERED_MODEL,
    RUN,
    SERIES,
)
from lineage.connectors.mlflow.evaluations import say_model_evaluations, say_run_evaluations
from lineage.connectors.mlflow.keys import check_server
from lineage.connectors.mlflow.models import (
    say_logged_model,
    say_logged_model_file,
    say_logged_model_structure,
)
from lineage.connectors.mlflow.registry import (
    say_registered_model,
    say_version,
    say_version_structure,
)
from lineage.connectors.mlflow.runs import (
    say_artifacts,
    say_claims_changed,
    say_experiment,
    say_run,
    say_run_structure,
    say_series,
)
from lineage.connectors.mlflow.saying import is_time
from lineage.connectors.mlflow.turns import Body, aliases_of, carry_turns, decode, is_gone
from lineage.connectors.parcels import distinct
from lineage.connectors.scanning import Revision, Said
from lineage_schemas.errors import DecodeError
from lineage_schemas.instants import instant_of
from lineage_schemas.outside.mlflow import (
    Artifacts,
    Experiment,
    LoggedModel,
    LoggedModelFile,
    ModelVersion,
    RegisteredModel,
    Run,
    Series,
    decode_shown,
)
from lineage_schemas.records import AnyRecord, Precision, StatedTime

VERSION: Final = "mlflow/1"

_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_COUNTED: Final = frozenset({EXPERIMENT, RUN, LOGGED_MODEL, REGISTERED_MODEL, MODEL_VERSION})
"""Kinds whose changes are history."""


class MlflowMapping(Struct, frozen=True):
    """The first mapping of MLflow, for one server."""

    server: str
    version: str = VERSION

    def __post_init__(self) -> None:
        """Refuse what cannot be the name of a server."""
        check_server(self.server)

    def carry(self, before: bytes | None, body: bytes) -> bytes:
        """Return the document with its turns: how often its aliases and its state have changed."""
        return carry_turns(before, body)

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """Say what a revision states.

        Raises:
            DecodeError: the document is not as MLflow shows its things, or a text in it has the
                character U+0000, which the log refuses; names the JSON path.
            InvalidInputError: an id that cannot be one of MLflow's.
        """
        if found := _NUL.search(revision.body):
            raise DecodeError(
                "A text has the character U+0000, which the log cannot keep",
                where=f"{revision.subject}: byte {found.start()}",
            )
        kind = revision.subject.partition("/")[0]
        now = decode(revision.body)
        was = {} if revision.before is None else decode(revision.before)
        said: list[Said] = []
        if not is_gone(now):
            said += self._shown(kind, revision, was)
        if kind in _COUNTED and (was or not is_gone(now)):
            changes = distinct(_changes(kind, Changes(self.server, revision, was, now)))
            said += _said(_between(revision), changes)
        return tuple(said)

    def _shown(self, kind: str, revision: Revision, was: Body) -> Iterator[Said]:
        """Say what is shown, in order: since its beginning, and by now."""
        body, server = revision.body, self.server
        was_known = bool(was)
        by_now = StatedTime(start=revision.at)
        if kind == RUN:
            run = decode_shown(body, Run)
            yield from _said(_since(run.start_time), say_run_structure(server, run))
            yield from _said(by_now, say_run(server, run, was_known=was_known))
            if revision.before is not None and not is_gone(was):
                before = decode_shown(revision.before, Run)
                yield from _said(by_now, say_claims_changed(server, before, run))
            for measured, records in say_run_evaluations(server, run):
                yield from _said(_since(measured), records)
        elif kind == LOGGED_MODEL:
            model = decode_shown(body, LoggedModel)
            structure = say_logged_model_structure(server, model)
            yield from _said(_since(model.creation_timestamp_ms), structure)
            yield from _said(by_now, say_logged_model(server, model, was_known=was_known))
            for measured, records in say_model_evaluations(server, model):
                yield from _said(_since(measured), records)
        elif kind == MODEL_VERSION:
            version = decode_shown(body, ModelVersion)
            structure = say_version_structure(server, version)
            yield from _said(_since(version.creation_timestamp), structure)
            yield from _said(by_now, say_version(server, version, was_known=was_known))
        else:
            yield from _said(by_now, self._plain(kind, body, was, was_known=was_known))

    def _plain(self, kind: str, body: bytes, was: Body, *, was_known: bool) -> Iterator[AnyRecord]:
        server = self.server
        if kind == EXPERIMENT:
            return say_experiment(server, decode_shown(body, Experiment), was_known=was_known)
        if kind == SERIES:
            return say_series(server, decode_shown(body, Series))
        if kind == MODEL_FILE:
            return say_logged_model_file(server, decode_shown(body, LoggedModelFile))
        if kind == ARTIFACTS:
            return say_artifacts(server, decode_shown(body, Artifacts), was_known=was_known)
        if kind == REGISTERED_MODEL:
            before = aliases_of(was) if was else None
            return say_registered_model(server, decode_shown(body, RegisteredModel), before)
        raise DecodeError("MLflow has no things of this kind", where=kind)


def _changes(kind: str, changes: Changes) -> Iterator[AnyRecord]:
    if kind == REGISTERED_MODEL:
        return changes.of_registered_model()
    if kind == MODEL_VERSION:
        return changes.of_version()
    if kind == LOGGED_MODEL:
        return changes.of_logged_model()
    return changes.of_run() if kind == RUN else changes.of_experiment()


def _said(stated: StatedTime, records: Iterable[AnyRecord]) -> Iterator[Said]:
    said = distinct(records)
    if said:
        yield Said(stated, said)


def _since(milliseconds: int | None) -> StatedTime:
    if milliseconds is None or not is_time(milliseconds):
        return StatedTime(precision=Precision.UNKNOWN)
    return StatedTime(start=instant_of(milliseconds * 1_000))


def _between(revision: Revision) -> StatedTime:
    if revision.after == revision.at:
        return StatedTime(start=revision.at)
    return StatedTime(start=revision.after, end=revision.at, precision=Precision.INTERVAL)
