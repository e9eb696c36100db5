"""Write a file so that a crash at any step leaves the old one or the new one, whole.

The body goes to ``<file>.tmp`` in the same folder and to the disk, takes the file's name in one
step, and the folder goes to the disk too. The name of the temporary file is always the same, so
that what a crash leaves is found and removed; whoever writes therefore holds ``locked``.

A file stays its owner's, whoever replaces it: root may run a command beside a server that runs as
somebody else, and must not take the server's files away from it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, get_ident
from typing import Final, NamedTuple

from lineage_schemas.errors import (
    InvalidInputError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
)

FILE_MODE: Final = 0o600
"""For us alone, unless somebody says otherwise."""

LOCK_WAIT_SECONDS_MAX: Final = 30.0
"""How long we wait for another process or thread that holds a lock."""

ROOT: Final = 0
_SAME: Final = -1
"""As an owner or group: the one that the system gives."""

_ACCESS: Final = stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO
_PAUSE_SECONDS_MIN: Final = 0.001
_PAUSE_SECONDS_MAX: Final = 0.05
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_FOLDER_NEEDS_NO_SYNC: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


class Belonging(NamedTuple):
    """Whose a file is, and who may do what with it; ``mode`` of ``None`` leaves that as made."""

    owner: int
    group: int
    mode: int | None = None


class Disk:
    """The steps by which a file is written: what a test lets fail, one at a time."""

    def create(self, path: Path, mode: int) -> int:
        """Make a new file and return its descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, mode)

    def give(self, descriptor: int, owner: int, group: int) -> None:
        """Let the file be somebody else's; -1 leaves the owner."""
        os.fchown(descriptor, owner, group)

    def create_folder(self, path: Path) -> None:
        """Make a folder in one that is there."""
        os.mkdir(path)  # noqa: PTH102 (descriptors and paths go through one door)

    def write(self, descriptor: int, body: bytes | memoryview) -> int:
        """Write some of the bytes; return how many."""
        return os.write(descriptor, body)

    def sync(self, descriptor: int) -> None:
        """Return once what was written is on the disk."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Give a file a name, and take that name from whichever file had it."""
        os.replace(source, target)  # noqa: PTH105 (as above)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name that no file has yet."""
        os.link(source, target)

    def remove(self, path: Path) -> None:
        """Take a name away."""
        os.unlink(path)  # noqa: PTH108 (as above)

    def sync_folder(self, folder: Path) -> None:
        """Return once the folder's names are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _FOLDER_NEEDS_NO_SYNC:
                raise
        finally:
            os.close(descriptor)


DISK: Final = Disk()


@contextmanager
def translated(path: Path) -> Generator[None]:
    """Raise an ``OSError`` of the block as one of our errors that names the file."""
    try:
        yield
    except OSError as error:
        raise _told(error, path) from error


def _told(error: OSError, path: Path) -> StoreError:
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return StoreFullError(
            "There is no room left to write this file",
            where=str(path),
            hint="Make room and try again; what the file held before is unharmed.",
        )
    if error.errno in _REFUSED:
        return ReadOnlyStoreError(
            f"This file cannot be read or written: {reason}",
            where=str(path),
            hint="Check the permissions of the file and its folder, and how the disk is mounted.",
        )
    return StoreError(
        f"This file cannot be read or written: {reason}",
        where=str(path),
        hint="Check that the folder exists and that the disk works.",
    )


def replace_file(path: Path, body: bytes, disk: Disk = DISK, *, after_ns: int = 0) -> None:
    """Let the file be ``body``, whatever it was; the caller holds a lock that all writers take.

    The new file's time of change is later than ``after_ns``. It keeps the old one's owner, group
    and mode; see ``_give_to`` for who may not do that.

    Raises:
        OSError: it failed; the file is the whole old or the whole new one, and a retry is safe.
    """
    belonging = _belonging_of(path) or _new_belonging(path)
    with _prepared(path, body, disk, belonging, after_ns=after_ns) as made:
        disk.replace(made, path)
    disk.sync_folder(path.parent)


def create_file(
    path: Path,
    body: bytes,
    disk: Disk = DISK,
    *,
    mode: int = FILE_MODE,
    like: Path | None = None,
) -> None:
    """Make the file, and never touch one that is there; the caller holds the writers' lock.

    It belongs to whoever makes it. Root makes it for the owner of the folder; and anybody for the
    owner of the file ``like``, where there is one.

    Raises:
        FileExistsError: there is one.
        OSError: it failed; there is no file or the whole one, and a retry is safe.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with _prepared(path, body, disk, _new_belonging(path, like), mode=mode) as made:
        try:
            disk.link(made, path)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            # No hard links here: our own writers are kept out by the lock, and nothing was there.
            disk.replace(made, path)
    disk.sync_folder(path.parent)


