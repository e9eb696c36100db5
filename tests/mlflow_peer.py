"""A real MLflow server, and what carries our questions to it."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from lineage.connectors.transport import (
    Params,
    SourceAnswerError,
    SourceMissingError,
    SourceRefusedError,
    SourceSlowError,
    SourceUnreachableError,
)
from peers import PEERS, peer, peer_environment, run_peer

STORY: Final = PEERS / "mlflow" / "story.py"
START_SECONDS: Final = 120
QUIET: Final = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "GIT_PYTHON_REFRESH": "quiet"}

_KINDS: Final = {400: SourceAnswerError, 401: SourceRefusedError, 403: SourceRefusedError}
_MISSING: Final = frozenset({404, 405, 501})


class UrllibTransport:
    """The plainest transport there is; it remembers what was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, str]] = []

    def get(self, path: str, params: Params) -> bytes:
        self.asked.append(("GET", path))
        return self._ask(Request(f"{self.url}{path}?{urlencode(params, doseq=True)}"))  # noqa: S310 - our own server

    def post(self, path: str, body: bytes) -> bytes:
        self.asked.append(("POST", path))
        headers = {"Content-Type": "application/json"}
        return self._ask(Request(self.url + path, data=body, headers=headers))  # noqa: S310 - our own server

    @staticmethod
    def _ask(request: Request) -> bytes:
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
                return bytes(answer.read())
        except HTTPError as error:
            body = error.read()
            kind = SourceMissingError if error.code in _MISSING else _KINDS.get(error.code)
            raise (kind or SourceSlowError)(
                f"The server answered {error.code}", status=error.code, answer=body
            ) from error
        except URLError as error:
            raise SourceUnreachableError(f"No connection: {error.reason}") from error


@contextmanager
def mlflow_server(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a server that keeps its things in ``folder``; yield its URL. ``more``: variables."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command: list[str | Path] = [
        *(peer("mlflow") / "bin" / "mlflow", "server", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", folder / "artifacts"),
    ]
    log = (folder / "server.log").open("wb")
    with (
        log,
        subprocess.Popen(
            command,
            cwd=folder,
            env=peer_environment("mlflow", folder, {**QUIET, **(more or {})}),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as server,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, server, folder / "server.log")
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # it starts workers of its own
            server.wait(30)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urlopen(f"{url}/version", timeout=5):  # noqa: S310 - our own server
                return
        except (URLError, OSError):
            time.sleep(0.2)  # somebody else's program: there is nothing to wait on
    pytest.fail(f"The MLflow server did not start\n{log.read_text()}")


def play(folder: Path, uri: str, *words: str) -> dict[str, Any]:
    """Play the story, or one chapter of it; return what it made, by name."""
    folder.mkdir(exist_ok=True)
    story = folder / STORY.name
    shutil.copyfile(STORY, story)  # its commit would otherwise be that of our own repository
    allowed = {**QUIET, "MLFLOW_ALLOW_FILE_STORE": "true"}
    done = run_peer("mlflow", ("python", story, uri, *words), folder, allowed)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def file_bytes(*files: Path) -> dict[str, bytes]:
    """Return the bytes of files, and of all files in folders."""
    inner = [path for file in files for path in ([file] if file.is_file() else file.rglob("*"))]
    return {path.as_posix(): path.read_bytes() for path in sorted(inner) if path.is_file()}


def selected(database: Path, sql: str, *values: str) -> list[tuple[Any, ...]]:
    """Return what SQL says of a store."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()
