"""The state of an audit: what one that was stopped must know to go on."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct

from lineage.audit.entries import Followed
from lineage.audit.reports import AuditFinding, AuditLevel

STATE_VERSION: Final = 1
STATE_EVERY: Final = 100_000
"""Progress is kept after about so many entries, and when the audit is stopped."""

STATE_BYTES_MAX: Final = 64 * 1024 * 1024


class AuditState(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far an audit came: ``size`` entries, whose root was ``root`` in hexadecimal.

    ``findings`` are those of levels 2 and 3. ``is_clean`` says that nothing at all was found.
    """

    version: int = STATE_VERSION
    origin: str
    level: AuditLevel
    size: int
    root: str
    followed: Followed
    missing: tuple[tuple[int, int], ...]
    findings: tuple[AuditFinding, ...]
    is_clean: bool


class Resumed(NamedTuple):
    """What was read from a state file: the state, or why there is none to go on from."""

    state: AuditState | None
    remark: str = ""
