"""List nodes by type, kind or filter: one page at a time, all pages of one size."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import Final, NamedTuple

from msgspec.structs import replace

from lineage.projections.catalog import KnownTypeRow, type_key, types_as_of
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, STATE_PAST
from lineage.questions.cursors import Cursor, make_cursor
from lineage.questions.filtering import PreparedFilter, matching
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.type_names import types_named
from lineage.stores.base import Reader
from lineage.stores.tables import Table
from lineage.vertices import HUB_CODE, ID_MAX, KIND_CODES, namespace_of, vertex_of
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Node, NodePage, Truncation
from lineage_schemas.limits import INT_MAX
from lineage_schemas.mlmd import Kind

PAGE_NODES_MAX: Final = 1_000
PAGE_NODES_DEFAULT: Final = 100

PAGE_LOOKED_MAX: Final = 50_000
"""Nodes that are looked at for one page of what fulfils a filter; the next one goes on there."""

_CHUNK: Final = 1_000


Found = tuple[int, int, Node]
"""(part of the list, vertex, node)."""


class PageAsked(NamedTuple):
    """Which page of a list, and of which of its nodes: those that fulfil ``prepared``, or all."""

    question: int
    cursor: Cursor | None
    length: int
    prepared: PreparedFilter | None = None


class Part(NamedTuple):
    """A part of a list: the nodes of a type, or those from one vertex to another."""

    type_key: int | None
    first: int = 0
    last: int = INT_MAX


def part_of_type(row: KnownTypeRow) -> Part:
    """Return the part of the nodes of a type."""
    return Part(type_key(row.namespace, row.id))


def part_of_kind(namespace: int, kind: Kind) -> Part:
    """Return the part of the nodes of a kind."""
    first = vertex_of(namespace, KIND_CODES[kind], 0)
    return Part(None, first, first + ID_MAX)


def check_page(count: int) -> None:
    """Refuse a page size out of range."""
    if not 1 <= count <= PAGE_NODES_MAX:
        raise InvalidInputError(f"A page has 1 to {PAGE_NODES_MAX} nodes", where=str(count))


def list_type(
    reader: Reader, namespace: int | None, name: str, asked: PageAsked, basis: Basis
) -> NodePage:
    """List the nodes of a type, or of every type based on it, or of a kind, by kind and id.

    Raises:
        NotFoundError: there is no kind and no type of that name.
    """
    if name not in {kind.value for kind in Kind}:
        types = [] if namespace is None else types_as_of(reader, namespace, basis.size)
        parts = [part_of_type(row) for row in types_named(types, name)]
    else:
        parts = [] if namespace is None else [part_of_kind(namespace, Kind(name))]
    return _listed(reader, namespace, parts, asked, basis)


def list_filtered(
    reader: Reader, namespace: int | None, prepared: PreparedFilter, asked: PageAsked, basis: Basis
) -> NodePage:
    """List what fulfils a filter: by kind and id, or where it asks for types, one after another."""
    wanted = prepared.wanted
    if namespace is None:
        parts = []
    elif wanted.types:
        parts = [
            part_of_type(row)
            for row in types_as_of(reader, namespace, basis.size)
            if row.definition.name in prepared.types
        ]
    else:
        parts = [part_of_kind(namespace, kind) for kind in Kind if kind in (wanted.kinds or Kind)]
    return _listed(reader, namespace, parts, asked._replace(prepared=prepared), basis)


def vertices_of_type(reader: Reader, namespace: int, name: str, size: int) -> list[int]:
    """Return every node of a type as of a size, by vertex; of an unknown type, none."""
    return sorted(
        vertex
        for row in types_as_of(reader, namespace, size)
        if row.definition.name == name
        for vertex in vertices_of_key(reader, type_key(row.namespace, row.id), size)
    )


def vertices_of_key(reader: Reader, key: int, size: int) -> Iterator[int]:
    """Yield the nodes of a type, named by its key, as of a size, by vertex."""
    return merge(*(_pages_of_key(reader, table, key, size) for table in (STATE, STATE_PAST)))


def _pages_of_key(reader: Reader, table: Table, key: int, size: int) -> Iterator[int]:
    after: int | None = None
    while rows := reader.page(table, ("type_key", "vertex"), key, after, PAGE_NODES_MAX, size):
        yield from (int(row[0]) for row in rows)
        after = int(rows[-1][0])


def after_cursor(namespace: int | None, cursor: Cursor | None) -> int:
    """Return the vertex that a page begins behind."""
    if namespace is None or cursor is None:
        return -1
    return min(_start_of(namespace) + cursor.after, INT_MAX)


def page_of(
    basis: Basis,
    asked: PageAsked,
    found: list[Found],
    truncations: tuple[Truncation, ...] = (),
) -> NodePage:
    """Return the first ``count`` of what was found; one more than that means another page."""
    cursor = None
    if len(found) > asked.length:
        part, vertex, _ = found[asked.length - 1]
        after = vertex - _start_of(namespace_of(vertex))
        cursor = make_cursor(basis, asked.question, after, part)
    return NodePage(
        basis=basis,
        nodes=tuple(node for _, _, node in found[: asked.length]),
        cursor=cursor,
        truncations=truncations,
    )


def _listed(
    reader: Reader, namespace: int | None, parts: list[Part], asked: PageAsked, basis: Basis
) -> NodePage:
    """Go through the parts of a list from where the cursor is until a page is full.

    A page of few nodes, of many that were looked at, has a cursor all the same.
    """
    cursor, size = asked.cursor, basis.size
    part, after = 0 if cursor is None else cursor.part, after_cursor(namespace, cursor)
    found: list[Found] = []
    looked = 0
    while part < len(parts) and len(found) <= asked.length and looked < PAGE_LOOKED_MAX:
        limit = asked.length + 1 - len(found) if asked.prepared is None else _CHUNK
        vertices, after_these = read_part(reader, parts[part], after, limit, size)
        nodes = read_nodes(reader, vertices, size)
        kept = set(nodes)
        if asked.prepared is not None:
            kept = matching(reader, asked.prepared, vertices, Then(size))
        found += [(part, vertex, nodes[vertex]) for vertex in sorted(kept)]
        looked += len(vertices)
        part, after = (part + 1, -1) if after_these is None else (part, after_these)
    page = page_of(basis, asked, found)
    if namespace is not None and page.cursor is None and part < len(parts):
        behind = max(after - _start_of(namespace), 0)
        page = replace(page, cursor=make_cursor(basis, asked.question, behind, part))
    return with_redactions(reader, page, namespace, [v for _, v, _ in found[: asked.length]])


def read_part(
    reader: Reader, part: Part, after: int, count: int, size: int
) -> tuple[list[int], int | None]:
    """Return the next vertices of a part of a list, and behind which it goes on, if it does."""
    if part.type_key is None:
        rows = reader.scan(NODE, (max(part.first, after),), count)
        vertices = [row[0] for row in rows if row[1] < size and row[0] <= part.last]
        ended = len(rows) < count or rows[-1][0] > part.last
        return vertices, None if ended else rows[-1][0]
    index = ("type_key", "vertex")
    found = sorted(
        int(row[0])
        for table in (STATE, STATE_PAST)
        for row in reader.page(table, index, part.type_key, after, count, size)
    )[:count]
    return found, found[-1] if len(found) == count else None


def _start_of(namespace: int) -> int:
    return vertex_of(namespace, HUB_CODE, 0)
