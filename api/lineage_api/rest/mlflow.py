"""``POST /webhooks/mlflow``: what MLflow servers deliver as soon as it happens.

Which server it is says the query parameter ``server``, where the settings name several; that it is
the server, its signature. Each delivery is kept as a message under the id that the server gave it,
so that one which comes twice is there once. What it tells is then taken in as a look would show it.
What a server does not deliver, or what is lost on the way, the next look at it finds.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.connectors.base import MESSAGE_BYTES_MAX
from lineage.connectors.mlflow.deliveries import Kept, keep_delivery
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.mlflow.webhooks import Webhook, apply_webhook, subjects_of
from lineage.importing.importer import Importer, Source
from lineage.importing.revising import Looking
from lineage.intake import Delivery
from lineage.writing.submission import Outcome
from lineage_api.bodies import JSON, Body, json_response, read_body, read_parameters
from lineage_api.identity.deliveries import (
    MICROSECONDS,
    TOLERANCE_SECONDS,
    verified_id,
)
from lineage_api.identity.gate import DELIVERIES_PATH
from lineage_api.identity.mlflow_servers import MLFLOW, MlflowServer
from lineage_api.identity.webhook_secrets import SERVER, find_server, read_secrets
from lineage_api.problems import EncodingError
from lineage_api.surface import Surface, surface_of
from lineage_schemas.instants import instant_of

AHEAD: Final = "ahead_of_time"
"""The flag of an answer to a delivery whose own time lies ahead by more than clocks may differ. It
is kept, and says nothing: the next look tells."""


class DeliveryAnswer(Struct, frozen=True):
    """What became of a delivery, where it stands, and why it says nothing, if so.

    ``revised``: how many things it made otherwise than they were known. ``unread``: what could not
    be taken in of it, which the next look tries again.
    """

    outcome: Outcome
    position: int | None
    flags: tuple[str, ...]
    revised: int
    unread: tuple[str, ...]


class Taken(Struct, frozen=True):
    """What a delivery changed."""

    revised: int = 0
    unread: tuple[str, ...] = ()


async def take_delivery(request: Request) -> Response:
    """Keep one delivery, and take in what it tells; answer once that is durable.

    Raises:
        NotFoundError: no such server is known here.
        PreconditionError: its webhooks have no secret here.
        DeliverySignatureError: it is not what that server has just signed; nothing is written.
        DecodeError: it is signed, and is no JSON object.
    """
    surface = surface_of(request)
    given = read_parameters(request, {SERVER})
    server = find_server(surface.settings.mlflow, given.get(SERVER), MLFLOW, DELIVERIES_PATH)
    body = await read_body(request, {JSON}, min(surface.settings.event_bytes, MESSAGE_BYTES_MAX))
    if body.encoding != "identity":
        raise EncodingError("What is signed is sent as it is", where=body.encoding)
    kept, delivery = await surface.preparing.run(lambda: _prepared(surface, server, request, body))
    request.state.vouch()
    (receipt,) = await surface.writer.submit(delivery)
    taken, flags = Taken(), kept.flags
    if kept.webhook is not None and _is_ahead(surface, kept.webhook):
        flags = (*flags, AHEAD)
    elif kept.webhook is not None:
        told = kept.webhook
        taken = await surface.delivering.run(lambda: _take_in(surface, server, told))
    answer = DeliveryAnswer(receipt.outcome, receipt.position, flags, taken.revised, taken.unread)
    return json_response(answer)


def _is_ahead(surface: Surface, webhook: Webhook) -> bool:
    """Tell whether a delivery tells of what is still to come: then looks would be passed over."""
    return webhook.at > instant_of(surface.clock() + TOLERANCE_SECONDS * MICROSECONDS)


def _prepared(
    surface: Surface, server: MlflowServer, request: Request, body: Body
) -> tuple[Kept, Delivery]:
    delivery_id = verified_id(request.headers, body.raw, read_secrets(server), surface.clock())
    kept = keep_delivery(body.raw, delivery_id, server.spoken_source)
    source = _source(surface, server)
    delivery = surface.ledger.prepare(
        (kept.statement,), namespace=source.namespace, principal=source.principal
    )
    return kept, delivery


def _take_in(surface: Surface, server: MlflowServer, webhook: Webhook) -> Taken:
    """Apply what a delivery tells to what is known. Again, it changes nothing."""
    looking = Looking(began=instant_of(surface.clock()))
    importer = Importer(surface.ledger, _source(surface, server), looking)
    known = importer.memory.known(subjects_of(webhook))
    bodies = {subject: one.body for subject, one in known.items()}
    importer.take(apply_webhook(webhook, bodies))
    unread = tuple(f"{one.subject}: {one.reason}" for one in importer.tally.unread)
    return Taken(importer.tally.appended, unread)


def _source(surface: Surface, server: MlflowServer) -> Source:
    return Source(
        name=server.spoken_source,
        mapping=MlflowMapping(server.name),
        namespace=server.namespace,
        principal=server.principal(is_local=surface.settings.sign_in == "local"),
    )


ROUTES: Final = (Route(DELIVERIES_PATH, take_delivery, methods=["POST"]),)
