"""How a server stops: told once, in order; told twice, at once, and still without tearing a commit.

In order: it says that it is no longer ready, and goes on answering for ``drain_seconds``; it takes
no more connections, and requests under way may take ``stop_seconds``; what then still runs is
cancelled, which takes back whatever the writer has not begun; the writer commits the rest; threads
end. Told again, it breaks every connection off and goes on with the cancelling.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from threading import Event
from time import perf_counter
from types import FrameType
from typing import Final

import uvicorn

from lineage_api.observing.logs import fields

_LOG: Final = logging.getLogger(__name__)


class StoppingServer(uvicorn.Server):
    """Tells when it is ready and when it stops, and returns after a signal.

    Raised anew, as uvicorn does, SIGTERM would end the process before its caller could close the
    ledger.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        stopping: Event,
        drain_seconds: float,
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._stopping = stopping
        self._drain_seconds = drain_seconds
        self._exit_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hear a signal: only note it, since it may come between any two steps."""
        del sig, frame
        if self._stopping.is_set():
            self.force_exit = True
            self.should_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._break_off)
            return
        self._stopping.set()
        self._exit_at = perf_counter() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to stop listening; asked ten times a second."""
        if self._exit_at is not None and perf_counter() >= self._exit_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, wait for what runs, and end the application whatever happens."""
        _LOG.info("Stopping", extra=fields(connections=len(self.server_state.connections)))
        if self.force_exit:
            self._break_off()
        await super().shutdown(sockets)
        if self.force_exit:
            # The server itself would leave the application as it is: threads in mid-work.
            for task in self.server_state.tasks:
                task.cancel()
            await self.lifespan.shutdown()
        _LOG.info("Stopped")

    def _break_off(self) -> None:
        """End every connection: a slow client holds nothing up any more."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
