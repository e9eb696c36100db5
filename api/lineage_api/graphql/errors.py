"""Errors as GraphQL says them: each with a code, none with our internals."""

from __future__ import annotations

import logging
from typing import Any, Final

from graphql import GraphQLError, GraphQLSyntaxError

from lineage_schemas.errors import (
    AmbiguousLabelError,
    InvalidInputError,
    LabelCandidate,
    LedgerError,
)

INTERNAL: Final = "INTERNAL_SERVER_ERROR"
BAD_INPUT: Final = "BAD_USER_INPUT"
PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
OPERATION_FAILED: Final = "OPERATION_RESOLUTION_FAILURE"

_LOG: Final = logging.getLogger(__name__)

# An error of GraphQL is a JSON object of any shape below ``extensions``.
FormattedError = dict[str, Any]


def format_error(error: GraphQLError, *, executed: bool) -> FormattedError:
    """Return an error as the client sees it.

    ``executed`` tells that the document was valid: what is wrong then are the variables.
    """
    formatted: FormattedError = {"message": error.message}
    if error.locations:
        formatted["locations"] = [one.formatted for one in error.locations]
    if error.path is not None:
        formatted["path"] = error.path
    cause = _cause(error)
    if isinstance(cause, LedgerError):
        formatted["message"] = cause.what
        formatted["extensions"] = _extensions(cause)
    elif cause is not None:
        formatted["message"] = "The server met a fault of its own"
        formatted["extensions"] = {"code": INTERNAL}
    else:
        formatted["extensions"] = {"code": _code(error, executed=executed)} | (
            error.extensions or {}
        )
    return formatted


def log_error(error: GraphQLError) -> None:
    """Log what is our own fault, and nothing that the client did."""
    cause = _cause(error)
    if cause is not None and not isinstance(cause, LedgerError):
        # Not where: an alias is whatever the client calls it.
        _LOG.error("A resolver failed", exc_info=cause)


def request_error(message: str, code: str = BAD_INPUT) -> FormattedError:
    """Return an error of a request that could not be executed at all."""
    return {"message": message, "extensions": {"code": code}}


def refusal(error: LedgerError) -> FormattedError:
    """Return an error of ours that kept a request from being executed."""
    return {"message": error.what, "extensions": _extensions(error)}


def _cause(error: GraphQLError) -> Exception | None:
    """Return the exception of ours behind an error; ``None``: GraphQL itself refused."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if error.path is None and not isinstance(cause, LedgerError):
        return None  # the request itself: a scalar's ValueError is the client's mistake
    return cause


def _extensions(error: LedgerError) -> FormattedError:
    if isinstance(error, InvalidInputError):
        extensions: FormattedError = {"code": BAD_INPUT, "reason": error.code}
    else:
        extensions = {"code": error.code.upper()}
    if isinstance(error, AmbiguousLabelError):
        extensions["candidates"] = [_candidate(one) for one in error.candidates]
        extensions["more"] = error.more
    if error.where:
        extensions["where"] = error.where
    if error.hint:
        extensions["hint"] = error.hint
    return extensions


def _candidate(candidate: LabelCandidate) -> FormattedError:
    return {
        "key": candidate.key,
        "kind": candidate.kind,
        "type": candidate.type,
        "label": candidate.label,
        "statedAt": candidate.stated_at,
        "members": candidate.members,
    }


def _code(error: GraphQLError, *, executed: bool) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return PARSE_FAILED
    if error.path is not None:
        return INTERNAL
    return BAD_INPUT if executed else VALIDATION_FAILED
