"""Load, before a batch is resolved, everything its statements may touch: a few bulk reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from lineage.projections.edges import EdgeEnds
from lineage.projections.handles import external_handle, name_handle
from lineage.projections.views import Views
from lineage.rules.form import kind_of
from lineage.rules.refs import REF_FIELDS
from lineage.stores.base import Reader
from lineage.vertices import KIND_CODES, name_hash, realm_of, vertex_in
from lineage_schemas.mlmd import (
    INPUT_KINDS,
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    Execution,
    Kind,
    NodeRecord,
    ParentContext,
    Record,
    Ref,
)
from lineage_schemas.records import Claim, MetricSeries, Mode, Retraction, Statement

_Name = tuple[int, Ref]
"""A reference with its realm."""
_Names = set[_Name]


class _Wanted:
    """What statements name."""

    def __init__(self, namespace: int) -> None:
        self.namespace = namespace
        self.realms = {kind: realm_of(namespace, code) for kind, code in KIND_CODES.items()}
        self.artifacts = self.realms[Kind.ARTIFACT]
        self.executions = self.realms[Kind.EXECUTION]
        self.contexts = self.realms[Kind.CONTEXT]
        self.named: _Names = set()
        self.described: _Names = set()
        self.joined: set[tuple[_Name, _Name]] = set()
        """Tails and heads of Events, whose edges may be there already."""
        self.members: _Names = set()
        self.linked: _Names = set()
        self.parents: _Names = set()
        self.identifiers: _Names = set()
        self.handles: set[int] = set()
        self.renamed: list[Context] = []
        """Contexts that a command names without their type, which is not known before loading."""


def load_statements(
    views: Views, reader: Reader, namespace: int, statements: Sequence[Statement]
) -> None:
    """Load what these statements of one namespace refer to, describe, join and claim."""
    wanted = _Wanted(namespace)
    for statement in statements:
        is_command = statement.mode is Mode.COMMAND
        records = _localised(statement.records) if is_command else statement.records
        for record in records:
            want = _WANTS.get(type(record))
            if want is not None:
                want(wanted, record)
        if is_command:
            _want_unique(wanted, statement)
    _load_named(views, reader, wanted)
    held = views.handles.load(reader, wanted.handles) if wanted.handles else set[int]()
    if held:
        views.nodes.load(reader, held)
    views.load_known(
        reader,
        described=held.union(_vertices(views, wanted.described)),
        joined=_ends(views, wanted.joined),
        members=_vertices(views, wanted.members),
        linked=_vertices(views, wanted.linked),
        hubs=views.links.hubs.values(),
    )
    _load_ancestors(views, reader, _vertices(views, wanted.parents))
    views.load_governance(reader, (one for said in statements for one in said.records))
    if wanted.renamed:
        _load_renamed(views, reader, wanted)


def _localised(records: tuple[Record, ...]) -> list[Record]:
    """Say by its id what ``#N`` names, where record N replaces a node that is there already."""
    ids = {
        f"#{index}": record.id
        for index, record in enumerate(records)
        if isinstance(record, NodeRecord) and record.id is not None
    }
    if not ids:
        return list(records)
    return [
        replace(
            record,
            **{
                field: ids.get(getattr(record, field), getattr(record, field))
                for field, _ in REF_FIELDS.get(type(record), ())
            },
        )
        for record in records
    ]


def _want_node(wanted: _Wanted, record: NodeRecord) -> None:
    ref = record.id if record.key is None else record.key
    if ref is not None:
        node = wanted.realms[kind_of(record)], ref
        wanted.named.add(node)
        wanted.described.add(node)


def _want_event(wanted: _Wanted, record: Event) -> None:
    artifact, execution = (
        (wanted.artifacts, record.artifact),
        (wanted.executions, record.execution),
    )
    wanted.named.update((artifact, execution))
    is_input = record.kind in INPUT_KINDS
    wanted.joined.add((artifact, execution) if is_input else (execution, artifact))


def _want_series(wanted: _Wanted, record: MetricSeries) -> None:
    wanted.named.add((wanted.executions, record.execution))


def _want_attribution(wanted: _Wanted, record: Attribution) -> None:
    artifact = wanted.artifacts, record.artifact
    wanted.named.add((wanted.contexts, record.context))
    wanted.named.add(artifact)
    wanted.members.add(artifact)


