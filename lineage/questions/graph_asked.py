"""What a question of the graph is answered from."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from lineage.graph.index import GraphSnapshot
from lineage.graph.links import LinkIndex
from lineage.graph.standing_links import links_standing
from lineage.projections.links import LinkRow
from lineage.projections.standing import standing_links
from lineage.questions.as_of import Valid, with_valid
from lineage.stores.base import Reader
from lineage.valid_time import ValidTime
from lineage_schemas.basis import Basis


class Then(NamedTuple):
    """A size, and the stated time that is asked about, if one is."""

    size: int
    valid: ValidTime | None = None

    @property
    def valid_us(self) -> int | None:
        """The last moment of the stated time."""
        return None if self.valid is None else self.valid.end_us - 1


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
        return self.then.valid_us

    @property
    def then(self) -> Then:
        """The two times that are asked about."""
        return Then(self.basis.size, self.valid and self.valid.time)

    @property
    def size(self) -> int:
        """The size that is asked about."""
        return self.basis.size


def ask_graph(
    reader: Reader, snapshot: GraphSnapshot, number: int | None, basis: Basis, valid: Valid | None
) -> GraphAsked:
    """Return what a question is answered from: of a valid time, by the links that stood at it."""
    if valid is not None and number is not None:
        snapshot = snapshot._replace(links=_links_then(reader, number, valid, snapshot.links))
    return GraphAsked(reader, snapshot, number, with_valid(basis, valid), valid)


def _links_then(reader: Reader, number: int, valid: Valid, links: LinkIndex) -> LinkIndex:
    """Return the links that stood at a stated time: they are read, as nobody keeps them."""

    def stood(column: str, values: Collection[int], size: int) -> list[LinkRow]:
        return standing_links(reader, column, values, size, valid.time)

    return links_standing(reader, number, stood, links)
