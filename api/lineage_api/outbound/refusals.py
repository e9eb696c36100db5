"""What is said of a source that did not answer as it should."""

from __future__ import annotations

from typing import Final

from lineage.connectors.transport import (
    SourceAnswerError,
    SourceError,
    SourceMissingError,
    SourceRefusedError,
    SourceSlowError,
    SourceUnreachableError,
)

_FAULTS: Final = 500
_TOO_MANY: Final = 429
_PROXY: Final = 407
_REFUSED: Final = frozenset({401, 403})
_MISSING: Final = frozenset({404, 405, 410, 501})


def refused(status: int, where: str, answer: bytes) -> SourceError:
    """Return what a status says that is neither an answer nor a redirect."""
    if status in _REFUSED:
        return SourceRefusedError(
            f"The source does not let us ask this (status {status})",
            where=where,
            hint="Check the token or the user, and what they may read there.",
            status=status,
            answer=answer,
        )
    if status in _MISSING:
        return SourceMissingError(
            f"The source has nothing at this address (status {status})",
            where=where,
            hint="Check the address; an older or newer server may not have it.",
            status=status,
            answer=answer,
        )
    if status == _PROXY:
        return SourceUnreachableError(
            "The proxy does not let us through (status 407)",
            where=where,
            hint="Check the user in the proxy's address.",
            status=status,
        )
    if status == _TOO_MANY or status >= _FAULTS:
        return SourceSlowError(
            f"The source could not answer (status {status})",
            where=where,
            hint="Look again later; if it stays so, look into the source's own log.",
            status=status,
            answer=answer,
        )
    return SourceAnswerError(
        f"The source did not understand the question (status {status})",
        where=where,
        hint="It may be older or newer than what is known here.",
        status=status,
        answer=answer,
    )


def elsewhere(scheme: str, host: str, where: str, status: int) -> SourceAnswerError:
    """Return what is said of a redirect to anybody else: nothing of the path it leads to."""
    place = f"{scheme}://{host}" if scheme.isalnum() and host.isascii() else "another address"
    return SourceAnswerError(
        f"The source leads elsewhere, which is not followed: to {place[:128]}",
        where=where,
        hint="If that is right, give the address it leads to.",
        status=status,
    )


def slow(where: str, seconds: float) -> SourceSlowError:
    """Return what is said of a source that took too long."""
    return SourceSlowError(
        f"The source did not answer within {seconds:g} seconds",
        where=where,
        hint="Look again later.",
    )


def broken(where: str, error: Exception) -> SourceUnreachableError:
    """Return what is said of a connection that broke."""
    return SourceUnreachableError(
        f"The source broke the connection off: {_reason(error)}",
        where=where,
        hint="Look again later; if it stays so, look into the source's own log.",
    )


def unreached(where: str, error: Exception) -> SourceUnreachableError:
    """Return what is said of a source to which there is no connection."""
    return SourceUnreachableError(
        f"The source could not be reached: {_reason(error)}",
        where=where,
        hint="Check the host, the port, and that it answers from this machine.",
    )


def unproven(where: str, error: Exception) -> SourceUnreachableError:
    """Return what is said of a source whose certificate proves nothing."""
    return SourceUnreachableError(
        f"The source's certificate is not to be believed: {_verdict(error)}",
        where=where,
        hint="If its authority is a private one, give its certificate with --ca-file.",
    )


def garbled(where: str, error: Exception) -> SourceAnswerError:
    """Return what is said of an answer that is no HTTP."""
    return SourceAnswerError(
        f"The source's answer cannot be read: {type(error).__name__}",
        where=where,
        hint="Check that the address is the server's own.",
    )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _verdict(error: Exception) -> str:
    return str(getattr(error, "verify_message", "") or type(error).__name__)
