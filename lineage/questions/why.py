"""Tell why two names mean one thing: the links between them, or what comes nearest to one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.graph.adjacency import row_of, vertices_at
from lineage.graph.links import CROSSED_BY_DEFAULT, strength_of
from lineage.graph.walk import Bounds, walk_lineage
from lineage.projections.links import LinkRow
from lineage.projections.standing import begun_among
from lineage.questions.chains import Search, find_chain, strongest_chain
from lineage.questions.claims import Claims, read_registers
from lineage.questions.conflicts import read_contradictions
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.guesses import Guesses, compared
from lineage.questions.labels import resolve_name
from lineage.questions.nodes import find_by_key, find_hubs, naming_classes
from lineage.questions.redactions import with_redactions
from lineage.vertices import KIND_CODES, kind_code, realm, vertex_of
from lineage_schemas.graph import ConflictKind, Direction, Truncation, TruncationReason
from lineage_schemas.identity import (
    Apart,
    ApartBecause,
    JoinStep,
    NameFound,
    Relation,
    ResolvedNode,
    WhyAnswer,
)
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

WHY_NODES_MAX: Final = 20_000
"""Nodes that one search for a chain of links, or one walk along lineage, looks at."""

NAMED_SHOWN_MAX: Final = 10
"""Nodes of a name, and claims of a reason, that are shown; the rest are counted."""

NEAR_NODES_MAX: Final = 200
"""Nodes of an entity whose claims are looked through for what nearly joins it to another."""

_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]
_CONTENT: Final = LinkClass.CONTENT.value


class WhyQuery(Struct, frozen=True, kw_only=True):
    """Which two names, identifiers or labels, are asked about."""

    one: str
    other: str


class _Named(NamedTuple):
    """What a name means."""

    resolved: ResolvedNode
    vertices: frozenset[int]


def tell_why(asked: GraphAsked, query: WhyQuery) -> WhyAnswer:
    """Answer a query of clean names.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
    """
    claims = Claims(asked.reader, asked.then)
    one, other = _named(asked, claims, query.one), _named(asked, claims, query.other)
    answer = _Looking(asked, claims, one, other).answer()
    return with_redactions(
        asked.reader, answer, asked.number, {*one.vertices, *other.vertices, *_told(answer, asked)}
    )


def _told(answer: WhyAnswer, asked: GraphAsked) -> Iterator[int]:
    """Yield the nodes of the chains and claims that an answer tells."""
    steps = (*answer.steps, *(step for one in answer.apart for step in one.steps))
    claims = [one for step in steps for one in (step.near, step.far)]
    claims += [claim for one in answer.apart for claim in one.claims]
    if asked.number is not None:
        for claim in claims:
            yield vertex_of(asked.number, KIND_CODES[claim.node.kind], claim.node.id)


def _named(asked: GraphAsked, claims: Claims, name: str) -> _Named:
    reader, namespace, size = asked.reader, asked.number, asked.size
    kinds = tuple(Kind)
    identifier, label = resolve_name(reader, namespace, name, kinds, size)
    found, by, rows = _keyed(asked, identifier), NameFound.KEY, list[LinkRow]()
    if not found:
        rows = _claimed(asked, identifier)
        found = sorted({row.vertex for row in rows})
        by = NameFound.CLAIM if found else NameFound.UNKNOWN
    shown = found[:NAMED_SHOWN_MAX]
    resolved = ResolvedNode(
        name=name,
        identifier=identifier,
        found=by,
        nodes=claims.nodes(shown),
        claims=claims.claims([row for row in rows if row.vertex in shown]),
        hidden=len(found) - len(shown),
        label=label,
    )
    return _Named(resolved, frozenset(found))


def _keyed(asked: GraphAsked, identifier: str) -> list[int]:
    """Return the nodes of that key which were there at the valid time."""
    if asked.number is None:
        return []
    found = find_by_key(asked.reader, asked.number, identifier, tuple(Kind), asked.size)
    if asked.valid is None:
        return found
    return sorted(begun_among(asked.reader, found, asked.size, asked.valid.time))


def _claimed(asked: GraphAsked, identifier: str) -> list[LinkRow]:
    """Return the claims by which an identifier means nodes, strongest of each node first."""
    if asked.number is None:
        return []
    hubs = find_hubs(asked.reader, asked.number, identifier, tuple(Kind))
    found = asked.links.of_hubs(hubs, asked.size)
    classes = naming_classes(identifier)
    return sorted(row for rows in found.values() for row in rows if row.link_class in classes)


class _Looking:
    """Looks for what joins two names, and where nothing does, for what comes nearest."""

    def __init__(self, asked: GraphAsked, claims: Claims, one: _Named, other: _Named) -> None:
        self._asked = asked
        self._claims = claims
        self._one = one
        self._other = other
        self._links = asked.graph.links
        self._cuts: list[Truncation] = []

    def answer(self) -> WhyAnswer:
        """Return the whole answer."""
        one, other = self._one.vertices, self._other.vertices
        if not one or not other:
            return self._answer(Relation.UNKNOWN)
        if one & other:
            return self._answer(Relation.SAME_NODE, conflicts=self._conflicts(one & other))
        found, link_class = strongest_chain(
            self._links, one, other, WHY_NODES_MAX, self._asked.size
        )
        self._cut(found.hidden)
        if found.chain is None or link_class is None:
            return self._answer(Relation.APART, apart=tuple(self._apart(found.settled)))
        is_one = link_class is LinkClass.ASSERTED
        return self._answer(
            Relation.ONE_ENTITY if is_one else Relation.LINKED,
            link_class=link_class,
            steps=self._claims.steps(found.chain),
            conflicts=self._conflicts([found.chain[0].near.vertex]) if is_one else (),
        )

    def _answer(
        self,
        relation: Relation,
        *,
        link_class: LinkClass | None = None,
        steps: tuple[JoinStep, ...] = (),
        apart: tuple[Apart, ...] = (),
        conflicts: tuple[ConflictKind, ...] = (),
    ) -> WhyAnswer:
        return WhyAnswer(
            basis=self._asked.basis,
            one=self._one.resolved,
            other=self._other.resolved,
            relation=relation,
            link_class=link_class,
            steps=steps,
            apart=apart,
            conflicts=conflicts,
            truncations=tuple(self._cuts),
        )

    def _cut(self, hidden: int) -> None:
        if hidden:
            self._cuts.append(
                Truncation(reason=TruncationReason.NODES, limit=WHY_NODES_MAX, hidden=hidden)
            )

    def _conflicts(self, vertices: Collection[int]) -> tuple[ConflictKind, ...]:
        """Return what contradicts itself in the entities that these nodes are of."""
        namespace = self._asked.number
        if namespace is None:
            return ()
        entities = {self._entity([vertex]) for vertex in sorted(vertices)[:NAMED_SHOWN_MAX]}
        told = [sorted(members) for members in entities if len(members) > 1]
        found = read_contradictions(self._asked.reader, namespace, told, self._asked.then)
        kinds = {one.kind for ones in found for one in ones}
        return tuple(kind for kind in ConflictKind if kind in kinds)

    def _entity(self, starts: Collection[int]) -> frozenset[int]:
        """Return the nodes that asserted links join to these, themselves included."""
        search = Search(starts, (), LinkClass.ASSERTED, WHY_NODES_MAX)
        found = find_chain(self._links, search, self._asked.size)
        self._cut(found.hidden)
        return found.settled

    def _apart(self, members: frozenset[int]) -> Iterator[Apart]:
        """Yield what comes nearest to joining the two, in the order of the reasons."""
        one, other = self._one.vertices, self._other.vertices
        if {realm(vertex) for vertex in one}.isdisjoint(map(realm, other)):
            yield Apart(reason=ApartBecause.KINDS)
        else:
            yield from self._near(members, self._entity(other))
            chained = find_chain(
                self._links,
                Search(one, other, LinkClass.DERIVED, WHY_NODES_MAX, may_chain=True),
                self._asked.size,
            )
            if chained.chain is not None:
                steps = self._claims.steps(chained.chain)
                yield Apart(reason=ApartBecause.CONTENT_CHAIN, steps=steps)
            yield from self._guessed()
        yield from self._lineage()

    def _near(self, members: frozenset[int], others: frozenset[int]) -> Iterator[Apart]:
        """Yield the claims to one identifier that link nothing: taken back, or of one source."""
        here, there = (self._by_hub(nodes) for nodes in (members, others))
        back: dict[LinkRow, None] = {}
        equal: dict[LinkRow, None] = {}
        for hub in sorted(here.keys() & there.keys()):
            for near in here[hub]:
                for far in there[hub]:
                    if strength_of(near, far) is not None:
                        if not near.active or not far.active:
                            back.update(dict.fromkeys((near, far)))
                    elif near.active and far.active:
                        equal.update(dict.fromkeys((near, far)))
        for reason, rows in ((ApartBecause.RETRACTED, back), (ApartBecause.ONE_SOURCE, equal)):
            if rows:
                # What was taken back is what the answer is about; the claims beside it come after.
                ordered = sorted(rows, key=lambda row: (bool(row.active), row))
                shown = ordered[:NAMED_SHOWN_MAX]
                yield Apart(
                    reason=reason,
                    claims=self._claims.claims(shown),
                    hidden=len(ordered) - len(shown),
                )

    def _by_hub(self, vertices: Collection[int]) -> dict[int, list[LinkRow]]:
        """Return all that was last said of the identifiers of these nodes, by identifier."""
        looked = sorted(vertices)[:NEAR_NODES_MAX]
        hidden = len(vertices) - len(looked)
        if hidden:
            self._cuts.append(
                Truncation(reason=TruncationReason.NODES, limit=NEAR_NODES_MAX, hidden=hidden)
            )
        found: dict[int, list[LinkRow]] = {}
        for row in sorted(read_registers(self._asked.reader, looked, self._asked.then)):
            found.setdefault(row.hub, []).append(row)
        return found

    def _guessed(self) -> Iterator[Apart]:
        """Yield a guess that somebody stated, or that names which are alike give."""
        one, other = self._one.vertices, self._other.vertices
        search = Search(one, other, LinkClass.GUESSED, WHY_NODES_MAX, may_chain=True)
        found = find_chain(self._links, search, self._asked.size)
        if found.chain is not None:
            yield Apart(reason=ApartBecause.GUESS, steps=self._claims.steps(found.chain))
            return
        self._cut(found.hidden)
        namespace = self._asked.number
        if namespace is None:
            return
        guesses = Guesses(self._asked.reader, self._links, namespace, self._asked.size)
        theirs = compared(self._asked.reader, sorted(other)[:NAMED_SHOWN_MAX], self._asked.size)
        for mine in compared(self._asked.reader, sorted(one)[:NAMED_SHOWN_MAX], self._asked.size):
            for their in theirs:
                same = guesses.same_name(mine, their)
                if same is not None:
                    yield Apart(reason=ApartBecause.GUESS, evidence={"same_name": same})
                    return

    def _lineage(self) -> Iterator[Apart]:
        """Yield how far along lineage the one is from the other, each way that it is."""
        namespace, size = self._asked.number, self._asked.size
        starts = [row_of(v) for v in self._one.vertices if kind_code(v) != _CONTEXT]
        targets = {v for v in self._other.vertices if kind_code(v) != _CONTEXT}
        if namespace is None or not starts or not targets:
            return
        bounds = Bounds(
            size, WHY_NODES_MAX, WHY_NODES_MAX, CROSSED_BY_DEFAULT, self._asked.then.valid
        )
        for direction in (Direction.UPSTREAM, Direction.DOWNSTREAM):
            walked = walk_lineage(namespace, self._asked.graph, starts, direction, bounds)
            vertices = vertices_at(namespace, walked.rows).tolist()
            depths = walked.depths.tolist()
            near = [d for v, d in zip(vertices, depths, strict=True) if v in targets]
            if near:
                yield Apart(
                    reason=ApartBecause.LINEAGE, direction=direction, distance=int(min(near))
                )
            else:
                self._cuts += walked.truncations
