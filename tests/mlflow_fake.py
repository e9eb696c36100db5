"""A tracking server of our own making, as large, as broken or as old as a test needs it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lineage.connectors.transport import (
    Params,
    SourceError,
    SourceMissingError,
)

START_MS: Final = 1_700_000_000_000
_STARTED: Final = re.compile(r"attributes\.start_time >= (\d+)")
_STARTED_BY: Final = re.compile(r"attributes\.start_time <= (\d+)")
_ENDED: Final = re.compile(r"attributes\.end_time >= (\d+)")
_STATUS: Final = re.compile(r"attributes\.status = '(\w+)'")


def run_id(number: int) -> str:
    return f"{number:032x}"


def made_run(number: int, **info: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a server shows
    """Return a run as REST shows it: it began a second after the one before it."""
    start = START_MS + number * 1_000
    return {
        "info": {
            "run_id": run_id(number),
            "experiment_id": "1",
            "run_name": f"run {number}",
            "status": "FINISHED",
            "start_time": start,
            "end_time": start + 500,
            "lifecycle_stage": "active",
            **info,
        },
        "data": {
            "params": [{"key": f"p{key}", "value": str(number)} for key in range(3)],
            "metrics": [{"key": "m", "value": number / 2, "timestamp": start, "step": 0}],
        },
        "inputs": {},
        "outputs": {},
    }


class FakeServer:
    """Answers a reader's questions about runs that are made when they are asked for.

    ``fail`` is asked before each answer, and may raise. ``missing`` are addresses that it lacks.
    """

    def __init__(
        self,
        runs: Callable[[int], dict[str, Any]] = made_run,
        *,
        count: int = 0,
        experiments: tuple[str, ...] = ("1",),
        fail: Callable[[str, Mapping[str, Any]], SourceError | None] = lambda _, __: None,
        missing: frozenset[str] = frozenset(),
        things: Mapping[str, list[dict[str, Any]]] | None = None,
    ) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.count = count
        self._runs = runs
        self._experiments = experiments
        self._fail = fail
        self._missing = missing
        self._things = dict(things or {})

    def get(self, path: str, params: Params) -> bytes:
        return self._answer(path, dict(params))

    def post(self, path: str, body: bytes) -> bytes:
        return self._answer(path, json.loads(body))

    def _answer(self, path: str, question: dict[str, Any]) -> bytes:
        name = path.removeprefix("/api/2.0/mlflow/")
        self.asked.append((name, question))
        if name in self._missing:
            raise SourceMissingError("Not here", status=404, answer=b"<title>Not Found</title>")
        error = self._fail(name, question)
        if error is not None:
            raise error
        return json.dumps(self._shown(name, question)).encode()

    def _shown(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
        if name in {"experiments/search", "experiments/list"}:
            return {
                "experiments": [
                    {"experiment_id": one, "name": f"e{one}", "lifecycle_stage": "active"}
                    for one in self._experiments
                ]
            }
        if name == "runs/search":
            return self._search(question)
        fields = {
            "logged-models/search": "models",
            "registered-models/search": "registered_models",
            "model-versions/search": "model_versions",
            "metrics/get-history": "metrics",
            "artifacts/list": "files",
        }
        if name in fields:
            if "is_prompt" in question.get("filter", ""):
                return {}
            return self._page(fields[name], self._things.get(name, []), question)
        raise SourceMissingError("Not here", status=404, answer=b"")

    def _search(self, question: dict[str, Any]) -> dict[str, Any]:
        asked = question.get("filter", "")
        started, by, ended, status = (
            pattern.search(asked) for pattern in (_STARTED, _STARTED_BY, _ENDED, _STATUS)
        )
        first = 0 if started is None else max(0, -(-(int(started[1]) - START_MS) // 1_000))

        def fits(run: dict[str, Any]) -> bool:
            info = run["info"]
            return (
                info["experiment_id"] in question["experiment_ids"]
                and (started is None or info["start_time"] >= int(started[1]))
                and (by is None or info["start_time"] <= int(by[1]))
                and (ended is None or (info.get("end_time") or 0) >= int(ended[1]))
                and (status is None or info["status"] == status[1])
            )

        offset = int(question.get("page_token") or 0)
        size = question["max_results"]
        shown: list[dict[str, Any]] = []
        runs = self._from(first if self._runs is made_run else 0)
        if question["order_by"] == ["attributes.start_time DESC"]:
            runs = reversed(list(runs))
        for run in runs:
            if fits(run):
                if offset:
                    offset -= 1
                    continue
                if len(shown) == size:
                    token = int(question.get("page_token") or 0) + size
                    return {"runs": shown, "next_page_token": str(token)}
                shown.append(run)
        return {"runs": shown}

    def _from(self, first: int) -> Iterator[dict[str, Any]]:
        for number in range(first, self.count):
            yield self._runs(number)

    @staticmethod
    def _page(field: str, things: list[dict[str, Any]], question: dict[str, Any]) -> dict[str, Any]:
        size = int(question.get("max_results", 100))
        start = int(question.get("page_token") or 0)
        rest = {"next_page_token": str(start + size)} if len(things) > start + size else {}
        return {field: things[start : start + size], **rest}
