"""Refuses requests that a web page of somebody else's sent here under a name of its own.

A page can make its own host name mean 127.0.0.1 (DNS rebinding), and the browser then lets it read
whatever this server says. What gives it away is the Host header. Where everybody signs in, a page
has no credential to read anything with; the names are looked at all the same.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lineage_api.loopback import is_loopback
from lineage_api.problems import ForeignHostError, problem_response
from lineage_api.reach import canonical_name


class OwnHostOnly:
    """Middleware that lets through only requests to this machine's own names, and to ``names``.

    The paths of ``exempt`` are answered under every name: whoever asks them knows an address only.
    """

    def __init__(
        self, app: ASGIApp, names: Collection[str] = (), exempt: Collection[str] = ()
    ) -> None:
        self._app = app
        self._names = names
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a problem document."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        name = _without_port(host)
        if (
            is_loopback(name)
            or canonical_name(name) in self._names
            or scope["path"] in self._exempt
        ):
            await self._app(scope, receive, send)
            return
        error = ForeignHostError(
            "This request names a host that is not this machine",
            where=host[:64],
            hint="Use http://127.0.0.1 or http://localhost with the server's port, or a name of "
            "the setting hosts.",
        )
        await problem_response(error)(scope, receive, send)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
