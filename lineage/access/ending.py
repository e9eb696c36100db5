"""End every API key of a log that goes on under a new origin.

Whoever revokes a key does so under the origin they know. A copy never hears of it, and a log that
lost entries may have lost the revocation; so neither goes on with keys that were issued before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.access.state import read_access
from lineage.clock import Randomness
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader
from lineage.writing.governing import governance_batch
from lineage.writing.preparing import PreparedBatch
from lineage.writing.submission import Principal
from lineage_schemas.access import ApiKeyRevocation

ENDED: Final = "the log goes on under a new origin here, and keys of the former one open nothing"
"""The reason that the entries give which revoke them."""

_KEYS_A_BATCH: Final = 1_000


def key_endings(
    reader: Reader, principal: Principal, randomness: Randomness
) -> Iterator[PreparedBatch]:
    """Yield the batches that revoke every API key which could open something."""
    keys = sorted(read_access(reader).keys)
    for start in range(0, len(keys), _KEYS_A_BATCH):
        some = keys[start : start + _KEYS_A_BATCH]
        records = (ApiKeyRevocation(key=key, reason=ENDED) for key in some)
        yield governance_batch(LEDGER_NAMESPACE, principal, *records, randomness=randomness)
