"""What an answer should be, by plain dictionaries and the slowest way that is obviously right.

Nothing here is taken from the engine: it has keys for ids, and tells a history anew for each size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple

from lineage_schemas.graph import Direction
from lineage_schemas.mlmd import (
    Association,
    Attribution,
    Event,
    EventKind,
    Kind,
    NodeRecord,
    ParentContext,
)
from lineage_schemas.records import (
    AnyRecord,
    Claim,
    LinkClass,
    MetricSeries,
    Retraction,
    Statement,
)

Name = tuple[Kind, str]
"""(kind, key) of a node."""

Stated = datetime | None
Interval = tuple[datetime, datetime]

STRENGTHS = list(LinkClass)
INPUTS = {EventKind.INPUT, EventKind.DECLARED_INPUT, EventKind.INTERNAL_INPUT}


class Standing(NamedTuple):
    """A node goes by an identifier. Its own key is no claim: ``source`` is ``None``."""

    node: Name
    identifier: str
    link_class: LinkClass
    source: str | None


class Graph:
    """What some statements tell: nodes, edges (tail, head, kind), claims that stand.

    With ``valid``, a half-open interval of stated time, only what was so at some moment of it.
    """

    def __init__(self, statements: Iterable[Statement], valid: Interval | None = None) -> None:
        self._nodes: dict[Name, list[Stated]] = {}
        self._edges: dict[tuple[Name, Name, EventKind], list[Stated]] = {}
        self._registers: dict[tuple[Name, str, LinkClass, str], list[_Said]] = {}
        for statement in statements:
            for record in statement.records:
                self._tell(statement, record)
        self.nodes = {name for name, told in self._nodes.items() if _has_begun(told, valid)}
        self.edges = {edge for edge, told in self._edges.items() if _has_begun(told, valid)}
        self.undated = {
            thing
            for told_of in (self._nodes, self._edges)
            for thing, told in told_of.items()
            if all(one is None for one in told)
        }
        self.standing = {
            Standing(node, identifier, link_class, source)
            for (node, identifier, link_class, source), said in self._registers.items()
            if _stood(said, valid) and node in self.nodes
        } | {Standing(node, node[1], LinkClass.ASSERTED, None) for node in self.nodes}
        self.taken_back = {
            register
            for register, said in self._registers.items()
            if _was_said(said, valid) and not _stood(said, valid)
        }
        """The claims that their sources took back last: (node, identifier, class, source)."""

    def _tell(self, statement: Statement, record: AnyRecord) -> None:
        stated = statement.stated.start if statement.stated else None
        nodes: set[Name] = set()
        match record:
            case Event():
                artifact = Kind.ARTIFACT, str(record.artifact)
                execution = Kind.EXECUTION, str(record.execution)
                nodes = {artifact, execution}
                ends = (artifact, execution) if record.kind in INPUTS else (execution, artifact)
                self._edges.setdefault((*ends, record.kind), []).append(stated)
            case Claim() | Retraction():
                node = record.kind, str(record.node)
                nodes = {node}
                register = node, record.identifier, record.link_class, statement.source
                said = _said(stated, stands=isinstance(record, Claim))
                self._registers.setdefault(register, []).append(said)
            case MetricSeries():
                nodes = {(Kind.EXECUTION, str(record.execution))}
            case Attribution():
                nodes = {(Kind.CONTEXT, str(record.context)), (Kind.ARTIFACT, str(record.artifact))}
            case Association():
                execution = Kind.EXECUTION, str(record.execution)
                nodes = {(Kind.CONTEXT, str(record.context)), execution}
            case ParentContext():
                nodes = {(Kind.CONTEXT, str(end)) for end in (record.child, record.parent)}
            case NodeRecord():
                nodes = {(Kind(type(record).__name__.lower()), str(record.key))}
            case _:
                pass
        for node in nodes:
            self._nodes.setdefault(node, []).append(stated)

    def links(self, node: Name) -> set[tuple[Name, LinkClass]]:
        """Return where links lead from a node, each as weak as the weaker of its two claims."""
        return {(far.node, weaker) for _, far, weaker in self._pairs(node)}

    def _pairs(self, node: Name) -> Iterator[tuple[Standing, Standing, LinkClass]]:
        """Yield the claims of a node with those of others that link them, and how strongly."""
        for near in self.standing:
            for far in self.standing:
                if near.node != node or far.node == node or far.node[0] != node[0]:
                    continue
                if near.identifier != far.identifier:
                    continue
                one_source = near.link_class == far.link_class == LinkClass.CONTENT
                if one_source and near.source == far.source:
                    continue
                yield near, far, max(near.link_class, far.link_class, key=STRENGTHS.index)

    def identified(self, identifier: str) -> set[Name]:
        """Return the artifacts and executions that an identifier means: by key, else by claim."""
        kinds = {Kind.ARTIFACT, Kind.EXECUTION}
        classes = {LinkClass.ASSERTED}
        if identifier.startswith(("sha256:", "md5:", "dvc-md5:", "dvc-dir:")):
            classes.add(LinkClass.CONTENT)  # whoever has these bytes
        by_key = {node for node in self.nodes if node[1] == identifier and node[0] in kinds}
        return by_key or {
            one.node
            for one in self.standing
            if one.identifier == identifier and one.link_class in classes and one.node[0] in kinds
        }

    def entity(self, node: Name) -> frozenset[Name]:
        """Return the nodes that asserted links join to this one, itself included."""
        found, waiting = {node}, [node]
        while waiting:
            for far, link_class in self.links(waiting.pop()):
                if link_class is LinkClass.ASSERTED and far not in found:
                    found.add(far)
                    waiting.append(far)
        return frozenset(found)

    def trace(self, starts: Iterable[Name], walk: Walk) -> dict[Name, int]:
        """Return the nodes that lineage reaches, each with its distance in lineage edges."""
        nearest: dict[Name, int] = {}
        for (node, _), distance in self._reach(starts, walk).items():
            nearest[node] = min(distance, nearest.get(node, distance))
        return nearest

    def crossings(self, starts: Iterable[Name], walk: Walk) -> set[tuple[Name, Name, LinkClass]]:
        """Return the links that a walk crosses on its way: (near, far, class)."""
        return {
            (near, far, link_class)
            for near, may_cross in self._reach(starts, walk)
            if may_cross
            for far, link_class in self.links(near)
            if link_class in walk.cross
        }

    def joining(self, starts: Iterable[Name], walks: Iterable[Walk]) -> set[Standing]:
        """Return both claims of every link that was crossed to a node that walks have reached."""
        found: list[tuple[Name, bool]] = []
        crossed: frozenset[LinkClass] = frozenset()
        for walk in walks:
            crossed = walk.cross
            found += self._reach(starts, walk)
        reached = {node for node, _ in found}
        return {
            claim
            for node in {node for node, may_cross in found if may_cross}
            for near, far, weaker in self._pairs(node)
            if weaker in crossed and far.node in reached
            for claim in (near, far)
        }

    def _reach(self, starts: Iterable[Name], walk: Walk) -> dict[tuple[Name, bool], int]:
        """Dijkstra over (node, whether a link may be crossed next): edges cost 1, links nothing."""
        links = {node: self.links(node) for node in self.nodes}
        distances: dict[tuple[Name, bool], int] = {}
        waiting = [(0, node, True) for node in sorted(starts)]
        while waiting:
            distance, node, may_cross = heappop(waiting)
            if (node, may_cross) in distances:
                continue
            distances[node, may_cross] = distance
            for tail, head, _ in self.edges:
                near, far = (head, tail) if walk.direction is Direction.UPSTREAM else (tail, head)
                if near == node and distance != walk.depth_max:
                    heappush(waiting, (distance + 1, far, True))
            # An edge that nobody dated may lead to what begins later: shown, it joins nothing.
            for far, link_class in links.get(node, ()) if may_cross else ():
                if link_class in walk.cross:
                    heappush(waiting, (distance, far, link_class is not LinkClass.CONTENT))
        return distances


class Walk(NamedTuple):
    """How to walk: one way, across links of some classes, and so many edges far."""

    direction: Direction
    cross: frozenset[LinkClass]
    depth_max: int | None = None


class _Said(NamedTuple):
    """What a source said last counts; at one stated time, that it took its claim back."""

    is_stated: bool
    stated: float
    is_retraction: bool

    @property
    def stands(self) -> bool:
        return not self.is_retraction


def _said(stated: datetime | None, *, stands: bool) -> _Said:
    return _Said(stated is not None, stated.timestamp() if stated else 0.0, not stands)


def _has_begun(told: list[Stated], valid: Interval | None) -> bool:
    """Tell whether the earliest stated time lies before the end; what nobody dated counts in."""
    dated = [one for one in told if one is not None]
    return valid is None or not dated or min(dated) < valid[1]


def _was_said(said: list[_Said], valid: Interval | None) -> bool:
    return valid is None or any(
        not one.is_stated or one.stated < valid[1].timestamp() for one in said
    )


def _stood(said: list[_Said], valid: Interval | None) -> bool:
    """Tell whether a claim stood at some moment: at the start, or at one when it was spoken of."""
    if valid is None:
        return max(said).stands
    start, end = (moment.timestamp() for moment in valid)
    moments = {start} | {one.stated for one in said if start < one.stated < end}
    spoken = [[one for one in said if not one.is_stated or one.stated <= at] for at in moments]
    return any(max(so_far).stands for so_far in spoken if so_far)
