"""What one process was told is written, another process's graph shows at once, under load."""

import os
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest

from databases import fresh_schema
from lineage.ledger import Direction, TraceQuery
from lineage.service import Ledger
from writer_children import lengthen_until, link_of, opened_at

WORLD = get_context("forkserver")
WORLD.set_forkserver_preload(["writer_children"])
PATIENCE_SECONDS = 60.0
DEPTH = 6
WRITERS = {"sqlite": 2, "postgres": 3}


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


def upstream(ledger: Ledger, start: str) -> set[str | None]:
    query = TraceQuery(start=(start,), direction=Direction.UPSTREAM, depth=DEPTH)
    return {node.key for node in ledger.trace(query).nodes}


def expected(run: int, number: int) -> set[str]:
    """Return what lies so deep behind what step ``number`` made, by counting on one's fingers."""
    steps = range(max(0, number - DEPTH // 2 + 1), number + 1)
    made = {link_of(run, number + 1)}
    return made | {f"acme:e/{run}-{one}" for one in steps} | {link_of(run, one) for one in steps}


def test_a_chain_shows_as_soon_as_its_writer_was_answered(location: str) -> None:
    count = WRITERS["postgres" if location.startswith("postgresql:") else "sqlite"]
    reader = opened_at(location, "reader")
    ends: list[Any] = []
    children: list[Any] = []
    for run in range(count):
        ours, theirs = WORLD.Pipe(duplex=False)
        child = WORLD.Process(target=lengthen_until, args=(location, run, 3.0, theirs))
        child.start()
        theirs.close()
        ends.append(ours)
        children.append(child)
    longest = dict.fromkeys(range(count), -1)
    while ends:
        for end in wait(ends, PATIENCE_SECONDS):
            assert isinstance(end, Connection)
            try:
                run, number = end.recv()
            except EOFError:
                ends.remove(end)
                continue
            assert upstream(reader, link_of(run, number + 1)) == expected(run, number)
            longest[run] = number
    for child in children:
        child.join(PATIENCE_SECONDS)
    assert [child.exitcode for child in children] == [0] * count
    assert min(longest.values()) > DEPTH
    whole = reader.trace(TraceQuery(start=(link_of(0, longest[0] + 1),)))
    assert len(whole.nodes) == 2 * (longest[0] + 1) + 1
    assert whole.complete
    reader.close()
