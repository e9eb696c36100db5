"""What an answer met and nobody described, resolved or dated: counted alike in every answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from lineage.graph.adjacency import vertices_at
from lineage.graph.walk import Walked
from lineage.graph.walked import count_undated_edges, distinct
from lineage.projections.nodes import read_stated_starts
from lineage.questions.entities import entities_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.redactions import count_redacted
from lineage.questions.showing import read_nodes_then
from lineage.questions.typed import read_types


class Stubs(NamedTuple):
    """How many nodes nobody describes, and how many of those no link joins to one described."""

    stubs: int
    unresolved: int


def count_stubs(asked: GraphAsked, vertices: Collection[int]) -> Stubs:
    """Count the stubs among distinct nodes; one of which something was erased is none."""
    described = read_types(asked.reader, list(vertices), asked.then)
    bare = [vertex for vertex in vertices if vertex not in described]
    redacted = count_redacted(asked.reader, bare, asked.size)
    stubs = [vertex for vertex in bare if vertex not in redacted]
    return Stubs(len(stubs), count_unresolved(asked, stubs))


def count_unresolved(asked: GraphAsked, stubs: Collection[int]) -> int:
    """Count the stubs that no asserted link joins to a node that somebody describes."""
    if not stubs:
        return 0
    linked = asked.links.linked(stubs, asked.size)
    entities = entities_of(asked.links, linked, asked.size)
    every = {members[0]: members for members in entities.values()}
    known = read_nodes_then(
        asked.reader, {one for some in every.values() for one in some}, asked.then
    )
    told = {first for first, some in every.items() if any(not known[one].stub for one in some)}
    return len(stubs) - sum(entities[vertex][0] in told for vertex in linked)


def count_undated_walked(asked: GraphAsked, walks: Sequence[Walked]) -> int:
    """Count the nodes and edges of walks that count for a valid time though nobody dated them.

    A node or an edge of several walks is counted once.
    """
    if asked.valid is None or asked.number is None:
        return 0
    rows = distinct([walked.rows for walked in walks])
    edges = distinct([walked.edges for walked in walks])
    nodes = count_undated(asked, vertices_at(asked.number, rows).tolist())
    return nodes + count_undated_edges(asked.graph.adjacency, edges)


def count_undated(asked: GraphAsked, vertices: Collection[int]) -> int:
    """Count the nodes that are counted in for a valid time though nobody dated them."""
    if asked.valid is None:
        return 0
    starts = read_stated_starts(asked.reader, vertices, asked.size)
    return sum(start is None for start in starts.values())
