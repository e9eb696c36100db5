"""The file of the signing key: one line, readable by its owner alone.

The line has the form of Go's ``sumdb/note``: ``PRIVATE+KEY+<name>+<key id>+<key>``. No error here
quotes it. A new key is on the disk as ``<file>.next`` before the old one is given up.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from lineage.anchoring.durable import (
    DISK,
    Disk,
    FileLock,
    beside,
    create_file,
    read_file,
    settle_file,
    translated,
)
from lineage.clock import Randomness
from lineage.proofs.signing import (
    SigningKey,
    format_signing_key,
    new_signing_key,
    parse_signing_key,
)
from lineage_schemas.errors import LedgerError, StoreError

KEY_BYTES_MAX: Final = 4096
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def load_signing_key(path: Path) -> SigningKey | None:
    """Return the key in the file; ``None`` where there is no file.

    Raises:
        StoreError: not a plain file, open to others, not a signing key, or unreadable.
    """
    with translated(path):
        found = read_file(path, KEY_BYTES_MAX)
    if found is None:
        return None
    body, status = found
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(
            "The signing key is not a plain file",
            where=str(path),
            hint="Name the file itself, such as a file in that folder.",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        raise StoreError(
            f"The signing key is open to others (mode {mode:04o})",
            where=str(path),
            hint=f"Run: chmod 600 {path}; and think of who may have read it.",
        )
    return _parsed(body, path)


def make_signing_key(
    path: Path, name: str, randomness: Randomness, *, disk: Disk = DISK
) -> SigningKey:
    """Make a key and its file, and return it once it is on the disk.

    Where there is a file already, or somebody makes one meanwhile, that one's key is returned,
    whatever its name. The folder must be writable all the same: ask ``load_signing_key`` first.

    Raises:
        StoreError: as ``load_signing_key``, or the file cannot be written; there is then no file or
            a whole one, and trying again is safe.
        StoreBusyError: another process held the lock beside the file for too long.
    """
    path = _real(path)
    with _lock(path).held():
        there = load_signing_key(path)
        if there is None:
            there = new_signing_key(name, randomness)
            with translated(path):
                try:
                    _create(path, there, disk)
                except FileExistsError:
                    # By somebody who does not know of our lock.
                    return _loaded(path)
        else:
            with translated(path):
                settle_file(path, disk)
        return there


def keep_signing_key(path: Path, key: SigningKey, *, disk: Disk = DISK) -> None:
    """Have a key in a file where there is none: one that its owner has brought from elsewhere.

    Raises:
        StoreError: another key is there; or the file cannot be written, and trying again is safe.
        StoreBusyError: another process held the lock beside the file for too long.
    """
    path = _real(path)
    with _lock(path).held():
        there = load_signing_key(path)
        if there is None:
            with translated(path):
                _create(path, key, disk)
        elif format_signing_key(there) == format_signing_key(key):
            with translated(path):
                settle_file(path, disk)
        else:
            raise StoreError(
                "There is another signing key here",
                where=str(path),
                hint="Put it away, or name another file.",
            )


def stage_signing_key(path: Path, key: SigningKey, *, disk: Disk = DISK) -> None:
    """Begin a rotation: have the new key on the disk as ``<path>.next``; the old one stays.

    Raises:
        StoreError: another rotation was begun and not finished, or the file cannot be written.
        StoreBusyError: another process held the lock beside the file for too long.
    """
    path = _real(path)
    with _lock(path).held():
        _stage(path, key, disk)


def replace_signing_key(path: Path, key: SigningKey, *, disk: Disk = DISK) -> None:
    """Let ``key`` be the key in the file; the retired secret is in no file of ours afterwards.

    It goes by way of ``<path>.next``. A key that a crash or ``stage_signing_key`` left there is
    never lost: only that very key may take the file's place next.

    Raises:
        StoreError: another rotation was begun and not finished, or a file cannot be written; the
            whole old or the whole new key is then in place, and trying again is safe.
        StoreBusyError: another process held the lock beside the file for too long.
    """
    path = _real(path)
    following = _next(path)
    with _lock(path).held():
        _stage(path, key, disk)
        with translated(path):
            disk.replace(following, path)
            settle_file(path, disk)


def promote_signing_key(path: Path, key: SigningKey, *, disk: Disk = DISK) -> None:
    """Let the key of a rotation that was begun be the key in the file, if it is still this one.

    Whoever comes late, after somebody else has finished that rotation and perhaps the next, changes
    nothing: a retired key never comes back.

    Raises:
        StoreError: as ``replace_signing_key``.
        StoreBusyError: another process held the lock beside the file for too long.
    """
    path = _real(path)
    with _lock(path).held():
        pending = load_signing_key(_next(path))
        if pending is None or format_signing_key(pending) != format_signing_key(key):
            return
        with translated(path):
            disk.replace(_next(path), path)
            settle_file(path, disk)


def discard_pending_key(path: Path, *, disk: Disk = DISK) -> None:
    """Give up a rotation that was begun: its key is in no file of ours afterwards.

    Raises:
        StoreError: the file cannot be removed.
        StoreBusyError: another process held the lock beside the file for too long.
    """
    path = _real(path)
    with _lock(path).held(), translated(path), suppress(FileNotFoundError):
        disk.remove(_next(path))
        disk.sync_folder(path.parent)


def pending_signing_key(path: Path) -> SigningKey | None:
    """Return the key of a rotation that was begun and not finished; ``None`` where there is none.

    Raises:
        StoreError: as ``load_signing_key``.
    """
    return load_signing_key(_next(_real(path)))


def _stage(path: Path, key: SigningKey, disk: Disk) -> None:
    following = _next(path)
    pending = load_signing_key(following)
    if pending is None:
        with translated(following):
            _create(following, key, disk, like=path)
    elif format_signing_key(pending) == format_signing_key(key):
        with translated(following):
            settle_file(following, disk)
    else:
        raise StoreError(
            "A change of the signing key was begun with another key, and not finished",
            where=str(following),
            hint="Finish it with the key in that file first.",
        )


def _create(path: Path, key: SigningKey, disk: Disk, like: Path | None = None) -> None:
    create_file(path, f"{format_signing_key(key)}\n".encode(), disk, like=like)


def _loaded(path: Path) -> SigningKey:
    key = load_signing_key(path)
    if key is None:
        raise StoreError(
            "The signing key was made and taken away again by somebody else",
            where=str(path),
            hint="Try again.",
        )
    return key


def _parsed(body: bytes, path: Path) -> SigningKey:
    # Neither the reason nor its cause is passed on: both may quote the secret.
    with suppress(LedgerError, ValueError):
        if len(body) <= KEY_BYTES_MAX:
            return parse_signing_key(body.decode("utf-8").removesuffix("\n"))
    raise StoreError(
        "This file does not hold a signing key, or it was damaged",
        where=str(path),
        hint="Put the key back from where it is kept safe: one line, PRIVATE+KEY+name+id+key.",
    )


def _lock(path: Path) -> FileLock:
    return FileLock(beside(path, ".lock"), like=path)


def _next(path: Path) -> Path:
    return beside(path, ".next")


def _real(path: Path) -> Path:
    # A link is followed: replacing it would leave the secret in the file behind it.
    return Path(os.path.realpath(path))


class KeyFile:
    """The signing key in a file: the one at ``path``, and during a rotation the next."""

    def __init__(self, path: Path, randomness: Randomness, *, disk: Disk = DISK) -> None:
        self.path: Final = path
        self._randomness = randomness
        self._disk = disk

    def current(self) -> SigningKey | None:
        """Return the key; ``None`` where there is no file."""
        return load_signing_key(self.path)

    def make(self, name: str) -> SigningKey:
        """Make a key of this name where there is none, and return the one that is there."""
        return make_signing_key(self.path, name, self._randomness, disk=self._disk)

    def keep(self, key: SigningKey) -> None:
        """Let this be the key where there is none; the very one that is there stays."""
        keep_signing_key(self.path, key, disk=self._disk)

    def pending(self) -> SigningKey | None:
        """Return the key of a rotation that was begun and not finished."""
        return pending_signing_key(self.path)

    def stage(self, key: SigningKey) -> None:
        """Begin a rotation to this key."""
        stage_signing_key(self.path, key, disk=self._disk)

    def discard(self) -> None:
        """Give up a rotation that was begun."""
        discard_pending_key(self.path, disk=self._disk)

    def promote(self, key: SigningKey) -> None:
        """Let the next key be the current one, if it is still this one."""
        promote_signing_key(self.path, key, disk=self._disk)


class MemoryKeys:
    """The signing key of a ledger in memory, and of tests."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness
        self._current: SigningKey | None = None
        self._pending: SigningKey | None = None

    def current(self) -> SigningKey | None:
        """Return the key."""
        return self._current

    def make(self, name: str) -> SigningKey:
        """Make a key of this name where there is none, and return the one that is there."""
        self._current = self._current or new_signing_key(name, self._randomness)
        return self._current

    def keep(self, key: SigningKey) -> None:
        """Let this be the key where there is none; the very one that is there stays."""
        if self._current is not None and self._current.public != key.public:
            raise StoreError("There is another signing key here", where=self._current.name)
        self._current = key

    def pending(self) -> SigningKey | None:
        """Return the key of a rotation that was begun and not finished."""
        return self._pending

    def stage(self, key: SigningKey) -> None:
        """Begin a rotation to this key."""
        self._pending = key

    def discard(self) -> None:
        """Give up a rotation that was begun."""
        self._pending = None

    def promote(self, key: SigningKey) -> None:
        """Let the next key be the current one, if it is still this one."""
        if self._pending is not None and self._pending.public == key.public:
            self._current, self._pending = key, None
