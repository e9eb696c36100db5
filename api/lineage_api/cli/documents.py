"""Documents of a stream, recorded in groups: the good ones go in, the others are told of."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from enum import StrEnum
from typing import BinaryIO, Final

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from lineage.connectors.base import Mapping, ReceivedMessage
from lineage.connectors.cdevents.mapping import CDEventsMapping
from lineage.connectors.cloudevents.envelope import structured_message
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.connectors.openlineage.reader import read_messages
from lineage.folding import Progress
from lineage.intake import Delivery
from lineage.service import Ledger
from lineage.writing.submission import Outcome, Receipt
from lineage_schemas.codec import decode_statement
from lineage_schemas.errors import DecodeError, InvalidInputError, LedgerError
from lineage_schemas.records import Statement

GROUP_LENGTH_MAX: Final = 500
GROUP_BYTES_MAX: Final = 16 * 1_048_576
"""What is committed at a time: so much of the stream is in memory, and is lost when it fails."""

REFUSALS_LISTED_MAX: Final = 1_000
OPENLINEAGE_SOURCE: Final = "openlineage"
CLOUDEVENTS_SOURCE: Final = "cloudevents"


class Form(StrEnum):
    """What a document is."""

    OPENLINEAGE = "openlineage"
    CLOUDEVENTS = "cloudevents"
    STATEMENTS = "statements"


class Refusal(Struct, frozen=True):
    """A document that did not go in: where it stands, and why."""

    where: str
    code: str
    reason: str


class IngestReport(Struct, frozen=True, kw_only=True):
    """What became of the documents of a stream.

    ``entries`` is how many entries the appended ones made, ``size`` how many the log has now.
    ``refusals`` lists the first ``REFUSALS_LISTED_MAX``; ``refused`` counts them all.
    """

    read: int
    appended: int
    already_there: int
    refused: int
    entries: int
    size: int
    refusals: tuple[Refusal, ...]


_ABSENT: Final = Raw()


class _Shape(Struct):
    event_time: Raw = field(default=_ABSENT, name="eventTime")
    specversion: Raw = _ABSENT
    records: Raw = _ABSENT


_SHAPES: Final = msgspec.json.Decoder(_Shape)


def form_of(body: bytes) -> Form:
    """Tell messages of OpenLineage, CloudEvents and statements apart, by fields of their own.

    Raises:
        DecodeError: it is no JSON object, or none of the three.
    """
    try:
        shape = _SHAPES.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"This is not a JSON object: {error}") from error
    if shape.specversion is not _ABSENT:
        return Form.CLOUDEVENTS
    if shape.event_time is not _ABSENT:
        return Form.OPENLINEAGE
    if shape.records is not _ABSENT:
        return Form.STATEMENTS
    raise DecodeError(
        "This is no message of OpenLineage (it has no eventTime), no CloudEvent (no specversion) "
        "and no statement (no records)",
        hint="Say with --as which it should be.",
    )


class Ingestion:
    """Takes documents in, and counts what becomes of them. ``on_refusal`` hears of each at once."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        namespace: str,
        source: str | None = None,
        form: Form | None = None,
        on_refusal: Callable[[Refusal], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._namespace = namespace
        self._source = source
        self._form = form
        self._on_refusal = on_refusal
        self._mappings: dict[Form, tuple[Mapping, str]] = {
            Form.OPENLINEAGE: (OpenLineageMapping(), OPENLINEAGE_SOURCE),
            Form.CLOUDEVENTS: (CDEventsMapping(), CLOUDEVENTS_SOURCE),
        }
        self._waiting: list[tuple[str, Delivery]] = []
        self._waiting_bytes = 0
        self._read = self._appended = self._already_there = self._refused = self._entries = 0
        self._refusals: list[Refusal] = []

    def take(self, stream: BinaryIO, progress: Progress) -> None:
        """Record every document of a stream; return once all of them are durable.

        Raises:
            InvalidInputError: the stream cannot be read on; what was read before is recorded.
            StoreError: the store failed; the groups before are recorded.
        """
        length = _length_of(stream)
        try:
            for message in read_messages(stream):
                self._take_one(message)
                if self._is_full():
                    self._commit()
                    progress(stream.tell() if length else self._read, length)
        except InvalidInputError:
            self._commit()
            raise
        self._commit()

    def report(self) -> IngestReport:
        """Return the counts so far."""
        return IngestReport(
            read=self._read,
            appended=self._appended,
            already_there=self._already_there,
            refused=self._refused,
            entries=self._entries,
            size=self._ledger.head().size,
            refusals=tuple(self._refusals),
        )

    def _take_one(self, message: ReceivedMessage) -> None:
        self._read += 1
        try:
            delivery = self._prepare(message)
        except LedgerError as error:
            self._refuse(message.where, error)
            return
        self._waiting.append((message.where, delivery))
        self._waiting_bytes += len(message.body)

    def _prepare(self, message: ReceivedMessage) -> Delivery:
        form = self._form or form_of(message.body)
        if form in self._mappings:
            mapping, source = self._mappings[form]
            if form is Form.CLOUDEVENTS:
                message = replace(structured_message(message.body), where=message.where)
            return self._ledger.prepare_message(
                message, mapping, source=self._source or source, namespace=self._namespace
            )
        statement = _statement(message.body)
        if self._source not in {None, statement.source}:
            raise InvalidInputError(
                f"The statement is of the source {statement.source}, and not of {self._source}",
                hint="Leave out --source: statements name their own.",
            )
        return self._ledger.prepare([statement], namespace=self._namespace)

    def _is_full(self) -> bool:
        return len(self._waiting) >= GROUP_LENGTH_MAX or self._waiting_bytes >= GROUP_BYTES_MAX

    def _commit(self) -> None:
        group, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not group:
            return
        outcomes = self._ledger.commit([delivery for _, delivery in group])
        for (where, _), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, LedgerError):
                self._refuse(where, outcome)
            else:
                self._count(outcome)

    def _count(self, receipts: list[Receipt]) -> None:
        appended = sum(receipt.outcome is Outcome.APPENDED for receipt in receipts)
        self._entries += appended
        if appended:
            self._appended += 1
        else:
            self._already_there += 1

    def _refuse(self, where: str, error: LedgerError) -> None:
        placed = error if error.where.startswith(where) else error.at(where)
        refusal = Refusal(where, error.code, str(placed))
        self._refused += 1
        if len(self._refusals) < REFUSALS_LISTED_MAX:
            self._refusals.append(refusal)
        if self._on_refusal is not None:
            self._on_refusal(refusal)


def _statement(body: bytes) -> Statement:
    try:
        return decode_statement(body)
    except RecursionError as error:
        raise DecodeError("The statement is nested too deep") from error


def _length_of(stream: BinaryIO) -> int:
    """Return how long a file is; 0 for what is no file, such as a pipe."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
