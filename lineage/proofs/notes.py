"""Signed notes of people: one line of text, and the signature of whoever stands by it.

The form is that of C2SP signed-note: the text ends in a line feed, and a signature line is an em
dash, the key's name, and base64 of the key's id and the Ed25519 signature of the text.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from typing import Final, NamedTuple

from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.signing import SigningKey, verify_signature
from lineage.proofs.verifying import VerifierKey
from lineage_schemas.errors import ProofError

_DASH: Final = "\u2014 "
_KEY_ID_BYTES: Final = 4


class Declarer(NamedTuple):
    """Somebody whose signature is believed: what they are called, and their verifier key."""

    name: str
    key: VerifierKey


def sign_line(key: SigningKey, text: bytes) -> str:
    """Return the signature line of a text, without the line feed at its end."""
    signature = b64encode(verifier_key_of(key).key_id + key.sign(text)).decode()
    return f"{_DASH}{key.name} {signature}"


def verify_line(line: str, text: bytes, keys: Iterable[VerifierKey]) -> VerifierKey:
    """Return the one of ``keys`` that signed this text with this line.

    Raises:
        ProofError: it is no signature line, its key is none of these, or it does not hold.
    """
    name, _, written = line.removesuffix("\n").removeprefix(_DASH).partition(" ")
    try:
        body = b64decode(written, validate=True)
    except (Base64Error, ValueError):
        body = b""
    if not line.startswith(_DASH) or not name or len(body) <= _KEY_ID_BYTES:
        raise ProofError(
            "This is no signature line",
            where=line[:64],
            hint="It is an em dash, the key's name, and base64 of the key's id and the signature.",
        )
    signed_by = [key for key in keys if (key.name, key.key_id) == (name, body[:_KEY_ID_BYTES])]
    if not signed_by:
        raise ProofError(
            "The key of this signature is not known here",
            where=name[:256],
            hint="Add its verifier key to the setting `declarers`, or name it with --trust.",
        )
    if not verify_signature(signed_by[0].public, text, body[_KEY_ID_BYTES:]):
        raise ProofError(
            "The signature does not hold: another key made it, or the text was changed since",
            where=name[:256],
            hint="Sign the canonical JSON of the declaration, as docs/declaring.md says.",
        )
    return signed_by[0]