@contextmanager
def whole_file(path: Path, disk: Disk = DISK) -> Generator[Path]:
    """Yield a path to write a large file to; when the block is left, the file is called ``path``.

    It is for us alone (``FILE_MODE``), on the disk before it has its name, and never takes the
    place of a file that is there. Who else writes the same file at the time is refused; what a
    crash left is written anew. When an exception leaves the block, nothing is left of it.

    Raises:
        InvalidInputError: there is one.
        StoreBusyError: somebody else is writing it.
        OSError: it failed; there is no file or the whole one.
    """
    made = beside(path, ".tmp")
    with suppress(FileNotFoundError):
        if made.samefile(path):
            # Whoever made it was stopped before the second name was taken away.
            disk.remove(made)
    _refuse_taken(path)
    descriptor = _open_alone(made)
    try:
        _give_to(descriptor, _new_belonging(path), disk)
        yield made
        disk.sync(descriptor)
        give_name(made, path, disk)
    finally:
        # While it is still ours: afterwards somebody else may be writing one of this name.
        with suppress(OSError):
            disk.remove(made)
        os.close(descriptor)
    disk.sync_folder(path.parent)


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise InvalidInputError(
            "There is a file of this name already",
            where=str(path),
            hint="Name another file: none is written over.",
        )


def give_name(made: Path, path: Path, disk: Disk) -> None:
    """Give a file a name that no file has yet.

    Raises:
        InvalidInputError: one has.
        OSError: it failed; whether it has the name or not, a retry is safe.
    """
    try:
        disk.link(made, path)
    except FileExistsError:
        _refuse_taken(path)
        raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # No hard links here, and nothing was there.
        _refuse_taken(path)
        disk.replace(made, path)


def _open_alone(made: Path) -> int:
    """Open a file that nobody else writes, and empty it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(made, flags, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = os.path.samestat(os.fstat(descriptor), made.stat())
    except (BlockingIOError, FileNotFoundError):
        is_ours = False
    except BaseException:
        os.close(descriptor)
        raise
    if not is_ours:
        os.close(descriptor)
        raise StoreBusyError(
            "Somebody else is writing this file",
            where=str(made),
            hint="Wait for them, or name another file.",
        )
    os.ftruncate(descriptor, 0)
    return descriptor


def settle_file(path: Path, disk: Disk = DISK) -> None:
    """Finish what the maker of a file that is there may have been stopped before doing.

    Its second name goes, and the folder to the disk; the caller holds the writers' lock.

    Raises:
        OSError: it failed; a retry is safe.
    """
    with suppress(FileNotFoundError):
        disk.remove(beside(path, ".tmp"))
    disk.sync_folder(path.parent)


@contextmanager
def _prepared(
    path: Path,
    body: bytes,
    disk: Disk,
    belonging: Belonging,
    *,
    mode: int = FILE_MODE,
    after_ns: int = 0,
) -> Generator[Path]:
    """Yield a temporary file that holds the body, on the disk; afterwards it is gone."""
    made = beside(path, ".tmp")
    with suppress(FileNotFoundError):
        disk.remove(made)
    try:
        descriptor = disk.create(made, mode)
        try:
            _give_to(descriptor, belonging, disk)
            _write_all(descriptor, body, disk)
            _date_after(descriptor, after_ns)
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
        yield made
    finally:
        # Whatever cannot be removed now is removed by the next writer.
        with suppress(OSError):
            disk.remove(made)


def _belonging_of(path: Path) -> Belonging | None:
    """Return whose the file is; ``None`` for no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return Belonging(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode) & _ACCESS)


def _new_belonging(path: Path, like: Path | None = None) -> Belonging:
    """Return whose a new file is to be: that of ``like``; else, for root, that of the folder."""
    there = None if like is None else _belonging_of(like)
    if there is None and os.geteuid() == ROOT:
        there = _belonging_of(path.parent)
    return Belonging(_SAME, _SAME) if there is None else there._replace(mode=None)


