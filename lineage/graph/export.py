"""Hand a bounded answer to networkx, and write it as DOT. Never the whole graph, only an answer.

Edges point the way the data flowed. Links are identity, not flow, so they are no edges of the
networkx graph; DOT draws them dashed, through the identifier that both nodes go by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import networkx as nx

from lineage_schemas.graph import Edge, LineageAnswer, Link, Node
from lineage_schemas.mlmd import Kind

if TYPE_CHECKING:
    LineageGraph = nx.MultiDiGraph[str]

_SHAPES: Final = {Kind.ARTIFACT: "box", Kind.EXECUTION: "ellipse", Kind.CONTEXT: "folder"}


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


def dot_lines(answer: LineageAnswer) -> Iterator[str]:
    """Write an answer as a graph in the DOT language, line by line."""
    graph = lineage_graph(answer)
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    for name, data in graph.nodes(data=True):
        yield f"  {_quoted(name)} [{_attributes(data['node'])}];"
    for tail, head, data in graph.edges(data=True):
        yield f"  {_quoted(tail)} -> {_quoted(head)} [label={_label(data['edge'].kind.value)}];"
    yield from _link_lines(answer.links)
    yield "}"


def _attributes(node: Node) -> str:
    lines = [node.name or node.key or node_ref(node), node.type, node.state]
    shape = "diamond" if node.kind is None else _SHAPES[node.kind]
    style = ", style=dashed" if node.stub else ""
    return f"label={_label(*filter(None, lines))}, shape={shape}{style}"


def _link_lines(links: tuple[Link, ...]) -> Iterator[str]:
    hubs: set[str] = set()
    for index, link in enumerate(links):
        # An erased identifier has no name to share, so each such link ends at a point of its own.
        own = f"identifier/{link.kind.value}/{link.identifier}"
        hub = f"erased/{index}" if link.identifier is None else own
        if hub not in hubs:
            hubs.add(hub)
            yield f"  {_quoted(hub)} [label={_label(link.identifier or 'erased')}, shape=plain];"
        node = f"{link.kind.value}/{link.node}"
        label = _label(link.link_class)
        yield f"  {_quoted(node)} -> {_quoted(hub)} [label={label}, style=dashed, dir=none];"


def _quoted(text: str) -> str:
    """Quote an id of DOT: a backslash is an ordinary character, but not before the last quote."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(*lines: str) -> str:
    r"""Quote a label of DOT, where ``\n`` is a new line and a backslash is written twice."""
    return '"' + "\\n".join(_quoted(_on_one_line(line))[1:-1] for line in lines) + '"'


def _on_one_line(text: str) -> str:
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
