"""Messages of tools over HTTP: what each door of them does alike, and what they are answered.

Each message is a batch of its own: it enters the log whole or not at all, whatever becomes of
others. The query parameter ``source`` says whose messages these are. The namespace they go to is
named by the header ``Lineage-Namespace``, by the query parameter ``namespace``, or by the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from starlette.requests import Request

from lineage.connectors.base import MESSAGE_BYTES_MAX, Mapping, ReceivedMessage
from lineage.intake import Delivery
from lineage.writing.submission import Outcome, Principal, Receipt
from lineage_api.bodies import read_parameters
from lineage_api.namespaces import PARAMETER, namespace_of
from lineage_api.problems import BodyTooLargeError, is_retriable
from lineage_api.surface import Surface, principal_of
from lineage_schemas.errors import LedgerError
from lineage_schemas.limits import BATCH_STATEMENTS_MAX
from lineage_schemas.mlmd import Context
from lineage_schemas.records import Message, Statement

BATCH_MESSAGES_MAX: Final = BATCH_STATEMENTS_MAX
"""Messages in one request."""


class Target(Struct, frozen=True):
    """Whose messages these are, how they are read, where they go to, and who sends them."""

    source: str
    mapping: Mapping
    namespace: str
    principal: Principal


class MessageAnswer(Struct, frozen=True, omit_defaults=True):
    """What became of one message. ``position`` is where the message itself stands.

    ``flags`` say why it is kept and states nothing.
    """

    status: str
    outcome: Outcome
    position: int | None
    receipts: list[Receipt]
    flags: tuple[str, ...] = ()


class Summary(Struct, frozen=True):
    """What became of a batch, in numbers. The last two part the failed ones."""

    received: int
    successful: int
    failed: int
    retriable: int
    non_retriable: int


class FailedMessage(Struct, frozen=True):
    """Why a message was refused: words for people, a code for machines."""

    index: int
    reason: str
    code: str
    retriable: bool


class AcceptedMessage(Struct, frozen=True, omit_defaults=True):
    """What became of a message that was taken."""

    index: int
    outcome: Outcome
    position: int | None
    flags: tuple[str, ...] = ()


class BatchAnswer(Struct, frozen=True):
    """What became of each message. ``status``: success, partial_success or failure."""

    status: str
    summary: Summary
    failed_events: list[FailedMessage]
    receipts: list[AcceptedMessage]


def target_of(request: Request, mapping: Mapping, source: str) -> Target:
    """Return where a request's messages go to; ``source`` is whose they are unless it says so.

    Raises:
        InvalidInputError: a query parameter that is not known here, or a namespace named twice.
    """
    given = read_parameters(request, {"source", PARAMETER})
    return Target(
        given.get("source", source),
        mapping,
        namespace_of(request, given),
        principal_of(request),
    )


def check_length(content: bytes) -> None:
    """Refuse a message that is too long.

    Raises:
        BodyTooLargeError: longer than ``MESSAGE_BYTES_MAX``.
    """
    if len(content.strip()) > MESSAGE_BYTES_MAX:
        raise BodyTooLargeError(
            f"A message of {len(content)} bytes is over the limit of {MESSAGE_BYTES_MAX} "
            "(MESSAGE_BYTES_MAX)",
            hint="Leave out its largest parts, such as query plans and logs.",
        )


def prepare(surface: Surface, message: ReceivedMessage, target: Target) -> Delivery:
    """Map a message and check what came of it.

    Raises:
        InvalidInputError: it cannot be read; names where.
    """
    return surface.ledger.prepare_message(
        message,
        target.mapping,
        source=target.source,
        namespace=target.namespace,
        principal=target.principal,
    )


def prepare_all(
    surface: Surface, messages: Sequence[ReceivedMessage], target: Target
) -> list[Delivery | LedgerError]:
    """Map messages, each by itself, and return why where one cannot be.

    Raises:
        BodyTooLargeError: more of them than ``BATCH_MESSAGES_MAX``.
        LedgerError: what is wrong with the request as a whole, told once.
    """
    if len(messages) > BATCH_MESSAGES_MAX:
        raise BodyTooLargeError(
            f"A batch of {len(messages)} messages is over the limit of {BATCH_MESSAGES_MAX} "
            "(BATCH_MESSAGES_MAX)",
            hint="Send several batches.",
        )
    probe = Statement(id="probe", source=target.source, records=(Context(key="probe:probe"),))
    surface.ledger.prepare((probe,), namespace=target.namespace, principal=target.principal)
    return [_try(surface, message, target) for message in messages]


async def record_one(surface: Surface, delivery: Delivery) -> MessageAnswer:
    """Record a message; return once it is durable."""
    receipts = await surface.writer.submit(delivery)
    first = receipts[0]
    return MessageAnswer(
        "success", first.outcome, first.position, receipts, message_flags(delivery)
    )


async def record_all(surface: Surface, prepared: Sequence[Delivery | LedgerError]) -> BatchAnswer:
    """Record those that could be prepared in one group; return once they are durable.

    Raises:
        StoreError: the store failed; nothing of the group was written.
    """
    deliveries = [one for one in prepared if isinstance(one, Delivery)]
    outcomes = iter(await surface.writer.submit_all(deliveries) if deliveries else ())
    failed: list[FailedMessage] = []
    taken: list[AcceptedMessage] = []
    for index, one in enumerate(prepared):
        outcome = one if isinstance(one, LedgerError) else next(outcomes)
        if isinstance(outcome, LedgerError):
            code, retriable = outcome.code, is_retriable(outcome)
            failed.append(FailedMessage(index, str(outcome), code, retriable))
        else:
            flags = message_flags(one) if isinstance(one, Delivery) else ()
            taken.append(AcceptedMessage(index, outcome[0].outcome, outcome[0].position, flags))
    return BatchAnswer(_status(taken, failed), _summary(taken, failed), failed, taken)


def message_flags(delivery: Delivery) -> tuple[str, ...]:
    """Return why a message is kept and states nothing; nothing where it states something."""
    kept = delivery.batch.statements[0].statement.records[0]
    return kept.flags if isinstance(kept, Message) else ()


def _try(surface: Surface, message: ReceivedMessage, target: Target) -> Delivery | LedgerError:
    try:
        return prepare(surface, message, target)
    except LedgerError as error:
        return error


def _summary(taken: Sequence[AcceptedMessage], failed: Sequence[FailedMessage]) -> Summary:
    retriable = sum(one.retriable for one in failed)
    return Summary(
        received=len(taken) + len(failed),
        successful=len(taken),
        failed=len(failed),
        retriable=retriable,
        non_retriable=len(failed) - retriable,
    )


def _status(taken: Sequence[AcceptedMessage], failed: Sequence[FailedMessage]) -> str:
    if not failed:
        return "success"
    return "partial_success" if taken else "failure"
