"""A terminal of one ledger: runs commands in this process, with a clock and randomness of its own.

The ledger is told of a run with a personal value, so that there is something to prove and erase.
"""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Event, EventKind, Execution, Ledger, Statement, open_ledger
from lineage_api.cli.main import cli
from lineage_api.cli.session import Session
from lineage_schemas.values import JsonValue

RUN, MODEL = "acme:run/1", "uri:file:///model.bin"
PERSON = "Grace Example"
TOLD = Statement(
    id="training-1",
    source="notebook",
    records=(
        Execution(
            key=RUN,
            type="lineage.Train",
            name="train",
            custom_properties={"owner": PERSON, "seed": 7},
            personal=("owner",),
        ),
        Event(artifact=MODEL, execution=RUN, kind=EventKind.OUTPUT),
    ),
)
"""The entry at position 4: 0 and 1 name the key, 2 the types and 3 the actor."""

AT = 4


class Terminal:
    """Runs one command after the other on the ledger at ``store``."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.clock = FakeClock()
        self.randomness = SeededRandomness()
        self.environment = {"LINEAGE_STORE": str(store)}

    def run(self, *arguments: str, given: bytes | str | None = None) -> Result:
        """Run a command to its end."""
        session = Session(clock=self.clock, randomness=self.randomness)
        return CliRunner().invoke(
            cli, arguments, input=given, obj=session, env=dict(self.environment)
        )

    def done(self, *arguments: str, given: bytes | str | None = None) -> str:
        """Run a command that must end well, and return its standard output."""
        result = self.run(*arguments, given=given)
        assert result.exit_code == 0, result.output
        return result.stdout

    def answer(self, *arguments: str) -> JsonValue:
        """Run a command that must end well, and return its answer."""
        return parsed(self.done(*arguments, "--format", "json"))

    def open(self) -> Ledger:
        """Open the ledger itself."""
        return open_ledger(self.store, clock=self.clock, randomness=self.randomness)

    def tell(self, *statements: Statement) -> None:
        """Record statements."""
        with self.open() as ledger:
            ledger.record(statements or (TOLD,))

    def size(self) -> int:
        """Return how many entries the log has."""
        with self.open() as ledger:
            return ledger.head().size

    def verifier(self) -> str:
        """Return the present verifier key."""
        with self.open() as ledger:
            return ledger.custody.keys()[-1].verifier


def more(number: int) -> Statement:
    """Return another statement, and another for each number."""
    record = Artifact(key=f"acme:data/{number}", type="lineage.DataSet", name=f"data {number}")
    return Statement(id=f"more-{number}", source="notebook", records=(record,))


def parsed(text: str) -> JsonValue:
    """Return what a text in JSON says."""
    value: JsonValue = json.loads(text)
    return value
