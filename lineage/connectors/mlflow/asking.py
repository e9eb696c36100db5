"""The questions that a reader puts to a tracking server. All of them read, none of them writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from lineage.connectors.mlflow.documents import PROMPT_TAG, Point, Shown, number
from lineage.connectors.mlflow.paging import Page, Place, pages_by_token, pages_by_value
from lineage.connectors.transport import (
    SourceAnswerError,
    SourceError,
    SourceMissingError,
    Transport,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.values import JsonValue

API: Final = "/api/2.0/mlflow"
AJAX_API: Final = "/ajax-api/2.0/mlflow"
"""Where a server keeps what its own pages ask for; the files of logged models are there only."""

ARTIFACT: Final = "/get-artifact"
"""Where a server hands out the contents of a run's files."""

EXPERIMENTS_PAGE: Final = 1_000
RUNS_PAGE: Final = 500
LOGGED_MODELS_PAGE: Final = 50
REGISTERED_MODELS_PAGE: Final = 1_000
VERSIONS_PAGE: Final = 1_000
HISTORY_PAGE: Final = 10_000

QUESTIONS: Final = frozenset(
    {
        *(f"{API}/experiments/search", f"{API}/experiments/list", f"{API}/runs/search"),
        *(f"{API}/logged-models/search", f"{API}/metrics/get-history", f"{API}/artifacts/list"),
        *(f"{API}/registered-models/search", f"{API}/model-versions/search"),
    }
)
"""Every path that is asked, but for those of the contents of files."""

_IS_PROMPT: Final = f"tags.`{PROMPT_TAG}` = 'true'"
Question = dict[str, JsonValue]

_DECODER: Final = msgspec.json.Decoder(dict[str, JsonValue])


def is_not_offered(error: SourceError) -> bool:
    """Tell whether a server has no such address: it is older, or another product."""
    return isinstance(error, SourceMissingError) and b"RESOURCE_DOES_NOT_EXIST" not in error.answer


def is_missing(error: SourceError) -> bool:
    """Tell whether a server has no such thing, whatever the reason."""
    return isinstance(error, SourceMissingError)


def experiments(transport: Transport) -> Iterator[list[Shown]]:
    """Yield pages of all experiments, deleted ones too."""

    def search(token: str) -> Page:
        question: Question = {
            "view_type": "ALL",
            "max_results": EXPERIMENTS_PAGE,
            "order_by": ["experiment_id ASC"],
            **_token(token),
        }
        return _post(transport, "experiments/search", question, "experiments")

    try:
        yield from pages_by_token(search)
    except SourceError as error:
        if not is_not_offered(error):
            raise
        # Servers before 1.28 list their experiments in one answer, and have no search for them.
        yield _get(transport, "experiments/list", {"view_type": "ALL"}, "experiments").items


def runs(
    transport: Transport,
    experiment_ids: Sequence[str],
    only: str = "",
    *,
    newest_first: bool = False,
) -> Iterator[list[Shown]]:
    """Yield pages of runs by start time, deleted ones too; ``only`` is a filter of MLflow's."""
    bound, order = ("<=", "DESC") if newest_first else (">=", "ASC")

    def search(place: Place) -> Page:
        start = "" if place.start is None else f"attributes.start_time {bound} {place.start}"
        question: Question = {
            "experiment_ids": list(experiment_ids),
            "run_view_type": "ALL",
            "max_results": place.size,
            "order_by": [f"attributes.start_time {order}"],
            **_filter(only, start),
            **_token(place.token),
        }
        return _post(transport, "runs/search", question, "runs")

    return pages_by_value(search, _start_time, _run_id, RUNS_PAGE)


def logged_models(
    transport: Transport, experiment_ids: Sequence[str], changed_since: int | None
) -> Iterator[list[Shown]]:
    """Yield pages of logged models: all by creation, or those that changed since a time."""
    field = "creation_timestamp" if changed_since is None else "last_updated_timestamp"

    def search(place: Place) -> Page:
        start = changed_since if place.start is None else place.start
        question: Question = {
            "experiment_ids": list(experiment_ids),
            "max_results": place.size,
            "order_by": [{"field_name": field, "ascending": True}],
            **_filter("" if start is None else f"{field} >= {start}"),
            **_token(place.token),
        }
        return _post(transport, "logged-models/search", question, "models")

    def value_of(model: Shown) -> int | None:
        return _int(_info(model).get(f"{field}_ms"))

    return pages_by_value(search, value_of, _model_id, LOGGED_MODELS_PAGE)


