"""Take an entry apart into what each view wants to know, once for all of them.

Who and what is joined comes from the envelope's structure alone, so it stays when a payload is
erased; names, identifiers and properties come from the records, where they are still there.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Final, NamedTuple

from lineage.vertices import HUB_CODE, KIND_CODES, vertex_of
from lineage_schemas.entry import (
    EdgeItem,
    Entry,
    Item,
    KeyItem,
    LinkItem,
    MemberItem,
    NodeItem,
    SeriesItem,
    TypeItem,
    UnlinkItem,
)
from lineage_schemas.mlmd import (
    INPUT_KINDS,
    Association,
    Attribution,
    Event,
    EventKind,
    Kind,
    NodeRecord,
    ParentContext,
    Record,
    Ref,
    TypeRecord,
)
from lineage_schemas.records import Actor, Claim, LinkClass, MetricSeries, Retraction

KEY_CLASS: Final = "key"
"""The class of the link between a node and the hub of its own key."""


class Mention(NamedTuple):
    """A node is named; ``key`` is ``None`` when the record that named it was erased."""

    vertex: int
    key: str | None


class EdgeSaid(NamedTuple):
    """An Event, as an edge in the direction the data flowed."""

    tail: int
    head: int
    kind: EventKind
    event: Event | None


class LinkSaid(NamedTuple):
    """A claim made (``active``) or taken back, or a node's own key (class ``KEY_CLASS``)."""

    vertex: int
    hub: int
    link_class: LinkClass | None
    active: bool
    record: Claim | Retraction | None


class Unfolded(NamedTuple):
    """What one entry says, by view."""

    entry: Entry
    namespace: int
    mentions: list[Mention]
    described: list[tuple[int, NodeRecord]]
    edges: list[EdgeSaid]
    members: list[tuple[int, int]]
    links: list[LinkSaid]
    series: list[tuple[int, int, MetricSeries | None]]
    types: list[tuple[Kind, int, TypeRecord | None]]
    actors: list[Actor]


def unfold(entry: Entry, namespace: int) -> Unfolded:
    """Take an entry apart; ``namespace`` is the number of its envelope's namespace."""
    said = Unfolded(entry, namespace, [], [], [], [], [], [], [], [])
    records = entry.records or ()
    for index, (item, record) in enumerate(
        zip_longest(entry.envelope.structure, records, fillvalue=None)
    ):
        if item is not None:
            _unfold_item(said, index, item, record)
    return said


def _unfold_item(said: Unfolded, index: int, item: Item, record: Record | None) -> None:
    match item:
        case NodeItem(kind, assigned):
            _unfold_node(said, kind, assigned, record)
        case EdgeItem(artifact, execution, kind):
            _unfold_edge(said, artifact, execution, kind, record)
        case MemberItem(context, kind, member):
            _unfold_member(said, context, kind, member, record)
        case LinkItem() | UnlinkItem():
            _unfold_link(said, item, record)
        case KeyItem(kind, assigned, hub):
            vertex = vertex_of(said.namespace, KIND_CODES[kind], assigned)
            hub_vertex = vertex_of(said.namespace, HUB_CODE, hub)
            said.links.append(LinkSaid(vertex, hub_vertex, None, active=True, record=None))
        case SeriesItem(execution):
            vertex = vertex_of(said.namespace, KIND_CODES[Kind.EXECUTION], execution)
            series = record if isinstance(record, MetricSeries) else None
            said.mentions.append(Mention(vertex, _key(series.execution) if series else None))
            said.series.append((vertex, index, series))
        case TypeItem(kind, assigned):
            said.types.append((kind, assigned, record if isinstance(record, TypeRecord) else None))
        case _:
            if isinstance(record, Actor):
                said.actors.append(record)


def _unfold_node(said: Unfolded, kind: Kind, assigned: int, record: Record | None) -> None:
    vertex = vertex_of(said.namespace, KIND_CODES[kind], assigned)
    if not isinstance(record, NodeRecord):
        said.mentions.append(Mention(vertex, None))
        return
    said.mentions.append(Mention(vertex, record.key or command_key(kind, assigned)))
    said.described.append((vertex, record))


def _unfold_edge(
    said: Unfolded, artifact: int, execution: int, kind: EventKind, record: Record | None
) -> None:
    event = record if isinstance(record, Event) else None
    artifact_vertex = vertex_of(said.namespace, KIND_CODES[Kind.ARTIFACT], artifact)
    execution_vertex = vertex_of(said.namespace, KIND_CODES[Kind.EXECUTION], execution)
    said.mentions.append(Mention(artifact_vertex, _key(event.artifact) if event else None))
    said.mentions.append(Mention(execution_vertex, _key(event.execution) if event else None))
    if kind in INPUT_KINDS:
        said.edges.append(EdgeSaid(artifact_vertex, execution_vertex, kind, event))
    else:
        said.edges.append(EdgeSaid(execution_vertex, artifact_vertex, kind, event))


def _unfold_member(
    said: Unfolded, context: int, kind: Kind, member: int, record: Record | None
) -> None:
    context_vertex = vertex_of(said.namespace, KIND_CODES[Kind.CONTEXT], context)
    member_vertex = vertex_of(said.namespace, KIND_CODES[kind], member)
    context_key = member_key = None
    match record:
        case Attribution():
            context_key, member_key = _key(record.context), _key(record.artifact)
        case Association():
            context_key, member_key = _key(record.context), _key(record.execution)
        case ParentContext():
            context_key, member_key = _key(record.parent), _key(record.child)
        case _:
            pass
    said.mentions.append(Mention(context_vertex, context_key))
    said.mentions.append(Mention(member_vertex, member_key))
    said.members.append((context_vertex, member_vertex))


def _unfold_link(said: Unfolded, item: LinkItem | UnlinkItem, record: Record | None) -> None:
    vertex = vertex_of(said.namespace, KIND_CODES[item.kind], item.id)
    hub = vertex_of(said.namespace, HUB_CODE, item.hub)
    claim = record if isinstance(record, Claim | Retraction) else None
    active = isinstance(item, LinkItem)
    said.mentions.append(Mention(vertex, _key(claim.node) if claim else None))
    said.links.append(LinkSaid(vertex, hub, item.link_class, active, claim))


def command_key(kind: Kind, assigned: int) -> str:
    """Return the key of a node that a command made, and that so has no key of its own."""
    return f"mlmd:{kind}/{assigned}"


def _key(ref: Ref) -> str | None:
    """Return the key that a reference spells out, if it does."""
    return ref if isinstance(ref, str) and not ref.startswith("#") else None
