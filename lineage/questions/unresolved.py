"""List what is unresolved: what somebody refers to and nobody describes, and data left alone.

An identifier that one node alone is claimed to have (a content digest, a run's id without its
server) is not unresolved: the other side may never come, and nothing is wrong without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from lineage.graph.links import CROSSABLE, LinkIndex
from lineage.projections.edges import EDGE
from lineage.projections.links import LINK
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, STATE_PAST
from lineage.projections.unfolding import KEY_CLASS
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.guesses import Compared, Guesses, compared
from lineage.questions.link_lists import find_vertices
from lineage.questions.nodes import read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.search import Cursor, encode_cursor, question_of
from lineage.stores.base import Reader
from lineage.stores.tables import Table, is_visible
from lineage.vertices import HUB_CODE, vertex_of
from lineage_schemas.basis import Basis
from lineage_schemas.codec import decode_envelope
from lineage_schemas.graph import Node
from lineage_schemas.linking import (
    Reference,
    ReferenceKind,
    Unresolved,
    UnresolvedPage,
    UnresolvedReason,
)
from lineage_schemas.mlmd import Kind

SCANNED_MAX: Final = 20_000
"""Nodes that one page looks through."""

REFERENCES_READ_MAX: Final = 1_000
"""References to one thing whose sources are looked up; the rest are counted as they are."""

DATASET_BASE: Final = "mlmd.Dataset"
"""What the types of data sets are based on, and ML Metadata's own type of one."""

_CHUNK: Final = 500

_REFERENCES: Final[tuple[tuple[Table, str, ReferenceKind], ...]] = (
    (EDGE, "tail", ReferenceKind.EDGE),
    (EDGE, "head", ReferenceKind.EDGE),
    (MEMBERSHIP, "member", ReferenceKind.MEMBERSHIP),
    (MEMBERSHIP, "context", ReferenceKind.MEMBERSHIP),
    (LINK, "vertex", ReferenceKind.CLAIM),
)


def list_unresolved(
    asked: GraphAsked, node: str | None, cursor: Cursor | None, count: int
) -> UnresolvedPage:
    """Return one page of what is unresolved, of one thing or of the whole namespace.

    Raises:
        AmbiguousLabelError: ``node`` is a label of several things.
        NotFoundError: the log has not heard of ``node``.
    """
    reader, links, namespace, basis = asked.reader, asked.links, asked.number, asked.basis
    only, label = (None, None) if node is None else find_vertices(asked, node)
    if namespace is None:
        return UnresolvedPage(basis=basis, things=(), cursor=None)
    start = vertex_of(namespace, HUB_CODE, 0)
    after = start if cursor is None else start + cursor.after
    looking = _Looking(reader, links, namespace, basis.size)
    things: list[Unresolved] = []
    vertices: list[int] = []
    looked = 0
    following: str | None = None
    for chunk in _chunks(reader, only, after, basis.size):
        for vertex, thing in looking.unresolved(chunk):
            if len(things) == count:
                following = _cursor(basis, node, vertices[-1] - start)
                break
            things.append(thing)
            vertices.append(vertex)
        looked += len(chunk)
        if following is None and looked >= SCANNED_MAX:
            following = _cursor(basis, node, chunk[-1] - start)
        if following is not None:
            break
    page = UnresolvedPage(basis=basis, things=tuple(things), cursor=following, label=label)
    return with_redactions(reader, page, namespace, vertices)


def _cursor(basis: Basis, node: str | None, after: int) -> str:
    question = question_of(basis.namespace, "unresolved", node or "")
    return encode_cursor(Cursor(question, basis.size, 0, after))


def _chunks(reader: Reader, only: list[int] | None, after: int, size: int) -> Iterator[list[int]]:
    """Yield the nodes beyond one, as of a size, in order."""
    if only is not None:
        yield [vertex for vertex in only if vertex > after]
        return
    while rows := reader.scan(NODE, (after,), _CHUNK):
        after = rows[-1][0]
        chunk = [row[0] for row in rows if row[1] < size]
        if chunk:
            yield chunk


