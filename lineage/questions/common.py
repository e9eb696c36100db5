"""Find what several things have in common upstream or downstream."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lineage.graph.adjacency import vertex_at
from lineage.graph.common import find_common
from lineage.graph.links import CROSSED_BY_DEFAULT
from lineage.graph.walk import Bounds, walk_lineage
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.lacking import count_stubs, count_undated_walked
from lineage.questions.named import find_named, read_contexts_named
from lineage.questions.redactions import with_redactions
from lineage.questions.showing import read_nodes_then
from lineage.questions.trace import DEPTH_MAX, NODES_DEFAULT, check_bounds
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction
from lineage_schemas.paths import CommonAnswer, CommonNode
from lineage_schemas.records import LinkClass

STARTS_MIN: Final = 2
STARTS_MAX: Final = 100
"""Things that are set against each other; each is a walk of its own."""


class CommonQuery(Struct, frozen=True, kw_only=True):
    """Of which things, and which way. ``nodes`` bounds how many each of them leads to."""

    start: tuple[str, ...]
    direction: Direction = Direction.UPSTREAM
    depth: int = DEPTH_MAX
    nodes: int = NODES_DEFAULT
    cross: tuple[LinkClass, ...] = CROSSED_BY_DEFAULT


def check_common(query: CommonQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: too few things or too many, both directions at once, a depth or node
            limit out of range, or guesses to be crossed.
    """
    check_bounds(query.depth, query.nodes, query.cross)
    if not STARTS_MIN <= len(query.start) <= STARTS_MAX:
        raise InvalidInputError(
            f"What {STARTS_MIN} to {STARTS_MAX} things have in common can be asked",
            where=str(len(query.start)),
        )
    if query.direction is Direction.BOTH:
        raise InvalidInputError(
            "What is common is asked of one direction",
            where=query.direction.value,
            hint="Ask upstream and downstream, one after the other.",
        )


def find_in_common(asked: GraphAsked, query: CommonQuery) -> CommonAnswer:
    """Answer a checked query.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
    """
    named = find_named(asked, query.start)
    answer = CommonAnswer(
        basis=asked.basis,
        start=named.names,
        direction=query.direction,
        contexts=read_contexts_named(asked, named),
        unknown=named.unknown,
        not_begun=named.not_begun,
        labels=named.labels,
    )
    namespace = asked.number
    if namespace is None or not named.can_walk:
        return with_redactions(asked.reader, answer, namespace, named.contexts)
    valid = None if asked.valid is None else asked.valid.time
    bounds = Bounds(asked.size, query.depth, query.nodes, query.cross, valid)
    walks = [
        walk_lineage(namespace, asked.graph, rows, query.direction, bounds) for rows in named.rows
    ]
    upstream = query.direction is Direction.UPSTREAM
    found = find_common(asked.graph.adjacency, walks, upstream=upstream)
    vertices = [vertex_at(namespace, row) for row in found.rows]
    nodes = read_nodes_then(asked.reader, vertices, asked.then)
    common = sorted(
        zip(vertices, found.depths, found.nearest, strict=True),
        key=lambda one: (not one[2], sum(one[1]), one[0]),
    )
    lacking = count_stubs(asked, vertices)
    answer = replace(
        answer,
        common=tuple(
            CommonNode(node=nodes[vertex], depths=depths, nearest=nearest)
            for vertex, depths, nearest in common
        ),
        truncations=tuple(dict.fromkeys(cut for walked in walks for cut in walked.truncations)),
        stubs=lacking.stubs,
        unresolved=lacking.unresolved,
        undated=count_undated_walked(asked, walks),
    )
    return with_redactions(asked.reader, answer, namespace, vertices)
