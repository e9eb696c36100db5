"""What runs in a process of its own: it is imported there by name."""

from multiprocessing.connection import Connection
from pathlib import Path

from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Claim, Event, EventKind, Execution, Kind, LinkClass, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage.stores.sqlite import store as sqlite_store
from lineage.stores.sqlite.store import SqliteStore
from logs import append_made


def write_batches(path: Path, label: str, batches: int, length: int) -> None:
    """Write batches to the SQLite file, each in a transaction of its own."""
    store = SqliteStore(path, (), "test/origin")
    for number in range(batches):
        with store.write() as writer:
            append_made(writer, f"{label}-{number}", length)
    store.close()


def open_and_close(path: Path) -> None:
    """Open the SQLite file, making it if nobody has, and close it."""
    SqliteStore(path, (), "test/origin").close()


def opened_ledger(path: Path) -> Ledger:
    """Open the ledger in the SQLite file, making it if nobody has."""
    store = open_store(path, TABLES, "test/origin")
    return Ledger(store, FakeClock(), SeededRandomness(str(path)))


def made_batch(run: int, number: int) -> list[Statement]:
    """Return a batch of one to four statements, whose ids say how many belong together."""
    length = number % 4 + 1
    data, model, train = f"acme:a/{number % 7}", f"acme:m/{run}-{number}", f"acme:e/{run}-{number}"
    records = (
        Execution(key=train, type="lineage.Train", custom_properties={"p": number}),
        Event(artifact=data, execution=train, kind=EventKind.INPUT),
        Event(artifact=model, execution=train, kind=EventKind.OUTPUT),
        Artifact(key=data, type="lineage.DataSet", name=f"{run} {number}"),
        Claim(
            kind=Kind.ARTIFACT,
            node=model,
            identifier=f"other:{number % 3}",
            link_class=LinkClass.ASSERTED,
        ),
    )
    return [
        Statement(id=f"{run}-{number}-{part}-{length}", source="ci", records=records)
        for part in range(length)
    ]


def append_for_ever(path: Path, run: int, acknowledged: Connection) -> None:
    """Append batch after batch, and say which one is durable, until somebody ends us."""
    # Few pages, so that moving the log into the file is among what is interrupted.
    setattr(sqlite_store, "CHECKPOINT_BYTES", 50 * sqlite_store.PAGE_BYTES)  # noqa: B010
    ledger = opened_ledger(path)
    number = 0
    while True:
        ledger.record(made_batch(run, number))
        acknowledged.send(number)
        number += 1
