import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lineage.ledger import open_ledger
from lineage_api.serving import _listen, serve
from lineage_api.settings import Settings
from lineage_schemas.errors import InvalidInputError

SERVER = """
import sys
from lineage_api.compose import open_configured_ledger
from lineage_api.serving import serve
from lineage_api.settings import Settings

settings = Settings(store=sys.argv[1], host=sys.argv[2], port=0)
with open_configured_ledger(settings) as ledger:
    serve(settings, ledger, lambda url: print(url, flush=True))
print("closed", flush=True)
"""
STATEMENT = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}
WAIT_SECONDS = 60


@contextmanager
def server(path: Path, host: str = "127.0.0.1") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server in a process of its own, and yield it with its URL."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(path), host],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("host", "stop"), [("127.0.0.1", signal.SIGTERM), ("localhost", signal.SIGINT)]
)
def test_it_serves_until_told_to_stop_and_keeps_what_it_took(
    tmp_path: Path, host: str, stop: signal.Signals
) -> None:
    path = tmp_path / "ledger.db"
    with server(path, host) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.get("/readyz").json()["status"] == "ready"
            answer = client.post("/api/v1/statements", json=STATEMENT)
            assert answer.status_code == 200
            assert "server" not in answer.headers
        process.send_signal(stop)
        out, err = process.communicate(timeout=WAIT_SECONDS)
        assert (out, err, process.returncode) == ("closed\n", "", 0)
    with open_ledger(path) as ledger:
        assert ledger.show("mytool:x")[0].node.id is not None


def post_until_it_ends(url: str, name: str, begun: threading.Event) -> list[str]:
    """Record one statement after the other until the server is gone; return what it took."""
    taken: list[str] = []
    with httpx.Client(base_url=url, trust_env=False, timeout=WAIT_SECONDS) as client:
        while True:
            statement = STATEMENT | {"id": f"{name}/{len(taken)}"}
            try:
                answer = client.post("/api/v1/statements", json=statement)
            except httpx.TransportError:
                return taken
            if answer.status_code == 503:
                return taken
            taken.append(answer.json()["receipts"][0]["statement"])
            begun.set()


def test_what_it_took_while_it_stopped_is_there(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with server(path) as (process, url), ThreadPoolExecutor(4) as pool:
        signs = [threading.Event() for _ in range(4)]
        callers = [
            pool.submit(post_until_it_ends, url, f"caller-{number}", sign)
            for number, sign in enumerate(signs)
        ]
        for sign in signs:
            assert sign.wait(WAIT_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        taken = [name for caller in callers for name in caller.result(WAIT_SECONDS)]
    with open_ledger(path) as ledger:
        there: set[str] = set()
        start: int | None = 0
        while start is not None:
            page = ledger.entries(start, count=1_000)
            there.update(entry.statement for entry in page.entries)
            start = page.next_position
        assert len(taken) >= 4
        assert there.issuperset(taken)
        assert ledger.audit().findings == ()


def test_answers_do_not_wait_for_more_to_send() -> None:
    """The event loop sets TCP_NODELAY only on sockets whose protocol is named."""
    with _listen("127.0.0.1", 0, 1) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, open_ledger("memory:") as ledger:
        settings = Settings(port=taken.getsockname()[1])
        with pytest.raises(InvalidInputError, match="port"):
            serve(settings, ledger, print)


def test_a_host_that_others_can_reach_is_refused() -> None:
    with open_ledger("memory:") as ledger, pytest.raises(InvalidInputError, match="this machine"):
        serve(Settings(host="192.0.2.1"), ledger, print)
