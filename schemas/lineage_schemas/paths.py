"""What answers look like that set several nodes against each other: paths, and what is common."""

from __future__ import annotations

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import (
    Direction,
    Edge,
    Link,
    Node,
    Redaction,
    ResolvedLabel,
    Truncation,
)
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass


class NodeRef(Struct, frozen=True, gc=False):
    """Names a node of an answer."""

    kind: Kind
    id: int


class CrossedLink(Struct, frozen=True, kw_only=True):
    """A step by identity: two nodes share an identifier, as surely as the weaker claim says."""

    link_class: LinkClass
    near: Link
    far: Link


class PathStep(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a path: every edge that leads this way between two nodes, or every link."""

    edges: tuple[Edge, ...] = ()
    links: tuple[CrossedLink, ...] = ()


class Path(Struct, frozen=True, kw_only=True):
    """A way from the start to the end, with the flow of data or against it.

    ``length`` counts its lineage edges: links are shown as steps and count nothing. There is one
    step fewer than there are nodes.
    """

    direction: Direction
    length: int
    nodes: tuple[NodeRef, ...]
    steps: tuple[PathStep, ...]


class PathsAnswer(Struct, frozen=True, kw_only=True):
    """The shortest paths between two things: by length, then by links, way and nodes.

    Artifacts come before executions, and each by id; of chains of links between the same two edges
    the shortest is shown. ``nodes`` are those of all paths. ``contexts`` are what was named and is
    a context, through which no data flows; ``unknown`` what the log has not heard of. ``stubs`` and
    ``unresolved`` count among the nodes shown as in ``LineageAnswer``, and ``undated`` counts the
    nodes and edges shown that count for a valid time though nobody dated them.
    """

    basis: Basis
    start: str
    end: str
    direction: Direction
    paths: tuple[Path, ...] = ()
    nodes: tuple[Node, ...] = ()
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
    def complete(self) -> bool:
        """Tell whether nothing is unknown or missing, and these are all paths."""
        return not self.unknown and not self.truncations and self.basis.complete


class CommonNode(Struct, frozen=True, kw_only=True):
    """A node that lineage reaches from every start.

    ``depths`` are its distances in lineage edges from each, in the order of the question.
    ``nearest``: no other common node lies between it and any of the starts, but for those that lead
    back to it.
    """

    node: Node
    depths: tuple[int, ...]
    nearest: bool


class CommonAnswer(Struct, frozen=True, kw_only=True):
    """What several things have in common upstream or downstream.

    The nearest come first, then by the sum of their depths, by kind and id. A start that all others
    lead to is common too. ``undated`` counts the nodes and edges walked that count for a valid time
    though nobody dated them, each once; the other fields are as in ``PathsAnswer``.
    """

    basis: Basis
    start: tuple[str, ...]
    direction: Direction
    common: tuple[CommonNode, ...] = ()
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
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        return not self.unknown and not self.truncations and self.basis.complete
