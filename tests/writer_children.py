"""Writers that run in processes of their own, several on one store."""

from multiprocessing.connection import Connection
from threading import Barrier
from time import monotonic

from children import made_batch
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Event, EventKind, Outcome, Receipt, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage.stores.postgres import store as postgres_store

PER_CALL = 3
"""Batches that one commit takes together."""


def opened_at(location: str, seed: str) -> Ledger:
    """Open the ledger at a location, making it if nobody has."""
    return Ledger(open_store(location, TABLES, "test/origin"), FakeClock(), SeededRandomness(seed))


def record_until(location: str, run: int, seconds: float, told: Connection) -> None:
    """Record group after group for so long; tell what was acknowledged, and what was seen of it.

    After each acknowledgement the writer asks for what it wrote: (id, position) of each statement,
    and whether its own last one could be read at once.
    """
    ledger = opened_at(location, f"writer-{run}")
    end, number = monotonic() + seconds, 0
    while monotonic() < end:
        deliveries = [ledger.prepare(made_batch(run, number + one)) for one in range(PER_CALL)]
        receipts: list[Receipt] = []
        for outcome in ledger.commit(deliveries):
            assert isinstance(outcome, list), outcome
            receipts += outcome
        assert {one.outcome for one in receipts} == {Outcome.APPENDED}
        last = receipts[-1].position
        assert last is not None
        page = ledger.entries(last, count=1)
        is_read = [one.statement for one in page.entries] == [receipts[-1].statement]
        told.send(([(one.statement, one.position) for one in receipts], is_read))
        number += PER_CALL
    ledger.close()
    told.close()


def hold_the_head(location: str, idle_seconds: int, told: Connection) -> None:
    """Write inside a transaction that is never committed, and say so."""
    setattr(postgres_store, "IDLE_WRITER_SECONDS_MAX", idle_seconds)  # noqa: B010
    ledger = opened_at(location, "holder")
    said = Statement(id="held", source="ci", records=(Artifact(key="acme:held"),))
    with ledger._store.write() as writer:
        writer.keep_checkpoint(b"of nobody")
        told.send("holding")
        told.recv()
    told.send("committed")
    ledger.record([said])


def open_at_once(location: str, origin: str, barrier: Barrier) -> None:
    """Open a store that nobody has made yet, at the same moment as others do."""
    barrier.wait(30)
    open_store(location, TABLES, origin).close()


def step_of(run: int, number: int) -> Statement:
    """Return one step of a chain: an execution that reads what the step before it made."""
    execution = f"acme:e/{run}-{number}"
    records = (
        Event(artifact=link_of(run, number), execution=execution, kind=EventKind.INPUT),
        Event(artifact=link_of(run, number + 1), execution=execution, kind=EventKind.OUTPUT),
    )
    return Statement(id=f"{run}-{number}", source="ci", records=records)


def link_of(run: int, number: int) -> str:
    """Return the key of what the step before this one of a chain made."""
    return f"acme:a/{run}-{number}"


def lengthen_until(location: str, run: int, seconds: float, told: Connection) -> None:
    """Lengthen a chain step by step for so long; tell of each once it is acknowledged."""
    ledger = opened_at(location, f"chain-{run}")
    end, number = monotonic() + seconds, 0
    while monotonic() < end:
        ledger.record([step_of(run, number)])
        told.send((run, number))
        number += 1
    ledger.close()
    told.close()
