"""Which namespace a request means: its path, its query, or its header says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from lineage.writing.submission import DEFAULT_NAMESPACE
from lineage_schemas.errors import InvalidInputError

HEADER: Final = "Lineage-Namespace"
PARAMETER: Final = "namespace"
PATH_PREFIX: Final = "/api/v1/namespaces/{namespace}"
"""In front of an address, for clients that can change nothing else."""


def namespace_of(request: Request, parameters: Mapping[str, str] | None = None) -> str:
    """Return the namespace that a request names, in its path, its query parameters or its header.

    Where several name one, they must agree; where none does, it is the default.

    Raises:
        InvalidInputError: they contradict each other, or the header cannot be read.
    """
    named = {
        "the path": request.path_params.get(PARAMETER),
        "the query": (parameters or {}).get(PARAMETER),
        "the header": _header(request),
    }
    given = {place: name for place, name in named.items() if name is not None}
    if len(set(given.values())) > 1:
        raise InvalidInputError(
            f"{' and '.join(given)} of this request name different namespaces",
            hint="Name it in one place.",
        )
    return next(iter(given.values()), DEFAULT_NAMESPACE)


def _header(request: Request) -> str | None:
    """Return what the header says: UTF-8, where it is not ASCII written with percent signs."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    try:
        (text,) = given
        return unquote_to_bytes(text.encode("ascii")).decode()
    except ValueError:
        raise InvalidInputError(
            "The header of the namespace cannot be read",
            where=HEADER,
            hint="Send it once; write what is not ASCII, and the percent sign, as %XX of UTF-8.",
        ) from None
