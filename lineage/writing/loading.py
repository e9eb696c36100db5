"""Load, before a batch is resolved, everything its statements may touch: a few bulk reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from lineage.projections.handles import external_handle, name_handle
from lineage.projections.views import Views
from lineage.rules.form import kind_of
from lineage.rules.refs import REF_FIELDS
from lineage.stores.base import Reader
from lineage.vertices import KIND_CODES, name_hash, realm_of, vertex_in
from lineage_schemas.mlmd import (
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

_Names = dict[int, set[Ref]]
"""References by realm."""


class _Wanted:
    """What statements name."""

    def __init__(self, namespace: int) -> None:
        self.namespace = namespace
        self.realms = {kind: realm_of(namespace, code) for kind, code in KIND_CODES.items()}
        self.artifacts = self.realms[Kind.ARTIFACT]
        self.executions = self.realms[Kind.EXECUTION]
        self.contexts = self.realms[Kind.CONTEXT]
        self.named: _Names = self.by_realm()
        self.described: _Names = self.by_realm()
        self.joined: _Names = self.by_realm()
        """Executions with Events, whose edges may be there already."""
        self.members: _Names = self.by_realm()
        self.linked: _Names = self.by_realm()
        self.parents: _Names = self.by_realm()
        self.identifiers: _Names = self.by_realm()
        self.handles: set[int] = set()
        self.renamed: list[Context] = []
        """Contexts that a command names without their type, which is not known before loading."""

    def by_realm(self) -> _Names:
        """Return an empty set for each realm of the namespace."""
        return {realm: set() for realm in self.realms.values()}


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
        executions=_vertices(views, wanted.joined),
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
        realm = wanted.realms[kind_of(record)]
        wanted.named[realm].add(ref)
        wanted.described[realm].add(ref)


def _want_event(wanted: _Wanted, record: Event) -> None:
    wanted.named[wanted.artifacts].add(record.artifact)
    wanted.named[wanted.executions].add(record.execution)
    wanted.joined[wanted.executions].add(record.execution)


def _want_series(wanted: _Wanted, record: MetricSeries) -> None:
    wanted.named[wanted.executions].add(record.execution)


def _want_attribution(wanted: _Wanted, record: Attribution) -> None:
    wanted.named[wanted.contexts].add(record.context)
    wanted.named[wanted.artifacts].add(record.artifact)
    wanted.members[wanted.artifacts].add(record.artifact)


def _want_association(wanted: _Wanted, record: Association) -> None:
    wanted.named[wanted.contexts].add(record.context)
    wanted.named[wanted.executions].add(record.execution)
    wanted.members[wanted.executions].add(record.execution)


def _want_parent(wanted: _Wanted, record: ParentContext) -> None:
    wanted.named[wanted.contexts].update((record.parent, record.child))
    wanted.parents[wanted.contexts].add(record.parent)
    wanted.members[wanted.contexts].add(record.child)


def _want_claim(wanted: _Wanted, record: Claim | Retraction) -> None:
    realm = wanted.realms[record.kind]
    wanted.named[realm].add(record.node)
    wanted.linked[realm].add(record.node)
    wanted.identifiers[realm].add(record.identifier)


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
        views.load_known(reader, described=held, executions=(), members=(), linked=(), hubs=())


def _load_named(views: Views, reader: Reader, wanted: _Wanted) -> None:
    hashes = [
        name_hash(realm, name)
        for realm, names in wanted.named.items()
        for name in names | wanted.identifiers[realm]
        if isinstance(name, str)
    ]
    if hashes:
        views.nodes.load_keys(reader, hashes)
        if views.catalog.has_hubs(wanted.namespace):
            views.links.load_identifiers(reader, hashes)
    ids = [
        vertex_in(realm, name)
        for realm, names in wanted.named.items()
        for name in names
        if isinstance(name, int)
    ]
    if ids:
        views.nodes.load(reader, ids)


def _vertices(views: Views, by_realm: _Names) -> list[int]:
    """Return the vertices of those that may be nodes already."""
    vertices = views.nodes.vertices
    return [
        vertex_in(realm, name) if isinstance(name, int) else vertices[realm, name]
        for realm, names in by_realm.items()
        for name in names
        if isinstance(name, int) or (realm, name) in vertices
    ]


def _load_ancestors(views: Views, reader: Reader, contexts: list[int]) -> None:
    """Load every context above these, so that a cycle of parents can be seen."""
    seen = set(contexts)
    waiting = set(contexts)
    while waiting:
        waiting = views.memberships.load(reader, waiting) - seen
        seen |= waiting
