"""One caller that fills the writer's queue does not keep the others out of it."""

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Event as Signal

import pytest

from lineage.intake import Delivery, Outcomes
from lineage.ledger import Artifact, Principal, Statement
from lineage.service import Ledger
from lineage.writing.submission import Outcome, Receipt
from lineage_api.writing import GROUP_LENGTH_MAX, GroupWriter
from lineage_schemas.errors import OverloadedError, RateLimitedError

WAIT_SECONDS = 30


class Gate:
    """A commit that waits to be let through, and remembers who came in which group."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.begun = Signal()
        self.open = Signal()

    def commit(self, deliveries: Sequence[Delivery]) -> Outcomes:
        self.groups.append([one.batch.principal.name for one in deliveries])
        self.begun.set()
        assert self.open.wait(WAIT_SECONDS)
        return [[Receipt("s", 0, Outcome.APPENDED)] for _ in deliveries]


def sent(ledger: Ledger, writer: GroupWriter, who: str, count: int = 1) -> Future[Outcomes]:
    """Send so many deliveries at once."""
    said = [Statement(id="s", source="test", records=(Artifact(key="mytool:x"),))]
    delivery = ledger.prepare(said, principal=Principal(who))
    return writer.enqueue([delivery] * count)


def blocked(ledger: Ledger, gate: Gate, length_max: int) -> GroupWriter:
    """Return a writer that is busy."""
    writer = GroupWriter(gate.commit, length_max=length_max, bytes_max=10**9, shared=True)
    writer.start()
    sent(ledger, writer, "first")
    assert gate.begun.wait(WAIT_SECONDS)
    return writer


def test_a_greedy_caller_is_told_to_wait_and_the_others_are_not(ledger: Ledger) -> None:
    gate = Gate()
    writer = blocked(ledger, gate, 10)
    for _ in range(5):
        sent(ledger, writer, "greedy")
    with pytest.raises(RateLimitedError, match="share"):
        sent(ledger, writer, "greedy")
    modest = [sent(ledger, writer, f"modest-{number}") for number in range(5)]
    with pytest.raises(OverloadedError, match="queue"):
        sent(ledger, writer, "late")
    gate.open.set()
    assert all(one.result(WAIT_SECONDS) for one in modest)
    writer.stop()


def test_a_caller_that_comes_later_is_written_before_the_rest_of_a_long_queue(
    ledger: Ledger,
) -> None:
    gate = Gate()
    writer = blocked(ledger, gate, 10 * GROUP_LENGTH_MAX)
    for _ in range(3):
        sent(ledger, writer, "greedy", GROUP_LENGTH_MAX)
    sent(ledger, writer, "modest")
    gate.open.set()
    writer.stop()
    assert [group[0] for group in gate.groups] == ["first", "greedy", "modest", "greedy", "greedy"]
