"""The tree against the definition of RFC 6962, section 2.1, and against what others computed."""

from base64 import b64decode
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.proofs.tree import (
    EMPTY_ROOT,
    CompactRange,
    Subtree,
    leaf_hash,
    node_hash,
    root_at,
)

# The reference leaves of Certificate Transparency, and the roots of the first one to eight of them.
REFERENCE_LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
REFERENCE_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES_FAR = (255, 256, 257, 511, 512, 513, 4_095, 65_535, 65_536, 65_537, 65_792, 69_999, 70_000)
SIZE_MAX = 70_000


def leaf(index: int) -> bytes:
    return sha256(b"\x00leaf %d" % index).digest()


@cache
def by_definition(start: int, end: int) -> bytes:
    """MTH of RFC 6962: split at the largest power of two that is smaller than the length."""
    length = end - start
    if length == 0:
        return sha256(b"").digest()
    if length == 1:
        return leaf(start)
    half = 1
    while half * 2 < length:
        half *= 2
    left, right = by_definition(start, start + half), by_definition(start + half, end)
    return sha256(b"\x01" + left + right).digest()


class Grown:
    """A tree grown leaf by leaf, with the subtrees that were completed on the way."""

    def __init__(self, size: int) -> None:
        self.tree = CompactRange()
        self.levels: dict[int, list[bytes]] = {0: [leaf(index) for index in range(size)]}
        self.completed: list[Subtree] = []
        self.longest = 0
        for one in self.levels[0]:
            for subtree in self.tree.append(one):
                self.completed.append(subtree)
                level = self.levels.setdefault(subtree.level, [])
                assert subtree.number == len(level)
                level.append(subtree.root)

    def read(self, level: int, first: int, count: int) -> list[bytes]:
        """Answer as a store does, and remember the longest answer."""
        self.longest = max(self.longest, count)
        found = self.levels[level][first : first + count]
        assert len(found) == count
        return found


@pytest.fixture(scope="module")
def grown() -> Grown:
    return Grown(SIZE_MAX)


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert CompactRange().root().hex() == EMPTY_ROOT.hex() == empty
    assert root_at(0, Grown(0).read).hex() == empty


def test_leaves_and_nodes_are_told_apart_by_their_first_byte() -> None:
    assert leaf_hash(b"").hex() == REFERENCE_ROOTS[0]
    assert leaf_hash(b"ab") == sha256(b"\x00ab").digest()
    assert node_hash(b"a" * 32, b"b" * 32) == sha256(b"\x01" + b"a" * 32 + b"b" * 32).digest()


def test_the_reference_leaves_have_the_reference_roots() -> None:
    tree = CompactRange()
    roots = []
    for text in REFERENCE_LEAVES:
        tree.append(leaf_hash(bytes.fromhex(text)))
        roots.append(tree.root().hex())
    assert tuple(roots) == REFERENCE_ROOTS


@pytest.mark.parametrize("size", range(71))
def test_every_small_tree_is_as_defined(size: int) -> None:
    small = Grown(size)
    assert small.tree.size == size
    assert small.tree.root() == by_definition(0, size)
    assert root_at(size, small.read) == by_definition(0, size)


@pytest.mark.parametrize("size", SIZES_FAR)
def test_large_trees_are_as_defined(size: int, grown: Grown) -> None:
    assert root_at(size, grown.read) == by_definition(0, size)
    tree = CompactRange()
    for index in range(size):
        tree.append(leaf(index))
    assert tree.root() == by_definition(0, size)


@given(size=st.integers(0, SIZE_MAX))
def test_the_root_of_any_earlier_size_is_as_defined(size: int, grown: Grown) -> None:
    grown.longest = 0
    assert root_at(size, grown.read) == by_definition(0, size)
    assert grown.longest <= 255


def test_the_subtrees_of_256_and_65536_leaves_are_completed(grown: Grown) -> None:
    assert grown.levels[1] == [
        by_definition(start, start + 256) for start in range(0, SIZE_MAX - 255, 256)
    ]
    assert grown.levels[2] == [by_definition(0, 65_536)]
    assert set(grown.levels) == {0, 1, 2}
    # Lowest first where one leaf completes two at once.
    at_65536 = [(one.level, one.number) for one in grown.completed][255:257]
    assert at_65536 == [(1, 255), (2, 0)]


@given(size=st.integers(0, 600), more=st.integers(0, 300))
def test_a_range_goes_on_from_its_bytes(size: int, more: int) -> None:
    body = Grown(size).tree.to_bytes()
    assert len(body) == 32 * size.bit_count()
    tree = CompactRange.from_bytes(size, body)
    for index in range(size, size + more):
        tree.append(leaf(index))
    assert tree.root() == by_definition(0, size + more)


def test_a_copy_grows_alone() -> None:
    tree = Grown(3).tree
    twin = tree.copy()
    twin.append(leaf(3))
    assert tree.root() == by_definition(0, 3)
    assert twin.root() == by_definition(0, 4)


@pytest.mark.parametrize(("size", "length"), [(0, 32), (3, 32), (3, 96), (4, 64)])
def test_a_range_that_cannot_be_is_refused(size: int, length: int) -> None:
    with pytest.raises(ValueError, match="perfect subtrees"):
        CompactRange.from_bytes(size, b"x" * length)


def test_no_two_sizes_share_a_root(grown: Grown) -> None:
    roots = [root_at(size, grown.read) for size in range(600)]
    assert len(set(roots)) == len(roots)
    assert all(before != after for before, after in pairwise(roots))


@pytest.mark.needs_data
@pytest.mark.parametrize("size", range(16))
def test_a_log_that_another_implementation_wrote_has_the_roots_it_signed(
    size: int, shared_data: Path
) -> None:
    sample = shared_data / "tlog-sample"
    signed = (sample / f"checkpoint.{size}").read_text().splitlines()
    assert signed[:2] == ["example.com/log/testdata", str(size)]
    tree = CompactRange()
    for body in bundle((sample / f"tile/entries/000.p/{size}").read_bytes() if size else b""):
        tree.append(leaf_hash(body))
    assert tree.size == size
    assert tree.root() == b64decode(signed[2])


def bundle(body: bytes) -> list[bytes]:
    """Take a bundle of C2SP tlog-tiles apart: each entry after its length in two bytes."""
    found = []
    while body:
        length = int.from_bytes(body[:2], "big")
        found.append(body[2 : 2 + length])
        body = body[2 + length :]
    return found
