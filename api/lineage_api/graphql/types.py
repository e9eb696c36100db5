"""What answers look like in GraphQL. Each type shows a struct of ``lineage_schemas`` as it is.

The structs themselves are handed to GraphQL, which reads their fields by name; a resolver stands
only where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import strawberry
from strawberry.scalars import JSON

from lineage_api.graphql.fields import resolved
from lineage_api.graphql.scalars import Int64
from lineage_schemas import graph
from lineage_schemas.basis import Basis
from lineage_schemas.entry import Head
from lineage_schemas.governance import PartsErased
from lineage_schemas.instants import format_instant
from lineage_schemas.integrity import CheckpointAnswer
from lineage_schemas.mlmd import EventKind, Kind
from lineage_schemas.records import LinkClass, Mode, Precision
from lineage_schemas.redactions import redacted_position
from lineage_schemas.values import JsonValue, PropertyType, value_type

strawberry.enum(Kind, description="The three kinds of node.")
strawberry.enum(
    EventKind,
    description="ML Metadata's seven kinds of Event: data flows into an execution, or out of it.",
)
strawberry.enum(
    graph.Direction, description="Against the flow of data, with it, or both ways from the start."
)
strawberry.enum(graph.TruncationReason, description="Which limit cut an answer.")
strawberry.enum(
    graph.ConflictKind, description="In what claims of one entity contradict each other."
)
strawberry.enum(LinkClass, name="ClaimClass", description="How strong a claim is, strongest first.")
strawberry.enum(PropertyType, description="ML Metadata's six types of properties.")
strawberry.enum(Mode, description="Observations commute; commands follow the order of the log.")
strawberry.enum(Precision, description="How exactly a stated time is known.")
strawberry.enum(
    PartsErased,
    description="What of an entry was erased: what was personal in it, or all that was said.",
)


@strawberry.enum(
    name="LinkClass",
    description="How strong a link is: a node's own key, or the class of a claim, strongest first.",
)
class ShownClass(StrEnum):
    """The classes of links, the key's own among them."""

    KEY = "key"
    ASSERTED = "asserted"
    CONTENT = "content"
    DERIVED = "derived"
    GUESSED = "guessed"


class PropertyValue(NamedTuple):
    """One property of a node, with its type; of an erased value, where it stood instead."""

    name: str
    type: PropertyType | None
    value: JsonValue
    declared: bool
    redacted_at: int | None


class MetricPoint(NamedTuple):
    """One value of a metric."""

    step: int
    value: JsonValue
    time: str | None


class HeadOfLog(NamedTuple):
    """Where the log of a ledger stands, and how to learn how far it is signed."""

    origin: str
    head: Head
    signed: Callable[[], CheckpointAnswer | None]


class ValidDuring(NamedTuple):
    """What ``valid_during`` of an answer is shown as."""

    start: str
    end: str


def named_interval(interval: tuple[str, str] | None) -> ValidDuring | None:
    """Name the ends of an interval."""
    return None if interval is None else ValidDuring(*interval)


@strawberry.type(
    name="ValidInterval", description="An interval of stated time; its end is no part of it."
)
class ValidDuringType:
    """Shows ``ValidDuring``."""

    start: datetime = strawberry.field(name="from")
    end: datetime = strawberry.field(name="to")


@strawberry.type(
    name="Basis",
    description="What an answer rests on. The same question on the same basis has the same answer.",
)
class BasisType:
    """Shows ``lineage_schemas.basis.Basis``."""

    origin: str = strawberry.field(description="The name of the log.")
    size: Int64 = strawberry.field(description="How many entries were looked at: 0 to size - 1.")
    root: str = strawberry.field(description="The root hash over those entries, in hexadecimal.")
    projection: str
    software: str
    namespace: str
    asked_size: Int64 | None = strawberry.field(
        description="The size asked for, where it lay inside a batch and was rounded down."
    )
    valid_at: datetime | None

    @resolved(ValidDuringType | None)
    @staticmethod
    def valid_during(basis: strawberry.Parent[Basis]) -> ValidDuring | None:
        """Name both ends."""
        return named_interval(basis.valid_during)

    redactions: Int64 = strawberry.field(
        description="Entries met of which something was erased; the answer says by whom and why."
    )
    last_erasure: Int64 | None = strawberry.field(
        description="The last entry that states an erasure from what was looked at. A basis from "
        "before it is refused."
    )
    sources: list[str] = strawberry.field(description="The sources in scope.")
    sources_at: datetime | None = strawberry.field(
        description="When they were judged: now, or when the last entry looked at was recorded. "
        "Null where nobody has said what any of them owes."
    )
    complete: bool = strawberry.field(description="False when something is known to be missing.")
    incomplete_because: list[str]


