"""Which fields differ between two states of a thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lineage_schemas.codec import encode_json
from lineage_schemas.values import JsonValue


class Changed(NamedTuple):
    """A field that differs; ``None`` where it shows nothing."""

    field: str
    before: JsonValue
    after: JsonValue


def changed_fields(
    was: Mapping[str, JsonValue], shows: Mapping[str, JsonValue]
) -> Iterator[Changed]:
    """Yield the fields that differ, by name.

    Values are compared as they are written: to Python 1, 1.0 and True are one.
    """
    for field in sorted({*was, *shows}):
        changed = Changed(field, was.get(field), shows.get(field))
        if encode_json(changed.before) != encode_json(changed.after):
            yield changed
