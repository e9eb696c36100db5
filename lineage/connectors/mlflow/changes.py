"""What changed between two revisions, as history: promotions and retirements.

MLflow tells what is so and never what was. So a change is stated as having happened between the
look that saw the old state and the one that saw the new, or at its exact time where a webhook told
it. It is never an approval: that an alias moved does not say that anybody agreed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.connectors.mlflow.keys import (
    alias_key,
    experiment_key,
    key_of,
    logged_model_key,
    registered_model_key,
    run_key,
    stage_key,
    version_key,
)
from lineage.connectors.mlflow.saying import Saying
from lineage.connectors.mlflow.turns import (
    ALIAS,
    STAGE,
    STATE,
    Body,
    is_deleted,
    is_gone,
    moved_aliases,
    stage_of,
    turns_of,
)
from lineage.connectors.scanning import Revision
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    Association,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
)
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

PROMOTE_TYPE: Final = "lineage.Promote"
RETIRE_TYPE: Final = "lineage.Retire"

_OUT_OF_USE: Final = frozenset({None, "Archived"})


class Changes:
    """The changes that one revision shows."""

    def __init__(self, server: str, revision: Revision, was: Body, now: Body) -> None:
        self._server = server
        self._revision = revision
        self._was = was
        self._now = now
        self._turns = turns_of(now)

    def of_registered_model(self) -> Iterator[AnyRecord]:
        """Yield what became of the aliases, and of the model itself."""
        shown = self._shown()
        name = str(shown.get("name"))
        model = registered_model_key(self._server, name)
        for alias, old, new in moved_aliases(self._was, self._now):
            turn = self._turn(f"{ALIAS}{alias}")
            key = alias_key(self._server, name, alias, turn)
            yield from self._alias(key, name, alias, (old, new))
            yield Association(context=model, execution=key)
        node = Context(
            key=model, type="lineage.RegisteredModel", properties={"source_state": "deleted"}
        )
        yield from self._state("registered-model", (name,), model, node, name)

    def _alias(
        self, key: str, name: str, alias: str, move: tuple[str | None, str | None]
    ) -> Iterator[AnyRecord]:
        old, new = move
        is_set = new is not None
        target = version_key(self._server, name, new or old or "")
        saying = Saying(key, PROMOTE_TYPE if is_set else RETIRE_TYPE)
        display = f"{alias} -> {name} v{new}" if is_set else f"{alias} taken from {name} v{old}"
        saying.put(display_name=display, source_type="alias")
        if is_set:
            saying.put(alias=alias)
        self._observe(saying)
        saying.keep(
            {
                "alias": alias,
                "from_version": version_key(self._server, name, old) if old else None,
                "to_version": version_key(self._server, name, new) if new else None,
            }
        )
        yield Execution(**saying.fields(), state=ExecutionState.COMPLETE)
        yield Event(artifact=target, execution=key, kind=EventKind.INPUT, path=("alias", alias))

    def of_version(self) -> Iterator[AnyRecord]:
        """Yield what became of a version's stage, and of the version itself."""
        shown = self._shown()
        name, number = str(shown.get("name")), str(shown.get("version"))
        version = version_key(self._server, name, number)
        model = registered_model_key(self._server, name)
        old, new = stage_of(self._was), stage_of(self._now)
        if old != new and not is_gone(self._now) and not is_gone(self._was):
            key = stage_key(self._server, name, int(number), self._turn(STAGE))
            saying = Saying(key, RETIRE_TYPE if new in _OUT_OF_USE else PROMOTE_TYPE)
            saying.put(display_name=f"{name} v{number} -> {new or 'no stage'}", source_type="stage")
            if new not in _OUT_OF_USE:
                saying.put(from_stage=old, to_stage=new)
            self._observe(saying)
            saying.keep({"from_stage": old, "to_stage": new or "None"})
            yield Execution(**saying.fields(), state=ExecutionState.COMPLETE)
            yield Event(artifact=version, execution=key, kind=EventKind.INPUT, path=("stage",))
            yield Association(context=model, execution=key)
        node = Artifact(
            key=version,
            type="lineage.ModelVersion",
            state=ArtifactState.DELETED,
            properties={"source_state": "deleted", "stage": None, "aliases": None},
        )
        yield from self._state("model-version", (name, number), version, node, f"{name} v{number}")

    def of_logged_model(self) -> Iterator[AnyRecord]:
        """Yield what became of a logged model."""
        model_id = str(self._shown().get("model_id"))
        key = logged_model_key(self._server, model_id)
        node = Artifact(
            key=key,
            type="lineage.Model",
            state=ArtifactState.DELETED,
            properties={"source_state": "deleted"},
        )
        yield from self._state("logged-model", (model_id,), key, node, model_id)

    def of_run(self) -> Iterator[AnyRecord]:
        """Yield what became of a run."""
        run_id = str(self._shown().get("run_id"))
        key = run_key(self._server, run_id)
        node = Execution(
            key=key,
            type="lineage.Run",
            properties={"source_state": "deleted"},
            custom_properties={"mlflow.is_deleted": True},
        )
        yield from self._state("run", (run_id,), key, node, run_id)

    def of_experiment(self) -> Iterator[AnyRecord]:
        """Yield what became of an experiment."""
        experiment_id = str(self._shown().get("experiment_id"))
        key = experiment_key(self._server, experiment_id)
        node = Context(key=key, type="lineage.Experiment", properties={"source_state": "deleted"})
        yield from self._state("experiment", (experiment_id,), key, node, experiment_id)

    def _state(
        self,
        kind: str,
        names: tuple[str, ...],
        node_key: str,
        gone: Artifact | Execution | Context,
        display: str,
    ) -> Iterator[AnyRecord]:
        """Yield that a thing was deleted or is back; of one that is not shown, that it is gone."""
        if is_gone(self._now):
            yield gone
        was_deleted = bool(self._was) and is_deleted(self._was)
        deleted = is_deleted(self._now)
        if deleted == was_deleted:
            return
        key = key_of("state", self._server, kind, *names, str(self._turn(STATE)))
        saying = Saying(key, RETIRE_TYPE if deleted else PROMOTE_TYPE)
        words = "restored" if not deleted else "gone" if is_gone(self._now) else "deleted"
        saying.put(display_name=f"{display} {words}", source_type="deletion", reason=words)
        self._observe(saying)
        saying.keep({"subject": node_key})
        yield Execution(**saying.fields(), state=ExecutionState.COMPLETE)
        if isinstance(gone, Artifact):
            yield Event(artifact=node_key, execution=key, kind=EventKind.INPUT, path=("state",))
        elif isinstance(gone, Context):
            yield Association(context=node_key, execution=key)
        else:
            # Nothing flows out of a run by its being deleted: it belongs to what the run holds.
            yield Context(key=node_key, type="lineage.RunContext", properties={"run_key": node_key})
            yield Association(context=node_key, execution=key)

    def _observe(self, saying: Saying) -> None:
        """Say between which two looks a change was seen."""
        after, at = self._revision.after, self._revision.at
        custom: dict[str, JsonValue] = {"observed_at": format_instant(instant_us(at))}
        if after is not None:
            custom["observed_after"] = format_instant(instant_us(after))
        saying.custom |= custom

    def _turn(self, name: str) -> int:
        return self._turns.get(name, 0)

    def _shown(self) -> Body:
        """Return the last document that shows the thing."""
        return self._was if is_gone(self._now) else self._now
