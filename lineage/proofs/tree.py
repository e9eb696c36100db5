"""The Merkle tree of RFC 6962, section 2.1, unchanged. Pure functions over SHA-256 digests.

The log keeps the *compact range* of its head (the roots of the perfect subtrees that make up the
tree, left to right) so that appending reads nothing, and the roots of all complete subtrees of
256, 65,536, ... leaves, so that the root at any earlier size takes at most 255 hashes a level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final, NamedTuple

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
TILE_HEIGHT: Final = 8
"""A level of stored subtrees covers 2**8 nodes of the level below, as C2SP tlog-tiles has it."""

TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""A full tile holds so many hashes, a full bundle so many entries."""


class Subtree(NamedTuple):
    """The root of a complete subtree of ``256 ** level`` leaves, the ``number``-th of its level."""

    level: int
    number: int
    root: bytes


ReadHashes = Callable[[int, int, int], list[bytes]]
"""(level, first index, count): the stored roots of that level; level 0 are the leaf hashes."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf's bytes: SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The perfect subtrees that make up a tree of ``size`` leaves, largest and leftmost first."""

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees")

    @classmethod
    def from_bytes(cls, size: int, body: bytes) -> CompactRange:
        """Read back what ``to_bytes`` returned for a tree of ``size`` leaves."""
        return cls(size, (body[at : at + HASH_BYTES] for at in range(0, len(body), HASH_BYTES)))

    def to_bytes(self) -> bytes:
        """Return the hashes one after another, 32 bytes each."""
        return b"".join(self.hashes)

    def copy(self) -> CompactRange:
        """Return an independent range over the same tree."""
        return CompactRange(self.size, self.hashes)

    def append(self, leaf: bytes) -> list[Subtree]:
        """Add one leaf hash; return the stored subtrees that it completed, lowest first."""
        completed: list[Subtree] = []
        node, height = leaf, 0
        while self.size >> height & 1:
            node = node_hash(self.hashes.pop(), node)
            height += 1
            if height % TILE_HEIGHT == 0:
                completed.append(Subtree(height // TILE_HEIGHT, self.size >> height, node))
        self.hashes.append(node)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of the tree; of an empty one, SHA-256 of nothing."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def root_at(size: int, read_hashes: ReadHashes) -> bytes:
    """Return the root of the first ``size`` leaves, reading at most 255 hashes a level."""
    stack: list[tuple[int, bytes]] = []
    for level in range(max(0, size.bit_length() - 1) // TILE_HEIGHT, -1, -1):
        shift = level * TILE_HEIGHT
        first = size >> (shift + TILE_HEIGHT) << TILE_HEIGHT
        count = (size >> shift) - first
        for node in read_hashes(level, first, count) if count else ():
            _push(stack, shift, node)
    if not stack:
        return EMPTY_ROOT
    root = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        root = node_hash(left, root)
    return root


def _push(stack: list[tuple[int, bytes]], height: int, node: bytes) -> None:
    while stack and stack[-1][0] == height:
        node = node_hash(stack.pop()[1], node)
        height += 1
    stack.append((height, node))
