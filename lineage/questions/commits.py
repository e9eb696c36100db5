"""Commits: when two of them are one, however they are written."""

from __future__ import annotations

import re
from typing import Final

from lineage_schemas.values import JsonValue

CODE_COMMIT: Final = "code_commit"
"""The property of a run that names the commit that ran."""

_WHOLE: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def whole_commit(value: JsonValue) -> str | None:
    """Return a commit of which all digits are known, in lower case; ``None``: it is none.

    It names its tree and all that led to it, so two such commits are one in any repository. Those
    of two lengths are of two kinds of hash, and say nothing of each other.
    """
    commit = value.lower() if isinstance(value, str) else ""
    return commit if _WHOLE.fullmatch(commit) else None
