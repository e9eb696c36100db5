"""Keep the arrays of the graph in one file, so that a restart need not read the views again.

The file is derived: it holds numbers alone, no names and nothing personal. What must fit is the
origin, the projections that made the views, their turn, and the log's root at the size of each
namespace (``lineage.graph.filing``).

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

from lineage.graph.adjacency import view_of
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
    """One namespace in arrays."""

    edges: PackedEdges
    links: PackedLinks

    @property
    def size(self) -> int:
        """The size up to which all is here."""
        return self.edges.size

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays take."""
        return self.edges.nbytes + self.links.nbytes


class Filed(NamedTuple):
    """One namespace as it is kept: with the log's root at its size, in hexadecimal."""

    root: str
    packed: Packed


class Contents(NamedTuple):
    """What a file keeps: namespaces, all of one turn of the views."""

    turn: int
    graphs: dict[int, Filed]


NO_CONTENTS: Final = Contents(-1, {})


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


def filed(reader: Reader, packed: Packed) -> Filed:
    """Return a namespace as it is to be kept."""
    return Filed(root_at(packed.size, reader.hashes).hex(), packed)


def is_of_log(reader: Reader, kept: Filed) -> bool:
    """Tell whether a namespace was made of this log, which has reached its size."""
    return root_at(kept.packed.size, reader.hashes).hex() == kept.root


def encode_graphs(origin: str, contents: Contents) -> bytes:
    """Return the bytes of a file that keeps these namespaces."""
    body: list[bytes | memoryview[int]] = []
    offset = 0
    kept: list[_Kept] = []
    for namespace, (root, packed) in contents.graphs.items():
        places: list[dict[str, _Place]] = []
        for arrays in (packed.edges.arrays, packed.links.arrays):
            places.append({})
            for name, array in arrays.items():
                places[-1][name] = (array.dtype.str, offset, len(array))
                padding = -array.nbytes % _ALIGNED
                body += [view_of(array), bytes(padding)]
                offset += array.nbytes + padding
        kept.append(_Kept(namespace, packed.size, root, *places))
    header = msgspec.json.encode(
        _Header(origin, PROJECTION_VERSION, contents.turn, sys.byteorder, kept)
    )
    header += b" " * (-(_HEADER_AT + len(header)) % _ALIGNED)
    rest = (len(header).to_bytes(_LENGTH_BYTES, "little"), header, *body)
    digest = sha256()
    for part in rest:
        digest.update(part)
    # All at once: a graph is large, and each step on the way would be one more copy of it.
    return b"".join((MAGIC, digest.digest(), *rest))


def decode_graphs(body: memoryview[int], origin: str) -> Contents | str:
    """Return what a file keeps, or why it can be of no use to a ledger of this origin."""
    start = len(MAGIC) + _DIGEST_BYTES
    if bytes(body[: len(MAGIC)]) != MAGIC:
        return "it is of another form"
    if sha256(body[start:]).digest() != bytes(body[len(MAGIC) : start]):
        return "it is damaged"
    length = int.from_bytes(body[start:_HEADER_AT], "little")
    arrays = body[_HEADER_AT + length :]
    try:
        header = msgspec.json.decode(body[_HEADER_AT : _HEADER_AT + length], type=_Header)
        found = {one.namespace: _decoded(arrays, one) for one in header.kept}
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError):
        return "it is of another form"
    return _misfit(header, origin) or Contents(header.turn, found)


def _misfit(header: _Header, origin: str) -> str:
    if header.origin != origin:
        return "it is of another ledger"
    if header.projection != PROJECTION_VERSION:
        return f"it was made of {header.projection}"
    if header.byteorder != sys.byteorder:
        return "it was made on another kind of machine"
    return ""


def _decoded(body: memoryview[int], one: _Kept) -> Filed:
    edges = PackedEdges(one.size, _arrays(body, one.edges, PackedEdges.FIELDS))
    links = _arrays(body, one.links, PackedLinks.FIELDS)
    return Filed(one.root, Packed(edges, PackedLinks(one.namespace, one.size, links)))


def _arrays(
    body: memoryview[int], places: dict[str, _Place], fields: tuple[str, ...]
) -> dict[str, npt.NDArray[Any]]:
    return {
        name: np.frombuffer(body, dtype=np.dtype(kind), count=count, offset=offset)
        for name in fields
        for kind, offset, count in (places[name],)
    }
