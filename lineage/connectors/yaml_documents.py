"""Reads a YAML document as plain JSON, by the rules of YAML 1.2 and within bounds.

The scanner is libyaml's; what a plain scalar means is decided here, because PyYAML follows YAML
1.1, to which ``yes`` and ``on`` are true and ``12:30`` is a number. A document is read from its
stream of tokens, one by one, so that neither depth nor aliases cost more than their limits.
"""

from __future__ import annotations

import math
import re
from typing import Final, Protocol, cast

import yaml
from msgspec import Struct
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from lineage_schemas.errors import DecodeError, LimitExceededError
from lineage_schemas.limits import INT_MAX, INT_MIN, VALUE_DEPTH_MAX
from lineage_schemas.values import JsonValue

YAML_BYTES_MAX: Final = 16 * 1_048_576
"""One document."""

YAML_NODES_MAX: Final = 1_000_000
"""Scalars, lists and objects of one document, each counted again wherever an alias repeats it."""

_BOOLEAN: Final = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER: Final = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)")
_FLOAT: Final = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
)
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DIGITS_MAX: Final = 128  # more than 64 bits need, leading zeros and all
_BASES: Final = {"0b": 2, "0o": 8, "0x": 16}
_NUMERIC_START: Final = frozenset("-+.0123456789")
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_MERGE: Final = "<<"

Steps = tuple[str | int, ...]
"""Where a value stands in a document: keys and indexes, from its root."""

_TREE = dict[str, JsonValue] | list[JsonValue]


class Place(Struct, frozen=True):
    """Where something is written, counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        """Return it for people."""
        return f"line {self.line}, column {self.column}"


class Places(Struct, frozen=True):
    """Where a value is written, and the key in front of it; where there is none, the value."""

    key: Place
    value: Place


class _Open(Struct):
    """A list or an object that is being read."""

    value: _TREE
    anchor: str | None
    key: str | None = None
    has_key: bool = False
    is_merge: bool = False
    has_merged: bool = False
    merged: list[dict[str, JsonValue]] = []
    nodes: int = 1


class _Scanner(Protocol):
    """What is used of libyaml's parser."""

    def check_event(self) -> bool:
        """Tell whether there is another event."""
        ...

    def get_event(self) -> Event:
        """Return the next event."""
        ...

    def dispose(self) -> None:
        """Let go of the text."""
        ...


def read_yaml(body: bytes) -> JsonValue:
    """Return the one document in ``body``; an empty one is ``None``.

    Keys that are no text become what they were written as, infinities and NaN tagged values, times
    and values of unknown tags text. An alias is what it stands for; ``<<`` merges.

    Raises:
        DecodeError: not YAML in UTF-8, several documents, a key twice, an alias of nothing.
        LimitExceededError: longer than ``YAML_BYTES_MAX``, more than ``YAML_NODES_MAX`` values, or
            deeper than ``VALUE_DEPTH_MAX``.
    """
    if len(body) > YAML_BYTES_MAX:
        raise LimitExceededError(
            f"A YAML document of {len(body)} bytes is over the limit of {YAML_BYTES_MAX} "
            "(YAML_BYTES_MAX)"
        )
    try:
        body.decode()
        scanner = cast("_Scanner", CParser(body))
    except UnicodeDecodeError as error:
        raise DecodeError(f"The document is not UTF-8: {error}") from error
    try:
        return _Reading(scanner).document()
    except yaml.YAMLError as error:
        raise DecodeError(f"The document is not YAML: {_told(error)}") from error
    finally:
        scanner.dispose()


def read_places(body: bytes) -> dict[Steps, Places]:
    """Return where each value of a document is written that ``read_yaml`` has read.

    What an alias or ``<<`` repeats is written elsewhere, and is left out.
    """
    scanner = cast("_Scanner", CParser(body))
    places: dict[Steps, Places] = {}
    within: list[_Within] = []
    try:
        while scanner.check_event():
            _note(scanner.get_event(), within, places)
    finally:
        scanner.dispose()
    return places


class _Within(Struct):
    """A list or an object whose parts are being placed; ``key`` waits for its value."""

    steps: Steps
    index: int | None
    key: str | None = None
    key_place: Place | None = None

    def next_step(self) -> str | int:
        """Return the step to the value that comes now."""
        if self.index is None:
            key, self.key = self.key or "", None
            return key
        self.index += 1
        return self.index - 1


def _note(event: Event, within: list[_Within], places: dict[Steps, Places]) -> None:
    kind = type(event)
    if kind is MappingEndEvent or kind is SequenceEndEvent:
        within.pop()
    elif kind in {ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent}:
        top = within[-1] if within else None
        if top is not None and top.index is None and top.key is None:
            top.key, top.key_place = str(getattr(event, "value", "")), _place_of(event)
            return
        here = _place_of(event)
        key = here if top is None or top.index is not None else top.key_place or here
        steps = () if top is None else (*top.steps, top.next_step())
        places[steps] = Places(key, here)
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            within.append(_Within(steps, None if kind is MappingStartEvent else 0))


def _place_of(event: Event) -> Place:
    mark = event.start_mark
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


