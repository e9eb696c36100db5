"""Edges of a walk as answers want them: by ids, in one order for ever."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import DETAILED, EVENT_KINDS, KIND_MASK, EdgeSource, Ints
from lineage_schemas.mlmd import EventKind

_KIND_OBJECTS: Final = np.array(EVENT_KINDS, dtype=object)
_CELL_BITS: Final = 4
_CELLS: Final[Ints] = np.array(
    [(kind & KIND_MASK) << 1 | (kind >= DETAILED) for kind in range(1 << _CELL_BITS)],
    dtype=np.int64,
)
"""Of each kind of an edge: the kind, and below it one bit that says whether there is a detail."""
_NAME_BITS_MAX: Final = 63


class EdgeEnds(NamedTuple):
    """Edges as lists in step, ordered by artifact, execution and kind.

    ``detailed`` are the indexes of those that have a path or a time.
    """

    artifacts: list[int]
    executions: list[int]
    kinds: list[EventKind]
    detailed: list[int]


class EdgeArrays(NamedTuple):
    """Edges as arrays in step, ordered by artifact, execution and kind.

    A cell is twice the place of the kind in ``EVENT_KINDS``, and one more for a path or a time.
    """

    artifacts: Ints
    executions: Ints
    cells: Ints


def edge_ends(source: EdgeSource, edges: Ints) -> EdgeEnds:
    """Return the ends of these edges, of which each is given once."""
    artifacts, executions, cells = edge_arrays(source, edges)
    kinds: list[EventKind] = _KIND_OBJECTS[cells >> 1].tolist()
    detailed: list[int] = np.flatnonzero(cells & 1).tolist()
    return EdgeEnds(_listed(artifacts), _listed(executions), kinds, detailed)


def _listed(ids: Ints) -> list[int]:
    """Return ids as a list; where they lie close together each is one object, however often."""
    count = int(ids.max(initial=0)) + 1
    shared = ids if count > len(ids) else np.arange(count).astype(object)[ids]
    listed: list[int] = shared.tolist()
    return listed


def edge_arrays(source: EdgeSource, edges: Ints) -> EdgeArrays:
    """Return the same in arrays."""
    tail, head, kind = source.names(edges)
    artifact = np.where(tail & 1, head, tail)
    # The other of the two ends.
    execution = tail ^ head ^ artifact
    artifact >>= 1
    execution >>= 1
    bits = int(execution.max(initial=0)).bit_length() + _CELL_BITS
    if int(artifact.max(initial=0)).bit_length() + bits > _NAME_BITS_MAX:
        cell = _CELLS[kind]
        order = np.lexsort((cell, execution, artifact))
        return EdgeArrays(artifact[order], execution[order], cell[order])
    # All of an edge in one number: to sort those takes a fifth of the time of sorting places. What
    # is done in place here saves half of the time, for memory that was never used is slow to use.
    name = artifact.astype(np.int64)
    name <<= bits - _CELL_BITS
    name |= execution
    name <<= _CELL_BITS
    name |= _CELLS[kind]
    name.sort()
    cell = name & ((1 << _CELL_BITS) - 1)
    executions = name >> _CELL_BITS
    executions &= (1 << (bits - _CELL_BITS)) - 1
    name >>= bits
    return EdgeArrays(name, executions, cell)
