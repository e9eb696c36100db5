"""Whose a name is. By its form alone: tokens, API keys, groups and this machine share none.

A token's principal is its issuer's address, ``#`` and a name there. So no key may speak for such a
name: else whoever makes keys could make somebody of another house.
"""

from __future__ import annotations

import re
from typing import Final

from lineage_schemas.access import GROUP_PREFIX, ISSUER_END, WEBHOOK_PREFIX
from lineage_schemas.errors import InvalidInputError

RESERVED_NAMES: Final = frozenset({"local", "ledger"})
"""Who speaks under these in the log is this machine itself; nobody signs in as one of them."""

_TOKEN: Final = re.compile(rf"\s*https?:[^{ISSUER_END}]*{ISSUER_END}", re.IGNORECASE)
"""How the names of all issuers begin that any settings can name, and of others besides."""


def is_token_name(name: str) -> bool:
    """Tell whether a token's principal could have this name."""
    return _TOKEN.match(name) is not None


def may_have_key(name: str) -> bool:
    """Tell whether an API key may speak for this name."""
    taken = name in RESERVED_NAMES or name.startswith((GROUP_PREFIX, WEBHOOK_PREFIX))
    return not (taken or is_token_name(name))


def check_key_name(name: str) -> None:
    """Refuse to make an API key for a name that is another kind of caller's.

    Raises:
        InvalidInputError: and says whose.
    """
    if name.startswith(GROUP_PREFIX):
        raise InvalidInputError("A key is somebody's, and not a group's", where=name[:64])
    if name.startswith(WEBHOOK_PREFIX):
        raise InvalidInputError(
            "Whoever has this name signs what it sends with the secret of its webhooks",
            where=name[:64],
            hint="Make the key for another name, and grant that name what it needs.",
        )
    if is_token_name(name):
        raise InvalidInputError(
            "Whoever has this name signs in with a token of its issuer, and not with a key",
            where=name[:64],
            hint="Make the key for a name without an issuer, and grant that name what it needs.",
        )
