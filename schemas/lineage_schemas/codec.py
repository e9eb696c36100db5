"""The only place where a statement becomes bytes, and bytes a statement.

Refuses what JSON or the log cannot keep faithfully: NaN and infinities outside tagged values,
numbers beyond 64 bits, U+0000, lone surrogates, anything over a limit. What is hashed is what this
module returned and the store kept; nothing is ever hashed after being encoded a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from lineage_schemas.access import ACCESS_TYPES, Access
from lineage_schemas.entry import (
    ENVELOPE_VERSION,
    PAYLOAD_VERSION,
    Envelope,
)
from lineage_schemas.errors import (
    DecodeError,
    InvalidInputError,
    LedgerError,
    LimitExceededError,
    NewerStoreError,
)
from lineage_schemas.governance import Disclosure, Erasure, ErasureProposal, ErasureRefusal
from lineage_schemas.instants import instant_us
from lineage_schemas.limits import (
    ENVELOPE_BYTES_MAX,
    INT_MAX,
    INT_MIN,
    PAYLOAD_PART_BYTES_MAX,
    STATEMENT_RECORDS_MAX,
)
from lineage_schemas.mlmd import (
    Artifact,
    Context,
    Execution,
    ExecutionType,
    NodeRecord,
    Record,
)
from lineage_schemas.records import Actor, AnyRecord, Claim, Message, MetricSeries, Statement
from lineage_schemas.sources import SourceExpectation, SourceScan
from lineage_schemas.values import JsonValue, check_value


class Parts(Struct, frozen=True):
    """A statement's payload, encoded: ``personal`` is ``None`` where nothing is personal.

    ``records`` are what the bytes read back as: the same that every later reader will see.
    """

    facts: bytes
    personal: bytes | None
    records: tuple[Record, ...]


class _Facts(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    records: tuple[AnyRecord, ...]


_NO_BODY: Final = Raw(b"null")


class _Lifted(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was lifted out of one record, because it is personal."""

    properties: dict[str, JsonValue] = {}
    custom_properties: dict[str, JsonValue] = {}
    body: Raw = _NO_BODY
    name: str | None = None


