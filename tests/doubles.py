"""Stand-ins: a clock that can run backwards, randomness from a seed, a store that breaks."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from lineage.proofs.tree import Subtree
from lineage.stores.base import (
    SCRUB_WAIT_SECONDS_MAX,
    Documents,
    Reader,
    Store,
    StoredHead,
    StrayParts,
    Strays,
    Writer,
)
from lineage.stores.tables import Cell, Row, Table
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.errors import StoreError
from lineage_schemas.governance import PartsErased

MakeStore = Callable[[Sequence[Table]], Store]
"""Opens a store with these tables: see the fixture of that name."""

NOON_US = 1_767_268_800_000_000
"""2026-01-01T12:00:00Z, in microseconds since the epoch."""


class FakeClock:
    """A clock that moves by ``step_us`` each time it is read, and only then."""

    def __init__(self, now_us: int = NOON_US, step_us: int = 1_000_000) -> None:
        self.now_us = now_us
        self.step_us = step_us

    def __call__(self) -> int:
        now = self.now_us
        self.now_us += self.step_us
        return now

    def turn_back(self, by_us: int) -> None:
        """Move the hands against the way of time."""
        self.now_us -= by_us


class SeededRandomness:
    """Bytes that look random and are the same in every run."""

    def __init__(self, seed: str = "seed") -> None:
        self._seed = seed.encode()
        self._drawn = 0

    def __call__(self, count: int) -> bytes:
        body = b""
        while len(body) < count:
            self._drawn += 1
            body += sha256(b"%s/%d" % (self._seed, self._drawn)).digest()
        return body[:count]


class Step(StrEnum):
    """What a writer does to a store, in the order in which it first does it."""

    BEGIN = "begin"
    APPEND = "append"
    INSERT = "insert"
    REPLACE = "replace"
    CLEAR = "clear"
    ERASE = "erase"
    KEEP_CHECKPOINT = "keep checkpoint"
    RENAME = "rename"
    FREEZE = "freeze"
    SCRUB = "scrub"
    COMMIT = "commit"


class When(StrEnum):
    """On which side of the step the store breaks: nothing of it was done, or all of it was."""

    BEFORE = "before"
    AFTER = "after"


class Fault(NamedTuple):
    """Break once, at the ``nth`` occurrence of a step, counted from 1."""

    step: Step
    when: When
    nth: int = 1


class BrokenError(StoreError):
    """What the faulty store raises."""


class FaultyStore:
    """A store over another one that breaks where it is told to, once.

    After the commit means: everything was written, and the writer was not told.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.fault: Fault | None = None

    @property
    def origin(self) -> str:
        return self.store.origin

    def read(self) -> AbstractContextManager[Reader]:
        return self.store.read()

    @contextmanager
    def write(self) -> Iterator[Writer]:
        self.break_at(Step.BEGIN, When.BEFORE)
        with self.store.write() as writer:
            self.break_at(Step.BEGIN, When.AFTER)
            yield FaultyWriter(self, writer)
            self.break_at(Step.COMMIT, When.BEFORE)
        self.break_at(Step.COMMIT, When.AFTER)

    @property
    def is_scrubbed(self) -> bool:
        return self.store.is_scrubbed

    def scrub(self, wait_seconds: float = SCRUB_WAIT_SECONDS_MAX) -> None:
        self.break_at(Step.SCRUB, When.BEFORE)
        self.store.scrub(wait_seconds)
        self.break_at(Step.SCRUB, When.AFTER)

    def close(self) -> None:
        self.store.close()

    def break_at(self, step: Step, when: When) -> None:
        """Break, if this is the step that was chosen."""
        fault = self.fault
        if fault is None or (fault.step, fault.when) != (step, when):
            return
        self.fault = fault._replace(nth=fault.nth - 1) if fault.nth > 1 else None
        if self.fault is None:
            raise BrokenError(f"Broken {when} {step}")


class FaultyWriter:
    """A writer that asks its store, before and after each step, whether to break."""

    def __init__(self, faulty: FaultyStore, writer: Writer) -> None:
        self._faulty = faulty
        self._writer = writer

    def savepoint(self) -> AbstractContextManager[None]:
        return self._writer.savepoint()

    def append(
        self,
        expected_size: int,
        entries: Sequence[StoredEntry],
        subtrees: Sequence[Subtree],
        head: StoredHead,
    ) -> None:
        with self._around(Step.APPEND):
            self._writer.append(expected_size, entries, subtrees, head)

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        with self._around(Step.INSERT):
            self._writer.insert(table, rows)

    def replace(self, table: Table, rows: Sequence[Row]) -> None:
        with self._around(Step.REPLACE):
            self._writer.replace(table, rows)

    def clear(self, tables: Sequence[Table]) -> None:
        with self._around(Step.CLEAR):
            self._writer.clear(tables)

    def keep_checkpoint(self, note: bytes | None) -> None:
        with self._around(Step.KEEP_CHECKPOINT):
            self._writer.keep_checkpoint(note)

    def rename(self, origin: str) -> None:
        with self._around(Step.RENAME):
            self._writer.rename(origin)

    def freeze(self, frozen: bool) -> None:  # noqa: FBT001 - as the contract has it
        with self._around(Step.FREEZE):
            self._writer.freeze(frozen)

    def erase(self, positions: Sequence[int], parts: PartsErased) -> int:
        with self._around(Step.ERASE):
            return self._writer.erase(positions, parts)

    @contextmanager
    def _around(self, step: Step) -> Iterator[None]:
        self._faulty.break_at(step, When.BEFORE)
        yield
        self._faulty.break_at(step, When.AFTER)

    # --- reading is passed on as it is -----------------------------------------------------------

    def origin(self) -> str:
        return self._writer.origin()

    def checkpoint(self) -> bytes | None:
        return self._writer.checkpoint()

    def is_frozen(self) -> bool:
        return self._writer.is_frozen()

    def head(self) -> StoredHead:
        return self._writer.head()

    def envelopes(self, start: int, count: int) -> list[bytes]:
        return self._writer.envelopes(start, count)

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        return self._writer.entries(start, count)

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        return self._writer.hashes(level, first, count)

    def payload(self, position: int) -> tuple[PayloadPart | None, PayloadPart | None]:
        return self._writer.payload(position)

    def strays(self, tables: Sequence[Table]) -> Strays:
        return self._writer.strays(tables)

    def stray_parts(self) -> StrayParts:
        return self._writer.stray_parts()

    def find(
        self,
        table: Table,
        column: str,
        values: Iterable[Cell],
        size: int | None = None,
    ) -> list[Row]:
        return self._writer.find(table, column, values, size)

    def find_pairs(self, table: Table, pairs: Collection[tuple[int, int]]) -> list[Row]:
        return self._writer.find_pairs(table, pairs)

    def find_documents(
        self, table: Table, values: Collection[int], cell: str, size: int
    ) -> list[Documents]:
        return self._writer.find_documents(table, values, cell, size)

    def find_prefix(
        self,
        table: Table,
        column: str,
        prefix: str,
        after: Row | None = None,
        count: int | None = None,
    ) -> list[Row]:
        return self._writer.find_prefix(table, column, prefix, after, count)

    def page(
        self,
        table: Table,
        index: tuple[str, str],
        value: Cell,
        after: Cell,
        count: int,
        size: int | None = None,
    ) -> list[Row]:
        return self._writer.page(table, index, value, after, count, size)

    def added(self, table: Table, since: int) -> list[Row]:
        return self._writer.added(table, since)

    def scan(self, table: Table, after: Row | None, count: int) -> list[Row]:
        return self._writer.scan(table, after, count)
