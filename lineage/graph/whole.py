"""All edges and all entities of a namespace at once, as arrays."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lineage.graph.adjacency import (
    UNDATED,
    Bools,
    EdgeSource,
    Ints,
    Shown,
    piece_of,
)
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.entities import Entities, joined_entities
from lineage.graph.links import LinkIndex
from lineage.projections.edges import EDGE
from lineage.stores.base import Reader
from lineage.stores.tables import Row, is_visible
from lineage.vertices import KIND_CODES, kind_code, vertex_of
from lineage_schemas.mlmd import Kind

_ROWS_PER_READ: Final = 10_000
_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]
_NOTHING: Final[Ints] = np.empty(0, dtype=np.int64)


class Ends(NamedTuple):
    """Edges by the rows of their ends, and how many of them nobody dated."""

    tail: Ints
    head: Ints
    undated: int = 0


def every_edge(reader: Reader, namespace: int, source: EdgeSource, shown: Shown) -> Ends:
    """Return all edges of a namespace that count."""
    if isinstance(source, EdgeIndex):
        return _indexed(source, shown)
    return _stored(reader, namespace, shown)


def _indexed(source: EdgeIndex, shown: Shown) -> Ends:
    packed, added = source.packed, source.added
    tail, head, stated_us = packed.tail, packed.head, packed.stated_us
    mask = source.packed_shown(np.arange(packed.count), shown)
    if mask is not None:
        tail, head, stated_us = tail[mask], head[mask], stated_us[mask]
    more = [
        edge for edge in range(added.first, added.first + added.count) if added.counts(edge, shown)
    ]
    columns = source.columns(np.array(more, dtype=np.int64)) if more else None
    if columns is not None:
        tail = np.concatenate((tail, columns.tail))
        head = np.concatenate((head, columns.head))
        stated_us = np.concatenate((stated_us, columns.stated_us))
    return Ends(tail, head, _undated(stated_us, shown))


def _stored(reader: Reader, namespace: int, shown: Shown) -> Ends:
    found = [(_NOTHING, _NOTHING, _NOTHING)]
    end = vertex_of(namespace + 1, 0, 0)
    after: Row = (vertex_of(namespace, _ARTIFACT, 0), 0, "", 0)
    while page := reader.scan(EDGE, after, _ROWS_PER_READ):
        after = EDGE.key_of(page[-1])
        rows = [row for row in page if row[0] < end and is_visible(row[3], row[4], shown.size)]
        if rows:
            piece = piece_of(rows)
            begun: Bools = np.ones(len(rows), dtype=np.bool_)
            if shown.begun_before_us is not None:
                begun = piece.stated_us < shown.begun_before_us
            found.append((piece.tail[begun], piece.head[begun], piece.stated_us[begun]))
        if after[0] >= end:
            break
    tail, head, stated_us = (np.concatenate(column) for column in zip(*found, strict=True))
    return Ends(tail, head, _undated(stated_us, shown))


def _undated(stated_us: Ints, shown: Shown) -> int:
    return 0 if shown.valid is None else int((stated_us == UNDATED).sum())


def every_entity(links: LinkIndex, size: int) -> Entities:
    """Return which artifacts and executions asserted links join to one as of a size."""
    vertices = [one for one in links.vertices if kind_code(one) != _CONTEXT]
    claims = links.source.of_vertices(np.array(vertices, dtype=np.int64), size)
    return joined_entities(claims)
