"""Ledgers whose graph is a chain, for tests of how it is kept in memory and in a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from doubles import FakeClock, SeededRandomness
from lineage.graph_file import GraphPlace
from lineage.ledger import (
    Claim,
    Event,
    EventKind,
    Kind,
    LinkClass,
    Statement,
    TraceQuery,
    open_ledger,
)
from lineage.service import Ledger
from lineage.stores.base import Reader
from lineage_schemas.errors import StoreError
from lineage_schemas.graph import Direction, LineageAnswer

STEP = (EventKind.INPUT, EventKind.OUTPUT)


def steps(first: int, last: int, source: str = "ci") -> list[Statement]:
    """Return runs that make an artifact of the one before, the first of them numbered ``first``."""
    return [
        Statement(
            id=f"run {number}",
            source=source,
            records=tuple(
                Event(artifact=f"acme:a/{one}", execution=f"acme:e/{number}", kind=kind)
                for one, kind in zip((number, number + 1), STEP, strict=True)
            ),
        )
        for number in range(first, last)
    ]


def said_to_be_one(one: int, other: int) -> Statement:
    """Return a statement that links two artifacts of the chain."""
    return Statement(
        id=f"same {one} {other}",
        source="people",
        records=(
            Claim(
                kind=Kind.ARTIFACT,
                node=f"acme:a/{one}",
                identifier=f"acme:a/{other}",
                link_class=LinkClass.ASSERTED,
            ),
        ),
    )


@contextmanager
def opened(path: Path, graph: GraphPlace | None = None) -> Iterator[Ledger]:
    """Open the ledger at a path."""
    place = GraphPlace() if graph is None else graph
    clock, randomness = FakeClock(), SeededRandomness()
    with open_ledger(path, clock=clock, randomness=randomness, graph=place) as ledger:
        yield ledger


def traced(ledger: Ledger, number: int = 0, namespace: str = "default") -> LineageAnswer:
    """Trace the chain downstream from an artifact of it."""
    query = TraceQuery(start=(f"acme:a/{number}",), direction=Direction.DOWNSTREAM)
    return ledger.trace(query, namespace=namespace)


class FailingReader:
    """Passes on what it is asked, but for the question of one number."""

    def __init__(self, reader: Reader, fails_at: int) -> None:
        self._reader = reader
        self._fails_at = fails_at
        self.asked = 0

    def __getattr__(self, name: str) -> Callable[..., object]:
        ask: Callable[..., object] = getattr(self._reader, name)

        def passed_on(*given: object) -> object:
            self.asked += 1
            if self.asked == self._fails_at:
                raise StoreError("Timed out")
            return ask(*given)

        return passed_on