class _Looking:
    """What is read once for a page."""

    def __init__(self, reader: Reader, links: LinkIndex, namespace: int, size: int) -> None:
        self._reader = reader
        self._links = links
        self._size = size
        self._guesses = Guesses(reader, links, namespace, size)
        self._sources: dict[int, str] = {}

    def unresolved(self, vertices: list[int]) -> Iterator[tuple[int, Unresolved]]:
        """Yield those of some nodes that are unresolved, in order."""
        nodes = read_nodes(self._reader, vertices, self._size)
        datasets = {vertex for vertex in vertices if self._is_dataset(nodes[vertex])}
        unlinked = datasets - self._links.linked_among(datasets, self._size, CROSSABLE)
        for vertex in vertices:
            node = nodes[vertex]
            thing = None
            if node.stub:
                thing = self._of_stub(vertex, node)
            elif vertex in unlinked:
                thing = self._of_dataset(vertex)
            if thing is not None:
                yield vertex, thing

    def _of_stub(self, vertex: int, node: Node) -> Unresolved | None:
        if self._joins_described(vertex):
            return None
        references, uncounted = self._references(vertex)
        sources = frozenset(reference.source for reference in references)
        guesses, hidden = self._guesses.of(Compared(vertex, node, sources))
        return Unresolved(
            reason=UnresolvedReason.STUB,
            node=node,
            references=references,
            uncounted=uncounted,
            guesses=guesses,
            hidden=hidden,
        )

    def _of_dataset(self, vertex: int) -> Unresolved | None:
        (mine,) = compared(self._reader, [vertex], self._size)
        guesses, hidden = self._guesses.of(mine)
        if not guesses:
            return None
        references, uncounted = self._references(vertex)
        return Unresolved(
            reason=UnresolvedReason.UNLINKED,
            node=mine.node,
            references=references,
            uncounted=uncounted,
            guesses=guesses,
            hidden=hidden,
        )

    def _is_dataset(self, node: Node) -> bool:
        if node.kind is not Kind.ARTIFACT:
            return False
        return node.type == DATASET_BASE or self._guesses.base_of(node) == DATASET_BASE

    def _joins_described(self, vertex: int) -> bool:
        """Tell whether a stub is joined to something that is described."""
        others = self._links.joined_to([vertex], self._size, CROSSABLE)
        return any(
            self._reader.find(table, "vertex", others, self._size) for table in (STATE, STATE_PAST)
        )

    def _references(self, vertex: int) -> tuple[tuple[Reference, ...], int]:
        """Count by source and kind who refers to a node; and the references left uncounted."""
        counts: Counter[tuple[str, ReferenceKind]] = Counter()
        left = 0
        for table, column, kind in _REFERENCES:
            positions = list(self._positions(table, column, vertex))
            read = positions[:REFERENCES_READ_MAX]
            left += len(positions) - len(read)
            counts.update((self._source_at(position), kind) for position in read)
        references = tuple(
            Reference(source=source, kind=kind, count=number)
            for (source, kind), number in sorted(counts.items())
        )
        return references, left

    def _positions(self, table: Table, column: str, vertex: int) -> Iterable[int]:
        names = table.names
        since, until = names.index("since"), names.index("until") if "until" in names else None
        for row in self._reader.find(table, column, [vertex]):
            if not is_visible(row[since], None if until is None else row[until], self._size):
                continue
            if table is not LINK or (row[2] != KEY_CLASS and row[6]):
                yield row[since]

    def _source_at(self, position: int) -> str:
        """Return who said an entry."""
        if position not in self._sources:
            (body,) = self._reader.envelopes(position, 1)
            self._sources[position] = decode_envelope(body).source
        return self._sources[position]
