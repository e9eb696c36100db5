"""Connections before anybody is known: a bounded number of them, and a deadline for each.

Whoever can reach a port can open connections and say nothing, or a header without an end. What
signs in comes later, so these limits are of the server, and know nobody.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_LOG: Final = logging.getLogger(__name__)


class Listener(socket.socket):
    """A listening socket of which so many connections may be open at once.

    One more is closed as soon as it is accepted: left in the backlog, it would wait for an answer,
    and keep others from being told. Used from one event loop only.
    """

    def __init__(self, family: int, connections_max: int) -> None:
        # The event loop turns Nagle's algorithm off only where the protocol is named, and
        # socket.create_server does not name it: every answer would then wait 40 ms.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._connections_max = connections_max
        self._open: set[_Connection] = set()
        self._is_full = False

    def accept(self) -> tuple[socket.socket, object]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: there are enough; the event loop goes on to the next.
            OSError: as any socket's.
        """
        accepted, address = super().accept()
        if len(self._open) >= self._connections_max:
            accepted.close()
            if not self._is_full:
                _LOG.warning("No more than %s connections are taken", self._connections_max)
            self._is_full = True
            raise ConnectionAbortedError
        self._is_full = False
        connection = _Connection(accepted, self._open)
        self._open.add(connection)
        return connection, address


class _Connection(socket.socket):
    """A connection that is counted until it is closed."""

    def __init__(self, accepted: socket.socket, among: set[_Connection]) -> None:
        kind = accepted.family, accepted.type, accepted.proto
        super().__init__(*kind, fileno=accepted.detach())
        self._among = among

    def close(self) -> None:
        """Close it, and count it out."""
        self._among.discard(self)
        super().close()


class TimelyProtocol(H11Protocol):
    """HTTP/1.1 on a connection that is closed where no whole head of a request comes in time."""

    head_seconds = 0.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on; what has begun with these bytes has to end in time too."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _watch(self) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            self._stop_waiting()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def timely(head_seconds: float) -> type[asyncio.Protocol]:
    """Return what speaks HTTP on a connection, and waits so long for the head of a request."""
    return type("Timely", (TimelyProtocol,), {"head_seconds": head_seconds})
