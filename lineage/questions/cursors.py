"""Cursors: where a page ended, of which question, and of which past."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Final, NamedTuple
from zlib import crc32

from lineage.questions.as_of import AsOf, Present
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import parse_instant
from lineage_schemas.limits import INT_MAX

_CURSOR_VERSION: Final = 3


class Cursor(NamedTuple):
    """Where a page ended: the size all pages are of, the part of the list, and its last node.

    ``question`` is a checksum of what was asked, so that a cursor serves no other question.
    ``after`` is counted from the first vertex of the namespace, whose number tells how many there
    were before it. ``judged_us`` is when the sources of the first page were judged, if any were.
    """

    question: int
    size: int
    part: int
    after: int
    judged_us: int = 0


class Turned(NamedTuple):
    """Where a page begins, if behind another one, and as of when it is asked."""

    cursor: Cursor | None
    as_of: AsOf


def question_of(*asked: str) -> int:
    """Return the checksum of what is asked."""
    return crc32("\n".join(asked).encode())


def make_cursor(basis: Basis, question: int, after: int, part: int = 0) -> str:
    """Return the cursor of the page that follows one with this basis."""
    judged_us = 0 if basis.sources_at is None else parse_instant(basis.sources_at)
    return encode_cursor(Cursor(question, basis.size, part, after, judged_us))


def open_cursor(text: str | None, question: int, as_of: AsOf) -> Turned:
    """Return which page is asked for: the first, or with a cursor a further one of the same past.

    Raises:
        InvalidInputError: the text is not one of our cursors, or is one of another question, or
            ``as_of`` names a past beside it.
    """
    if text is None:
        return Turned(None, as_of)
    if not isinstance(as_of, Present | None):
        raise InvalidInputError(
            "The cursor already says as of when",
            where=text[:64],
            hint="Leave that out; a stated time is given again, if the first page was of one.",
        )
    cursor = decode_cursor(text, question)
    past = Present(cursor.size, cursor.judged_us) if cursor.judged_us else cursor.size
    return Turned(cursor, past)


def encode_cursor(cursor: Cursor) -> str:
    """Return the opaque text of a cursor."""
    return urlsafe_b64encode(b"%d.%d.%d.%d.%d.%d" % (_CURSOR_VERSION, *cursor)).decode().rstrip("=")


def decode_cursor(text: str, question: int) -> Cursor:
    """Read back a cursor of a question.

    Raises:
        InvalidInputError: the text is not one of our cursors, or is one of another question.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        version, *rest = map(int, urlsafe_b64decode(padded.encode()).split(b"."))
        cursor = Cursor(*rest)
    except (ValueError, TypeError, Base64Error) as error:
        raise InvalidInputError("This is not a cursor of ours", where=text[:64]) from error
    if version != _CURSOR_VERSION or not all(0 <= number <= INT_MAX for number in cursor):
        raise InvalidInputError("This is not a cursor of ours", where=text[:64])
    if cursor.question != question:
        raise InvalidInputError(
            "This cursor is of another question",
            where=text[:64],
            hint="Ask for the next page with the same words, type, filter, stated time and "
            "namespace.",
        )
    return cursor
