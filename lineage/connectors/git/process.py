"""Runs the git command as a mere reader: nothing is fetched, written, asked for or run by it.

Only commands are used that read objects and references. A repository's own configuration may name
programs (a file system monitor, hooks, filters); none of these commands starts one. Objects that a
partial clone lacks are missing, since every transport is refused.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from lineage_schemas.errors import DecodeError, InvalidInputError

OBJECT_BYTES_MAX: Final = 64 * 1_048_576
"""One object that is read; a larger one is passed over and named."""

OVERSIZED: Final = "oversized"
"""What an object is called that was passed over."""

COMMAND_SECONDS_MAX: Final = 600.0
"""One command, such as listing the whole history."""

ANSWER_SECONDS_MAX: Final = 60.0
"""How long the reader of objects may be silent."""

_STOP_SECONDS: Final = 5.0
_ABSENT: Final = 2  # "ID missing"
_FOUND: Final = 3  # "ID KIND SIZE"
_CHUNK_BYTES: Final = 1_048_576
_WINDOW: Final = 500  # names of 65 bytes each must fit into a pipe of 64 KiB, or both sides wait
_READER: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OPTIONS: Final = (
    "--no-pager",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.bigFileThreshold=16m"),  # larger files go through git without being kept there
)


class GitObject(NamedTuple):
    """An object: its id, what it is (``commit``, ``tree``, ``blob``, ``tag``), and its bytes."""

    id: str
    kind: str
    body: bytes


def body_of(found: GitObject | None, kind: str) -> bytes:
    """Return the bytes of an object of a kind that is expected.

    Raises:
        DecodeError: it is not there, is too large, or of another kind.
    """
    if found is None:
        raise DecodeError(f"The {kind} is not in this repository (a partial clone?)")
    if found.kind == OVERSIZED:
        raise DecodeError(f"The {kind} is too large to be read")
    if found.kind != kind:
        raise DecodeError(f"What should be a {kind} is a {found.kind}")
    return found.body


def run_git(path: Path, *arguments: str, feed: bytes = b"") -> bytes:
    """Run one reading command in the repository at ``path``, and return what it printed.

    Raises:
        InvalidInputError: there is no git, no repository, or git refuses, in git's words, with
            what to try; or it took longer than ``COMMAND_SECONDS_MAX``.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours, and no shell reads them
            _command(path, arguments),
            input=feed,
            capture_output=True,
            env=reader_environment(os.environ),
            check=False,
            timeout=COMMAND_SECONDS_MAX,
        )
    except OSError as error:
        raise _not_started(path, error) from error
    except subprocess.TimeoutExpired as error:
        raise _silent(path, COMMAND_SECONDS_MAX) from error
    if done.returncode:
        raise refusal(path, done.stderr)
    return done.stdout


