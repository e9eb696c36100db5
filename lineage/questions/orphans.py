"""List orphans: nodes that nothing leads to, that nobody made, or that nobody used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.graph.adjacency import Shown, row_of
from lineage.graph.alone import leading_on, rows_with_edges
from lineage.graph.links import CROSSED_BY_DEFAULT
from lineage.projections.catalog import type_key, types_as_of
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, STATE_PAST
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.named import begun_among
from lineage.questions.nodes import read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.search import (
    PAGE_NODES_DEFAULT,
    Cursor,
    check_page,
    encode_cursor,
    question_of,
)
from lineage.questions.trace import check_bounds
from lineage.vertices import HUB_CODE, ID_MAX, KIND_CODES, kind_code, vertex_of
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.graph import Direction
from lineage_schemas.instants import parse_instant
from lineage_schemas.knots import OrphanKind, OrphanPage
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

LOOKED_MAX: Final = 20_000
"""Nodes that one page looks at."""

_CHUNK: Final = 500
_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]
_KINDS: Final = {kind.value: kind for kind in Kind}


class OrphansQuery(Struct, frozen=True, kw_only=True):
    """Without what, and of which type or kind (left out: of all that may be without it).

    A type stands for those based on it too. A node that a link of one of the classes ``cross``
    joins to another stands or falls with it.
    """

    without: OrphanKind = OrphanKind.ISOLATED
    type: str | None = None
    cross: tuple[LinkClass, ...] = CROSSED_BY_DEFAULT
    cursor: str | None = None
    count: int = PAGE_NODES_DEFAULT

    @property
    def words(self) -> tuple[str, ...]:
        """What is asked, as text, for the cursor of its pages."""
        return "orphans", self.without.value, self.type or "", " ".join(sorted(self.cross))


def check_orphans(query: OrphansQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: a page size out of range, guesses to be crossed, or executions or
            contexts that nobody made or used: only artifacts are.
    """
    check_page(query.count)
    check_bounds(0, 1, query.cross)
    others = {Kind.EXECUTION.value, Kind.CONTEXT.value}
    if query.without is not OrphanKind.ISOLATED and query.type in others:
        raise _no_artifacts(query.type or "")


class _Part(NamedTuple):
    """A part of the nodes that are looked through: all of a kind, or all of one type's key."""

    code: int
    type_key: int | None = None


def list_orphans(asked: GraphAsked, query: OrphansQuery, cursor: Cursor | None) -> OrphanPage:
    """Return one page of orphans.

    Raises:
        NotFoundError: there is no kind and no type of that name.
        InvalidInputError: a type of executions or contexts that nobody made or used.
    """
    namespace = asked.number
    parts = _parts(asked, query)
    if namespace is None:
        return OrphanPage(basis=asked.basis, without=query.without, nodes=(), looked=0, cursor=None)
    first = vertex_of(namespace, HUB_CODE, 0)
    begin = (0, -1) if cursor is None else (cursor.part, first + cursor.after)
    judging = _Judging(asked, namespace, query)
    found: list[tuple[int, int]] = []
    following: tuple[int, int] | None = None
    looked = 0
    for part, chunk in _chunks(asked, namespace, parts, begin):
        begun = begun_among(asked, chunk)
        for vertex in judging.orphans(begun) if begun else ():
            if len(found) == query.count:
                following = found[-1]
                break
            found.append((part, vertex))
        looked += len(chunk)
        if following is None and looked >= LOOKED_MAX:
            following = part, chunk[-1]
        if following is not None:
            break
    nodes = read_nodes(asked.reader, [vertex for _, vertex in found], asked.size)
    page = OrphanPage(
        basis=asked.basis,
        without=query.without,
        nodes=tuple(nodes[vertex] for _, vertex in found),
        looked=looked,
        cursor=None if following is None else _cursor(asked, query, following, first),
        undated=judging.undated,
    )
    return with_redactions(asked.reader, page, namespace, nodes)


def _cursor(asked: GraphAsked, query: OrphansQuery, last: tuple[int, int], first: int) -> str:
    basis = asked.basis
    valid = "" if asked.valid is None else asked.valid.words
    question = question_of(basis.namespace, *query.words, valid)
    judged_us = 0 if basis.sources_at is None else parse_instant(basis.sources_at)
    return encode_cursor(Cursor(question, basis.size, last[0], last[1] - first, judged_us))


