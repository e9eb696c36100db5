"""Tells whether one of several signatures is one of several that would hold."""

from __future__ import annotations

import hmac
from collections.abc import Sequence


def is_among(given: Sequence[str], expected: Sequence[str]) -> bool:
    """Tell whether any of the texts is any of those expected.

    Every one is compared to its end with every other: how long it takes tells nothing.
    """
    holds = False
    for one in given:
        for other in expected:
            holds |= hmac.compare_digest(one.encode("latin-1"), other.encode())
    return holds
