"""Middleware: nothing reaches a route before it is known who asks."""

from __future__ import annotations

import logging
from typing import Final

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lineage.access.inquiry import Inquiry, inquiring
from lineage_api.graphql import endpoint
from lineage_api.graphql.errors import refusal
from lineage_api.identity.bearer import refuse_credential_in_address
from lineage_api.observing.notes import note_principal
from lineage_api.problems import headers_of, problem_response, status_of
from lineage_api.surface import Surface
from lineage_schemas.errors import LedgerError, StoreError

PURPOSE: Final = "Lineage-Purpose"
"""The header that says what an answer is wanted for; the access log keeps it."""

PURPOSE_LENGTH_MAX: Final = 1_024

_LOG: Final = logging.getLogger(__name__)


class Door:
    """Middleware that names the principal of each request, or answers it with a refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its principal, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        surface: Surface = scope["state"]["surface"]
        try:
            refuse_credential_in_address(scope)
            admission = await surface.gate.admit(scope)
        except LedgerError as error:
            if isinstance(error, StoreError):
                _LOG.error("Nobody can tell who calls: %s", error)
                error = _untold(error)
            await refused(scope, error)(scope, receive, send)
            return
        scope["state"]["principal"] = admission.principal
        scope["state"]["vouch"] = admission.vouch
        # A name stays out of the log of a server; the public id of a key says enough to find it.
        note_principal(admission.principal.key if admission.principal else None)
        try:
            with inquiring(_inquiry(scope)):
                await self._app(scope, admission.counted(receive), send)
        finally:
            admission.leave()


def _untold(error: StoreError) -> StoreError:
    """Return the fault without what it says of the machine: nobody has signed in yet."""
    return type(error)(
        "Nobody can tell at present who calls", hint="Try again in a moment, or tell the operator."
    )


def _inquiry(scope: Scope) -> Inquiry:
    """Return what an access log says of a request: no value of it but its purpose.

    What the operation is called, GraphQL says; elsewhere it is the call of the engine.
    """
    purpose = Headers(scope=scope).get(PURPOSE, "")[:PURPOSE_LENGTH_MAX]
    return Inquiry(door="http", purpose=purpose)


def refused(scope: Scope, error: LedgerError) -> Response:
    """Return a refusal in the words of the door: GraphQL's to who asks for them, else a problem."""
    if scope["path"] == endpoint.PATH and _wants_graphql(Headers(scope=scope)):
        return Response(
            msgspec.json.encode({"errors": [refusal(error)]}),
            status_code=status_of(error),
            headers=headers_of(error),
            media_type=f"{endpoint.RESPONSE}; charset=utf-8",
        )
    return problem_response(error)


def _wants_graphql(headers: Headers) -> bool:
    try:
        return endpoint.accepted_type(headers.get("accept", "")) == endpoint.RESPONSE
    except HTTPException:
        return False
