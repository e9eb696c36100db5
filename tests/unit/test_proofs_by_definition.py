"""Inclusion and consistency proofs against the recursive definitions of RFC 6962, section 2.1."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.proofs.consistency import consistency_proof
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.tree import CompactRange, root_at
from lineage.proofs.verifying import verify_consistency, verify_inclusion
from lineage_schemas.errors import InvalidInputError, ProofError

SMALL_MAX = 70
SIZE_MAX = 66_100
SIZES_FAR = (255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792, 66_049, SIZE_MAX)


# --- the definitions, as the RFC has them --------------------------------------------------------


@cache
def leaf(index: int) -> bytes:
    return sha256(b"\x00leaf %d" % index).digest()


def split(length: int) -> int:
    """Return the largest power of two that is smaller than the length."""
    half = 1
    while half * 2 < length:
        half *= 2
    return half


@cache
def mth(start: int, end: int) -> bytes:
    """MTH(D[start:end])."""
    if end - start == 1:
        return leaf(start)
    middle = start + split(end - start)
    return sha256(b"\x01" + mth(start, middle) + mth(middle, end)).digest()


def path(m: int, start: int, end: int) -> list[bytes]:
    """PATH(m, D[start:end])."""
    if end - start == 1:
        return []
    k = split(end - start)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, end)]
    return [*path(m - k, start + k, end), mth(start, start + k)]


def subproof(m: int, start: int, end: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[start:end], b)."""
    if m == end - start:
        return [] if whole else [mth(start, end)]
    k = split(end - start)
    if m <= k:
        return [*subproof(m, start, start + k, whole=whole), mth(start + k, end)]
    return [*subproof(m - k, start + k, end, whole=False), mth(start, start + k)]


# --- a store -------------------------------------------------------------------------------------


class Stored:
    """The stored hashes of a log, of which each read is remembered."""

    def __init__(self) -> None:
        self.levels: dict[int, list[bytes]] = {0: [leaf(index) for index in range(SIZE_MAX)]}
        self.reads: list[tuple[int, int, int]] = []
        tree = CompactRange()
        for one in self.levels[0]:
            for subtree in tree.append(one):
                self.levels.setdefault(subtree.level, []).append(subtree.root)

    def read(self, level: int, first: int, count: int) -> list[bytes]:
        self.reads.append((level, first, count))
        found = self.levels[level][first : first + count]
        assert len(found) == count > 0
        return found


@pytest.fixture(scope="module")
def stored() -> Stored:
    return Stored()


# --- proofs are as defined -----------------------------------------------------------------------


@pytest.mark.parametrize("size", range(1, SMALL_MAX + 1))
def test_every_proof_of_every_small_tree_is_as_defined(size: int, stored: Stored) -> None:
    assert root_at(size, stored.read) == mth(0, size)
    for position in range(size):
        proof = inclusion_proof(position, size, stored.read)
        assert proof == path(position, 0, size)
        verify_inclusion(position, size, leaf(position), proof, mth(0, size))
    for size1 in range(1, size + 1):
        proof = consistency_proof(size1, size, stored.read)
        assert proof == subproof(size1, 0, size, whole=True)
        verify_consistency(size1, size, mth(0, size1), mth(0, size), proof)


