"""What texts may be names, and how long each may be."""

from __future__ import annotations

from typing import Final

from lineage.rules.secrets import refuse_api_key
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.limits import (
    IDENTIFIER_BYTES_MAX,
    NAME_BYTES_MAX,
    NAMESPACE_BYTES_MAX,
    REASON_BYTES_MAX,
    STATEMENT_ID_BYTES_MAX,
)

_LIMITS: Final = {
    "IDENTIFIER_BYTES_MAX": IDENTIFIER_BYTES_MAX,
    "NAME_BYTES_MAX": NAME_BYTES_MAX,
    "NAMESPACE_BYTES_MAX": NAMESPACE_BYTES_MAX,
    "REASON_BYTES_MAX": REASON_BYTES_MAX,
    "STATEMENT_ID_BYTES_MAX": STATEMENT_ID_BYTES_MAX,
}
"""Limits by their names, which errors tell."""

UTF8_BYTES_MAX: Final = 4
"""What a character takes at the most."""


def check_name(what: str, name: str) -> None:
    """Refuse what is no name of a source, or of anything else that is called by plain text."""
    check_text(what, name, "NAME_BYTES_MAX")


def check_text(what: str, text: str, limit: str) -> None:
    """Refuse what is no plain text, holds an API key, or is over a limit, given by its name."""
    refuse_api_key(what, text)
    if not text or text != text.strip() or not text.isprintable():
        raise InvalidInputError(
            f"A {what} is plain text without blank ends, and not empty", where=repr(text)[:64]
        )
    check_bytes(what, text, limit)


def check_bytes(what: str, text: str, limit: str) -> None:
    """Refuse a text that is over a limit, given by its name."""
    if len(text) <= _LIMITS[limit] // UTF8_BYTES_MAX:
        return
    size = len(text.encode(errors="surrogatepass"))
    if size > _LIMITS[limit]:
        raise LimitExceededError(
            f"A {what} of {size} bytes is over the limit of {_LIMITS[limit]} ({limit})",
            where=text[:64],
        )
