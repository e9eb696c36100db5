"""A server that is told to stop while clients write: nothing acknowledged is lost, ever."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from lineage.ledger import open_ledger

WAIT_SECONDS = 60
CALLERS = 4
SLOW = """
import sys, time
from lineage.stores.sqlite.store import SqliteStore

inner = SqliteStore.write

def write(self):
    # A slow disk: there is always a commit under way when the signal comes.
    time.sleep(0.02)
    return inner(self)

SqliteStore.write = write
from lineage_api.cli.main import main
main()
"""


class Fate(NamedTuple):
    """What one caller was told of each of its statements."""

    taken: list[str]
    refused: list[str]
    lost: list[str]


@contextmanager
def server(path: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    environ = {f"LINEAGE_{name.upper()}": value for name, value in settings.items()}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, "serve", "--port", "0", "--store", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin"} | environ,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield process, line.split(" at ")[1].split()[0]
        finally:
            process.kill()


def post_until_it_ends(url: str, name: str, begun: threading.Event) -> Fate:
    fate = Fate([], [], [])
    with httpx.Client(base_url=url, trust_env=False, timeout=WAIT_SECONDS) as client:
        for number in range(100_000):
            said = f"{name}/{number}"
            statement = {
                "id": said,
                "source": "s",
                "records": [{"record": "artifact", "key": f"mytool:{said}"}],
            }
            try:
                answer = client.post("/api/v1/statements", json=statement)
            except httpx.TransportError:
                fate.lost.append(said)
                return fate
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                fate.refused.append(said)
                return fate
            fate.taken.append(said)
            begun.set()
    raise AssertionError("the server never stopped")


def recorded(path: Path) -> set[str]:
    with open_ledger(path) as ledger:
        assert ledger.audit().findings == ()
        there: set[str] = set()
        start: int | None = 0
        while start is not None:
            page = ledger.entries(start, count=1_000)
            there.update(entry.statement for entry in page.entries)
            start = page.next_position
        return there


@contextmanager
def callers(url: str) -> Iterator[list[Fate]]:
    """Write from several threads meanwhile; when the block ends, hand out what they were told."""
    fates: list[Fate] = []
    with ThreadPoolExecutor(CALLERS) as pool:
        signs = [threading.Event() for _ in range(CALLERS)]
        futures = [
            pool.submit(post_until_it_ends, url, f"caller-{number}", sign)
            for number, sign in enumerate(signs)
        ]
        for sign in signs:
            assert sign.wait(WAIT_SECONDS)
        yield fates
        fates += [future.result(WAIT_SECONDS) for future in futures]


def check(path: Path, fates: list[Fate]) -> None:
    there = recorded(path)
    assert len(fates) == CALLERS
    for fate in fates:
        assert there.issuperset(fate.taken)
        # An answer that says no means no; a connection that broke says nothing.
        assert there.isdisjoint(fate.refused)
        assert len(fate.refused) + len(fate.lost) == 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
@pytest.mark.parametrize("stop_seconds", ["0", "10"])
def test_what_was_acknowledged_is_there(
    tmp_path: Path, sign: signal.Signals, stop_seconds: str
) -> None:
    path = tmp_path / "ledger.db"
    with server(path, stop_seconds=stop_seconds) as (process, url):
        with callers(url) as fates:
            process.send_signal(sign)
            _, told = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0, told
        assert "Traceback" not in told
        assert " lineage_api.stopping: Stopped" in told
    check(path, fates)


def test_a_second_signal_breaks_off_and_tears_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with server(path, stop_seconds="600") as (process, url):
        with slow_client(url), callers(url) as fates:
            process.send_signal(signal.SIGTERM)
            begun = perf_counter()
            wait_for_refusal(url)
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=WAIT_SECONDS)
            assert perf_counter() - begun < WAIT_SECONDS
        assert process.returncode == 0, told
        assert "Traceback" not in told
    check(path, fates)


@contextmanager
def slow_client(url: str) -> Iterator[socket.socket]:
    """Begin to send a statement, and never go on."""
    place = urlsplit(url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 0)) as connection:
        connection.sendall(
            b"POST /api/v1/statements HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        yield connection


def wait_for_refusal(url: str) -> None:
    """Wait until the server takes no more connections."""
    place = urlsplit(url)
    begun = perf_counter()
    while perf_counter() - begun < WAIT_SECONDS:
        try:
            socket.create_connection((place.hostname or "", place.port or 0), timeout=1).close()
        except OSError:
            return
    raise AssertionError("it still listens")


def test_a_slow_client_holds_it_up_no_longer_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with server(path, stop_seconds="1") as (process, url), slow_client(url) as connection:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        # Whatever it is told, it is not that its statement was taken. It may be told nothing: a
        # connection that ends with something unread in it is reset.
        connection.settimeout(WAIT_SECONDS)
        told = b""
        with suppress(ConnectionResetError):
            told = connection.recv(1_000)
        assert not told.startswith(b"HTTP/1.1 200")
    assert recorded(path) == set()


def test_it_is_not_ready_first_and_still_answers_while_it_drains(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with server(path, drain_seconds="3") as (process, url):
        with httpx.Client(base_url=url, trust_env=False, timeout=WAIT_SECONDS) as client:
            assert client.get("/readyz").status_code == 200
            process.send_signal(signal.SIGTERM)
            begun = perf_counter()
            while client.get("/readyz").status_code == 200:
                assert perf_counter() - begun < WAIT_SECONDS
            refused = client.get("/readyz")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert client.get("/healthz").status_code == 200
            statement = {
                "id": "late",
                "source": "s",
                "records": [{"record": "artifact", "key": "mytool:x"}],
            }
            assert client.post("/api/v1/statements", json=statement).status_code == 200
        assert process.wait(WAIT_SECONDS) == 0
    assert "late" in recorded(path)


def test_all_of_it_is_signed_when_it_has_stopped(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with server(path, publish_seconds="3600") as (process, url), callers(url):
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    with open_ledger(path) as ledger:
        state = ledger.custody.state().ledger
        assert state.signed_size == state.size > 0
