"""``POST /api/v1/cloudevents``: CloudEvents, of which CDEvents are understood.

A message comes in one of the ways of CloudEvents' binding to HTTP: *structured*, as one JSON
document (``application/cloudevents+json``); *binary*, with its attributes in headers (``ce-id``,
...) and its data as the body; or in a *batch*, a JSON array of documents
(``application/cloudevents-batch+json``). Source and id are its identity: sent again, it appends
nothing. A message that is none of CDEvents', or not understood, is taken all the same, and the
answer says why it states nothing: ``flags``.

A batch of which a message was refused is answered with 422, or with 503 where trying again may
help. The others of it are in; all of it may be sent again.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.connectors.cdevents.mapping import CDEventsMapping
from lineage.connectors.cloudevents.envelope import (
    batched_messages,
    binary_message,
    is_binary,
    structured_message,
)
from lineage.intake import Delivery
from lineage_api.bodies import Body, json_response, read_body
from lineage_api.namespaces import PATH_PREFIX
from lineage_api.problems import MediaTypeError
from lineage_api.rest.messages import (
    BatchAnswer,
    Target,
    check_length,
    prepare,
    prepare_all,
    record_all,
    record_one,
    target_of,
)
from lineage_api.surface import Surface, surface_of
from lineage_schemas.outside.cloudevents import BATCH, STRUCTURED

PATH: Final = "/api/v1/cloudevents"
NAMESPACE_PATH: Final = f"{PATH_PREFIX}/cloudevents"
SOURCE_DEFAULT: Final = "cloudevents"

_MAPPING: Final = CDEventsMapping()
_FORMATS: Final = "application/cloudevents"
"""How the media type of every structured message begins; that of none that is binary may."""


async def record_events(request: Request) -> Response:
    """Record one message, or those of a batch; answer once those that were taken are durable.

    Raises:
        DecodeError: it is no CloudEvent, or the body no array of them; names where.
        MediaTypeError: a format that is not read here, or no message at all.
        BodyTooLargeError: it is larger than a message, or a batch, may be.
        StoreError: the store failed; nothing was written.
    """
    surface = surface_of(request)
    target = target_of(request, _MAPPING, SOURCE_DEFAULT)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == BATCH:
        return await _record_batch(request, surface, target)
    if media_type == STRUCTURED:
        body = await read_body(request, {STRUCTURED}, surface.settings.event_bytes)
        delivery = await surface.preparing.run(lambda: _structured(surface, body, target))
    elif is_binary(request.headers.items()) and not media_type.startswith(_FORMATS):
        body = await read_body(request, None, surface.settings.event_bytes)
        delivery = await surface.preparing.run(lambda: _binary(surface, request, body, target))
    else:
        raise MediaTypeError(
            "The request holds no CloudEvent in a format that is read here",
            where=media_type[:64] or "no content-type",
            hint=f"Send {STRUCTURED} or {BATCH} in UTF-8, or the attributes as headers "
            "(ce-specversion, ce-id, ce-source, ce-type) and any data as the body.",
        )
    return json_response(await record_one(surface, delivery))


async def _record_batch(request: Request, surface: Surface, target: Target) -> Response:
    body = await read_body(request, {BATCH}, surface.settings.batch_bytes)
    prepared = await surface.preparing.run(
        lambda: prepare_all(surface, batched_messages(body.content()), target)
    )
    answer = await record_all(surface, prepared)
    return json_response(answer, _status(answer))


def _structured(surface: Surface, body: Body, target: Target) -> Delivery:
    content = body.content()
    check_length(content)
    return prepare(surface, structured_message(content), target)


def _binary(surface: Surface, request: Request, body: Body, target: Target) -> Delivery:
    content_type = request.headers.get("content-type")
    message = binary_message(request.headers.items(), content_type, body.content())
    check_length(message.body)
    return prepare(surface, message, target)


def _status(answer: BatchAnswer) -> int:
    if not answer.failed_events:
        return HTTPStatus.OK
    if answer.summary.retriable:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY


ROUTES: Final = tuple(
    Route(path, record_events, methods=["POST"]) for path in (PATH, NAMESPACE_PATH)
)
