"""A ledger against a plain list: appended to, asked, broken, reopened, in any order."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from checks import check_ledger
from doubles import BrokenError, FakeClock, Fault, FaultyStore, SeededRandomness, Step, When
from lineage.ledger import Artifact, Outcome, Statement, TraceQuery
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage.stores.opening import open_store
from lineage_schemas.errors import ConflictError, InvalidInputError, RuleError, StaleHeadError
from lineage_schemas.graph import Direction, LineageAnswer
from logs import append_made
from oracle import Graph, Name, Walk
from strategies import ARTIFACTS, EXECUTIONS, commands, numbered, observations

SETUP_ENTRIES = 2
"""A new namespace is told its types and who is about to speak, before anything else."""

BATCHES = st.lists(observations(), min_size=1, max_size=3)
PICKS = st.integers(0, 1_000)
QUERIES = st.builds(
    TraceQuery,
    start=st.sampled_from([*ARTIFACTS, *EXECUTIONS]).map(lambda key: (key,)),
    direction=st.sampled_from([Direction.UPSTREAM, Direction.DOWNSTREAM]),
)


class Remembered(NamedTuple):
    """An answer, and what it was an answer to."""

    size: int
    query: TraceQuery
    answer: LineageAnswer


class LogMachine(RuleBasedStateMachine):
    """The rules that hold for every store. The model is `self.log`: what each entry says."""

    opened: Callable[[Path], Store]
    is_kept = True
    """Whether what was acknowledged is there after closing."""

    @initialize()
    def start(self) -> None:
        self.folder = TemporaryDirectory()
        self.clock = FakeClock()
        self.randomness = SeededRandomness()
        self.log: list[Statement | None] = []
        self.positions: dict[str, int] = {}
        self.answers: list[Remembered] = []
        self.made = 0
        self.open()

    def open(self) -> None:
        self.store = FaultyStore(type(self).opened(Path(self.folder.name) / "ledger.db"))
        self.ledger = Ledger(self.store, self.clock, self.randomness)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            check_ledger(self.ledger)
            self.ledger.close()
            self.folder.cleanup()

    # --- writing ---------------------------------------------------------------------------------

    def fresh(self, statements: list[Statement]) -> list[Statement]:
        self.made += len(statements)
        return numbered(statements, self.made - len(statements))

    def remember(self, batch: list[Statement]) -> None:
        """Tell the model what the log must hold now."""
        if not self.log:
            self.log += [None] * SETUP_ENTRIES
        for statement in batch:
            self.positions[statement.id] = len(self.log)
            self.log.append(statement)

    def record(self, ledger: Ledger, batch: list[Statement]) -> None:
        receipts = ledger.record(batch)
        self.remember(batch)
        assert [(one.statement, one.position, one.outcome) for one in receipts] == [
            (one.id, self.positions[one.id], Outcome.APPENDED) for one in batch
        ]

    @rule(said=BATCHES)
    def append(self, said: list[Statement]) -> None:
        self.record(self.ledger, self.fresh(said))

    @rule(said=BATCHES)
    def append_through_another_writer(self, said: list[Statement]) -> None:
        other = Ledger(self.store, self.clock, SeededRandomness(f"other {self.made}"))
        self.record(other, self.fresh(said))

    @rule(said=st.lists(commands(), min_size=1, max_size=2))
    def command(self, said: list[Statement]) -> None:
        batch = self.fresh(said)
        before = self.ledger.head()
        try:
            receipts = self.ledger.record(batch)
        except (RuleError, InvalidInputError):
            # A name may be taken, or an id never assigned.
            assert self.ledger.head() == before
            return
        written = [one.statement for one in receipts if one.outcome is Outcome.APPENDED]
        self.remember([one for one in batch if one.id in written])
        assert [one.position for one in receipts if one.position is not None] == [
            self.positions[statement] for statement in written
        ]

    @precondition(lambda self: self.positions)
    @rule(pick=PICKS, said=BATCHES)
    def say_again(self, pick: int, said: list[Statement]) -> None:
        known = self.pick(pick)
        batch = self.fresh(said)
        receipts = self.ledger.record([known, *batch, known, *batch])
        self.remember(batch)
        half = len(batch) + 1
        assert receipts[:half] == receipts[half:]
        assert receipts[0].outcome is Outcome.DUPLICATE
        assert [one.position for one in receipts[:half]] == [
            self.positions[one.id] for one in (known, *batch)
        ]

    @precondition(lambda self: self.positions)
    @rule(pick=PICKS, said=BATCHES)
    def contradict(self, pick: int, said: list[Statement]) -> None:
        known = self.pick(pick)
        other = replace(known, records=(*known.records, Artifact(key="acme:contradiction")))
        if known.mode is not Statement(id="", source="", records=()).mode:
            other = replace(known, mode=known.mode, mapping="another/1")
        before = self.ledger.head()
        with pytest.raises(ConflictError):
            self.ledger.record([*self.fresh(said), other])
        assert self.ledger.head() == before

    def pick(self, pick: int) -> Statement:
        statement = self.log[sorted(self.positions.values())[pick % len(self.positions)]]
        assert statement is not None
        return statement

    @rule(behind=st.integers(1, 3))
    def append_behind_the_head(self, behind: int) -> None:
        def write() -> None:
            with self.store.store.write() as writer:
                head = writer.head()
                writer.append(head.size - behind, [], [], head)

        with pytest.raises(StaleHeadError):
            write()

    @rule()
    def leave_without_committing(self) -> None:
        def write() -> None:
            with self.store.store.write() as writer:
                append_made(writer, "never", 2)
                raise BrokenError("Left")

        with pytest.raises(BrokenError):
            write()

    @rule(
        said=BATCHES,
        fault=st.builds(Fault, st.sampled_from(Step), st.sampled_from(When), nth=st.integers(1, 6)),
    )
    def break_while_appending(self, said: list[Statement], fault: Fault) -> None:
        batch = self.fresh(said)
        before = self.ledger.head()
        self.store.fault = fault
        try:
            self.ledger.record(batch)
        except BrokenError:
            broken = True
        else:
            broken = False
            self.store.fault = None
        is_written = not broken or (fault.step, fault.when) == (Step.COMMIT, When.AFTER)
        if is_written:
            self.remember(batch)
        else:
            assert self.ledger.head() == before
        # Whoever was not told sends it again, and is told where it stands.
        receipts = self.ledger.record(batch)
        if not is_written:
            self.remember(batch)
        outcome = Outcome.DUPLICATE if is_written else Outcome.APPENDED
        assert [(one.position, one.outcome) for one in receipts] == [
            (self.positions[one.id], outcome) for one in batch
        ]

    @rule(fault=st.builds(Fault, st.sampled_from(Step), st.sampled_from(When)))
    def break_while_rebuilding(self, fault: Fault) -> None:
        self.store.fault = fault
        try:
            assert self.ledger.rebuild().identical
        except BrokenError:
            pass
        finally:
            self.store.fault = None

    @rule(by_us=st.integers(0, 10**12))
    def turn_the_clock_back(self, by_us: int) -> None:
        self.clock.turn_back(by_us)

    # --- asking ----------------------------------------------------------------------------------

    @rule(start=st.integers(0, 30), count=st.integers(1, 30))
    def read_a_range(self, start: int, count: int) -> None:
        page = self.ledger.entries(start, count=count)
        expected = list(enumerate(self.log))[start : start + count]
        assert [entry.position for entry in page.entries] == [at for at, _ in expected]
        for entry, (_, statement) in zip(page.entries, expected, strict=True):
            if statement is not None:
                assert (entry.statement, entry.source) == (statement.id, statement.source)
        following = start + count
        assert page.next_position == (following if following < len(self.log) else None)

    @rule(query=QUERIES)
    def trace(self, query: TraceQuery) -> None:
        answer = self.ledger.trace(query)
        told = [one for one in self.log if one is not None and one.mode == "observation"]
        graph = Graph(told)
        walk = Walk(query.direction, frozenset(query.cross))
        starts = graph.identified(query.start[0])
        expected = graph.trace(starts, walk) if starts else {}
        found: dict[Name, int] = {}
        for node in answer.nodes:
            if node.kind is not None:
                found[node.kind, str(node.key)] = node.depth
        assert found == expected
        self.answers.append(Remembered(answer.basis.size, query, answer))

    @precondition(lambda self: self.answers)
    @rule(pick=PICKS)
    def ask_of_the_past(self, pick: int) -> None:
        size, query, answer = self.answers[pick % len(self.answers)]
        then = self.ledger.trace(query, as_of=size)
        # Sources are judged at another moment: now, and when the last of these entries came.
        assert replace(then, basis=answer.basis) == answer
        assert (then.basis.size, then.basis.root) == (size, answer.basis.root)
        assert self.ledger.trace(query, as_of=answer.basis) == answer

    # --- keeping ---------------------------------------------------------------------------------

    @rule()
    def rebuild(self) -> None:
        report = self.ledger.rebuild()
        assert (report.entries, report.identical) == (len(self.log), True)

    @precondition(lambda self: self.is_kept)
    @rule()
    def close_and_reopen(self) -> None:
        before = self.ledger.head()
        self.ledger.close()
        self.open()
        assert self.ledger.head() == before

    @invariant()
    def the_audit_is_clean(self) -> None:
        if hasattr(self, "ledger"):
            report = self.ledger.audit()
            assert report.findings == ()
            assert report.size == len(self.log)


class MemoryLog(LogMachine):
    """The log in memory."""

    @staticmethod
    def opened(path: Path) -> Store:
        del path
        return MemoryStore("test/origin")

    is_kept = False


class SqliteLog(LogMachine):
    """The log in a file."""

    @staticmethod
    def opened(path: Path) -> Store:
        return open_store(path, TABLES, "test/origin")


@pytest.mark.parametrize("machine", [MemoryLog, SqliteLog])
def test_the_ledger_is_the_list(machine: type[LogMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=20))


@pytest.mark.long
@pytest.mark.parametrize("machine", [MemoryLog, SqliteLog])
def test_the_ledger_is_the_list_for_long(machine: type[LogMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=500, stateful_step_count=40))
