"""List the links of a namespace: one page at a time, all pages of one size."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Final

from msgspec import Struct

from lineage.graph.links import LinkIndex, strength_of
from lineage.projections.links import LinkRow, read_evidence
from lineage.projections.unfolding import KEY_CLASS
from lineage.questions.entities import members_among
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import resolve_name
from lineage.questions.nodes import find_identified, read_identifiers, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.search import Cursor, encode_cursor, question_of
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
        return self.node or "", " ".join(sorted(self.classes)), self.source or ""


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
        question = question_of(basis.namespace, "links", *query.words)
        following = encode_cursor(Cursor(question, size, number, row.vertex - start))
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
    return sorted(members_among(links, found, size)), label


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


class _Hub:
    """The claims to one identifier, and what each of them joins its node to.

    A claim joins its node to every other one, but for those of which its own source, by equal
    contents as it says itself, says all that there is.
    """

    def __init__(self, rows: Iterable[LinkRow]) -> None:
        self._claims: dict[int, list[LinkRow]] = {}
        for row in rows:
            self._claims.setdefault(row.vertex, []).append(row)
        self._alone = {vertex: _only_content(claims) for vertex, claims in self._claims.items()}
        self._counts = Counter(self._alone.values())
        self._first: dict[str | None, list[int]] = {}

    def joined(self, row: LinkRow) -> tuple[dict[int, LinkClass], int]:
        """Return the first nodes, each by its strongest claim, and how many there are in all."""
        source = row.source if row.link_class == LinkClass.CONTENT.value else None
        apart = 0 if source is None else self._counts[source]
        own = source is None or self._alone[row.vertex] != source
        first = [one for one in self._first_of(source) if one != row.vertex][:JOINED_SHOWN_MAX]
        found: dict[int, LinkClass] = {}
        for vertex in first:
            through = (strength_of(row, far) for far in self._claims[vertex])
            found[vertex] = min((one for one in through if one is not None), key=_rank)
        return found, len(self._claims) - apart - own

    def _first_of(self, source: str | None) -> list[int]:
        """Return the first nodes of which a source does not say all by equal contents."""
        if source not in self._first:
            others = (one for one in self._claims if source is None or self._alone[one] != source)
            self._first[source] = list(islice(others, JOINED_SHOWN_MAX + 1))
        return self._first[source]


def _only_content(claims: Iterable[LinkRow]) -> str | None:
    """Return the source that alone claims, and by equal contents alone, if it is so."""
    said = {(row.link_class, row.source) for row in claims}
    link_class, source = min(said)
    return source if len(said) == 1 and link_class == LinkClass.CONTENT.value else None


class _Shown:
    """What is read once for all links of a page."""

    def __init__(
        self, reader: Reader, links: LinkIndex, rows: Iterable[LinkRow], size: int
    ) -> None:
        page = list(rows)
        found = links.of_hubs({row.hub for row in page}, size)
        hubs = {hub: _Hub(claims) for hub, claims in found.items()}
        self._joined = {row: hubs[row.hub].joined(row) for row in page}
        self._identifiers = read_identifiers(reader, hubs)
        shown = {vertex for joined, _ in self._joined.values() for vertex in joined}
        self._nodes = read_nodes(reader, {row.vertex for row in page} | shown, size)

    def link(self, row: LinkRow) -> ListedLink:
        """Return a link as the page shows it."""
        name, node = node_name(row.vertex), self._nodes[row.vertex]
        joined, count = self._joined[row]
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
            joined=tuple(
                _joined(vertex, self._nodes[vertex], through) for vertex, through in joined.items()
            ),
            hidden=count - len(joined),
        )


def _rank(link_class: LinkClass) -> int:
    return tuple(LinkClass).index(link_class)


def _joined(vertex: int, node: Node, link_class: LinkClass) -> Joined:
    return Joined(
        kind=node_name(vertex).kind, id=id_of(vertex), key=node.key, link_class=link_class
    )
