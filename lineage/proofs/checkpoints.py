"""Signing checkpoints (C2SP tlog-checkpoint, as signed notes), and reading one unverified."""

from __future__ import annotations

from base64 import b64encode

from lineage.proofs.signing import SigningKey
from lineage.proofs.verifying import (
    Checkpoint,
    VerifierKey,
    key_id_of,
    parse_checkpoint,
)
from lineage_schemas.errors import InvalidInputError


def verifier_key_of(key: SigningKey) -> VerifierKey:
    """Return the public half of a signing key: what the log's readers verify with."""
    return VerifierKey(key.name, key_id_of(key.name, key.public), key.public)


def sign_checkpoint(checkpoint: Checkpoint, *keys: SigningKey) -> bytes:
    """Return the signed note of a checkpoint, with one signature line a key, in their order.

    Raises:
        InvalidInputError: no key is named as the log is, so nobody would believe the note.
        ProofError: what was given makes no well-formed checkpoint.
    """
    if all(key.name != checkpoint.origin for key in keys):
        raise InvalidInputError(
            f"No signing key is named as the log is: {checkpoint.origin!r}",
            where=", ".join(key.name for key in keys),
        )
    root = b64encode(checkpoint.root).decode()
    text = f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n".encode()
    note = b"\n".join((text, b"".join(_signature_line(key, text) for key in keys)))
    parse_checkpoint(note)
    return note


def read_checkpoint(note: bytes) -> Checkpoint:
    """Return what a signed note says, WITHOUT verifying any signature.

    Raises:
        ProofError: it is no well-formed checkpoint.
    """
    return parse_checkpoint(note)[0]


def _signature_line(key: SigningKey, text: bytes) -> bytes:
    signature = b64encode(verifier_key_of(key).key_id + key.sign(text)).decode()
    return f"\u2014 {key.name} {signature}\n".encode()