@strawberry.type(name="Property", description="A property of a node, with its type.")
class PropertyFields:
    """Shows ``PropertyValue``."""

    name: str
    type: PropertyType | None = strawberry.field(description="Null where the value was erased.")
    value: JSON | None = strawberry.field(description="Null where it was erased.")
    declared: bool = strawberry.field(
        description="True for a property of the node's type, false for a custom one."
    )
    redacted_at: Int64 | None = strawberry.field(
        description="The position of the entry that an erased value stood in; null: it is there."
    )


@strawberry.type(
    name="Node",
    description="An artifact, execution or context. A stub was named, and described by nobody.",
)
class NodeType:
    """Shows ``lineage_schemas.graph.Node``."""

    kind: Kind | None = strawberry.field(
        description="Null only for what the log has never heard of, as is the local id."
    )

    @resolved(Int64 | None, "The id that the namespace gave to this node, unique within its kind.")
    @staticmethod
    def local_id(node: strawberry.Parent[graph.Node]) -> int | None:
        """Return our id; to GraphQL's clients ``id`` means another thing."""
        return node.id

    key: str | None = strawberry.field(description="The identifier that names the node for ever.")
    type: str | None
    type_version: str | None
    name: str | None
    external_id: str | None
    uri: str | None
    state: str | None
    properties: JSON = strawberry.field(
        description='Properties of the type, by name. An erased value is {"$redacted": POSITION}.'
    )
    custom_properties: JSON

    @resolved(list[PropertyFields], "Every property with its type; those of the type come first.")
    @staticmethod
    def property_list(node: strawberry.Parent[graph.Node]) -> list[PropertyValue]:
        """List what the two objects of properties hold."""
        return [
            _property(name, value, declared=declared)
            for declared, values in ((True, node.properties), (False, node.custom_properties))
            for name, value in values.items()
            if value is not None
        ]

    stub: bool
    depth: int = strawberry.field(
        description="How many lineage edges away the nearest start is; crossing a link is free."
    )
    redacted: int = strawberry.field(
        description="How many entries that spoke of the node have lost something."
    )


def _property(name: str, value: JsonValue, *, declared: bool) -> PropertyValue:
    position = redacted_position(value)
    if position is not None:
        return PropertyValue(name, None, None, declared, position)
    return PropertyValue(name, value_type(value), value, declared, None)


@strawberry.type(
    name="Redaction",
    description="Something was erased of an entry: by whom, when and why. Its proofs still hold.",
)
class RedactionType:
    """Shows ``lineage_schemas.graph.Redaction``."""

    position: Int64
    parts: PartsErased
    erased_by: Int64 | None = strawberry.field(
        description="The position of the entry that states the erasure; null: it was lost."
    )
    requester: str = strawberry.field(description="A pseudonym, once the name was erased itself.")
    approver: str
    at: datetime | None
    legal_basis: str
    reason: str


@strawberry.type(
    name="Edge", description="Lineage: an Event between an artifact and an execution, by local id."
)
class EdgeType:
    """Shows ``lineage_schemas.graph.Edge``."""

    artifact: Int64
    execution: Int64
    kind: EventKind

    @resolved(JSON, "Where in the execution's signature the artifact stood: keys and indexes.")
    @staticmethod
    def path(edge: strawberry.Parent[graph.Edge]) -> list[str | int]:
        """Return the steps of the path."""
        return list(edge.path)

    @resolved(datetime | None)
    @staticmethod
    def time(edge: strawberry.Parent[graph.Edge]) -> str | None:
        """Write the instant as text."""
        return None if edge.time_us is None else format_instant(edge.time_us)


@strawberry.type(name="Link", description="Identity: a node goes by an identifier.")
class LinkType:
    """Shows ``lineage_schemas.graph.Link``."""

    kind: Kind
    node: Int64 = strawberry.field(description="The local id of the node.")
    identifier: str | None = strawberry.field(description="Null where it was erased.")

    @resolved(ShownClass, name="class")
    @staticmethod
    def link_class(link: strawberry.Parent[graph.Link]) -> ShownClass:
        """Name the class."""
        return ShownClass(link.link_class)

    source: str = strawberry.field(description="Who claims it.")
    evidence: JSON


