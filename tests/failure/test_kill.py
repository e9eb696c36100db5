"""A process that writes is killed at any moment: what it was told is there, and nothing half."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from checks import check_ledger
from children import append_for_ever, made_batch, opened_ledger
from doubles import SeededRandomness
from lineage.ledger import Outcome
from lineage.service import Ledger

KILLS = 120
ACKNOWLEDGED_MAX = 12
"""A child is killed after up to so many of its batches were acknowledged, and then some time."""

WORLD = get_context("forkserver")
WORLD.set_forkserver_preload(["children", "sidecar_children", "signing_children"])


def numbers(randomness: SeededRandomness, below: int) -> Iterator[int]:
    while True:
        yield int.from_bytes(randomness(8), "big") % below


def kill_one(path: Path, run: int, batches: int, pause_us: int) -> int:
    """Let a child write and kill it; return how many of its batches were acknowledged."""
    ours, theirs = WORLD.Pipe(duplex=False)
    child = WORLD.Process(target=append_for_ever, args=(path, run, theirs))
    child.start()
    theirs.close()
    told = 0
    while told < batches:
        assert is_told(ours), "the child ended by itself"
        told += 1
    ours.poll(pause_us / 1_000_000)
    child.kill()
    child.join()
    # What it said before it died was said.
    while is_told(ours):
        told += 1
    ours.close()
    return told


def is_told(connection: Connection) -> bool:
    try:
        connection.recv()
    except EOFError:
        return False
    return True


def statements_of(ledger: Ledger) -> list[str]:
    """Return the ids of all statements in the log, in order, but for the ledger's own."""
    found: list[str] = []
    position: int | None = 0
    while position is not None:
        page = ledger.entries(position, count=1_000)
        found += [entry.statement for entry in page.entries if entry.source == "ci"]
        position = page.next_position
    return found


@pytest.fixture
def _quick_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that forks the children find our modules, so that it loads them once."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.mark.usefixtures("_quick_children")
def test_what_was_acknowledged_survives_every_kill_and_nothing_half_does(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    opened_ledger(path).close()
    batches = numbers(SeededRandomness("batches"), ACKNOWLEDGED_MAX)
    pauses = numbers(SeededRandomness("pauses"), 3_000)
    told: dict[int, int] = {}
    for run in range(KILLS):
        told[run] = kill_one(path, run, next(batches), next(pauses))
        ledger = opened_ledger(path)
        for number in range(told[run]):
            receipts = ledger.record(made_batch(run, number))
            assert {one.outcome for one in receipts} == {Outcome.DUPLICATE}, (run, number)
        if run % 30 == 0:
            assert ledger.audit().findings == ()
        ledger.close()

    ledger = opened_ledger(path)
    check_ledger(ledger)
    said = statements_of(ledger)
    assert len(said) == len(set(said))
    there: Counter[tuple[int, int]] = Counter()
    lengths: dict[tuple[int, int], int] = {}
    for one in said:
        run, number, _, length = map(int, one.split("-"))
        there[run, number] += 1
        lengths[run, number] = length
    assert there == lengths
    for run, count in told.items():
        numbers_there = sorted(number for known, number in there if known == run)
        assert numbers_there == list(range(len(numbers_there)))
        # The last batch may be durable although its writer died before it could say so.
        assert count <= len(numbers_there) <= count + 1
    assert sum(told.values()) > KILLS
    ledger.close()