def reader_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a git that only reads.

    A variable such as ``GIT_DIR`` would turn it to another repository than the one that is named.
    """
    kept = {name: value for name, value in given.items() if not name.startswith("GIT_")}
    return kept | _READER


def refusal(path: Path, words: bytes) -> InvalidInputError:
    """Return the error for what git complained of."""
    told = words.decode(errors="replace").strip()
    first = told.splitlines()[0] if told else "it gave no reason"
    if "dubious ownership" in told:
        return InvalidInputError(
            "Git does not read a repository that belongs to somebody else",
            where=str(path),
            hint=f"If you trust it: git config --global --add safe.directory {path}",
        )
    if "not a git repository" in told:
        return InvalidInputError(
            "There is no git repository",
            where=str(path),
            hint="Name the folder of a working tree, of a bare repository, or one inside.",
        )
    return InvalidInputError(f"Git could not read the repository: {first[:400]}", where=str(path))


def _command(path: Path, arguments: Iterable[str]) -> list[str]:
    found = shutil.which("git")
    if found is None:
        raise InvalidInputError(
            "There is no git on this machine",
            where=str(path),
            hint="Install git; a repository is read through its command.",
        )
    return [found, *_OPTIONS, "-C", str(path), *arguments]


def _not_started(path: Path, error: OSError) -> InvalidInputError:
    return InvalidInputError(f"Git could not be started: {error}", where=str(path))


def _silent(path: Path, seconds: float) -> InvalidInputError:
    return InvalidInputError(
        f"Git was not done after {seconds:.0f} seconds",
        where=str(path),
        hint="Is the disk there, and fast enough? Try git rev-list --all --count there.",
    )


class _Answers:
    """What git prints into a pipe, without waiting for it longer than ``ANSWER_SECONDS_MAX``."""

    def __init__(self, place: int) -> None:
        self._place = place
        self._waiting = select.poll()
        self._waiting.register(place, select.POLLIN)
        self._kept = bytearray()
        self._at = 0

    def _more(self) -> bool:
        """Take what there is; tell whether there was anything. Raises TimeoutError."""
        if not self._waiting.poll(ANSWER_SECONDS_MAX * 1_000):
            raise TimeoutError
        del self._kept[: self._at]
        self._at = 0
        chunk = os.read(self._place, _CHUNK_BYTES)
        self._kept += chunk
        return bool(chunk)

    def line(self) -> bytes:
        """Return the next line; empty at the end."""
        while (end := self._kept.find(b"\n", self._at)) < 0:
            if not self._more():
                return b""
        return self._taken(end + 1 - self._at)

    def block(self, count: int) -> bytes:
        """Return so many bytes; fewer at the end."""
        while len(self._kept) - self._at < count and self._more():
            pass
        return self._taken(count)

    def _taken(self, count: int) -> bytes:
        taken = bytes(memoryview(self._kept)[self._at : self._at + count])
        self._at += len(taken)
        return taken


class ObjectReader:
    """Reads objects by their ids, many at a time, from one git. Use it as a context manager."""

    def __init__(self, path: Path, absent: frozenset[str] = frozenset()) -> None:
        """Start git in the repository at ``path``.

        Objects that are ``absent`` are not asked for: in a partial clone an older git would end
        over one, since it may not fetch it.
        """
        self._path = path
        self._absent = absent
        try:
            self._git = subprocess.Popen(  # noqa: S603 - the arguments are ours
                _command(path, ("cat-file", "--batch")),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=reader_environment(os.environ),
            )
        except OSError as error:
            raise _not_started(path, error) from error
        self._answers = None if self._git.stdout is None else _Answers(self._git.stdout.fileno())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop git."""
        self.close()

    def close(self) -> None:
        """Stop git. Calling it again does nothing."""
        for pipe in (self._git.stdin, self._git.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._git.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._git.kill()
            self._git.wait()

    def read(self, ids: Iterable[str], bytes_max: int | None = None) -> Generator[GitObject | None]:
        """Yield the objects with these ids in their order; ``None`` for one that is not there.

        One that is larger than ``bytes_max`` (``OBJECT_BYTES_MAX`` if that is not given) is
        ``OVERSIZED`` and comes without its bytes. One object at a time is kept here. Whoever stops
        before the end closes the iterator before reading anything else.

        Raises:
            InvalidInputError: git ended before it had answered, or was silent for longer than
                ``ANSWER_SECONDS_MAX``.
        """
        waiting = iter(ids)
        limit = OBJECT_BYTES_MAX if bytes_max is None else bytes_max
        while window := list(islice(waiting, _WINDOW)):
            yield from self._window(window, limit)

    def _window(self, ids: Sequence[str], bytes_max: int) -> Generator[GitObject | None]:
        asked, told = self._git.stdin, self._answers
        if asked is None or told is None or asked.closed:
            raise InvalidInputError("Git is not running any more", where=str(self._path))
        try:
            asked.write("".join(f"{one}\n" for one in ids if one not in self._absent).encode())
            asked.flush()
        except BrokenPipeError as error:
            raise self._ended() from error
        answers = iter(ids)
        try:
            for one in answers:
                yield None if one in self._absent else self._one(told, bytes_max)
        except GeneratorExit:
            # What was asked for is answered; left in the pipe it would answer the next question.
            for one in answers:
                if one not in self._absent:
                    self._one(told, 0)
            raise

    def _one(self, told: _Answers, bytes_max: int) -> GitObject | None:
        try:
            return self._told(told, bytes_max)
        except TimeoutError as error:
            self._git.kill()
            raise _silent(self._path, ANSWER_SECONDS_MAX) from error

    def _told(self, told: _Answers, bytes_max: int) -> GitObject | None:
        head = told.line().split()
        if len(head) == _ABSENT:
            return None
        if len(head) != _FOUND:
            raise self._ended()
        name, kind, size = head[0].decode(), head[1].decode(), int(head[2])
        if size > bytes_max:
            _pass_over(told, size + 1)
            return GitObject(name, OVERSIZED, b"")
        body = told.block(size + 1)
        if len(body) != size + 1:
            raise self._ended()
        return GitObject(name, kind, body[:-1])

    def _ended(self) -> InvalidInputError:
        return InvalidInputError(
            "Git ended while it was being read",
            where=str(self._path),
            hint="Try git fsck there: an object may be damaged.",
        )


def _pass_over(told: _Answers, size: int) -> None:
    while size > 0:
        passed = len(told.block(min(size, _CHUNK_BYTES)))
        if not passed:
            return
        size -= passed
