"""What a question of the graph is answered from."""

from __future__ import annotations

from typing import NamedTuple

from lineage.graph.index import GraphSnapshot
from lineage.graph.links import LinkIndex
from lineage.questions.as_of import Valid
from lineage.stores.base import Reader
from lineage_schemas.basis import Basis


class GraphAsked(NamedTuple):
    """One snapshot of one namespace, with its graph, its basis and the valid time asked about.

    ``number`` is that of the namespace, ``None`` where nobody has said anything in it yet. The
    basis states the valid time already.
    """

    reader: Reader
    graph: GraphSnapshot
    number: int | None
    basis: Basis
    valid: Valid | None

    @property
    def links(self) -> LinkIndex:
        """The links that are asked about."""
        return self.graph.links

    @property
    def valid_us(self) -> int | None:
        """The last moment of the valid time that is asked about."""
        return None if self.valid is None else self.valid.time.end_us - 1

    @property
    def size(self) -> int:
        """The size that is asked about."""
        return self.basis.size
