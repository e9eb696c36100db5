"""Errors as HTTP says them: problem documents (RFC 9457). The one table of their statuses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lineage_api.identity.fetching import IssuerUnavailableError
from lineage_api.observing.logs import fields
from lineage_api.observing.notes import current_request_id, note_problem
from lineage_api.webhooks import WebhookError
from lineage_schemas.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptLogError,
    ForbiddenError,
    FrozenStoreError,
    InvalidInputError,
    LedgerError,
    LimitExceededError,
    NotFoundError,
    OverloadedError,
    PreconditionError,
    ProofError,
    RateLimitedError,
    RuleError,
    SidecarError,
    StoreBehindError,
    StoreBusyError,
    StoreConflictError,
    StoreError,
    StoreFullError,
    UnauthenticatedError,
    UnknownBasisError,
)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 1
"""What ``Retry-After`` says: the queue of the writer moves on within a second."""

ENCODINGS: Final = "gzip, deflate"

_LOG: Final = logging.getLogger(__name__)


class BodyTooLargeError(LimitExceededError):
    """The body of a request is longer than it may be."""

    code = "body_too_large"


class MediaTypeError(InvalidInputError):
    """The body of a request is of a media type that is not read here."""

    code = "unsupported_media_type"


class EncodingError(InvalidInputError):
    """The body of a request is compressed in a way that is not known here."""

    code = "unsupported_encoding"


class NoCredentialError(UnauthenticatedError):
    """A request says nothing of who sends it."""


class NotReadyError(LedgerError):
    """The server is not ready, and whoever asks is not told why."""

    code = "not_ready"


class InvalidRequestError(InvalidInputError):
    """A credential is where none may be, or there is more than one."""


class DeliverySignatureError(UnauthenticatedError):
    """What was delivered is not signed by the server it is said to come from, or not just now."""


class GithubSignatureError(DeliverySignatureError):
    """What was delivered is not signed by the GitHub server it is said to come from."""


class SlowDownError(RateLimitedError):
    """One caller asks too often. ``seconds``: when it may ask again."""

    seconds = RETRY_SECONDS


class ForeignHostError(LedgerError):
    """A request was sent to a name that this machine alone may not go by."""

    code = "foreign_host"


_STATUSES: Final[dict[type[LedgerError], int]] = {
    LedgerError: 500,
    InvalidInputError: 400,
    BodyTooLargeError: 413,
    MediaTypeError: 415,
    EncodingError: 415,
    ForeignHostError: 421,
    RuleError: 409,
    NotFoundError: 404,
    AlreadyExistsError: 409,
    ConflictError: 409,
    PreconditionError: 412,
    # The past that was asked for is not there, however well the question was put.
    UnknownBasisError: 404,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    RateLimitedError: 429,
    IssuerUnavailableError: 503,
    ProofError: 400,
    WebhookError: 502,
    StoreError: 503,
    StoreBehindError: 503,
    SidecarError: 503,
    StoreFullError: 507,
    CorruptLogError: 500,
    OverloadedError: 503,
    NotReadyError: 503,
}

_COMES_BACK: Final = (
    StoreBusyError,
    StoreConflictError,
    OverloadedError,
    RateLimitedError,
    IssuerUnavailableError,
)

_REALM: Final = 'Bearer realm="lineage"'
_CHALLENGES: Final[dict[type[LedgerError], str]] = {
    NoCredentialError: _REALM,
    GithubSignatureError: 'GitHub-Signature realm="lineage"',
    DeliverySignatureError: 'MLflow-Signature realm="lineage"',
    UnauthenticatedError: f'{_REALM}, error="invalid_token"',
    InvalidRequestError: f'{_REALM}, error="invalid_request"',
    ForbiddenError: f'{_REALM}, error="insufficient_scope"',
}
"""What RFC 6750 has a server say, and of signatures the like; the first that fits."""

_NEEDS_A_PERSON: Final = (StoreBehindError, SidecarError, FrozenStoreError)

_TITLES: Final = {
    "already_exists": "There is one already",
    "ambiguous_label": "Several things go by this label",
    "body_too_large": "The body is too large",
    "corrupt_log": "The stored log contradicts itself",
    "failed_precondition": "The present state forbids this",
    "foreign_host": "This is not a name of this server",
    "forbidden": "Whoever asks may not do this",
    "foreign_store": "The store is not a ledger",
    "frozen_store": "The ledger lives elsewhere now",
    "internal": "Something went wrong here",
    "invalid_argument": "What was sent breaks a rule of form",
    "invalid_identifier": "This is not an identifier",
    "issuer_unavailable": "An issuer of tokens cannot be asked",
    "limit_exceeded": "Something is over its limit",
    "method_not_allowed": "This method is not for this place",
    "newer_store": "The store is of a later version",
    "not_acceptable": "No acceptable media type",
    "not_found": "There is no such thing",
    "not_ready": "The server is not ready",
    "overloaded": "Too much is waiting",
    "proof_invalid": "A proof or signature does not hold",
    "rate_limited": "Too much at a time",
    "read_only_store": "The store refuses writing",
    "rule_violated": "A rule of the log forbids this",
    "sidecar_unusable": "What is remembered of the store cannot be believed",
    "stale_head": "Somebody appended meanwhile",
    "statement_conflict": "The statement id came with other content before",
    "store_behind": "The store is not what was signed",
    "store_busy": "Another writer holds the store",
    "store_conflict": "Another writer came between",
    "store_full": "There is no room left",
    "store_lost": "The connection to the store broke",
    "store_unavailable": "The store is not available",
    "undecodable": "What was sent cannot be read",
    "unauthenticated": "Nobody who is known here has asked this",
    "unknown_basis": "This log cannot answer as of then",
    "unknown_route": "There is nothing at this address",
    "unsupported_encoding": "This content encoding is not read here",
    "unsupported_media_type": "This media type is not read here",
    "webhook_failed": "A webhook's receiver did not take it",
}

_HTTP_CODES: Final = {404: "unknown_route", 405: "method_not_allowed", 406: "not_acceptable"}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document. ``code`` is what machines branch on; ``hint`` says what to try next.

    The server's log says more under ``request_id``.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    where: str = ""
    hint: str = ""
    request_id: str = ""


def status_of(error: LedgerError) -> int:
    """Return the status of an error: that of its own class, or of the nearest above it."""
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


def is_retriable(error: LedgerError) -> bool:
    """Tell whether the same request may succeed later without anybody changing anything."""
    if isinstance(error, _NEEDS_A_PERSON):
        return False
    return isinstance(error, StoreFullError | RateLimitedError) or (
        status_of(error) == HTTPStatus.SERVICE_UNAVAILABLE
    )


def problem_response(error: LedgerError) -> Response:
    """Return the problem document of an error."""
    return _respond(
        Problem(
            type=_urn(error.code),
            title=_title(error.code),
            status=status_of(error),
            detail=error.what,
            code=error.code,
            where=error.where,
            hint=error.hint,
        ),
        headers_of(error),
    )


def headers_of(error: LedgerError) -> dict[str, str]:
    """Return what the headers of an answer say of an error."""
    if isinstance(error, SlowDownError):
        return {"Retry-After": str(error.seconds)}
    if isinstance(error, _COMES_BACK):
        return {"Retry-After": str(RETRY_SECONDS)}
    if isinstance(error, EncodingError):
        return {"Accept-Encoding": ENCODINGS}
    challenge = next((one for kind, one in _CHALLENGES.items() if isinstance(error, kind)), None)
    return {"WWW-Authenticate": challenge} if challenge else {}


async def on_ledger_error(request: Request, error: Exception) -> Response:
    """Answer a request whose handler raised one of our errors."""
    del request
    assert isinstance(error, LedgerError)
    if isinstance(error, StoreError):
        # Not the address: whoever sends it chooses every letter of it.
        _LOG.error("The store failed a request: %s", error.what, extra=fields(code=error.code))
    return problem_response(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router itself refused: an unknown address, a wrong method."""
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "invalid_argument")
    return _respond(
        Problem(
            type=_urn(code),
            title=_title(code),
            status=error.status_code,
            detail=error.detail,
            code=code,
            where=f"{request.method} {request.url.path[:256]}",
        ),
        error.headers or {},
    )


async def on_unexpected_error(request: Request, error: Exception) -> Response:
    """Answer a fault of ours, telling nothing of it; the server logs it."""
    del request, error
    return problem_response(
        LedgerError("The server met a fault of its own", hint="Its log says more.")
    )


def _respond(problem: Problem, headers: Mapping[str, str]) -> Response:
    note_problem(problem.code)
    return Response(
        msgspec.json.encode(msgspec.structs.replace(problem, request_id=current_request_id())),
        status_code=problem.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def _urn(code: str) -> str:
    return f"urn:lineage-ledger:error:{code}"


def _title(code: str) -> str:
    return _TITLES.get(code, _TITLES["internal"])
