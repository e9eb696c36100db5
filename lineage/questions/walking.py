"""Walk from some nodes and read what the walk found: the middle of every trace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from itertools import repeat
from typing import NamedTuple

from msgspec.structs import force_setattr

from lineage.graph.adjacency import Bools, Ints, row_of, vertices_at
from lineage.graph.crossing import WalkedLinks
from lineage.graph.edges import EdgeEnds, edge_ends
from lineage.graph.marking import mark_rows
from lineage.graph.walk import Bounds, found_nodes, walk_lineage
from lineage.questions.filtering import matching, matching_read, prepare_filter
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.lacking import count_undated_walked, count_unresolved
from lineage.questions.showing import read_then
from lineage_schemas.filters import NodeFilter
from lineage_schemas.graph import Direction, Node, Truncation
from lineage_schemas.mlmd import Kind


class Found(NamedTuple):
    """What a walk found, as an answer tells it: ``LineageAnswer`` says what is counted.

    ``linked`` are those of the vertices that may have links.
    """

    vertices: list[int]
    nodes: list[Node]
    linked: list[int]
    ends: EdgeEnds
    links: WalkedLinks
    truncations: tuple[Truncation, ...]
    stubs: int
    unresolved: int
    undated: int
    stopped: int
    filtered: int = 0


def walk_from(
    asked: GraphAsked,
    starts: Collection[int],
    direction: Direction,
    bounds: Bounds,
    wanted: NodeFilter | None,
) -> Found:
    """Walk from the vertices ``starts``, which are of the namespace that is asked about.

    Of what the walk finds, what fulfils ``wanted`` is shown, and the starts.
    """
    assert asked.number is not None
    rows = [row_of(vertex) for vertex in starts]
    walked = walk_lineage(asked.number, asked.graph, rows, direction, bounds)
    vertices, depths = found_nodes(asked.number, walked)
    may_link = asked.links.source.may_link(walked.rows)
    by_vertex, stubs = read_then(asked.reader, vertices, asked.then)
    found = Found(
        vertices,
        _whole_nodes(by_vertex, vertices, depths),
        vertices if may_link is None else vertices_at(asked.number, walked.rows[may_link]).tolist(),
        edge_ends(asked.graph.adjacency, walked.edges),
        walked.links,
        tuple(walked.truncations),
        stubs=len(stubs),
        unresolved=count_unresolved(asked, stubs),
        undated=count_undated_walked(asked, [walked]),
        stopped=len(set(walked.stopped.tolist())),
    )
    return found if wanted is None else _filtered(asked, wanted, found, set(starts))


def stops_at(asked: GraphAsked, wanted: NodeFilter) -> Callable[[Ints], Bools]:
    """Return what tells a walk of rows whether it does not lead on from them.

    Raises:
        NotFoundError: the filter names a type or a context that nobody has heard of.
    """
    assert asked.number is not None
    number = asked.number
    prepared = prepare_filter(asked.reader, number, wanted, asked.size)

    def stops(rows: Ints) -> Bools:
        vertices = vertices_at(number, rows).tolist()
        return mark_rows(rows, matching(asked.reader, prepared, vertices, asked.then))

    return stops


def _filtered(asked: GraphAsked, wanted: NodeFilter, found: Found, starts: set[int]) -> Found:
    """Keep what fulfils a filter, the start, and what joins them directly."""
    prepared = prepare_filter(asked.reader, asked.number, wanted, asked.size)
    by_vertex = dict(zip(found.vertices, found.nodes, strict=True))
    kept = matching_read(asked.reader, prepared, by_vertex, asked.then) | starts
    places = [place for place, vertex in enumerate(found.vertices) if vertex in kept]
    nodes = [found.nodes[place] for place in places]
    return found._replace(
        vertices=[found.vertices[place] for place in places],
        nodes=nodes,
        linked=[vertex for vertex in found.linked if vertex in kept],
        ends=_ends_among(found.ends, nodes),
        links=found.links.among(kept),
        filtered=len(found.nodes) - len(nodes),
    )


def _ends_among(ends: EdgeEnds, nodes: Collection[Node]) -> EdgeEnds:
    shown = {(node.kind, node.id) for node in nodes}
    places = [
        place
        for place, (artifact, execution) in enumerate(
            zip(ends.artifacts, ends.executions, strict=True)
        )
        if (Kind.ARTIFACT, artifact) in shown and (Kind.EXECUTION, execution) in shown
    ]
    detailed = set(ends.detailed)
    return EdgeEnds(
        [ends.artifacts[place] for place in places],
        [ends.executions[place] for place in places],
        [ends.kinds[place] for place in places],
        [index for index, place in enumerate(places) if place in detailed],
    )


def _whole_nodes(by_vertex: dict[int, Node], vertices: list[int], depths: list[int]) -> list[Node]:
    """Return the nodes in the order of the walk, each with its depth.

    They were read from the store a moment ago and seen by nobody yet, so they are ours to complete.
    """
    nodes = [by_vertex[vertex] for vertex in vertices]
    # As a loop would, without a step of the interpreter for each of very many nodes.
    deque(map(force_setattr, nodes, repeat("depth"), depths), maxlen=0)
    return nodes
