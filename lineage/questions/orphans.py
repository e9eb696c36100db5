"""List orphans: nodes that nothing leads to, that nobody made, or that nobody used."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.graph.adjacency import Shown, row_of
from lineage.graph.alone import leading_on, rows_with_edges
from lineage.graph.links import CROSSED_BY_DEFAULT
from lineage.projections.catalog import types_as_of
from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.cursors import Cursor, make_cursor, question_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.named import begun_among
from lineage.questions.redactions import with_redactions
from lineage.questions.search import (
    PAGE_NODES_DEFAULT,
    Part,
    check_page,
    part_of_kind,
    part_of_type,
    read_part,
)
from lineage.questions.showing import read_nodes_then
from lineage.questions.trace import check_bounds
from lineage.questions.type_names import types_named
from lineage.questions.typed import read_types
from lineage.vertices import HUB_CODE, KIND_CODES, kind_code, vertex_of
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction
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


def list_orphans(asked: GraphAsked, query: OrphansQuery, cursor: Cursor | None) -> OrphanPage:
    """Return one page of orphans.

    Raises:
        NotFoundError: there is no kind and no type of that name.
        InvalidInputError: a type of executions or contexts that nobody made or used.
    """
    namespace = asked.number
    parts, types = _parts(asked, query)
    if namespace is None:
        return OrphanPage(basis=asked.basis, without=query.without, nodes=(), looked=0, cursor=None)
    first = vertex_of(namespace, HUB_CODE, 0)
    begin = (0, -1) if cursor is None else (cursor.part, first + cursor.after)
    judging = _Judging(asked, namespace, query)
    found: list[tuple[int, int]] = []
    following: tuple[int, int] | None = None
    looked = 0
    looked_to_last = 0
    for part, chunk in _chunks(asked, parts, begin):
        begun = begun_among(asked, chunk)
        if types is not None:
            told = read_types(asked.reader, begun, asked.then)
            begun = [one for one in begun if told.get(one) in types]
        for vertex in judging.orphans(begun) if begun else ():
            if len(found) == query.count:
                following = found[-1]
                break
            found.append((part, vertex))
            looked_to_last = looked + bisect_right(chunk, vertex)
        if following is not None:
            looked = looked_to_last
            break
        looked += len(chunk)
        if looked >= LOOKED_MAX:
            following = part, chunk[-1]
            break
    nodes = read_nodes_then(asked.reader, [vertex for _, vertex in found], asked.then)
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
    valid = "" if asked.valid is None else asked.valid.words
    question = question_of(asked.basis.namespace, *query.words, valid)
    return make_cursor(asked.basis, question, last[1] - first, last[0])


class _Parts(NamedTuple):
    """What is looked through, part by part, and the types that what is there must be of."""

    parts: list[Part]
    types: frozenset[str] | None = None


def _parts(asked: GraphAsked, query: OrphansQuery) -> _Parts:
    """Return what is looked through: of a stated time all of a kind, whose types may be others."""
    namespace = asked.number
    is_any = query.without is OrphanKind.ISOLATED
    kinds = tuple(Kind) if is_any else (Kind.ARTIFACT,)
    if query.type is None or query.type in _KINDS:
        chosen = kinds if query.type is None else (_KINDS[query.type],)
        if namespace is None:
            return _Parts([])
        return _Parts([part_of_kind(namespace, kind) for kind in chosen])
    types = [] if namespace is None else types_as_of(asked.reader, namespace, asked.size)
    named = types_named(types, query.type)
    if not all(row.kind in kinds for row in named):
        raise _no_artifacts(query.type)
    if asked.valid is None or namespace is None:
        return _Parts([part_of_type(row) for row in named])
    names = frozenset(row.definition.name for row in named)
    of_kinds = dict.fromkeys(row.kind for row in named)
    return _Parts([part_of_kind(namespace, kind) for kind in of_kinds], names)


def _no_artifacts(name: str) -> InvalidInputError:
    return InvalidInputError(
        "Only artifacts are made and used",
        where=name[:64],
        hint="Ask of a type of artifacts, such as lineage.Model, or for isolated nodes.",
    )


def _chunks(
    asked: GraphAsked, parts: list[Part], begin: tuple[int, int]
) -> Iterator[tuple[int, list[int]]]:
    """Yield the nodes of all parts beyond one, as of the size, in order."""
    number, after = begin
    for part in range(number, len(parts)):
        following: int | None = after
        while following is not None:
            chunk, following = read_part(asked.reader, parts[part], following, _CHUNK, asked.size)
            if chunk:
                yield part, chunk
        after = -1


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
