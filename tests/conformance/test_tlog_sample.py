"""A whole signed log that transparency-dev/tessera wrote, at every size it had: 0 to 15."""

from pathlib import Path

import pytest

from lineage.proofs.consistency import consistency_proof
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.tiles import ENTRIES, Tile, decode_bundle, encode_bundle, tile_path, width_at
from lineage.proofs.tree import leaf_hash, root_at
from lineage.proofs.verifying import (
    Checkpoint,
    open_checkpoint,
    parse_verifier_key,
    verify_consistency,
    verify_inclusion,
)
from lineage_schemas.errors import ProofError

pytestmark = pytest.mark.needs_data

KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
SIZES = range(16)


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> Path:
    assert KEY in (shared_data / "README.md").read_text()
    return shared_data / "tlog-sample"


def checkpoint(sample: Path, size: int) -> Checkpoint:
    note = (sample / f"checkpoint.{size}").read_bytes()
    return open_checkpoint(note, [parse_verifier_key(KEY)]).checkpoint


def bundle_body(sample: Path, size: int) -> bytes:
    width = width_at(ENTRIES, 0, size)
    if not width:
        return b""
    return (sample / "tile" / tile_path(Tile(ENTRIES, 0, width))).read_bytes()


class Leaves:
    """The leaf hashes of the log, as a store has them."""

    def __init__(self, sample: Path) -> None:
        self.hashes = [leaf_hash(entry) for entry in decode_bundle(bundle_body(sample, SIZES[-1]))]

    def read(self, level: int, first: int, count: int) -> list[bytes]:
        assert level == 0
        return self.hashes[first : first + count]


@pytest.mark.parametrize("size", SIZES)
def test_the_entries_lead_to_the_tile_the_root_and_the_signature(size: int, sample: Path) -> None:
    body = bundle_body(sample, size)
    entries = decode_bundle(body)
    assert len(entries) == size
    assert encode_bundle(entries) == body
    leaves = [leaf_hash(entry) for entry in entries]
    if size:
        tile = Tile(0, 0, width_at(0, 0, size))
        assert (sample / "tile" / tile_path(tile)).read_bytes() == b"".join(leaves)
    root = root_at(size, Leaves(sample).read)
    assert checkpoint(sample, size) == Checkpoint("example.com/log/testdata", size, root)


@pytest.mark.parametrize("size", SIZES)
def test_our_inclusion_proofs_hold_against_its_signed_roots(size: int, sample: Path) -> None:
    leaves = Leaves(sample)
    signed = checkpoint(sample, size)
    for position in range(size):
        path = inclusion_proof(position, size, leaves.read)
        verify_inclusion(position, size, leaves.hashes[position], path, signed.root)
        for other in set(range(16)) - {position}:
            with pytest.raises(ProofError):
                verify_inclusion(other, size, leaves.hashes[position], path, signed.root)


@pytest.mark.parametrize("size1", SIZES[1:])
def test_our_consistency_proofs_hold_between_its_signed_roots(size1: int, sample: Path) -> None:
    leaves = Leaves(sample)
    old = checkpoint(sample, size1)
    for size2 in range(size1, 16):
        new = checkpoint(sample, size2)
        proof = consistency_proof(size1, size2, leaves.read)
        verify_consistency(size1, size2, old.root, new.root, proof)


def test_its_latest_checkpoint_is_the_one_of_its_largest_size(sample: Path) -> None:
    assert (sample / "checkpoint").read_bytes() == (sample / "checkpoint.15").read_bytes()
    with pytest.raises(ProofError):
        open_checkpoint((sample / "checkpoint").read_bytes().replace(b"\n15\n", b"\n14\n"), [])


@pytest.mark.parametrize("size", SIZES)
def test_a_checkpoint_with_any_bit_flipped_is_refused(size: int, sample: Path) -> None:
    note = (sample / f"checkpoint.{size}").read_bytes()
    key = parse_verifier_key(KEY)
    for at in range(len(note)):
        for bit in range(8):
            changed = note[:at] + bytes([note[at] ^ 1 << bit]) + note[at + 1 :]
            with pytest.raises(ProofError):
                open_checkpoint(changed, [key])
