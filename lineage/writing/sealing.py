"""Seal a statement into an entry: salts, commitments, envelope, leaf."""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from lineage.clock import Randomness
from lineage.proofs.tree import leaf_hash
from lineage_schemas.codec import encode_envelope
from lineage_schemas.entry import (
    SALT_BYTES,
    Batch,
    Envelope,
    PayloadPart,
    StoredEntry,
)


def seal_part(body: bytes | None, randomness: Randomness) -> PayloadPart | None:
    """Salt a payload part, so that its commitment cannot be guessed back once it is erased."""
    return None if body is None else PayloadPart(randomness(SALT_BYTES), body)


def commit(part: PayloadPart | None) -> str | None:
    """Return the commitment to a part: SHA-256(salt || part) in hexadecimal."""
    return None if part is None else sha256(part.salt + part.body).hexdigest()


def seal_entry(
    position: int,
    envelope: Envelope,
    parts: tuple[PayloadPart | None, PayloadPart | None],
    batch: Batch,
) -> StoredEntry:
    """Return the entry as it is stored, in its final batch, which may have shrunk meanwhile."""
    if envelope.batch != batch:
        envelope = replace(envelope, batch=batch)
    body = encode_envelope(envelope)
    return StoredEntry(
        position=position, envelope=body, leaf=leaf_hash(body), facts=parts[0], personal=parts[1]
    )
