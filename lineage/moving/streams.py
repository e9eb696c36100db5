"""Open an export: plain, or compressed where its name or its first bytes say so."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from lineage.anchoring.durable import translated
from lineage_schemas.errors import ProofError

EXPORT_MARK: Final = b'{"lineage_export":'
"""How every export begins."""

GZIP_SUFFIX: Final = ".gz"
GZIP_MARK: Final = b"\x1f\x8b"

_GZIP_LEVEL: Final = 6


@contextmanager
def compressed(made: BinaryIO, name: Path) -> Generator[BinaryIO]:
    """Yield where to write to: what goes into ``made``, compressed if ``name`` ends so.

    The same bytes are compressed to the same bytes: neither a name nor a time goes in.
    """
    if name.suffix != GZIP_SUFFIX:
        yield made
        return
    with gzip.GzipFile("", "wb", _GZIP_LEVEL, made, mtime=0) as packed:
        yield cast("BinaryIO", packed)


@contextmanager
def opened_export(path: Path) -> Generator[BinaryIO]:
    """Open the file of an export for reading.

    Raises:
        ProofError: what is compressed in it is damaged.
        StoreError: it cannot be read.
    """
    with translated(path), path.open("rb") as file, unpacked(file) as stream:
        yield stream


@contextmanager
def unpacked(file: BinaryIO) -> Generator[BinaryIO]:
    """Yield what is in ``file``, which can be peeked at or sought in, decompressed if it must be.

    Raises:
        ProofError: what is compressed in it is damaged.
    """
    if not first_bytes(file, len(GZIP_MARK)).startswith(GZIP_MARK):
        yield file
        return
    try:
        with gzip.GzipFile("", "rb", fileobj=file) as packed:
            yield cast("BinaryIO", packed)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ProofError(
            f"What is compressed in this export is damaged: {error}",
            hint="Copy it again, or export again.",
        ) from error


def is_export(file: BinaryIO) -> bool:
    """Tell by its first bytes whether a file is an export, as it is or compressed.

    Raises:
        OSError: the file cannot be read.
    """
    begins = first_bytes(file, len(EXPORT_MARK))
    return begins == EXPORT_MARK or begins.startswith(GZIP_MARK)


def first_bytes(file: BinaryIO, count: int) -> bytes:
    """Return the first bytes of a file, and leave them to be read.

    Raises:
        OSError: the file cannot be read.
    """
    peek = getattr(file, "peek", None)
    if peek is not None:
        return bytes(peek(count)[:count])
    found = file.read(count)
    file.seek(0)
    return found
