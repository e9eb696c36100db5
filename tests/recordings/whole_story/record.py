"""Run the whole story with real tools once, and keep what they show and send.

PYTHONPATH=.:schemas:api:tests python -m recordings.whole_story.record
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from doubles import FakeClock
from lineage import open_ledger
from lineage.clock import Clock
from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.dvc.reading import DvcReader
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.mlflow.reading import ReadingOptions
from lineage.connectors.mlflow.rest import ServerReader
from lineage.connectors.scanning import ScanMapping, SourceReader
from lineage.importing.importer import Importer, Source, looking_at
from lineage.importing.scans import LookedAt, state_scan
from lineage.service import Ledger
from lineage_api.demo.recorded import record
from lineage_schemas.instants import instant_of, parse_instant
from mlflow_peer import UrllibTransport, selected
from receivers import Seen
from recordings.whole_story import moments
from recordings.whole_story.cluster import looks
from recordings.whole_story.deliveries import cdevents
from recordings.whole_story.images import image_of
from recordings.whole_story.moments import RELEASES, Release, Step
from recordings.whole_story.payloads_of_github import Made, deliveries
from recordings.whole_story.tools import FAKETIME, World, digest_of, write_data

STORY: Final = Path(__file__).resolve().parents[3] / "api" / "lineage_api" / "demo" / "whole"
FACTS: Final = Path(__file__).parent / "facts.json"
LARGEST: Final = 600_000
HASHED_BYTES: Final = 100_000


class Recorder:
    """Plays the story, looks at it from time to time, and keeps what it saw."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world = world
        self.ledger = ledger
        self.files: dict[str, bytes] = {}
        self.facts: dict[str, Any] = {"releases": {}}
        self.made = Made({}, {}, {})
        self._fraud: Path | None = None
        self._churn: Path | None = None

    def play(self) -> None:
        """Do everything in the order of its time."""
        done: list[tuple[str, Callable[[], None]]] = [(moments.BEGUN, self.begin)]
        done += [(one.tried, lambda one=one: self.release(one)) for one in RELEASES]  # type: ignore[misc]
        done += [(moments.CHURN_BEGUN, self.churn)]
        done += [(one.at, lambda one=one: self.step(one)) for one in moments.STEPS]  # type: ignore[misc]
        done += [(at, lambda at=at: self.look(at)) for at in moments.LOOKS]  # type: ignore[misc]
        for at, do in sorted(done, key=lambda one: one[0]):
            sys.stderr.write(f"{at}\n")
            self.world.move(at)
            do()
        self.files["mlflow-webhooks.ndjson"] = b"".join(map(_delivery, self.world.delivered))
        self.tell()

    def tell(self) -> None:
        """Say what the delivery pipeline, GitHub and the cluster say of what was made."""
        made = self.made
        self.facts["images"] = {str(number): one.digest for number, one in made.images.items()}
        self.files["cdevents.ndjson"] = self.world.sent(cdevents(made.images, made.locked))
        self.files["github.ndjson"] = b"".join(one.line() for one in deliveries(made))
        self.files["kubernetes.ndjson"] = b"".join(looks(made.images))

    @property
    def fraud(self) -> Path:
        """The repository of the model."""
        assert self._fraud is not None
        return self._fraud

    def begin(self) -> None:
        """Make the repository, with its data tracked and its pipeline written."""
        self._fraud = self.world.begin("fraud")
        write_data(self._fraud / "data")
        for name in ("customers", "transactions"):
            self.world.dvc(self._fraud, "dvc", "add", "--quiet", f"data/{name}.csv")
        self.facts["begun"] = self.world.commit(self._fraud, "Track customers and transactions")

    def release(self, release: Release) -> None:
        """Train a version, commit what came of it, and register it."""
        world, fraud = self.world, self.fraud
        params = fraud / "params.yaml"
        for before, after in release.change:
            params.write_text(params.read_text().replace(before, after))
        words = ", ".join(after for _, after in release.change) or "a first model"
        words = words.replace(":", "")
        world.git(fraud, "add", "--all")
        world.git(fraud, "commit", "--quiet", "--allow-empty", "--message", f"Try {words}")
        tried = world.git(fraud, "rev-parse", "HEAD")
        deliveries = len(world.delivered)
        world.move(release.trained, release.trained.replace(":05:", ":10:"))
        world.dvc(fraud, "dvc", "repro", run=release.training_run)
        world.wait_for_deliveries(deliveries + 1 + (release.number == 1))
        world.move(release.locked)
        locked = world.commit(fraud, f"Keep what came of {words}")
        world.move(release.registered)
        world.registry("tag", moments.MODEL, str(release.number), "version", release.semantic)
        version = f"v{release.semantic}"
        world.dvc(fraud, "gto", "register", moments.MODEL, "--version", version)
        model = (fraud / "model.json").read_bytes()
        number = release.number
        self.made.images[number] = image_of(release, model, locked)
        self.made.tried[number], self.made.locked[number] = tried, locked
        sql = "SELECT run_id FROM model_versions WHERE name = ? AND version = ?"
        database = world.folder / "server" / "mlflow.db"
        ((run,),) = selected(database, sql, moments.MODEL, str(release.number))
        self.facts["releases"][str(release.number)] = {
            "semantic": release.semantic,
            "tried": tried,
            "locked": locked,
            "run": run,
            "model": digest_of(model),
            "metrics": json.loads((fraud / "metrics.json").read_text()),
            "training_run": release.training_run,
            "build_run": release.build_run,
        }

    def churn(self) -> None:
        """Let another model learn from the same customers, in a repository of its own."""
        world = self.world
        self._churn = world.begin("churn")
        (self._churn / "data").mkdir()
        shutil.copyfile(self.fraud / "data" / "customers.csv", self._churn / "data/customers.csv")
        world.dvc(self._churn, "dvc", "add", "--quiet", "data/customers.csv")
        world.commit(self._churn, "Learn from the customers that the fraud model knows")
        deliveries = len(world.delivered)
        world.move(moments.CHURN_TRAINED, moments.CHURN_TRAINED.replace(":05:", ":10:"))
        world.dvc(self._churn, "dvc", "repro")
        world.wait_for_deliveries(deliveries + 2)
        world.move(moments.CHURN_LOCKED)
        self.facts["churn"] = {"locked": world.commit(self._churn, "Keep what came of it")}

    def step(self, step: Step) -> None:
        """Do one thing in the registry, or with GTO's tags."""
        if step.tool == "gto":
            self.world.dvc(self.fraud, "gto", *step.words)
        else:
            self.world.registry(*step.words)

    def look(self, at: str) -> None:
        """Look at everything as the ledger would, and keep what is shown."""
        is_whole = at in {moments.LOOKS[0], moments.TOLD}
        instant = instant_of(parse_instant(at))
        clock = FakeClock(int(instant.timestamp() * 1_000_000), step_us=0)
        for name, repository in (("dvc-fraud", self.fraud), ("dvc-churn", self._churn)):
            if repository is not None:
                reader = DvcReader(repository)
                self._keep(name, reader, DvcMapping(), clock, is_whole=is_whole)
        options = ReadingOptions(hash_bytes_max=HASHED_BYTES)
        server = ServerReader(
            UrllibTransport(self.world.url), f"https://{moments.SERVER}", options, clock
        )
        self._keep("mlflow", server, MlflowMapping(moments.SERVER), clock, is_whole=is_whole)

    def _keep(
        self, name: str, reader: SourceReader, mapping: ScanMapping, clock: Clock, *, is_whole: bool
    ) -> None:
        """Take a look into a ledger that is thrown away, since a reader asks what is known."""
        at = instant_of(clock())
        source = Source(name=f"{reader.tool}:{reader.address}", mapping=mapping)
        scans = self.ledger.looks.scans(source.name)
        importer = Importer(self.ledger, source, looking_at(scans, at), clock)
        cursor = None if scans.last is None else scans.last.cursor
        yielded = list(reader.read(importer.memory, cursor, is_whole=is_whole))
        importer.take(yielded, reader.listed)
        looked = LookedAt(
            tool=reader.tool,
            address=reader.address,
            started=at,
            finished=at,
            is_whole=is_whole,
            cursor=reader.cursor,
        )
        state_scan(self.ledger, source, looked, importer.tally)
        if importer.tally.unread:
            sys.exit(f"not read: {importer.tally.unread}")
        lines = record(reader, yielded, at, is_whole=is_whole)
        self.files[f"{name}.ndjson"] = self.files.get(f"{name}.ndjson", b"") + lines


