"""OpenLineage's two addresses, so that its clients point here unchanged.

``POST /api/v1/lineage`` takes one message, ``POST /api/v1/lineage/batch`` an array of them. Each
message is a batch of its own: it enters the log whole or not at all, whatever becomes of others.
The query parameter ``source`` says whose messages these are. The namespace they go to is named by
the header ``Lineage-Namespace``, by the query parameter ``namespace``, or by the path: a client
that can change its address alone is pointed at ``/api/v1/namespaces/{namespace}/lineage``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.connectors.base import MESSAGE_BYTES_MAX, ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.connectors.openlineage.reader import MEDIA_TYPE, split_batch
from lineage.intake import Delivery, Outcomes
from lineage.writing.submission import Outcome, Principal, Receipt
from lineage_api.bodies import JSON, Body, json_response, read_body, read_parameters
from lineage_api.namespaces import PARAMETER, PATH_PREFIX, namespace_of
from lineage_api.problems import BodyTooLargeError, is_retriable
from lineage_api.surface import Surface, principal_of, surface_of
from lineage_schemas.errors import LedgerError
from lineage_schemas.limits import BATCH_STATEMENTS_MAX
from lineage_schemas.mlmd import Context
from lineage_schemas.records import Statement

PATH: Final = "/api/v1/lineage"
BATCH_PATH: Final = "/api/v1/lineage/batch"
NAMESPACE_PATH: Final = f"{PATH_PREFIX}/lineage"
NAMESPACE_BATCH_PATH: Final = f"{PATH_PREFIX}/lineage/batch"
SOURCE_DEFAULT: Final = "openlineage"

BATCH_MESSAGES_MAX: Final = BATCH_STATEMENTS_MAX
"""Messages in one request."""

_MAPPING: Final = OpenLineageMapping()


class Target(Struct, frozen=True):
    """Whose messages these are, the namespace they go to, and who sends them."""

    source: str
    namespace: str
    principal: Principal


class MessageAnswer(Struct, frozen=True):
    """What became of one message. ``position`` is where the message itself stands."""

    status: str
    outcome: Outcome
    position: int | None
    receipts: list[Receipt]


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


class AcceptedMessage(Struct, frozen=True):
    """What became of a message that was taken."""

    index: int
    outcome: Outcome
    position: int | None


class BatchAnswer(Struct, frozen=True):
    """What became of each message. ``status``: success, partial_success or failure."""

    status: str
    summary: Summary
    failed_events: list[FailedMessage]
    receipts: list[AcceptedMessage]


async def record_message(request: Request) -> Response:
    """Record one message; answer once it is durable.

    Raises:
        InvalidInputError: it cannot be read; names the JSON path.
        BodyTooLargeError: it is larger than a message may be.
    """
    surface = surface_of(request)
    target = _target(request)
    body = await read_body(request, {JSON}, surface.settings.event_bytes)
    delivery = await surface.preparing.run(lambda: _prepare_body(surface, body, target))
    receipts = await surface.writer.submit(delivery)
    first = receipts[0]
    return json_response(MessageAnswer("success", first.outcome, first.position, receipts))


async def record_batch(request: Request) -> Response:
    """Record an array of messages in one group; answer once those that were taken are durable.

    Raises:
        DecodeError: the body is no JSON array.
        BodyTooLargeError: it is too large, or holds too many messages.
        StoreError: the store failed; nothing of the group was written.
    """
    surface = surface_of(request)
    target = _target(request)
    body = await read_body(request, {JSON}, surface.settings.batch_bytes)
    prepared = await surface.preparing.run(lambda: _prepare_batch(surface, body, target))
    deliveries = [one for one in prepared if isinstance(one, Delivery)]
    outcomes = iter(await surface.writer.submit_all(deliveries) if deliveries else ())
    return json_response(
        _batch_answer([one if isinstance(one, LedgerError) else next(outcomes) for one in prepared])
    )


def _target(request: Request) -> Target:
    given = read_parameters(request, {"source", PARAMETER})
    return Target(
        given.get("source", SOURCE_DEFAULT), namespace_of(request, given), principal_of(request)
    )


def _prepare_body(surface: Surface, body: Body, target: Target) -> Delivery:
    content = body.content()
    if len(content.strip()) > MESSAGE_BYTES_MAX:
        raise BodyTooLargeError(
            f"A message of {len(content)} bytes is over the limit of {MESSAGE_BYTES_MAX} "
            "(MESSAGE_BYTES_MAX)",
            hint="Leave out its largest parts, such as query plans and logs.",
        )
    return _prepare(surface, ReceivedMessage(content, MEDIA_TYPE), target)


def _prepare_batch(surface: Surface, body: Body, target: Target) -> list[Delivery | LedgerError]:
    messages = split_batch(body.content())
    if len(messages) > BATCH_MESSAGES_MAX:
        raise BodyTooLargeError(
            f"A batch of {len(messages)} messages is over the limit of {BATCH_MESSAGES_MAX} "
            "(BATCH_MESSAGES_MAX)",
            hint="Send several batches.",
        )
    _check_target(surface, target)
    return [_try(surface, message, target) for message in messages]


def _check_target(surface: Surface, target: Target) -> None:
    """Tell what is wrong with the request as a whole once, and not of each of its messages."""
    probe = Statement(id="probe", source=target.source, records=(Context(key="probe:probe"),))
    surface.ledger.prepare((probe,), namespace=target.namespace, principal=target.principal)


def _try(surface: Surface, message: ReceivedMessage, target: Target) -> Delivery | LedgerError:
    try:
        return _prepare(surface, message, target)
    except LedgerError as error:
        return error


def _prepare(surface: Surface, message: ReceivedMessage, target: Target) -> Delivery:
    return surface.ledger.prepare_message(
        message,
        _MAPPING,
        source=target.source,
        namespace=target.namespace,
        principal=target.principal,
    )


def _batch_answer(outcomes: Outcomes) -> BatchAnswer:
    failed = [
        FailedMessage(index, str(outcome), outcome.code, is_retriable(outcome))
        for index, outcome in enumerate(outcomes)
        if isinstance(outcome, LedgerError)
    ]
    taken = [
        AcceptedMessage(index, outcome[0].outcome, outcome[0].position)
        for index, outcome in enumerate(outcomes)
        if not isinstance(outcome, LedgerError)
    ]
    retriable = sum(one.retriable for one in failed)
    summary = Summary(
        received=len(outcomes),
        successful=len(taken),
        failed=len(failed),
        retriable=retriable,
        non_retriable=len(failed) - retriable,
    )
    return BatchAnswer(_status(taken, failed), summary, failed, taken)


def _status(taken: Sequence[AcceptedMessage], failed: Sequence[FailedMessage]) -> str:
    if not failed:
        return "success"
    return "partial_success" if taken else "failure"


ROUTES: Final = (
    *(Route(path, record_message, methods=["POST"]) for path in (PATH, NAMESPACE_PATH)),
    *(Route(path, record_batch, methods=["POST"]) for path in (BATCH_PATH, NAMESPACE_BATCH_PATH)),
)
