"""A receiver of webhooks on this machine, which remembers what it was sent."""

from __future__ import annotations

import hmac
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, TypeVar

import pytest

SECRET = bytes(range(32))
SECRET_TEXT = "whsec_" + b64encode(SECRET).decode()


class Seen(NamedTuple):
    """A request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ServerDouble(ThreadingHTTPServer):
    """A server that may keep a caller waiting, until it is told to let go."""

    daemon_threads = True
    let_go: threading.Event


class Receiver(ServerDouble):
    """Answers every request the same way, and remembers them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.status = 204
        self.answer_headers: dict[str, str] = {}
        self.answer = b""
        self.is_silent = threading.Event()
        self.is_endless = threading.Event()
        self.has_ended = threading.Event()
        self.let_go = threading.Event()

    @property
    def host(self) -> str:
        """Return the name and port it listens at."""
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    """What the receiver does with one request."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        if self.server.is_silent.is_set():
            self.server.let_go.wait(10)
            return
        self.send_response(self.server.status)
        for name, value in self.server.answer_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.answer)
        if self.server.is_endless.is_set():
            self.server.let_go.wait(5)
            self.server.has_ended.set()

    def log_message(self, *_: object) -> None:
        pass


D = TypeVar("D", bound=ServerDouble)


@contextmanager
def running_double(server: D, monkeypatch: pytest.MonkeyPatch) -> Iterator[D]:
    """Run a server of a test's own; no proxy stands before it."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.let_go.set()
            server.shutdown()
            thread.join()


@contextmanager
def receiving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Run a receiver of webhooks."""
    with running_double(Receiver(), monkeypatch) as server:
        yield server


def signature_holds(seen: Seen) -> bool:
    """Tell whether a message is signed with ``SECRET``, as Standard Webhooks has it."""
    signed = f"{seen.headers['webhook-id']}.{seen.headers['webhook-timestamp']}.".encode()
    expected = b64encode(hmac.digest(SECRET, signed + seen.body, sha256)).decode()
    return seen.headers.get("webhook-signature") == f"v1,{expected}"
