"""What differs: between two pasts of one lineage, and what the log added between two sizes."""

from __future__ import annotations

from enum import StrEnum

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
from lineage_schemas.mlmd import EventKind, Kind
from lineage_schemas.values import JsonValue


class FieldChange(Struct, frozen=True, kw_only=True):
    """A shown value of a node before and after; ``None``: none was shown.

    ``position`` is the entry that brought what is shown after, in the words of ``source``. It is
    ``None`` where nothing said by then shows, such as of an earlier stated time.
    """

    field: str
    before: JsonValue
    after: JsonValue
    position: int | None = None
    source: str = ""
    stated_at: str | None = None


class NodeChange(Struct, frozen=True, kw_only=True):
    """A node of both pasts that shows other values now; ``node`` is the one after."""

    node: Node
    changes: tuple[FieldChange, ...]


class EdgeAt(Struct, frozen=True, kw_only=True):
    """An edge, and the entry that told of it first."""

    edge: Edge
    position: int | None = None


class EdgeChange(Struct, frozen=True, kw_only=True):
    """An edge of both pasts of which somebody said more precisely where and when."""

    before: Edge
    after: Edge


class LinkReason(StrEnum):
    """Why a link is crossed now and was not, or the other way round."""

    CLAIMED = "claimed"
    RETRACTED = "retracted"
    RESTATED = "restated"
    REACHED = "reached"
    UNREACHED = "unreached"


class LinkChange(Struct, frozen=True, kw_only=True):
    """A link that one of the pasts crosses and the other does not.

    ``reached`` and ``unreached``: the claim is the same, and only the walk came elsewhere.
    ``position`` is the entry that claimed it, or that took it back.
    """

    link: Link
    reason: LinkReason
    position: int | None = None


class EntityChange(Struct, frozen=True, kw_only=True):
    """Nodes that are one thing in one past, and ``parts`` things in the other; by their ids."""

    kind: Kind
    members: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]


