"""An answer as GraphML (http://graphml.graphdrawing.org): for yEd, Gephi, igraph and networkx.

XML has no way to say most control characters. A value that holds one is written as the inside of a
JSON string, and ``escaped`` of the node names the attributes that are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from lineage.graph.export import node_ref
from lineage.graph.exports.facts import (
    Facts,
    answer_facts,
    edge_facts,
    json_text,
    link_facts,
    node_facts,
    shown_edges,
    typed,
)
from lineage_schemas.graph import LineageAnswer, Node

ESCAPED: Final = "escaped"

_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns \
http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">"""
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The reader would turn a carriage return into a new line, and the rest would steer a terminal.
_REFERRED: Final = re.compile("[&<>\"'\t\n\r\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_Datum = tuple[str, str, str]  # name of the attribute, its type, its value as text


class _Key(Struct, frozen=True):
    """An attribute that nodes, edges or the graph may have: GraphML declares each beforehand."""

    scope: str
    name: str
    type: str


def graphml_lines(answer: LineageAnswer) -> Iterator[str]:
    """Write an answer as GraphML, one node or edge a line.

    Nodes are named ``artifact.7``; edges have ids, since two nodes may have several between them.
    The answer's facts and links are attributes of the graph, in JSON where they are no plain value.
    """
    facts = _graph_data(answer)
    keys = {key: f"d{number}" for number, key in enumerate(_keys(answer, facts))}
    yield _HEAD
    for key, name in keys.items():
        yield (
            f'<key id="{name}" for="{key.scope}" attr.name="{_xml(_legal(key.name))}"'
            f' attr.type="{key.type}"/>'
        )
    yield '<graph id="lineage" edgedefault="directed">'
    yield _written("graph", facts, keys)
    ids: dict[str, str] = {}
    for number, node in enumerate(answer.nodes):
        name = ids[node_ref(node)] = _node_id(node, number)
        yield f'<node id="{name}">{_written("node", _node_data(node), keys)}</node>'
    for number, (tail, head, edge) in enumerate(shown_edges(answer)):
        data = _written("edge", _with_escapes(_data(edge_facts(edge))), keys)
        yield f'<edge id="e{number}" source="{ids[tail]}" target="{ids[head]}">{data}</edge>'
    yield "</graph></graphml>"


def _node_id(node: Node, number: int) -> str:
    """Name a node in the characters that an id of GraphML may have."""
    if node.kind is None or node.id is None:
        return f"unknown.{number}"
    return f"{node.kind.value}.{node.id}"


def _keys(answer: LineageAnswer, facts: list[_Datum]) -> dict[_Key, None]:
    keys = dict.fromkeys(_Key("graph", name, kind) for name, kind, _ in facts)
    for node in answer.nodes:
        keys |= dict.fromkeys(_Key("node", name, kind) for name, kind, _ in _node_data(node))
    for _, _, edge in shown_edges(answer):
        data = _with_escapes(_data(edge_facts(edge)))
        keys |= dict.fromkeys(_Key("edge", name, kind) for name, kind, _ in data)
    return keys


def _graph_data(answer: LineageAnswer) -> list[_Datum]:
    facts = answer_facts(answer)
    facts["links"] = [link_facts(link) for link in answer.links]
    return _with_escapes(_data(facts))


def _node_data(node: Node) -> list[_Datum]:
    data = _data(node_facts(node))
    for section in ("properties", "custom_properties"):
        for name, value in getattr(node, section).items():
            kind, text = typed(value)
            if kind == "json":
                data.append((f"{section}_json.{name}", "string", text))
            else:
                data.append((f"{section}.{name}", kind, text))
    return _with_escapes(data)


def _data(facts: Facts) -> list[_Datum]:
    data: list[_Datum] = []
    for name, value in facts.items():
        kind, text = typed(value)
        data.append((name, "string" if kind == "json" else kind, text))
    return data


def _with_escapes(data: list[_Datum]) -> list[_Datum]:
    """Add the names of those attributes whose values XML cannot say."""
    names = [name for name, _, text in data if _NOT_XML.search(text)]
    return [*data, (ESCAPED, "string", json_text(names))] if names else data


def _written(scope: str, data: Iterable[_Datum], keys: dict[_Key, str]) -> str:
    return "".join(
        f'<data key="{keys[_Key(scope, name, kind)]}">{_xml(_legal(text))}</data>'
        for name, kind, text in data
    )


def _legal(text: str) -> str:
    """Return a text that XML can say: as it is, or as the inside of a JSON string."""
    if _NOT_XML.search(text) is None:
        return text
    return json_text(text)[1:-1]


def _xml(text: str) -> str:
    return _REFERRED.sub(lambda found: f"&#{ord(found[0])};", text)
