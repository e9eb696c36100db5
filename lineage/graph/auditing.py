"""Compare a graph in memory with what the views say, for an audit."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lineage.graph.adjacency import OPEN, EdgePiece, Ints
from lineage.graph.keeping import Packed
from lineage.graph.link_index import LinkPiece, PackedLinks, pack_links
from lineage.graph.packing import pack_edges
from lineage.graph.reading import GraphArrays, read_graph
from lineage.projections.views import read_bookmark
from lineage.stores.base import Reader

_Piece = TypeVar("_Piece", EdgePiece, LinkPiece)


def differs(reader: Reader, namespace: int, arrays: GraphArrays) -> bool:
    """Tell whether a graph is not what the views say, as of the size that the reader sees.

    Memory is as much again as the graph takes. What it holds of later entries is not looked at.
    """
    size = read_bookmark(reader).size
    fresh = read_graph(reader, namespace, arrays.turn, size)
    return fresh is None or not _is_same(arrays.packed(), fresh.packed(), size)


def _is_same(one: Packed, fresh: Packed, size: int) -> bool:
    """Tell whether two make the same answers, whatever types their numbers have.

    Edges between the same two rows lie in the order in which they came, which answers do not show.
    """
    edges = one.edges.piece()
    return (
        _are_equal(one.edges.arrays, pack_edges([edges], one.edges.size).arrays)
        and _are_equal(one.links.arrays, _packed_as_of(one.links, one.links.size).arrays)
        and all(map(np.array_equal, _ordered(_as_of(edges, size)), _ordered(fresh.edges.piece())))
        and _are_equal(_packed_as_of(one.links, size).arrays, fresh.links.arrays)
    )


def _are_equal(one: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def _packed_as_of(links: PackedLinks, size: int) -> PackedLinks:
    return pack_links(links.namespace, [_as_of(links.piece(), size)], size)


def _as_of(piece: _Piece, size: int) -> _Piece:
    """Return what of a piece was there as of a size, and was not closed by then."""
    begun = piece.since < size
    until = np.where(piece.until < size, piece.until, OPEN)
    columns = piece._replace(until=until)
    return type(piece)(*(column[begun] for column in columns))


def _ordered(piece: EdgePiece) -> list[Ints]:
    """Return the columns of edges in one order for ever."""
    order = np.lexsort((piece.since, piece.kind, piece.head, piece.tail))
    return [column[order] for column in piece]