class _Personal(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    records: tuple[tuple[int, _Lifted], ...]
    """(index of the record, what was lifted out of it), in order."""


class _Namespaced(Struct, frozen=True):
    namespace: str


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_RECORD: Final = msgspec.json.Decoder(AnyRecord)
_FACTS: Final = msgspec.json.Decoder(_Facts)
_PERSONAL: Final = msgspec.json.Decoder(_Personal)
_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_NAMESPACE: Final = msgspec.json.Decoder(_Namespaced)
_STATEMENT: Final = msgspec.json.Decoder(Statement)
_NUL: Final = b"\\u0000"
_SINCE_VERSION_3: Final = frozenset({*ACCESS_TYPES, ErasureProposal})
_SINCE_VERSION_4: Final = frozenset({SourceScan, SourceExpectation})
_DECISIONS: Final = frozenset({Erasure, ErasureRefusal})
"""Since version 3 they may decide a proposal."""

_VERSION_WITHOUT_MARKS: Final = 1
"""In payloads of this version nothing stands in the place of what was lifted."""

LIFTED: Final[dict[str, JsonValue]] = {"$personal": True}
"""Stands in the facts where a personal value was lifted out; nobody else may say it."""


def decode_statement(body: bytes) -> Statement:
    """Read one statement from JSON, as the statements API takes it.

    Raises:
        DecodeError: not JSON, not a statement, or a field that a record does not have.
    """
    try:
        return _STATEMENT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(f"This is not a statement: {error}") from error


def encode_statement(statement: Statement) -> bytes:
    """Return the JSON that ``decode_statement`` reads back as an equal statement."""
    return _ENCODER.encode(statement)


def encode_parts(records: tuple[Record, ...]) -> Parts:
    """Encode the records of one statement as its payload parts, and check that they read back.

    Equal records give equal bytes, so two parts can be compared in order to compare what was said.

    Raises:
        InvalidInputError: a value, text or field that the log cannot keep; names the record.
        LimitExceededError: more records or bytes than a statement may have.
    """
    if len(records) > STATEMENT_RECORDS_MAX:
        raise LimitExceededError(
            f"A statement of {len(records)} records is over the limit of {STATEMENT_RECORDS_MAX} "
            "(STATEMENT_RECORDS_MAX)",
            hint="Split it into several statements of one batch.",
        )
    for index, record in enumerate(records):
        check = _CHECKS.get(type(record))
        if check is not None:
            try:
                check(record)
            except LedgerError as error:
                raise error.at(f"record {index}") from error
    kept, lifted = _split(records)
    version = _version_of(kept)
    facts = _encode_part("facts", _Facts(version, kept))  # type: ignore[arg-type]
    personal = _encode_part("personal", _Personal(version, lifted)) if lifted else None
    return Parts(facts, personal, _read_back(facts, personal))


def _version_of(records: tuple[Record, ...]) -> int:
    """Return the lowest version of payloads that has all of these records."""
    kinds = set(map(type, records))
    if not kinds.isdisjoint(_SINCE_VERSION_4):
        return PAYLOAD_VERSION
    is_later = not kinds.isdisjoint(_SINCE_VERSION_3) or (
        not kinds.isdisjoint(_DECISIONS)
        and any(getattr(one, "proposal", None) is not None for one in records)
    )
    return 3 if is_later else 2


def decode_records(facts: bytes, personal: bytes | None) -> tuple[Record, ...]:
    """Read records back from the parts of a payload.

    Without its ``personal`` part (erased, not at hand, or never there) a record comes back with
    ``LIFTED`` in the place of each property that was lifted out of it.

    Raises:
        DecodeError: the bytes are no payload part.
        NewerStoreError: they were written by a later version.
    """
    try:
        said = _FACTS.decode(facts)
        lifted = () if personal is None else _PERSONAL.decode(personal).records
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _undecodable(facts, PAYLOAD_VERSION, "payload part", error) from error
    if said.version > PAYLOAD_VERSION:
        raise _newer("payload part", said.version, PAYLOAD_VERSION)
    records = said.records
    if personal is None and said.version == _VERSION_WITHOUT_MARKS:
        return tuple(map(_marked_by_name, records))
    if not lifted:
        return records
    restored: list[Record] = list(records)
    for index, values in lifted:
        restored[index] = _restore(records[index], values)
    return tuple(restored)


def decode_record(body: bytes) -> Record:
    """Read one record from JSON.

    Raises:
        DecodeError: not JSON, or not a record.
    """
    try:
        record: Record = _RECORD.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(f"This is not a record: {error}") from error
    return record


def encode_envelope(envelope: Envelope) -> bytes:
    """Encode an envelope canonically: fields in their declared order, no white space.

    Raises:
        LimitExceededError: longer than ``ENVELOPE_BYTES_MAX``.
        InvalidInputError: a statement id or source that JSON cannot keep faithfully.
    """
    body = _encode("envelope", envelope)
    if len(body) > ENVELOPE_BYTES_MAX:
        raise LimitExceededError(
            f"An envelope of {len(body)} bytes is over the limit of {ENVELOPE_BYTES_MAX} "
            "(ENVELOPE_BYTES_MAX)",
            where=f"statement {envelope.statement}",
            hint="Split the statement into several statements of one batch.",
        )
    return body


def decode_envelope(body: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        DecodeError: the bytes are no envelope.
        NewerStoreError: they were written by a later version.
    """
    try:
        envelope = _ENVELOPE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _undecodable(body, ENVELOPE_VERSION, "envelope", error) from error
    if envelope.version > ENVELOPE_VERSION:
        raise _newer("envelope", envelope.version, ENVELOPE_VERSION)
    return envelope


def decode_namespace(body: bytes) -> str:
    """Read which namespace an envelope is of, at a fraction of the cost of all of it.

    Raises:
        DecodeError: the bytes are no envelope.
    """
    try:
        return _NAMESPACE.decode(body).namespace
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _undecodable(body, ENVELOPE_VERSION, "envelope", error) from error


def encode_json(value: object) -> bytes:
    """Encode a view's or an answer's value: keys in order, no white space."""
    return _ENCODER.encode(value)


def encode_answer(answer: object) -> bytes:
    """Encode what is answered as JSON: its fields and, where it can tell, whether it is complete.

    Fields come in the order in which they are declared.
    """
    body = msgspec.json.encode(answer)
    told = getattr(type(answer), "complete", None)
    if not isinstance(told, property):
        return body
    # Said at the end of what is encoded already: a large answer is not made into a dict for it.
    return body[:-1] + b',"complete":' + msgspec.json.encode(told.__get__(answer)) + b"}"


def _check_node_values(record: NodeRecord) -> None:
    _check_map(record.properties)
    _check_map(record.custom_properties)


def _check_signature(record: ExecutionType) -> None:
    for value in (record.input_type, record.output_type):
        if value is not None:
            check_value(value)


def _check_evidence(record: Claim) -> None:
    check_value(record.evidence)


def _check_cursor(record: SourceScan) -> None:
    if record.cursor is not None:
        check_value(record.cursor)


def _check_points(record: MetricSeries) -> None:
    for _, value, _ in record.points:
        check_value(value)


_CHECKS: Final[dict[type[Record], Callable[..., None]]] = {
    Artifact: _check_node_values,
    Execution: _check_node_values,
    Context: _check_node_values,
    ExecutionType: _check_signature,
    Claim: _check_evidence,
    MetricSeries: _check_points,
    SourceScan: _check_cursor,
}


def _check_map(properties: dict[str, JsonValue]) -> None:
    for name, value in properties.items():
        if isinstance(value, str) or (isinstance(value, int) and INT_MIN <= value <= INT_MAX):
            continue
        try:
            check_value(value)
        except InvalidInputError as error:
            raise error.at(f"property {name}") from error


def _split(
    records: tuple[Record, ...],
) -> tuple[tuple[Record, ...], tuple[tuple[int, _Lifted], ...]]:
    """Part the records from what is personal in them."""
    lifted: dict[int, _Lifted] = {}
    kept = list(records)
    for index, record in enumerate(records):
        if type(record) not in _LIFTED_FROM:
            continue
        if isinstance(record, NodeRecord):
            if record.personal:
                kept[index], lifted[index] = _lift(record)
        elif isinstance(record, Message):
            kept[index] = replace(record, body=_NO_BODY)
            lifted[index] = _Lifted(body=record.body)
        elif isinstance(record, Actor):
            kept[index] = replace(record, name="")
            lifted[index] = _Lifted(name=record.name)
        elif isinstance(record, Disclosure):
            kept[index] = replace(record, recipient="")
            lifted[index] = _Lifted(name=record.recipient)
        elif isinstance(record, Access):
            kept[index] = replace(record, question="")
            lifted[index] = _Lifted(name=record.question)
    return (tuple(kept) if lifted else records), tuple(lifted.items())


_LIFTED_FROM: Final = frozenset({Artifact, Execution, Context, Message, Actor, Disclosure, Access})


def _lift(record: NodeRecord) -> tuple[NodeRecord, _Lifted]:
    names = set(record.personal)
    return (
        replace(
            record,
            properties=_marked(record.properties, names),
            custom_properties=_marked(record.custom_properties, names),
        ),
        _Lifted(
            properties=_only(record.properties, names),
            custom_properties=_only(record.custom_properties, names),
        ),
    )


def _marked_by_name(record: Record) -> Record:
    """Mark what was lifted, as far as the names tell: not which sort of property each was."""
    if not isinstance(record, NodeRecord):
        return record
    marks = dict.fromkeys(record.personal, LIFTED)
    return replace(record, properties=record.properties | marks)


def _only(values: dict[str, JsonValue], names: Iterable[str]) -> dict[str, JsonValue]:
    return {name: values[name] for name in names if name in values}


def _marked(values: dict[str, JsonValue], names: set[str]) -> dict[str, JsonValue]:
    return {name: LIFTED if name in names else value for name, value in values.items()}


def _restore(record: Record, lifted: _Lifted) -> Record:
    if isinstance(record, NodeRecord):
        return replace(
            record,
            properties=record.properties | lifted.properties,
            custom_properties=record.custom_properties | lifted.custom_properties,
        )
    if isinstance(record, Message):
        return replace(record, body=lifted.body)
    if isinstance(record, Actor) and lifted.name is not None:
        return replace(record, name=lifted.name)
    if isinstance(record, Disclosure) and lifted.name is not None:
        return replace(record, recipient=lifted.name)
    if isinstance(record, Access) and lifted.name is not None:
        return replace(record, question=lifted.name)
    return record


def _encode(what: str, value: object) -> bytes:
    try:
        body = _ENCODER.encode(value)
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            "A text has a lone surrogate, which UTF-8 cannot keep", where=what
        ) from error
    except (OverflowError, TypeError, msgspec.MsgspecError) as error:
        raise InvalidInputError(f"A value cannot be kept as JSON: {error}", where=what) from error
    if body.find(_NUL) >= 0 and _has_nul(body):
        raise InvalidInputError("A text has the character U+0000", where=what)
    return body


def _encode_part(name: str, value: object) -> bytes:
    body = _encode(name, value)
    if len(body) > PAYLOAD_PART_BYTES_MAX:
        raise LimitExceededError(
            f"A payload part of {len(body)} bytes is over the limit of {PAYLOAD_PART_BYTES_MAX} "
            "(PAYLOAD_PART_BYTES_MAX)",
            where=name,
            hint="Keep large contents in a file and state its digest and URI.",
        )
    return body


def _has_nul(body: bytes) -> bool:
    r"""Tell a real \u0000 from an escaped backslash before u0000."""
    start = body.find(_NUL)
    while start >= 0:
        backslashes = 0
        while (
            start - backslashes > 0 and body[start - backslashes - 1 : start - backslashes] == b"\\"
        ):
            backslashes += 1
        if backslashes % 2 == 0:
            return True
        start = body.find(_NUL, start + 1)
    return False


def _read_back(facts: bytes, personal: bytes | None) -> tuple[Record, ...]:
    """Refuse what was built in Python with a field of the wrong type: stored, it could not be read.

    The bytes would be hashed and kept for ever, so this is the last moment to notice.
    """
    try:
        records = decode_records(facts, personal)
    except DecodeError as error:
        raise InvalidInputError(f"A record has a field of the wrong type: {error.what}") from error
    for index, record in enumerate(records):
        if isinstance(record, MetricSeries):
            _check_times(index, record)
    return records


def _check_times(index: int, record: MetricSeries) -> None:
    try:
        for _, _, time in record.points:
            if time is not None:
                instant_us(time)
    except InvalidInputError as error:
        raise error.at(f"record {index}") from error


def _undecodable(body: bytes, version: int, what: str, error: Exception) -> LedgerError:
    try:
        found = msgspec.json.decode(body, type=_Versioned).version
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = version
    if found > version:
        return _newer(what, found, version)
    return DecodeError(f"These bytes are no {what}: {error}")


def _newer(what: str, found: int, known: int) -> NewerStoreError:
    return NewerStoreError(
        f"This {what} has version {found}, this software reads {known}",
        hint="Install the version that wrote it, or a later one.",
    )


class _Versioned(Struct):
    version: int
