"""Tell of claims as they were said: of which node, by whom, on what evidence, since which entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineage.graph.links import Crossing
from lineage.projections.links import LINK, LinkRow, read_evidence
from lineage.projections.standing import last_said
from lineage.questions.as_of import envelope_at
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import read_identifiers
from lineage.questions.showing import read_nodes_then
from lineage.stores.base import Reader
from lineage.stores.tables import is_visible
from lineage.vertices import node_name
from lineage_schemas.graph import Node
from lineage_schemas.identity import JoinStep, NamedNode, SaidClaim
from lineage_schemas.instants import format_instant


def read_registers(reader: Reader, vertices: Iterable[int], then: Then) -> list[LinkRow]:
    """Return what each source said last of each claim of these nodes, taken back or not.

    Of a stated time it is what was said last by then, as stated times decide.
    """
    if then.valid is not None:
        return last_said(reader, set(vertices), then.size, then.valid)
    rows = map(LinkRow._make, reader.find(LINK, "vertex", set(vertices)))
    return [row for row in rows if is_visible(row.since, row.until, then.size)]


class Claims:
    """Tells claims; what is read for one serves the others."""

    def __init__(self, reader: Reader, then: Then) -> None:
        self._reader = reader
        self._then = then
        self._nodes: dict[int, Node] = {}
        self._identifiers: dict[int, str | None] = {}
        self._recorded: dict[int, str] = {}

    def load(self, rows: Iterable[LinkRow]) -> None:
        """Read at once what telling these claims takes."""
        listed = list(rows)
        self.load_nodes(row.vertex for row in listed)
        self._identifiers |= read_identifiers(
            self._reader, {row.hub for row in listed} - self._identifiers.keys()
        )

    def load_nodes(self, vertices: Iterable[int]) -> None:
        """Read at once what showing these nodes takes."""
        missing = set(vertices) - self._nodes.keys()
        self._nodes |= read_nodes_then(self._reader, missing, self._then)

    def node(self, vertex: int) -> NamedNode:
        """Return a node by its names."""
        self.load_nodes([vertex])
        name, node = node_name(vertex), self._nodes[vertex]
        return NamedNode(kind=name.kind, id=name.id, key=node.key, type=node.type)

    def nodes(self, vertices: Iterable[int]) -> tuple[NamedNode, ...]:
        """Return nodes by their names, in the order given."""
        listed = list(vertices)
        self.load_nodes(listed)
        return tuple(map(self.node, listed))

    def claim(self, row: LinkRow) -> SaidClaim:
        """Return one claim as it was said."""
        self.load([row])
        return SaidClaim(
            node=self.node(row.vertex),
            identifier=self._identifiers.get(row.hub),
            link_class=row.link_class,
            source=row.source,
            evidence=read_evidence(row),
            stands=bool(row.active),
            position=row.since,
            recorded_at=self._recorded_at(row.since),
            stated_at=None if row.stated_us is None else format_instant(row.stated_us),
        )

    def claims(self, rows: Sequence[LinkRow]) -> tuple[SaidClaim, ...]:
        """Return claims as they were said, in the order given."""
        self.load(rows)
        return tuple(map(self.claim, rows))

    def steps(self, chain: Sequence[Crossing]) -> tuple[JoinStep, ...]:
        """Return a chain of links, each with its two claims."""
        self.load(row for step in chain for row in step[:2])
        return tuple(
            JoinStep(
                link_class=step.link_class, near=self.claim(step.near), far=self.claim(step.far)
            )
            for step in chain
        )

    def _recorded_at(self, position: int) -> str:
        if position not in self._recorded:
            recorded_us = envelope_at(self._reader, position).recorded_us
            self._recorded[position] = format_instant(recorded_us)
        return self._recorded[position]
