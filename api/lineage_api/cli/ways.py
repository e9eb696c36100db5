"""Ways through the graph as text: a node a line, with the edges or links that lead to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lineage_api.cli.printing import event_text, json_text, node_line, printable
from lineage_schemas.graph import Direction, Link, Node
from lineage_schemas.mlmd import Kind
from lineage_schemas.paths import CrossedLink, Path, PathStep

Nodes = Mapping[tuple[Kind | None, int | None], Node]

_ARROWS = {Direction.UPSTREAM: "←", Direction.DOWNSTREAM: "→"}


def by_name(nodes: tuple[Node, ...]) -> Nodes:
    """Return nodes by kind and id."""
    return {(node.kind, node.id): node for node in nodes}


def way_lines(path: Path, nodes: Nodes, before: str = "  ") -> Iterator[str]:
    """Yield the nodes of a way in its order."""
    for index, one in enumerate(path.nodes):
        node = nodes[one.kind, one.id]
        step = "" if index == 0 else _step(path.steps[index - 1], path.direction)
        yield f"{before}{step}{node_line(node)}"


def _step(step: PathStep, direction: Direction) -> str:
    if step.links:
        return printable(f"= ({'; '.join(map(_link, step.links))}) ")
    return printable(f"{_ARROWS[direction]} {', '.join(map(event_text, step.edges))} ")


def _link(crossed: CrossedLink) -> str:
    claims = [
        f"by {one.source}" + (f" {json_text(one.evidence)}" if one.evidence else "")
        for one in (crossed.near, crossed.far)
        if one.source
    ]
    return " ".join([crossed.link_class.value, _identifier(crossed.far), *dict.fromkeys(claims)])


def _identifier(link: Link) -> str:
    return link.identifier or "(erased)"
