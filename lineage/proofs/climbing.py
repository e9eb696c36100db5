"""The way from a leaf to the root, read from stored subtree roots: a tile at a time.

All eight rows of a tile come out of one pass over it, so no tile is read twice: at most two a
level, the one on the way, and the last one, whose ragged end belongs to the tree of this size only.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import NamedTuple

from lineage.proofs.tree import TILE_HEIGHT, TILE_WIDTH, ReadHashes
from lineage_schemas.errors import InvalidInputError


class Step(NamedTuple):
    """A node on the way, and its sibling: ``None`` where it has none and rises as it is."""

    height: int
    node: bytes
    sibling: bytes | None


def climb(position: int, size: int, read_hashes: ReadHashes, lowest: int = 0) -> Iterator[Step]:
    """Yield the nodes above ``position`` in the tree of the first ``size`` leaves, lowest first.

    ``lowest`` leaves out the nodes below that height (and the tiles that hold only such ones).

    Raises:
        InvalidInputError: the tree has no such position.
    """
    if not 0 <= position < size:
        raise InvalidInputError(f"There is no position {position} in a tree of {size} leaves")
    ragged: list[bytes] = []
    for level in count():
        base = level * TILE_HEIGHT
        full, tile = size >> base, position >> (base + TILE_HEIGHT)
        last = full >> TILE_HEIGHT
        edge = _read_tile(read_hashes, level, last, full) + ragged
        if base + TILE_HEIGHT > lowest:
            row = edge if tile == last else _read_tile(read_hashes, level, tile, full)
            yield from _climb_tile(base, position, row, lowest)
        if size <= TILE_WIDTH << base:
            return
        ragged = fold(edge)


def _climb_tile(base: int, position: int, row: list[bytes], lowest: int) -> Iterator[Step]:
    """Yield the nodes above ``position`` inside one tile, whose lowest row stands at ``base``."""
    at = (position >> base) % TILE_WIDTH
    for height in range(base, base + TILE_HEIGHT):
        if height >= lowest:
            yield Step(height, row[at], row[at ^ 1] if at ^ 1 < len(row) else None)
        row, at = pair(row), at >> 1


def _read_tile(read_hashes: ReadHashes, level: int, tile: int, full: int) -> list[bytes]:
    first = tile << TILE_HEIGHT
    width = min(TILE_WIDTH, full - first)
    return read_hashes(level, first, width) if width else []


def pair(row: list[bytes]) -> list[bytes]:
    """Return the row above; the last one of an odd row rises as it is."""
    ones = iter(row)
    above = [
        sha256(b"\x01" + left + right).digest() for left, right in zip(ones, ones, strict=False)
    ]
    if len(row) & 1:
        above.append(row[-1])
    return above


def fold(row: list[bytes]) -> list[bytes]:
    """Pair a row until one is left; return none of none."""
    while len(row) > 1:
        row = pair(row)
    return row
