"""One ledger in memory, one in SQLite and one in PostgreSQL, each asked in two ways.

Each is asked through its graph index, which grows with the log, and through one that may take too
little memory for any graph, so that every question is asked of the store.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple
from unittest.mock import patch

import lineage.erasures
from databases import fresh_schema, lend
from doubles import FakeClock, SeededRandomness
from lineage.graph.index import GraphIndex
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store

TOO_LITTLE_BYTES: Final = 1


class Place(NamedTuple):
    """A ledger, and another one over the same store that keeps no graph."""

    name: str
    clock: FakeClock
    ledger: Ledger
    fallback: Ledger

    def hears(self, said: Callable[[Ledger], object]) -> None:
        """Let something be said; the graph in memory grows by it."""
        said(self.ledger)
        self.ledger.prepare_graph()

    def ways(self) -> Iterator[tuple[str, Ledger]]:
        """Yield both ways to ask; no time passes meanwhile."""
        self.clock.step_us = 0
        yield f"{self.name}, by the index", self.ledger
        yield f"{self.name}, of the store", self.fallback


@contextmanager
def every_store() -> Iterator[list[Place]]:
    """Open an empty ledger in every kind of store; whatever is said to all is the same bytes.

    What was erased is gone from the views, and may still lie in the files: making these anew
    changes no answer, and takes PostgreSQL longer than all questions.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        schema = stack.enter_context(fresh_schema())
        lend(schema)
        stack.enter_context(patch.object(lineage.erasures, "scrub", lambda _: True))
        locations = {
            "memory": "memory:",
            "sqlite": str(Path(folder, "ledger.db")),
            "postgres": schema,
        }
        yield [_opened(stack, name, location) for name, location in locations.items()]


@contextmanager
def in_memory() -> Iterator[Place]:
    """Open an empty ledger in memory alone."""
    with ExitStack() as stack:
        yield _opened(stack, "memory", "memory:")


def _opened(stack: ExitStack, name: str, location: str) -> Place:
    store = open_store(location, TABLES, "test/origin")
    clock = FakeClock()
    ledger = stack.enter_context(Ledger(store, clock, SeededRandomness()))
    little = GraphIndex(TOO_LITTLE_BYTES)
    return Place(name, clock, ledger, Ledger(store, clock, SeededRandomness(), graph=little))
