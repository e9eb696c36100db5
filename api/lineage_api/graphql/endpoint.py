"""``POST /graphql``: GraphQL over HTTP.

The answer is ``application/graphql-response+json`` for who asks for it, and then 400 says that a
request was not executed; plain ``application/json`` has 200 for every well-formed request. One
request is executed as a whole in one of the reading threads, so that neither its questions nor the
writing of a long answer hold up the event loop.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from lineage.access.inquiry import Inquiry, inquiring, present_inquiry
from lineage.service import Ledger
from lineage_api.bodies import JSON, Body, read_body
from lineage_api.graphql.errors import (
    OPERATION_FAILED,
    PARSE_FAILED,
    FormattedError,
    format_error,
    request_error,
)
from lineage_api.graphql.forms import form_of
from lineage_api.graphql.queries import Asker, QueryContext
from lineage_api.graphql.schema import SCHEMA
from lineage_api.namespaces import namespace_of
from lineage_api.observing.notes import current_request_id, note_operation
from lineage_api.surface import principal_of, surface_of
from lineage_schemas.api_keys import holds_api_key

PATH: Final = "/graphql"
RESPONSE: Final = "application/graphql-response+json"

_QUERIES_ONLY: Final = (OperationType.QUERY,)


class GraphQLRequest(Struct, frozen=True, rename="camel"):
    """The body of a request. ``extensions`` are taken and mean nothing here."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


class Executed(Struct, frozen=True, omit_defaults=True):
    """What came of a request: ``data`` is absent where nothing was executed.

    ``extensions`` name the request where something is wrong. An answer has none: the same question
    gets the same bytes.
    """

    errors: list[FormattedError] = []
    data: object = msgspec.UNSET
    extensions: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class _Wish(NamedTuple):
    """One media type of an Accept header, and how much it is wished for."""

    name: str
    quality: float


_REQUEST: Final = msgspec.json.Decoder(GraphQLRequest)
_ENCODER: Final = msgspec.json.Encoder()


async def answer_query(request: Request) -> Response:
    """Answer one GraphQL request.

    Raises:
        InvalidInputError: the header of the namespace cannot be read.
        MediaTypeError: the body is not JSON.
        BodyTooLargeError: it is too long.
        OverloadedError: too many requests wait already.
    """
    surface = surface_of(request)
    media_type = accepted_type(request.headers.get("accept", ""))
    asker = Asker(principal_of(request), namespace_of(request))
    body = await read_body(request, {JSON}, surface.settings.query_bytes)
    status, content = await surface.reading.run(
        lambda: _answer(surface.ledger, body, asker, strict=media_type == RESPONSE)
    )
    return Response(content, status_code=status, media_type=f"{media_type}; charset=utf-8")


def accepted_type(accept: str) -> str:
    """Choose between the two media types of answers; without a wish it is plain JSON.

    Of two that are wished for alike, the one named first is taken.

    Raises:
        HTTPException: 406, neither will do.
    """
    wishes = [_wish(part) for part in accept.split(",") if part.strip()]
    if not wishes:
        return JSON
    named = [wish for wish in wishes if wish.name in {JSON, RESPONSE}]
    refused = {wish.name for wish in named if not wish.quality}
    anything = [
        _Wish(ours, wish.quality)
        for wish in wishes
        if wish.name in {"*/*", "application/*"}
        for ours in (JSON, RESPONSE)
        if ours not in refused
    ]
    best = max([*named, *anything], key=lambda wish: wish.quality, default=None)
    if best is None or not best.quality:
        raise HTTPException(HTTPStatus.NOT_ACCEPTABLE, f"An answer is {JSON} or {RESPONSE}")
    return best.name


def execute(ledger: Ledger, query: GraphQLRequest, asker: Asker | None = None) -> Executed:
    """Execute one request, for the local principal where nobody else asks."""
    # Answers, errors and the access log repeat names of a document.
    if holds_api_key(_ENCODER.encode(query).decode()):
        return Executed([request_error("There is an API key in this request: revoke it")])
    context = QueryContext(ledger, query.operation_name, asker)
    try:
        result = SCHEMA.execute_sync(
            query.query,
            variable_values=query.variables,
            operation_name=query.operation_name,
            context_value=context,
            allowed_operation_types=_QUERIES_ONLY,
        )
    except CannotGetOperationTypeError as error:
        return Executed([request_error(error.as_http_error_reason(), OPERATION_FAILED)])
    except InvalidOperationTypeError:
        return Executed([request_error("There are only queries here", OPERATION_FAILED)])
    except MissingQueryError:
        return Executed([request_error("The query is empty", PARSE_FAILED)])
    return _told(result, context)


def _told(result: ExecutionResult, context: QueryContext) -> Executed:
    errors = [format_error(error, executed=context.executing) for error in result.errors or ()]
    if result.data is None and not any("path" in error for error in errors):
        return Executed(errors)
    return Executed(errors, result.data)


def _answer(ledger: Ledger, body: Body, asker: Asker, *, strict: bool) -> tuple[int, bytes]:
    """Return status and body. ``strict``: 400 where nothing was executed."""
    try:
        query = _REQUEST.decode(body.content())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        refused = Executed([request_error(f"This is no GraphQL request: {error}")])
        return HTTPStatus.BAD_REQUEST, _ENCODER.encode(_noted(refused))
    with inquiring(_inquiry(query, asker)):
        executed = _noted(execute(ledger, query, asker))
    failed = strict and executed.data is msgspec.UNSET
    status = HTTPStatus.BAD_REQUEST if failed else HTTPStatus.OK
    return status, _ENCODER.encode(executed)


def _inquiry(query: GraphQLRequest, asker: Asker) -> Inquiry:
    """Return what an access log says of a question; nobody needs it of the local principal."""
    present = present_inquiry()
    if asker.principal.is_local:
        return present
    return replace(
        present,
        door="graphql",
        operation=query.operation_name or "",
        text=form_of(query.query),
    )


def _noted(executed: Executed) -> Executed:
    """Note what was executed, and name the request in what went wrong."""
    codes = tuple(str(one["extensions"]["code"]) for one in executed.errors)
    note_operation("invalid" if executed.data is msgspec.UNSET else "query", codes)
    request_id = current_request_id()
    if not codes or not request_id:
        return executed
    return msgspec.structs.replace(executed, extensions={"requestId": request_id})


def _wish(part: str) -> _Wish:
    name, *parameters = (one.strip().lower() for one in part.split(";"))
    quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return _Wish(name, min(max(float(quality), 0.0), 1.0))
    except ValueError:
        return _Wish(name, 0.0)


ROUTES: Final = (Route(PATH, answer_query, methods=["POST"]),)
