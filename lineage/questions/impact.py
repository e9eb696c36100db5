"""Find what a thing has affected: all that is downstream of it, by type, and who serves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lineage.graph.adjacency import row_of
from lineage.graph.links import CROSSED_BY_DEFAULT
from lineage.graph.walk import Bounds, Walked, found_nodes, walk_lineage
from lineage.graph.walked import things_beyond
from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.filtering import matching, prepare_filter
from lineage.questions.graph_asked import GraphAsked, Then
from lineage.questions.lacking import count_stubs, count_undated_walked
from lineage.questions.named import begun_among, find_named, read_contexts_named
from lineage.questions.redactions import with_redactions
from lineage.questions.served import DEPLOYMENT
from lineage.questions.serving import FoundServing, ServingAsked, Subject, read_calendars
from lineage.questions.showing import read_nodes_then
from lineage.questions.trace import DEPTH_MAX, NODES_MAX, check_bounds
from lineage.questions.typed import base_types, read_types
from lineage.serving.calendar import Interval
from lineage.valid_time import ValidTime
from lineage.vertices import KINDS, kind_code
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.filters import NodeFilter
from lineage_schemas.graph import Direction, Node
from lineage_schemas.impact import (
    AffectedContext,
    AffectedGroup,
    AffectedService,
    ContextGroup,
    ImpactAnswer,
)
from lineage_schemas.instants import format_known_instant
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

LISTED_DEFAULT: Final = 10
LISTED_MAX: Final = 1_000
"""Nodes of one type that are listed; all of them are counted."""

_CHUNK: Final = 20_000


class ImpactQuery(Struct, frozen=True, kw_only=True):
    """What may have affected others, how far to look, and how many of each type to list.

    Everything affected is counted, up to ``nodes``; with ``filter`` only what fulfils it, wherever
    the way there leads.
    """

    start: tuple[str, ...]
    depth: int = DEPTH_MAX
    nodes: int = NODES_MAX
    cross: tuple[LinkClass, ...] = CROSSED_BY_DEFAULT
    listed: int = LISTED_DEFAULT
    filter: NodeFilter | None = None


def check_impact(query: ImpactQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: no start, a depth, node limit or number to list out of range, or guesses
            to be crossed.
    """
    check_bounds(query.depth, query.nodes, query.cross)
    if not query.start:
        raise InvalidInputError("What is affected is asked of at least one identifier")
    if not 0 <= query.listed <= LISTED_MAX:
        raise InvalidInputError(
            f"Of each type 0 to {LISTED_MAX} are listed", where=str(query.listed)
        )


class _Affected(NamedTuple):
    """What is affected, nearest first, and the type of each that somebody described."""

    vertices: list[int]
    depths: dict[int, int]
    types: dict[int, str | None]
    things: dict[int, int]


def find_impact(asked: GraphAsked, query: ImpactQuery) -> ImpactAnswer:
    """Answer a checked query.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing, or a type
            or context that the filter names and nobody has heard of.
    """
    reader, namespace, size = asked.reader, asked.number, asked.size
    named = find_named(asked, query.start)
    answer = ImpactAnswer(
        basis=asked.basis,
        start=named.names,
        named_contexts=read_contexts_named(asked, named),
        unknown=named.unknown,
        not_begun=named.not_begun,
        labels=named.labels,
    )
    starts = sorted({row for rows in named.rows for row in rows})
    if namespace is None or not starts:
        return with_redactions(reader, answer, namespace, named.contexts)
    valid = None if asked.valid is None else asked.valid.time
    bounds = Bounds(size, query.depth, query.nodes, query.cross, valid)
    walked = walk_lineage(namespace, asked.graph, starts, Direction.DOWNSTREAM, bounds)
    affected, filtered = _affected(asked, namespace, walked, query.filter)
    bases = base_types(reader, namespace, size)
    groups = _groups(asked, affected, bases, query.listed)
    around = _count_members(asked, affected.vertices)
    served = _serving(asked, namespace, affected)
    lacking = count_stubs(asked, affected.vertices)
    answer = replace(
        answer,
        nodes=len(affected.vertices),
        things=_count_things(affected.vertices, affected.things),
        groups=groups,
        contexts=_contexts(asked, around, bases, query.listed),
        serving=tuple(_services(served, valid)),
        truncations=tuple(dict.fromkeys((*walked.truncations, *served.truncations))),
        stubs=lacking.stubs,
        unresolved=lacking.unresolved,
        filtered=filtered,
        unplaced=served.unplaced,
        undated=count_undated_walked(asked, [walked]),
    )
    spoken_of = {*affected.vertices, *around, *named.contexts, *served.vertices}
    return with_redactions(reader, answer, namespace, spoken_of)


def _affected(
    asked: GraphAsked, namespace: int, walked: Walked, wanted: NodeFilter | None
) -> tuple[_Affected, int]:
    """Return what a walk found beyond its start, and how much of it a filter left out.

    What links join to the start is no further from it than the start itself.
    """
    vertices, depths = found_nodes(namespace, walked)
    by_vertex = {vertex: depth for vertex, depth in zip(vertices, depths, strict=True) if depth > 0}
    beyond = list(by_vertex)
    if wanted is not None:
        beyond = list(_matching(asked, beyond, wanted))
    joined = things_beyond(walked)
    things = {v: joined[row] for v in beyond if (row := row_of(v)) in joined} if joined else {}
    types = read_types(asked.reader, beyond, asked.then)
    return _Affected(beyond, by_vertex, types, things), len(by_vertex) - len(beyond)


