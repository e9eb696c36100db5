"""Reads the rows of a file as a source that is looked at.

The mapping file itself comes before the first row that is taken in, so that the ledger holds by
what the rows were understood. From then on its version is one text for ever; another text under its
number is refused. A mapping by which no row could be understood yet may still be mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from lineage.connectors.base import MESSAGE_BYTES_MAX
from lineage.connectors.rows.columns import Row
from lineage.connectors.rows.documents import (
    MAPPING,
    ROW,
    MappingDocument,
    RowDocument,
    decode_document,
    encode_document,
)
from lineage.connectors.rows.loading import Loaded
from lineage.connectors.rows.mapping import RowsMapping
from lineage.connectors.rows.saying import name_of, say_row
from lineage.connectors.rows.tables import FoundRow, read_rows
from lineage.connectors.scanning import Document, Listed, Look, Memory, Unread, subject_of
from lineage.rules.secrets import filter_secrets
from lineage_schemas.errors import (
    ConflictError,
    LedgerError,
    LimitExceededError,
)
from lineage_schemas.limits import STATEMENT_ID_BYTES_MAX
from lineage_schemas.values import JsonValue

ROWS_MAX: Final = 5_000_000
"""Rows of one file; the id of each is remembered while it is read."""

_SUBJECT_BYTES_MAX: Final = STATEMENT_ID_BYTES_MAX - 64
"""Room for the count of revisions and for the mapping's version."""


class RowReader:
    """Reads a file of rows once."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        """Read ``path`` by a mapping."""
        self._path = path
        self._loaded = loaded

    @property
    def tool(self) -> str:
        """What the source is."""
        return "rows"

    @property
    def address(self) -> str:
        """The file's name; the folder it was exported to says nothing of the source."""
        return self._path.name

    @property
    def listed(self) -> tuple[str, ...]:
        """The kinds of which all are shown."""
        return (ROW,) if self._loaded.mapping.rows.whole else ()

    @property
    def shown_at(self) -> datetime | None:
        """A file of rows shows no time of its own."""
        return None

    @property
    def cursor(self) -> JsonValue:
        """Where to go on: rows are read from the first each time."""
        return None

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002
        """Yield the mapping, then the rows.

        Rows are told to be all of them only where the mapping says so, each could be told from
        the others, and there is at least one: an empty file is rather a failed export.

        Raises:
            InvalidInputError: the file cannot be read at all.
            ConflictError: the version of the mapping is known with another text, or a later one is.
            LimitExceededError: more than ``ROWS_MAX`` rows, or longer than another limit.
        """
        mapping: Document | None = self._mapping_document(memory)
        numbers: dict[str, str] = {}
        are_all_named = True
        for found in read_rows(self._path, self._loaded.mapping.rows):
            if found.number > ROWS_MAX:
                raise LimitExceededError(f"There are more than {ROWS_MAX} rows (ROWS_MAX)")
            shown = self._shown(found, numbers)
            are_all_named = are_all_named and shown.subject in numbers
            if mapping is not None and isinstance(shown, Document):
                yield mapping
                mapping = None
            yield shown
        if is_whole and numbers and are_all_named and self._loaded.mapping.rows.whole:
            yield Listed(ROW)

    def documents(self) -> Iterator[tuple[FoundRow, Document | Unread]]:
        """Yield each row beside what would be taken in of it.

        Raises:
            InvalidInputError: the file cannot be read at all.
            LimitExceededError: longer than a limit.
        """
        numbers: dict[str, str] = {}
        for found in read_rows(self._path, self._loaded.mapping.rows):
            yield found, self._shown(found, numbers)

    def _mapping_document(self, memory: Memory) -> Document:
        mapping = self._loaded.mapping
        subject = subject_of(MAPPING, mapping.mapping, str(mapping.version))
        body = encode_document(MappingDocument(self._loaded.document))
        before = memory.known([subject]).get(subject)
        if before is not None and before.body not in {None, filter_secrets(body)[0]}:
            raise ConflictError(
                f"Version {mapping.version} of the mapping is known with another text",
                where=mapping.mapping,
                hint=f"A changed mapping gets the next number: version: {mapping.version + 1}.",
            )
        start = subject_of(MAPPING, mapping.mapping) + "/"
        versions = [
            one.removeprefix(start) for one in memory.subjects(MAPPING) if one.startswith(start)
        ]
        latest = max((int(one) for one in versions), default=0)
        if latest > mapping.version:
            raise ConflictError(
                f"Rows were read by version {latest} of the mapping already, and this is "
                f"version {mapping.version}",
                where=mapping.mapping,
                hint="To go back to an earlier text, give it the next number.",
            )
        return Document(MAPPING, subject, body, is_fixed=True)

    def _shown(self, found: FoundRow, numbers: dict[str, str]) -> Document | Unread:
        subject = subject_of(ROW, f"number {found.number}")
        where = f"row {found.number}, {found.where}"
        if found.row is None:
            return Unread(ROW, subject, f"{where}: {found.reason}")
        try:
            row = _without_secrets(found.row)
            subject = subject_of(ROW, name_of(self._loaded.mapping.rows.id, row))
            if len(subject.encode()) > _SUBJECT_BYTES_MAX:
                raise LimitExceededError(
                    f"The id of a row is over the limit of {_SUBJECT_BYTES_MAX} bytes"
                )
            if subject in numbers:
                first = numbers[subject]
                return Unread(ROW, f"{subject} again", f"{where}: {first} has the same id")
            numbers[subject] = where
            return self._document(row, subject)
        except LedgerError as error:
            return Unread(ROW, subject, f"{where}: {error}")

    def _document(self, row: Row, subject: str) -> Document:
        mapping = self._loaded.mapping
        body = encode_document(RowDocument(RowsMapping(self._loaded).tag, row))
        if len(body) > MESSAGE_BYTES_MAX:
            raise LimitExceededError(
                f"A row of {len(body)} bytes is over the limit of {MESSAGE_BYTES_MAX} "
                "(MESSAGE_BYTES_MAX)"
            )
        # Said here too, so that what is wrong is told with the number of its row.
        say_row(mapping, row)
        return Document(ROW, subject, body)


def _without_secrets(row: Row) -> Row:
    """Return a row as the ledger will keep it: its id stands where nothing is filtered any more."""
    kept, filtered = filter_secrets(encode_document(RowDocument("", row)))
    document = decode_document(kept) if filtered else None
    return document.row if isinstance(document, RowDocument) else row
