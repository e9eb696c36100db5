"""The names that one log goes by in its life: what a copy and a recovery add to its own."""

from __future__ import annotations

from typing import Final

from lineage.anchoring.notary import RECOVERED_MARK
from lineage.clock import Randomness

COPY_MARK: Final = "/copy-"
_ORIGIN_BYTES: Final = 8


def before_recovery(origin: str) -> str:
    """Return the name that the log had before any recovery."""
    return origin.partition(RECOVERED_MARK)[0]


def copy_origin(former: str, randomness: Randomness) -> str:
    """Return a name for a copy of the log that goes, or went, by ``former``."""
    first = before_recovery(former.partition(COPY_MARK)[0])
    return f"{first}{COPY_MARK}{randomness(_ORIGIN_BYTES).hex()}"
