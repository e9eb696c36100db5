"""Connections to a source, through the proxy that the environment names for it."""

from __future__ import annotations

from base64 import b64encode
from http.client import HTTPConnection, HTTPSConnection
from ssl import SSLContext, TLSVersion, create_default_context
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import getproxies, proxy_bypass

from msgspec import Struct

from lineage_api.outbound.origins import Origin
from lineage_schemas.errors import InvalidInputError

_PROXY_PORT: Final = 8080


class Proxy(Struct, frozen=True):
    """What stands between, and what it is told to let us through. Its headers are secret."""

    host: str
    port: int
    headers: dict[str, str]

    def __repr__(self) -> str:
        """Show where it is, and nothing of what opens it."""
        return f"Proxy({self.host!r}, {self.port})"


def proxy_of(origin: Origin) -> Proxy | None:
    """Return the proxy that the environment names for an origin; ``None``: there is none.

    Raises:
        InvalidInputError: what is named there is no address of a proxy; does not quote it.
    """
    if proxy_bypass(f"{origin.host}:{origin.port}") or proxy_bypass(origin.host):
        return None
    proxies = getproxies()
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or _PROXY_PORT
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    if not host or parts.scheme != "http":
        raise InvalidInputError(
            "The environment names a proxy that cannot be used",
            where=f"{origin.scheme}_proxy",
            hint="Name one that begins with http://, or take the source out with no_proxy.",
        )
    headers: dict[str, str] = {}
    if parts.username is not None:
        pair = unquote_to_bytes(f"{parts.username}:{parts.password or ''}")
        headers["Proxy-Authorization"] = f"Basic {b64encode(pair).decode()}"
    return Proxy(host, port, headers)


def connection_to(
    origin: Origin, proxy: Proxy | None, tls: SSLContext | None, connect_seconds: float
) -> HTTPConnection:
    """Return a connection that is not open yet."""
    host, port = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
    if origin.scheme == "http":
        return HTTPConnection(host, port, timeout=connect_seconds)
    line = HTTPSConnection(host, port, timeout=connect_seconds, context=tls or tls_context())
    if proxy:
        line.set_tunnel(origin.host, origin.port, proxy.headers)
    return line


def tls_context(ca_file: str = "", certificate_file: str = "", key_file: str = "") -> SSLContext:
    """Return how a source proves who it is, and how we prove it to a source.

    ``ca_file``: believe what this one signed, and nobody else. ``certificate_file``: show this
    certificate; its key is in the same file, unless ``key_file`` has it.

    Raises:
        InvalidInputError: a file cannot be read, or is not what it should be.
    """
    try:
        context = create_default_context(cafile=ca_file or None)
    except (OSError, ValueError) as error:
        raise _unusable("The certificates to believe", ca_file, error) from None
    context.minimum_version = TLSVersion.TLSv1_2
    if certificate_file:
        try:
            # A pass phrase would be asked for in the terminal, where nobody may sit.
            context.load_cert_chain(certificate_file, key_file or None, password=b"")
        except (OSError, ValueError) as error:
            raise _unusable("The certificate to show", certificate_file, error) from None
    return context


def _unusable(what: str, file: str, error: Exception) -> InvalidInputError:
    reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    return InvalidInputError(
        f"{what} cannot be used: {reason}",
        where=file,
        hint="A PEM file is wanted; a key has no pass phrase and belongs to its certificate.",
    )
