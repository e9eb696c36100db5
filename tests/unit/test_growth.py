"""Growth proofs: whoever kept an old checkpoint sees that the log still begins with it."""

from base64 import b64encode

import pytest

from doubles import SeededRandomness
from lineage.proofs.checkpoints import sign_checkpoint, verifier_key_of
from lineage.proofs.consistency import consistency_proof
from lineage.proofs.growth import format_growth, verify_growth
from lineage.proofs.signing import SigningKey, new_signing_key
from lineage.proofs.tree import leaf_hash, root_at
from lineage.proofs.verifying import Checkpoint
from lineage_schemas.errors import ProofError

LEAVES = [leaf_hash(b"%d" % number) for number in range(100)]
KEY = new_signing_key("example.org/log", SeededRandomness("growth"))
KEYS = [verifier_key_of(KEY)]


def read_hashes(level: int, first: int, count: int) -> list[bytes]:
    assert level == 0
    return LEAVES[first : first + count]


def note(size: int, key: SigningKey = KEY) -> bytes:
    return sign_checkpoint(Checkpoint(key.name, size, root_at(size, read_hashes)), key)


def growth(old: int, new: int) -> bytes:
    return format_growth(old, consistency_proof(old, new, read_hashes), note(new))


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 100), (64, 100), (63, 64), (99, 100)])
def test_a_log_that_grew_is_proved_to_have_grown(old: int, new: int) -> None:
    proved = verify_growth(growth(old, new), note(old), KEYS)
    assert (proved.old.checkpoint.size, proved.new.checkpoint.size) == (old, new)


def test_the_text_is_that_of_the_witness_protocol() -> None:
    """C2SP tlog-witness: "old", the hashes, an empty line, the checkpoint."""
    hashes = consistency_proof(3, 7, read_hashes)
    lines = ["old 3", *(b64encode(one).decode() for one in hashes), "", ""]
    assert growth(3, 7) == "\n".join(lines).encode() + note(7)


def test_every_changed_byte_is_refused() -> None:
    body = growth(37, 90)
    for at in range(len(body)):
        for changed in (
            body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :],
            body[:at] + body[at + 1 :],
        ):
            with pytest.raises(ProofError):
                verify_growth(changed, note(37), KEYS)


def test_a_log_that_forked_is_refused() -> None:
    other = sign_checkpoint(Checkpoint(KEY.name, 37, leaf_hash(b"another history")), KEY)
    with pytest.raises(ProofError):
        verify_growth(growth(37, 90), other, KEYS)


def test_a_checkpoint_of_another_size_or_log_is_refused() -> None:
    with pytest.raises(ProofError, match="old 36"):
        verify_growth(growth(37, 90), note(36), KEYS)
    stranger = new_signing_key("example.org/other", SeededRandomness("other"))
    with pytest.raises(ProofError, match="two logs"):
        verify_growth(growth(37, 90), note(37, stranger), [*KEYS, verifier_key_of(stranger)])
    with pytest.raises(ProofError):
        verify_growth(growth(37, 90), note(37), [verifier_key_of(stranger)])
