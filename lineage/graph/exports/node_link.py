"""An answer as node-link JSON, the form of networkx: ``networkx.node_link_graph`` reads it."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.graph.exports.facts import (
    answer_facts,
    edge_facts,
    json_items,
    json_text,
    link_facts,
    node_facts,
    shown_edges,
)
from lineage_schemas.graph import LineageAnswer
from lineage_schemas.values import JsonValue


def node_link_lines(answer: LineageAnswer) -> Iterator[str]:
    """Write an answer as a directed multigraph in node-link JSON, one node or edge a line.

    Nodes are named as ``ref`` says; the answer's facts and links are attributes of the graph.
    """
    facts = answer_facts(answer) | {"links": [link_facts(link) for link in answer.links]}
    yield '{"directed":true,"multigraph":true,'
    yield f'"graph":{json_text(facts)},'
    yield '"nodes":['
    yield from json_items(_nodes(answer))
    yield '],"edges":['
    yield from json_items(_edges(answer))
    yield "]}"


def _nodes(answer: LineageAnswer) -> Iterator[JsonValue]:
    for node in answer.nodes:
        facts = node_facts(node)
        facts["id"] = facts["ref"]
        facts["properties"] = node.properties
        facts["custom_properties"] = node.custom_properties
        yield facts


def _edges(answer: LineageAnswer) -> Iterator[JsonValue]:
    for number, (tail, head, edge) in enumerate(shown_edges(answer)):
        yield edge_facts(edge) | {"source": tail, "target": head, "key": number}
