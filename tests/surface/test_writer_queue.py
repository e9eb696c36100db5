import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event as Signal

import pytest

from lineage.intake import Delivery, Outcomes
from lineage.ledger import Artifact, Statement
from lineage.service import Ledger
from lineage.writing.submission import Outcome, Receipt
from lineage_api.writing import GROUP_LENGTH_MAX, GroupWriter
from lineage_schemas.errors import (
    ConflictError,
    LedgerError,
    OverloadedError,
    StoreBusyError,
    StoreError,
)

WAIT_SECONDS = 30


class Gate:
    """A commit that waits to be let through, and remembers what came in which group."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.begun = Signal()
        self.open = Signal()
        self.fail: list[Exception] = []

    def commit(self, deliveries: Sequence[Delivery]) -> Outcomes:
        self.groups.append([name_of(one) for one in deliveries])
        self.begun.set()
        assert self.open.wait(WAIT_SECONDS)
        if self.fail:
            raise self.fail.pop(0)
        return [[Receipt(name_of(one), 0, Outcome.APPENDED)] for one in deliveries]


def name_of(delivery: Delivery) -> str:
    return delivery.batch.statements[0].statement.id


def delivery(ledger: Ledger, name: str, records: int = 1) -> Delivery:
    """Return one batch of one statement."""
    said = tuple(Artifact(key=f"mytool:{name}-{number}") for number in range(records))
    return ledger.prepare([Statement(id=name, source="test", records=said)])


def writer_of(gate: Gate, length_max: int = 100, bytes_max: int = 1_000_000) -> GroupWriter:
    return GroupWriter(gate.commit, length_max=length_max, bytes_max=bytes_max)


def blocked(gate: Gate, writer: GroupWriter, ledger: Ledger) -> Future[Outcomes]:
    """Start a writer and keep it busy with one delivery."""
    writer.start()
    first = writer.enqueue([delivery(ledger, "first")])
    assert gate.begun.wait(WAIT_SECONDS)
    return first


def names(future: Future[Outcomes]) -> list[str]:
    """Return the statements that were answered with receipts."""
    found = []
    for outcome in future.result(WAIT_SECONDS):
        assert isinstance(outcome, list)
        found += [receipt.statement for receipt in outcome]
    return found


def test_what_waits_together_is_one_group(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate)
    first = blocked(gate, writer, ledger)
    waiting = [writer.enqueue([delivery(ledger, f"d{number}")]) for number in range(9)]
    gate.open.set()
    assert names(first) == ["first"]
    assert [names(one) for one in waiting] == [[f"d{number}"] for number in range(9)]
    assert gate.groups == [["first"], [f"d{number}" for number in range(9)]]
    writer.stop()


def test_a_request_is_never_parted_and_a_group_has_an_end(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate, length_max=10 * GROUP_LENGTH_MAX)
    blocked(gate, writer, ledger)
    half = [delivery(ledger, f"h{number}") for number in range(GROUP_LENGTH_MAX // 2)]
    large = [delivery(ledger, f"l{number}") for number in range(GROUP_LENGTH_MAX + 1)]
    for job in (half, half, half, large, half):
        writer.enqueue(job)
    gate.open.set()
    writer.stop()
    assert [len(group) for group in gate.groups] == [
        1,
        GROUP_LENGTH_MAX,
        GROUP_LENGTH_MAX // 2,
        GROUP_LENGTH_MAX + 1,
        GROUP_LENGTH_MAX // 2,
    ]


def test_a_full_queue_refuses_and_writes_nothing(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate, length_max=2)
    blocked(gate, writer, ledger)
    taken = [writer.enqueue([delivery(ledger, f"d{number}")]) for number in range(2)]
    with pytest.raises(OverloadedError):
        writer.enqueue([delivery(ledger, "late")])
    gate.open.set()
    assert [names(one) for one in taken] == [["d0"], ["d1"]]
    assert names(writer.enqueue([delivery(ledger, "later")])) == ["later"]
    writer.stop()
    assert "late" not in [name for group in gate.groups for name in group]


def test_bytes_fill_the_queue_too(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate, bytes_max=5_000)
    blocked(gate, writer, ledger)
    writer.enqueue([delivery(ledger, "small")])
    with pytest.raises(OverloadedError):
        writer.enqueue([delivery(ledger, "large", records=200)])
    gate.open.set()
    writer.stop()


def test_a_request_larger_than_the_queue_goes_in_alone(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate, length_max=2)
    blocked(gate, writer, ledger)
    large = writer.enqueue([delivery(ledger, f"d{number}") for number in range(5)])
    gate.open.set()
    assert len(names(large)) == 5
    writer.stop()


def test_stopping_writes_all_that_was_taken(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate)
    first = blocked(gate, writer, ledger)
    waiting = [writer.enqueue([delivery(ledger, f"d{number}")]) for number in range(5)]
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(writer.stop)
        while writer.is_alive:
            pass
        with pytest.raises(OverloadedError):
            writer.enqueue([delivery(ledger, "late")])
        assert not stopping.done()
        gate.open.set()
        stopping.result(WAIT_SECONDS)
    assert first.done()
    assert [names(one) for one in waiting] == [[f"d{number}"] for number in range(5)]


def test_a_writer_that_never_started_can_stop(ledger: Ledger) -> None:
    writer = writer_of(Gate())
    writer.stop()
    with pytest.raises(OverloadedError):
        writer.enqueue([delivery(ledger, "late")])


def test_a_store_error_fails_the_group_and_the_thread_lives_on(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate)
    first = blocked(gate, writer, ledger)
    waiting = [writer.enqueue([delivery(ledger, f"d{number}")]) for number in range(3)]
    gate.fail = [StoreBusyError("busy"), StoreError("broken")]
    gate.open.set()
    with pytest.raises(StoreBusyError):
        first.result(WAIT_SECONDS)
    for one in waiting:
        with pytest.raises(StoreError, match="broken"):
            one.result(WAIT_SECONDS)
    assert writer.is_alive
    assert names(writer.enqueue([delivery(ledger, "next")])) == ["next"]
    writer.stop()


def test_a_fault_in_one_delivery_does_not_take_the_others_along(ledger: Ledger) -> None:
    def commit(deliveries: Sequence[Delivery]) -> Outcomes:
        if any(name_of(one) == "poison" for one in deliveries):
            raise ZeroDivisionError
        return gate.commit(deliveries)

    gate = Gate()
    writer = GroupWriter(commit, length_max=100, bytes_max=1_000_000)
    blocked(gate, writer, ledger)
    waiting = [writer.enqueue([delivery(ledger, name)]) for name in ("a", "poison", "b")]
    gate.open.set()
    assert names(waiting[0]) == ["a"]
    with pytest.raises(ZeroDivisionError):
        waiting[1].result(WAIT_SECONDS)
    assert names(waiting[2]) == ["b"]
    writer.stop()


def test_who_gives_up_takes_the_delivery_back(ledger: Ledger) -> None:
    gate = Gate()
    writer = writer_of(gate)
    blocked(gate, writer, ledger)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.submit(delivery(ledger, "gone")), 0.01)

    asyncio.run(give_up())
    kept = writer.enqueue([delivery(ledger, "kept")])
    gate.open.set()
    assert names(kept) == ["kept"]
    writer.stop()
    assert gate.groups == [["first"], ["kept"]]


def test_many_at_once_over_a_real_ledger(ledger: Ledger) -> None:
    count = 200
    writer = GroupWriter(ledger.commit, length_max=count, bytes_max=10_000_000)
    writer.start()

    async def submit_all() -> list[list[Receipt] | BaseException]:
        jobs = (writer.submit(delivery(ledger, f"d{number}")) for number in range(count))
        return await asyncio.gather(*jobs, return_exceptions=True)

    receipts = asyncio.run(submit_all())
    writer.stop()
    positions = {one[0].position for one in receipts if isinstance(one, list)}
    assert len(positions) == count
    assert ledger.head().size == count + 2
    assert ledger.audit().findings == ()


def test_a_refused_delivery_does_not_disturb_its_neighbours(ledger: Ledger) -> None:
    ledger.record([Statement(id="d1", source="test", records=(Artifact(key="mytool:x"),))])
    writer = GroupWriter(ledger.commit, length_max=9, bytes_max=10_000_000)
    writer.start()
    three = writer.enqueue([delivery(ledger, f"d{number}") for number in range(3)])
    outcomes = three.result(WAIT_SECONDS)
    writer.stop()
    assert [isinstance(one, LedgerError) for one in outcomes] == [False, True, False]
    assert isinstance(outcomes[1], ConflictError)


class BrokenWatcher:
    """Cannot count."""

    def committed(self, *_: object) -> None:
        raise ZeroDivisionError

    def failed(self, *_: object) -> None:
        """Do nothing."""


def test_what_cannot_be_counted_is_acknowledged_all_the_same(ledger: Ledger) -> None:
    gate = Gate()
    gate.open.set()
    writer = GroupWriter(gate.commit, length_max=100, bytes_max=1_000_000, watcher=BrokenWatcher())
    writer.start()
    for name in ("a", "b"):
        (receipts,) = writer.enqueue([delivery(ledger, name)]).result(WAIT_SECONDS)
        assert not isinstance(receipts, LedgerError)
        assert receipts[0].statement == name
    writer.stop()
