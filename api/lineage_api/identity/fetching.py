"""Fetch a small document of an issuer: within bounds, and from where the settings say only."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import perf_counter
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from lineage_api.outbound.deadlines import cut_after
from lineage_schemas.errors import LedgerError

DOCUMENT_BYTES_MAX: Final = 262_144
"""A discovery document or a set of keys."""

FETCH_SECONDS: Final = 5.0
"""How long a whole document may take, from the first packet to the last."""

_CHUNK: Final = 16_384
_OK: Final = 200

Fetch = Callable[[str], bytes]
"""Returns the document at an address; raises ``IssuerUnavailableError``."""


class IssuerUnavailableError(LedgerError):
    """An issuer of tokens cannot be asked for its keys; nothing is known of whoever calls."""

    code = "issuer_unavailable"


def fetch_document(
    url: str, *, bytes_max: int = DOCUMENT_BYTES_MAX, seconds: float = FETCH_SECONDS
) -> bytes:
    """Return the document at ``url``. Redirects are not followed; proxies are the environment's.

    Raises:
        IssuerUnavailableError: there is none, it is too long, or it took too long; names the host.
    """
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "lineage-ledger"})  # noqa: S310 - check_url let it through
    lines = _Lines()
    end = perf_counter() + seconds
    try:
        with (
            cut_after(seconds, lines.connections),
            _opener(lines).open(request, timeout=seconds) as answer,
        ):
            if answer.status != _OK:
                raise _unavailable(url, f"answered with status {answer.status}")
            body = bytearray()
            while chunk := answer.read1(_CHUNK):
                body += chunk
                if len(body) > bytes_max:
                    raise _unavailable(url, f"sent more than {bytes_max} bytes")
                if perf_counter() > end:
                    raise _unavailable(url, f"took more than {seconds:g} seconds")
            if answer.length:
                raise _unavailable(url, "stopped in the middle")
            return bytes(body)
    except HTTPError as error:
        with error:
            raise _unavailable(url, f"answered with status {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        if perf_counter() > end:
            raise _unavailable(url, f"took more than {seconds:g} seconds") from None
        raise _unavailable(url, f"could not be read: {type(error).__name__}") from None


class _Lines:
    """The connections of one fetch, so that somebody else can cut them."""

    def __init__(self) -> None:
        self._connections: list[HTTPConnection] = []

    def plain(self, host: str, **options: Any) -> HTTPConnection:  # noqa: ANN401 - as urllib hands them on
        """Make a connection for http."""
        return self._kept(HTTPConnection(host, **options))

    def secure(self, host: str, **options: Any) -> HTTPConnection:  # noqa: ANN401 - as above
        """Make a connection for https."""
        return self._kept(HTTPSConnection(host, **options))

    def connections(self) -> list[HTTPConnection]:
        """Return every connection that was made."""
        return list(self._connections)

    def _kept(self, connection: HTTPConnection) -> HTTPConnection:
        self._connections.append(connection)
        return connection


class _Plain(HTTPHandler):
    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def http_open(self, req: Request) -> Any:  # noqa: ANN401 - as urllib has it
        return self.do_open(self._lines.plain, req)


class _Secure(HTTPSHandler):
    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def https_open(self, req: Request) -> Any:  # noqa: ANN401 - as urllib has it
        return self.do_open(self._lines.secure, req)


def _opener(lines: _Lines) -> OpenerDirector:
    """Return what opens http and https, and follows nothing."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        _Plain(lines),
        _Secure(lines),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _unavailable(url: str, what: str) -> IssuerUnavailableError:
    return IssuerUnavailableError(
        f"The issuer of tokens {what}",
        where=(urlsplit(url).hostname or "")[:256],
        hint="Try again in a moment; if it stays so, check the issuer and the network.",
    )
