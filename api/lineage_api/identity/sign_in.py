"""From a credential to a principal."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import Final, Protocol

from lineage.writing.submission import Principal
from lineage_api.identity.tokens import TokenVerifier
from lineage_api.reading import Pool
from lineage_schemas.api_keys import API_KEY_PREFIX
from lineage_schemas.errors import UnauthenticatedError

KEY_PREFIX: Final = f"{API_KEY_PREFIX}_"
"""How every API key begins, so that a leaked one is found by whoever looks for it."""

WELCOME_MAX: Final = 10_000
"""Credentials that are remembered to have been valid."""


class KeyHolder(Protocol):
    """Whoever knows the API keys: the ledger."""

    def authenticate(self, secret: str) -> Principal:
        """Return whose key this is. Blocks.

        Raises:
            UnauthenticatedError: it is unknown, expired or revoked; never says which.
        """
        ...


class SignIn:
    """Tells who calls, by an API key or a token. Used from one event loop only."""

    def __init__(self, keys: KeyHolder, tokens: TokenVerifier, pool: Pool) -> None:
        """Ask ``keys`` in threads of ``pool``, which no question can fill."""
        self._keys = keys
        self._tokens = tokens
        self._pool = pool
        self._welcome: OrderedDict[bytes, None] = OrderedDict()

    async def principal_of(self, credential: str) -> Principal:
        """Return who a credential belongs to.

        Raises:
            UnauthenticatedError: it is not valid; never says why.
            IssuerUnavailableError: nobody can tell at present.
            OverloadedError: too many wait for the same already.
        """
        digest = sha256(credential.encode()).digest()
        try:
            if credential.startswith(KEY_PREFIX):
                principal = await self._pool.run(lambda: self._keys.authenticate(credential))
            else:
                principal = await self._tokens.verify(credential)
        except UnauthenticatedError:
            self._welcome.pop(digest, None)
            raise
        self._welcome[digest] = None
        self._welcome.move_to_end(digest)
        if len(self._welcome) > WELCOME_MAX:
            self._welcome.popitem(last=False)
        return principal

    def is_welcome(self, credential: str) -> bool:
        """Tell whether a credential was valid before. It says nothing of now."""
        return sha256(credential.encode()).digest() in self._welcome
