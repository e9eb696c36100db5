"""What lies in a folder that somebody else fills, and nothing that lies outside of it.

A run is free to leave a link, a pipe or a file without end in its folder. A link is told and never
followed, or whatever we may read would come into the ledger as a param of the run; what is no plain
file is not read, or a pipe would be waited for for ever; and nothing is read past a limit.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from lineage_schemas.errors import DecodeError, InvalidInputError, LimitExceededError

BLOCK_BYTES: Final = 1_048_576

LINE_BYTES_MAX: Final = 65_536
"""A point of a metric; those that MLflow writes have some hundred bytes."""

# Of a pipe nobody may write to, opening alone would wait for ever.
_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def content(path: Path, limit: int) -> bytes:
    """Return what a file holds.

    Raises:
        InvalidInputError: it is a link, or no file.
        LimitExceededError: it is longer than ``limit``.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        found = file.read(limit + 1)
    if len(found) > limit:
        raise LimitExceededError(
            f"This file is over the limit of {limit} bytes", where=path.as_posix()
        )
    return found


def blocks(path: Path) -> Iterator[bytes]:
    """Yield what a file holds, block by block.

    Raises:
        InvalidInputError: it is a link, or no file.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def lines(path: Path) -> Iterator[list[str]]:
    """Yield the words of each line of a file that is not blank.

    Raises:
        InvalidInputError: it is a link, or no file.
        DecodeError: it is not UTF-8.
        LimitExceededError: a line is longer than ``LINE_BYTES_MAX``.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        while line := file.readline(LINE_BYTES_MAX + 1):
            if len(line) > LINE_BYTES_MAX:
                raise LimitExceededError(
                    f"A line is over the limit of {LINE_BYTES_MAX} bytes (LINE_BYTES_MAX)",
                    where=path.as_posix(),
                )
            try:
                words = line.decode().split()
            except UnicodeDecodeError as error:
                raise DecodeError("A metric is not UTF-8", where=path.as_posix()) from error
            if words:
                yield words


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder by name; a name with a slash lies in folders of its own.

    Links are among them, for whoever reads one to tell of it; what they lead to is not.

    Raises:
        InvalidInputError: the folder itself is a link.
        OSError: a folder cannot be read.
    """
    if not unlinked(folder).exists():
        return
    for place, inner, names in os.walk(folder, onerror=_fail):
        inner.sort()
        linked = [name for name in inner if os.path.islink(os.path.join(place, name))]  # noqa: PTH114, PTH118 - of each folder: paths would be made for nothing
        for name in sorted([*names, *linked]):
            path = Path(place, name)
            yield path.relative_to(folder).as_posix(), path


def folders(place: Path) -> list[Path]:
    """Return the folders in a place by name, and the links that may have been meant as such.

    Raises:
        InvalidInputError: the place itself is a link.
        OSError: it cannot be read.
    """
    if not unlinked(place).is_dir():
        return []
    return sorted(path for path in place.iterdir() if path.is_dir() or not path.exists())


def within(folder: Path, name: str) -> Path:
    """Return what a folder holds under a name that a file tells.

    Raises:
        InvalidInputError: the name leads elsewhere, or is that of a link.
    """
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise InvalidInputError(
            f"A single name belongs here, not {name[:64]!r}", where=folder.as_posix()
        )
    return unlinked(folder / name)


def unlinked(path: Path) -> Path:
    """Return a path that is no link.

    Raises:
        InvalidInputError: it is one.
    """
    if path.is_symlink():
        raise _linked(path)
    return path


def _fail(error: OSError) -> None:
    raise error


def _opened(path: Path) -> BinaryIO:
    try:
        file = os.fdopen(os.open(path, _OPEN), "rb")
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _linked(path) from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InvalidInputError("This is no file that can be read", where=path.as_posix())
    return file


def _linked(path: Path) -> InvalidInputError:
    return InvalidInputError(
        "This is a link, which is not followed",
        where=path.as_posix(),
        hint="Put what it leads to in its place, or name the folder it leads to.",
    )
