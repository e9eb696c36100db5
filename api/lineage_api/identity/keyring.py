"""The keys of one issuer as they are remembered, and fetched anew."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from jwt import PyJWK

from lineage.clock import Clock
from lineage_api.identity.fetching import Fetch, IssuerUnavailableError
from lineage_api.identity.issuers import Issuer, check_url
from lineage_api.identity.key_sets import KeySet, read_key_set
from lineage_api.identity.objects import read_object
from lineage_api.reading import Pool
from lineage_schemas.errors import InvalidInputError, LedgerError

FRESH_SECONDS: Final = 300
"""How old the keys may be before somebody who calls waits for newer ones."""

COOLDOWN_SECONDS: Final = 10
"""Between two fetches, whatever callers say: many unknown keys are no reason for many requests."""

DISCOVERY: Final = "/.well-known/openid-configuration"

_SECOND_US: Final = 1_000_000
_LOG: Final = logging.getLogger(__name__)


class Keyring:
    """Finds the keys of one issuer. Used from one event loop only.

    ``clock`` measures ages, so it must be one that nobody can set. However many ask at once, one
    fetch is under way at a time, in a thread of ``pool``.
    """

    def __init__(self, issuer: Issuer, fetch: Fetch, pool: Pool, clock: Clock) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._pool = pool
        self._clock = clock
        self._keys = KeySet({})
        self._fetched_us: int | None = None
        self._tried_us: int | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """Return the issuer's key of that id for that algorithm; ``None``: it has none.

        Raises:
            IssuerUnavailableError: the issuer could not be asked, and what is remembered of it is
                too old to be believed.
        """
        if self._is_older_than(FRESH_SECONDS):
            await self._refresh()
        if self._is_older_than(self._issuer.key_seconds):
            raise IssuerUnavailableError(
                "An issuer of tokens cannot be reached, so that nobody can tell who calls",
                where=self._issuer.issuer,
                hint="Try again in a moment; the server's log says what fails.",
            )
        key = self._keys.find(key_id, algorithm)
        if key is None:
            await self._refresh()
            key = self._keys.find(key_id, algorithm)
        return key

    async def close(self) -> None:
        """Give up a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _is_older_than(self, seconds: float) -> bool:
        if self._fetched_us is None:
            return True
        return self._clock() - self._fetched_us >= seconds * _SECOND_US

    async def _refresh(self) -> None:
        """Fetch the keys, or wait for a fetch that is under way; not too soon after the last."""
        if self._fetching is None or self._fetching.done():
            now = self._clock()
            if self._tried_us is not None and now - self._tried_us < COOLDOWN_SECONDS * _SECOND_US:
                return
            self._tried_us = now
            self._fetching = asyncio.create_task(self._try())
        # Whoever gives up waiting does not take the fetch from the others.
        await asyncio.shield(self._fetching)

    async def _try(self) -> None:
        try:
            keys = await self._pool.run(lambda: read_issuer_keys(self._issuer, self._fetch))
        except LedgerError as error:
            _LOG.warning("The keys of %s were not fetched: %s", self._issuer.issuer, error)
            return
        # As old as the question, not as the answer: what was taken back meanwhile is not young.
        self._keys, self._fetched_us = keys, self._tried_us


def read_issuer_keys(issuer: Issuer, fetch: Fetch) -> KeySet:
    """Return the keys that an issuer publishes now. Blocks while it is asked.

    Raises:
        IssuerUnavailableError: it cannot be asked, or what it says cannot be.
    """
    try:
        url = issuer.jwks or _discovered(issuer, fetch)
        return read_key_set(fetch(url), issuer.algorithms)
    except (ValueError, InvalidInputError) as error:
        raise IssuerUnavailableError(
            f"What an issuer of tokens publishes cannot be used: {error}",
            where=issuer.issuer,
            hint="Check its address, or name its keys with jwks.",
        ) from None


def _discovered(issuer: Issuer, fetch: Fetch) -> str:
    """Return where an issuer keeps its keys (OpenID Connect Discovery 1.0)."""
    document = read_object(fetch(issuer.issuer.rstrip("/") + DISCOVERY))
    url = document.get("jwks_uri")
    if document.get("issuer") != issuer.issuer or not isinstance(url, str):
        raise ValueError("its discovery document is another issuer's, or names no keys")
    check_url(url, may_ask=True)
    return url
