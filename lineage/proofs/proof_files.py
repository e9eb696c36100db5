"""Writing proof files (C2SP tlog-proof); ``verifying`` reads them, and says what is in one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from lineage.proofs.verifying import PROOF_HEADER, ShownPart, format_extra
from lineage_schemas.entry import PayloadPart
from lineage_schemas.errors import InvalidInputError


def format_proof(
    position: int,
    hashes: Sequence[bytes],
    note: bytes,
    *,
    envelope: bytes,
    facts: PayloadPart | None,
    personal: PayloadPart | None,
) -> bytes:
    """Return the proof of one entry. A file of several is several of these, one after another.

    ``note`` is the signed checkpoint that ``hashes`` lead to. Whoever gets the file can read the
    parts that are given: leave out what that reader may not see, and the proof holds all the same.

    Raises:
        InvalidInputError: stored bytes that are no text.
    """
    try:
        extra = format_extra(envelope.decode(), _shown(facts), _shown(personal)).encode()
    except UnicodeDecodeError:
        raise InvalidInputError(
            "The entry's bytes are no text", where=f"position {position}"
        ) from None
    lines = (
        PROOF_HEADER,
        b"extra " + b64encode(extra),
        b"index %d" % position,
        *(b64encode(one) for one in hashes),
        b"",
    )
    return b"\n".join(lines) + b"\n" + note


def _shown(part: PayloadPart | None) -> ShownPart | None:
    return None if part is None else ShownPart(part.salt.hex(), part.body.decode())
