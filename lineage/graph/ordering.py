"""Order the steps of a bounded answer: whatever made an input comes before whoever took it in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx


def order_steps(steps: Sequence[int], before: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the steps in groups; each pair of ``before`` names an earlier and a later step.

    A group of several is a knot: in a circle nothing is first. Where the pairs leave a choice, the
    order of ``steps`` decides, inside a knot too. A pair may name a point that is no step: what
    leads to it comes before what it leads to.
    """
    place = {step: index for index, step in enumerate(steps)}
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(steps)
    graph.add_edges_from((one, other) for one, other in before if one != other)
    parts = list(nx.strongly_connected_components(graph))
    knots = [sorted(part & place.keys(), key=place.__getitem__) for part in parts]
    condensed = nx.condensation(graph, scc=parts)

    def first_place(index: int) -> int:
        # A point comes as early as may be, so that it holds up no step.
        return place[knots[index][0]] if knots[index] else -1

    ordered = nx.lexicographical_topological_sort(condensed, key=first_place)
    return [knots[index] for index in ordered if knots[index]]