@strawberry.type(
    name="Entity", description="Nodes that asserted links join, with their values merged."
)
class EntityType:
    """Shows ``lineage_schemas.graph.Entity``."""

    kind: Kind
    members: list[Int64]
    merged: NodeType
    conflicts: Int64 = strawberry.field(
        description="How much contradicts itself in what is said of them: see `conflicts`."
    )
    conflict_kinds: list[graph.ConflictKind]


@strawberry.type(
    name="Truncation",
    description="The answer was cut at a limit; at least as many nodes as are hidden are missing. "
    "Of a fan-out it is edges that are hidden, of column lineage executions, of paths paths.",
)
class TruncationType:
    """Shows ``lineage_schemas.graph.Truncation``."""

    reason: graph.TruncationReason
    limit: int
    hidden: Int64


@strawberry.type(
    name="ResolvedLabel", description="What a label turned out to name: the key stands for it."
)
class ResolvedLabelType:
    """Shows ``lineage_schemas.graph.ResolvedLabel``."""

    text: str = strawberry.field(description="As it was asked for.")
    key: str
    kind: Kind
    type: str | None
    label: str = strawberry.field(description="As the node shows it.")


@strawberry.type(
    name="LineageAnswer",
    description="A bounded piece of the lineage graph, flat: edges name nodes by local id.",
)
class LineageAnswerType:
    """Shows ``lineage_schemas.graph.LineageAnswer``."""

    basis: BasisType
    direction: graph.Direction
    start: list[str]
    nodes: list[NodeType] = strawberry.field(description="Nearest first, then by kind and id.")
    edges: list[EdgeType]
    links: list[LinkType] = strawberry.field(description="The links that were crossed.")
    entities: list[EntityType] = strawberry.field(description="Those of more than one member.")
    truncations: list[TruncationType]
    stubs: int = strawberry.field(description="How many of the nodes nobody has described.")
    unknown: list[str] = strawberry.field(
        description="Start identifiers the log has not heard of; each is among the nodes too."
    )
    complete: bool = strawberry.field(
        description="Nothing is unknown or was cut, and every source in scope is known to be heard."
    )
    redactions: list[RedactionType] = strawberry.field(
        description="What was erased of what is shown: the first thousand; the basis counts all."
    )
    labels: list[ResolvedLabelType] = strawberry.field(
        description="Those of the starts that were no identifiers, and what they name."
    )
    unresolved: int = strawberry.field(
        description="How many of the stubs no asserted link joins to what somebody describes."
    )
    undated: int = strawberry.field(
        description="How many nodes and edges are counted in for a valid time though nobody dated "
        "them."
    )
    filtered: int = strawberry.field(description="How many nodes were found and filtered out.")
    stopped: int = strawberry.field(
        description="How many nodes were not walked on from, because of `stopAt`."
    )
    not_begun: list[str] = strawberry.field(
        description="Start identifiers of what nobody states to have been there by the valid time: "
        "no part of the answer."
    )


@strawberry.type(name="MetricPoint", description="One value of a metric.")
class MetricPointType:
    """Shows ``MetricPoint``."""

    step: Int64
    value: JSON
    time: datetime | None


@strawberry.type(name="MetricSeries", description="A metric of an execution by step.")
class MetricSeriesType:
    """Shows ``lineage_schemas.graph.MetricValues``."""

    metric: str

    @resolved(list[MetricPointType])
    @staticmethod
    def points(series: strawberry.Parent[graph.MetricValues]) -> list[MetricPoint]:
        """Name the parts of each point."""
        return [MetricPoint(*point) for point in series.points]


@strawberry.type(
    name="NodeAnswer", description="All that is known of a node, or of the entity it belongs to."
)
class NodeAnswerType:
    """Shows ``lineage_schemas.graph.NodeAnswer``."""

    basis: BasisType

    @resolved(bool, "False when the log has never heard of the key; the node is then a stub.")
    @staticmethod
    def known(answer: strawberry.Parent[graph.NodeAnswer]) -> bool:
        """Tell by the local id."""
        return answer.node.id is not None

    node: NodeType = strawberry.field(description="With the values merged over the members.")
    members: list[NodeType]
    links: list[LinkType]
    contexts: list[NodeType] = strawberry.field(description="The contexts it belongs to.")
    contained: list[NodeType] = strawberry.field(description="What belongs to it.")
    edges: list[EdgeType]
    series: list[MetricSeriesType]
    truncations: list[TruncationType]
    redactions: list[RedactionType]
    label: ResolvedLabelType | None = strawberry.field(
        description="What was asked for, where that was no identifier."
    )


