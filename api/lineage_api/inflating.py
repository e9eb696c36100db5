"""Compressed bodies, decompressed within bounds."""

from __future__ import annotations

import zlib
from typing import Final

ENCODINGS: Final = ("gzip", "deflate")
"""What is read, as ``Content-Encoding`` names it; ``x-gzip`` is an old name of the first."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS


class TooLongError(ValueError):
    """There is more than the limit; no more than that was decompressed."""


class CutError(ValueError):
    """The compressed bytes end before their end."""


def inflated(raw: bytes, encoding: str, limit: int) -> bytes:
    """Return what was compressed as ``encoding`` says, every member in a row.

    Raises:
        TooLongError: it is more than ``limit`` bytes.
        CutError: it was cut.
        zlib.error: it is not compressed so.
    """
    form = _GZIP if encoding == "gzip" else _deflate_format(raw)
    parts: list[bytes] = []
    room = limit + 1
    while raw:
        member = zlib.decompressobj(form)
        parts.append(member.decompress(raw, room))
        room -= len(parts[-1])
        if room == 0:
            raise TooLongError
        if not member.eof:
            raise CutError
        raw = member.unused_data
    return b"".join(parts)


def _deflate_format(raw: bytes) -> int:
    """Tell zlib's format, which the standard means, from bare deflate, which some clients send."""
    has_header = (
        len(raw) > 1 and raw[0] & 0x0F == zlib.DEFLATED and int.from_bytes(raw[:2]) % 31 == 0
    )
    return _ZLIB if has_header else _RAW_DEFLATE
