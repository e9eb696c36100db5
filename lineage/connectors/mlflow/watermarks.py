"""How far a server was read: the newest times that were seen, kept as the cursor of the source.

The times are those of the server and of its clients, whose clocks differ and which may write late,
so each look begins ``OVERLAP_MS`` before where the last one ended. What comes later still, or
leaves no trace in any time (a tag of an ended run), is found by a whole look. A time after the
beginning of the look is of a clock that runs ahead, and counts as that beginning: else all that is
written until then would seem old.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.connectors.mlflow.documents import (
    LOGGED_MODEL,
    MODEL_VERSION,
    RUN,
    Shown,
)
from lineage.connectors.mlflow.turns import Body
from lineage_schemas.values import JsonValue

OVERLAP_MS: Final = 3_600_000

_START: Final = "run_started"
_END: Final = "run_ended"
_LOGGED: Final = "logged_model_updated"
_VERSION: Final = "version_updated"
_KINDS: Final = {_START: RUN, _END: RUN, _LOGGED: LOGGED_MODEL, _VERSION: MODEL_VERSION}


class Watermarks:
    """The newest times seen before this look (``old``) and in it (``new``).

    ``begun_ms`` is when this look began.
    """

    def __init__(self, old: dict[str, int], begun_ms: int) -> None:
        self._old = old
        self._new = dict(old)
        self._begun_ms = begun_ms

    @classmethod
    def of(cls, cursor: JsonValue, begun_ms: int) -> Watermarks:
        """Read a cursor; what makes no sense or is yet to come is none, and all is read again."""
        shown = cursor if isinstance(cursor, dict) else {}
        latest = begun_ms + OVERLAP_MS
        old = {n: at for n in _KINDS if isinstance(at := shown.get(n), int) and at <= latest}
        return cls(old, begun_ms)

    @property
    def is_set(self) -> bool:
        """Tell whether anything was seen before."""
        return bool(self._old)

    def cursor(self, cut: set[str]) -> JsonValue:
        """Return the cursor; of kinds that could not be read to their end, it stays."""
        return {
            name: self._old[name] if kind in cut else self._new[name]
            for name, kind in _KINDS.items()
            if name in (self._old if kind in cut else self._new)
        }

    def run_filters(self) -> list[str]:
        """Return the filters of MLflow's that find runs which began or ended lately."""
        return [
            f"attributes.{field} >= {max(0, self._old.get(name, 0) - OVERLAP_MS)}"
            for field, name in (("start_time", _START), ("end_time", _END))
        ]

    def logged_models_since(self) -> int:
        """Return from when on logged models are read."""
        return max(0, self._old.get(_LOGGED, 0) - OVERLAP_MS)

    def new_versions(self, pages: Iterator[list[Shown]]) -> Iterator[list[Shown]]:
        """Yield the pages of versions, newest first, up to those that were there before."""
        since = self._old.get(_VERSION, 0) - OVERLAP_MS
        for page in pages:
            yield page
            times = [_number(item.get("last_updated_timestamp")) for item in page]
            if times and min(times) < since:
                return

    def saw_run(self, run: Body) -> None:
        """Remember the times of a run."""
        self._saw(_START, run.get("start_time"))
        self._saw(_END, run.get("end_time"))

    def saw_logged_model(self, model: Body) -> None:
        """Remember when a logged model was changed."""
        self._saw(_LOGGED, model.get("last_updated_timestamp_ms"))

    def saw_version(self, version: Body) -> None:
        """Remember when a version was changed."""
        self._saw(_VERSION, version.get("last_updated_timestamp"))

    def _saw(self, name: str, at: JsonValue) -> None:
        if isinstance(at, int):
            seen = min(at, self._begun_ms)
            self._new[name] = max(seen, self._new.get(name, seen))


def _number(value: JsonValue) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
