"""An answer in the DOT language of Graphviz.

Links are identity, not flow: they are drawn dashed, through the identifier that both nodes go by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.graph.export import node_ref
from lineage.graph.exports.facts import answer_facts, json_text, missing, shown_edges
from lineage_schemas.graph import LineageAnswer, Link, Node
from lineage_schemas.mlmd import Kind

_SHAPES: Final = {Kind.ARTIFACT: "box", Kind.EXECUTION: "ellipse", Kind.CONTEXT: "folder"}
_FOUR_DIGITS_MAX: Final = 0xFFFF


def dot_lines(answer: LineageAnswer) -> Iterator[str]:
    """Write an answer as a graph in the DOT language, line by line.

    Its facts stand in comments, a line each; what is missing stands under the drawing too.
    """
    yield "digraph lineage {"
    for name, value in answer_facts(answer).items():
        yield f"  // {name}: {json_text(value)}"
    yield "  rankdir=LR;"
    lacks = missing(answer)
    if lacks:
        yield f"  label={_label(*lacks)};"
    for node in answer.nodes:
        yield f"  {_id(node_ref(node))} [{_attributes(node)}];"
    for tail, head, edge in shown_edges(answer):
        yield f"  {_id(tail)} -> {_id(head)} [label={_label(edge.kind.value)}];"
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
            yield f"  {_id(hub)} [label={_label(link.identifier or 'erased')}, shape=plain];"
        node = f"{link.kind.value}/{link.node}"
        label = _label(link.link_class)
        yield f"  {_quoted(node)} -> {_id(hub)} [label={label}, style=dashed, dir=none];"


def _id(text: str) -> str:
    r"""Quote an id of DOT, where ``\u`` means nothing: a backslash of the name's own is doubled."""
    return _on_one_line(_quoted(text))


def _quoted(text: str) -> str:
    """Quote a text of DOT: a backslash is an ordinary character, but not before the last quote."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(*lines: str) -> str:
    r"""Quote a label of DOT, where ``\n`` is a new line and a backslash is written twice."""
    return '"' + "\\n".join(_quoted(_on_one_line(line))[1:-1] for line in lines) + '"'


def _on_one_line(text: str) -> str:
    return "".join(one if one.isprintable() else _escape(ord(one)) for one in text)


def _escape(point: int) -> str:
    return f"\\u{point:04x}" if point <= _FOUR_DIGITS_MAX else f"\\U{point:08x}"
