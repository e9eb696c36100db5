"""Ledgers that were told a history, with what an oracle makes of it as of each size."""

from typing import NamedTuple

from doubles import FakeClock, SeededRandomness
from lineage.ledger import Kind, LinkClass, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from oracle import Graph
from strategies import cut

DEFAULT = (LinkClass.ASSERTED, LinkClass.CONTENT)
EVERY = (*DEFAULT, LinkClass.DERIVED)

Keys = dict[tuple[Kind | None, int | None], str]


class Told(NamedTuple):
    """A ledger, and for each size between its batches what it had been told by then."""

    ledger: Ledger
    graphs: dict[int, Graph]

    def keys(self, size: int) -> Keys:
        """Return the key of every node, by kind and id."""
        return {
            (node.kind, node.id): str(node.key)
            for kind in Kind
            for node in self.ledger.list_nodes(kind.value, count=1_000, as_of=size).nodes
        }


def told(statements: list[Statement], sizes: list[int]) -> Told:
    """Tell a ledger in memory a history, in batches of these sizes."""
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    return tell(ledger, statements, sizes)


def tell(ledger: Ledger, statements: list[Statement], sizes: list[int]) -> Told:
    """Tell a ledger a history, in batches of these sizes."""
    graphs = {0: Graph([])}
    so_far: list[Statement] = []
    for batch in cut(statements, sizes):
        ledger.record(batch)
        so_far += batch
        graphs[ledger.head().size] = Graph(so_far)
    return Told(ledger, graphs)
