"""OpenLineage's two addresses, so that its clients point here unchanged.

``POST /api/v1/lineage`` takes one message, ``POST /api/v1/lineage/batch`` an array of them. Each
message is a batch of its own: it enters the log whole or not at all, whatever becomes of others.
The query parameter ``source`` says whose messages these are. The namespace they go to is named by
the header ``Lineage-Namespace``, by the query parameter ``namespace``, or by the path: a client
that can change its address alone is pointed at ``/api/v1/namespaces/{namespace}/lineage``.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.connectors.base import ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.connectors.openlineage.reader import MEDIA_TYPE, split_batch
from lineage.intake import Delivery
from lineage_api.bodies import JSON, Body, json_response, read_body
from lineage_api.namespaces import PATH_PREFIX
from lineage_api.rest.messages import (
    Target,
    check_length,
    prepare,
    prepare_all,
    record_all,
    record_one,
    target_of,
)
from lineage_api.surface import Surface, surface_of
from lineage_schemas.errors import LedgerError

PATH: Final = "/api/v1/lineage"
BATCH_PATH: Final = "/api/v1/lineage/batch"
NAMESPACE_PATH: Final = f"{PATH_PREFIX}/lineage"
NAMESPACE_BATCH_PATH: Final = f"{PATH_PREFIX}/lineage/batch"
SOURCE_DEFAULT: Final = "openlineage"

_MAPPING: Final = OpenLineageMapping()


async def record_message(request: Request) -> Response:
    """Record one message; answer once it is durable.

    Raises:
        InvalidInputError: it cannot be read; names the JSON path.
        BodyTooLargeError: it is larger than a message may be.
    """
    surface = surface_of(request)
    target = target_of(request, _MAPPING, SOURCE_DEFAULT)
    body = await read_body(request, {JSON}, surface.settings.event_bytes)
    delivery = await surface.preparing.run(lambda: _prepare_body(surface, body, target))
    return json_response(await record_one(surface, delivery))


async def record_batch(request: Request) -> Response:
    """Record an array of messages in one group; answer once those that were taken are durable.

    Raises:
        DecodeError: the body is no JSON array.
        BodyTooLargeError: it is too large, or holds too many messages.
        StoreError: the store failed; nothing of the group was written.
    """
    surface = surface_of(request)
    target = target_of(request, _MAPPING, SOURCE_DEFAULT)
    body = await read_body(request, {JSON}, surface.settings.batch_bytes)
    prepared = await surface.preparing.run(lambda: _prepare_batch(surface, body, target))
    return json_response(await record_all(surface, prepared))


def _prepare_body(surface: Surface, body: Body, target: Target) -> Delivery:
    content = body.content()
    check_length(content)
    return prepare(surface, ReceivedMessage(content, MEDIA_TYPE), target)


def _prepare_batch(surface: Surface, body: Body, target: Target) -> list[Delivery | LedgerError]:
    return prepare_all(surface, split_batch(body.content()), target)


ROUTES: Final = (
    *(Route(path, record_message, methods=["POST"]) for path in (PATH, NAMESPACE_PATH)),
    *(Route(path, record_batch, methods=["POST"]) for path in (BATCH_PATH, NAMESPACE_BATCH_PATH)),
)
