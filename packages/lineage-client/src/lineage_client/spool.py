"""What waits to be sent: a folder, one file a statement, in the order in which it was said.

A file is written whole, synced, and only then given the name under which it is sent; it is removed
once the ledger has what it says. So whoever is killed at any moment loses nothing, and says at most
twice what has an id and is therefore there once. Several processes may share a folder: one sends at
a time. What a ledger refuses for good is put aside in ``refused``, beside the reason, and does not
hold up the rest.
"""

from __future__ import annotations

import errno
import math
import os
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from lineage_client.clock import new_id, now_ns
from lineage_client.errors import ClientError, NotSentError, SpoolFullError

if TYPE_CHECKING:
    from collections.abc import Generator

SPOOL_BYTES_MAX = 256 * 1_048_576
"""How much may wait in one folder."""

STATEMENT_BYTES_MAX = 1_048_576
"""One statement; a ledger takes no more in one."""

COUNT_EVERY = 256
"""Statements that are kept before all that waits is measured anew: others add to it and send it."""

LOCK_PAUSE_SECONDS = 0.05
_WAITING = ".json"
_WRITING = ".new"


@dataclass(frozen=True)
class Flushed:
    """What became of what waited.

    ``left`` wait still, and ``why`` says why; ``refused`` were put aside just now. ``is_going_on``:
    the ledger takes what waits, and the rest follows.
    """

    sent: int
    left: int
    refused: int
    why: str = ""
    is_going_on: bool = False


class Spool:
    """One folder of what waits for one ledger."""

    def __init__(self, folder: Path, bytes_max: int = SPOOL_BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._last = 0
        self._taken = 0
        self._uncounted = COUNT_EVERY

    @property
    def refused(self) -> Path:
        """Return the folder of what was refused for good."""
        return self._folder / "refused"

    def put(self, body: bytes) -> Path:
        """Keep a statement until it is sent; return once it would survive a crash.

        Raises:
            SpoolFullError: there is no room for it, by our limit or on the disk.
            ClientError: the folder cannot be written.
        """
        try:
            return self._put(body)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise SpoolFullError(f"No space left for what waits in {self._folder}") from error
            raise ClientError(
                f"Nothing can be kept in {self._folder}: {error}; name a folder that can be "
                "written: LINEAGE_SPOOL"
            ) from error

    def waiting(self) -> list[Path]:
        """Return what waits, in the order in which it was said."""
        with suppress(FileNotFoundError):
            return sorted(path for path in self._folder.iterdir() if path.suffix == _WAITING)
        return []

    def flush(
        self,
        send: Callable[[bytes], None],
        wait_seconds: float,
        send_seconds: float = math.inf,
    ) -> Flushed:
        """Send what waits, in its order, until all of it is sent or the ledger is away.

        Waits at most ``wait_seconds`` for another process that is sending, and begins to send
        nothing further after ``send_seconds``.

        Raises:
            ClientError: the folder cannot be used.
        """
        try:
            with self._alone(wait_seconds) as is_alone:
                if not is_alone:
                    return Flushed(
                        0, len(self.waiting()), 0, "another process is sending", is_going_on=True
                    )
                return self._flush(send, time.monotonic() + send_seconds)
        except OSError as error:
            raise ClientError(f"What waits in {self._folder} cannot be sent: {error}") from error

    def _flush(self, send: Callable[[bytes], None], ends: float) -> Flushed:
        sent = refused = 0
        # What others add meanwhile is found by the next round.
        while waiting := self.waiting():
            for path in waiting:
                if time.monotonic() > ends:
                    left = len(self.waiting())
                    return Flushed(sent, left, refused, "the rest follows", is_going_on=True)
                try:
                    send(path.read_bytes())
                except NotSentError as error:
                    if not error.is_refused:
                        return Flushed(sent, len(self.waiting()), refused, str(error))
                    self._put_aside(path, str(error))
                    refused += 1
                else:
                    path.unlink()
                    sent += 1
        self._uncounted = COUNT_EVERY
        return Flushed(sent, 0, refused)

    def _put(self, body: bytes) -> Path:
        if len(body) > STATEMENT_BYTES_MAX:
            raise ClientError(
                f"A statement of {len(body)} bytes is over the limit of {STATEMENT_BYTES_MAX} "
                "(STATEMENT_BYTES_MAX); keep large values in a file and name its digest"
            )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._uncounted >= COUNT_EVERY or self._taken + len(body) > self._bytes_max:
            # Looking at each file for each statement is slow where many wait.
            self._taken, self._uncounted = sum(_size(path) for path in self.waiting()), 0
        if self._taken + len(body) > self._bytes_max:
            raise SpoolFullError(
                f"{self._taken} bytes wait in {self._folder}, and {self._bytes_max} are the limit; "
                "see that they can be sent: python -m lineage_client flush"
            )
        # In order even where the clock is set back; the rest keeps the names of two apart.
        self._last = max(self._last + 1, now_ns())
        name = f"{self._last:020d}-{os.getpid()}-{new_id()}"
        new, whole = self._folder / f"{name}{_WRITING}", self._folder / f"{name}{_WAITING}"
        try:
            _write(new, body)
            new.replace(whole)
        except OSError:
            # Half a statement on a full disk is of no use to anybody.
            with suppress(OSError):
                new.unlink()
            raise
        self._taken += len(body)
        self._uncounted += 1
        _sync_folder(self._folder)
        return whole

    def _put_aside(self, path: Path, reason: str) -> None:
        self.refused.mkdir(exist_ok=True, mode=0o700)
        with suppress(OSError):  # on a full disk there is no room for the reason, which is logged
            (self.refused / f"{path.stem}.txt").write_text(f"{reason}\n", encoding="utf-8")
        path.replace(self.refused / path.name)

    @contextmanager
    def _alone(self, wait_seconds: float) -> Generator[bool, None, None]:
        """Be the only one that sends, if that can be had in time."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ends = time.monotonic() + wait_seconds
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not (is_alone := _lock(descriptor)) and time.monotonic() < ends:
                time.sleep(LOCK_PAUSE_SECONDS)
            yield is_alone
        finally:
            # Whoever holds a lock lets go of it by being killed, too. Closing alone does not where
            # a forked child has the descriptor as well.
            with suppress(OSError):
                _unlock_file(descriptor)
            os.close(descriptor)


def _write(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())


def _size(path: Path) -> int:
    """Return the size of a file, which another process may just have sent."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _sync_folder(folder: Path) -> None:
    """Make a new name durable; where folders cannot be opened the file system does that alone."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        _lock_file(descriptor)
    except OSError:
        return False
    return True


def _lock_file(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415 - there is none elsewhere

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl  # noqa: PLC0415 - nor this one there

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock_file(descriptor: int) -> None:
    if os.name != "nt":
        import fcntl  # noqa: PLC0415 - as above

        fcntl.flock(descriptor, fcntl.LOCK_UN)


def spool_of(folder: Path | None, source: str, url: str) -> Path:
    """Return the folder in which a source's statements to a ledger wait.

    Without a folder it is one of this user's own, apart for each ledger: what waits for one must
    not be sent to another.
    """
    if folder is not None:
        return folder
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - Path.home() raises where there is none
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{url} {source}").hex
    return Path(state) / "lineage-client" / name