def _matching(asked: GraphAsked, vertices: Sequence[int], wanted: NodeFilter) -> Iterator[int]:
    prepared = prepare_filter(asked.reader, asked.number, wanted, asked.size)
    for start in range(0, len(vertices), _CHUNK):
        chunk = vertices[start : start + _CHUNK]
        kept = matching(asked.reader, prepared, chunk, asked.then)
        yield from (vertex for vertex in chunk if vertex in kept)


def _count_things(vertices: Sequence[int], things: dict[int, int]) -> int:
    """Count nodes, those of one thing once."""
    if not things:
        return len(vertices)
    joined = [things[vertex] for vertex in vertices if vertex in things]
    return len(vertices) - len(joined) + len(set(joined))


def _groups(
    asked: GraphAsked, affected: _Affected, bases: dict[str, str | None], listed: int
) -> tuple[AffectedGroup, ...]:
    """Group what is affected by kind and type, and read the nearest of each group."""
    grouped: dict[tuple[int, str | None], list[int]] = {}
    for vertex in affected.vertices:
        key = kind_code(vertex), affected.types.get(vertex)
        grouped.setdefault(key, []).append(vertex)
    nearest = {key: vertices[:listed] for key, vertices in grouped.items()}
    nodes = read_nodes_then(
        asked.reader, [v for some in nearest.values() for v in some], asked.then
    )

    def shown(vertex: int) -> Node:
        return replace(nodes[vertex], depth=affected.depths[vertex])

    ordered = sorted(grouped, key=lambda key: (key[0], *_type_order(key[1], bases)))
    return tuple(
        AffectedGroup(
            kind=KINDS[code],
            type=name,
            base_type=bases.get(name or ""),
            nodes=len(grouped[code, name]),
            things=_count_things(grouped[code, name], affected.things),
            nearest=tuple(map(shown, nearest[code, name])),
        )
        for code, name in ordered
    )


def _type_order(name: str | None, bases: dict[str, str | None]) -> tuple[bool, str, str]:
    """Order types by what they are based on; what has no type comes last."""
    return name is None, bases.get(name or "") or name or "", name or ""


def _count_members(asked: GraphAsked, vertices: Sequence[int]) -> Counter[int]:
    """Return the contexts of some nodes that had begun, and those that such contexts lie in.

    Each stands with how many of the nodes are its members: 0 where only contexts are.
    """
    members: Counter[int] = Counter()
    for start in range(0, len(vertices), _CHUNK):
        members.update(_around(asked, vertices[start : start + _CHUNK]))
    begun = set(begun_among(asked, sorted(members)))
    members = Counter({context: members[context] for context in members.keys() & begun})
    found, waiting = begun, begun
    while waiting:
        further = set(_around(asked, waiting)) - found
        waiting = set(begun_among(asked, sorted(further)))
        found = found | waiting
    members.update(dict.fromkeys(found, 0))
    return members


def _contexts(
    asked: GraphAsked, members: Counter[int], bases: dict[str, str | None], listed: int
) -> tuple[ContextGroup, ...]:
    """Return contexts by type, those with the most members first."""
    types = read_types(asked.reader, sorted(members), asked.then)
    grouped: dict[str | None, list[int]] = {}
    for vertex in sorted(members, key=lambda one: (-members[one], one)):
        grouped.setdefault(types.get(vertex), []).append(vertex)
    first = {name: some[:listed] for name, some in grouped.items()}
    nodes = read_nodes_then(asked.reader, [v for some in first.values() for v in some], asked.then)
    return tuple(
        ContextGroup(
            type=name,
            base_type=bases.get(name or ""),
            contexts=len(grouped[name]),
            first=tuple(
                AffectedContext(node=nodes[vertex], members=members[vertex])
                for vertex in first[name]
            ),
        )
        for name in sorted(grouped, key=lambda name: _type_order(name, bases))
    )


def _around(asked: GraphAsked, members: Iterable[int]) -> Iterator[int]:
    """Yield a context for each membership of these."""
    for _, context, since in asked.reader.find(MEMBERSHIP, "member", members):
        if since < asked.size:
            yield int(context)


def _serving(asked: GraphAsked, namespace: int, affected: _Affected) -> FoundServing:
    """Return when and where the affected deployments served."""
    # An interval has a valid time of its own; who speaks of it later says the type later too.
    known = Then(asked.size)
    types = read_types(asked.reader, affected.vertices, known) if asked.valid else affected.types
    deployments = [vertex for vertex, name in types.items() if name == DEPLOYMENT]
    if not deployments:
        return FoundServing((), {}, {}, {})
    nodes = read_nodes_then(asked.reader, deployments, known)
    keys = frozenset(node.key or "" for node in nodes.values() if node.kind is Kind.ARTIFACT)
    subject = Subject(set(_around(asked, deployments)), keys)
    return read_calendars(ServingAsked(asked.reader, asked.graph, namespace, asked.basis), subject)


def _services(found: FoundServing, valid: ValidTime | None) -> Iterator[AffectedService]:
    """Yield the intervals that count at a valid time; without one, those that have not ended."""
    for one in found.intervals:
        certainty = None if valid is None else one.certainty_during(valid)
        if (one.end_us is None) if valid is None else (certainty is not None):
            shown = _service(one, found.names)
            yield shown if certainty is None else replace(shown, certainty=certainty)


def _service(one: Interval, names: dict[str, str]) -> AffectedService:
    environment = one.environment
    return AffectedService(
        deployment=one.deployment,
        place=one.place,
        environment=environment,
        environment_name=None if environment is None else names.get(environment),
        role=one.role,
        traffic_ratio=one.traffic_ratio,
        start=format_known_instant(one.start_us),
        end=format_known_instant(one.end_us),
    )
