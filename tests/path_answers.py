"""Read the answers about paths by keys, to hold them against `oracle_paths`."""

from itertools import pairwise

from lineage.ledger import Direction, Kind, PathsQuery
from lineage_schemas.graph import TruncationReason
from lineage_schemas.paths import Path, PathsAnswer, PathStep
from oracle import Graph, Name, Walk
from oracle_paths import Hop, Way, Ways
from told_graphs import Keys

BOTH = (Direction.DOWNSTREAM, Direction.UPSTREAM)
Order = dict[Name, tuple[bool, int]]
Found = tuple[Direction, Way]


def expected(graph: Graph, query: PathsQuery, order: Order) -> list[Found]:
    """Return all paths in the order of answers."""
    found: list[Found] = []
    starts, ends = graph.identified(query.start), graph.identified(query.end)
    for direction in BOTH if query.direction is Direction.BOTH else (query.direction,):
        for way in Ways(graph, Walk(direction, frozenset(query.cross))).between(starts, ends):
            is_double = query.direction is Direction.BOTH and direction is BOTH[1]
            if not is_double or edges_of(way):
                found.append((direction, way))
    return sorted(
        found,
        key=lambda one: (
            edges_of(one[1]),
            sum(len(hop.through) for hop in one[1]),
            one[0] is BOTH[1],
            [order[hop.node] for hop in one[1]],
        ),
    )


def edges_of(way: Way) -> int:
    return sum(not hop.through for hop in way[1:])


def hops_of(path: Path, keys: Keys) -> Way:
    """Return a path that was answered in the form of the oracle."""
    nodes = [(one.kind, keys[one.kind, one.id]) for one in path.nodes]
    hops = [Hop(nodes[0])]
    through: list[Name] = []
    for step, node in zip(path.steps, nodes[1:], strict=True):
        assert bool(step.edges) != bool(step.links)
        if step.links:
            through.append(node)
            continue
        if through:
            hops.append(Hop(through[-1], tuple(through)))
        hops.append(Hop(node))
        through = []
    if through:
        hops.append(Hop(through[-1], tuple(through)))
    return tuple(hops)


def check_steps(graph: Graph, query: PathsQuery, path: Path, keys: Keys) -> None:
    """Every step shows all edges between its ends that lead this way, or all links."""
    nodes: list[Name] = [(one.kind, keys[one.kind, one.id]) for one in path.nodes]
    assert path.length == sum(bool(step.edges) for step in path.steps)
    for (near, far), step in zip(pairwise(nodes), path.steps, strict=True):
        ends = (near, far) if path.direction is Direction.DOWNSTREAM else (far, near)
        kinds = sorted(kind for tail, head, kind in graph.edges if (tail, head) == ends)
        assert sorted(edge.kind for edge in step.edges) == kinds
        check_links(graph, query, (near, far), step)


def check_links(graph: Graph, query: PathsQuery, ends: tuple[Name, Name], step: PathStep) -> None:
    near, far = ends
    joined = {one for node, one in graph.links(near) if node == far and one in query.cross}
    assert {one.link_class for one in step.links} == (set() if step.edges else joined)


def shape(found: Found) -> tuple[Direction, list[tuple[Name, int]]]:
    """Return what tells a path from every other, and how long its chains of links are."""
    direction, way = found
    return direction, [(hop.node, len(hop.through)) for hop in way]


def check_paths(graph: Graph, keys: Keys, query: PathsQuery, answer: PathsAnswer) -> None:
    """Compare an answer that no limit of nodes has cut."""
    order = {
        (kind, key): (kind is Kind.EXECUTION, number)
        for (kind, number), key in keys.items()
        if kind is not None and number is not None
    }
    known = {one for one in (query.start, query.end) if graph.identified(one)}
    assert answer.unknown == tuple(
        dict.fromkeys(one for one in (query.start, query.end) if one not in known)
    )
    every = expected(graph, query, order)
    shown = [(path.direction, hops_of(path, keys)) for path in answer.paths]
    allowed = [one for one in every if edges_of(one[1]) <= query.depth]
    assert list(map(shape, shown)) == list(map(shape, allowed[: query.count]))
    for path in answer.paths:
        check_steps(graph, query, path, keys)
    passed = {(one.kind, one.id) for path in answer.paths for one in path.nodes}
    assert {(node.kind, node.id) for node in answer.nodes} == passed
    assert len(answer.nodes) == len(passed)
    reasons = {one.reason for one in answer.truncations}
    assert (TruncationReason.PATHS in reasons) == (len(allowed) > query.count)
    assert reasons <= {TruncationReason.PATHS, TruncationReason.DEPTH}
    if answer.complete:
        assert len(every) == len(shown)
