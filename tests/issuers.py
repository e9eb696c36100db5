"""An issuer of tokens on this machine: publishes keys over HTTP, or misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socket import SHUT_RDWR

import pytest

from lineage_api.identity.issuers import Issuer
from receivers import ServerDouble, running_double
from tokens import AUDIENCE, Key, Object, jwk, key_set

Misbehaviour = Callable[["Handler"], None]
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"


class IssuerDouble(ServerDouble):
    """Publishes ``keys`` by their ids, and counts who asked for what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.keys: dict[str, Key] = {}
        self.asked: list[str] = []
        self.misbehaves: Misbehaviour | None = None
        self.let_go = threading.Event()

    @property
    def name(self) -> str:
        """Return what its tokens say in ``iss``."""
        return f"http://127.0.0.1:{self.server_port}"

    def trusted(self, **changes: object) -> Issuer:
        """Return the settings that trust it."""
        settings: dict[str, object] = {"issuer": self.name, "audiences": (AUDIENCE,)}
        return Issuer(**(settings | changes))  # type: ignore[arg-type]

    def document(self, path: str) -> bytes | None:
        """Return what is at an address."""
        if path == DISCOVERY:
            found: Object = {"issuer": self.name, "jwks_uri": f"{self.name}{KEYS}"}
            return json.dumps(found).encode()
        if path == KEYS:
            return key_set(*(jwk(key, kid) for kid, key in self.keys.items()))
        return None


class Handler(BaseHTTPRequestHandler):
    server: IssuerDouble

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.misbehaves is not None:
            self.server.misbehaves(self)
            return
        content = self.server.document(self.path)
        self.answer(404 if content is None else 200, content or b"")

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        """End the connection."""
        self.connection.shutdown(SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def issuing(monkeypatch: pytest.MonkeyPatch) -> Iterator[IssuerDouble]:
    """Run an issuer."""
    with running_double(IssuerDouble(), monkeypatch) as server:
        yield server
