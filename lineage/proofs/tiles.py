"""Tiles and entry bundles: how a log's tree and entries are served as files (C2SP tlog-tiles)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from lineage.proofs.tree import TILE_HEIGHT, TILE_WIDTH
from lineage_schemas.errors import DecodeError, InvalidInputError, LimitExceededError

ENTRIES: Final = -1
"""The level of an entry bundle, which holds the entries that level 0 has the hashes of."""

LEVEL_MAX: Final = 63
BUNDLED_BYTES_MAX: Final = 65_535
"""A bundle states each entry's length in 16 bits."""

_ENTRIES_TEXT: Final = "entries"
_ELEMENT: Final = 1_000
_ELEMENTS_MAX: Final = 7
_LENGTH_BYTES: Final = 2


class Tile(Struct, frozen=True):
    """One tile, or, where the level is ``ENTRIES``, one bundle. ``width`` is 1 to 256."""

    level: int
    index: int
    width: int


def tile_path(tile: Tile) -> str:
    """Return what follows ``tile/`` in the tile's path."""
    elements = [f"{tile.index % _ELEMENT:03}"]
    rest = tile.index // _ELEMENT
    while rest:
        elements.insert(0, f"x{rest % _ELEMENT:03}")
        rest //= _ELEMENT
    level = _ENTRIES_TEXT if tile.level == ENTRIES else str(tile.level)
    partial = "" if tile.width == TILE_WIDTH else f".p/{tile.width}"
    return f"{level}/{'/'.join(elements)}{partial}"


def parse_tile_path(path: str) -> Tile:
    """Read what follows ``tile/`` in a path; there is one right path for each tile.

    Raises:
        InvalidInputError: any other text.
    """
    level_text, _, rest = path.partition("/")
    index_text, dotted, width_text = rest.partition(".p/")
    level = ENTRIES if level_text == _ENTRIES_TEXT else _number(level_text)
    width = _number(width_text) if dotted else TILE_WIDTH
    digits = index_text.replace("/x", "/").removeprefix("x").replace("/", "")
    index = _number(digits) if len(digits) <= _ELEMENTS_MAX * 3 else None
    if level is not None and index is not None and width is not None:
        tile = Tile(level, index, width)
        good = level <= LEVEL_MAX and 1 <= width < TILE_WIDTH + (not dotted)
        if good and tile_path(tile) == path:
            return tile
    raise InvalidInputError(
        f"This is no path of a tile: {path[:80]!r}",
        hint="It reads <level>/<index> or entries/<index>, such as 0/x001/x234/067 or 0/000.p/3.",
    )


def _number(text: str) -> int | None:
    return (
        int(text) if text.isascii() and text.isdigit() and len(text) <= _ELEMENTS_MAX * 3 else None
    )


def width_at(level: int, index: int, size: int) -> int:
    """Return how many hashes (or entries) a tile has in a tree of ``size`` leaves; 0 if none."""
    complete = size >> (TILE_HEIGHT * max(level, 0))
    return max(0, min(TILE_WIDTH, complete - (index << TILE_HEIGHT)))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the entries one after another, each behind its length in two bytes.

    Raises:
        LimitExceededError: more than 256 entries, or one of more than 65,535 bytes.
    """
    if len(entries) > TILE_WIDTH:
        raise LimitExceededError(f"A bundle holds at most {TILE_WIDTH} (TILE_WIDTH) entries")
    parts: list[bytes] = []
    for at, entry in enumerate(entries):
        if len(entry) > BUNDLED_BYTES_MAX:
            raise LimitExceededError(
                f"An entry of {len(entry)} bytes is over the limit of {BUNDLED_BYTES_MAX} "
                "(BUNDLED_BYTES_MAX)",
                where=f"entry {at} of the bundle",
            )
        parts += (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry)
    return b"".join(parts)


def decode_bundle(body: bytes) -> list[bytes]:
    """Take a bundle apart.

    Raises:
        DecodeError: it ends inside an entry, or holds more than 256.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(body):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(body[at:start], "big")
        if start > len(body) or at > len(body):
            raise DecodeError("The bundle ends inside an entry", where=f"entry {len(entries)}")
        if len(entries) == TILE_WIDTH:
            raise DecodeError(f"The bundle holds more than {TILE_WIDTH} (TILE_WIDTH) entries")
        entries.append(body[start:at])
    return entries
