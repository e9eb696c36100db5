"""Level 1: the tree over the stored leaf hashes, against what is stored and said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from lineage.audit.reports import AuditLevel, Findings
from lineage.proofs.climbing import fold
from lineage.proofs.tree import EMPTY_ROOT, TILE_HEIGHT, TILE_WIDTH, CompactRange, Subtree
from lineage.stores.base import Reader

_LEVEL: Final = AuditLevel.TREE
LEAVES_PER_READ: Final = 8_192


class StatedRoot(NamedTuple):
    """Somebody says that the tree of the first ``size`` entries has this root.

    ``is_signed``: by a signature that holds. ``is_outside``: it is kept outside the operator's
    hands; ``is_seen``: and the audit has seen it there.
    """

    who: str
    size: int
    root: bytes
    is_signed: bool = False
    is_outside: bool = False
    is_seen: bool = False


class TreeWalk:
    """Grows the tree again, leaf by leaf, and compares on the way."""

    def __init__(self, reader: Reader, claims: Sequence[StatedRoot], found: Findings) -> None:
        self.tree = CompactRange()
        self.found = found
        self.last: bytes | None = None
        """The leaf that was taken last."""
        self._reader = reader
        self._claims: dict[int, list[StatedRoot]] = {}
        for claim in claims:
            self._claims.setdefault(claim.size, []).append(claim)
        self._sizes = sorted(size for size in self._claims if size > 0)
        self._agreed = 0
        """The largest size at which everybody was right."""
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        """The roots at the claims' sizes, as far as the tree has grown."""

    def take(self, leaves: Sequence[bytes]) -> None:
        """Add the next leaves. A whole tile is folded at once, which is twice as fast."""
        start = 0
        while start < len(leaves):
            size = self.tree.size
            stops = [size - size % TILE_WIDTH + TILE_WIDTH, size + len(leaves) - start]
            stop = start + min(stops + self._sizes[:1]) - size
            chunk = leaves[start:stop]
            self._compare(self._grow(chunk))
            if self._sizes and self._sizes[0] == self.tree.size:
                self._judge(self._sizes.pop(0))
            start = stop
        if leaves:
            self.last = leaves[-1]

    def _grow(self, leaves: Sequence[bytes]) -> Iterable[Subtree]:
        if len(leaves) < TILE_WIDTH:
            return [subtree for leaf in leaves for subtree in self.tree.append(leaf)]
        # Of a tree of whole tiles, the perfect subtrees are those of the tree over its tiles.
        tiles = CompactRange(self.tree.size >> TILE_HEIGHT, self.tree.hashes)
        root = fold(list(leaves))
        higher = tiles.append(root[0])
        self.tree = CompactRange(tiles.size << TILE_HEIGHT, tiles.hashes)
        above = [Subtree(level + 1, number, node) for level, number, node in higher]
        return [Subtree(1, tiles.size - 1, root[0]), *above]

    def _compare(self, subtrees: Iterable[Subtree]) -> None:
        for subtree in subtrees:
            if self._stored(subtree.level, subtree.number) != [subtree.root]:
                self.found.add(
                    _LEVEL,
                    f"The stored root of a subtree of level {subtree.level} is wrong",
                    subtree.number << TILE_HEIGHT * subtree.level,
                    (subtree.number + 1 << TILE_HEIGHT * subtree.level) - 1,
                )

    def _judge(self, size: int) -> None:
        root = self.roots[size] = self.tree.root()
        agreed = True
        for claim in self._claims[size]:
            if claim.root != root:
                agreed = False
                self.found.add(_LEVEL, misfit(claim), self._agreed, size - 1)
        if agreed:
            self._agreed = size

    def end(self, recorded_us: int | None) -> None:
        """Compare the head, once the last leaf was taken; ``recorded_us`` is the last entry's."""
        head, tree = self._reader.head(), self.tree
        if head.size != tree.size or head.compact_range != tree.to_bytes():
            self.found.add(_LEVEL, "The head is not that of the tree over the stored entries")
        if recorded_us is not None and head.recorded_us != recorded_us:
            self.found.add(_LEVEL, "The head has not the recorded time of the last entry")
        if self._reader.hashes(0, head.size, 1):
            self.found.add(_LEVEL, "There are entries beyond the head", head.size)
        for level in range(1, max(1, head.size.bit_length() // TILE_HEIGHT) + 2):
            if self._stored(level, head.size >> TILE_HEIGHT * level):
                self.found.add(
                    _LEVEL, f"There are stored subtrees of level {level} beyond the head"
                )

    def _stored(self, level: int, number: int) -> list[bytes]:
        try:
            return self._reader.hashes(level, number, 1)
        except KeyError:  # the store in memory has no other way to say that there is none
            return []


def misfit(claim: StatedRoot) -> str:
    """Say that a claim does not hold."""
    return f"The first {claim.size} entries are not those of {claim.who}"


def walk_leaves(reader: Reader, walk: TreeWalk, size: int) -> bool:
    """Take all leaf hashes up to ``size``; tell whether they are all there, each at its position.

    Leaves come without their positions. That none is missing shows in three ways together: no leaf
    of one reading stands in it twice, its last is the one at the last position, and is not the one
    at the next. Where any of it fails, the entries themselves are looked at.
    """
    for start in range(walk.tree.size, size, LEAVES_PER_READ):
        count = min(LEAVES_PER_READ, size - start)
        leaves = reader.hashes(0, start, count)
        if not (
            len(leaves) == len(set(leaves)) == count
            and leaves[0] != walk.last
            and reader.hashes(0, start + count - 1, 1) == leaves[-1:]
        ):
            # Where only the last one of the reading before is gone, it shows now.
            missing = _first_missing(reader, max(0, start - 1), start + count)
            if missing is not None:
                walk.take(leaves[: max(0, missing - start)])
                walk.found.add(_LEVEL, "The entry is missing", missing)
                return False
        walk.take(leaves)
    return True


def _first_missing(reader: Reader, start: int, stop: int) -> int | None:
    for position in range(start, stop):
        entries = reader.entries(position, 1)
        if not entries or entries[0].position != position:
            return position
    return None
