"""A real MLflow server, told by itself and looked at: every door leads to the same things."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from asked_servers import AskedHandler, AskedServer, answering, asked_server
from lineage.clock import system_clock
from lineage.ledger import open_ledger
from lineage.service import Ledger
from lineage_schemas.values import JsonValue
from mlflow_looking import Graph, graph
from mlflow_peer import QUIET, mlflow_server, selected
from peers import PEERS, peer, run_peer
from surface_client import dig
from terminal import Terminal, parsed

pytestmark = pytest.mark.peers

SCRIPT = PEERS / "mlflow" / "deliveries.py"
NAME = "tracking"
SOURCE = f"mlflow:{NAME}"
SECRET = "s3cret-of-thirty-two-characters!"
HANDED_ON = ("content-type", "x-mlflow-signature", "x-mlflow-timestamp", "x-mlflow-delivery-id")
WAIT_SECONDS = 90
LOCAL = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": "0" * 43 + "=",
}
"""What lets a server deliver to this machine, and read its secrets when it starts again."""


class Wire:
    """Hands each delivery on to the ledger, and remembers it; or loses it, and says it is busy."""

    def __init__(self, ledger_url: str) -> None:
        self.target = f"{ledger_url}/webhooks/mlflow?server={NAME}"
        self.answers: list[tuple[int, JsonValue]] = []
        self.lost = 0
        self.is_losing = False

    def __call__(self, handler: AskedHandler) -> None:
        seen = handler.server.seen[-1]
        if self.is_losing:
            self.lost += 1
            answering(503, b"")(handler)
            return
        headers = {name: seen.headers[name] for name in HANDED_ON}
        status, answer = self.hand_on(seen.body, headers)
        self.answers.append((status, answer))
        answering(status, b"")(handler)

    def hand_on(self, body: bytes, headers: dict[str, str]) -> tuple[int, JsonValue]:
        """Deliver to the ledger."""
        request = Request(self.target, data=body, headers=headers)  # noqa: S310 - our own server
        try:
            with urlopen(request, timeout=WAIT_SECONDS) as answer:  # noqa: S310 - our own server
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)


class Told(NamedTuple):
    """What is there once an MLflow server has told what it did, lost some of it and come back."""

    folder: Path
    ledger: Path
    answers: list[tuple[int, JsonValue]]
    again: list[tuple[int, JsonValue]]
    lost: int
    imported: JsonValue
    second: JsonValue
    copied: JsonValue


def wait_for(what: str, is_so: object) -> None:
    """Wait until something of other programs is so."""
    assert callable(is_so)
    until = monotonic() + WAIT_SECONDS
    while not is_so():
        assert monotonic() < until, f"waited in vain for {what}"
        sleep(0.1)  # somebody else's program: there is nothing to wait on


@contextmanager
def lineage(*arguments: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a command that goes on; yield it and its first line. Told to stop, it must end well."""
    command = (sys.executable, "-m", "lineage_api", *arguments)
    errors = (folder / f"{arguments[0]}.log").open("w")
    with (
        errors,
        subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_SECONDS) == 0, (folder / errors.name).read_text()
        finally:
            process.kill()


def act(folder: Path, url: str, *words: str) -> None:
    """Have MLflow's own client do something."""
    run_peer("mlflow", ("python", SCRIPT, url, *words), folder, QUIET)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    peer("mlflow")
    folder = tmp_path_factory.mktemp("doors")
    work = folder / "work"
    work.mkdir()
    (folder / "secret").write_text(SECRET)
    (folder / "lineage.toml").write_text(
        f'[[mlflow]]\nname = "{NAME}"\nsecret_files = ["{folder / "secret"}"]\n'
    )
    with (
        pytest.MonkeyPatch.context() as patched,
        lineage("serve", "--port", "0", "--config", "lineage.toml", folder=folder) as (_, line),
        asked_server(patched) as hook,
    ):
        wire = Wire(next(word for word in line.split() if word.startswith("http")))
        hook.plays.extend([wire] * 1_000)
        with mlflow_server(folder, LOCAL) as url:
            act(work, url, "hook", f"http://{hook.place}/", SECRET)
            act(work, url, "begin")
            # One test, one model, two versions, three aliases set and one taken, two tags and one.
            wait_for("ten deliveries and a test", lambda: len(wire.answers) >= 11)
            again = repeat(hook, wire)
            wire.is_losing = True
            act(work, url, "go_on")
            wait_for("what is lost", lambda: wire.lost >= 2)
        terminal = present_terminal(folder / "lineage.db")
        with mlflow_server(folder, LOCAL) as url:
            imported = take(terminal, url)
            second = take(terminal, url)
            copied = take(terminal, str(folder / "mlflow.db"))
    return Told(folder, terminal.store, wire.answers, again, wire.lost, imported, second, copied)


