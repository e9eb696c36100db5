"""Runs git, DVC, GTO and MLflow, at the time of the story and as somebody in it."""

from __future__ import annotations

import json
import os
import random  # noqa: TID251 - a fixed seed draws the data
import shutil
import subprocess
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Final, Self

from lineage.clock import system_clock
from lineage_schemas.instants import instant_of, parse_instant
from mlflow_peer import QUIET, mlflow_server
from peers import peer, peer_environment, run_peer
from receivers import Receiver, Seen
from recordings.whole_story.moments import AUTHOR, CHURN, FRAUD, HOST

HERE: Final = Path(__file__).parent / "repository"
FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
SECRET: Final = "a-secret-for-this-recording-alone"
WAIT_SECONDS: Final = 240
DELIVERED_SECONDS: Final = 30

LOCAL_HOOKS: Final = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
}


class World:
    """The tools in a folder of their own, with a time that stands until it is moved.

    The server's clock stands still between two moves; whoever is run starts at that time and goes
    on from there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server_time = folder / "server-time"
        self._own_time = folder / "own-time"
        self._stack = ExitStack()
        self._receiver = Receiver()
        self.url = ""

    def __enter__(self) -> Self:
        """Start the server."""
        self.move("2026-01-05T08:00:00Z")
        self._stack.callback(self._receiver.server_close)
        Thread(target=self._receiver.serve_forever, daemon=True).start()
        self._stack.callback(self._receiver.shutdown)
        (self.folder / "server").mkdir()
        more = {**self._faked(self._server_time), **LOCAL_HOOKS}
        self.url = self._stack.enter_context(mlflow_server(self.folder / "server", more))
        self.registry("hook", f"http://{self._receiver.host}/", SECRET)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self._stack.__exit__(kind, error, trace)

    @property
    def delivered(self) -> list[Seen]:
        """What the server's webhooks have delivered."""
        return list(self._receiver.seen)

    def move(self, at: str, server: str = "") -> None:
        """Move the time; the server's may be another."""
        plain = (server or at).replace("T", " ").removesuffix("Z")
        self._server_time.write_text(f"{plain}\n")
        # A distance, and no moment: every program goes on from where the one before it ended.
        behind = instant_of(system_clock()) - instant_of(parse_instant(at))
        self._own_time.write_text(f"-{behind.total_seconds():.0f}\n")
        self._at = at

    def registry(self, *words: str) -> None:
        """Do something in the registry; wait until what is told of it has arrived."""
        before = len(self._receiver.seen)
        tool = HERE / "tools" / "registry.py"
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        run_peer("mlflow", ("python", tool, self.url, *words), work, self._as_somebody())
        if words[0] not in {"hook", "stage"}:
            self.wait_for_deliveries(before + 1)

    def wait_for_deliveries(self, count: int) -> None:
        """Wait until so many deliveries have arrived."""
        until = monotonic() + DELIVERED_SECONDS
        while len(self._receiver.seen) < count:
            if monotonic() > until:
                raise TimeoutError(f"{count} deliveries were expected, {len(self.delivered)} came")
            sleep(0.1)  # the server's own thread sends them

    def git(self, repository: Path, *words: str) -> str:
        """Run git; return what it prints."""
        # Git is told the time, to the second; what GTO uses in its place cannot read it so.
        dates = {f"GIT_{part}_DATE": self._at for part in ("AUTHOR", "COMMITTER")}
        done = subprocess.run(
            ["git", *words],
            cwd=repository,
            env=peer_environment("dvc", repository.parent, self._as_somebody() | dates),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def dvc(self, repository: Path, *words: str, run: int = 0) -> None:
        """Run one of DVC's programs; ``run`` is the CI run in which that happens."""
        environment = {
            **self._as_somebody(),
            **QUIET,
            "PATH": os.pathsep.join(
                (str(peer("mlflow") / "bin"), str(peer("dvc") / "bin"), os.environ["PATH"])
            ),
            "MLFLOW_TRACKING_URI": self.url,
            "CI_HOST": HOST,
            "CI_REPOSITORY": FRAUD,
            "CI_RUN_ID": str(run),
        }
        run_peer("dvc", words, repository, environment, WAIT_SECONDS)

    def sent(self, events: list[dict[str, Any]]) -> bytes:
        """Return events as the SDK of CloudEvents sends them, one a line."""
        plan = self.folder / "work" / "plan.json"
        plan.write_text(json.dumps(events))
        tool = HERE / "tools" / "cloudevents_sent.py"
        return run_peer("cloudevents", ("python", tool, plan), plan.parent).stdout.encode()

    def commit(self, repository: Path, message: str) -> str:
        """Commit everything; return the commit's id."""
        self.git(repository, "add", "--all")
        self.git(repository, "commit", "--quiet", "--message", message)
        return self.git(repository, "rev-parse", "HEAD")

    def begin(self, name: str) -> Path:
        """Make a repository that has the files of the story; nothing is committed yet."""
        repository = self.folder / name
        shutil.copytree(HERE / name, repository)
        self.git(repository, "init", "--quiet", "--initial-branch=main")
        remote = {"fraud": FRAUD, "churn": CHURN}[name]
        self.git(repository, "remote", "add", "origin", f"https://{HOST}/{remote}.git")
        self.dvc(repository, "dvc", "init", "--quiet")
        return repository

    def _as_somebody(self) -> dict[str, str]:
        name, address = AUTHOR
        people = {
            f"GIT_{part}_{field}": value
            for part in ("AUTHOR", "COMMITTER")
            for field, value in (("NAME", name), ("EMAIL", address))
        }
        return {**self._faked(self._own_time), **people, "LOGNAME": "ada", "USER": "ada"}

    @staticmethod
    def _faked(file: Path) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


def write_data(folder: Path) -> None:
    """Write customers and their transactions, drawn from a fixed seed."""
    drawn = random.Random(2026)  # noqa: S311 - made-up people
    folder.mkdir()
    customers = ["customer,country,account_days,contacts,left"]
    transactions = ["customer,amount,night,country,is_fraud"]
    for number in range(120):
        customer, country = f"c{number:03}", drawn.choice(["DE", "FR", "PL"])
        days, contacts = drawn.randrange(30, 3_650), drawn.randrange(8)
        left = int(drawn.random() < 0.1 + contacts / 10)
        customers.append(f"{customer},{country},{days},{contacts},{left}")
        for _ in range(4):
            night, abroad = drawn.randrange(2), drawn.random() < 0.3
            amount = round(drawn.expovariate(1 / 200), 2)
            odds = 0.02 + 0.25 * night + 0.25 * abroad + 0.4 * (amount > 350) - 0.2 * (days > 900)
            there = drawn.choice(["BR", "US"]) if abroad else country
            transactions.append(f"{customer},{amount},{night},{there},{int(drawn.random() < odds)}")
    for name, rows in (("customers", customers), ("transactions", transactions)):
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")


def digest_of(body: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return "sha256:" + sha256(body).hexdigest()
