"""Keep the arrays of the graph in one file, so that a restart need not read the views again.

The file is derived: it holds numbers alone, no names and nothing personal, and whatever does not
fit the log as it is now is thrown away. What fits is the origin, the projections that made the
views, their turn, a size the log has reached, and the log's root at that size.

After a first line come a digest of all the rest, the length of a header, the header (JSON), and the
arrays, each from a multiple of 64 bytes on, so that the file can be mapped and used as it lies.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lineage.graph.link_index import PackedLinks
from lineage.graph.packing import PackedEdges
from lineage.projections.views import PROJECTION_VERSION
from lineage.proofs.tree import root_at
from lineage.stores.base import Reader

MAGIC: Final = b"lineage-graph/1\n"
_ALIGNED: Final = 64
_LENGTH_BYTES: Final = 8
_DIGEST_BYTES: Final = 32
_HEADER_AT: Final = len(MAGIC) + _DIGEST_BYTES + _LENGTH_BYTES

_Place = tuple[str, int, int]
"""Type, offset from the end of the header, and count of an array."""


class GraphFile(Protocol):
    """Where the arrays are kept."""

    def read(self) -> memoryview[int] | None:
        """Return what is there; ``None`` if nothing is, or it cannot be read."""
        ...

    def write(self, body: bytes) -> None:
        """Let the file be ``body``; where that fails, it is logged and the file is as it was."""
        ...

    def discard(self) -> None:
        """Throw away what is there."""
        ...


class Packed(NamedTuple):
    """One namespace, as it is kept."""

    edges: PackedEdges
    links: PackedLinks


class _Kept(Struct, frozen=True):
    namespace: int
    size: int
    root: str
    edges: dict[str, _Place]
    links: dict[str, _Place]


class _Header(Struct, frozen=True):
    origin: str
    projection: str
    turn: int
    byteorder: str
    kept: list[_Kept]


def encode_graphs(reader: Reader, turn: int, graphs: dict[int, Packed]) -> bytes:
    """Return the bytes of a file that keeps these namespaces."""
    body: list[bytes] = []
    offset = 0
    kept: list[_Kept] = []
    for namespace, packed in graphs.items():
        places: list[dict[str, _Place]] = []
        for arrays in (packed.edges.arrays, packed.links.arrays):
            places.append({})
            for name, array in arrays.items():
                places[-1][name] = (array.dtype.str, offset, len(array))
                padding = -array.nbytes % _ALIGNED
                body += [array.tobytes(), bytes(padding)]
                offset += array.nbytes + padding
        size = packed.edges.size
        root = root_at(size, reader.hashes).hex()
        kept.append(_Kept(namespace, size, root, *places))
    header = msgspec.json.encode(
        _Header(reader.origin(), PROJECTION_VERSION, turn, sys.byteorder, kept)
    )
    header += b" " * (-(_HEADER_AT + len(header)) % _ALIGNED)
    rest = b"".join((len(header).to_bytes(_LENGTH_BYTES, "little"), header, *body))
    return MAGIC + sha256(rest).digest() + rest


def decode_graphs(body: memoryview[int], reader: Reader, turn: int) -> dict[int, Packed] | str:
    """Return the namespaces that a file keeps, or why they do not fit this log."""
    start = len(MAGIC) + _DIGEST_BYTES
    if bytes(body[: len(MAGIC)]) != MAGIC:
        return "it is of another form"
    if sha256(body[start:]).digest() != bytes(body[len(MAGIC) : start]):
        return "it is damaged"
    length = int.from_bytes(body[start:_HEADER_AT], "little")
    arrays = body[_HEADER_AT + length :]
    try:
        header = msgspec.json.decode(body[_HEADER_AT : _HEADER_AT + length], type=_Header)
        found = {
            one.namespace: Packed(
                PackedEdges(one.size, _arrays(arrays, one.edges, PackedEdges.FIELDS)),
                PackedLinks(
                    one.namespace, one.size, _arrays(arrays, one.links, PackedLinks.FIELDS)
                ),
            )
            for one in header.kept
        }
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError):
        return "it is of another form"
    return _misfit(header, reader, turn) or found


def _misfit(header: _Header, reader: Reader, turn: int) -> str:
    head = reader.head().size
    reasons = (
        (header.origin != reader.origin(), "it is of another ledger"),
        (header.projection != PROJECTION_VERSION, f"it was made of {header.projection}"),
        (header.byteorder != sys.byteorder, "it was made on another kind of machine"),
        (header.turn != turn, "the views were folded anew since"),
        (any(one.size > head for one in header.kept), "the log is shorter than it was then"),
    )
    for holds, reason in reasons:
        if holds:
            return reason
    for one in header.kept:
        if root_at(one.size, reader.hashes).hex() != one.root:
            return f"the log has another root at size {one.size}"
    return ""


def _arrays(
    body: memoryview[int], places: dict[str, _Place], fields: tuple[str, ...]
) -> dict[str, npt.NDArray[Any]]:
    return {
        name: np.frombuffer(body, dtype=np.dtype(kind), count=count, offset=offset)
        for name in fields
        for kind, offset, count in (places[name],)
    }
