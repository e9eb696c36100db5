"""Connections that say nothing, or never come to an end, are not held for ever."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from lineage_api.connections import Listener

WAIT_SECONDS = 60
HEAD_SECONDS = 1.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


class Served(NamedTuple):
    """Where a server listens, and its process."""

    port: int
    process: subprocess.Popen[str]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), WAIT_SECONDS)


@contextmanager
def server(path: Path, **settings: object) -> Iterator[Served]:
    """Run `lineage serve` in a process of its own."""
    environ = {f"LINEAGE_{name.upper()}": str(value) for name, value in settings.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "lineage_api", "serve", "--port", "0", "--store", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | environ,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+) ", process.stdout.readline())
            assert found is not None
            yield Served(int(found[1]), process)
        finally:
            process.kill()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with server(tmp_path / "ledger.db", head_seconds=HEAD_SECONDS) as served:
        yield served


def seconds_until_closed(connection: socket.socket) -> float:
    """Read until the other end closes it, and say how long that took."""
    began = time.monotonic()
    with suppress(ConnectionError):
        while connection.recv(65_536):
            pass
    return time.monotonic() - began


def seconds_of_sending(connection: socket.socket, piece: bytes) -> float:
    """Send a piece again and again, until the other end has closed, and say how long that took."""
    began = time.monotonic()
    with suppress(ConnectionError):
        while time.monotonic() - began < WAIT_SECONDS / 2:
            connection.sendall(piece)
            time.sleep(HEAD_SECONDS / 10)
    return time.monotonic() - began


def answer_of(connection: socket.socket) -> bytes:
    """Return one answer, whose body is an object of JSON."""
    found = b""
    while not found.endswith(b"}"):
        more = connection.recv(65_536)
        assert more, found
        found += more
    return found


@pytest.mark.parametrize(
    "said", [b"", HEAD, HEAD + b"X-A: ", b"G"], ids=["nothing", "header", "half", "letter"]
)
def test_a_connection_without_a_request_is_closed_in_time(served: Served, said: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(said)
        assert HEAD_SECONDS * 0.5 < seconds_until_closed(connection) < WAIT_SECONDS / 2


def test_a_header_that_trickles_in_has_no_longer(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(HEAD)
        assert seconds_of_sending(connection, b"X-A: a\r\n") < WAIT_SECONDS / 2


def test_the_next_request_of_a_connection_has_a_deadline_too(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(HEAD + b"\r\n")
        assert answer_of(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(HEAD)
        assert seconds_until_closed(connection) < WAIT_SECONDS / 2


def test_what_is_sent_after_the_answer_holds_nothing_up(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(
            b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
        )
        assert answer_of(connection).startswith(b"HTTP/1.1 404")
        assert seconds_of_sending(connection, b"x") < WAIT_SECONDS / 2


def test_a_slow_body_is_waited_for(served: Served) -> None:
    body = b'{"id": "s1", "source": "t", "records": [{"record": "artifact", "key": "mytool:x"}]}'
    with served.connect() as connection:
        connection.sendall(
            b"POST /api/v1/statements HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        time.sleep(HEAD_SECONDS * 2)
        connection.sendall(body)
        assert answer_of(connection).startswith(b"HTTP/1.1 200")


def test_a_connection_that_asks_and_asks_is_kept(served: Served) -> None:
    began = time.monotonic()
    with served.connect() as connection:
        while time.monotonic() - began < HEAD_SECONDS * 2.5:
            connection.sendall(HEAD + b"\r\n")
            assert answer_of(connection).startswith(b"HTTP/1.1 200")
            time.sleep(HEAD_SECONDS / 2)


def test_one_connection_more_than_there_may_be_is_closed(tmp_path: Path) -> None:
    with server(tmp_path / "ledger.db", connections=20, head_seconds=WAIT_SECONDS) as served:
        with ExitStack() as stack:
            held = [stack.enter_context(served.connect()) for _ in range(20)]
            more = [stack.enter_context(served.connect()) for _ in range(5)]
            for connection in more:
                assert seconds_until_closed(connection) < WAIT_SECONDS / 2
            held[0].sendall(HEAD + b"\r\n")
            assert answer_of(held[0]).startswith(b"HTTP/1.1 200")
        # As soon as they are closed there is room again.
        until = time.monotonic() + WAIT_SECONDS
        while True:
            with served.connect() as connection, suppress(ConnectionError, AssertionError):
                connection.sendall(HEAD + b"\r\n")
                assert answer_of(connection).startswith(b"HTTP/1.1 200")
                break
            assert time.monotonic() < until
        served.process.terminate()
        _, err = served.process.communicate(timeout=WAIT_SECONDS)
        assert err.count("No more than 20 connections are taken") == 1
        assert served.process.returncode == 0


def test_a_listener_counts_what_is_open() -> None:
    with Listener(socket.AF_INET, 2) as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        callers = [
            stack.enter_context(socket.create_connection(listener.getsockname())) for _ in range(4)
        ]
        first, _ = listener.accept()
        second, _ = listener.accept()
        with pytest.raises(ConnectionAbortedError):
            listener.accept()
        assert callers[2].recv(1) == b""
        first.close()
        first.close()
        third, _ = listener.accept()
        third.sendall(b"x")
        assert callers[3].recv(1) == b"x"
        second.close()
        third.close()
