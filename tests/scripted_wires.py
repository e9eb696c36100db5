"""A stretch of wire before a server of HTTP that is slow, cut, or not there, as a test says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

_CHUNK_BYTES: Final = 65_536
_BETWEEN_DROPS_SECONDS: Final = 0.05


class Weather(StrEnum):
    """What becomes of the next connections."""

    FAIR = "fair"
    DOWN = "down"
    """They are closed at once."""
    MUTE = "mute"
    """They are heard, and nothing is ever answered, nor passed on."""
    CUT = "cut"
    """They are passed on, and the answer, once it is there, is dropped."""
    DROPS = "drops"
    """Their answers come byte by byte."""


class ScriptedWire:
    """Takes connections for a server. ``weather`` is read when one is made."""

    def __init__(self, url: str) -> None:
        """Stand before the server at this URL."""
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.weather = Weather.FAIR
        self.answered = 0
        """How many answers of the server came this far."""
        self._over = Event()
        Thread(target=self._take, daemon=True).start()

    def close(self) -> None:
        """Take no more connections, and let go of those that are mute."""
        self._over.set()
        self._listener.close()

    def _take(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(client, self.weather), daemon=True).start()

    def _serve(self, client: socket.socket, weather: Weather) -> None:
        with client, suppress(OSError):
            if weather is Weather.DOWN:
                return
            if weather is Weather.MUTE:
                self._over.wait()
                return
            with socket.create_connection(self._server) as server:
                Thread(target=_pass_on, args=(client, server), daemon=True).start()
                self._answer(client, server, weather)

    def _answer(self, client: socket.socket, server: socket.socket, weather: Weather) -> None:
        while chunk := server.recv(_CHUNK_BYTES):
            self.answered += 1
            if weather is Weather.CUT:
                return
            if weather is Weather.FAIR:
                client.sendall(chunk)
                continue
            for drop in chunk:
                client.sendall(bytes([drop]))
                if self._over.wait(_BETWEEN_DROPS_SECONDS):
                    return


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while chunk := client.recv(_CHUNK_BYTES):
            server.sendall(chunk)
        server.shutdown(socket.SHUT_WR)


@contextmanager
def scripted_wire(url: str) -> Iterator[ScriptedWire]:
    """Stand before a server while the block runs."""
    wire = ScriptedWire(url)
    try:
        yield wire
    finally:
        wire.close()
