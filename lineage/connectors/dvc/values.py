"""Files of values (parameters, metrics) as plain JSON, and what can be found in them."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import tomllib
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from lineage.connectors.yaml_documents import read_yaml
from lineage_schemas.errors import DecodeError, LimitExceededError
from lineage_schemas.limits import INT_MAX, INT_MIN, VALUE_DEPTH_MAX
from lineage_schemas.outside.dvc import DVC_MD5
from lineage_schemas.values import JsonValue, metric_value

VALUES_BYTES_MAX: Final = 256 * 1_024
"""One file of values; what is larger is data, and is named instead of being read."""

_LFS_START: Final = b"version https://git-lfs.github.com/spec/"
_CONFLICT_MARKS: Final = tuple(
    re.compile(mark, re.MULTILINE) for mark in (rb"^<{7} ", rb"^={7}\r?$", rb"^>{7} ")
)
_OWN_RUN_ID_NAMES: Final = frozenset({"mlflow_run_id", "mlflow.run_id"})
_RUN_ID_NAMES: Final = _OWN_RUN_ID_NAMES | {"mlflow_run", "run_id"}
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")


def refuse_unreadable(body: bytes) -> None:
    """Refuse what stands in for a file: a pointer of Git LFS, or a merge that was not finished.

    Raises:
        DecodeError: names which.
    """
    if body.startswith(_LFS_START):
        raise DecodeError("The file is in Git LFS; the repository has a pointer to it only")
    if _has_conflict(body):
        raise DecodeError("The file has the marks of a merge conflict")


def _has_conflict(body: bytes) -> bool:
    """Tell whether the three marks stand in their order, looking at each byte once."""
    at = 0
    for mark in _CONFLICT_MARKS:
        found = mark.search(body, at)
        if found is None:
            return False
        at = found.end()
    return True


def read_values(path: str, body: bytes) -> JsonValue:
    """Return what a file of YAML, JSON or TOML holds.

    Raises:
        DecodeError: another kind of file, or not of the kind that its name says.
        LimitExceededError: longer than ``VALUES_BYTES_MAX``, or deeper than ``VALUE_DEPTH_MAX``.
    """
    if len(body) > VALUES_BYTES_MAX:
        raise LimitExceededError(
            f"A file of values has {len(body)} bytes, over the limit of {VALUES_BYTES_MAX} "
            "(VALUES_BYTES_MAX)"
        )
    refuse_unreadable(body)
    match posixpath.splitext(path)[1].lower():
        case ".json":
            return _kept(_json(body))
        case ".toml":
            return _kept(_toml(body))
        case ".yaml" | ".yml" | "":
            return read_yaml(body)
        case ending:
            raise DecodeError(f"Files that end in {ending[:16]} are not read")


def look_up(values: JsonValue, name: str) -> tuple[bool, JsonValue]:
    """Find a value by its dotted name; tell whether it is there, and what it is."""
    at, rest = values, name
    while rest:
        if isinstance(at, dict) and rest in at:
            return True, at[rest]
        step, _, rest = rest.partition(".")
        is_there, at = step_into(at, step)
        if not is_there:
            return False, None
    return True, at


def step_into(value: JsonValue, step: str) -> tuple[bool, JsonValue]:
    """Find a value in an object by its name, or in a list by its index."""
    match value:
        case dict() if step in value:
            return True, value[step]
        case list() if step.isdecimal() and int(step) < len(value):
            return True, value[int(step)]
        case _:
            return False, None


class NamedRun(NamedTuple):
    """An MLflow run's id in a file, and the keys that lead there.

    ``is_plain``: it stands at the top, under a name that leaves no doubt. Deeper down it may as
    well be the run of a model that was compared with.
    """

    name: str
    run: str
    is_plain: bool


def find_run_ids(values: JsonValue) -> Iterator[NamedRun]:
    """Yield each value under a name that is one of an MLflow run's id."""
    waiting: list[tuple[str, JsonValue]] = [("", values)]
    while waiting:
        start, value = waiting.pop()
        if not isinstance(value, dict):
            continue
        for name, inner in value.items():
            called = name.lower()
            if called in _RUN_ID_NAMES and isinstance(inner, str) and _RUN_ID.fullmatch(inner):
                yield NamedRun(start + name, inner, not start and called in _OWN_RUN_ID_NAMES)
            waiting.append((f"{start}{name}.", inner))


def has_state(body: bytes, state: str) -> bool:
    """Tell whether bytes are in the state that a lock names."""
    algorithm, _, value = state.partition(":")
    if algorithm == DVC_MD5 and _md5(body.replace(b"\r\n", b"\n")) == value:
        return True
    return _md5(body) == value


def as_object(values: JsonValue) -> dict[str, JsonValue]:
    """Return values as an object that a property may hold."""
    if not isinstance(values, dict):
        return {"value": values}
    # A first-level key that begins with $ is a tag of ours.
    return {(f"_{name}" if name.startswith("$") else name): value for name, value in values.items()}


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _json(body: bytes) -> JsonValue:
    try:
        loaded: JsonValue = json.loads(body.decode(), parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"The file is not JSON in UTF-8: {error}") from error
    return loaded


def _constant(name: str) -> JsonValue:
    return {"$float": name}


def _toml(body: bytes) -> JsonValue:
    try:
        loaded: JsonValue = tomllib.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"The file is not TOML in UTF-8: {error}") from error
    return loaded


def _kept(value: object, depth: int = 0) -> JsonValue:
    """Return a value as the log can keep it: a time is text, and so is what is beyond 64 bits."""
    if depth > VALUE_DEPTH_MAX:
        raise LimitExceededError(
            f"A value is nested deeper than {VALUE_DEPTH_MAX} levels (VALUE_DEPTH_MAX)"
        )
    match value:
        case dict():
            named = cast("dict[object, object]", value)
            return {_text(str(name)): _kept(inner, depth + 1) for name, inner in named.items()}
        case list():
            return [_kept(inner, depth + 1) for inner in cast("list[object]", value)]
        case _:
            return _scalar(value)


def _scalar(value: object) -> JsonValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return metric_value(value)
    if isinstance(value, int) and INT_MIN <= value <= INT_MAX:
        return value
    return _text(str(value))


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