def _give_to(descriptor: int, belonging: Belonging, disk: Disk) -> None:
    """Let the new file belong to whom it should.

    Only root can give a file away: anybody else is refused who would replace the file of another,
    because its owner could not read it any more. A group that we are not in cannot be given; then
    no group may do anything with the file, and its owner goes on.
    """
    made = os.fstat(descriptor)
    mode = stat.S_IMODE(made.st_mode) if belonging.mode is None else belonging.mode
    if belonging.owner not in {_SAME, made.st_uid}:
        disk.give(descriptor, belonging.owner, belonging.group)
    elif belonging.group not in {_SAME, made.st_gid}:
        try:
            disk.give(descriptor, _SAME, belonging.group)
        except PermissionError:
            mode &= ~stat.S_IRWXG
    os.fchmod(descriptor, mode)


def _write_all(descriptor: int, body: bytes, disk: Disk) -> None:
    rest = memoryview(body)
    while rest:
        rest = rest[disk.write(descriptor, rest) :]


def _date_after(descriptor: int, after_ns: int) -> None:
    """Let the time of change be later than that one.

    The clock of files moves in steps of milliseconds and may be turned back, and numbers of removed
    files are given out again: without this, a second change would look like none.
    """
    if os.fstat(descriptor).st_mtime_ns <= after_ns:
        os.utime(descriptor, ns=(after_ns + 1, after_ns + 1))


def read_file(path: Path, bytes_max: int) -> tuple[bytes, os.stat_result] | None:
    """Return at most ``bytes_max`` + 1 bytes of the file, and what it is; ``None`` for no file.

    What is not a plain file is not read, and gives no bytes.

    Raises:
        OSError: there is one, and it cannot be read.
    """
    try:
        # A pipe without a writer would otherwise keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor has no path)
        status = os.fstat(descriptor)
        return (file.read(bytes_max + 1) if stat.S_ISREG(status.st_mode) else b""), status


def beside(path: Path, suffix: str) -> Path:
    """Return the path of the file in the same folder whose name is longer by ``suffix``."""
    return path.with_name(path.name + suffix)


class FileLock:
    """Keeps out other processes and threads, through a lock file that is never removed.

    A process that dies lets go of it. It cannot be taken twice by one thread.
    """

    def __init__(
        self,
        path: Path,
        wait_seconds_max: float = LOCK_WAIT_SECONDS_MAX,
        *,
        like: Path | None = None,
    ) -> None:
        """Name the lock file; a new one is for the owner of the file ``like``, if that is there."""
        self._path = path
        self._like = like
        self._wait_seconds_max = wait_seconds_max
        self._threads = Lock()
        self._holder: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this thread holds it."""
        return self._holder == get_ident()

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold it for the block.

        Raises:
            StoreBusyError: somebody else held it for too long.
            StoreError: the lock file cannot be made.
            RuntimeError: this thread holds it already.
        """
        if self.is_held:
            raise RuntimeError("this thread holds the lock already")
        deadline = time.monotonic() + self._wait_seconds_max
        if not self._threads.acquire(timeout=self._wait_seconds_max):
            raise self._busy()
        try:
            with translated(self._path):
                descriptor = _open_lock(self._path, self._like)
            try:
                self._take(descriptor, deadline)
                self._holder = get_ident()
                yield
            finally:
                self._holder = None
                # Said aloud: a forked child may keep the descriptor open.
                with suppress(OSError):
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
                os.close(descriptor)
        finally:
            self._threads.release()

    def _take(self, descriptor: int, deadline: float) -> None:
        pause = _PAUSE_SECONDS_MIN
        while True:
            with translated(self._path):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    return
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._busy()
            time.sleep(min(pause, left))
            pause = min(pause * 2, _PAUSE_SECONDS_MAX)

    def _busy(self) -> StoreBusyError:
        return StoreBusyError(
            f"Somebody else held this lock for {self._wait_seconds_max:g} seconds",
            where=str(self._path),
            hint="Try again; if nobody works on the ledger, look for a process that hangs.",
        )


def _open_lock(path: Path, like: Path | None) -> int:
    """Open a lock file; where there is none, make one that belongs as any new file does.

    One that is there is left as it is. No link is followed: it could lead root astray.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, flags)
        with suppress(FileExistsError):
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, FILE_MODE)
            try:
                _give_to(descriptor, _new_belonging(path, like), DISK)
            except BaseException:
                os.close(descriptor)
                raise
            return descriptor
