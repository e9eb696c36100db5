"""Take an entry apart into what each view wants to know, once for all of them.

Who and what is joined comes from the envelope's structure alone, so it stays when a payload is
erased; names, identifiers and properties come from the records, where they are still there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from lineage.vertices import HUB_CODE, KIND_CODES, vertex_of
from lineage_schemas.entry import (
    EdgeItem,
    Entry,
    EraseItem,
    Item,
    KeyItem,
    LinkItem,
    MemberItem,
    NodeItem,
    PlainItem,
    SeriesItem,
    TypeItem,
    UnlinkItem,
)
from lineage_schemas.governance import Erasure, GovernanceRecord, PartsErased
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
from lineage_schemas.records import (
    COMMAND,
    Actor,
    Claim,
    LinkClass,
    MetricSeries,
    Mode,
    Retraction,
)
from lineage_schemas.redactions import has_redactions
from lineage_schemas.sources import SourceExpectation, SourceScan

KEY_CLASS: Final = "key"
"""The class of the link between a node and the hub of its own key."""

COMMAND_KEYS: Final = "mlmd:"
"""What the keys of nodes that commands made begin with."""

_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]
_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]


Mention = tuple[int, str | None]
"""A node is named: its vertex, and its key, or ``None`` where the record that named it was erased.

Plain tuples, here and for edges: a statement makes a dozen of them.
"""

EdgeSaid = tuple[int, int, EventKind, Event | None]
"""An Event, as (tail, head, kind, record): an edge in the direction the data flowed."""


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
    erasures: list[EraseItem]
    governance: list[GovernanceRecord]
    sources: list[tuple[int, SourceScan | SourceExpectation]]
    """What is said of sources, with the number of the record."""

    redacted: list[int]
    """Nodes of which something was erased from this very entry."""


def unfold(entry: Entry, namespace: int) -> Unfolded:
    """Take an entry apart; ``namespace`` is the number of its envelope's namespace."""
    said = Unfolded(entry, namespace, [], [], [], [], [], [], [], [], [], [], [], [])
    records = entry.records or ()
    count = len(records)
    for index, item in enumerate(entry.envelope.structure):
        record = records[index] if index < count else None
        _UNFOLDS[type(item)](said, index, item, record)
    if entry.erased is not None:
        said.redacted.extend(_redacted_nodes(said, entry.erased))
    return said


def _redacted_nodes(said: Unfolded, erased: PartsErased) -> list[int]:
    if erased is PartsErased.ALL:
        found = [vertex for vertex, _ in said.mentions]
    else:
        found = [vertex for vertex, record in said.described if has_redactions(record)]
    return list(dict.fromkeys(found))


def _unfold_node(said: Unfolded, _: int, item: NodeItem, record: Record | None) -> None:
    vertex = vertex_of(said.namespace, KIND_CODES[item.kind], item.id)
    if not isinstance(record, NodeRecord):
        is_command = said.entry.envelope.mode is Mode.COMMAND
        said.mentions.append((vertex, command_key(item.kind, item.id) if is_command else None))
        return
    said.mentions.append((vertex, record.key or command_key(item.kind, item.id)))
    said.described.append((vertex, record))


def _unfold_edge(said: Unfolded, _: int, item: EdgeItem, record: Record | None) -> None:
    event = record if isinstance(record, Event) else None
    artifact = vertex_of(said.namespace, _ARTIFACT, item.artifact)
    execution = vertex_of(said.namespace, _EXECUTION, item.execution)
    said.mentions.append((artifact, _key(event.artifact) if event else None))
    said.mentions.append((execution, _key(event.execution) if event else None))
    if item.kind in INPUT_KINDS:
        said.edges.append((artifact, execution, item.kind, event))
    else:
        said.edges.append((execution, artifact, item.kind, event))


def _unfold_member(said: Unfolded, _: int, item: MemberItem, record: Record | None) -> None:
    context = vertex_of(said.namespace, _CONTEXT, item.context)
    member = vertex_of(said.namespace, KIND_CODES[item.kind], item.member)
    context_key = member_key = None
    if isinstance(record, Attribution):
        context_key, member_key = _key(record.context), _key(record.artifact)
    elif isinstance(record, Association):
        context_key, member_key = _key(record.context), _key(record.execution)
    elif isinstance(record, ParentContext):
        context_key, member_key = _key(record.parent), _key(record.child)
    said.mentions.append((context, context_key))
    said.mentions.append((member, member_key))
    said.members.append((context, member))


def _unfold_link(
    said: Unfolded, _: int, item: LinkItem | UnlinkItem, record: Record | None
) -> None:
    vertex = vertex_of(said.namespace, KIND_CODES[item.kind], item.id)
    hub = vertex_of(said.namespace, HUB_CODE, item.hub)
    claim = record if isinstance(record, Claim | Retraction) else None
    active = isinstance(item, LinkItem)
    said.mentions.append((vertex, _key(claim.node) if claim else None))
    said.links.append(LinkSaid(vertex, hub, item.link_class, active, claim))


def _unfold_key(said: Unfolded, _: int, item: KeyItem, __: Record | None) -> None:
    vertex = vertex_of(said.namespace, KIND_CODES[item.kind], item.id)
    hub = vertex_of(said.namespace, HUB_CODE, item.hub)
    said.links.append(LinkSaid(vertex, hub, None, active=True, record=None))


def _unfold_series(said: Unfolded, index: int, item: SeriesItem, record: Record | None) -> None:
    vertex = vertex_of(said.namespace, _EXECUTION, item.execution)
    series = record if isinstance(record, MetricSeries) else None
    said.mentions.append((vertex, _key(series.execution) if series else None))
    said.series.append((vertex, index, series))


def _unfold_type(said: Unfolded, _: int, item: TypeItem, record: Record | None) -> None:
    said.types.append((item.kind, item.id, record if isinstance(record, TypeRecord) else None))


def _unfold_plain(said: Unfolded, index: int, _: PlainItem, record: Record | None) -> None:
    if isinstance(record, Actor):
        said.actors.append(record)
    elif isinstance(record, GovernanceRecord):
        said.governance.append(record)
    elif isinstance(record, SourceScan | SourceExpectation):
        said.sources.append((index, record))


def _unfold_erase(said: Unfolded, _: int, item: EraseItem, record: Record | None) -> None:
    said.erasures.append(item)
    if isinstance(record, Erasure):
        said.governance.append(record)


_UNFOLDS: Final[dict[type[Item], Callable[..., None]]] = {
    NodeItem: _unfold_node,
    EdgeItem: _unfold_edge,
    MemberItem: _unfold_member,
    LinkItem: _unfold_link,
    UnlinkItem: _unfold_link,
    KeyItem: _unfold_key,
    SeriesItem: _unfold_series,
    TypeItem: _unfold_type,
    EraseItem: _unfold_erase,
    PlainItem: _unfold_plain,
}


def stated_start(said: Unfolded) -> int | None:
    """Return when an entry says that it was so; a command speaks of when it was recorded."""
    envelope = said.entry.envelope
    if envelope.mode is COMMAND:
        return envelope.recorded_us
    return envelope.stated.start_us if envelope.stated else None


def earlier(one: int | None, other: int | None) -> int | None:
    """Return the earlier of two stated times; one that is not known dates nothing."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def command_key(kind: Kind, assigned: int) -> str:
    """Return the key of a node that a command made, and that so has no key of its own."""
    return f"{COMMAND_KEYS}{kind}/{assigned}"


def _key(ref: Ref) -> str | None:
    """Return the key that a reference spells out, if it does."""
    return ref if isinstance(ref, str) and not ref.startswith("#") else None