def _delivery(seen: Seen) -> bytes:
    """Return a delivery as a line: its id, and the body to the byte."""
    line = {"delivery": seen.headers["x-mlflow-delivery-id"], "body": seen.body.decode()}
    return json.dumps(line).encode() + b"\n"


def refuse_leaks(files: dict[str, bytes]) -> None:
    """Stop where anything names this machine, its folders or its user."""
    private = {str(Path.home()), str(Path(__file__).resolve().parents[3]), sys.prefix}
    private |= {"127.0.0.1", "localhost", socket.gethostname(), tempfile.gettempdir(), "/work"}
    for name, body in files.items():
        text = body.decode()
        for word in sorted(private):
            for found in re.finditer(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", text):
                near = text[max(0, found.start() - 120) : found.end() + 80]
                sys.exit(f"{name} names {word!r}, which belongs to this machine: ...{near}...")


def main() -> None:
    """Record the story anew."""
    if not FAKETIME.exists():
        sys.exit("install faketime: it gives the server the time of the story")
    clock = FakeClock()
    with (
        tempfile.TemporaryDirectory() as name,
        open_ledger("memory:", clock=clock) as ledger,
        World(Path(name)) as world,
    ):
        recorder = Recorder(world, ledger)
        recorder.play()
    files = recorder.files
    refuse_leaks(files)
    size = sum(map(len, files.values()))
    if size > LARGEST:
        sys.exit(f"the story has {size} bytes; at most {LARGEST} are shipped")
    STORY.mkdir(exist_ok=True)
    for file, body in files.items():
        (STORY / file).write_bytes(body)
    FACTS.write_text(json.dumps(recorder.facts, indent=2) + "\n")
    sys.stdout.write("".join(f"{file}: {len(body)}\n" for file, body in files.items()))


if __name__ == "__main__":
    main()
