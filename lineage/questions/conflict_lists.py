"""List what contradicts itself: one page of entities at a time, all pages of one size."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.graph.links import Crossing
from lineage.projections.links import LinkRow
from lineage.projections.unfolding import KEY_CLASS
from lineage.questions.claims import Claims
from lineage.questions.conflicts import Contradiction, Facts, Side, find_contradictions, read_facts
from lineage.questions.cursors import Cursor, make_cursor, question_of
from lineage.questions.entities import entities_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.link_lists import find_vertices
from lineage.questions.nodes import ASSERTED_CLASSES
from lineage.questions.redactions import with_redactions
from lineage.vertices import HUB_CODE, vertex_of
from lineage_schemas.graph import ConflictKind, Truncation, TruncationReason
from lineage_schemas.identity import Conflict, ConflictPage, ConflictSide
from lineage_schemas.records import LinkClass

SCANNED_MAX: Final = 20_000
"""Nodes that one page looks through."""

MEMBERS_MAX: Final = 20_000
"""Members of one entity that are looked through, by kind and id; the rest are counted."""

SHOWN_MAX: Final = 10
"""Members of an entity, sides of a conflict, and nodes and claims of a side that are shown."""

_CHUNK: Final = 500

_ADVICE: Final = {
    ConflictKind.DIGESTS: "Different bytes are no one thing: whoever claims a link between the "
    "sides takes it back, or whoever claims a digest that is wrong takes that back.",
    ConflictKind.IDS: "The tool gave these ids to different things: whoever claims a link between "
    "the sides takes it back.",
    ConflictKind.TYPES: "Things of these types are no one thing: whoever claims a link between the "
    "sides takes it back, or whoever told a type that is wrong tells the right one, later.",
    ConflictKind.COMMITS: "One run runs one commit: whoever claims a link between the sides takes "
    "it back, or whoever told a commit that is wrong tells the right one, later.",
    ConflictKind.DENIED: "One of the two is mistaken: whoever still asserts it takes it back, or "
    "whoever took it back asserts it anew.",
    ConflictKind.REPEATED: "The source has two things where the identifier means one: it takes "
    "back the claim that is wrong, or asserts of the one that it goes by the other's key.",
}


class ConflictQuery(Struct, frozen=True, kw_only=True):
    """Of which thing (a name), and of which kinds; left out, of the whole namespace and of all."""

    node: str | None = None
    kinds: tuple[ConflictKind, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What is asked, as text, for the cursor of its pages."""
        return "conflicts", self.node or "", " ".join(sorted(self.kinds))


class _Found(NamedTuple):
    """A contradiction, its number among those of its entity (from 1), and what the entity is."""

    number: int
    one: Contradiction
    facts: Facts


def list_conflicts(
    asked: GraphAsked, query: ConflictQuery, cursor: Cursor | None, count: int
) -> ConflictPage:
    """Return one page of conflicts, by the first node of their entities.

    Raises:
        AmbiguousLabelError: a label of several things.
        NotFoundError: a node that the log has not heard of.
    """
    reader, namespace, basis = asked.reader, asked.number, asked.basis
    vertices, label = find_vertices(asked, query.node)
    if namespace is None:
        return ConflictPage(basis=basis, conflicts=(), cursor=None, label=label)
    start = vertex_of(namespace, HUB_CODE, 0)
    after = (start, 0) if cursor is None else (start + cursor.after, cursor.part)
    looking = _Looking(asked, namespace, query)
    found: list[_Found] = []
    for one in looking.found(vertices, after):
        found.append(one)
        if len(found) > count:
            break
    shown = found[:count]
    last: tuple[int, int] | None = looking.left_at
    if len(found) > count:
        last = shown[-1].facts.members[0], shown[-1].number
    following = None
    if last is not None:
        words = "" if asked.valid is None else asked.valid.words
        question = question_of(basis.namespace, *query.words, words)
        following = make_cursor(basis, question, last[0] - start, last[1])
    telling = Telling(Claims(reader, asked.then))
    page = ConflictPage(
        basis=basis,
        conflicts=tuple(telling.conflict(one.one, one.facts) for one in shown),
        cursor=following,
        truncations=tuple(looking.cuts),
        label=label,
    )
    spoken_of = {vertex for one in shown for vertex in one.facts.members}
    return with_redactions(reader, page, namespace, spoken_of)


