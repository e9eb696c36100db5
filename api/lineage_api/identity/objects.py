"""JSON from strangers, where one meaning is all it may have."""

from __future__ import annotations

import json
from typing import NoReturn, cast

from lineage_schemas.values import JsonValue


def read_object(content: bytes) -> dict[str, JsonValue]:
    """Return a JSON object.

    Raises:
        ValueError: no UTF-8, no JSON, or no object; a member is there twice, and another reader
            might take the other one; a number is NaN or infinite. Quotes nothing of it.
    """
    try:
        found: object = json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise ValueError("This is no JSON of one meaning") from None
    if not isinstance(found, dict):
        raise ValueError("This is no JSON object")  # noqa: TRY004 - of a stranger, not of a caller
    return cast("dict[str, JsonValue]", found)


def _once(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A member is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
