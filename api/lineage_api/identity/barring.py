"""API keys that are refused whatever the log says.

A ledger that was exported for good takes no revocation any more, and is still read.
"""

from __future__ import annotations

from collections.abc import Collection

from lineage.writing.submission import Principal
from lineage_api.identity.sign_in import KeyHolder


class Barring:
    """Knows the API keys that ``keys`` knows, but for those with these public ids."""

    def __init__(self, keys: KeyHolder, barred: Collection[str]) -> None:
        self._keys = keys
        self._barred = frozenset(barred)

    def authenticate(self, secret: str) -> Principal:
        """Return whose key this is. Blocks.

        Raises:
            UnauthenticatedError: it is barred, unknown, expired or revoked; never says which.
        """
        barred = not self._barred.isdisjoint(secret.split("_"))
        # Asked for nothing, whoever knows the keys refuses it in the words of every refusal.
        return self._keys.authenticate("" if barred else secret)
