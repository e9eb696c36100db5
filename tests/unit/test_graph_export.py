"""Answers as networkx graphs, as DOT, and laid out as trees."""

from typing import Any

import pytest

from lineage.graph.export import find_circles, lineage_graph
from lineage.graph.exports.dot import dot_lines
from lineage.graph.layout import lay_out
from lineage_schemas.basis import Basis
from lineage_schemas.graph import Direction, Edge, LineageAnswer, Link, Node
from lineage_schemas.mlmd import EventKind, Kind

BASIS = Basis(origin="o", size=1, root="", projection="p", software="s", namespace="default")
IN, OUT = EventKind.INPUT, EventKind.OUTPUT


def artifact(number: int, **values: Any) -> Node:  # noqa: ANN401 - any field of a node
    """Return an artifact of that id."""
    return Node(kind=Kind.ARTIFACT, id=number, key=f"acme:data/{number}", **values)


def execution(number: int, depth: int = 1) -> Node:
    """Return an execution of that id."""
    return Node(kind=Kind.EXECUTION, id=number, key=f"acme:run/{number}", depth=depth)


def link(number: int, identifier: str | None, link_class: str = "asserted") -> Link:
    """Return a link of that artifact."""
    return Link(kind=Kind.ARTIFACT, node=number, identifier=identifier, link_class=link_class)


def answer(
    nodes: tuple[Node, ...],
    edges: tuple[Edge, ...],
    links: tuple[Link, ...] = (),
    direction: Direction = Direction.UPSTREAM,
) -> LineageAnswer:
    """Return an answer that starts at its first node."""
    return LineageAnswer(
        basis=BASIS,
        direction=direction,
        start=(nodes[0].key or "",),
        nodes=nodes,
        edges=edges,
        links=links,
    )


def drawn(lineage: LineageAnswer) -> list[str]:
    """Return the layout in short: level, how it was reached, key, and whether again."""
    return [
        f"{step.level}{'=' if step.links else '' if step.way is None else step.way.value[0]} "
        f"{step.node.key}{' again' if step.again else ''}{'.' if step.last else ''}"
        for step in lay_out(lineage)
    ]


def test_edges_point_the_way_the_data_flowed() -> None:
    graph = lineage_graph(
        answer((artifact(1), execution(2)), (Edge(1, 2, IN), Edge(1, 2, OUT), Edge(9, 2, IN)))
    )
    assert sorted(graph.edges()) == [("artifact/1", "execution/2"), ("execution/2", "artifact/1")]


def test_a_circle_is_found() -> None:
    nodes = (artifact(1), execution(2), artifact(3, depth=2))
    round_trip = (Edge(1, 2, OUT), Edge(1, 2, IN), Edge(3, 2, IN))
    assert find_circles(lineage_graph(answer(nodes, round_trip))) == [["artifact/1", "execution/2"]]
    assert find_circles(lineage_graph(answer(nodes, round_trip[::2]))) == []


def test_a_node_stands_in_full_once() -> None:
    nodes = (artifact(1), execution(2), execution(3), artifact(4, depth=2), execution(5, depth=3))
    edges = (Edge(1, 2, OUT), Edge(1, 3, OUT), Edge(4, 2, IN), Edge(4, 3, IN), Edge(4, 5, OUT))
    assert drawn(answer(nodes, edges)) == [
        "0 acme:data/1.",
        "1u acme:run/2",
        "2u acme:data/4.",
        "3u acme:run/5.",
        "1u acme:run/3.",
        "2u acme:data/4 again.",
    ]


def test_both_ways_are_drawn_from_the_start() -> None:
    nodes = (artifact(1), execution(2), execution(3))
    edges = (Edge(1, 2, OUT), Edge(1, 3, IN))
    assert drawn(answer(nodes, edges, direction=Direction.BOTH)) == [
        "0 acme:data/1.",
        "1u acme:run/2",
        "1d acme:run/3.",
    ]


def test_a_link_is_drawn_from_the_side_it_was_crossed() -> None:
    nodes = (artifact(1), artifact(2), execution(3))
    links = (link(1, "x:y"), link(2, "x:y", "key"))
    assert drawn(answer(nodes, (Edge(2, 3, OUT),), links)) == [
        "0 acme:data/1.",
        "1= acme:data/2.",
        "2u acme:run/3.",
    ]


def test_what_nothing_leads_to_is_drawn_all_the_same() -> None:
    nodes = (artifact(1), artifact(2), Node(key="never:heard", stub=True))
    links = (link(1, None), link(2, None))
    assert drawn(answer(nodes, (), links)) == [
        "0 acme:data/1.",
        "0 acme:data/2.",
        "0 never:heard.",
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ('a "b"', r"a \"b\""),
        ("back\\slash", r"back\\slash"),
        ("ends with \\", r"ends with \\"),
        ("two\nlines\x1b", r"two\\u000alines\\u001b"),
        (r"\N \G", r"\\N \\G"),
    ],
)
def test_dot_is_quoted(name: str, label: str) -> None:
    (line,) = [
        one for one in dot_lines(answer((artifact(1, name=name),), ())) if "artifact/1" in one
    ]
    assert line == f'  "artifact/1" [label="{label}", shape=box];'


def test_dot_draws_a_link_through_its_identifier_once() -> None:
    links = (link(1, "x:y"), link(2, "x:y"), link(1, None), link(2, None))
    lines = list(dot_lines(answer((artifact(1), artifact(2)), (), links)))
    assert sum("shape=plain" in line for line in lines) == 3
    assert sum("style=dashed, dir=none" in line for line in lines) == 4
