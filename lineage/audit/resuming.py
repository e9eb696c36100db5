"""The state of an audit in a file, so that one that was stopped goes on where it was.

The file is one JSON object, ``{"sha256": HEX, "state": {...}}``; the digest is of the bytes of the
inner object. Whoever resumes believes what was read before: the leaves up to there are read again
and must give the same root, envelopes and payloads are not. So the file belongs to the auditor, and
an audit that must believe nothing begins without one.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw, Struct

from lineage.anchoring.durable import FileLock, beside, read_file, replace_file, translated
from lineage.audit.entries import Followed
from lineage.audit.passing import EntryPass
from lineage.audit.reports import AuditLevel
from lineage.audit.states import (
    STATE_BYTES_MAX,
    STATE_EVERY,
    STATE_VERSION,
    AuditState,
    Resumed,
)
from lineage.audit.trees import TreeWalk
from lineage_schemas.errors import InvalidInputError, LimitExceededError

_KEPT_LEVELS: Final = frozenset({AuditLevel.ENTRIES, AuditLevel.PAYLOAD})
"""What was found at the others is found again."""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    state: Raw


_FILE: Final = msgspec.json.Decoder(_File)
_STATE: Final = msgspec.json.Decoder(AuditState)


def read_state(path: Path, origin: str, level: AuditLevel) -> Resumed:
    """Read the state of an audit of this log that looked at least this deep.

    Raises:
        InvalidInputError: the file is something else; it is left as it is.
        StoreError: the file cannot be read.
    """
    with translated(path):
        read = read_file(path, STATE_BYTES_MAX)
    if read is None:
        return Resumed(None)
    if not read[0].startswith(b'{"sha256":'):
        raise InvalidInputError(
            "This file is no state of an audit, and was left as it is",
            where=str(path),
            hint="Name another file, or one that does not exist yet.",
        )
    state = _decode(read[0])
    if state is None:
        what = "The state file is damaged or of another version; the audit starts anew"
        return Resumed(None, what)
    if state.origin != origin:
        return Resumed(None, f"The state file is of the log {state.origin}; the audit starts anew")
    if state.level < level:
        what = f"The state file is of an audit of level {state.level}; the audit starts anew"
        return Resumed(None, what)
    return Resumed(state)


def _decode(body: bytes) -> AuditState | None:
    try:
        file = _FILE.decode(body)
        state = _STATE.decode(file.state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    is_good = sha256(file.state).hexdigest() == file.sha256 and state.version == STATE_VERSION
    return state if is_good else None


def write_state(path: Path, state: AuditState) -> None:
    """Keep the state; afterwards the file is the whole old or the whole new one.

    Raises:
        LimitExceededError: larger than ``STATE_BYTES_MAX``.
        StoreError: the file cannot be written.
        StoreBusyError: another audit held its lock for too long.
    """
    inner = msgspec.json.encode(state)
    body = msgspec.json.encode(_File(sha256(inner).hexdigest(), Raw(inner))) + b"\n"
    if len(body) > STATE_BYTES_MAX:
        raise LimitExceededError(
            f"A state of {len(body)} bytes is over the limit of {STATE_BYTES_MAX} "
            "(STATE_BYTES_MAX)",
            where=str(path),
            hint="Leave the state file out.",
        )
    with FileLock(beside(path, ".lock")).held(), translated(path):
        replace_file(path, body)


class StateKeeper:
    """Keeps the state of a running audit: every so often, and when the audit is stopped."""

    def __init__(self, path: Path | None, origin: str, level: AuditLevel) -> None:
        self._path = path
        self._origin = origin
        self._level = level
        self._state: AuditState | None = None
        self._written = 0
        self._missing: tuple[int, tuple[tuple[int, int], ...]] = (-1, ())

    def note(self, walk: TreeWalk, entry_pass: EntryPass | None) -> None:
        """Note where the audit stands, between two runs; write it down if it is time."""
        if self._path is None:
            return
        found = walk.found
        self._state = AuditState(
            origin=self._origin,
            level=self._level,
            size=walk.tree.size,
            root=walk.tree.root().hex(),
            followed=Followed() if entry_pass is None else entry_pass.follower.followed,
            missing=self._missing_of(entry_pass),
            findings=tuple(one for one in found.kept if one.level in _KEPT_LEVELS),
            is_clean=not found.kept,
        )
        if walk.tree.size - self._written >= STATE_EVERY:
            self._write()

    def _missing_of(self, entry_pass: EntryPass | None) -> tuple[tuple[int, int], ...]:
        """Return what is missing; copied only when it has changed."""
        if entry_pass is None:
            return ()
        payload = entry_pass.payload
        if self._missing[0] != payload.changes:
            self._missing = payload.changes, tuple(payload.missing.items())
        return self._missing[1]

    @contextmanager
    def kept(self) -> Generator[None]:
        """Write the last state that was noted when the block is left, in whatever way."""
        try:
            yield
        finally:
            self._write()

    def _write(self) -> None:
        if self._path is not None and self._state is not None:
            write_state(self._path, self._state)
            self._written = self._state.size
