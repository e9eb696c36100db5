"""``POST /webhooks/github``: what GitHub delivers as soon as it happens.

Which server it is says the query parameter ``server``, where the settings name several; that it is
the server, its signature over the body. Each delivery is kept as a message under the id that GitHub
gave it, so that one which comes twice is there once, and states what the mapping makes of it.

GitHub signs no time and no id. Whoever catches a delivery and sends it again under another id adds
a message to the log, and nothing to the graph: what a body states hangs on the body alone.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.connectors.base import MESSAGE_BYTES_MAX, ReceivedMessage
from lineage.connectors.github.mapping import GithubMapping
from lineage.intake import Delivery
from lineage.writing.submission import Outcome
from lineage_api.bodies import JSON, Body, json_response, read_body, read_parameters
from lineage_api.identity.gate import GITHUB_PATH
from lineage_api.identity.github_deliveries import verified_delivery
from lineage_api.identity.github_servers import GITHUB, GithubServer
from lineage_api.identity.webhook_secrets import SERVER, find_server, read_secrets
from lineage_api.problems import BodyTooLargeError, EncodingError
from lineage_api.rest.messages import message_flags
from lineage_api.surface import Surface, surface_of
from lineage_schemas.errors import DecodeError, LedgerError

FORM: Final = "application/x-www-form-urlencoded"
PAYLOAD: Final = "payload"
"""The field of a form that holds the message."""


class DeliveryAnswer(Struct, frozen=True):
    """What became of a delivery, and where it stands.

    ``flags`` say what was irregular about it, or why it says nothing. ``statements``: how many were
    made of it, besides the message.
    """

    outcome: Outcome
    position: int | None
    event: str
    flags: tuple[str, ...]
    statements: int


class Prepared(Struct, frozen=True):
    """A delivery that is signed, and what it is called."""

    delivery: Delivery
    event: str
    flags: tuple[str, ...]


async def take_delivery(request: Request) -> Response:
    """Keep one delivery and what it states; answer once that is durable.

    Raises:
        NotFoundError: no such server is known here.
        PreconditionError: its webhooks have no secret here.
        GithubSignatureError: that server has not signed it; nothing is written.
        DecodeError: it is signed, and is no JSON object.
        BodyTooLargeError: the message is longer than one may be.
        ConflictError: another message has this id.
    """
    surface = surface_of(request)
    given = read_parameters(request, {SERVER})
    server = find_server(surface.settings.github, given.get(SERVER), GITHUB, GITHUB_PATH)
    body = await read_body(request, {JSON, FORM}, surface.settings.event_bytes)
    if body.encoding != "identity":
        raise EncodingError("What is signed is sent as it is", where=body.encoding)
    prepared = await surface.preparing.run(lambda: _prepared(surface, server, request, body))
    request.state.vouch()
    receipts = await surface.writer.submit(prepared.delivery)
    first = receipts[0]
    return json_response(
        DeliveryAnswer(
            first.outcome, first.position, prepared.event, prepared.flags, len(receipts) - 1
        )
    )


def _prepared(surface: Surface, server: GithubServer, request: Request, body: Body) -> Prepared:
    verified = verified_delivery(request.headers, body.raw, read_secrets(server))
    content = body.raw if body.media_type == JSON else _payload(body.raw)
    if len(content.strip()) > MESSAGE_BYTES_MAX:
        raise BodyTooLargeError(
            f"A message of {len(content)} bytes is over the limit of {MESSAGE_BYTES_MAX} "
            "(MESSAGE_BYTES_MAX)",
            hint="What it tells is not in the ledger; push fewer commits at once.",
        )
    mapping = GithubMapping(server.host, verified.event, verified.delivery_id, server.owner)
    try:
        return _stated(surface, server, content, mapping)
    except LedgerError:
        # What it states breaks a rule of the log, such as the length of a name: it is kept all the
        # same, unless it is the message itself that cannot be.
        return _stated(surface, server, content, replace(mapping, is_raw=True))


def _stated(
    surface: Surface, server: GithubServer, content: bytes, mapping: GithubMapping
) -> Prepared:
    delivery = surface.ledger.prepare_message(
        ReceivedMessage(content, JSON),
        mapping,
        source=server.spoken_source,
        namespace=server.namespace,
        principal=server.principal(is_local=surface.settings.sign_in == "local"),
    )
    # An id is one delivery's: another message under it is refused, and gets no number of its own.
    return Prepared(replace(delivery, again=None), mapping.event, message_flags(delivery))


def _payload(form: bytes) -> bytes:
    """Return the message in a form.

    Raises:
        DecodeError: it is no form, or has not this one field.
    """
    try:
        pairs = parse_qsl(
            form.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=1,
        )
    except ValueError as error:
        raise DecodeError("What was delivered is no form with one field") from error
    if [name for name, _ in pairs] != [PAYLOAD]:
        raise DecodeError("The form has no field for the message", where=PAYLOAD)
    return pairs[0][1].encode()


ROUTES: Final = (Route(GITHUB_PATH, take_delivery, methods=["POST"]),)
