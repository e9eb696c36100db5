"""A stretch of wire between a client and PostgreSQL that can be cut at a word."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from threading import Lock, Thread
from typing import Final
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

_CHUNK_BYTES: Final = 65_536
_READY: Final = b"Z"
"""The type of the message by which the server says that it has done what was asked."""


class Cut(StrEnum):
    """When the wire is cut: before the server hears the word, or after it has done it."""

    BEFORE = "before"
    AFTER = "after"


class Wire:
    """Takes connections and hands them on to a server; cuts each that says an awaited word."""

    def __init__(self, server: str) -> None:
        """Stand before the server of this URL."""
        self._server = {name: str(value) for name, value in conninfo_to_dict(server).items()}
        self._lock = Lock()
        self._cuts: list[tuple[bytes, Cut]] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._taking = Thread(target=self._take, daemon=True)
        self._taking.start()

    def location(self, schema: str) -> str:
        """Return the URL by which a store goes over this wire."""
        user, database = (quote(self._server.get(name, "postgres")) for name in ("user", "dbname"))
        port = self._listener.getsockname()[1]
        return (
            f"postgresql://{user}@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"
            f"&schema={schema}"
        )

    def cut_at(self, word: bytes, cut: Cut, times: int = 1) -> None:
        """Cut the next connections that say this word."""
        with self._lock:
            self._cuts += [(word, cut)] * times

    @property
    def is_whole(self) -> bool:
        """Tell whether all cuts that were ordered are made."""
        with self._lock:
            return not self._cuts

    def close(self) -> None:
        """Cut everything."""
        self._listener.close()
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _take(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._dial()
            with self._lock:
                self._open |= {client, server}
            Thread(target=self._hear, args=(client, server), daemon=True).start()
            Thread(target=_pass_on, args=(server, client), daemon=True).start()

    def _dial(self) -> socket.socket:
        host, port = self._server.get("host", "127.0.0.1"), self._server.get("port", "5432")
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        return socket.create_connection((host, int(port)))

    def _hear(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while chunk := client.recv(_CHUNK_BYTES):
                cut = self._cut_of(chunk)
                if cut is Cut.AFTER:
                    # Nothing more comes back, so the client never hears that it was done.
                    client.shutdown(socket.SHUT_WR)
                if cut is not Cut.BEFORE:
                    server.sendall(chunk)
                if cut is not None:
                    break
        for one in (server, client):
            with suppress(OSError):
                one.shutdown(socket.SHUT_WR if one is server else socket.SHUT_RDWR)

    def _cut_of(self, chunk: bytes) -> Cut | None:
        with self._lock:
            for index, (word, cut) in enumerate(self._cuts):
                if word in chunk:
                    del self._cuts[index]
                    return cut
        return None


def _pass_on(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while chunk := server.recv(_CHUNK_BYTES):
            # Where the client's side is cut the rest is still drunk, so that the server goes on.
            with suppress(OSError):
                client.sendall(chunk)
    for one in (server, client):
        with suppress(OSError):
            one.close()


@contextmanager
def wire_to(server: str) -> Iterator[Wire]:
    """Stand before a server while the block runs."""
    wire = Wire(server)
    try:
        yield wire
    finally:
        wire.close()
