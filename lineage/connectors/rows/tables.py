"""Reads the rows of a file: CSV and NDJSON line by line, a JSON document whole.

A row that cannot be read is yielded with the reason in its place, and the rest is read.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
from msgspec import Struct

from lineage.connectors.base import MESSAGE_BYTES_MAX
from lineage.connectors.rows.columns import Row, parse_column
from lineage_schemas.errors import DecodeError, InvalidInputError, LimitExceededError
from lineage_schemas.row_mappings import Encoding, RowFormat, Rows
from lineage_schemas.values import JsonValue

JSON_BYTES_MAX: Final = 256 * 1_048_576
"""One JSON document, which is read whole; CSV and NDJSON are read line by line, however long."""

LINE_CHARS_MAX: Final = MESSAGE_BYTES_MAX
"""One line of CSV or NDJSON."""

COLUMNS_MAX: Final = 4_096
"""Columns of a CSV file."""

_SURROGATE: Final = re.compile("[\ud800-\udfff\0]")


class FoundRow(Struct, frozen=True):
    """A row, or why there is none. ``number`` counts rows from 1, ``where`` tells people which."""

    number: int
    where: str
    row: Row | None
    reason: str = ""


def read_rows(path: Path, rows: Rows) -> Iterator[FoundRow]:
    """Yield the rows of a file.

    Raises:
        InvalidInputError: the file cannot be read, has no header or one that names a column twice,
            or is no JSON with an array at the path.
        LimitExceededError: longer than a limit, which the error names.
    """
    try:
        with path.open("rb") as file:
            match rows.format:
                case RowFormat.CSV:
                    yield from _csv_rows(file, rows)
                case RowFormat.NDJSON:
                    yield from _line_rows(file, rows.encoding)
                case RowFormat.JSON:
                    yield from _json_rows(file, rows)
    except OSError as error:
        raise InvalidInputError(
            f"The rows cannot be read: {error.strerror}", where=str(path)
        ) from error


def _lines(file: BinaryIO, encoding: Encoding) -> Iterator[str]:
    """Yield lines with their ends; bytes that are no text become lone surrogates."""
    name = "utf-8-sig" if encoding is Encoding.UTF_8 else encoding.value
    text = io.TextIOWrapper(file, encoding=name, errors="surrogateescape", newline="")
    number = 0
    try:
        while line := text.readline(LINE_CHARS_MAX + 1):
            number += 1
            if len(line) > LINE_CHARS_MAX:
                raise LimitExceededError(
                    f"A line is longer than {LINE_CHARS_MAX} characters (LINE_CHARS_MAX)",
                    where=f"line {number}",
                )
            yield line
    finally:
        if not file.closed:
            text.detach()  # whoever opened the file closes it


def _csv_rows(file: BinaryIO, rows: Rows) -> Iterator[FoundRow]:
    reader = csv.reader(
        _lines(file, rows.encoding),
        delimiter=rows.csv.delimiter,
        quotechar=rows.csv.quote,
        strict=True,
    )
    header = _header(reader)
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            number += 1
            yield _unread(number, f"line {line}", str(error))
            continue
        if cells is None:
            return
        if not cells:
            continue  # an empty line, such as the last one
        number += 1
        where = f"line {line}"
        if len(cells) != len(header):
            yield _unread(
                number, where, f"it has {len(cells)} columns, and the header has {len(header)}"
            )
        elif damaged := [
            name for name, cell in zip(header, cells, strict=True) if _SURROGATE.search(cell)
        ]:
            yield _unread(number, where, f"column {damaged[0]} is not text in {rows.encoding}")
        else:
            row = cast("Row", dict(zip(header, cells, strict=True)))
            yield FoundRow(number, where, row)


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next(reader, None)
    except csv.Error as error:
        raise DecodeError(f"The header is no CSV: {error}", where="line 1") from error
    if not header:
        raise InvalidInputError(
            "The file has no header", where="line 1", hint="Its first line names the columns."
        )
    if len(header) > COLUMNS_MAX:
        raise LimitExceededError(f"There are more than {COLUMNS_MAX} columns (COLUMNS_MAX)")
    names = [name.strip() for name in header]
    for index, name in enumerate(names):
        if not name or _SURROGATE.search(name):
            raise InvalidInputError(f"Column {index + 1} has no name", where="line 1")
        if name in names[:index]:
            raise InvalidInputError(
                f"The header names the column {name[:64]!r} twice",
                where="line 1",
                hint="A name must tell which column is meant: rename one of them.",
            )
    return names


def _line_rows(file: BinaryIO, encoding: Encoding) -> Iterator[FoundRow]:
    number = 0
    for line, text in enumerate(_lines(file, encoding), start=1):
        if not text.strip():
            continue
        number += 1
        where = f"line {line}"
        if _SURROGATE.search(text):
            yield _unread(number, where, f"it is not text in {encoding}")
            continue
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            yield _unread(number, where, f"it is no JSON: {error}")
        else:
            yield _found(number, where, value)


def _json_rows(file: BinaryIO, rows: Rows) -> Iterator[FoundRow]:
    body = file.read(JSON_BYTES_MAX + 1)
    if len(body) > JSON_BYTES_MAX:
        raise LimitExceededError(
            f"The document is over the limit of {JSON_BYTES_MAX} bytes (JSON_BYTES_MAX)",
            hint="Write one row a line, as NDJSON: that is read line by line.",
        )
    encoding = "utf-8-sig" if rows.encoding is Encoding.UTF_8 else rows.encoding.value
    try:
        document: JsonValue = msgspec.json.decode(body.decode(encoding))
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise DecodeError(f"The document is no JSON: {error}") from error
    array = parse_column(rows.path).of(_object(document)) if rows.path else document
    if not isinstance(array, list):
        place = f"at {rows.path!r}" if rows.path else "at its top"
        raise InvalidInputError(
            f"The document has no array {place}",
            hint="Say where the rows are: rows: {path: result.items}.",
        )
    for number, value in enumerate(array, start=1):
        yield _found(number, f"{rows.path}[{number - 1}]", value)


def _object(document: JsonValue) -> Row:
    return document if isinstance(document, dict) else {}


def _found(number: int, where: str, value: JsonValue) -> FoundRow:
    if not isinstance(value, dict):
        return _unread(number, where, "it is no object")
    return FoundRow(number, where, value)


def _unread(number: int, where: str, reason: str) -> FoundRow:
    return FoundRow(number, where, None, reason)
