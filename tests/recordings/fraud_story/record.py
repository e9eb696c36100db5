"""Run the story for real and keep what its tools sent, untouched: one message a line.

The pipelines live and work under /data/fraud, so that what they report holds no path of the
machine they ran on. The folder must not exist before, and does not exist after.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
STORY = HERE.parents[2] / "api" / "lineage_api" / "demo" / "story.ndjson"
ROOT = Path("/data/fraud")
CODE = ROOT / "code"
ENDPOINT = "/api/v1/lineage"
LARGEST = 300_000


class Collector(ThreadingHTTPServer):
    """Answers on loopback and keeps each message as it came, in the order of arrival."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Listener)
        self.messages: list[bytes] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where the tools are to send."""
        return f"http://127.0.0.1:{self.server_port}"


class Listener(BaseHTTPRequestHandler):
    """Takes one message."""

    server: Collector

    def do_POST(self) -> None:
        """Keep the body; refuse what could not be kept as one line."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        welcome = self.path == ENDPOINT and body.startswith(b"{") and b"\n" not in body
        if welcome:
            with self.server.lock:
                self.server.messages.append(body)
        self.send_response(201 if welcome else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(  # typing.override came with 3.12
        self,
        format: str,  # noqa: A002 - the base class's name for it
        *args: object,
    ) -> None:
        """Stay silent: the steps have enough to say."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs as long as the block."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


@contextmanager
def workplace() -> Iterator[None]:
    """The folder in which everything happens, made before and removed after."""
    if ROOT.exists():
        sys.exit(f"{ROOT} exists; move it away first, since it is removed in the end")
    made = not ROOT.parent.exists()
    ROOT.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(ROOT)
        if made:
            ROOT.parent.rmdir()


def environment(url: str) -> dict[str, str]:
    """Give the tools a bare environment, in which nothing of this machine's user is found."""
    return {
        "HOME": str(ROOT / "home"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIPELINE_ENVIRONMENT": "training",
        "OPENLINEAGE_URL": url,
        "OPENLINEAGE_NAMESPACE": "fraud-detection",
        "OPENLINEAGE__FACETS__ENVIRONMENT_VARIABLES": json.dumps(
            ["PIPELINE_ENVIRONMENT", "PYTHONHASHSEED"]
        ),
        "DBT_TARGET_PATH": str(ROOT / "dbt" / "target"),
        "DBT_LOG_PATH": str(ROOT / "dbt" / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def git(*arguments: str, env: dict[str, str], date: str = "") -> str:
    """Run git in the story's repository, as somebody and at a date that never change."""
    identity = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "Ada Example"), ("EMAIL", "ada@example.com"), ("DATE", date))
        if value
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=CODE,
        env=env | identity,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def run_pipeline(name: str, env: dict[str, str]) -> None:
    """Run one pipeline from a clean repository, and see that it stayed clean."""
    subprocess.run(
        [sys.executable, "-m", "fraud_pipeline.pipeline", name], cwd=CODE, env=env, check=True
    )
    if changed := git("status", "--porcelain", env=env):
        sys.exit(f"the commit does not tell what ran; changed:\n{changed}")


def tell(env: dict[str, str]) -> None:
    """Fraud twice, with a changed parameter between; then churn, which shares the customers."""
    shutil.copytree(HERE / "repository", CODE, ignore=shutil.ignore_patterns("__pycache__"))
    git("init", "--quiet", "--initial-branch=main", env=env)
    git("add", "--all", env=env)
    git("commit", "--quiet", "-m", "Detect fraud", env=env, date="2026-11-02T09:00:00Z")
    run_pipeline("fraud", env)

    file = CODE / "parameters.json"
    parameters = json.loads(file.read_text("utf-8"))
    parameters["train"]["C"] = 0.1
    file.write_text(json.dumps(parameters, indent=2) + "\n", "utf-8")
    git("commit", "--quiet", "-am", "Regularise harder", env=env, date="2026-11-09T09:00:00Z")
    run_pipeline("fraud", env)

    run_pipeline("churn", env)


def refuse_gaps(messages: list[bytes]) -> None:
    """Stop where a run has no end: a tool that cannot send goes on without a word."""
    ends: dict[str, list[str]] = {}
    for message in messages:
        event = json.loads(message)
        ends.setdefault(event["run"]["runId"], []).append(event["eventType"])
    if odd := [run for run, types in ends.items() if types != ["START", "COMPLETE"]]:
        sys.exit(f"these runs did not start and then complete: {odd}")


def refuse_leaks(story: str) -> None:
    """Stop where the messages name this machine, its folders or the collector."""
    private = {str(Path.home()), str(HERE.parents[2]), sys.prefix, "127.0.0.1", "localhost"}
    private |= {socket.gethostname(), tempfile.gettempdir()}
    for word in sorted(private):
        if re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", story):
            sys.exit(f"the messages name {word!r}, which belongs to this machine")


def main() -> None:
    """Record the story anew."""
    with workplace(), collecting() as collector:
        tell(environment(collector.url))
    story = b"".join(message + b"\n" for message in collector.messages)
    refuse_gaps(collector.messages)
    refuse_leaks(story.decode())
    if len(story) > LARGEST:
        sys.exit(f"the story has {len(story)} bytes; at most {LARGEST} are shipped")
    STORY.parent.mkdir(parents=True, exist_ok=True)
    STORY.write_bytes(story)
    sys.stdout.write(f"{len(collector.messages)} messages, {len(story)} bytes: {STORY}\n")


if __name__ == "__main__":
    main()
