"""``POST /api/v1/statements``: statements in our own words, one atomic batch a request.

The body is one statement or an array of them (``application/json``), or one a line
(``application/x-ndjson``). Either all of them enter the log, or none. The namespace is named by the
header ``Lineage-Namespace``, by the query or by the path.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.writing.submission import Receipt
from lineage_api.bodies import JSON, NDJSON, json_response, read_body, read_parameters
from lineage_api.namespaces import PARAMETER, PATH_PREFIX, namespace_of
from lineage_api.problems import BodyTooLargeError
from lineage_api.surface import principal_of, surface_of
from lineage_schemas.codec import decode_statement
from lineage_schemas.errors import DecodeError, LedgerError
from lineage_schemas.limits import BATCH_STATEMENTS_MAX
from lineage_schemas.records import Statement

PATH: Final = "/api/v1/statements"
NAMESPACE_PATH: Final = f"{PATH_PREFIX}/statements"

_RAWS: Final = msgspec.json.Decoder(list[Raw])
_WHITE_SPACE: Final = b" \t\r\n"


class Receipts(Struct, frozen=True):
    """What became of each statement, in their order."""

    receipts: list[Receipt]


async def record_statements(request: Request) -> Response:
    """Record the statements of a body as one batch; answer once they are durable."""
    surface = surface_of(request)
    principal = principal_of(request)
    namespace = namespace_of(request, read_parameters(request, {PARAMETER}))
    body = await read_body(request, {JSON, NDJSON}, surface.settings.batch_bytes)
    delivery = await surface.preparing.run(
        lambda: surface.ledger.prepare(
            read_statements(body.content(), body.media_type),
            namespace=namespace,
            principal=principal,
        )
    )
    return json_response(Receipts(await surface.writer.submit(delivery)))


def read_statements(content: bytes, media_type: str) -> tuple[Statement, ...]:
    """Return the statements of a body.

    Raises:
        DecodeError: not JSON, or not a statement; names the index or line.
        BodyTooLargeError: more statements than a batch may have.
    """
    if media_type == NDJSON:
        parts = [
            (f"line {number}", line)
            for number, line in enumerate(content.split(b"\n"), 1)
            if line.strip(_WHITE_SPACE)
        ]
    elif content.lstrip(_WHITE_SPACE).startswith(b"["):
        parts = [(f"statement [{index}]", raw) for index, raw in enumerate(_split(content))]
    else:
        parts = [("statement", content)]
    if len(parts) > BATCH_STATEMENTS_MAX:
        raise BodyTooLargeError(
            f"A batch of {len(parts)} statements is over the limit of {BATCH_STATEMENTS_MAX} "
            "(BATCH_STATEMENTS_MAX)",
            hint="Send several batches.",
        )
    return tuple(_read_one(where, part) for where, part in parts)


def _split(content: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _RAWS.decode(content)]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DecodeError(
            f"This is no JSON array of statements: {error}",
            hint="Send a statement, an array of them, or one a line as application/x-ndjson.",
        ) from error


def _read_one(where: str, part: bytes) -> Statement:
    try:
        return decode_statement(part)
    except LedgerError as error:
        raise error.at(where) from error
    except RecursionError as error:
        raise DecodeError("A statement is nested too deep", where=where) from error


ROUTES: Final = tuple(
    Route(path, record_statements, methods=["POST"]) for path in (PATH, NAMESPACE_PATH)
)
