"""List the links of a namespace: one page at a time, all pages of one size."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from msgspec import Struct

from lineage.graph.links import LinkIndex, strength_of
from lineage.projections.links import LinkRow, read_evidence
from lineage.projections.unfolding import KEY_CLASS
from lineage.questions.cursors import Cursor, make_cursor, question_of
from lineage.questions.entities import members_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import resolve_name
from lineage.questions.nodes import find_identified, read_identifiers, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.stores.base import Reader
from lineage.vertices import HUB_CODE, id_of, node_name, vertex_of
from lineage_schemas.errors import NotFoundError
from lineage_schemas.graph import Node, ResolvedLabel
from lineage_schemas.instants import format_instant
from lineage_schemas.linking import Joined, LinkPage, ListedLink
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

JOINED_SHOWN_MAX: Final = 10
"""Nodes that are shown of those which one link joins to its own; the rest are counted."""

_NODES_PER_READ: Final = 500
"""Nodes whose links are read at once."""


class LinkQuery(Struct, frozen=True, kw_only=True):
    """Which links: of one thing (a name), of these classes, by one source; left out, of all."""

    node: str | None = None
    classes: tuple[LinkClass, ...] = ()
    source: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What is asked, as text, for the cursor of its pages."""
        return "links", self.node or "", " ".join(sorted(self.classes)), self.source or ""


def list_links(asked: GraphAsked, query: LinkQuery, cursor: Cursor | None, count: int) -> LinkPage:
    """Return one page of the links that stand, by node.

    Raises:
        AmbiguousLabelError: a label of several things.
        NotFoundError: a node that the log has not heard of.
    """
    reader, links, namespace, basis = asked.reader, asked.links, asked.number, asked.basis
    size = basis.size
    vertices, label = find_vertices(asked, query.node)
    start = None if namespace is None else vertex_of(namespace, HUB_CODE, 0)
    after = 0 if cursor is None or start is None else start + cursor.after
    passed = 0 if cursor is None else cursor.part
    found: list[tuple[int, LinkRow]] = []
    for first in range(bisect_left(vertices, after), len(vertices), _NODES_PER_READ):
        some = vertices[first : first + _NODES_PER_READ]
        for vertex, rows in groupby(links.of_vertices(some, size), key=_vertex):
            numbered = enumerate(_wanted(rows, query), 1)
            found += [
                (number, row) for number, row in numbered if vertex != after or number > passed
            ]
        if len(found) > count:
            break
    following = None
    if len(found) > count and start is not None:
        number, row = found[count - 1]
        question = question_of(basis.namespace, *query.words)
        following = make_cursor(basis, question, row.vertex - start, number)
    rows_shown = [row for _, row in found[:count]]
    shown = _Shown(reader, links, rows_shown, size)
    page = LinkPage(
        basis=basis, links=tuple(map(shown.link, rows_shown)), cursor=following, label=label
    )
    return with_redactions(reader, page, namespace, {row.vertex for row in rows_shown})


def find_vertices(asked: GraphAsked, name: str | None) -> tuple[list[int], ResolvedLabel | None]:
    """Return the nodes of a thing, or every node of the namespace that has links, by vertex.

    Raises:
        AmbiguousLabelError: a label of several things.
        NotFoundError: a name that the log has not heard of.
    """
    reader, links, namespace, size = asked.reader, asked.links, asked.number, asked.size
    if name is None:
        return links.vertices, None
    kinds = tuple(Kind)
    key, label = resolve_name(reader, namespace, name, kinds, size)
    found = [] if namespace is None else find_identified(reader, namespace, key, kinds, size)
    if not found:
        raise NotFoundError(
            f"The log of size {size} has never heard of this",
            where=key,
            hint="Look for it with `lineage find`.",
        )
    return sorted({one for vertex in found for one in members_of(links, vertex, size)}), label


def _vertex(row: LinkRow) -> int:
    return row.vertex


def _wanted(rows: Iterable[LinkRow], query: LinkQuery) -> Iterator[LinkRow]:
    """Yield claims in order; that a node goes by its own key is no claim."""
    classes = {one.value for one in query.classes}
    for row in sorted(rows, key=lambda row: row[:5]):
        if (
            row.link_class != KEY_CLASS
            and (not classes or row.link_class in classes)
            and query.source in {None, row.source}
        ):
            yield row


class _Shown:
    """What is read once for all links of a page."""

    def __init__(
        self, reader: Reader, links: LinkIndex, rows: Iterable[LinkRow], size: int
    ) -> None:
        page = list(rows)
        self._hubs = links.of_hubs({row.hub for row in page}, size)
        self._joined = {row: self._joined_to(row) for row in page}
        self._identifiers = read_identifiers(reader, self._hubs)
        shown = {vertex for joined in self._joined.values() for vertex in _first(joined)}
        self._nodes = read_nodes(reader, {row.vertex for row in page} | shown, size)

    def link(self, row: LinkRow) -> ListedLink:
        """Return a link as the page shows it."""
        name, node, joined = node_name(row.vertex), self._nodes[row.vertex], self._joined[row]
        first = _first(joined)
        return ListedLink(
            kind=name.kind,
            id=name.id,
            key=node.key,
            type=node.type,
            identifier=self._identifiers.get(row.hub),
            link_class=LinkClass(row.link_class),
            source=row.source,
            evidence=read_evidence(row),
            stated_at=None if row.stated_us is None else format_instant(row.stated_us),
            joined=tuple(_joined(vertex, self._nodes[vertex], joined[vertex]) for vertex in first),
            hidden=len(joined) - len(first),
        )

    def _joined_to(self, row: LinkRow) -> dict[int, LinkClass]:
        """Return the other nodes of an identifier, each by its strongest claim to it."""
        joined: dict[int, LinkClass] = {}
        for far in self._hubs[row.hub]:
            through = strength_of(row, far)
            known = joined.get(far.vertex)
            if through is not None and (known is None or _rank(through) < _rank(known)):
                joined[far.vertex] = through
        return joined


def _rank(link_class: LinkClass) -> int:
    return tuple(LinkClass).index(link_class)


def _first(joined: dict[int, LinkClass]) -> list[int]:
    return sorted(joined)[:JOINED_SHOWN_MAX]


def _joined(vertex: int, node: Node, link_class: LinkClass) -> Joined:
    return Joined(
        kind=node_name(vertex).kind, id=id_of(vertex), key=node.key, link_class=link_class
    )
