"""Load, before a batch is resolved, everything its statements may touch: a few bulk reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from lineage.projections.handles import external_handle, name_handle
from lineage.projections.views import Views
from lineage.rules.form import kind_of
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


class _Wanted:
    """What statements name, each as (realm, reference)."""

    def __init__(self, namespace: int) -> None:
        self.namespace = namespace
        self.realms = {kind: realm_of(namespace, code) for kind, code in KIND_CODES.items()}
        self.named: set[tuple[int, Ref]] = set()
        self.described: set[tuple[int, Ref]] = set()
        self.executions: set[tuple[int, Ref]] = set()
        self.members: set[tuple[int, Ref]] = set()
        self.linked: set[tuple[int, Ref]] = set()
        self.parents: set[tuple[int, Ref]] = set()
        self.identifiers: set[tuple[int, str]] = set()
        self.handles: set[int] = set()

    def name(self, kind: Kind, ref: Ref) -> tuple[int, Ref]:
        """Note that a node is named."""
        named = self.realms[kind], ref
        self.named.add(named)
        return named


def load_statements(
    views: Views, reader: Reader, namespace: int, statements: Sequence[Statement]
) -> None:
    """Load what these statements of one namespace refer to, describe, join and claim."""
    wanted = _Wanted(namespace)
    for statement in statements:
        for record in statement.records:
            want = _WANTS.get(type(record))
            if want is not None:
                want(wanted, record)
        if statement.mode is Mode.COMMAND:
            _want_unique(wanted, statement)
    _load_named(views, reader, wanted)
    held = views.handles.load(reader, wanted.handles) if wanted.handles else set[int]()
    views.load_known(
        reader,
        described=held.union(_vertices(views, wanted.described)),
        executions=_vertices(views, wanted.executions),
        members=_vertices(views, wanted.members),
        linked=_vertices(views, wanted.linked),
        hubs=views.links.hubs.values(),
    )
    _load_ancestors(views, reader, _vertices(views, wanted.parents))


def _want_node(wanted: _Wanted, record: NodeRecord) -> None:
    ref = record.id if record.key is None else record.key
    if ref is not None:
        wanted.described.add(wanted.name(kind_of(record), ref))


def _want_event(wanted: _Wanted, record: Event) -> None:
    wanted.name(Kind.ARTIFACT, record.artifact)
    wanted.executions.add(wanted.name(Kind.EXECUTION, record.execution))


def _want_series(wanted: _Wanted, record: MetricSeries) -> None:
    wanted.name(Kind.EXECUTION, record.execution)


def _want_attribution(wanted: _Wanted, record: Attribution) -> None:
    wanted.name(Kind.CONTEXT, record.context)
    wanted.members.add(wanted.name(Kind.ARTIFACT, record.artifact))


def _want_association(wanted: _Wanted, record: Association) -> None:
    wanted.name(Kind.CONTEXT, record.context)
    wanted.members.add(wanted.name(Kind.EXECUTION, record.execution))


def _want_parent(wanted: _Wanted, record: ParentContext) -> None:
    wanted.parents.add(wanted.name(Kind.CONTEXT, record.parent))
    wanted.members.add(wanted.name(Kind.CONTEXT, record.child))


def _want_claim(wanted: _Wanted, record: Claim | Retraction) -> None:
    wanted.linked.add(wanted.name(record.kind, record.node))
    wanted.identifiers.add((wanted.realms[record.kind], record.identifier))


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


def _load_named(views: Views, reader: Reader, wanted: _Wanted) -> None:
    keys = {(realm, ref) for realm, ref in wanted.named if isinstance(ref, str)}
    hashes = [name_hash(realm, key) for realm, key in keys | wanted.identifiers]
    if hashes:
        views.nodes.load_keys(reader, hashes)
        if views.catalog.has_hubs(wanted.namespace):
            views.links.load_identifiers(reader, hashes)
    ids = [vertex_in(realm, ref) for realm, ref in wanted.named if isinstance(ref, int)]
    if ids:
        views.nodes.load(reader, ids)


def _vertices(views: Views, names: Iterable[tuple[int, Ref]]) -> list[int]:
    """Return the vertices of those that may be nodes already."""
    vertices = views.nodes.vertices
    return [
        vertex_in(name[0], name[1]) if isinstance(name[1], int) else vertices[name]  # type: ignore[index]
        for name in names
        if isinstance(name[1], int) or name in vertices
    ]


def _load_ancestors(views: Views, reader: Reader, contexts: list[int]) -> None:
    """Load every context above these, so that a cycle of parents can be seen."""
    seen = set(contexts)
    waiting = set(contexts)
    while waiting:
        waiting = views.memberships.load(reader, waiting) - seen
        seen |= waiting
