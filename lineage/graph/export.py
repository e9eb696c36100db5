"""Hand a bounded answer to networkx. Never the whole graph, only an answer.

Edges point the way the data flowed. Links are identity, not flow, so they are no edges of the
networkx graph. What other tools read is written in the room ``exports``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from lineage_schemas.graph import Edge, LineageAnswer, Node
from lineage_schemas.mlmd import Kind

if TYPE_CHECKING:
    LineageGraph = nx.MultiDiGraph[str]


def node_ref(node: Node) -> str:
    """Name a node inside one answer: ``artifact/7``, or its key where the log never heard of it."""
    if node.kind is None or node.id is None:
        return f"unknown/{node.key or ''}"
    return f"{node.kind.value}/{node.id}"


def edge_refs(edge: Edge) -> tuple[str, str]:
    """Name the two ends of an edge, the way the data flowed."""
    artifact = f"{Kind.ARTIFACT.value}/{edge.artifact}"
    execution = f"{Kind.EXECUTION.value}/{edge.execution}"
    return (artifact, execution) if edge.kind.is_input else (execution, artifact)


def lineage_graph(answer: LineageAnswer) -> LineageGraph:
    """Return an answer as a networkx graph: nodes bear their ``node``, edges their ``edge``."""
    graph: LineageGraph = nx.MultiDiGraph()
    for node in answer.nodes:
        graph.add_node(node_ref(node), node=node)
    for edge in answer.edges:
        tail, head = edge_refs(edge)
        if tail in graph and head in graph:
            graph.add_edge(tail, head, edge=edge)
    return graph


def find_circles(graph: LineageGraph) -> list[list[str]]:
    """Return the names of nodes among which data flows in circles, one list a knot of them."""
    order = {name: index for index, name in enumerate(graph)}
    knots = [
        sorted(knot, key=order.__getitem__)
        for knot in nx.strongly_connected_components(graph)
        if len(knot) > 1
    ]
    return sorted(knots, key=lambda knot: order[knot[0]])
