"""Imports from MLflow as a person runs them, of servers that are not well."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from asked_servers import AskedHandler, AskedServer, Play, answering, asked_server
from lineage_schemas.values import JsonValue
from surface_client import dig
from terminal import Terminal, parsed

RUN = "4f0e" * 8
SEARCH_EXPERIMENTS = "/api/2.0/mlflow/experiments/search"
SEARCH_RUNS = "/api/2.0/mlflow/runs/search"
EXPERIMENT = {"experiment_id": "1", "name": "churn", "lifecycle_stage": "active"}
SHOWN_RUN = {
    "info": {
        "run_id": RUN,
        "experiment_id": "1",
        "status": "FINISHED",
        "start_time": 1_764_331_200_000,
        "end_time": 1_764_331_260_000,
        "lifecycle_stage": "active",
        "artifact_uri": "file:///nowhere",
    },
    "data": {"params": [{"key": "C", "value": "1.0"}]},
}


class Plays:
    """What a server does with each path; anything else it does not have."""

    def __init__(self) -> None:
        self.by_path: dict[str, Play] = {}

    def __call__(self, handler: AskedHandler) -> None:
        path = handler.path.partition("?")[0]
        self.by_path.get(path, answering(404, b'{"error_code":"ENDPOINT_NOT_FOUND"}'))(handler)

    def show(self, path: str, **fields: object) -> None:
        self.by_path[path] = answering(200, json.dumps(fields).encode())


@pytest.fixture
def plays() -> Plays:
    """A server of long ago: one experiment with one run, and no registry."""
    plays = Plays()
    plays.show(SEARCH_EXPERIMENTS, experiments=[EXPERIMENT])
    plays.show(SEARCH_RUNS, runs=[SHOWN_RUN])
    plays.show("/api/2.0/mlflow/artifacts/list", root_uri="file:///nowhere")
    return plays


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, plays: Plays) -> Iterator[AskedServer]:
    with asked_server(monkeypatch) as running:
        running.plays.extend([plays] * 10_000)
        yield running


@pytest.fixture
def empty(tmp_path: Path) -> Terminal:
    """Return a terminal of a place where nothing is yet."""
    terminal = Terminal(tmp_path / "ledger.db")
    terminal.environment["HOME"] = str(tmp_path)
    return terminal


def test_an_import_says_what_is_there_and_what_is_here(
    empty: Terminal, server: AskedServer
) -> None:
    url = f"http://{server.place}"
    done = empty.run("import", "mlflow", url, "--server", "tracking", "--format", "json")
    assert done.exit_code == 0, done.output
    told = parsed(done.stdout)
    assert dig(told, "source") == "mlflow:tracking"
    assert dig(told, "tally", "there", "experiment") == 1
    assert dig(told, "tally", "there", "run") == 1
    assert dig(told, "tally", "there") == dig(told, "tally", "here")
    assert "offers no" in done.stderr
    again = empty.run("import", "mlflow", url, "--server", "tracking")
    assert again.exit_code == 0
    assert "0 appended" in again.stdout
    assert "0 new entries" in again.stdout
    assert "run" in empty.done("show", f"mlflow:run/tracking/{RUN}")


def test_the_server_is_called_by_its_place_unless_told(
    empty: Terminal, server: AskedServer
) -> None:
    answer = empty.answer("import", "mlflow", f"http://{server.place}")
    assert dig(answer, "source") == f"mlflow:{server.place}"
    answer = empty.answer("import", "mlflow", f"http://{server.place}", "--source", "own")
    assert dig(answer, "source") == "own"


def test_nothing_but_questions_is_sent_with_what_opens_the_server(
    empty: Terminal, server: AskedServer, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("tok-9f3b77\n")
    url = f"http://{server.place}"
    done = empty.run("import", "mlflow", url, "--token-file", str(token), "--workspace", "w")
    assert done.exit_code == 0, done.output
    assert {one.headers["authorization"] for one in server.seen} == {"Bearer tok-9f3b77"}
    assert {one.headers["x-mlflow-workspace"] for one in server.seen} == {"w"}
    questions = ("/search", "/list", "/get", "get-history", "get-artifact")
    assert all(
        one.method == "GET" or one.path.partition("?")[0].endswith(questions) for one in server.seen
    )
    assert "tok-9f3b77" not in done.output
    assert b"tok-9f3b77" not in empty.store.read_bytes()


def test_what_could_not_be_read_is_named_and_the_rest_is_in(
    empty: Terminal, server: AskedServer, plays: Plays
) -> None:
    plays.by_path[SEARCH_RUNS] = answering(400, b'{"error_code":"INVALID_PARAMETER_VALUE"}')
    url = f"http://{server.place}"
    done = empty.run("import", "mlflow", url, "--format", "json")
    assert done.exit_code == 1
    assert "not read: run/" in done.stderr
    assert dig(parsed(done.stdout), "tally", "here", "experiment") == 1
    plays.show(SEARCH_RUNS, runs=[SHOWN_RUN])
    done = empty.run("import", "mlflow", url, "--format", "json")
    assert done.exit_code == 0, done.output
    assert dig(parsed(done.stdout), "tally", "here", "run") == 1


@pytest.mark.parametrize(
    ("play", "match"),
    [
        (answering(401, b""), "does not let us ask"),
        (answering(404, b""), "nothing at this address"),
        (answering(200, b"<html>"), "not JSON"),
        (answering(302, b"", Location="https://login.example.org/?next=s3"), "leads elsewhere"),
    ],
    ids=["refused", "missing", "html", "redirect"],
)
def test_a_server_that_cannot_be_asked_at_all(
    empty: Terminal, server: AskedServer, plays: Plays, play: Play, match: str
) -> None:
    plays.by_path[SEARCH_EXPERIMENTS] = play
    done = empty.run("import", "mlflow", f"http://{server.place}")
    assert done.exit_code == 4, done.output
    assert match in done.stderr
    assert "s3" not in done.output


def test_a_server_that_is_not_there(empty: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    done = empty.run("import", "mlflow", "http://127.0.0.1:9")
    assert done.exit_code == 4
    assert "could not be reached" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("http://user:s3cret@127.0.0.1:9",),
        ("http://127.0.0.1:9", "--server", "A/B"),
        ("http://127.0.0.1:9", "--shown-at", "2026-01-01T00:00:00Z"),
        ("http://127.0.0.1:9", "--due", "1w"),
        ("http://127.0.0.1:9", "--due", "0s"),
        ("nowhere.db",),
        ("nowhere.db", "--server", "a"),
        (".", "--server", "a", "--shown-at", "yesterday"),
        (".", "--server", "a", "--workspace", "w"),
    ],
    ids=range(9),
)
def test_what_is_asked_wrongly_is_told(empty: Terminal, arguments: tuple[str, ...]) -> None:
    done = empty.run("import", "mlflow", *arguments)
    assert done.exit_code == 2, done.output
    assert "s3cret" not in done.output


def test_a_promise_shorter_than_its_beat_is_refused(empty: Terminal) -> None:
    url = "http://127.0.0.1:9"
    done = empty.run("watch", "mlflow", url, "--whole-every", "2h", "--due", "90m")
    assert done.exit_code == 2
    assert "--due 90m is shorter than --whole-every 2h" in done.stderr


def test_a_promise_is_kept_in_what_is_stated(empty: Terminal, server: AskedServer) -> None:
    empty.done("import", "mlflow", f"http://{server.place}", "--due", "1h")
    with empty.open() as ledger:
        scan = ledger.looks.scans(f"mlflow:{server.place}").whole
    assert scan is not None
    assert scan.due_seconds == 3_600
    assert scan.is_whole
    assert scan.address == f"http://{server.place}"
    assert scan.unread_count == 0
    there: JsonValue = dict(scan.there)
    assert dig(there, "run") == 1
