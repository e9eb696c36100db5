"""What we read of ``customData``, the room that CDEvents leaves for one's own.

It is an object at the top of a message, or one in its context. Besides the keys that all connectors
read (``lineage.connectors.deployments.convention``), these:

    commit                        the commit that was built or run, all of its digits
    revision                      the deployment's own name in its place
    approver_role, meaning        of an approval: in what role, and what the decision means
"""

from __future__ import annotations

import re
from typing import Final

from lineage.connectors.deployments.convention import Convention, Form, is_text, read_convention
from lineage_schemas.values import JsonValue

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)


def read_custom_data(*given: JsonValue) -> Convention:
    """Read what is there, the later object first where two say the same.

    What is no object is a tool's own and is passed over: the message keeps it.
    """
    found: dict[str, JsonValue] = {}
    for one in given:
        if isinstance(one, dict):
            found |= one
    return read_convention(found, _FORMS)


def _is_commit(value: JsonValue) -> bool:
    return isinstance(value, str) and _COMMIT.fullmatch(value) is not None


_FORMS: Final[dict[str, Form]] = {
    "commit": _is_commit,
    "revision": is_text,
    "approver_role": is_text,
    "meaning": is_text,
}
