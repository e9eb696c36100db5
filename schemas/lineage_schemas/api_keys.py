"""How an API key looks, so that it is known and left out wherever it was written by mistake."""

from __future__ import annotations

import re
from typing import Final

API_KEY_PREFIX: Final = "llk"
"""What every API key begins with, so that whoever finds one lying about knows what it is.

The rest are its public id (16 hexadecimal digits) and its secret (64), joined by ``_``.
"""

_BEGINNING: Final = f"{API_KEY_PREFIX}_"
API_KEY_SHAPE: Final = rf"{_BEGINNING}[0-9a-f]{{16}}_([0-9a-f]+)"
"""A key, or what is left of one that was cut; the group is its secret."""

_SHAPE: Final = re.compile(API_KEY_SHAPE)


def holds_api_key(text: str) -> bool:
    """Tell whether a text holds an API key, or the beginning of one's secret."""
    return _BEGINNING in text and _SHAPE.search(text) is not None


def without_api_keys(text: str) -> str:
    """Return a text without the secrets of API keys; their public ids stay, to revoke them by."""
    if _BEGINNING not in text:
        return text
    return _SHAPE.sub(lambda found: found[0].removesuffix(found[1]) + "[filtered]", text)
