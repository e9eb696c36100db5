"""``POST /webhooks/mlflow``: what MLflow servers deliver as soon as it happens.

Which server it is says the query parameter ``server``, where the settings name several; that it is
the server, its signature. Each delivery is kept as a message under the id that the server gave it,
so that one which comes twice is there once. What a server does not deliver, or what is lost on the
way, the next look at it finds.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.connectors.base import MESSAGE_BYTES_MAX
from lineage.connectors.mlflow.deliveries import keep_delivery
from lineage.intake import Delivery
from lineage.writing.submission import Outcome
from lineage_api.bodies import JSON, Body, json_response, read_body, read_parameters
from lineage_api.identity.deliveries import read_secrets, verified_id
from lineage_api.identity.gate import DELIVERIES_PATH
from lineage_api.identity.mlflow_servers import MlflowServer
from lineage_api.problems import EncodingError
from lineage_api.surface import Surface, surface_of
from lineage_schemas.errors import NotFoundError
from lineage_schemas.records import Message

SERVER: Final = "server"
"""The query parameter that names the server."""


class DeliveryAnswer(Struct, frozen=True):
    """What became of a delivery, where it stands, and what is irregular about it."""

    outcome: Outcome
    position: int | None
    flags: tuple[str, ...]


async def take_delivery(request: Request) -> Response:
    """Keep one delivery; answer once it is durable.

    Raises:
        NotFoundError: no such server is known here.
        PreconditionError: its webhooks have no secret here.
        DeliverySignatureError: it is not what that server has just signed; nothing is written.
        DecodeError: it is signed, and is no delivery of MLflow.
    """
    surface = surface_of(request)
    given = read_parameters(request, {SERVER})
    server = _server(surface.settings.mlflow, given.get(SERVER))
    body = await read_body(request, {JSON}, min(surface.settings.event_bytes, MESSAGE_BYTES_MAX))
    if body.encoding != "identity":
        raise EncodingError("What is signed is sent as it is", where=body.encoding)
    delivery = await surface.preparing.run(lambda: _prepared(surface, server, request, body))
    request.state.vouch()
    (receipt,) = await surface.writer.submit(delivery)
    return json_response(DeliveryAnswer(receipt.outcome, receipt.position, _flags(delivery)))


def _server(servers: tuple[MlflowServer, ...], name: str | None) -> MlflowServer:
    found = [one for one in servers if name is None or one.name == name]
    if len(found) != 1:
        raise NotFoundError(
            "There is no such MLflow server here"
            if name is not None or not servers
            else "There are several MLflow servers here, and none was named",
            where=(name or "")[:64],
            hint="Name one of those in the settings (mlflow): /webhooks/mlflow?server=NAME",
        )
    return found[0]


def _prepared(surface: Surface, server: MlflowServer, request: Request, body: Body) -> Delivery:
    delivery_id = verified_id(request.headers, body.raw, read_secrets(server), surface.clock())
    return surface.ledger.prepare(
        (keep_delivery(body.raw, delivery_id, server.spoken_source),),
        namespace=server.namespace,
        principal=server.principal(is_local=surface.settings.sign_in == "local"),
    )


def _flags(delivery: Delivery) -> tuple[str, ...]:
    (kept,) = delivery.batch.statements
    (message,) = kept.statement.records
    assert isinstance(message, Message)
    return message.flags


ROUTES: Final = (Route(DELIVERIES_PATH, take_delivery, methods=["POST"]),)
