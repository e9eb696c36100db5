"""In which order a server ends that is told to stop twice."""

import logging
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette

from lineage_api.stopping import StoppingServer

WAIT_SECONDS = 30


class Events(logging.Handler):
    """What happened, in order; what the server logs is among it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


@pytest.fixture
def events() -> Iterator[Events]:
    handler, log = Events(), logging.getLogger("lineage_api.stopping")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


@contextmanager
def half_a_request(address: tuple[str, int], gone: threading.Event) -> Iterator[None]:
    """Begin a request and never end it; tell when the server breaks it off."""
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")

        def watch() -> None:
            connection.settimeout(WAIT_SECONDS)
            try:
                while connection.recv(1_000):
                    pass
            except ConnectionResetError:
                pass
            gone.set()

        thread = threading.Thread(target=watch)
        thread.start()
        yield
        thread.join(WAIT_SECONDS)


def test_told_twice_it_breaks_off_and_still_ends_the_application(events: Events) -> None:
    gone, inside = threading.Event(), threading.Event()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        # Whoever waits for the application's end must not be waited for by it.
        events.seen.append(f"ended, broken off: {gone.wait(WAIT_SECONDS / 10)}")

    async def wait_for_body(scope: object, receive: object, send: object) -> None:
        del scope, send
        inside.set()
        assert callable(receive)
        await receive()

    app = Starlette(lifespan=lifespan)
    app.router.default = wait_for_body
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=600)
        ready = threading.Event()
        server = StoppingServer(config, ready.set, threading.Event(), 0)

        def tell_twice() -> None:
            assert ready.wait(WAIT_SECONDS)
            with half_a_request(address, gone):
                assert inside.wait(WAIT_SECONDS)
                server.handle_exit(15, None)
                server.handle_exit(15, None)

        client = threading.Thread(target=tell_twice)
        client.start()
        server.run(sockets=[listener])
        client.join(WAIT_SECONDS)
    assert events.seen == ["Stopping", "ended, broken off: True", "Stopped"]
