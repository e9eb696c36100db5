"""One node as text: what it is, goes by, belongs to, says of itself, and is joined to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from lineage.ledger import TraceQuery
from lineage.questions.contexts import NodeId
from lineage.service import Ledger
from lineage_api.cli.printing import (
    basis_line,
    counted,
    missing_lines,
    node_line,
    printable,
    value_lines,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_api.cli.tree import Contexts, jobs_of
from lineage_schemas.graph import Direction, Edge, Link, MetricValues, Node, NodeAnswer
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

Neighbours = Mapping[NodeId, Node]


class Card(Struct, frozen=True):
    """An answer, the nodes at the far ends of its edges, and the jobs of those that are runs."""

    answer: NodeAnswer
    neighbours: Neighbours
    contexts: Contexts


def read_card(ledger: Ledger, answer: NodeAnswer) -> Card:
    """Complete an answer by what its edges lead to, as of the same size."""
    keys = [
        node.key
        for node in answer.members
        if node.key is not None and node.kind is not Kind.CONTEXT
    ]
    if not keys or not answer.edges:
        return Card(answer, {}, {})
    near = ledger.trace(
        TraceQuery(
            start=tuple(keys),
            direction=Direction.BOTH,
            depth=1,
            cross=(),
        ),
        as_of=answer.basis,
        namespace=answer.basis.namespace,
    )
    ends = {_far_end(edge, answer) for edge in answer.edges}
    found = {
        (node.kind, node.id): node
        for node in near.nodes
        if node.kind is not None and node.id is not None and (node.kind, node.id) in ends
    }
    contexts = ledger.contexts_of(found, as_of=answer.basis, namespace=answer.basis.namespace)
    return Card(answer, found, contexts)


def card_lines(card: Card) -> Iterator[str]:
    """Yield the lines that show a node."""
    answer = card.answer
    yield node_line(answer.node)
    yield from _section("known as", _names(answer.links))
    if len(answer.members) > 1:
        yield from _section("members", map(node_line, answer.members))
    yield from _section("in", map(node_line, answer.contexts))
    yield from _section("holds", map(node_line, answer.contained))
    yield from _section("about", _about(answer.node))
    yield from _section("properties", _values(answer.node.properties))
    yield from _section("custom properties", _values(answer.node.custom_properties))
    yield from _section("metrics by step", map(_series_line, answer.series))
    yield from _section("edges", (_edge_line(edge, card) for edge in answer.edges))
    for truncation in answer.truncations:
        yield f"  and {counted(truncation.hidden, 'neighbour')} more"
    yield from redaction_lines(answer.redactions, answer.basis.redactions)
    yield basis_line(answer.basis)
    yield from missing_lines(answer.basis)


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        if index == 0:
            yield title
        yield f"  {line}"


def _about(node: Node) -> Iterator[str]:
    for name in ("name", "external_id", "uri"):
        value = getattr(node, name)
        if value is not None:
            yield printable(f"{name}: {value}")


def _values(properties: Mapping[str, JsonValue]) -> Iterator[str]:
    return chain.from_iterable(value_lines(name, properties[name]) for name in sorted(properties))


def _names(links: Sequence[Link]) -> Iterator[str]:
    """Yield each identifier once, with who says so of which of the nodes."""
    said: dict[str, list[str]] = {}
    for link in links:
        who = f" by {link.source}" if link.source else ""
        said.setdefault(link.identifier or "(erased)", []).append(f"{link.link_class}{who}")
    for identifier, claims in said.items():
        yield printable(f"{identifier}  ({', '.join(dict.fromkeys(claims))})")


def _edge_line(edge: Edge, card: Card) -> str:
    far = _far_end(edge, card.answer)
    node = card.neighbours.get(far) or Node(kind=far[0], id=far[1])
    arrow = "←" if edge.kind.is_input == (far[0] is Kind.ARTIFACT) else "→"
    return f"{arrow} {edge.kind.value} {node_line(node, jobs_of(node, card.contexts))}"


def _far_end(edge: Edge, answer: NodeAnswer) -> NodeId:
    if answer.node.kind is Kind.EXECUTION:
        return Kind.ARTIFACT, edge.artifact
    return Kind.EXECUTION, edge.execution


def _series_line(series: MetricValues) -> str:
    points = series.points
    numbers = [float(value) for _, value, _ in points if isinstance(value, int | float)]
    finite = [number for number in numbers if math.isfinite(number)]
    parts = [counted(len(points), "point")]
    if points:
        first, last = points[0], points[-1]
        parts.append(f"steps {first[0]} to {last[0]}")
        parts.append(f"first {first[1]}, last {last[1]}")
    if finite:
        parts.append(f"lowest {min(finite):g}, highest {max(finite):g}")
    return printable(f"{series.metric}: {', '.join(parts)}")
