"""Find the shortest paths between two things: by what steps data came from the one to the other."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lineage.graph.adjacency import vertex_at
from lineage.graph.hops import link_steps
from lineage.graph.links import CROSSED_BY_DEFAULT
from lineage.graph.paths import FoundPath, PathLimits, find_paths
from lineage.graph.walk import Bounds, Walked, walk_lineage
from lineage.graph.walked import WalkedEdges, walked_edges
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.named import Named, find_named, read_contexts_named
from lineage.questions.nodes import read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.steps import Steps, Way
from lineage.questions.trace import DEPTH_MAX, NODES_DEFAULT, check_bounds
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction, Truncation, TruncationReason
from lineage_schemas.paths import PathsAnswer
from lineage_schemas.records import LinkClass

PATHS_DEFAULT: Final = 10
PATHS_MAX: Final = 1_000

PATH_STEPS_MAX: Final = 2_000_000
"""Steps that are looked at for one answer; a graph of many circles has more paths than steps."""

_WAYS: Final = {
    Direction.DOWNSTREAM: (Direction.DOWNSTREAM,),
    Direction.UPSTREAM: (Direction.UPSTREAM,),
    Direction.BOTH: (Direction.DOWNSTREAM, Direction.UPSTREAM),
}


class PathsQuery(Struct, frozen=True, kw_only=True):
    """Between which two things, and how many paths of how many edges.

    ``direction`` is the way from ``start``: with the flow of data, against it, or either. ``nodes``
    bounds how many nodes are looked at each way.
    """

    start: str
    end: str
    direction: Direction = Direction.BOTH
    count: int = PATHS_DEFAULT
    depth: int = DEPTH_MAX
    nodes: int = NODES_DEFAULT
    cross: tuple[LinkClass, ...] = CROSSED_BY_DEFAULT


def check_paths(query: PathsQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: a count, depth or node limit out of range, or guesses to be crossed.
    """
    check_bounds(query.depth, query.nodes, query.cross)
    if not 1 <= query.count <= PATHS_MAX:
        raise InvalidInputError(f"One asks for 1 to {PATHS_MAX} paths", where=str(query.count))


class _Way(NamedTuple):
    """What was found in one direction."""

    direction: Direction
    paths: list[FoundPath]
    walked: Walked
    edges: WalkedEdges


def find_shortest(asked: GraphAsked, query: PathsQuery) -> PathsAnswer:
    """Answer a checked query.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
    """
    named = find_named(asked, (query.start, query.end))
    start, end = named.names
    answer = PathsAnswer(
        basis=asked.basis,
        start=start,
        end=end,
        direction=query.direction,
        contexts=read_contexts_named(asked, named),
        unknown=named.unknown,
        not_begun=named.not_begun,
        labels=named.labels,
    )
    if asked.number is None or not named.can_walk:
        return with_redactions(asked.reader, answer, asked.number, named.contexts)
    cuts: list[Truncation] = []
    ways = [
        _search(asked, asked.number, query, (named, way), cuts) for way in _WAYS[query.direction]
    ]
    ordered = sorted(
        ((way, path) for way in ways for path in way.paths),
        key=lambda found: (
            found[1].length,
            found[1].links,
            found[0].direction is not Direction.DOWNSTREAM,
            found[1].order,
        ),
    )
    if len(ordered) > query.count:
        hidden = len(ordered) - query.count
        cuts.append(Truncation(reason=TruncationReason.PATHS, limit=query.count, hidden=hidden))
    answer = replace(answer, truncations=tuple(dict.fromkeys(cuts)))
    return _shown(asked, asked.number, answer, ordered[: query.count])


def _search(
    asked: GraphAsked,
    namespace: int,
    query: PathsQuery,
    wanted: tuple[Named, Direction],
    cuts: list[Truncation],
) -> _Way:
    """Find one path more than is wanted, so that it shows whether there are more."""
    named, direction = wanted
    valid = None if asked.valid is None else asked.valid.time
    bounds = Bounds(asked.size, query.depth, query.nodes, query.cross, valid)
    starts, targets = named.rows
    walked = walk_lineage(namespace, asked.graph, starts, direction, bounds)
    cuts += walked.truncations
    edges = walked_edges(asked.graph.adjacency, walked, upstream=direction is Direction.UPSTREAM)
    found = find_paths(
        zip(edges.near.tolist(), edges.far.tolist(), strict=True),
        link_steps(walked.links),
        (starts, targets),
        PathLimits(query.count + 1, query.depth, PATH_STEPS_MAX),
    )
    if found.is_longer:
        cuts.append(Truncation(reason=TruncationReason.DEPTH, limit=query.depth, hidden=1))
    if found.is_stopped:
        cuts.append(Truncation(reason=TruncationReason.STEPS, limit=PATH_STEPS_MAX, hidden=0))
    paths = found.paths
    if direction is Direction.UPSTREAM and query.direction is Direction.BOTH:
        # Without an edge it leads neither way, and was found the other way.
        paths = [path for path in paths if path.length]
    return _Way(direction, paths, walked, edges)


def _shown(
    asked: GraphAsked, namespace: int, answer: PathsAnswer, found: list[tuple[_Way, FoundPath]]
) -> PathsAnswer:
    """Return an answer with its paths."""
    steps = Steps(asked, namespace)
    ways = [Way(way.direction, _rows(path)) for way, path in found]
    for searched in {way.direction: way for way, _ in found}.values():
        own = [one for one in ways if one.direction is searched.direction]
        steps.read(own, searched.edges, searched.walked.links.crossed)
    rows = dict.fromkeys(row for way in ways for row in way.rows)
    vertices = [vertex_at(namespace, row) for row in rows]
    nodes = read_nodes(asked.reader, vertices, asked.size)
    shown = replace(
        answer,
        paths=tuple(map(steps.path, ways)),
        nodes=tuple(nodes[vertex] for vertex in vertices),
        undated=0 if asked.valid is None else steps.undated,
    )
    return with_redactions(asked.reader, shown, namespace, vertices)


def _rows(path: FoundPath) -> list[int]:
    """Return the rows of a path, those that it comes through by links included."""
    rows = [path.start]
    for hop in path.hops:
        rows += hop.through or (hop.row,)
    return rows