def repeat(hook: AskedServer, wire: Wire) -> list[tuple[int, JsonValue]]:
    """Deliver everything once more, the last first."""
    return [
        wire.hand_on(seen.body, {name: seen.headers[name] for name in HANDED_ON})
        for seen in reversed(list(hook.seen))
    ]


def present_terminal(store: Path) -> Terminal:
    """Return a terminal that lives in the time of the server it looks at."""
    terminal = Terminal(store)
    vars(terminal)["clock"] = system_clock
    return terminal


def take(terminal: Terminal, place: str) -> JsonValue:
    """Import from a place."""
    return terminal.answer("import", "mlflow", place, "--server", NAME)


@pytest.fixture
def ledger(told: Told) -> Iterator[Ledger]:
    with open_ledger(told.ledger) as ledger:
        yield ledger


def test_every_delivery_was_taken_and_the_example_kept_apart(told: Told, ledger: Ledger) -> None:
    assert {status for status, _ in told.answers} == {200}
    flags = [dig(answer, "flags") for _, answer in told.answers]
    assert flags.count(["example_message"]) == 1
    assert flags.count([]) == len(flags) - 1 == 10
    assert [dig(answer, "unread") for _, answer in told.answers] == [[]] * 11
    assert len(ledger.looks.subjects(SOURCE, "webhook")) == 11


def test_what_was_delivered_again_is_there_already(told: Told) -> None:
    assert [dig(answer, "outcome") for _, answer in told.again] == ["duplicate"] * 11
    assert {dig(answer, "position") for _, answer in told.again} == {
        dig(answer, "position") for _, answer in told.answers
    }


def test_what_was_lost_is_found_by_a_look(told: Told, ledger: Ledger) -> None:
    assert told.lost >= 2
    assert dig(told.imported, "tally", "unread") == []
    # The new version and its model; and of the others what the server never told: their times.
    assert dig(told.imported, "tally", "appended") == 5
    known = ledger.looks.known(SOURCE, ["registered_model/fraud"])
    shown = json.loads(known["registered_model/fraud"].body or b"")
    database = told.folder / "mlflow.db"
    aliases = selected(database, "SELECT alias, version FROM registered_model_aliases")
    assert shown["aliases"] == {name: str(number) for name, number in aliases} == {"champion": "3"}
    versions = ledger.looks.subjects(SOURCE, "model_version")
    live = selected(database, "SELECT version FROM model_versions")
    assert len(versions) == len(live) == 3


def test_a_second_look_appends_nothing(told: Told) -> None:
    assert dig(told.second, "tally", "entries") == 0
    assert dig(told.second, "tally", "there") == dig(told.second, "tally", "here")


def test_a_copy_of_the_store_says_nothing_new(told: Told) -> None:
    assert dig(told.copied, "tally", "appended") == 0
    assert dig(told.copied, "tally", "unread") == []


def test_told_and_looked_at_is_as_only_looked_at(
    told: Told, ledger: Ledger, tmp_path: Path
) -> None:
    """But for when things happened, which only who was told knows to the second."""
    only = present_terminal(tmp_path / "only.db")
    take(only, str(told.folder / "mlflow.db"))
    with open_ledger(only.store) as other:
        mine, theirs = graph(ledger), graph(other)
    for kind in ("lineage.RegisteredModel", "lineage.ModelVersion", "lineage.Register"):
        assert states(mine, kind) == states(theirs, kind)


def states(of: Graph, kind: str) -> dict[str, JsonValue]:
    """Return the nodes of a type with their properties."""
    return {key: dict(node["properties"]) for key, node in of.of_type(kind).items()}


@pytest.mark.long
def test_a_watch_keeps_up_and_stops_when_told(told: Told, tmp_path: Path) -> None:
    with mlflow_server(told.folder) as url:
        arguments = ("--server", NAME, "--every", "1s", "--whole-every", "1s")
        log = tmp_path / "watch.log"
        with lineage("watch", "mlflow", url, *arguments, folder=tmp_path) as (process, line):
            assert line == f"watching {url} as {SOURCE} (Ctrl-C stops)\n"
            wait_for("a second look", lambda: log.read_text().count("Looked at all of it") >= 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_SECONDS) == 0
            assert process.stdout is not None
            assert process.stdout.read().startswith("looked ")
    with open_ledger(tmp_path / "lineage.db") as ledger:
        assert len(ledger.looks.subjects(SOURCE, "model_version")) == 3
        scan = ledger.looks.scans(SOURCE).whole
        assert scan is not None
        assert scan.due_seconds == 2
        assert parsed(json.dumps(scan.unread)) == []