@strawberry.type(name="NodePage", description="One page of a list; all pages are of one size.")
class NodePageType:
    """Shows ``lineage_schemas.graph.NodePage``."""

    basis: BasisType
    nodes: list[NodeType]
    cursor: str | None = strawberry.field(
        description="Asks for the next page as `after`; null: this is the last."
    )
    truncations: list[TruncationType] = strawberry.field(
        description="What a search left out, since more may show its words than it looks at."
    )
    complete: bool = strawberry.field(
        description="Nothing was cut, and every source in scope is known to be heard."
    )
    redactions: list[RedactionType]


@strawberry.type(
    name="Entry", description="A statement with its place in the log: who said it, when, and what."
)
class EntryType:
    """Shows ``lineage_schemas.graph.EntryView``."""

    position: Int64
    leaf: str = strawberry.field(description="The hash of the stored envelope, in hexadecimal.")
    statement: str
    source: str
    namespace: str
    actor: str = strawberry.field(description="A pseudonym.")

    @resolved(Mode)
    @staticmethod
    def mode(view: strawberry.Parent[graph.EntryView]) -> Mode:
        """Name the mode."""
        return Mode(view.mode)

    batch_start: Int64
    batch_length: Int64
    recorded_at: datetime = strawberry.field(description="When the log learned it.")
    stated_from: datetime | None = strawberry.field(description="Since when the source says so.")
    stated_to: datetime | None

    @resolved(Precision | None)
    @staticmethod
    def stated_precision(view: strawberry.Parent[graph.EntryView]) -> Precision | None:
        """Name the precision."""
        return None if view.stated_precision is None else Precision(view.stated_precision)

    message: Int64 | None = strawberry.field(
        description="The position of the message that this was made from."
    )
    mapping: str | None
    records: list[JSON] | None = strawberry.field(description="Null where they were erased.")
    erased: PartsErased | None = strawberry.field(description="Which parts were; null: none.")


@strawberry.type(name="EntryPage", description="One page of the log.")
class EntryPageType:
    """Shows ``lineage_schemas.graph.EntryPage``."""

    basis: BasisType
    entries: list[EntryType]
    next_position: Int64 | None = strawberry.field(
        description="Asks for the next page as `from`; null: this is the last."
    )
    redactions: list[RedactionType]


@strawberry.type(
    name="Key", description="A verifier key of the log, and the sizes whose checkpoints it signs."
)
class KeyType:
    """Shows ``lineage_schemas.integrity.KeyView``."""

    verifier: str = strawberry.field(description="<name>+<key id>+<base64> (C2SP signed-note).")
    position: Int64 = strawberry.field(description="The entry that introduces it.")
    signs_from: Int64
    signs_to: Int64 | None = strawberry.field(description="Null for the present one.")
    is_current: bool


@strawberry.type(
    name="Head", description="Where the log stands, and how much of it is signed and anchored."
)
class HeadType:
    """Shows ``HeadOfLog``."""

    origin: str

    @resolved(Int64)
    @staticmethod
    def size(log: strawberry.Parent[HeadOfLog]) -> int:
        """Return the size."""
        return log.head.size

    @resolved(str)
    @staticmethod
    def root(log: strawberry.Parent[HeadOfLog]) -> str:
        """Write the root in hexadecimal."""
        return log.head.root.hex()

    @resolved(datetime | None, "When the last entry was recorded; null for an empty log.")
    @staticmethod
    def recorded_at(log: strawberry.Parent[HeadOfLog]) -> str | None:
        """Write the instant as text."""
        return format_instant(log.head.recorded_us) if log.head.size else None

    @resolved(str | None, "The last checkpoint, as a signed note; null: nobody has signed yet.")
    @staticmethod
    def checkpoint(log: strawberry.Parent[HeadOfLog]) -> str | None:
        """Return the note."""
        signed = log.signed()
        return None if signed is None else signed.note

    @resolved(Int64 | None, "How many entries that checkpoint covers.")
    @staticmethod
    def signed_size(log: strawberry.Parent[HeadOfLog]) -> int | None:
        """Return the size of the checkpoint."""
        signed = log.signed()
        return None if signed is None else signed.size

    @resolved(
        Int64 | None,
        "Up to which size somebody outside could tell a rewritten log; null: nobody could.",
    )
    @staticmethod
    def anchored_size(log: strawberry.Parent[HeadOfLog]) -> int | None:
        """Return the size that is anchored."""
        signed = log.signed()
        return None if signed is None else signed.anchored_size
