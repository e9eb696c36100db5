"""YAML as MLflow writes it, read as plain JSON values."""

from __future__ import annotations

import math
from datetime import date
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lineage_schemas.errors import DecodeError, LimitExceededError
from lineage_schemas.limits import INT_MAX, INT_MIN
from lineage_schemas.values import JsonValue, metric_value

YAML_BYTES_MAX: Final = 1_048_576
"""One file; MLflow's are of a few kilobytes."""

_DEPTH_MAX: Final = 48


def read_yaml(text: bytes) -> dict[str, JsonValue]:
    """Return the object that a YAML file holds.

    Times become text, and numbers that JSON cannot say become tagged values or text.

    Raises:
        DecodeError: not UTF-8, not YAML, no object, or nested too deep.
        LimitExceededError: longer than ``YAML_BYTES_MAX``.
    """
    if len(text) > YAML_BYTES_MAX:
        raise LimitExceededError(
            f"A file of {len(text)} bytes is over the limit of {YAML_BYTES_MAX} (YAML_BYTES_MAX)"
        )
    try:
        value: object = YAML(typ="safe", pure=True).load(text.decode())
    except (UnicodeDecodeError, YAMLError, ValueError, RecursionError) as error:
        raise DecodeError(f"This is no YAML: {str(error).splitlines()[0]}") from error
    plain = _plain(value, 0)
    if not isinstance(plain, dict):
        raise DecodeError("A YAML file of MLflow holds an object, and this one does not")
    return plain


def _plain(value: object, depth: int) -> JsonValue:
    if depth > _DEPTH_MAX:
        raise DecodeError("A YAML file is nested too deep, or holds itself")
    if isinstance(value, dict):
        return {str(key): _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner, depth + 1) for inner in value]
    return _scalar(value)


def _scalar(value: object) -> JsonValue:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if INT_MIN <= value <= INT_MAX else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else metric_value(value)
    return value.isoformat() if isinstance(value, date) else str(value)
