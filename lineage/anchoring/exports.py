"""Checkpoints in a folder that somebody else keeps: an archive, another disk, a mounted share.

Each is a file of its own, ``<folder>/<origin>/<size, 20 digits>.checkpoint``. In the name of the
origin's folder ``/`` is written ``_``; letters and digits of ASCII, ``-`` and ``.`` (but for one at
the beginning) stand for themselves; every other byte of the UTF-8 is ``%XX`` in upper case. So each
origin has one folder, and each folder one origin. What is there is never written again.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from string import ascii_letters, digits
from typing import Final

from lineage.anchoring.durable import (
    DISK,
    Disk,
    FileLock,
    create_file,
    read_file,
    settle_file,
    translated,
)
from lineage.proofs.checkpoints import read_checkpoint
from lineage_schemas.errors import (
    CorruptLogError,
    InvalidInputError,
    LimitExceededError,
    ProofError,
)

EXPORT_BYTES_MAX: Final = 64 * 1024
EXPORT_MODE: Final = 0o444
"""Anybody may read a checkpoint, and nobody has a reason to write one."""

FOLDER_NAME_BYTES_MAX: Final = 255
"""What file systems allow for one name."""

_PLAIN: Final = frozenset((ascii_letters + digits + "-.").encode())
_EXPORTED: Final = re.compile(r"[0-9]{20}\.checkpoint")


def export_checkpoint(
    directory: Path, origin: str, size: int, note: bytes, *, disk: Disk = DISK
) -> Path:
    """Keep the signed note in the folder, and return its file once it is on the disk.

    ``directory`` must be there: what is not mounted is not made up. A checkpoint of this size and
    root that is there already is kept as it is, whoever signed it.

    Raises:
        InvalidInputError: the note is not of this origin and size.
        CorruptLogError: another root was exported for this size, or the file there is damaged.
        StoreError: it cannot be written; there is then no file or a whole one, and trying again is
            safe.
        StoreBusyError: somebody else held the lock in the folder for too long.
    """
    root = _root_of(note, origin, size)
    folder = directory / folder_name(origin)
    path = folder / f"{size:020}.checkpoint"
    with translated(folder):
        with contextlib.suppress(FileExistsError):
            disk.create_folder(folder)
        disk.sync_folder(directory)
    with FileLock(folder / ".lock").held(), translated(path):
        try:
            create_file(path, note, disk, mode=EXPORT_MODE)
        except FileExistsError:
            _check_same(path, root, origin, size)
            settle_file(path, disk)
    return path


def read_exported(directory: Path, origin: str) -> list[bytes]:
    """Return the notes that were exported for this origin, by size; none where there is no folder.

    They are returned as they are; nothing about them is verified.

    Raises:
        CorruptLogError: a file larger than ``EXPORT_BYTES_MAX``, or that is no plain file.
        StoreError: a file or the folder cannot be read.
    """
    folder = directory / folder_name(origin)
    with translated(folder):
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 (names are all we need)
        except FileNotFoundError:
            return []
    return [_read(folder / name) for name in names if _EXPORTED.fullmatch(name)]


def folder_name(origin: str) -> str:
    """Return the name of the origin's folder, from which the origin can be told again.

    Raises:
        InvalidInputError: an empty origin.
        LimitExceededError: longer than a name in a file system can be.
    """
    if not origin:
        raise InvalidInputError("An origin without a name has no folder")
    name = "".join(_written(byte) for byte in origin.encode())
    # Neither hidden nor one of the two names that lead elsewhere.
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) > FOLDER_NAME_BYTES_MAX:
        raise LimitExceededError(
            f"This origin's folder would have a name of {len(name)} bytes, over the limit of "
            f"{FOLDER_NAME_BYTES_MAX} (FOLDER_NAME_BYTES_MAX)",
            where=name[:64],
        )
    return name


def _written(byte: int) -> str:
    if byte in _PLAIN:
        return chr(byte)
    return "_" if byte == ord("/") else f"%{byte:02X}"


def _root_of(note: bytes, origin: str, size: int) -> bytes:
    checkpoint = read_checkpoint(note)
    if (checkpoint.origin, checkpoint.size) != (origin, size):
        raise InvalidInputError(
            f"This checkpoint is of size {checkpoint.size} of {checkpoint.origin!r}, not of size "
            f"{size} of {origin!r}"
        )
    return checkpoint.root


def _check_same(path: Path, root: bytes, origin: str, size: int) -> None:
    try:
        there = _root_of(_read(path), origin, size)
    except (ProofError, InvalidInputError) as error:
        raise CorruptLogError(
            f"What was exported for this size is not its checkpoint: {error.what}",
            where=str(path),
            hint="Keep the file, find out who changed it, and export to another folder.",
        ) from error
    if there != root:
        raise CorruptLogError(
            f"There are two histories under one origin: at size {size} the root was exported as "
            f"{there.hex()}, and is now {root.hex()}",
            where=str(path),
            hint="Stop writing and keep both; the ledger was put back, replaced or changed.",
        )


def _read(path: Path) -> bytes:
    with translated(path):
        found = read_file(path, EXPORT_BYTES_MAX)
    if found is None or not 0 < len(found[0]) <= EXPORT_BYTES_MAX:
        raise CorruptLogError(
            f"This is not an exported checkpoint: not a plain file of at most {EXPORT_BYTES_MAX} "
            "bytes (EXPORT_BYTES_MAX)",
            where=str(path),
            hint="Keep it, and find out who changed it.",
        )
    return found[0]
