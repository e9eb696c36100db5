"""Find where data flows in circles, such as by a job that reads the table it writes."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lineage.graph.adjacency import Shown, vertex_at
from lineage.graph.entities import NO_ENTITIES, Entities
from lineage.graph.knots import KnotFound, find_cycle, find_knots
from lineage.graph.rounds import (
    Joined,
    edges_out_of,
    rounds_of,
    row_vertices,
    walked_ends,
)
from lineage.graph.walk import Bounds, walk_lineage
from lineage.graph.walked import count_undated_edges
from lineage.graph.whole import Ends, every_edge, every_entity
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.lacking import count_stubs
from lineage.questions.named import find_named, read_contexts_named
from lineage.questions.redactions import with_redactions
from lineage.questions.showing import read_nodes_then
from lineage.questions.steps import Steps, Way
from lineage.questions.trace import DEPTH_MAX, NODES_MAX, check_bounds
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction, Truncation
from lineage_schemas.knots import CyclesAnswer, Knot
from lineage_schemas.records import LinkClass

KNOTS_DEFAULT: Final = 20
KNOTS_MAX: Final = 1_000
"""Knots that are listed; all of them are counted."""

KNOT_NODES_SHOWN_MAX: Final = 100
"""Nodes of one knot that are listed; all of them are counted."""


class CyclesQuery(Struct, frozen=True, kw_only=True):
    """Among what to look: all of a namespace, or what lineage leads to both ways from ``start``.

    ``entities``: nodes that asserted links join are taken for one. ``nodes`` bounds how many are
    looked at from a start.
    """

    start: str | None = None
    count: int = KNOTS_DEFAULT
    nodes: int = NODES_MAX
    entities: bool = True


def check_cycles(query: CyclesQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: a number of knots or a node limit out of range.
    """
    check_bounds(0, query.nodes, ())
    if not 1 <= query.count <= KNOTS_MAX:
        raise InvalidInputError(f"One asks for 1 to {KNOTS_MAX} knots", where=str(query.count))


class _Looked(NamedTuple):
    """What was looked at: edges, entities, and what cut it."""

    ends: Ends
    entities: Entities
    truncations: tuple[Truncation, ...] = ()


def find_cycles(asked: GraphAsked, query: CyclesQuery) -> CyclesAnswer:
    """Answer a checked query.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
    """
    named = find_named(asked, () if query.start is None else (query.start,))
    answer = CyclesAnswer(
        basis=asked.basis,
        start=None if query.start is None else named.names[0],
        contexts=read_contexts_named(asked, named),
        unknown=named.unknown,
        not_begun=named.not_begun,
        labels=named.labels,
    )
    namespace = asked.number
    if namespace is None or not named.can_walk:
        return with_redactions(asked.reader, answer, namespace, named.contexts)
    looked = _look(asked, namespace, query, None if query.start is None else named.rows[0])
    entities = looked.entities
    knots = find_knots(entities.first_of(looked.ends.tail), entities.first_of(looked.ends.head))
    answer = replace(
        answer,
        knot_count=len(knots),
        node_count=sum(len(entities.members(knot.rows)) for knot in knots),
        truncations=looked.truncations,
        undated=looked.ends.undated,
    )
    return _with_knots(asked, namespace, answer, (knots[: query.count], looked))


def _look(
    asked: GraphAsked, namespace: int, query: CyclesQuery, start: list[int] | None
) -> _Looked:
    shown = Shown(asked.size, None if asked.valid is None else asked.valid.time)
    entities = every_entity(asked.graph.links, asked.size) if query.entities else NO_ENTITIES
    if start is None:
        edges = every_edge(asked.reader, namespace, asked.graph.adjacency, shown)
        return _Looked(edges, entities)
    crossed = (LinkClass.ASSERTED,) if query.entities else ()
    bounds = Bounds(asked.size, DEPTH_MAX, query.nodes, crossed, shown.valid)
    walked = walk_lineage(namespace, asked.graph, start, Direction.BOTH, bounds)
    ends = walked_ends(asked.graph.adjacency, walked.edges)
    undated = 0
    if asked.valid is not None:
        undated = count_undated_edges(asked.graph.adjacency, walked.edges)
    return _Looked(ends._replace(undated=undated), entities, tuple(walked.truncations))


def _with_knots(
    asked: GraphAsked, namespace: int, answer: CyclesAnswer, found: tuple[list[KnotFound], _Looked]
) -> CyclesAnswer:
    """Return an answer with its knots."""
    knots, looked = found
    cycles = [find_cycle(knot) for knot in knots]
    joined = Joined(asked.graph.links, namespace, asked.size)
    rounds = rounds_of([one.rows for one in cycles], looked.ends, looked.entities, joined)
    ways = [Way(Direction.DOWNSTREAM, rows) for rows in rounds]
    steps = Steps(asked, namespace)
    shown = Shown(asked.size, None if asked.valid is None else asked.valid.time)
    passed = [row for way in ways for row in way.rows]
    edges = edges_out_of(asked.graph.adjacency, passed, shown)
    steps.read(ways, edges, [LinkClass.ASSERTED])
    members = [row_vertices(namespace, looked.entities.members(knot.rows)) for knot in knots]
    listed = {vertex for some in members for vertex in some[:KNOT_NODES_SHOWN_MAX]}
    on_cycles = dict.fromkeys(vertex_at(namespace, row) for row in passed)
    nodes = read_nodes_then(asked.reader, [*listed.union(on_cycles)], asked.then)
    lacking = count_stubs(asked, nodes)
    answer = replace(
        answer,
        knots=tuple(
            Knot(
                nodes=tuple(nodes[vertex] for vertex in some[:KNOT_NODES_SHOWN_MAX]),
                size=len(some),
                cycle=steps.path(way),
                is_shortest=cycle.is_shortest,
            )
            for some, way, cycle in zip(members, ways, cycles, strict=True)
        ),
        stubs=lacking.stubs,
        unresolved=lacking.unresolved,
        passed=tuple(nodes[vertex] for vertex in sorted(on_cycles)),
    )
    return with_redactions(asked.reader, answer, namespace, nodes)
