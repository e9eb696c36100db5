"""Prepare a batch: every check and every encoding that needs no store."""

from __future__ import annotations

from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from lineage.rules.form import Keys, check_namespace, check_principal, normalise_statement
from lineage.rules.secrets import (
    filter_secrets,
    is_suspect,
    may_any_hold_secrets,
    may_hold_secrets,
    refuse_api_key,
)
from lineage.writing.submission import Principal, Submission
from lineage_schemas.api_keys import API_KEY_PREFIX
from lineage_schemas.codec import Parts, decode_record, encode_json, encode_parts
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.limits import BATCH_BYTES_MAX, BATCH_STATEMENTS_MAX
from lineage_schemas.mlmd import Record
from lineage_schemas.records import Message, Statement

_NO_SECRETS: Final = 0
_KEY: Final = API_KEY_PREFIX.encode()
_IDENTIFIERS: Final = ("key", "node", "identifier", "artifact", "execution")


class PreparedStatement(Struct, frozen=True):
    """A statement in its kept form, its payload parts, and how many secrets were filtered out."""

    statement: Statement
    parts: Parts
    secrets_filtered: int = _NO_SECRETS


class PreparedBatch(Struct, frozen=True):
    """A submission that has passed every check that needs no store."""

    namespace: str
    principal: Principal
    statements: tuple[PreparedStatement, ...]
    is_report: bool = False


def prepare_batch(submission: Submission) -> PreparedBatch:
    """Check and encode a batch. Pure, so callers do it before they take the writer.

    Raises:
        InvalidInputError: a rule of form is broken; names the statement and the record.
        LimitExceededError: more statements, records or bytes than a batch may have.
    """
    check_namespace(submission.namespace)
    check_principal(submission.principal.name)
    if len(submission.statements) > BATCH_STATEMENTS_MAX:
        raise LimitExceededError(
            f"A batch of {len(submission.statements)} statements is over the limit of "
            f"{BATCH_STATEMENTS_MAX} (BATCH_STATEMENTS_MAX)",
            hint="Send several batches.",
        )
    keys: Keys = {}
    prepared = tuple(_prepare(statement, keys) for statement in submission.statements)
    # The envelopes, which count too, are not made yet: the writer looks again.
    check_batch_bytes(
        sum(len(one.parts.facts) + len(one.parts.personal or b"") for one in prepared)
    )
    return PreparedBatch(submission.namespace, submission.principal, prepared, submission.is_report)


def check_batch_bytes(size: int) -> None:
    """Refuse a batch of more encoded bytes than one may have.

    Raises:
        LimitExceededError: more than ``BATCH_BYTES_MAX``.
    """
    if size > BATCH_BYTES_MAX:
        raise LimitExceededError(
            f"A batch of {size} bytes is over the limit of {BATCH_BYTES_MAX} (BATCH_BYTES_MAX)",
            hint="Send several batches.",
        )


def encode_prepared(statement: Statement) -> PreparedStatement:
    """Encode a statement; from here on its records are what its stored bytes read back as.

    Raises:
        InvalidInputError: it holds an API key where none can be filtered out, such as in an
            identifier or in what the ledger states of itself.
    """
    return _checked(_encoded(statement))


def _prepare(statement: Statement, keys: Keys) -> PreparedStatement:
    kept = normalise_statement(statement, keys)
    try:
        return _checked(_without_secrets(_encoded(kept)))
    except InvalidInputError as error:
        raise error.at(f"statement {statement.id[:64]}") from error


def _encoded(statement: Statement) -> PreparedStatement:
    parts = encode_parts(statement.records)
    return PreparedStatement(replace(statement, records=parts.records), parts)


def _checked(prepared: PreparedStatement) -> PreparedStatement:
    for body in (prepared.parts.facts, prepared.parts.personal or b""):
        if body.find(_KEY) >= 0:
            refuse_api_key("name or text that nothing is filtered out of", body.decode())
    return prepared


def _without_secrets(prepared: PreparedStatement) -> PreparedStatement:
    """Filter secrets out of what is said, record by record."""
    parts = prepared.parts
    bodies = parts.facts, parts.personal or b""
    # All of it is looked at before each record is encoded to be searched by itself.
    if not may_any_hold_secrets(parts.records, *bodies) or not any(map(is_suspect, bodies)):
        return prepared
    found = 0
    records: list[Record] = []
    for record in parts.records:
        kept, count = (record, 0) if not may_hold_secrets(record) else _filtered(record)
        records.append(kept)
        found += count
    if not found:
        return prepared
    statement = replace(prepared.statement, records=tuple(records))
    return replace(_encoded(statement), secrets_filtered=found)


def _filtered(record: Record) -> tuple[Record, int]:
    if isinstance(record, Message):
        body, found = filter_secrets(bytes(record.body))
        total = record.secrets_filtered + found
        return replace(record, body=Raw(body), secrets_filtered=total), found
    body, found = filter_secrets(encode_json(record))
    if not found:
        return record, 0
    # Identifiers were cleaned before, everywhere alike: here they must stay what they are.
    named = {name: getattr(record, name) for name in _IDENTIFIERS if hasattr(record, name)}
    return replace(decode_record(body), **named), found
