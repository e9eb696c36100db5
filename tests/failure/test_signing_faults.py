"""Signing fails at each durable step, once before it and once after: nothing contradicts itself."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from checks import check_ledger
from doubles import BrokenError, FakeClock, Fault, FaultyStore, SeededRandomness, Step, When
from faulty_custody import FaultyKeys, FaultyParts, FaultySidecar
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary, keys_in_force
from lineage.anchoring.sidecar import MemorySidecar
from lineage.ledger import Artifact, Statement
from lineage.projections.governance import read_keys
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.tree import root_at
from lineage.proofs.verifying import open_checkpoint
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage_schemas.errors import LedgerError

Action = Callable[[Ledger], object]

STORE_STEPS = (Step.BEGIN, Step.APPEND, Step.INSERT, Step.KEEP_CHECKPOINT, Step.COMMIT)


class Bench:
    """A ledger whose store, sidecar and key can all break, and that can be opened again."""

    def __init__(self, store: Store) -> None:
        self.store = FaultyStore(store)
        self.parts = FaultyParts()
        self.sidecar = FaultySidecar(MemorySidecar(), self.parts)
        self.keys = FaultyKeys(MemoryKeys(SeededRandomness("keys")), self.parts)
        self.clock = FakeClock()
        self.randomness = SeededRandomness()
        self.acknowledged: set[str] = set()
        self.said = 0
        self.ledger = self.open()

    def open(self) -> Ledger:
        notary = Notary(self.sidecar, self.keys)
        self.ledger = Ledger(self.store, self.clock, self.randomness, notary)
        return self.ledger

    def heal(self) -> None:
        self.store.fault = self.parts.fault = None

    def say(self) -> None:
        self.said += 1
        name = f"s-{self.said}"
        self.ledger.record(
            [Statement(id=name, source="ci", records=(Artifact(key=f"acme:{name}"),))]
        )
        self.acknowledged.add(name)

    def check(self) -> None:
        """Demand that everything acknowledged is there, signed, and that no note lies."""
        answer = self.ledger.custody.checkpoint()
        with self.store.read() as reader:
            size = reader.head().size
            kept = {view.statement for view in self.ledger.entries(0, count=1_000).entries}
            rows = read_keys(reader)
            for note in [*self.sidecar.notes, answer.note.encode()]:
                said = read_checkpoint(note)
                assert said.root == root_at(said.size, reader.hashes)
                open_checkpoint(note, keys_in_force(rows, said.size))
        assert answer.size == size
        assert answer.unsigned == 0
        assert self.acknowledged <= kept
        check_ledger(self.ledger)


@pytest.fixture
def bench(store: Store) -> Iterator[Bench]:
    bench = Bench(store)
    yield bench
    bench.heal()


def sign(ledger: Ledger) -> object:
    return ledger.custody.checkpoint()


def rotate(ledger: Ledger) -> object:
    return ledger.custody.rotate_key("a test")


SIGNING_FAULTS = [(act, when, nth) for act in ("write", "make") for when in When for nth in (1, 2)]


@pytest.mark.parametrize("fault", SIGNING_FAULTS, ids=str)
def test_the_first_signature_survives_a_fault_beside_the_store(
    bench: Bench, fault: tuple[str, When, int]
) -> None:
    bench.parts.fault = fault
    attempt(bench, lambda _: bench.say(), sign)
    bench.heal()
    bench.open()
    bench.say()
    bench.check()


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("step", STORE_STEPS)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_the_first_signature_survives_a_fault_of_the_store(
    bench: Bench, step: Step, when: When, nth: int
) -> None:
    bench.store.fault = Fault(step, when, nth)
    attempt(bench, lambda _: bench.say(), sign)
    bench.heal()
    bench.open()
    bench.say()
    bench.check()


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("act", ["stage", "promote", "write"])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("reopens", [True, False])
def test_a_rotation_survives_a_fault_beside_the_store(
    bench: Bench, act: str, when: When, nth: int, *, reopens: bool
) -> None:
    bench.say()
    bench.check()
    bench.parts.fault = (act, when, nth)
    attempt(bench, rotate)
    bench.heal()
    if reopens:
        bench.open()
    bench.say()
    bench.check()
    rotate(bench.ledger)
    bench.say()
    bench.check()


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("step", [*STORE_STEPS])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_rotation_survives_a_fault_of_the_store(
    bench: Bench, step: Step, when: When, nth: int
) -> None:
    bench.say()
    bench.check()
    bench.store.fault = Fault(step, when, nth)
    attempt(bench, rotate)
    bench.heal()
    bench.open()
    bench.say()
    bench.check()


@pytest.mark.parametrize("when", When)
def test_a_signature_that_fails_does_not_take_back_what_was_acknowledged(
    bench: Bench, when: When
) -> None:
    """An entry is durable before it is signed: its caller is told so, and the fault is kept."""
    bench.say()
    bench.parts.fault = ("write", when, 1)
    bench.say()
    assert isinstance(fault_of(bench), BrokenError)
    bench.clock.now_us += 2_000_000
    bench.say()
    assert fault_of(bench) is None
    bench.check()


def fault_of(bench: Bench) -> LedgerError | None:
    return bench.ledger.custody.fault


def test_time_that_runs_backwards_is_signed_too(bench: Bench) -> None:
    for _ in range(5):
        bench.say()
        bench.clock.turn_back(7_000_000)
        sign(bench.ledger)
    bench.check()


def test_two_processes_sign_one_history(bench: Bench) -> None:
    other = Ledger(
        bench.store,
        bench.clock,
        SeededRandomness("other"),
        Notary(bench.sidecar, bench.keys),
    )
    bench.say()
    for number in range(5):
        other.record(
            [Statement(id=f"o-{number}", source="other", records=(Artifact(key="acme:o"),))]
        )
        sign(other)
        bench.say()
        sign(bench.ledger)
    bench.check()


def attempt(bench: Bench, *steps: Action) -> None:
    """Do what may break; only our own errors may come of it."""
    with suppress(LedgerError):
        for step in steps:
            step(bench.ledger)
