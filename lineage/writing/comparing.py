"""Compare what is said under an id with what was said under it before."""

from __future__ import annotations

from msgspec import json
from msgspec.structs import replace

from lineage.stores.base import Reader
from lineage_schemas.codec import (
    LIFTED,
    decode_envelope,
    decode_records,
    encode_json,
    encode_parts,
)
from lineage_schemas.entry import Envelope, StatedInterval
from lineage_schemas.errors import ConflictError
from lineage_schemas.instants import instant_us
from lineage_schemas.mlmd import NodeRecord, Record
from lineage_schemas.records import Message, StatedTime, Statement
from lineage_schemas.values import JsonValue


def check_same(reader: Reader, position: int, statement: Statement) -> None:
    """Refuse a statement whose id stands in the log with other content.

    What was erased is not compared, and not brought back: a statement that says the same as far as
    it is still known is a retry, and the same.

    Raises:
        ConflictError: the content differs.
    """
    stored = reader.entries(position, 1)[0]
    envelope = decode_envelope(stored.envelope)
    if stored.facts is None:
        return
    if stored.personal is None and envelope.commitments.personal is not None:
        known = _without_personal(decode_records(stored.facts.body, None))
        facts = encode_parts(statement.records).facts
        said = replace(statement, records=_without_personal(decode_records(facts, None)))
    else:
        personal = stored.personal.body if stored.personal else None
        known, said = decode_records(stored.facts.body, personal), statement
    if _content_of_entry(envelope, known) != _content(said):
        raise conflict(statement, f"position {position}")


def _without_personal(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Leave out the values that were lifted out: one side has lost them for good."""
    return tuple(
        replace(
            record,
            properties=_unmarked(record.properties),
            custom_properties=_unmarked(record.custom_properties),
        )
        if isinstance(record, NodeRecord)
        else record
        for record in records
    )


def _unmarked(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in values.items() if value != LIFTED}


def check_same_in_batch(first: Statement, second: Statement) -> None:
    """Refuse a second statement of one id in a batch, unless it says the same.

    Raises:
        ConflictError: the content differs.
    """
    if _content(first) != _content(second) or first.message != second.message:
        raise conflict(second, "earlier in the same batch")


def conflict(statement: Statement, where: str) -> ConflictError:
    """Return the error for an id that came with other content."""
    return ConflictError(
        f"The statement id {statement.id[:128]} is already used, with other content",
        where=f"source {statement.source}, {where}",
        hint="Give a new statement a new id; a correction is a statement of its own.",
    )


def stated_interval(stated: StatedTime | None) -> StatedInterval | None:
    """Return stated time as an envelope holds it."""
    if stated is None:
        return None
    return StatedInterval(
        None if stated.start is None else instant_us(stated.start),
        None if stated.end is None else instant_us(stated.end),
        stated.precision,
    )


def _content(statement: Statement) -> bytes:
    """Return all that is said, encoded: 1, 1.0 and true are equal in Python, and differ here."""
    said = [_said(record) for record in statement.records]
    stated = stated_interval(statement.stated)
    return encode_json((statement.mode, statement.mapping, stated, said))


def _content_of_entry(envelope: Envelope, records: tuple[Record, ...]) -> bytes:
    said = [_said(record) for record in records]
    return encode_json((envelope.mode, envelope.mapping, envelope.stated, said))


def _said(record: Record) -> object:
    """Leave out our own marks of what is personal; of a message, values count, not white space."""
    if isinstance(record, NodeRecord):
        return replace(record, personal=())
    if isinstance(record, Message):
        return record.media_type, json.decode(record.body)
    return record
