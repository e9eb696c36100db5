"""Looks that were taken of real tools once, kept as data, and shown again as they were.

A file holds looks in the order of their times: a line for the look, and below it a line for each
thing that its reader yielded. What is shown again is what a copy of the source would show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import BinaryIO, Final

import msgspec
from msgspec import Raw, Struct

from lineage.connectors.scanning import Document, Listed, Look, Memory, SourceReader, Unread
from lineage_schemas.errors import DecodeError
from lineage_schemas.values import JsonValue


class LookLine(Struct, frozen=True, kw_only=True, tag_field="line", tag="look", omit_defaults=True):
    """A look: what was looked at, when, and where the next one went on."""

    tool: str
    address: str
    at: datetime
    is_whole: bool
    listed: tuple[str, ...] = ()
    cursor: JsonValue = None


class DocumentLine(
    Struct, frozen=True, kw_only=True, tag_field="line", tag="document", omit_defaults=True
):
    """A thing as it was shown."""

    kind: str
    subject: str
    body: Raw
    changed: datetime | None = None
    is_fixed: bool = False


class ListedLine(Struct, frozen=True, tag_field="line", tag="listed"):
    """All of a kind had been shown."""

    kind: str


_Line = LookLine | DocumentLine | ListedLine

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(_Line)


class RecordedLook(Struct, frozen=True):
    """A look, and what it yielded."""

    look: LookLine
    shown: tuple[DocumentLine | ListedLine, ...]


class RecordedReader:
    """Shows again what a reader showed: a source that is looked at."""

    def __init__(self, recorded: RecordedLook) -> None:
        self._recorded = recorded

    @property
    def tool(self) -> str:
        """What the source was."""
        return self._recorded.look.tool

    @property
    def address(self) -> str:
        """Where it was read."""
        return self._recorded.look.address

    @property
    def listed(self) -> tuple[str, ...]:
        """The kinds of which all may have been shown."""
        return self._recorded.look.listed

    @property
    def shown_at(self) -> datetime | None:
        """When it was shown so."""
        return self._recorded.look.at

    @property
    def cursor(self) -> JsonValue:
        """Where the next look went on."""
        return self._recorded.look.cursor

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002
        """Yield what was shown: nothing else is known of the source."""
        for one in self._recorded.shown:
            if isinstance(one, ListedLine):
                yield Listed(one.kind)
            else:
                yield Document(
                    one.kind, one.subject, bytes(one.body), one.changed, is_fixed=one.is_fixed
                )


def record(
    reader: SourceReader, yielded: Iterable[object], at: datetime, *, is_whole: bool
) -> bytes:
    """Return the lines of a look whose reader has come to its end.

    Raises:
        DecodeError: something could not be read: a story holds whole looks only.
    """
    lines = [_line(one) for one in yielded]
    look = LookLine(
        tool=reader.tool,
        address=reader.address,
        at=at,
        is_whole=is_whole,
        listed=reader.listed,
        cursor=reader.cursor,
    )
    return b"".join(_ENCODER.encode(one) + b"\n" for one in (look, *lines))


def _line(shown: object) -> DocumentLine | ListedLine:
    match shown:
        case Document():
            return DocumentLine(
                kind=shown.kind,
                subject=shown.subject,
                body=Raw(shown.body),
                changed=shown.changed,
                is_fixed=shown.is_fixed,
            )
        case Listed():
            return ListedLine(shown.kind)
        case Unread():
            raise DecodeError(f"{shown.subject} was not read: {shown.reason}")
        case _:
            raise TypeError(f"A reader yields no {type(shown).__name__}")


def recorded_looks(stream: BinaryIO) -> Iterator[RecordedLook]:
    """Yield the looks of a file, in its order.

    Raises:
        DecodeError: a line is none; names its number.
    """
    look: LookLine | None = None
    shown: list[DocumentLine | ListedLine] = []
    for number, text in enumerate(stream, start=1):
        try:
            line = _DECODER.decode(text)
        except msgspec.MsgspecError as error:
            raise DecodeError(
                f"This is no line of a recorded look: {error}", where=f"line {number}"
            ) from error
        if not isinstance(line, LookLine):
            shown.append(line)
            continue
        if look is not None:
            yield RecordedLook(look, tuple(shown))
        look, shown = line, []
    if look is not None:
        yield RecordedLook(look, tuple(shown))
