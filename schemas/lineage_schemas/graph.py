"""What answers about the lineage graph look like: flat nodes, edges and links.

Structs that come in tens of thousands are built without the cyclic collector's tracking: they hold
plain JSON, which cannot point back at them.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.governance import PartsErased
from lineage_schemas.mlmd import EventKind, Kind, TypeRecord
from lineage_schemas.values import JsonValue


class Direction(StrEnum):
    """Which way to walk: against the flow of data, with it, or both ways from the start."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


class Node(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A node as of a size. A stub is named by somebody and described by nobody.

    ``id`` is ``None`` only for what the log has never heard of. ``depth`` counts the lineage edges
    from the nearest start; crossing a link is free. ``redacted`` counts the entries that spoke of
    the node and of which something was erased; an erased value that is known to have been there
    shows as ``{"$redacted": POSITION}``.
    """

    kind: Kind | None = None
    id: int | None = None
    key: str | None = None
    type: str | None = None
    type_version: str | None = None
    name: str | None = None
    external_id: str | None = None
    uri: str | None = None
    state: str | None = None
    properties: dict[str, JsonValue] = {}
    custom_properties: dict[str, JsonValue] = {}
    stub: bool = False
    depth: int = 0
    redacted: int = 0


class Edge(Struct, frozen=True, omit_defaults=True, gc=False):
    """An Event between an artifact and an execution, by their ids."""

    artifact: int
    execution: int
    kind: EventKind
    path: tuple[str | int, ...] = ()
    time_us: int | None = None


class Redaction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something was erased from the entry at ``position``: by whom, when and why.

    ``erased_by`` is the position of the entry that states the erasure. It is ``None`` only while a
    store that was restored from a backup has lost that entry: then the sidecar alone knows of it.
    Names that were erased themselves show as pseudonyms.
    """

    position: int
    parts: PartsErased
    erased_by: int | None = None
    requester: str = ""
    approver: str = ""
    at: str | None = None
    legal_basis: str = ""
    reason: str = ""


class Link(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node goes by an identifier: by whose claim, how strong, on what evidence.

    ``link_class`` is ``key`` for a node's own key.
    """

    kind: Kind
    node: int
    identifier: str | None
    link_class: str
    source: str = ""
    evidence: dict[str, JsonValue] = {}


class ConflictKind(StrEnum):
    """In what claims of one entity contradict each other."""

    DIGESTS = "digests"
    """Its members have digests of one algorithm, and none that all of them could have."""
    IDS = "ids"
    """It goes by two ids of which one tool gives each thing just one."""
    TYPES = "types"
    """Its members are of types with different base types."""
    COMMITS = "commits"
    """Its members are one run, and name different commits as the code that ran."""
    DENIED = "denied"
    """One source asserts an identifier of a node, and another one took the same claim back."""
    REPEATED = "repeated"
    """One source asserts one identifier of two nodes that it describes itself."""


class Entity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Nodes that asserted links join, with their values merged by the rule of observations.

    ``conflicts`` counts what contradicts itself in what is said of them, and ``conflict_kinds``
    tell of which kinds: the nodes are shown as one all the same.
    """

    kind: Kind
    members: tuple[int, ...]
    merged: Node
    conflicts: int = 0
    conflict_kinds: tuple[ConflictKind, ...] = ()


class TruncationReason(StrEnum):
    """Which limit cut an answer."""

    DEPTH = "depth"
    NODES = "nodes"
    FANOUT = "fanout"
    NEIGHBOURS = "neighbours"
    PATHS = "paths"
    STEPS = "steps"
    CANDIDATES = "candidates"


class Truncation(Struct, frozen=True, kw_only=True):
    """An answer was cut by a limit.

    ``hidden`` counts the nodes that were seen beyond the limit and not walked: at least that many
    are missing. Of the candidates of a search at least that many were not looked at. Of ``FANOUT``
    it counts the edges that were not followed, of column lineage the executions that were not read:
    what they lead to may be shown all the same. Of ``PATHS`` it counts paths.

    It is 0 where how much is missing is not known: of ``STEPS``, which bounds how many steps are
    looked at, and of ``DEPTH`` where a walk both ways found the other way what it saw beyond.
    """

    reason: TruncationReason
    limit: int
    hidden: int


class ResolvedLabel(Struct, frozen=True, kw_only=True):
    """What a label turned out to name: the key that stands in its place, and how it is called."""

    text: str
    key: str
    kind: Kind
    type: str | None
    label: str


class LineageAnswer(Struct, frozen=True, kw_only=True):
    """A bounded piece of the lineage graph.

    ``nodes`` come nearest first, then by kind and id. ``links`` are all claims by which a link was
    crossed between two of them. ``entities`` are those of more than one member among the nodes.
    ``unknown`` are start identifiers that the log has not heard of; each also stands among the
    nodes as a stub without id. ``redactions`` says what was erased of what is shown; the basis
    counts them. ``start`` holds identifiers alone: where a label was given, ``labels`` says what it
    turned out to name.

    ``stubs`` counts the nodes that somebody names and nobody describes, and ``unresolved`` those of
    them that no asserted link joins to a node that somebody describes. ``undated`` counts the nodes
    and edges that are counted in for a valid time though nobody dated them. ``filtered`` counts the
    nodes that the walk found and a filter left out, and ``stopped`` those that were shown and not
    walked on from, because they fulfil ``stop_at``. ``not_begun`` are start identifiers of nodes
    that nobody states to have been there by the valid time: they are no part of the answer.
    """

    basis: Basis
    direction: Direction
    start: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    links: tuple[Link, ...] = ()
    entities: tuple[Entity, ...] = ()
    truncations: tuple[Truncation, ...] = ()
    stubs: int = 0
    unknown: tuple[str, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    labels: tuple[ResolvedLabel, ...] = ()
    unresolved: int = 0
    undated: int = 0
    filtered: int = 0
    stopped: int = 0
    not_begun: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        return not self.unknown and not self.truncations and self.basis.complete


class MetricValues(Struct, frozen=True, kw_only=True):
    """A metric of an execution by step, its chunks joined: (step, value, time) of each point."""

    metric: str
    points: tuple[tuple[int, JsonValue, str | None], ...]


class NodeAnswer(Struct, frozen=True, kw_only=True):
    """All that is known of one node, or of the entity it belongs to.

    ``node`` carries the values merged over ``members``; ``contexts`` are what it belongs to, and
    ``contained`` what belongs to it where it is a context. ``label`` is what was asked for, where
    that was no identifier.
    """

    basis: Basis
    node: Node
    members: tuple[Node, ...]
    links: tuple[Link, ...]
    contexts: tuple[Node, ...] = ()
    contained: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    series: tuple[MetricValues, ...] = ()
    truncations: tuple[Truncation, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None


class TypeView(Struct, frozen=True, kw_only=True):
    """A type of a namespace, with the id that the namespace assigned to it."""

    kind: Kind
    id: int
    type: TypeRecord


class TypesAnswer(Struct, frozen=True, kw_only=True):
    """The types of a namespace, by id."""

    basis: Basis
    types: tuple[TypeView, ...]


class NodePage(Struct, frozen=True, kw_only=True):
    """One page of a list. ``cursor`` asks for the next page; ``None``: this is the last.

    A page that is not the last may hold few nodes, or none, where a filter passed over many.
    ``truncations`` say of a search that more nodes may show its words than it looked at.
    """

    basis: Basis
    nodes: tuple[Node, ...]
    cursor: str | None
    redactions: tuple[Redaction, ...] = ()
    truncations: tuple[Truncation, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing was cut, and nothing is known to be missing in the basis."""
        return not self.truncations and self.basis.complete


class EntryView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry as a reader sees it: its place, who said it and when, and the records themselves.

    ``records`` is ``None`` where the facts were erased; ``erased`` says which parts were.
    """

    position: int
    leaf: str
    statement: str
    source: str
    namespace: str
    actor: str
    mode: str
    batch_start: int
    batch_length: int
    recorded_at: str
    stated_from: str | None = None
    stated_to: str | None = None
    stated_precision: str | None = None
    message: int | None = None
    mapping: str | None = None
    records: tuple[JsonValue, ...] | None = None
    erased: PartsErased | None = None


class EntryPage(Struct, frozen=True, kw_only=True):
    """One page of the log. ``next_position`` asks for the next page; ``None``: this is the last."""

    basis: Basis
    entries: tuple[EntryView, ...]
    next_position: int | None
    redactions: tuple[Redaction, ...] = ()