def registered_models(transport: Transport, *, are_prompts: bool) -> Iterator[list[Shown]]:
    """Yield pages of registered models by name; MLflow lists prompts only where asked for them."""

    def search(token: str) -> Page:
        question = {
            "max_results": str(REGISTERED_MODELS_PAGE),
            "order_by": "name ASC",
            **({"filter": _IS_PROMPT} if are_prompts else {}),
            **_page_token(token),
        }
        return _get(transport, "registered-models/search", question, "registered_models")

    return pages_by_token(search)


def versions(
    transport: Transport, *, are_prompts: bool, newest_first: bool
) -> Iterator[list[Shown]]:
    """Yield pages of model versions, by name or by when they were last changed."""

    def search(token: str) -> Page:
        question = {
            "max_results": str(VERSIONS_PAGE),
            "order_by": "last_updated_timestamp DESC" if newest_first else "name ASC",
            **({"filter": _IS_PROMPT} if are_prompts else {}),
            **_page_token(token),
        }
        return _get(transport, "model-versions/search", question, "model_versions")

    return pages_by_token(search)


def metric_history(transport: Transport, run_id: str, metric: str) -> Iterator[Point]:
    """Yield the values of a metric in the server's order."""

    def ask(token: str) -> Page:
        question = {
            "run_id": run_id,
            "metric_key": metric,
            "max_results": str(HISTORY_PAGE),
            **_page_token(token),
        }
        return _get(transport, "metrics/get-history", question, "metrics")

    for page in pages_by_token(ask):
        for item in page:
            yield _point(item)


def artifacts(transport: Transport, run_id: str, path: str) -> Iterator[list[Shown]]:
    """Yield pages of the files and folders of a run, in one folder of them."""

    def ask(token: str) -> Page:
        question = {"run_id": run_id, **({"path": path} if path else {}), **_page_token(token)}
        return _get(transport, "artifacts/list", question, "files")

    return pages_by_token(ask)


def artifact(transport: Transport, run_id: str, path: str) -> bytes:
    """Return the contents of a file of a run."""
    return transport.get(ARTIFACT, {"path": path, "run_uuid": run_id})


def model_file(transport: Transport, model_id: str) -> bytes:
    """Return the ``MLmodel`` file of a logged model."""
    path = f"{AJAX_API}/logged-models/{quote(model_id, safe='')}/artifacts/files"
    return transport.get(path, {"artifact_file_path": "MLmodel"})


def _post(transport: Transport, path: str, question: Mapping[str, JsonValue], name: str) -> Page:
    answer = transport.post(f"{API}/{path}", msgspec.json.encode(question))
    return _page(answer, name, path)


def _get(transport: Transport, path: str, question: Mapping[str, str], name: str) -> Page:
    return _page(transport.get(f"{API}/{path}", question), name, path)


def _page(answer: bytes, name: str, path: str) -> Page:
    try:
        shown = _DECODER.decode(answer)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise SourceAnswerError(f"The server's answer is not JSON: {error}", where=path) from error
    items = shown.get(name) or []
    token = shown.get("next_page_token") or ""
    if not isinstance(items, list) or not isinstance(token, str):
        raise SourceAnswerError("The server's answer is not shaped as MLflow's", where=path)
    return Page([item for item in items if isinstance(item, dict)], token)


def _point(item: Shown) -> Point:
    step, moment = _int(item.get("step")) or 0, _int(item.get("timestamp")) or 0
    try:
        return step, number(item.get("value")), moment
    except InvalidInputError as error:
        raise SourceAnswerError(error.what, where=f"step {step}") from error


def _token(token: str) -> dict[str, JsonValue]:
    return {"page_token": token} if token else {}


def _page_token(token: str) -> dict[str, str]:
    return {"page_token": token} if token else {}


def _filter(*conditions: str) -> dict[str, JsonValue]:
    text = " and ".join(filter(None, conditions))
    return {"filter": text} if text else {}


def _info(shown: Shown) -> Shown:
    info = shown.get("info")
    return info if isinstance(info, dict) else {}


def _start_time(run: Shown) -> int | None:
    return _int(_info(run).get("start_time"))


def _run_id(run: Shown) -> str:
    info = _info(run)
    return str(info.get("run_id") or info.get("run_uuid"))


def _model_id(model: Shown) -> str:
    return str(_info(model).get("model_id"))


def _int(value: JsonValue) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else None
