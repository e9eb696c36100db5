"""Load, before a batch is resolved, everything its statements may touch: a few bulk reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lineage.projections.handles import external_handle, name_handle
from lineage.projections.links import identifier_hash_of
from lineage.projections.views import Views
from lineage.rules.form import kind_of
from lineage.rules.refs import refs_of
from lineage.stores.base import Reader
from lineage.vertices import KIND_CODES, name_hash, vertex_of
from lineage_schemas.mlmd import Event, Kind, NodeRecord, ParentContext
from lineage_schemas.records import Claim, MetricSeries, Mode, Retraction, Statement


class _Wanted(NamedTuple):
    keys: set[tuple[Kind, str]]
    ids: set[tuple[Kind, int]]
    identifiers: set[tuple[Kind, str]]
    described: set[tuple[Kind, str | int]]
    executions: set[tuple[Kind, str | int]]
    linked: set[tuple[Kind, str | int]]
    parents: set[tuple[Kind, str | int]]
    handles: set[int]


def load_statements(
    views: Views, reader: Reader, namespace: int, statements: Sequence[Statement]
) -> None:
    """Load what these statements of one namespace refer to, describe, join and claim."""
    wanted = _Wanted(set(), set(), set(), set(), set(), set(), set(), set())
    for statement in statements:
        for record in statement.records:
            _want(wanted, record)  # type: ignore[arg-type]
            if statement.mode is Mode.COMMAND and isinstance(record, NodeRecord):
                _want_unique(wanted, namespace, record)
    _load_nodes(views, reader, namespace, wanted)
    held = views.handles.load(reader, wanted.handles) if wanted.handles else set[int]()
    everyone = wanted.keys | {(kind, assigned) for kind, assigned in wanted.ids}
    views.load_known(
        reader,
        described=held.union(_vertices(views, namespace, wanted.described)),
        executions=_vertices(views, namespace, wanted.executions),
        members=_vertices(views, namespace, everyone),
        linked=_vertices(views, namespace, wanted.linked),
        hubs=views.links.hubs.values(),
    )
    _load_ancestors(views, reader, _vertices(views, namespace, wanted.parents))


def _want(wanted: _Wanted, record: NodeRecord) -> None:
    if isinstance(record, NodeRecord):  # pyright: ignore[reportUnnecessaryIsInstance]
        kind = kind_of(record)
        if record.key is not None:
            wanted.keys.add((kind, record.key))
            wanted.described.add((kind, record.key))
        elif record.id is not None:
            wanted.ids.add((kind, record.id))
            wanted.described.add((kind, record.id))
        return
    for kind, ref in refs_of(record):
        if isinstance(ref, int):
            wanted.ids.add((kind, ref))
        elif not ref.startswith("#"):
            wanted.keys.add((kind, ref))
    _want_joined(wanted, record)


def _want_joined(wanted: _Wanted, record: object) -> None:
    match record:
        case Event() | MetricSeries():
            wanted.executions.add((Kind.EXECUTION, record.execution))
        case Claim() | Retraction():
            wanted.linked.add((record.kind, record.node))
            wanted.identifiers.add((record.kind, record.identifier))
        case ParentContext():
            wanted.parents.add((Kind.CONTEXT, record.parent))
        case _:
            pass


def _want_unique(wanted: _Wanted, namespace: int, record: NodeRecord) -> None:
    kind = kind_of(record)
    if record.name is not None and record.type is not None:
        wanted.handles.add(
            name_handle(namespace, kind, record.type, record.type_version, record.name)
        )
    if record.external_id is not None:
        wanted.handles.add(external_handle(namespace, kind, record.external_id))


def _load_nodes(views: Views, reader: Reader, namespace: int, wanted: _Wanted) -> None:
    both = wanted.keys | wanted.identifiers
    if both:
        views.nodes.load_keys(
            reader, [name_hash(namespace, KIND_CODES[kind], key) for kind, key in both]
        )
        views.links.load_identifiers(
            reader, [identifier_hash_of(namespace, KIND_CODES[kind], key) for kind, key in both]
        )
    if wanted.ids:
        views.nodes.load(
            reader,
            [vertex_of(namespace, KIND_CODES[kind], assigned) for kind, assigned in wanted.ids],
        )


def _vertices(views: Views, namespace: int, names: Iterable[tuple[Kind, str | int]]) -> list[int]:
    """Return the vertices of those that are nodes already."""
    found: list[int] = []
    for kind, name in names:
        code = KIND_CODES[kind]
        if isinstance(name, int):
            found.append(vertex_of(namespace, code, name))
        elif not name.startswith("#"):
            vertex = views.nodes.vertices.get((name_hash(namespace, code, name), name))
            if vertex is not None:
                found.append(vertex)
    return found


def _load_ancestors(views: Views, reader: Reader, contexts: list[int]) -> None:
    """Load every context above these, so that a cycle of parents can be seen."""
    seen = set(contexts)
    waiting = set(contexts)
    while waiting:
        waiting = views.memberships.load(reader, waiting) - seen
        seen |= waiting
