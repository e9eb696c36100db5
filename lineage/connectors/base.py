"""The connector contract: a reader (I/O, bounded) and a mapping (pure, versioned), kept apart.

A reader yields messages as they came. A mapping reads one message and says what it states, without
clock, randomness or I/O, so the same bytes give the same records for ever. ``statements_of`` turns
a message into the statements to append, in one batch:

1. the message itself, secrets filtered out: ``<statement id>``, one ``Message`` record;
2. what the mapping made of it, citing the message and the mapping's version:
   ``<statement id>@<n>``, where n is the number in the version (``openlineage/1``); what does not
   fit into one statement goes on in ``<statement id>@<n>.2``, ``@<n>.3``, ...

A better mapping has a higher number, so its statements stand beside the old ones. A statement id
comes from what the source calls the thing and never from a digest of the message: sent again, a
message gives the same ids. Should two different messages share an id, the second is the next
``ordinal``: ``<statement id>~2``.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from msgspec import Raw, Struct

from lineage.connectors.parcels import parcels
from lineage.rules.secrets import filter_secrets
from lineage_schemas.errors import (
    DecodeError,
    InvalidInputError,
    LedgerError,
    LimitExceededError,
)
from lineage_schemas.limits import PAYLOAD_PART_BYTES_MAX, STATEMENT_ID_BYTES_MAX
from lineage_schemas.records import AnyRecord, Message, StatedTime, Statement

MESSAGE_BYTES_MAX: Final = PAYLOAD_PART_BYTES_MAX - 4_096
"""One message; it is kept whole in one payload part, beside a few words of ours."""

_WHITE_SPACE: Final = b" \t\r\n"
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class ReceivedMessage(Struct, frozen=True):
    """What a tool sent, as it came. ``where`` tells people which one: a line, an index."""

    body: bytes
    media_type: str
    where: str = ""


class Mapped(Struct, frozen=True):
    """What a mapping made of one message.

    ``statement_id`` names the message among all of its source, and holds no digest of it.
    ``flags`` name what was irregular and yet taken; each is stated on a node as well.
    ``message_flags`` say why the message is kept and states nothing; they stand on the message.
    """

    statement_id: str
    stated: StatedTime | None
    records: tuple[AnyRecord, ...]
    flags: tuple[str, ...] = ()
    message_flags: tuple[str, ...] = ()


class Mapping(Protocol):
    """One version of how a source's messages are understood."""

    @property
    def version(self) -> str:
        """The mapping's name and number, such as ``openlineage/1``."""
        ...

    def map(self, body: bytes) -> Mapped:
        """Say what a message states. Pure: nothing but ``body`` decides.

        Raises:
            InvalidInputError: the message cannot be understood; names the JSON path.
        """
        ...


def statements_of(
    message: ReceivedMessage, mapping: Mapping, source: str, ordinal: int = 1
) -> tuple[Statement, ...]:
    """Return the statements that ``message`` makes, to be appended as one batch.

    White space around the message is dropped, and secrets inside it are replaced; every other byte
    is kept as it came. The mapping reads what is kept.

    Raises:
        LimitExceededError: the message is longer than ``MESSAGE_BYTES_MAX``, its id than
            ``STATEMENT_ID_BYTES_MAX``, or one of its records fits into no statement.
        InvalidInputError: the mapping cannot understand it, or ``ordinal`` is below 1.
    """
    try:
        return _statements(message, mapping, source, ordinal)
    except LedgerError as error:
        if not message.where:
            raise
        raise error.at(message.where) from error


def _statements(
    message: ReceivedMessage, mapping: Mapping, source: str, ordinal: int
) -> tuple[Statement, ...]:
    body = message.body.strip(_WHITE_SPACE)
    if len(body) > MESSAGE_BYTES_MAX:
        raise LimitExceededError(
            f"A message of {len(body)} bytes is over the limit of {MESSAGE_BYTES_MAX} "
            "(MESSAGE_BYTES_MAX)",
            hint="Leave out its largest parts, such as query plans and logs.",
        )
    kept, filtered = filter_secrets(body)
    mapped = mapping.map(kept)
    message_id = with_ordinal(mapped.statement_id, ordinal)
    number = mapping.version.rpartition("/")[2]
    first = Statement(
        id=_checked(message_id),
        source=source,
        records=(
            Message(
                media_type=message.media_type,
                body=Raw(kept),
                secrets_filtered=filtered,
                flags=mapped.message_flags,
            ),
        ),
        stated=mapped.stated,
    )
    rest = (
        Statement(
            id=_checked(f"{message_id}@{number}" + (f".{part}" if part > 1 else "")),
            source=source,
            records=records,
            stated=mapped.stated,
            message=message_id,
            mapping=mapping.version,
        )
        for part, records in enumerate(parcels(mapped.records), start=1)
    )
    return (first, *rest)


def check_keepable(body: bytes) -> None:
    """Refuse JSON that the log cannot keep.

    Raises:
        DecodeError: a text in it has the character U+0000.
    """
    if b"\\u0000" in body and (found := _NUL.search(body)):
        raise DecodeError(
            "A text in the message has the character U+0000",
            where=f"byte {found.start()}",
            hint="Leave the character out; the log cannot keep it.",
        )


def with_ordinal(statement_id: str, ordinal: int) -> str:
    """Return the id under which the ``ordinal``-th message of one id stands.

    Raises:
        InvalidInputError: an ordinal below 1.
    """
    if ordinal < 1:
        raise InvalidInputError("The first message of an id has ordinal 1", where=str(ordinal))
    return statement_id if ordinal == 1 else f"{statement_id}~{ordinal}"


def _checked(statement_id: str) -> str:
    size = len(statement_id.encode())
    if size > STATEMENT_ID_BYTES_MAX:
        raise LimitExceededError(
            f"A statement id of {size} bytes is over the limit of {STATEMENT_ID_BYTES_MAX} "
            "(STATEMENT_ID_BYTES_MAX)",
            where=statement_id[:64],
        )
    return statement_id