def _want_association(wanted: _Wanted, record: Association) -> None:
    execution = wanted.executions, record.execution
    wanted.named.add((wanted.contexts, record.context))
    wanted.named.add(execution)
    wanted.members.add(execution)


def _want_parent(wanted: _Wanted, record: ParentContext) -> None:
    parent, child = (wanted.contexts, record.parent), (wanted.contexts, record.child)
    wanted.named.update((parent, child))
    wanted.parents.add(parent)
    wanted.members.add(child)


def _want_claim(wanted: _Wanted, record: Claim | Retraction) -> None:
    realm = wanted.realms[record.kind]
    node = realm, record.node
    wanted.named.add(node)
    wanted.linked.add(node)
    wanted.identifiers.add((realm, record.identifier))


_WANTS: Final[dict[type[Record], Callable[..., None]]] = {
    Artifact: _want_node,
    Execution: _want_node,
    Context: _want_node,
    Event: _want_event,
    MetricSeries: _want_series,
    Attribution: _want_attribution,
    Association: _want_association,
    ParentContext: _want_parent,
    Claim: _want_claim,
    Retraction: _want_claim,
}


def _want_unique(wanted: _Wanted, statement: Statement) -> None:
    """Want whoever holds the names that commands must keep unique."""
    namespace = wanted.namespace
    for record in statement.records:
        if not isinstance(record, NodeRecord):
            continue
        kind = kind_of(record)
        if record.name is not None and record.type is not None:
            version = record.type_version
            wanted.handles.add(name_handle(namespace, kind, record.type, version, record.name))
        if record.external_id is not None:
            wanted.handles.add(external_handle(namespace, kind, record.external_id))
        if isinstance(record, Context) and record.id is not None and record.type is None:
            wanted.renamed.append(record)


def _load_renamed(views: Views, reader: Reader, wanted: _Wanted) -> None:
    """Load who holds the names that contexts are to get, now that the contexts' types are known."""
    handles: list[int] = []
    for record in wanted.renamed:
        shown = views.states.get(vertex_in(wanted.contexts, record.id or 0))
        if shown is not None and shown.type is not None and record.name is not None:
            version = shown.type_version
            handles.append(
                name_handle(wanted.namespace, Kind.CONTEXT, shown.type, version, record.name)
            )
    held = views.handles.load(reader, handles)
    if held:
        views.nodes.load(reader, held)
        views.load_known(reader, described=held, joined=(), members=(), linked=(), hubs=())


def _load_named(views: Views, reader: Reader, wanted: _Wanted) -> None:
    names = wanted.named | wanted.identifiers if wanted.identifiers else wanted.named
    hashes = [name_hash(realm, name) for realm, name in names if isinstance(name, str)]
    if hashes:
        views.nodes.load_keys(reader, hashes)
        if views.catalog.has_hubs(wanted.namespace):
            views.links.load_identifiers(reader, hashes)
    ids = [vertex_in(realm, name) for realm, name in wanted.named if isinstance(name, int)]
    if ids:
        views.nodes.load(reader, ids)


def _vertices(views: Views, wanted: _Names) -> list[int]:
    """Return the vertices of those that may be nodes already."""
    found = (_vertex(views, name) for name in wanted)
    return [vertex for vertex in found if vertex is not None]


def _vertex(views: Views, name: _Name) -> int | None:
    realm, ref = name
    return vertex_in(realm, ref) if isinstance(ref, int) else views.nodes.vertices.get((realm, ref))


def _ends(views: Views, joined: Iterable[tuple[_Name, _Name]]) -> list[EdgeEnds]:
    """Return the ends of edges of which both may be nodes already."""
    found = ((_vertex(views, tail), _vertex(views, head)) for tail, head in joined)
    return [(tail, head) for tail, head in found if tail is not None and head is not None]


def _load_ancestors(views: Views, reader: Reader, contexts: list[int]) -> None:
    """Load every context above these, so that a cycle of parents can be seen."""
    seen = set(contexts)
    waiting = set(contexts)
    while waiting:
        waiting = views.memberships.load(reader, waiting) - seen
        seen |= waiting
