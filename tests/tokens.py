"""Tokens and key sets as an issuer makes them: by `cryptography` alone, not by what is tested."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from functools import cache
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from doubles import NOON_US
from lineage_api.identity.issuers import Issuer
from lineage_schemas.values import JsonValue

Object = dict[str, JsonValue]
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

NOON: Final = NOON_US // 1_000_000
ISSUER: Final = "https://id.example.org"
AUDIENCE: Final = "ledger"


def issuer(**changes: object) -> Issuer:
    """Return an issuer that is trusted, with some of its settings changed."""
    settings: dict[str, object] = {
        "issuer": ISSUER,
        "audiences": (AUDIENCE,),
        "algorithms": ("RS256", "PS256", "ES256", "EdDSA"),
        "jwks": f"{ISSUER}/keys",
    }
    return Issuer(**(settings | changes))  # type: ignore[arg-type]


@cache
def rsa_key(name: str = "rsa", bits: int = 2_048) -> rsa.RSAPrivateKey:
    """Return an RSA key, the same one for the same name."""
    del name
    return rsa.generate_private_key(65_537, bits)


@cache
def ec_key(name: str = "ec") -> ec.EllipticCurvePrivateKey:
    """Return a key on P-256, the same one for the same name."""
    del name
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key(name: str = "ed") -> ed25519.Ed25519PrivateKey:
    """Return an Ed25519 key, the same one for the same name."""
    del name
    return ed25519.Ed25519PrivateKey.generate()


def b64(content: bytes) -> str:
    """Encode as RFC 7515 does."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def jwk(key: Key, kid: str, **members: JsonValue) -> Object:
    """Return the public half of a key as a JWK."""
    return _public(key) | {"kid": kid} | members


def key_set(*keys: JsonValue) -> bytes:
    """Return a JWK set."""
    return json.dumps({"keys": list(keys)}).encode()


def claims(**changes: JsonValue) -> Object:
    """Return the claims of a good token; a claim changed to ``None`` is left out."""
    good: Object = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOON + 600, "iat": NOON}
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(
    key: Key,
    said: Object | bytes | None = None,
    *,
    alg: str = "RS256",
    kid: JsonValue = "k1",
    **header: JsonValue,
) -> str:
    """Return a signed token. ``kid`` ``None``: it names no key."""
    head: Object = {"alg": alg, "typ": "JWT", "kid": kid} | header
    first = json.dumps({name: one for name, one in head.items() if one is not None}).encode()
    return assemble(first, said, key, alg)


def assemble(header: bytes, said: Object | bytes | None, key: Key, alg: str) -> str:
    """Sign a header and claims as they are, well formed or not."""
    said = claims() if said is None else said
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    signed = f"{b64(header)}.{b64(body)}"
    return f"{signed}.{b64(sign(key, alg, signed.encode()))}"


def keyed_hash(secret: bytes, said: Object | None = None) -> str:
    """Return a token signed with HS256, by a secret that is none."""
    first = b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "k1"}).encode())
    signed = f"{first}.{b64(json.dumps(said or claims()).encode())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), sha256))}"


def sign(key: Key, alg: str, content: bytes) -> bytes:
    """Sign as RFC 7518 and RFC 8037 say."""
    if isinstance(key, rsa.RSAPrivateKey):
        pad = (
            padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            if alg == "PS256"
            else padding.PKCS1v15()
        )
        return key.sign(content, pad, hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)
    return key.sign(content)


def _public(key: Key) -> Object:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        x, y = (b64(one.to_bytes(32)) for one in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))