class LineageDiff(Struct, frozen=True, kw_only=True):
    """One lineage in two pasts, ``before`` and ``basis``, and what differs.

    What was cut in one of the two may differ for that alone, so ``truncations`` (after) and
    ``truncations_before`` belong to the answer. ``described`` were stubs. ``gone`` is what the walk
    does not come to any more: the log itself loses nothing. ``start`` holds the identifiers that
    were traced in both pasts; a label is resolved as of ``basis``. ``keys`` names the nodes that
    edges, links and entities speak of: ``artifact/7``, and the key of it. ``not_begun`` had not
    begun at the valid time; ``undated`` counts the nodes and edges that count for it though nobody
    dated them.
    """

    basis: Basis
    before: Basis
    direction: Direction
    start: tuple[str, ...]
    count_before: int
    count_after: int
    nodes_added: tuple[Node, ...] = ()
    nodes_gone: tuple[Node, ...] = ()
    nodes_changed: tuple[NodeChange, ...] = ()
    described: tuple[Node, ...] = ()
    edges_added: tuple[EdgeAt, ...] = ()
    edges_gone: tuple[EdgeAt, ...] = ()
    edges_changed: tuple[EdgeChange, ...] = ()
    links_added: tuple[LinkChange, ...] = ()
    links_gone: tuple[LinkChange, ...] = ()
    joined: tuple[EntityChange, ...] = ()
    parted: tuple[EntityChange, ...] = ()
    keys: dict[str, str] = {}
    truncations: tuple[Truncation, ...] = ()
    truncations_before: tuple[Truncation, ...] = ()
    unknown: tuple[str, ...] = ()
    unknown_before: tuple[str, ...] = ()
    not_begun: tuple[str, ...] = ()
    not_begun_before: tuple[str, ...] = ()
    undated: int = 0
    undated_before: int = 0
    redactions: tuple[Redaction, ...] = ()
    labels: tuple[ResolvedLabel, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing was cut, and nothing is known to be missing, in either past.

        What one of the two has not heard of is what differs; what neither has is unknown.
        """
        cut = self.truncations or self.truncations_before
        unknown = set(self.unknown) & set(self.unknown_before)
        return not unknown and not cut and self.basis.complete and self.before.complete

    @property
    def is_same(self) -> bool:
        """Tell whether nothing differs."""
        return not any(
            (
                *(self.nodes_added, self.nodes_gone, self.nodes_changed),
                *(self.edges_added, self.edges_gone, self.edges_changed),
                *(self.links_added, self.links_gone, self.joined, self.parted),
            )
        )


class AddedEntry(Struct, frozen=True, kw_only=True):
    """An entry that was added: who said it when, and how many records of which kind it has."""

    position: int
    source: str
    mode: str
    recorded_at: str
    stated_at: str | None
    records: dict[str, int]


class SourceCount(Struct, frozen=True, kw_only=True):
    """How many entries of one mode a source added."""

    source: str
    mode: str
    entries: int


class TypeCount(Struct, frozen=True, kw_only=True):
    """How many nodes of a type were first seen, and how often one was changed.

    The type is the one that shows at the end of what is asked about; ``None``: nobody said.
    """

    kind: Kind
    type: str | None
    first_seen: int
    changed: int


class SeenNode(Struct, frozen=True, kw_only=True):
    """A node that was never mentioned before that entry, as it shows at the end."""

    position: int
    node: Node


class ChangedNode(Struct, frozen=True, kw_only=True):
    """An entry changed what shows of a node that had been mentioned before."""

    position: int
    kind: Kind
    id: int
    key: str | None
    type: str | None
    changes: tuple[FieldChange, ...]


class AddedEdge(Struct, frozen=True, kw_only=True):
    """An edge that no earlier entry told of."""

    position: int
    artifact: int
    artifact_key: str | None
    execution: int
    execution_key: str | None
    kind: EventKind


class ChangedEdge(Struct, frozen=True, kw_only=True):
    """An entry said more precisely where or when of an edge that an earlier one had told of."""

    position: int
    artifact_key: str | None
    execution_key: str | None
    before: Edge
    after: Edge


class AddedMember(Struct, frozen=True, kw_only=True):
    """A node became a member of a context."""

    position: int
    context: int
    context_key: str | None
    kind: Kind
    member: int
    member_key: str | None


class LinkAt(Struct, frozen=True, kw_only=True):
    """A claim that came to stand, or was taken back, by that entry."""

    position: int
    kind: Kind
    id: int
    key: str | None
    identifier: str | None
    link_class: str
    source: str
    evidence: dict[str, JsonValue] = {}


class BetweenPage(Struct, frozen=True, kw_only=True):
    """One page of what the log added to a namespace between two sizes, ``before`` and ``basis``.

    The page is about the entries from ``start`` to ``stop`` (half-open), and so are its counts:
    those of all pages add up. ``cursor`` asks for the next page; ``None``: this is the last.
    ``filtered`` counts the nodes of which these entries speak and which a filter left out, with
    what joins them; ``entries``, ``sources`` and ``records`` are of all entries, whatever it asks.
    """

    basis: Basis
    before: Basis
    start: int
    stop: int
    entries: tuple[AddedEntry, ...]
    sources: tuple[SourceCount, ...] = ()
    records: dict[str, int] = {}
    types: tuple[TypeCount, ...] = ()
    first_seen: tuple[SeenNode, ...] = ()
    changed: tuple[ChangedNode, ...] = ()
    edges: tuple[AddedEdge, ...] = ()
    edges_changed: tuple[ChangedEdge, ...] = ()
    memberships: tuple[AddedMember, ...] = ()
    links_made: tuple[LinkAt, ...] = ()
    links_retracted: tuple[LinkAt, ...] = ()
    filtered: int = 0
    cursor: str | None = None
    truncations: tuple[Truncation, ...] = ()
    redactions: tuple[Redaction, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether this page is all of it, and nothing is known to be missing in the basis."""
        return self.cursor is None and self.start == self.before.size and self.basis.complete
