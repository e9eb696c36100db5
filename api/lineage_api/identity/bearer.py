"""The credential of a request: where it may stand, and where it never may."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote

from starlette.datastructures import Headers
from starlette.types import Scope

from lineage_api.problems import InvalidRequestError, NoCredentialError
from lineage_schemas.api_keys import API_KEY_PREFIX
from lineage_schemas.errors import UnauthenticatedError

CREDENTIAL_LENGTH_MAX: Final = 8_192

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What RFC 6750 lets a bearer token be made of."""

_SHAPES: Final = re.compile(rf"{API_KEY_PREFIX}_[A-Za-z0-9]|eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.")
"""How an API key and a token begin, wherever they stand."""

_NAMES: Final = frozenset({"access_token", "api_key", "apikey", "id_token", "authorization"})
"""Query parameters that carry credentials elsewhere."""


def read_credential(headers: Headers) -> str:
    """Return the bearer credential of a request.

    Raises:
        NoCredentialError: there is none.
        InvalidRequestError: there are several.
        UnauthenticatedError: it is none that could be valid here.
    """
    given = headers.getlist("authorization")
    if not given:
        raise NoCredentialError(
            "Nobody says who asks this",
            hint="Send the header `Authorization: Bearer` with an API key or a token.",
        )
    if len(given) > 1:
        raise InvalidRequestError(
            "A request carries one credential", hint="Send one header `Authorization`."
        )
    scheme, _, credential = given[0].partition(" ")
    credential = credential.strip(" ")
    if (
        scheme.lower() != "bearer"
        or len(credential) > CREDENTIAL_LENGTH_MAX
        or not _TOKEN.fullmatch(credential)
    ):
        raise UnauthenticatedError(
            "This credential is not valid here",
            hint="Send `Authorization: Bearer` with an API key or a token of a known issuer.",
        )
    return credential


def refuse_credential_in_address(scope: Scope) -> None:
    """Refuse a request whose address holds a credential: addresses are logged on their way.

    Raises:
        InvalidRequestError: it does; quotes nothing of it.
    """
    query = scope["query_string"].decode("latin-1")
    names = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    address = f"{scope['path']}?{unquote(query)}"
    if names & _NAMES or _SHAPES.search(address):
        raise InvalidRequestError(
            "There is a credential in the address of this request",
            hint="Take it for known to others and revoke it; send the next one as a header.",
        )
