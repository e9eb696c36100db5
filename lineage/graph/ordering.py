"""Order the steps of a bounded answer: whatever made an input comes before whoever took it in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx


def order_steps(steps: Sequence[int], before: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the steps in groups; each pair of ``before`` names an earlier and a later step.

    A group of several is a knot: in a circle nothing is first. Where the pairs leave a choice, the
    order of ``steps`` decides, inside a knot too.
    """
    place = {step: index for index, step in enumerate(steps)}
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(steps)
    graph.add_edges_from((one, other) for one, other in before if one != other)
    knots = [
        sorted(knot, key=place.__getitem__) for knot in nx.strongly_connected_components(graph)
    ]
    condensed = nx.condensation(graph, scc=knots)

    def first_place(index: int) -> int:
        return place[knots[index][0]]

    ordered = nx.lexicographical_topological_sort(condensed, key=first_place)
    return [knots[index] for index in ordered]
