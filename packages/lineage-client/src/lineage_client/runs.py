"""One run: what it read, made and measured, said as it goes."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import quote

from lineage_client.clock import new_id
from lineage_client.things import Named, Record, Thing, Value, thing_of, value_of

if TYPE_CHECKING:
    from collections.abc import Generator

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

PARAMETERS = "hyperparameters"

SERIES_POINTS_MAX = 1_000
"""Points of a metric that are gathered before they are said; the rest is said at the end."""

Say = Callable[[str, str, list[Record]], None]
"""(id of the statement, its stated time, its records)."""

Forgive = Callable[[str, Exception], bool]
"""(what was not said, why): tells whether the script goes on; if not, it is raised."""


class Run:
    """A run, as ``Ledger.run`` opens it. Use it as a context manager.

    What it says is kept on this machine at once, but for points of metrics, which are gathered.
    An exception that leaves the block makes it a failed run, and goes on; ``sys.exit()`` does
    not, and an interrupt makes it a cancelled one. Nothing that goes wrong in saying so is raised,
    unless the ledger is strict. Threads and forked processes may use one run at once; only the
    process that opened the block ends it.
    """

    def __init__(  # noqa: PLR0913 - the ledger's side of it is made of three functions
        self,
        name: str,
        run_id: str,
        *,
        source: str,
        kind: str,
        say: Say,
        now: Callable[[], str],
        forgive: Forgive,
    ) -> None:
        self.id = run_id
        self.key = f"client:run/{quote(source, safe='')}/{quote(run_id, safe='')}"
        self.name = name
        self._source = source
        self._type = KINDS.get(kind, kind)
        self._say = say
        self._now = now
        self._forgive = forgive
        self._opened_by = os.getpid()
        self._is_over = False
        self._begin_telling()

    def _begin_telling(self) -> None:
        """Number what is said from here on: a forked child, or who goes on with it, apart."""
        self._pid = os.getpid()
        self._teller = new_id()
        self._lock = threading.Lock()
        self._said = 0
        self._metrics: dict[str, Any] = {}
        self._points: dict[str, list[list[Any]]] = {}
        self._chunks: dict[str, int] = {}

    @contextmanager
    def _saying(self, what: str) -> Generator[None, None, None]:
        """Let nothing that goes wrong here end the script, unless it wants to."""
        try:
            if self._pid != os.getpid():
                # What the parent gathered the parent says, and its lock may be held for ever.
                self._begin_telling()
            yield
        except Exception as error:
            if not self._forgive(f"{what} of the run {self.id}", error):
                raise

    def start(
        self,
        properties: Mapping[str, Any],
        *,
        commit: str | None = None,
        parent: str | None = None,
    ) -> None:
        """Say that it runs: once, before anything else of it."""
        with self._saying("the start"):
            self._start(properties, commit, parent)

    def _start(self, properties: Mapping[str, Any], commit: str | None, parent: str | None) -> None:
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
        if self._is_over or self._opened_by != os.getpid():
            return
        if isinstance(error, SystemExit) and error.code in (None, 0):
            self.end()
        elif isinstance(error, KeyboardInterrupt):
            with self._saying("the end"):
                self._end("CANCELED", kind.__name__ if kind is not None else None)
        else:
            with self._saying("the end"):
                what = None if kind is None else f"{kind.__name__}: {error}"
                self._end("COMPLETE" if what is None else "FAILED", what)

    def input(
        self,
        named: Named,
        *,
        type: str | None = None,  # noqa: A002 - the word of everything it is a part of
        properties: Mapping[str, Any] | None = None,
        role: str = "",
    ) -> Thing:
        """Say that the run reads something: an identifier, a file of this machine, or a thing.

        What cannot be described is returned as it was named.
        """
        return self._touch("INPUT", named, type, properties, role)

    def output(
        self,
        named: Named,
        *,
        type: str | None = None,  # noqa: A002 - as above
        properties: Mapping[str, Any] | None = None,
        role: str = "",
    ) -> Thing:
        """Say that the run made something, which is all there by now."""
        return self._touch("OUTPUT", named, type, properties, role)

    def set(self, **properties: Value) -> None:
        """Say properties of the run that its type declares, such as ``cuda_seed=7``."""
        self.tell(properties)

    def tell(self, properties: Mapping[str, Any]) -> None:
        """Say properties of the run, whatever their names are."""
        with self._saying("properties"):
            self._state(self._now(), [self._execution(properties)])

    def note(self, **properties: Value) -> None:
        """Say free properties of the run."""
        with self._saying("a note"):
            noted = self._values(properties)
            self._state(self._now(), [{**self._execution({}), "custom_properties": noted}])

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Measure something: the last value is the metric, and with steps it is a series too."""
        with self._saying(f"the metric {name}"):
            self._measure(name, value_of(float(value)), None if step is None else int(step))

    def _measure(self, name: str, number: Value, step: int | None) -> None:
        moment = self._now()
        with self._lock:
            self._metrics[name] = number
            if step is None:
                return
            points = self._points.setdefault(name, [])
            points.append([step, number, moment])
            full = [self._series(name)] if len(points) >= SERIES_POINTS_MAX else []
        if full:
            self._state(moment, full)

    def end(self, error: str | None = None) -> None:
        """Say that it is over; leaving the block does, unless this was said before."""
        with self._saying("the end"):
            self._end("COMPLETE" if error is None else "FAILED", error)

    def _end(self, state: str, error: str | None) -> None:
        self._is_over = True
        ended = self._now()
        properties: dict[str, Any] = {"ended_time": ended}
        with self._lock:
            if self._metrics:
                properties["metrics"] = dict(self._metrics)
            series = [self._series(name) for name in sorted(self._points)]
        if error is not None:
            properties["error"] = error[:ERROR_CHARACTERS_MAX]
        over = {**self._execution(properties), "state": state}
        self._state(ended, [over, *series])

    def _touch(
        self,
        kind: str,
        named: Named,
        type_name: str | None,
        properties: Mapping[str, Any] | None,
        role: str,
    ) -> Thing:
        thing = named if isinstance(named, Thing) else Thing(str(named))
        with self._saying(f"the {kind.lower()} {thing.identifier}"):
            thing = thing_of(named, self._source, type=type_name, properties=properties)
            records = [*thing.records(), self._event(thing.identifier, kind, role)]
            self._state(self._now(), records)
        return thing

    def _execution(self, properties: Mapping[str, Any]) -> Record:
        said = self._values(properties)
        return {"record": "execution", "key": self.key, "type": self._type, "properties": said}

    def _values(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as the ledger keeps them; one that it cannot keep is left out."""
        said: dict[str, Any] = {}
        for name, one in properties.items():
            with self._saying(f"the value {name!r}"):
                table = self._values(one) if name == PARAMETERS else one
                said[str(name)] = value_of(table)
        return said

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
        with self._lock:
            self._said += 1
            number = self._said
        self._say(f"run/{self.id}/{self._teller}/{number}", moment, records)


ERROR_CHARACTERS_MAX = 2_000
"""Of the words of an exception; a traceback is for the script's own log."""
