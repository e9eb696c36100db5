"""One run: what it read, made and measured, said as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Callable
from urllib.parse import quote

from lineage_client.things import Named, Record, Thing, Value, thing_of, value_of

KINDS = {
    "run": "lineage.Run",
    "collect": "lineage.Collect",
    "label": "lineage.Label",
    "prepare": "lineage.Prepare",
    "train": "lineage.Train",
    "evaluate": "lineage.Evaluate",
    "register": "lineage.Register",
    "monitor": "lineage.Monitor",
}
"""Short words for the types of executions."""

SERIES_POINTS_MAX = 1_000
"""Points of a metric that are gathered before they are said; the rest is said at the end."""

Say = Callable[[str, str, list[Record]], None]
"""(id of the statement, its stated time, its records)."""


class Run:
    """A run, as ``Ledger.run`` opens it. Use it as a context manager.

    What it says is kept on this machine at once, but for points of metrics, which are gathered.
    An exception that leaves the block makes it a failed run, and goes on.
    """

    def __init__(
        self,
        name: str,
        run_id: str,
        *,
        source: str,
        kind: str,
        say: Say,
        now: Callable[[], str],
    ) -> None:
        self.id = run_id
        self.key = f"client:run/{quote(source, safe='')}/{quote(run_id, safe='')}"
        self.name = name
        self._source = source
        self._type = KINDS.get(kind, kind)
        self._say = say
        self._now = now
        self._said = 0
        self._metrics: dict[str, Any] = {}
        self._points: dict[str, list[list[Any]]] = {}
        self._chunks: dict[str, int] = {}

    def start(
        self,
        properties: Mapping[str, Any],
        *,
        commit: str | None = None,
        parent: str | None = None,
    ) -> None:
        """Say that it runs: once, before anything else of it."""
        started = self._now()
        job = f"client:job/{quote(self._source, safe='')}/{quote(self.name, safe='')}"
        records: list[Record] = [
            self._execution({"display_name": self.name, "started_time": started, **properties})
            | {"state": "RUNNING"},
            {
                "record": "context",
                "key": job,
                "type": "lineage.Pipeline",
                "properties": {"display_name": self.name},
            },
            {"record": "association", "context": job, "execution": self.key},
        ]
        if commit is not None:
            code = f"git:commit/{commit}"
            records.append(
                {
                    "record": "artifact",
                    "key": code,
                    "type": "lineage.CodeRevision",
                    "properties": {"commit": commit},
                }
            )
            records.append(self._event(code, "INPUT", "code"))
        if parent is not None:
            records.append(
                {
                    "record": "context",
                    "key": parent,
                    "type": "lineage.RunContext",
                    "properties": {"run_key": parent},
                }
            )
            records.append({"record": "association", "context": parent, "execution": self.key})
        self._state(started, records)

    def __enter__(self) -> Run:  # noqa: PYI034 - the standard library has no Self before 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self.end(None if kind is None else f"{kind.__name__}: {error}")

    def input(
        self,
        named: Named,
        *,
        type: str | None = None,  # noqa: A002 - the word of everything it is a part of
        properties: Mapping[str, Any] | None = None,
        role: str = "",
    ) -> Thing:
        """Say that the run reads something: an identifier, a file of this machine, or a thing."""
        return self._touch(
            "INPUT", thing_of(named, self._source, type=type, properties=properties), role
        )

    def output(
        self,
        named: Named,
        *,
        type: str | None = None,  # noqa: A002 - as above
        properties: Mapping[str, Any] | None = None,
        role: str = "",
    ) -> Thing:
        """Say that the run made something, which is all there by now."""
        return self._touch(
            "OUTPUT", thing_of(named, self._source, type=type, properties=properties), role
        )

    def set(self, **properties: Value) -> None:
        """Say properties of the run that its type declares, such as ``cuda_seed=7``."""
        self._state(self._now(), [self._execution(properties)])

    def note(self, **properties: Value) -> None:
        """Say free properties of the run."""
        noted = {name: value_of(one) for name, one in properties.items()}
        self._state(self._now(), [{**self._execution({}), "custom_properties": noted}])

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Measure something: the last value is the metric, and with steps it is a series too."""
        number = float(value)
        self._metrics[name] = value_of(number)
        if step is None:
            return
        points = self._points.setdefault(name, [])
        points.append([int(step), value_of(number), self._now()])
        if len(points) >= SERIES_POINTS_MAX:
            self._state(self._now(), [self._series(name)])

    def end(self, error: str | None = None) -> None:
        """Say that it is over; leaving the block does."""
        ended = self._now()
        properties: dict[str, Any] = {"ended_time": ended}
        if self._metrics:
            properties["metrics"] = dict(self._metrics)
        if error is not None:
            properties["error"] = error[:ERROR_CHARACTERS_MAX]
        over = self._execution(properties) | {"state": "COMPLETE" if error is None else "FAILED"}
        series = [self._series(name) for name in sorted(self._points) if self._points[name]]
        self._state(ended, [over, *series])

    def _touch(self, kind: str, thing: Thing, role: str) -> Thing:
        records = [*thing.records(), self._event(thing.identifier, kind, role)]
        self._state(self._now(), records)
        return thing

    def _execution(self, properties: Mapping[str, Any]) -> Record:
        said = {name: value_of(one) for name, one in properties.items()}
        return {"record": "execution", "key": self.key, "type": self._type, "properties": said}

    def _event(self, artifact: str, kind: str, role: str) -> Record:
        event: Record = {
            "record": "event",
            "artifact": artifact,
            "execution": self.key,
            "kind": kind,
        }
        return {**event, "path": [role]} if role else event

    def _series(self, name: str) -> Record:
        chunk = self._chunks.get(name, 0)
        self._chunks[name] = chunk + 1
        return {
            "record": "metric_series",
            "execution": self.key,
            "metric": name,
            "chunk": chunk,
            "points": self._points.pop(name),
        }

    def _state(self, moment: str, records: list[Record]) -> None:
        self._said += 1
        self._say(f"run/{self.id}/{self._said}", moment, records)


ERROR_CHARACTERS_MAX = 2_000
"""Of the words of an exception; a traceback is for the script's own log."""