def _parts(asked: GraphAsked, query: OrphansQuery) -> list[_Part]:
    """Return what is looked through, part by part."""
    is_any = query.without is OrphanKind.ISOLATED
    kinds = tuple(Kind) if is_any else (Kind.ARTIFACT,)
    if query.type is None or query.type in _KINDS:
        chosen = kinds if query.type is None else (_KINDS[query.type],)
        return [_Part(KIND_CODES[kind]) for kind in chosen]
    types = [] if asked.number is None else types_as_of(asked.reader, asked.number, asked.size)
    named = [row for row in types if query.type in {row.definition.name, row.definition.base_type}]
    if not named:
        raise NotFoundError(
            "There is no kind and no type of this name",
            where=query.type[:64],
            hint="Try artifact, execution, context, or a type such as lineage.DataSet.",
        )
    if not all(row.kind in kinds for row in named):
        raise _no_artifacts(query.type)
    return [_Part(KIND_CODES[row.kind], type_key(row.namespace, row.id)) for row in named]


def _no_artifacts(name: str) -> InvalidInputError:
    return InvalidInputError(
        "Only artifacts are made and used",
        where=name[:64],
        hint="Ask of a type of artifacts, such as lineage.Model, or for isolated nodes.",
    )


def _chunks(
    asked: GraphAsked, namespace: int, parts: list[_Part], begin: tuple[int, int]
) -> Iterator[tuple[int, list[int]]]:
    """Yield the nodes of all parts beyond one, as of the size, in order."""
    number, after = begin
    for part in range(number, len(parts)):
        one = parts[part]
        pages = (
            _of_kind(asked, namespace, one.code, after)
            if one.type_key is None
            else _of_type(asked, one.type_key, after)
        )
        yield from ((part, chunk) for chunk in pages)
        after = -1


def _of_kind(asked: GraphAsked, namespace: int, code: int, after: int) -> Iterator[list[int]]:
    first = vertex_of(namespace, code, 0)
    after = max(first, after)
    while rows := asked.reader.scan(NODE, (after,), _CHUNK):
        after = rows[-1][0]
        chunk = [row[0] for row in rows if row[1] < asked.size and row[0] <= first + ID_MAX]
        if chunk:
            yield chunk
        if after > first + ID_MAX:
            return


def _of_type(asked: GraphAsked, key: int, after: int) -> Iterator[list[int]]:
    index = "type_key", "vertex"
    while True:
        found = sorted(
            int(row[0])
            for table in (STATE, STATE_PAST)
            for row in asked.reader.page(table, index, key, after, _CHUNK, asked.size)
        )
        if not found:
            return
        yield found[:_CHUNK]
        after = found[:_CHUNK][-1]


class _Judging:
    """Tells which nodes are orphans, many at once."""

    def __init__(self, asked: GraphAsked, namespace: int, query: OrphansQuery) -> None:
        self._asked = asked
        self._namespace = namespace
        self._query = query
        self._shown = Shown(asked.size, None if asked.valid is None else asked.valid.time)
        self.undated = 0

    def orphans(self, vertices: list[int]) -> list[int]:
        """Return which of these nodes, of one kind and in order, are orphans."""
        if self._query.without is OrphanKind.ISOLATED:
            return self._isolated(vertices)
        upstream, downstream = (self._leading_on(vertices, way) for way in _WAYS)
        if self._query.without is OrphanKind.NO_UPSTREAM:
            return [one for one in vertices if one not in upstream]
        return [one for one in vertices if one in upstream and one not in downstream]

    def _isolated(self, vertices: list[int]) -> list[int]:
        asked, size = self._asked, self._asked.size
        left = vertices
        if kind_code(vertices[0]) != _CONTEXT:
            edged = self._with_edges(left, upstream=True) | self._with_edges(left, upstream=False)
            left = [one for one in left if one not in edged]
        if left:
            linked = asked.links.linked_among(left, size, self._query.cross)
            left = [one for one in left if one not in linked]
        for column in ("member", "context"):
            at = MEMBERSHIP.column(column)
            rows = asked.reader.find(MEMBERSHIP, column, left) if left else []
            held = {int(row[at]) for row in rows if row[2] < size}
            left = [one for one in left if one not in held]
        return left

    def _with_edges(self, vertices: list[int], *, upstream: bool) -> set[int]:
        rows = {row_of(vertex): vertex for vertex in vertices}
        found = rows_with_edges(self._asked.graph, sorted(rows), self._shown, upstream=upstream)
        self.undated += found.undated
        return {rows[row] for row in found.rows}

    def _leading_on(self, vertices: list[int], way: Direction) -> set[int]:
        """Return which of these nodes, or of what links join to them, have edges in a direction."""
        found = self._with_edges(vertices, upstream=way is Direction.UPSTREAM)
        left = [one for one in vertices if one not in found]
        if not left:
            return found
        rows = {row_of(vertex): vertex for vertex in left}
        joined = leading_on(
            self._namespace, self._asked.graph, sorted(rows), way, self._shown, self._query.cross
        )
        return found | {rows[row] for row in joined}


_WAYS: Final = (Direction.UPSTREAM, Direction.DOWNSTREAM)
