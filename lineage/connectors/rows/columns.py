"""Paths into a row, and templates of text with such paths in braces.

The notation of ``{column}`` and ``{+column}`` is that of RFC 6570: the first percent-encodes, the
second puts in what is there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from lineage_schemas.errors import InvalidInputError
from lineage_schemas.values import JsonValue

TEMPLATE_PARTS_MAX: Final = 64
"""Texts and columns of one template."""

_REMEMBERED: Final = 4_096
"""Columns and templates of mappings, which are read again with each row."""

_STEP: Final = re.compile(
    r'\.?(?:"(?P<quoted>[^"]+)"|(?P<plain>[^."\[\]{}+][^."\[\]{}]*))|\[(?P<at>\d{1,6})\]'
)
_BRACES: Final = re.compile(r"\{\{|\}\}|\{(?P<inside>[^{}]*)\}|[{}]")
_SAFE: Final = "-._~:@!$&'()*+,;="
"""What a segment of a path may hold as it is (RFC 3986)."""

Row = dict[str, JsonValue]


class Column(Struct, frozen=True):
    """A path into a row. ``text`` is how the mapping has it."""

    text: str
    steps: tuple[str | int, ...]

    def of(self, row: Row) -> JsonValue:
        """Return what is there; ``None`` where nothing is, or an empty text."""
        value: JsonValue = row
        for step in self.steps:
            match value, step:
                case dict(), str():
                    value = value.get(step)
                case list(), int():
                    value = value[step] if step < len(value) else None
                case _:
                    return None
        return None if value == "" else value


@lru_cache(maxsize=_REMEMBERED)
def parse_column(text: str) -> Column:
    """Read a path into a row: ``a.b[0]``; a name with dots or brackets in double quotes.

    Raises:
        InvalidInputError: it is none.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        # A dot or a bracket stands between two steps, and not before the first.
        if found is None or (text[at] in ".[") is not bool(steps):
            break
        index = found["at"]
        steps.append(int(index) if index is not None else found["quoted"] or found["plain"])
        at = found.end()
    if at < len(text) or not steps:
        raise InvalidInputError(
            f"{text[:64]!r} is no column",
            hint='Write name, name.inner or name[0]; names with dots in quotes: "v1.auc".',
        )
    return Column(text, tuple(steps))


class Template(Struct, frozen=True):
    """Text with columns. ``parts`` are texts, and columns with whether they are put in raw."""

    text: str
    parts: tuple[str | tuple[Column, bool], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in it."""
        return tuple(part[0] for part in self.parts if not isinstance(part, str))

    def fill(self, row: Row) -> str | None:
        """Return the text for people; ``None`` where it has columns and all are empty."""
        found = [text_of(column, column.of(row)) for column in self.columns]
        if found and not any(found):
            return None
        texts = iter(found)
        return "".join(part if isinstance(part, str) else next(texts) for part in self.parts)

    def fill_identifier(self, row: Row) -> str:
        """Return the text with what columns hold percent-encoded.

        Raises:
            InvalidInputError: a column is empty; names it.
        """
        filled: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                filled.append(part)
                continue
            column, is_raw = part
            text = text_of(column, column.of(row))
            if not text:
                raise InvalidInputError(
                    "The column is empty, and an identifier is made of it",
                    where=f"column {column.text}",
                    hint="Say it of rows that have it only: when: {column: ..., present: true}.",
                )
            filled.append(text if is_raw else quote(text, safe=_SAFE))
        return "".join(filled)


@lru_cache(maxsize=_REMEMBERED)
def parse_template(text: str) -> Template:
    """Read a template.

    Raises:
        InvalidInputError: a brace without its other, no column in braces, or more than
            ``TEMPLATE_PARTS_MAX`` parts.
    """
    parts: list[str | tuple[Column, bool]] = []
    at = 0
    for found in _BRACES.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        inside = found["inside"]
        if inside is not None:
            is_raw = inside.startswith("+")
            parts.append((parse_column(inside[is_raw:].strip()), is_raw))
        elif found[0] in {"{{", "}}"}:
            parts.append(found[0][0])
        else:
            raise InvalidInputError(
                f"A brace in {text[:64]!r} has no other", hint="A brace itself is doubled: {{."
            )
    parts.append(text[at:])
    if len(parts) > TEMPLATE_PARTS_MAX:
        raise InvalidInputError(
            f"A template has more than {TEMPLATE_PARTS_MAX} parts (TEMPLATE_PARTS_MAX)"
        )
    return Template(text, tuple(part for part in parts if part != ""))


def text_of(column: Column, value: JsonValue) -> str:
    """Return a value of a row as text; what is absent is an empty one.

    Raises:
        InvalidInputError: a list or an object.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            raise InvalidInputError(
                "The column holds a list or an object, and a text is wanted",
                where=f"column {column.text}",
                hint="Name what is inside: name.inner or name[0].",
            )
