"""What answers about the shape of the graph look like: what stands alone, what goes in circles."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Node, Redaction, ResolvedLabel, Truncation
from lineage_schemas.paths import Path


class OrphanKind(StrEnum):
    """What a node is without."""

    ISOLATED = "isolated"
    """Any edge, membership or link that is crossed: nothing leads to it."""
    NO_UPSTREAM = "no-upstream"
    """Anything that made it: an artifact that no execution puts out."""
    NO_DOWNSTREAM = "no-downstream"
    """Anything that used it: an artifact that an execution put out and none took in."""


class OrphanPage(Struct, frozen=True, kw_only=True):
    """One page of orphans, by kind and id, or by type and then by id.

    A page may be short, or empty, and not the last: one looks at so many nodes and no more, and
    ``looked`` says how many. ``cursor`` asks for the next one; ``None``: this is the last.
    ``undated`` counts the edges that count for a valid time though nobody dated them, and which
    therefore keep a node out of the list.
    """

    basis: Basis
    without: OrphanKind
    nodes: tuple[Node, ...]
    looked: int
    cursor: str | None
    undated: int = 0
    redactions: tuple[Redaction, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is known to be missing in the basis."""
        return self.basis.complete


class Knot(Struct, frozen=True, kw_only=True):
    """Nodes that data flows from each to each other, where asserted links make nodes one.

    ``nodes`` are the first of them by kind and id, of ``size`` in all. ``cycle`` is a way round
    that ends where it began. ``is_shortest``: no other is shorter; false where there was too much
    to look through.
    """

    nodes: tuple[Node, ...]
    size: int
    cycle: Path
    is_shortest: bool = True

    @property
    def hidden(self) -> int:
        """How many of its nodes are not listed."""
        return self.size - len(self.nodes)


class CyclesAnswer(Struct, frozen=True, kw_only=True):
    """Where data flows in circles: of a whole namespace, or of what lineage leads to from a start.

    ``knots`` are the first ones, the largest first, then by kind and id of their first nodes, of
    ``knot_count`` in all, which ``node_count`` nodes are part of. ``passed`` are the nodes of their
    cycles; ``stubs`` and ``unresolved`` count among the nodes shown. ``undated`` counts
    edges alone, of all that were looked at. The other fields are as in ``PathsAnswer``.
    """

    basis: Basis
    start: str | None = None
    knots: tuple[Knot, ...] = ()
    passed: tuple[Node, ...] = ()
    knot_count: int = 0
    node_count: int = 0
    contexts: tuple[Node, ...] = ()
    truncations: tuple[Truncation, ...] = ()
    unknown: tuple[str, ...] = ()
    not_begun: tuple[str, ...] = ()
    stubs: int = 0
    unresolved: int = 0
    undated: int = 0
    redactions: tuple[Redaction, ...] = ()
    labels: tuple[ResolvedLabel, ...] = ()

    @property
    def hidden(self) -> int:
        """How many knots are not listed."""
        return self.knot_count - len(self.knots)

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or missing, and all knots were found."""
        return not self.unknown and not self.truncations and self.basis.complete
