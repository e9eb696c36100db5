"""Where the texts that begin with a prefix end, in bytewise order."""

from __future__ import annotations

from typing import Final

_LAST_CHARACTER: Final = "\U0010ffff"
_BEFORE_SURROGATES: Final = "\ud7ff"
_AFTER_SURROGATES: Final = "\ue000"


def after_prefix(prefix: str) -> str | None:
    """Return the first text beyond all that begin with ``prefix``; ``None`` if there is none."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    last = kept[-1]
    return kept[:-1] + (_AFTER_SURROGATES if last == _BEFORE_SURROGATES else chr(ord(last) + 1))
