"""Growth proofs: that the log of an old checkpoint is the beginning of a newer one's.

The text is that of C2SP tlog-witness (the body of ``add-checkpoint``): a line ``old <size>``, the
hashes of the consistency proof of RFC 6962, one a line in base64, an empty line, and the newer
checkpoint. Whoever kept the old checkpoint verifies it without anything else of the log.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import NamedTuple

from lineage.proofs.tree import HASH_BYTES
from lineage.proofs.verifying import (
    SignedCheckpoint,
    VerifierKey,
    open_checkpoint,
    verify_consistency,
)
from lineage_schemas.errors import LedgerError, ProofError

GROWTH_PREFIX = b"old "


class Growth(NamedTuple):
    """Two checkpoints of one log, of which the newer was proved to continue the older."""

    old: SignedCheckpoint
    new: SignedCheckpoint


def format_growth(old_size: int, hashes: Sequence[bytes], note: bytes) -> bytes:
    """Return the text of a growth proof that ends in the checkpoint ``note``."""
    lines = (GROWTH_PREFIX + b"%d" % old_size, *map(b64encode, hashes), b"")
    return b"\n".join(lines) + b"\n" + note


def verify_growth(body: bytes, old_note: bytes, keys: Sequence[VerifierKey]) -> Growth:
    """Verify that the checkpoint in ``body`` continues the log of ``old_note``.

    Both must be signed by one of ``keys`` and be of one origin.

    Raises:
        ProofError: malformed, not signed, of another log, or the old one is not its beginning.
    """
    old = open_checkpoint(old_note, keys)
    head, separator, note = body.partition(b"\n\n")
    first, *rest = head.split(b"\n")
    if not separator or first != GROWTH_PREFIX + b"%d" % old.checkpoint.size:
        raise ProofError(
            f"This does not begin with 'old {old.checkpoint.size}', the size of the old checkpoint",
            where="line 1",
            hint="Ask the log for a growth proof from that very checkpoint.",
        )
    hashes = [_hash(text, number) for number, text in enumerate(rest, 2)]
    try:
        new = open_checkpoint(note, keys)
    except LedgerError as error:
        raise error.at(f"the checkpoint that begins in line {len(rest) + 3}") from error
    if new.checkpoint.origin != old.checkpoint.origin:
        raise ProofError(
            "The two checkpoints are of two logs",
            where=f"{old.checkpoint.origin} and {new.checkpoint.origin}",
        )
    verify_consistency(
        old.checkpoint.size,
        new.checkpoint.size,
        old.checkpoint.root,
        new.checkpoint.root,
        hashes,
    )
    return Growth(old, new)


def _hash(text: bytes, line: int) -> bytes:
    try:
        body = b64decode(text, validate=True)
    except ValueError:
        body = b""
    if len(body) != HASH_BYTES or b64encode(body) != text:
        raise ProofError("This is no hash in base64", where=f"line {line}")
    return body
