"""JSON Web Tokens (RFC 7519) of the configured issuers: who the caller is, by their word.

The signature is PyJWT's to verify. What a token must say besides is checked here, against a clock
that is given, and before its key is looked for: a token that cannot be valid costs no request.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol
from unicodedata import is_normalized

from jwt import PyJWK, PyJWS, PyJWTError
from jwt.utils import base64url_decode

from lineage.clock import Clock
from lineage.writing.submission import Principal
from lineage_api.identity.issuers import ALGORITHMS, Issuer
from lineage_api.identity.key_sets import KEY_ID_LENGTH_MAX
from lineage_api.identity.objects import read_object
from lineage_schemas.access import ISSUER_END
from lineage_schemas.errors import UnauthenticatedError
from lineage_schemas.limits import NAME_BYTES_MAX
from lineage_schemas.values import JsonValue

TOKEN_LENGTH_MAX: Final = 8_192
SKEW_SECONDS: Final = 60
"""How far the clocks of an issuer and of this machine may be apart."""

CLAIM_LENGTH_MAX: Final = 255
"""A name of a caller or of a group; for ``sub`` OpenID Connect says the same."""

GROUPS_MAX: Final = 200

_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_SECOND_US: Final = 1_000_000
_LAST: Final = 253_402_300_799
"""The last second of the year 9999. A whole number may be too large to be a float."""

_JWS: Final = PyJWS(ALGORITHMS, {"enforce_minimum_key_length": True})
_LOG: Final = logging.getLogger(__name__)

_Object = dict[str, JsonValue]


class Keys(Protocol):
    """Where the keys of an issuer are found."""

    async def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """Return a key; ``None`` where there is none."""
        ...


class TrustedIssuer(NamedTuple):
    """An issuer, and its keys."""

    issuer: Issuer
    keys: Keys


class _RefusedError(Exception):
    """Why a token is refused: words of ours alone, for the server's log."""


class _Token(NamedTuple):
    header: _Object
    claims: _Object


class TokenVerifier:
    """Verifies tokens. Used from one event loop only."""

    def __init__(self, issuers: Mapping[str, TrustedIssuer], clock: Clock) -> None:
        """Believe ``issuers``, by the names that their tokens have in ``iss``."""
        self._issuers = issuers
        self._clock = clock

    async def verify(self, token: str) -> Principal:
        """Return who a token speaks for.

        Raises:
            UnauthenticatedError: it is refused, and the caller is not told why.
            IssuerUnavailableError: nobody can tell, for want of the issuer's keys.
        """
        try:
            return await self._verified(token)
        except _RefusedError as refused:
            _LOG.info("A token was refused: %s", refused)
            raise UnauthenticatedError(
                "This credential is not valid here", hint="Ask its issuer for a new one."
            ) from None

    async def _verified(self, token: str) -> Principal:
        read = _read(token)
        name = read.claims.get("iss")
        trusted = self._issuers.get(name) if isinstance(name, str) else None
        if trusted is None:
            raise _RefusedError("its issuer is not one of ours")
        issuer = trusted.issuer
        algorithm, key_id = _checked_header(read.header, issuer)
        _check_audience(read.claims.get("aud"), issuer)
        _check_times(read.claims, self._clock() / _SECOND_US, issuer)
        principal = _principal(read.claims, issuer)
        key = await trusted.keys.find(key_id, algorithm)
        if key is None:
            raise _RefusedError("its issuer has no such key for its algorithm")
        if not signature_holds(token, key, algorithm):
            raise _RefusedError("its signature does not hold")
        return principal


def signature_holds(token: str, key: PyJWK, algorithm: str) -> bool:
    """Tell whether a token was signed with the other half of a key, by that algorithm."""
    try:
        _JWS.decode_complete(token, key, [algorithm])
    except PyJWTError:
        return False
    return True


def _read(token: str) -> _Token:
    parts = _PARTS.fullmatch(token)
    if parts is None or len(token) > TOKEN_LENGTH_MAX:
        raise _RefusedError("it does not have the form of a token")
    try:
        header, claims = (read_object(base64url_decode(part)) for part in parts.groups()[:2])
    except ValueError:
        raise _RefusedError("its header or its claims are no JSON of one meaning") from None
    return _Token(header, claims)


def _checked_header(header: _Object, issuer: Issuer) -> tuple[str, str | None]:
    """Return the algorithm, which is one of the issuer's, and the id of the key.

    Keys and addresses of keys that a header may hold (``jwk``, ``jku``, ``x5u``, ``x5c``) are the
    caller's word, and are not looked at.
    """
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise _RefusedError("its algorithm is not one of its issuer's")
    if "crit" in header or "b64" in header:
        raise _RefusedError("its header demands what is not known here")
    kind = header.get("typ", "jwt")
    if not isinstance(kind, str):
        raise _RefusedError("its type is no text")
    if kind.lower().removeprefix("application/") not in issuer.types:
        raise _RefusedError("it is a token of another type")
    key_id = header.get("kid")
    if key_id is not None and not (
        isinstance(key_id, str) and 0 < len(key_id) <= KEY_ID_LENGTH_MAX
    ):
        raise _RefusedError("its key id is no short text")
    return algorithm, key_id


def _check_audience(audience: JsonValue, issuer: Issuer) -> None:
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        raise _RefusedError("it has no audience")
    if not any(one in issuer.audiences for one in named):
        raise _RefusedError("it is meant for somebody else")


def _check_times(claims: _Object, now: float, issuer: Issuer) -> None:
    expires = _time(claims, "exp")
    if expires is None:
        raise _RefusedError("it does not say when it expires")
    if expires <= now - SKEW_SECONDS:
        raise _RefusedError("it has expired")
    begins, issued = _time(claims, "nbf"), _time(claims, "iat")
    if begins is not None and begins > now + SKEW_SECONDS:
        raise _RefusedError("it is not valid yet")
    if issued is not None and issued > now + SKEW_SECONDS:
        raise _RefusedError("it was issued in the future")
    if expires - (now if issued is None else issued) > issuer.token_seconds + SKEW_SECONDS:
        raise _RefusedError("it lives for too long")


def _time(claims: _Object, name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST:
        raise _RefusedError("one of its times is no time")
    return value


def _principal(claims: _Object, issuer: Issuer) -> Principal:
    if issuer.principal_claim == "email" and claims.get("email_verified") is not True:
        raise _RefusedError("nobody has verified the e-mail address that it names")
    name = _qualified(claims.get(issuer.principal_claim), issuer)
    groups = claims.get(issuer.groups_claim, []) if issuer.groups_claim else []
    listed = [groups] if isinstance(groups, str) else groups
    if not isinstance(listed, list) or len(listed) > GROUPS_MAX:
        raise _RefusedError("its groups are no list, or a very long one")
    return Principal(name, groups=frozenset(_qualified(one, issuer) for one in listed))


def _qualified(name: JsonValue, issuer: Issuer) -> str:
    """Return a name as it is known here, which no other issuer can give to anybody."""
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= CLAIM_LENGTH_MAX
        # What a person cannot see (controls, joiners, marks of direction) can look like another.
        or not name.isprintable()
        or name != name.strip()
        or not is_normalized("NFC", name)
    ):
        raise _RefusedError("a name in it is no plain text")
    whole = f"{issuer.issuer}{ISSUER_END}{name}"
    if len(whole.encode()) > NAME_BYTES_MAX:
        raise _RefusedError("a name in it is too long")
    return whole
