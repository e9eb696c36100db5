"""The address of a source: taken apart once, and never with a credential in it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

from msgspec import Struct

from lineage_api.loopback import is_loopback
from lineage_schemas.errors import InvalidInputError

URL_LENGTH_MAX: Final = 2_048

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_IN_A_NAME: Final = "-._:[]"
"""What stands unquoted in the name of an instance; a slash divides the parts of identifiers."""


class Origin(Struct, frozen=True):
    """Where a source is: scheme, host and port, and the path that all of its addresses begin with.

    ``path`` is empty, or begins with a slash and does not end with one.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def place(self) -> str:
        """Host and port, as a URL has them; the port is left out where the scheme says it."""
        named = f"[{self.host}]" if ":" in self.host else self.host
        return named if self.port == _PORTS[self.scheme] else f"{named}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address. It holds no secret."""
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def instance(self) -> str:
        """The name of this instance in identifiers: one segment, in lower case, ``+`` for slashes.

        The scheme is no part of it: behind a new certificate a server is the same server.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        parts = f"{host}:{self.port}{self.path}".split("/")
        return "+".join(quote(part, safe=_IN_A_NAME) for part in parts).lower()

    @property
    def is_open(self) -> bool:
        """Whether what is sent there can be read on the way."""
        return self.scheme == "http" and not is_loopback(self.host)


def read_origin(url: str) -> Origin:
    """Return where a URL leads.

    Raises:
        InvalidInputError: it is no address of a server, or has a user, a query or a fragment.
            Quotes no more than the host.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _no_address("", "Check brackets and port.") from None
    if "@" in parts.netloc:
        raise _no_address(
            host,
            "Leave user and password out of the address: everybody on this machine reads them "
            "there. They are taken from the environment or from a file.",
        )
    fits = parts.scheme in _PORTS and _HOST.fullmatch(host) is not None
    fits = fits and not (parts.query or parts.fragment) and port != 0
    fits = fits and url.isascii() and url.isprintable() and " " not in url
    if not fits or len(url) > URL_LENGTH_MAX:
        raise _no_address(host, f"It has {URL_LENGTH_MAX} letters at most, all of them ASCII.")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"))


def _no_address(host: str, hint: str) -> InvalidInputError:
    return InvalidInputError(
        "A source's address begins with http:// or https://, names a host, and has no user, query "
        "or fragment",
        where=ascii(host[:64]) if host else "",
        hint=hint,
    )
