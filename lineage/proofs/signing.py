"""Ed25519 keys, and signing with them: the only module that knows a library of cryptography.

A signing key is written as Go's note package writes it (golang.org/x/mod/sumdb/note):
``PRIVATE+KEY+<name>+<key id, 8 hex digits>+<base64 of 0x01 || the 32 bytes of the seed>``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from lineage.clock import Randomness
from lineage_schemas.errors import InvalidInputError

SEED_BYTES: Final = 32
_ED25519: Final = b"\x01"
_PREFIX: Final = "PRIVATE+KEY+"


def verify_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether this is the signature of the message by that key (Ed25519, RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """A secret key of a log, and its name. It never shows the secret when it is printed."""

    __slots__ = ("_private", "name", "public")

    def __init__(self, name: str, seed: bytes) -> None:
        """Make the key of a seed of 32 bytes.

        Raises:
            InvalidInputError: a name that a signature line cannot hold, or another length of seed.
        """
        _check_name(name)
        if len(seed) != SEED_BYTES:
            raise InvalidInputError(f"The seed of a signing key has {SEED_BYTES} bytes")
        self._private: Final = Ed25519PrivateKey.from_private_bytes(seed)
        self.name: Final = name
        self.public: Final = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r}, key id {_key_id(self).hex()}, secret not shown)"

    def secret_seed(self) -> bytes:
        """Return the secret itself, 32 bytes: for the key's file, and for nothing else."""
        return self._private.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature; the same message gives the same ones."""
        return self._private.sign(message)


def new_signing_key(name: str, randomness: Randomness) -> SigningKey:
    """Make a key out of 32 bytes of ``randomness``.

    Raises:
        InvalidInputError: a name that a signature line cannot hold.
    """
    return SigningKey(name, randomness(SEED_BYTES))


def format_signing_key(key: SigningKey) -> str:
    """Return the text of a key, the secret included: for its file, and for nothing else."""
    secret = b64encode(_ED25519 + key.secret_seed()).decode()
    return f"{_PREFIX}{key.name}+{_key_id(key).hex()}+{secret}"


def parse_signing_key(text: str) -> SigningKey:
    """Read what ``format_signing_key`` wrote, without white space around it.

    Raises:
        InvalidInputError: any other text. The message never repeats it, because it may be a secret.
    """
    name, _, rest = text.removeprefix(_PREFIX).partition("+")
    try:
        body = b64decode(rest.partition("+")[2], validate=True)
        key = SigningKey(name, body[1:])
    except (ValueError, InvalidInputError):
        raise _malformed() from None
    if format_signing_key(key) != text:
        raise _malformed()
    return key


def _malformed() -> InvalidInputError:
    return InvalidInputError(
        "This is no signing key of the form PRIVATE+KEY+<name>+<key id>+<base64>, "
        "or its parts do not belong together",
        hint="Restore the key's file from where you keep a copy.",
    )


def _check_name(name: str) -> None:
    """Refuse what C2SP signed-note does not allow as a key's name."""
    try:
        name.encode()
    except UnicodeEncodeError:
        name = ""
    if name.split() != [name] or "+" in name or any(not mark.isprintable() for mark in name):
        raise InvalidInputError(
            f"A key cannot be called {name!r}",
            hint="Choose a name without white space, plus or control characters, "
            "such as example.org/ledger.",
        )


def _key_id(key: SigningKey) -> bytes:
    """Return the id of the key (C2SP signed-note).

    The verifier defines it too: it must be readable alone, and it imports this module.
    """
    return sha256(key.name.encode() + b"\n" + _ED25519 + key.public).digest()[:4]