def _told(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or str(error)
    mark = getattr(error, "problem_mark", None)
    return str(problem) if mark is None else f"{problem}, {Place(mark.line + 1, mark.column + 1)}"


class _Reading:
    """One pass over the events of a document."""

    def __init__(self, scanner: _Scanner) -> None:
        self._scanner = scanner
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[JsonValue, int]] = {}
        self._count = 0
        self._done: list[JsonValue] = []

    def document(self) -> JsonValue:
        documents = 0
        while self._scanner.check_event():
            event = self._scanner.get_event()
            if type(event) is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise DecodeError("There is more than one YAML document")
            else:
                self._take(event)
        return self._done[0] if self._done else None

    def _take(self, event: Event) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            self._scalar(cast("ScalarEvent", event))
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._begin(cast("MappingStartEvent | SequenceStartEvent", event))
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._end()
        elif kind is AliasEvent:
            self._alias(cast("AliasEvent", event))

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if self._open and type(self._open[-1].value) is dict and not self._open[-1].has_key:
            raise DecodeError("A key is a list or an object", where=_line(event))
        if len(self._open) > VALUE_DEPTH_MAX:
            raise LimitExceededError(
                f"A document is nested deeper than {VALUE_DEPTH_MAX} levels (VALUE_DEPTH_MAX)",
                where=_line(event),
            )
        empty: _TREE = {} if type(event) is MappingStartEvent else []
        self._open.append(_Open(empty, event.anchor))

    def _end(self) -> None:
        ended = self._open.pop()
        value = ended.value
        if type(value) is dict:
            for other in ended.merged:
                for name, inherited in other.items():
                    value.setdefault(name, inherited)
        self._put(value, ended.anchor, ended.nodes, None)

    def _scalar(self, event: ScalarEvent) -> None:
        top = self._open[-1] if self._open else None
        if top is not None and type(top.value) is dict and not top.has_key:
            self._name(top, event)
            return
        text = event.value
        tag = event.tag
        if tag is None and not event.style and event.implicit[0]:
            value = plain_scalar(text)
        elif tag is None or tag in _TEXT_TAGS:
            value = text
        else:
            value = _tagged(tag, text)
        self._put(value, event.anchor, 1, event)

    def _name(self, top: _Open, event: ScalarEvent) -> None:
        name = event.value
        if type(top.value) is dict and name in top.value:
            raise DecodeError(f"The key {name[:64]!r} stands twice", where=_line(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = (name, 1)
        # A quoted << is a name like any other.
        top.key, top.has_key, top.is_merge = name, True, name == _MERGE and not event.style
        if top.is_merge and type(top.value) is dict:
            if top.has_merged:
                raise DecodeError("The key '<<' stands twice", where=_line(event))
            top.has_merged = True

    def _alias(self, event: AliasEvent) -> None:
        anchor = event.anchor or ""
        known = self._anchors.get(anchor)
        if known is None:
            raise DecodeError(f"The alias {anchor[:64]!r} stands for nothing", where=_line(event))
        value, nodes = known
        top = self._open[-1] if self._open else None
        if top is not None and type(top.value) is dict and not top.has_key:
            raise DecodeError("A key is an alias", where=_line(event))
        self._put(value, None, nodes, event)

    def _put(self, value: JsonValue, anchor: str | None, nodes: int, event: Event | None) -> None:
        self._count += nodes if type(event) is AliasEvent else 1
        if self._count > YAML_NODES_MAX:
            raise LimitExceededError(
                f"A document has more than {YAML_NODES_MAX} values (YAML_NODES_MAX), those that "
                "its aliases repeat included"
            )
        if anchor is not None:
            self._anchors[anchor] = (value, nodes)
        if not self._open:
            self._done.append(value)
            return
        top = self._open[-1]
        top.nodes += nodes
        if type(top.value) is list:
            top.value.append(value)
        else:
            _place(top, cast("dict[str, JsonValue]", top.value), value)


def _place(top: _Open, tree: dict[str, JsonValue], value: JsonValue) -> None:
    top.has_key = False
    if not top.is_merge:
        tree[top.key or ""] = value
        return
    merged = value if isinstance(value, list) else [value]
    others = [other for other in merged if isinstance(other, dict)]
    if len(others) != len(merged):
        raise DecodeError("What << merges is no object")
    top.merged = others


def plain_scalar(text: str) -> JsonValue:
    """Return what a plain scalar stands for in YAML 1.2's core schema."""
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if text in _NULL:
        return None
    if text[0] in _NUMERIC_START:
        if _INTEGER.fullmatch(text):
            return _integer(text)
        if _FLOAT.fullmatch(text):
            return _float(text)
        if _NOT_FINITE.fullmatch(text):
            return _not_finite(text)
    return text


def _integer(text: str) -> JsonValue:
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    base = _BASES.get(digits[:2])
    if base is not None:
        digits = digits[2:]
    if not 0 < len(digits) <= _DIGITS_MAX:
        return text
    number = sign * int(digits, base or 10)
    # The log keeps 64 bits; what is larger is kept as it was written.
    return number if INT_MIN <= number <= INT_MAX else text


def _float(text: str) -> JsonValue:
    number = float(text.replace("_", ""))
    return number if math.isfinite(number) else text


def _not_finite(text: str) -> JsonValue:
    word = text.lower().lstrip("+")
    return {"$float": {".nan": "NaN", ".inf": "Infinity", "-.inf": "-Infinity"}[word]}


def _tagged(tag: str, text: str) -> JsonValue:
    """Return a scalar with an explicit tag: those of JSON are read, any other is text."""
    match tag.rpartition(":")[2]:
        case "int" | "float" | "bool" | "null":
            return plain_scalar(text)
        case _:
            return text


def _line(event: Event) -> str:
    mark = event.start_mark
    return "" if mark is None else str(Place(mark.line + 1, mark.column + 1))