class _Looking:
    """Looks through entities, in the order of their first members."""

    def __init__(self, asked: GraphAsked, namespace: int, query: ConflictQuery) -> None:
        self._asked = asked
        self._namespace = namespace
        self._kinds = query.kinds or tuple(ConflictKind)
        self.left_at: tuple[int, int] | None = None
        """Where a page ended that looked at enough: the next one begins there."""
        self.cuts: list[Truncation] = []

    def found(self, vertices: Sequence[int], after: tuple[int, int]) -> Iterator[_Found]:
        """Yield the conflicts beyond (first member, number), until enough nodes were looked at."""
        then = self._asked.then
        for entities in self._chunks(vertices, after[0]):
            for facts in read_facts(self._asked.reader, self._namespace, entities, then):
                for number, one in enumerate(find_contradictions(facts), 1):
                    if one.kind in self._kinds and (facts.members[0], number) > after:
                        yield _Found(number, one, facts)

    def _chunks(self, vertices: Sequence[int], first: int) -> Iterator[list[list[int]]]:
        """Yield the entities of more than one member whose first one is not before ``first``."""
        chunk: list[list[int]] = []
        looked = waiting = 0
        for vertex, members in self._entities(vertices[bisect_left(vertices, first) :]):
            if looked >= SCANNED_MAX:
                self.left_at = vertex, 0
                break
            looked += len(members)
            # An entity stands where its first member does: one that began before was told before.
            if len(members) == 1 or members[0] < vertex:
                continue
            chunk.append(self._cut(members))
            waiting += len(members)
            if waiting >= _CHUNK:
                yield chunk
                chunk, waiting = [], 0
        if chunk:
            yield chunk

    def _entities(self, vertices: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Yield the entity of each node that is in none before, with that node; many at once."""
        done: set[int] = set()
        for start in range(0, len(vertices), _CHUNK):
            some = [vertex for vertex in vertices[start : start + _CHUNK] if vertex not in done]
            entities = entities_of(self._asked.links, some, self._asked.size)
            for vertex in some:
                if vertex not in done:
                    done.update(entities[vertex])
                    yield vertex, entities[vertex]

    def _cut(self, members: list[int]) -> list[int]:
        hidden = len(members) - MEMBERS_MAX
        if hidden > 0:
            self.cuts.append(
                Truncation(reason=TruncationReason.NODES, limit=MEMBERS_MAX, hidden=hidden)
            )
        return members[:MEMBERS_MAX]


class Telling:
    """Tells contradictions, with what joins their sides."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    def conflict(self, one: Contradiction, facts: Facts) -> Conflict:
        """Return a contradiction as a page shows it."""
        sides = one.sides[:SHOWN_MAX]
        chain = _chain(facts, sides[0].vertices, sides[1].vertices)
        joining = {row.source for step in chain for row in step[:2] if row.link_class != KEY_CLASS}
        said = {row.source for side in sides for row in side.rows}
        return Conflict(
            kind=one.kind,
            entity=self._claims.nodes(facts.members[:SHOWN_MAX]),
            about=one.about,
            sides=tuple(map(self._side, sides)),
            steps=self._claims.steps(chain),
            asked=tuple(sorted(joining | said)),
            advice=_ADVICE[one.kind],
            members=len(facts.members),
            hidden=len(one.sides) - len(sides),
        )

    def _side(self, side: Side) -> ConflictSide:
        shown = side.vertices[:SHOWN_MAX]
        return ConflictSide(
            value=side.value,
            nodes=self._claims.nodes(shown),
            sources=side.sources,
            claims=self._claims.claims(side.rows[:SHOWN_MAX]),
            hidden=len(side.vertices) - len(shown),
        )


def _chain(facts: Facts, starts: Iterable[int], targets: Iterable[int]) -> list[Crossing]:
    """Return the shortest chain of asserted links between two sides; none where they share a node.

    Where several are as short, the identifiers decide, so that arrival does not.
    """
    wanted, begun = set(targets), set(starts)
    if wanted & begun:
        return []
    by_vertex, by_hub = _asserted(facts)
    steps: dict[int, Crossing | None] = dict.fromkeys(sorted(begun, key=facts.name_of))
    waiting, passed = deque(steps), set[int]()
    while waiting:
        for near in by_vertex.get(waiting.popleft(), ()):
            if near.hub in passed:
                continue
            passed.add(near.hub)
            for far in by_hub[near.hub]:
                if far.vertex in steps:
                    continue
                steps[far.vertex] = Crossing(near, far, LinkClass.ASSERTED)
                waiting.append(far.vertex)
                if far.vertex in wanted:
                    return _back(steps, far.vertex)
    return []


def _asserted(facts: Facts) -> tuple[dict[int, list[LinkRow]], dict[int, list[LinkRow]]]:
    by_vertex: dict[int, list[LinkRow]] = {}
    by_hub: dict[int, list[LinkRow]] = {}
    for row in sorted(facts.rows, key=facts.order_of):
        if row.active and row.link_class in ASSERTED_CLASSES:
            by_vertex.setdefault(row.vertex, []).append(row)
            by_hub.setdefault(row.hub, []).append(row)
    return by_vertex, by_hub


def _back(steps: dict[int, Crossing | None], vertex: int) -> list[Crossing]:
    chain: list[Crossing] = []
    while (step := steps[vertex]) is not None:
        chain.append(step)
        vertex = step.near.vertex
    return chain[::-1]
