"""Several processes write to one ledger: no gap, no duplicate, and no batch cut by another."""

import os
import signal
import sys
from collections.abc import Iterator
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest

from checks import check_ledger
from databases import fresh_schema
from lineage.ledger import Artifact, Statement
from lineage.service import Ledger
from lineage_schemas.codec import decode_envelope
from writer_children import hold_the_head, opened_at, record_until

WORLD = get_context("forkserver")
WORLD.set_forkserver_preload(["writer_children"])
PATIENCE_SECONDS = 60.0

WRITERS = {"sqlite": 2, "postgres": 4}


@pytest.fixture(autouse=True)
def _quick_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that forks the children find our modules, so that it loads them once."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "postgres":
        with fresh_schema() as url:
            yield url
    else:
        yield str(tmp_path / "ledger.db")


@pytest.fixture
def database() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


def run_writers(location: str, count: int, seconds: float) -> dict[str, int]:
    """Let so many processes write at once; return what was acknowledged, and where it stands."""
    ends: list[Connection] = []
    children: list[Any] = []
    for run in range(count):
        ours, theirs = WORLD.Pipe(duplex=False)
        child = WORLD.Process(target=record_until, args=(location, run, seconds, theirs))
        child.start()
        theirs.close()
        ends.append(ours)
        children.append(child)
    told: dict[str, int] = {}
    waiting: list[Any] = list(ends)
    while waiting:
        for end in wait(waiting, PATIENCE_SECONDS):
            assert isinstance(end, Connection)
            try:
                receipts, is_read = end.recv()
            except EOFError:
                waiting.remove(end)
                continue
            assert is_read
            told |= dict(receipts)
    for child in children:
        child.join(PATIENCE_SECONDS)
    assert [child.exitcode for child in children] == [0] * count
    return told


def check_log(ledger: Ledger, told: dict[str, int]) -> None:
    """Hold the log against what its writers were told, reading the bytes as they are stored."""
    with ledger._store.read() as reader:
        size = reader.head().size
        stored = [one for start in range(0, size, 10_000) for one in reader.entries(start, 10_000)]
    assert [one.position for one in stored] == list(range(size))
    envelopes = [decode_envelope(one.envelope) for one in stored]
    said = [one.statement for one in envelopes if one.source == "ci"]
    assert len(said) == len(set(said))
    assert {
        one.statement: position for position, one in enumerate(envelopes) if one.source == "ci"
    } == told
    for start, batch in groupby(envelopes, key=lambda one: one.batch.start):
        held = list(batch)
        assert len(held) == held[0].batch.length
        assert envelopes[start] is held[0]
        ids = [one.statement.split("-")[:2] for one in held if one.source == "ci"]
        assert all(one == ids[0] for one in ids)


def check_writers(location: str, seconds: float) -> None:
    count = WRITERS["postgres" if location.startswith("postgresql:") else "sqlite"]
    told = run_writers(location, count, seconds)
    assert {one.partition("-")[0] for one in told} == {str(run) for run in range(count)}
    ledger = opened_at(location, "checker")
    check_log(ledger, told)
    check_ledger(ledger)
    assert ledger.audit().findings == ()
    ledger.close()


def test_processes_that_write_for_seconds_leave_one_dense_log(location: str) -> None:
    check_writers(location, 3.0)


@pytest.mark.long
def test_processes_that_write_for_a_minute_leave_one_dense_log(location: str) -> None:
    check_writers(location, 60.0)


def held_by_a_child(location: str, idle_seconds: int) -> tuple[Any, Connection]:
    ours, theirs = WORLD.Pipe()
    child = WORLD.Process(target=hold_the_head, args=(location, idle_seconds, theirs))
    child.start()
    theirs.close()
    assert ours.poll(PATIENCE_SECONDS)
    assert ours.recv() == "holding"
    return child, ours


def record_one(ledger: Ledger) -> int | None:
    said = Statement(id="1", source="ci", records=(Artifact(key="acme:a"),))
    return ledger.record([said])[0].position


def test_a_writer_that_is_killed_with_the_head_in_its_hands_leaves_it(location: str) -> None:
    ledger = opened_at(location, "other")
    child, _ = held_by_a_child(location, 60)
    child.kill()
    child.join(PATIENCE_SECONDS)
    assert record_one(ledger) == 2
    with ledger._store.read() as reader:
        assert reader.checkpoint() is None
    check_ledger(ledger)
    ledger.close()


def test_a_writer_that_is_stopped_with_the_head_in_its_hands_loses_it(database: str) -> None:
    ledger = opened_at(database, "other")
    child, ours = held_by_a_child(database, 1)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    # The server takes the head away from a session that says nothing for a second.
    assert record_one(ledger) == 2
    os.kill(child.pid, signal.SIGCONT)
    ours.send("go on")
    with pytest.raises(EOFError):
        ours.recv()
    child.join(PATIENCE_SECONDS)
    assert child.exitcode == 1
    with ledger._store.read() as reader:
        assert reader.checkpoint() is None
    check_ledger(ledger)
    ledger.close()
