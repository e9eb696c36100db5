"""Strongly connected components of edges in arrays: what can be reached from each other."""

from __future__ import annotations

import numpy as np

from lineage.graph.adjacency import Ints, narrowest, view_of


def strong_components(tail: Ints, head: Ints, count: int) -> Ints:
    """Return for each of ``count`` vertices the number of its component, what is behind it first.

    Takes time and memory in proportion to the edges, however deep they go.
    """
    order = np.argsort(tail, kind="stable")
    others = np.ascontiguousarray(head[order].astype(narrowest(count)))
    starts = np.zeros(count + 1, dtype=narrowest(len(others)))
    np.cumsum(np.bincount(tail, minlength=count), out=starts[1:])
    return np.array(_tarjan(view_of(starts), view_of(others), count), dtype=np.int64)


def _tarjan(starts: memoryview[int], others: memoryview[int], count: int) -> list[int]:
    """Number the components, by Tarjan's algorithm without recursion."""
    components = [-1] * count
    numbers = [0] * count
    lowest = [0] * count
    places = starts[:-1].tolist()
    waiting: list[int] = []
    last = found = 0
    for root in range(count):
        if numbers[root]:
            continue
        last += 1
        numbers[root] = lowest[root] = last
        waiting.append(root)
        walking = [root]
        while walking:
            vertex = walking[-1]
            place = places[vertex]
            if place < starts[vertex + 1]:
                places[vertex] = place + 1
                other = others[place]
                if not numbers[other]:
                    last += 1
                    numbers[other] = lowest[other] = last
                    waiting.append(other)
                    walking.append(other)
                elif components[other] < 0 and numbers[other] < lowest[vertex]:
                    lowest[vertex] = numbers[other]
                continue
            walking.pop()
            if walking and lowest[vertex] < lowest[walking[-1]]:
                lowest[walking[-1]] = lowest[vertex]
            if lowest[vertex] == numbers[vertex]:
                while components[vertex] < 0:
                    components[waiting.pop()] = found
                found += 1
    return components
