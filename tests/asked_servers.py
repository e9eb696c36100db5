"""A server on this machine that is asked over HTTP, and does with each request as it is told."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socket import SHUT_RDWR

import pytest

from certificates import Certified
from receivers import Seen, ServerDouble, running_double

Play = Callable[["AskedHandler"], None]
"""What is done with one request."""


class AskedServer(ServerDouble):
    """Plays what is in ``plays``, one a request, and then answers ``{}``; keeps connections."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), AskedHandler)
        self.seen: list[Seen] = []
        self.peers: set[int] = set()
        self.plays: deque[Play] = deque()
        self.let_go = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever asks hangs up in many tests."""

    def speak_tls(self, own: Certified, of_clients: Certified | None = None) -> None:
        """Show a certificate; with ``of_clients``, demand one that this authority signed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate, own.key)
        if of_clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(of_clients.certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def place(self) -> str:
        """Return the name and port it listens at."""
        return f"127.0.0.1:{self.server_port}"


class AskedHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: AskedServer
    protocol_version = "HTTP/1.1"
    # Head and body are written apart: each answer would wait 40 ms for the other side's word.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._play()

    def do_POST(self) -> None:
        self._play()

    def _play(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        self.server.peers.add(self.client_address[1])
        play = self.server.plays.popleft() if self.server.plays else answering(200, b"{}")
        play(self)

    def hang_up(self) -> None:
        """End the connection."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


def answering(status: int, content: bytes, **headers: str) -> Play:
    """Send a whole answer."""

    def play(handler: AskedHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return play


def raw(content: bytes) -> Play:
    """Send these bytes in the place of an answer, and hang up."""

    def play(handler: AskedHandler) -> None:
        with suppress(OSError):  # the other side hangs up
            handler.wfile.write(content)
        handler.hang_up()

    return play


def dripping(letters: bytes, pause_seconds: float) -> Play:
    """Send one letter at a time, so that no single wait is long."""

    def play(handler: AskedHandler) -> None:
        with suppress(OSError):  # the other side hangs up
            for letter in letters:
                handler.wfile.write(bytes([letter]))
                handler.wfile.flush()
                if handler.server.let_go.wait(pause_seconds):
                    break
        handler.hang_up()

    return play


def silent(handler: AskedHandler) -> None:
    """Say nothing."""
    handler.server.let_go.wait(10)
    handler.hang_up()


@contextmanager
def asked_server(
    monkeypatch: pytest.MonkeyPatch, own: Certified | None = None, clients: Certified | None = None
) -> Iterator[AskedServer]:
    """Run a server; with ``own``, over TLS."""
    server = AskedServer()
    if own is not None:
        server.speak_tls(own, clients)
    with running_double(server, monkeypatch):
        yield server
