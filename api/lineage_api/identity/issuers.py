"""Whose tokens are believed, and how far: one struct an issuer, checked once at the start."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from lineage_api.loopback import is_loopback
from lineage_schemas.access import ISSUER_END
from lineage_schemas.errors import InvalidInputError

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""What a signature may be made with. With a shared secret whoever verifies could sign, too."""

ALGORITHMS_DEFAULT: Final = ("RS256", "ES256")
TYPES: Final = ("jwt", "at+jwt")
"""The ``typ`` of tokens that speak for a caller: RFC 7519's, and RFC 9068's for access tokens."""

ISSUERS_MAX: Final = 16
URL_LENGTH_MAX: Final = 256
TOKEN_SECONDS_DEFAULT: Final = 86_400
KEY_SECONDS_DEFAULT: Final = 3_600

_DAYS_30: Final = 30 * 86_400


class Issuer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One issuer of tokens."""

    issuer: Annotated[
        str, Meta(description="What its tokens say in `iss`, letter for letter: an https URL.")
    ]
    audiences: Annotated[
        tuple[str, ...],
        Meta(description="The names this ledger has there; a token says one of them in `aud`."),
    ]
    algorithms: Annotated[
        tuple[str, ...], Meta(description="What its tokens may be signed with.")
    ] = ALGORITHMS_DEFAULT
    jwks: Annotated[
        str, Meta(description="Where its keys are; empty: where its discovery document says.")
    ] = ""
    principal_claim: Annotated[str, Meta(description="The claim that names whoever calls.")] = "sub"
    groups_claim: Annotated[
        str, Meta(description="The claim that lists their groups; empty: they have none.")
    ] = ""
    types: Annotated[
        tuple[str, ...],
        Meta(description="What its tokens may say in `typ`; one that says nothing is a jwt."),
    ] = TYPES
    token_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=_DAYS_30,
            description="A token that lives for longer is refused: nobody can take it back.",
        ),
    ] = TOKEN_SECONDS_DEFAULT
    key_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=_DAYS_30,
            description="For how long its keys are believed while it cannot be reached.",
        ),
    ] = KEY_SECONDS_DEFAULT


def check_issuers(issuers: tuple[Issuer, ...]) -> None:
    """Refuse issuers that cannot be, or that could not be told apart.

    Raises:
        InvalidInputError: names the issuer and what is wrong with it.
    """
    if len(issuers) > ISSUERS_MAX:
        raise InvalidInputError(f"There are {len(issuers)} issuers; at most {ISSUERS_MAX} may be")
    names = [one.issuer for one in issuers]
    for issuer in issuers:
        if names.count(issuer.issuer) > 1:
            raise _wrong(issuer, "is there twice", "Give each issuer once, with all its audiences.")
        _check(issuer)


def check_url(url: str, *, may_ask: bool = False) -> None:
    """Refuse an address of which nobody could be sure who answers. ``may_ask``: with a query.

    Raises:
        InvalidInputError: not https, and not http on this machine; or no plain address.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        plain = not (parts.username or parts.password or parts.fragment)
        plain = plain and (may_ask or not parts.query)
        plain = plain and (parts.port is None or parts.port > 0) and url.isascii()
        # An empty fragment is none to the parser, and would end the issuer in the names there.
        plain = plain and ISSUER_END not in url and " " not in url
    except ValueError:
        host, plain, parts = "", False, urlsplit("")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not (host and plain and is_safe and url.isprintable()) or len(url) > URL_LENGTH_MAX:
        raise InvalidInputError(
            "An issuer's address begins with https:// and has no user, query or fragment",
            where=ascii(host[:64]) if host else "",
            hint=f"It has {URL_LENGTH_MAX} letters at most. http:// is for this machine alone.",
        )


def _check(issuer: Issuer) -> None:
    check_url(issuer.issuer)
    if issuer.jwks:
        check_url(issuer.jwks, may_ask=True)
    if not issuer.audiences or not all(issuer.audiences):
        raise _wrong(issuer, "has no audience", "Say by which name its tokens mean this ledger.")
    if not issuer.algorithms or not set(issuer.algorithms) <= set(ALGORITHMS):
        raise _wrong(
            issuer,
            "names algorithms that are not taken",
            f"Choose from {', '.join(ALGORITHMS)}.",
        )
    if not issuer.types or not set(issuer.types) <= set(TYPES):
        raise _wrong(
            issuer, "names types of tokens that are not taken", f"Choose from {', '.join(TYPES)}."
        )
    if not issuer.principal_claim:
        raise _wrong(issuer, "names no claim for the caller", "The usual one is sub.")


def _wrong(issuer: Issuer, what: str, hint: str) -> InvalidInputError:
    return InvalidInputError(f"An issuer of tokens {what}", where=issuer.issuer[:256], hint=hint)
