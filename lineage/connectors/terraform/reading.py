"""Reads one Terraform state: each instance of a resource is a document, through the allow-list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Final

from lineage.connectors.json_stream import read_bodies
from lineage.connectors.plain_json import (
    Body,
    at,
    bodies_at,
    body_at,
    decode,
    encode,
    text_at,
    whole_at,
    without_blanks,
)
from lineage.connectors.scanning import GONE, Document, Listed, Look, Memory, Unread, subject_of
from lineage.connectors.terraform.allowed import ALLOWED, IDENTIFYING, NESTED
from lineage_schemas.errors import DecodeError, InvalidInputError, LimitExceededError
from lineage_schemas.values import JsonValue

TOOL: Final = "terraform"
RESOURCE: Final = "resource"
STATE: Final = "state"

RESOURCES_MAX: Final = 100_000
ITEMS_MAX: Final = 100
"""Of one list in an attribute; and so many dependencies."""

TEXT_CHARACTERS_MAX: Final = 2_048
_VERSION: Final = 4


class TerraformReader:
    """Reads one state file, which has every resource of its state."""

    tool = TOOL
    cursor: JsonValue = None
    listed: tuple[str, ...] = (RESOURCE,)

    def __init__(self, stream: BinaryIO, name: str, shown_at: datetime) -> None:
        """Read the state that goes by a name, as it was at a time."""
        self._stream = stream
        self.address = name
        self.shown_at: datetime | None = shown_at

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002
        """Yield the state and its resources; of a state older than what is known, nothing.

        Raises:
            DecodeError: this is no state of version 4.
            InvalidInputError: another state is known under this name.
            LimitExceededError: more than ``RESOURCES_MAX``.
        """
        state = self._state()
        head = without_blanks(
            {
                "serial": whole_at(state, "serial"),
                "lineage": text_at(state, "lineage"),
                "terraform_version": text_at(state, "terraform_version"),
            }
        )
        subject = subject_of(STATE, self.address)
        if older := self._older(memory, subject, head):
            yield Unread(STATE, subject, older)
            return
        yield Document(STATE, subject, encode(head))
        seen: set[str] = set()
        for body in _resources(state):
            name = subject_of(RESOURCE, text_at(body, "address"))
            if name not in seen:
                seen.add(name)
                yield Document(RESOURCE, name, encode(body))
            if len(seen) > RESOURCES_MAX:
                raise LimitExceededError(
                    f"The resources are over the limit of {RESOURCES_MAX} (RESOURCES_MAX)"
                )
        yield Listed(RESOURCE)

    def _state(self) -> Body:
        found = [body for body, _ in read_bodies(self._stream)]
        if len(found) != 1 or whole_at(found[0], "version") != _VERSION:
            raise DecodeError(
                f"This is no Terraform state of version {_VERSION}",
                where=self.address,
                hint="Give what `terraform state pull` prints.",
            )
        if not text_at(found[0], "lineage") or whole_at(found[0], "serial") is None:
            raise DecodeError("The state has no lineage or no serial", where=self.address)
        return found[0]

    def _older(self, memory: Memory, subject: str, head: Body) -> str:
        known = memory.known([subject]).get(subject)
        if known is None or known.body in (None, GONE):
            return ""
        before = decode(known.body or b"")
        if text_at(before, "lineage") != text_at(head, "lineage"):
            raise InvalidInputError(
                "Another state is known under this name: its lineage is another",
                where=self.address,
                hint="Give each state a name of its own with --name.",
            )
        serial, last = whole_at(head, "serial") or 0, whole_at(before, "serial") or 0
        return f"serial {serial} is older than {last}, which is known" if serial < last else ""


def _resources(state: Body) -> Iterator[Body]:
    for resource in bodies_at(state, "resources"):
        kind, name = text_at(resource, "type"), text_at(resource, "name")
        if not kind or not name:
            continue
        mode = "data." if text_at(resource, "mode") == "data" else ""
        module = text_at(resource, "module")
        address = ".".join(one for one in (module, f"{mode}{kind}", name) if one)
        for instance in bodies_at(resource, "instances"):
            yield without_blanks(
                {
                    "address": f"{address}{_index(instance)}",
                    "type": kind,
                    "name": name,
                    "mode": text_at(resource, "mode"),
                    "module": module,
                    "provider": text_at(resource, "provider").partition('"')[2].partition('"')[0]
                    or text_at(resource, "provider"),
                    "attributes": _attributes(kind, instance),
                    "dependencies": _texts(at(instance, "dependencies")),
                }
            )


def _index(instance: Body) -> str:
    if (number := whole_at(instance, "index_key")) is not None:
        return f"[{number}]"
    return f'["{text}"]' if (text := text_at(instance, "index_key")) else ""


def _attributes(kind: str, instance: Body) -> Body:
    """Return the attributes that may be kept: allowed, and not marked as sensitive."""
    given = body_at(instance, "attributes")
    marked = _sensitive(instance)
    kept: Body = {}
    for name in (*IDENTIFYING, *ALLOWED.get(kind, ())):
        if marked is not None and name in given and name not in marked:
            kept[name] = _value(given[name], NESTED.get(name))
    return without_blanks(kept)


def _sensitive(instance: Body) -> frozenset[str] | None:
    """Return the attributes in which something is marked; ``None``: no telling, so all may be."""
    paths = instance.get("sensitive_attributes", [])
    if not isinstance(paths, list):
        return None
    marked: set[str] = set()
    for path in paths:
        first = path[0] if isinstance(path, list) and path else path
        name = first if isinstance(first, str) else text_at(first, "value")
        if not name:
            return None
        marked.add(name)
    return frozenset(marked)


def _value(value: JsonValue, allowed: tuple[str, ...] | None) -> JsonValue:
    """Return a scalar, a list of them, or of objects those of their fields that are allowed."""
    match value:
        case list():
            kept = [_value(one, allowed) for one in value[:ITEMS_MAX]]
            return [one for one in kept if one not in (None, {}, [], "")]
        case dict():
            return {name: _scalar(value[name]) for name in allowed or () if name in value}
        case _:
            return _scalar(value)


def _scalar(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return text_at({"it": value}, "it")[:TEXT_CHARACTERS_MAX]
    if isinstance(value, bool | float):
        return value
    return whole_at({"it": value}, "it")


def _texts(value: JsonValue) -> list[JsonValue]:
    found = value[:ITEMS_MAX] if isinstance(value, list) else []
    return [*sorted(text_at({"it": one}, "it") for one in found if isinstance(one, str))]
