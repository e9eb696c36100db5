"""The lines of an export: docs/export-format.md in code.

An export is UTF-8 text, one JSON object a line, each in the one way of writing it: fields in the
order of these structs, no white space, nothing escaped that need not be. The first line is the
*header*, then comes one line an entry, in order, and the last is the *trailer*. What is hashed
stands in JSON strings, so that its bytes survive unchanged.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from lineage.moving.streams import EXPORT_MARK
from lineage.projections.governance import KeyRow
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.errors import CorruptLogError, DecodeError, NewerStoreError, ProofError

EXPORT_VERSION: Final = 1

LINE_BYTES_MAX: Final = 16 * 1_048_576
"""One line: an envelope and two payload parts, in which JSON escapes up to every second byte."""

HEADER_LINE: Final = 1


class ExportedKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verifier key of the log, and where it is introduced.

    ``covered`` is the first size whose tree holds the introduction and all of its batch.
    """

    verifier: str
    position: int
    covered: int
    replaces: str | None
    lost: bool


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file claims to be; everything in it is checked against the entries.

    ``final``: the ledger that this was taken from takes nothing any more, so that whoever imports
    it with the signing key goes on under the same origin. ``root`` is in hexadecimal, over ``size``
    entries; ``checkpoint`` is the last signed note, which may cover fewer.
    """

    lineage_export: int
    software: str
    origin: str
    final: bool
    size: int
    root: str
    checkpoint: str | None
    keys: tuple[ExportedKey, ...]


class ExportedPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payload part: its salt in hexadecimal, and its text."""

    salt: str
    text: str


class EntryLine(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """An entry. A part that is not there was erased, or never was.

    ``leaf`` could be computed; it is there so that a line that was damaged is named.
    """

    position: int
    leaf: str
    envelope: str
    facts: ExportedPart | None = None
    personal: ExportedPart | None = None


class Trailer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end: without it an export is cut off. ``sha256`` is of all the bytes before this line."""

    entries: int
    root: str
    sha256: str


_Line = TypeVar("_Line", Header, EntryLine, Trailer)


class _Version(Struct, frozen=True):
    lineage_export: int


_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ENCODER: Final = msgspec.json.Encoder()
_VERSION: Final = msgspec.json.Decoder(_Version)
_HEADER: Final = msgspec.json.Decoder(Header)
_ENTRY: Final = msgspec.json.Decoder(EntryLine)
_TRAILER: Final = msgspec.json.Decoder(Trailer)


def encode_line(line: Header | EntryLine | Trailer) -> bytes:
    """Return the bytes of a line, with its end."""
    return _ENCODER.encode(line) + b"\n"


def decode_header(line: bytes) -> Header:
    """Read the first line.

    Raises:
        DecodeError: the file is no export.
        NewerStoreError: a later version of this software wrote it.
        ProofError: it is one, and its first line is damaged.
    """
    if not line.startswith(EXPORT_MARK):
        raise DecodeError(
            "This is no export of a ledger",
            where="line 1",
            hint="Give a file that `lineage export` wrote.",
        )
    try:
        version = _VERSION.decode(line).lineage_export
    except _UNREADABLE as error:
        raise damaged(HEADER_LINE, str(error)) from error
    if version > EXPORT_VERSION:
        raise NewerStoreError(
            f"This export is of form {version}, this software knows {EXPORT_VERSION}",
            where="line 1",
            hint="Install the version that wrote it, or a later one.",
        )
    header = _decode(_HEADER, line, HEADER_LINE)
    if header.size < 0 or version < 1:
        raise damaged(HEADER_LINE, "no export has such a size or form")
    return header


def decode_entry_line(line: bytes, number: int) -> StoredEntry:
    """Read the line of an entry; nothing of it is verified.

    Raises:
        ProofError: damaged, or written in another way than the one there is.
    """
    read = _decode(_ENTRY, line, number)
    return StoredEntry(
        position=read.position,
        envelope=read.envelope.encode(),
        leaf=_from_hex(read.leaf, number),
        facts=_part(read.facts, number),
        personal=_part(read.personal, number),
    )


def decode_trailer(line: bytes, number: int) -> Trailer:
    """Read the last line.

    Raises:
        ProofError: as ``decode_entry_line``.
    """
    return _decode(_TRAILER, line, number)


def entry_line(stored: StoredEntry) -> EntryLine:
    """Return the line of an entry.

    Raises:
        CorruptLogError: its bytes are no text; names the position.
    """
    try:
        return EntryLine(
            position=stored.position,
            leaf=stored.leaf.hex(),
            envelope=stored.envelope.decode(),
            facts=_exported(stored.facts),
            personal=_exported(stored.personal),
        )
    except UnicodeDecodeError as error:
        raise CorruptLogError(
            "What is stored of this entry is not UTF-8, so it was changed",
            where=f"position {stored.position}",
            hint="Run `lineage audit`.",
        ) from error


def exported_key(row: KeyRow) -> ExportedKey:
    """Return a key as the header names it."""
    return ExportedKey(
        verifier=row.verifier,
        position=row.position,
        covered=row.covered_size,
        replaces=row.replaces,
        lost=bool(row.lost),
    )


def damaged(number: int, why: str) -> ProofError:
    """Return what is raised for a line that is not as it was written."""
    return ProofError(f"This line is damaged: {why}", where=f"line {number}")


def _decode(decoder: msgspec.json.Decoder[_Line], line: bytes, number: int) -> _Line:
    try:
        read = decoder.decode(line)
    except _UNREADABLE as error:
        raise damaged(number, str(error)) from error
    if encode_line(read) != line:
        raise damaged(number, "it is not written in the one way there is")
    return read


def _exported(part: PayloadPart | None) -> ExportedPart | None:
    return None if part is None else ExportedPart(salt=part.salt.hex(), text=part.body.decode())


def _part(part: ExportedPart | None, number: int) -> PayloadPart | None:
    return None if part is None else PayloadPart(_from_hex(part.salt, number), part.text.encode())


def _from_hex(text: str, number: int) -> bytes:
    try:
        body = bytes.fromhex(text)
    except ValueError as error:
        raise damaged(number, str(error)) from error
    if body.hex() != text:
        raise damaged(number, "hexadecimal is written in small letters")
    return body
