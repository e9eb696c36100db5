"""The keys that an issuer publishes (RFC 7517), and which of them may verify what.

What is not fit is left out and never an error: an issuer may publish keys for others as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, TypeGuard

from jwt import PyJWK, PyJWTError
from jwt.utils import base64url_decode
from msgspec import Struct

from lineage_api.identity.objects import read_object
from lineage_schemas.values import JsonValue

KEYS_MAX: Final = 100
"""Keys of one issuer."""

KEY_ID_LENGTH_MAX: Final = 256
RSA_BITS_MIN: Final = 2_048
RSA_BITS_MAX: Final = 8_192
"""Beyond it, verifying takes longer than a caller is worth."""

EXPONENT_BITS_MAX: Final = 33

_KINDS: Final = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Key type and curve of each algorithm: a key never serves another kind of algorithm."""

_Jwk = dict[str, JsonValue]


class KeySet(Struct, frozen=True):
    """The keys of one issuer, by id and algorithm."""

    keys: dict[tuple[str, str], PyJWK]

    def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """Return the key of that id for that algorithm.

        A token that names no key means the only one there is for its algorithm.
        """
        if key_id is not None:
            return self.keys.get((key_id, algorithm))
        fit = [key for (_, name), key in self.keys.items() if name == algorithm]
        return fit[0] if len(fit) == 1 else None


def read_key_set(content: bytes, algorithms: Collection[str]) -> KeySet:
    """Return the keys of a JWK set that may verify signatures by one of ``algorithms``.

    Two keys of one id and algorithm are none: nobody could tell which of them was meant.

    Raises:
        ValueError: this is no JWK set, or it has more than ``KEYS_MAX`` keys.
    """
    published = read_object(content).get("keys")
    if not isinstance(published, list):
        raise ValueError("There is no list of keys")  # noqa: TRY004 - of a stranger
    if len(published) > KEYS_MAX:
        raise ValueError(f"There are over {KEYS_MAX} keys")
    found: dict[tuple[str, str], PyJWK] = {}
    twice: set[tuple[str, str]] = set()
    for jwk in (one for one in published if _is_public(one)):
        for name, key in _keys_of(jwk, algorithms):
            twice |= {name} & found.keys()
            found[name] = key
    return KeySet({name: key for name, key in found.items() if name not in twice})


def _keys_of(jwk: _Jwk, algorithms: Collection[str]) -> Iterator[tuple[tuple[str, str], PyJWK]]:
    key_id = jwk.get("kid", "")
    if not isinstance(key_id, str) or len(key_id) > KEY_ID_LENGTH_MAX:
        return
    for algorithm in algorithms:
        if _serves(jwk, algorithm):
            try:
                yield (key_id, algorithm), PyJWK(jwk, algorithm)
            except PyJWTError:
                continue  # a point that is not on the curve, or no base64


def _is_public(jwk: JsonValue) -> TypeGuard[_Jwk]:
    """Tell whether this is a key, and not one whose secret half everybody can read."""
    return isinstance(jwk, dict) and not jwk.keys() & {"d", "k", "p", "q"}


def _serves(jwk: _Jwk, algorithm: str) -> bool:
    kind, curve = _KINDS[algorithm]
    operations = jwk.get("key_ops")
    return (
        jwk.get("kty") == kind
        and (curve is None or jwk.get("crv") == curve)
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", algorithm) == algorithm
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and (kind != "RSA" or _is_strong(jwk))
    )


def _is_strong(jwk: _Jwk) -> bool:
    try:
        modulus, exponent = (_number(jwk.get(name)) for name in ("n", "e"))
    except ValueError:
        return False
    return (
        RSA_BITS_MIN <= modulus.bit_length() <= RSA_BITS_MAX
        and exponent.bit_length() <= EXPONENT_BITS_MAX
    )


def _number(text: JsonValue) -> int:
    if not isinstance(text, str):
        raise ValueError("A number of a key is text in base64")  # noqa: TRY004 - of a stranger
    return int.from_bytes(base64url_decode(text))
