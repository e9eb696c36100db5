"""Vertices: one 64-bit number for each thing the graph joins, for stores and adjacency arrays.

A vertex packs the number of its namespace, its kind, and the id that the namespace assigned:
16 bits, 2 bits and 44 bits below the sign. Outside the engine a node is named by (namespace,
kind, id); a hub (the identifier behind claims) has no name outside.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from lineage_schemas.mlmd import Kind

_ID_BITS: Final = 44
_KIND_BITS: Final = 2
_ID_MASK: Final = (1 << _ID_BITS) - 1
_KIND_MASK: Final = (1 << _KIND_BITS) - 1

HUB_CODE: Final = 0
KIND_CODES: Final = {Kind.ARTIFACT: 1, Kind.EXECUTION: 2, Kind.CONTEXT: 3}
KINDS: Final = {code: kind for kind, code in KIND_CODES.items()}
_STEM_BYTES: Final = 5
_TAIL_BYTES: Final = 3
NAMESPACES_MAX: Final = 1 << 16
ID_MAX: Final = _ID_MASK


class NodeName(NamedTuple):
    """A vertex taken apart."""

    namespace: int
    kind: Kind
    id: int


def vertex_of(namespace: int, code: int, assigned_id: int) -> int:
    """Pack the number of a namespace, a code of ``KIND_CODES`` (or ``HUB_CODE``) and an id."""
    return ((namespace << _KIND_BITS | code) << _ID_BITS) | assigned_id


def node_name(vertex: int) -> NodeName:
    """Take a node's vertex apart. A hub has no name: that is a ``KeyError``."""
    return NodeName(
        vertex >> (_ID_BITS + _KIND_BITS),
        KINDS[vertex >> _ID_BITS & _KIND_MASK],
        vertex & _ID_MASK,
    )


def namespace_of(vertex: int) -> int:
    """Return the number of the vertex's namespace."""
    return vertex >> (_ID_BITS + _KIND_BITS)


def id_of(vertex: int) -> int:
    """Return the id that the namespace assigned."""
    return vertex & _ID_MASK


def kind_code(vertex: int) -> int:
    """Return the code of the vertex's kind; ``HUB_CODE`` for a hub."""
    return vertex >> _ID_BITS & _KIND_MASK


def realm_of(namespace: int, code: int) -> int:
    """Return the number of (namespace, kind): the vertex without its id. Keys are unique in one."""
    return namespace << _KIND_BITS | code


def vertex_in(realm: int, assigned_id: int) -> int:
    """Pack a realm and an id."""
    return realm << _ID_BITS | assigned_id


def realm(vertex: int) -> int:
    """Return the realm a vertex lies in."""
    return vertex >> _ID_BITS


@lru_cache(maxsize=65_536)
def name_hash(realm: int, name: str) -> int:
    """Hash a name for an index: 64 bits signed, stable for ever, not secret.

    Two names may share a hash, so whoever looks one up compares the names themselves. The last
    three bytes of a name stand in the hash as they are, so that names made one after another
    (``run-1041``, ``run-1042``) lie together: with a fully mixed hash a batch would write a page of
    the index for each new name, once the index is larger than the batch.
    """
    encoded = name.encode()
    stem = blake2b(b"%d:%b" % (realm, encoded[:-_TAIL_BYTES]), digest_size=_STEM_BYTES).digest()
    tail = encoded[-_TAIL_BYTES:].rjust(_TAIL_BYTES, b"\x00")
    return int.from_bytes(stem + tail, "big", signed=True)
