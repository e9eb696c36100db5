"""Nodes as they are being said: what is known goes in, what is unknown stays out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypedDict

import msgspec
from msgspec import Struct

from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant
from lineage_schemas.values import JsonValue, check_value

_EMAIL: Final = re.compile(r"(?<![\w.+/-])(?!git@)[\w.+-]+@[\w-]+\.[\w.-]")
_PEOPLE: Final = frozenset(
    {
        *("author", "created_by", "email", "owner", "owners", "submitted_by", "user", "user_id"),
        *("user_name", "username", "users", "approver", "approved_by", "reviewer", "reviewed_by"),
    }
)
_YEARS: Final = 253_402_300_800_000  # milliseconds from 1970 to the end of year 9999


class NodeFields(TypedDict):
    """What every kind of node record takes."""

    key: str
    type: str
    properties: dict[str, JsonValue]
    custom_properties: dict[str, JsonValue]
    personal: tuple[str, ...]


class Saying(Struct):
    """What a document says of one node.

    ``was_known``: the node was said before, so that a property which is not there any more is
    cleared. A value that is absent or empty is none.
    """

    key: str
    type: str
    was_known: bool = False
    properties: dict[str, JsonValue] = {}
    custom: dict[str, JsonValue] = {}
    personal: set[str] = set()

    def put(self, **values: JsonValue) -> None:
        """Say properties that the type declares."""
        self._put(self.properties, values)

    def keep(self, values: Mapping[str, JsonValue]) -> None:
        """Say free properties, each under MLflow's own name."""
        self._put(self.custom, {f"mlflow.{name}": value for name, value in values.items()})

    def put_texts(self, name: str, texts: Mapping[str, JsonValue]) -> None:
        """Say a table of texts, as personal if it seems to name people."""
        self.put(**{name: table(texts)})
        if any(names_people(key, value) for key, value in texts.items()):
            self.personal.add(name)

    def fields(self) -> NodeFields:
        """Return what the node's record is made of."""
        said = {*self.properties, *self.custom}
        return NodeFields(
            key=self.key,
            type=self.type,
            properties=self.properties,
            custom_properties=self.custom,
            personal=tuple(sorted(self.personal & said)),
        )

    def _put(self, place: dict[str, JsonValue], values: Mapping[str, JsonValue]) -> None:
        for name, value in values.items():
            if value not in (None, "", {}, {"items": []}):
                place[name] = value
            elif self.was_known:
                place[name] = None


def table(texts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a table by name as the value of a property, whose keys may not begin with ``$``."""
    return {
        f"%24{name[1:]}" if name.startswith("$") else name: value for name, value in texts.items()
    }


def names_people(key: str, value: JsonValue) -> bool:
    """Tell whether a free text seems to name a person."""
    word = key.lower().rpartition(".")[2].rpartition("/")[2]
    return word in _PEOPLE or (isinstance(value, str) and _EMAIL.search(value) is not None)


def moment(milliseconds: int | None) -> str | None:
    """Return MLflow's time as text; what is no time within our years is none."""
    if milliseconds is None or not 0 < milliseconds < _YEARS:
        return None
    return format_instant(milliseconds * 1_000)


def is_time(milliseconds: int | None) -> bool:
    """Tell whether MLflow's time can be one here. Some clients leave it at 0."""
    return moment(milliseconds) is not None


def json_text(text: str | None) -> JsonValue:
    """Return what a text in JSON says; what is none, or cannot be kept, says nothing."""
    if not text:
        return None
    try:
        value: JsonValue = msgspec.json.decode(text)
        check_value({"value": value})
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError, InvalidInputError):
        return None
    return value


def json_object(text: str | None) -> dict[str, JsonValue]:
    """Return the object that a text in JSON holds; anything else is an empty one."""
    value = json_text(text)
    return value if isinstance(value, dict) else {}


def objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    """Return the objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