@pytest.mark.parametrize("size", SIZES_FAR)
def test_proofs_at_the_edges_of_tiles_are_as_defined(size: int, stored: Stored) -> None:
    edges = {0, 1, 127, 128, 254, 255, 256, 257, 511, 512, 65_279, 65_280, 65_535, 65_536, 65_791}
    for position in (edges | {size - 1, size - 2, size // 2}) & set(range(size)):
        proof = inclusion_proof(position, size, stored.read)
        assert proof == path(position, 0, size)
        verify_inclusion(position, size, leaf(position), proof, mth(0, size))
    for size1 in (edges | {2, 384, 768, 65_408, size - 1, size}) & set(range(1, size + 1)):
        proof = consistency_proof(size1, size, stored.read)
        assert proof == subproof(size1, 0, size, whole=True)
        verify_consistency(size1, size, mth(0, size1), mth(0, size), proof)


@given(size=st.integers(1, SIZE_MAX), data=st.data())
def test_any_proof_is_as_defined_and_reads_no_tile_twice(
    size: int, data: st.DataObject, stored: Stored
) -> None:
    position = data.draw(st.integers(0, size - 1))
    stored.reads.clear()
    assert inclusion_proof(position, size, stored.read) == path(position, 0, size)
    check_reads(stored)
    stored.reads.clear()
    proof = consistency_proof(position + 1, size, stored.read)
    assert proof == subproof(position + 1, 0, size, whole=True)
    check_reads(stored)


def test_tiles_below_the_way_are_not_read(stored: Stored) -> None:
    """66,100 = 65,536 + 2 * 256 + 52: of the lower levels, only the ragged end is needed."""
    stored.reads.clear()
    consistency_proof(65_536, SIZE_MAX, stored.read)
    assert stored.reads == [(0, 66_048, 52), (1, 256, 2), (2, 0, 1)]


def check_reads(stored: Stored) -> None:
    """At most two tiles a level, none twice, and none beyond its tile."""
    tiles = [(level, first >> 8) for level, first, _ in stored.reads]
    assert len(set(tiles)) == len(tiles)
    assert all(sum(level == one for level, _ in tiles) <= 2 for one in range(3))
    assert all(first % 256 == 0 and count <= 256 for _, first, count in stored.reads)


# --- what is not a proof is refused --------------------------------------------------------------


Check = Callable[[list[bytes]], None]


def checks(size: int) -> Iterator[tuple[list[bytes], Check]]:
    """Yield every proof about a tree, with what verifies it."""
    root = mth(0, size)

    def includes(position: int) -> Check:
        return lambda hashes: verify_inclusion(position, size, leaf(position), hashes, root)

    def extends(size1: int) -> Check:
        return lambda hashes: verify_consistency(size1, size, mth(0, size1), root, hashes)

    for position in range(size):
        yield path(position, 0, size), includes(position)
    for size1 in range(1, size + 1):
        yield subproof(size1, 0, size, whole=True), extends(size1)


def holds(check: Check, hashes: list[bytes]) -> bool:
    try:
        check(hashes)
    except ProofError:
        return False
    return True


def flipped(one: bytes, bit: int) -> bytes:
    return (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(len(one), "big")


def with_bits_flipped(proof: list[bytes]) -> Iterator[list[bytes]]:
    for at, one in enumerate(proof):
        for bit in range(256):
            yield [*proof[:at], flipped(one, bit), *proof[at + 1 :]]


@pytest.mark.parametrize("size", range(1, 14))
def test_a_proof_with_any_bit_flipped_is_refused(size: int) -> None:
    for proof, check in checks(size):
        assert holds(check, proof)
        assert not any(holds(check, changed) for changed in with_bits_flipped(proof))


@pytest.mark.long
@pytest.mark.parametrize("size", range(14, SMALL_MAX + 1))
def test_a_proof_of_a_larger_tree_with_any_bit_flipped_is_refused(size: int) -> None:
    for proof, check in checks(size):
        assert not any(holds(check, changed) for changed in with_bits_flipped(proof))


def rearranged(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Drop, double, shorten, lengthen and flip each hash; swap each two; add one at either end."""
    for at, one in enumerate(proof):
        before, after = proof[:at], proof[at + 1 :]
        yield [*before, *after]
        yield [*before, one, one, *after]
        yield [*before, one[:-1], *after]
        yield [*before, one + b"\x00", *after]
        yield [*before, flipped(one, (37 * len(proof) + 101 * at) % 256), *after]
        for other in range(at):
            swapped = list(proof)
            swapped[at], swapped[other] = proof[other], one
            yield swapped
    yield [bytes(32), *proof]
    yield [*proof, bytes(32)]


@pytest.mark.parametrize("size", range(1, SMALL_MAX + 1))
def test_a_proof_with_a_hash_more_less_or_elsewhere_is_refused(size: int) -> None:
    for proof, check in checks(size):
        assert holds(check, proof)
        assert not any(holds(check, changed) for changed in rearranged(proof))


@pytest.mark.parametrize("size", range(1, 20))
def test_a_proof_holds_for_its_own_position_leaf_and_root_only(size: int) -> None:
    for position in range(size):
        proof = path(position, 0, size)

        def at(other: int, hashes: list[bytes], own: int = position) -> None:
            verify_inclusion(other, size, leaf(own), hashes, mth(0, size))

        def of(other: int, hashes: list[bytes], own: int = position) -> None:
            verify_inclusion(own, size, leaf(other), hashes, mth(0, size))

        def under(other: int, hashes: list[bytes], own: int = position) -> None:
            verify_inclusion(own, size, leaf(own), hashes, mth(0, other))

        assert [other for other in range(-1, 20) if holds(partial(at, other), proof)] == [position]
        assert [other for other in range(20) if holds(partial(of, other), proof)] == [position]
        assert [other for other in range(1, 20) if holds(partial(under, other), proof)] == [size]


@pytest.mark.parametrize("size1", range(1, 20))
def test_two_trees_that_forked_are_never_consistent(size1: int) -> None:
    for size2 in range(size1, 20):
        proof = subproof(size1, 0, size2, whole=True)
        forked = flipped(mth(0, size1), 7)
        with pytest.raises(ProofError):
            verify_consistency(size1, size2, forked, mth(0, size2), proof)
        with pytest.raises(ProofError):
            verify_consistency(size1, size2, mth(0, size1), flipped(mth(0, size2), 200), proof)
        with pytest.raises(ProofError):
            verify_consistency(size1, size2, mth(100, 100 + size1), mth(0, size2), proof)


def test_nothing_follows_from_an_empty_tree(stored: Stored) -> None:
    empty = sha256(b"").digest()
    for size2 in (0, 1, 2, 8):
        with pytest.raises(ProofError):
            verify_consistency(0, size2, empty, empty, [])
        with pytest.raises(InvalidInputError):
            consistency_proof(0, size2, stored.read)


def test_there_is_no_proof_of_what_the_tree_does_not_have(stored: Stored) -> None:
    for position, size in ((-1, 5), (5, 5), (0, 0), (6, 5)):
        with pytest.raises(InvalidInputError):
            inclusion_proof(position, size, stored.read)
        with pytest.raises(ProofError):
            verify_inclusion(position, size, leaf(0), [], leaf(0))
    for size1, size2 in ((6, 5), (-1, 5)):
        with pytest.raises(InvalidInputError):
            consistency_proof(size1, size2, stored.read)
        with pytest.raises(ProofError):
            verify_consistency(size1, size2, leaf(0), leaf(1), [])


def test_hashes_of_another_length_are_refused() -> None:
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(0, 1, b"short", [], b"short")
    with pytest.raises(ProofError, match="32 bytes"):
        verify_consistency(1, 2, leaf(0), leaf(1), [b"short"])
