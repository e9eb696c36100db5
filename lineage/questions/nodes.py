"""Bring vertices to life: what shows of each as of a size."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from msgspec import json
from msgspec.structs import force_setattr

from lineage.projections.links import HUB, LINK, LinkRow
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, STATE_PAST, decode_nodes
from lineage.projections.unfolding import KEY_CLASS
from lineage.questions.redactions import count_redacted
from lineage.stores.base import Reader
from lineage.stores.tables import Table, is_visible
from lineage.vertices import KIND_CODES, name_hash, node_name, realm_of
from lineage_schemas.graph import Node
from lineage_schemas.identifiers import is_content_digest
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

_VERTICES: Final = json.Decoder(list[int])
_NODES_PER_READ: Final = 1_024
"""The text of so many is still in the cache of the processor when it is decoded."""
ASSERTED_CLASSES: Final = frozenset({"asserted", KEY_CLASS})


class NodesRead(NamedTuple):
    """What shows of nodes, by vertex, and which of them are stubs."""

    nodes: dict[int, Node]
    stubs: list[int]


def read_nodes(reader: Reader, vertices: Collection[int], size: int) -> dict[int, Node]:
    """Return what shows of these nodes; those that nobody has described are stubs."""
    return read_with_stubs(reader, vertices, size).nodes


def read_with_stubs(reader: Reader, vertices: Collection[int], size: int) -> NodesRead:
    """Return what shows of these nodes, and which of them nobody has described."""
    found = _read_described(reader, STATE, vertices, size)
    stubs: dict[int, Node] = {}
    if len(found) < len(vertices):
        missing = [vertex for vertex in vertices if vertex not in found]
        found |= _read_described(reader, STATE_PAST, missing, size)
        missing = [vertex for vertex in vertices if vertex not in found]
        stubs = _read_stubs(reader, missing, size)
        found |= stubs
    nodes = complete_nodes(reader, found, size)
    # Not all of them are stubs any more: of some what described them was erased.
    return NodesRead(nodes, [vertex for vertex, node in stubs.items() if node.stub])


def complete_nodes(reader: Reader, nodes: dict[int, Node], size: int) -> dict[int, Node]:
    """Count what was erased of each node, and name those whose first mention was erased.

    Changes the nodes it is given, which were read a moment ago and seen by nobody yet. Where
    nothing was ever erased it costs one look.
    """
    for vertex, count in count_redacted(reader, nodes, size).items():
        node = nodes[vertex]
        force_setattr(node, "redacted", count)
        # What described it was erased: not known any more is not the same as never described.
        force_setattr(node, "stub", False)  # noqa: FBT003 - the value of a field, not a switch
        if node.key is None:
            force_setattr(node, "key", _key_of(reader, vertex))
    return nodes


def _key_of(reader: Reader, vertex: int) -> str | None:
    """Return the key of a node, which a later mention may have told again: it never changes."""
    return next((row[3] for row in reader.find(NODE, "vertex", [vertex])), None)


def _read_described(
    reader: Reader, table: Table, vertices: Collection[int], size: int
) -> dict[int, Node]:
    found: dict[int, Node] = {}
    ordered = sorted(vertices)
    for first in range(0, len(ordered), _NODES_PER_READ):
        some = ordered[first : first + _NODES_PER_READ]
        for keys, documents in reader.find_documents(table, some, "shown", size):
            read = _VERTICES.decode(b"[%b]" % keys)
            found.update(zip(read, decode_nodes(documents), strict=True))
    return found


def find_by_key(
    reader: Reader, namespace: int, identifier: str, kinds: Iterable[Kind], size: int
) -> list[int]:
    """Return the nodes whose key is this identifier, one a kind at the most."""
    hashes = [name_hash(realm_of(namespace, KIND_CODES[kind]), identifier) for kind in kinds]
    return sorted(
        vertex
        for vertex, since, _, key, *_ in reader.find(NODE, "key_hash", hashes)
        if key == identifier and since < size
    )


def find_by_claim(
    reader: Reader, namespace: int, identifier: str, kinds: Iterable[Kind], size: int
) -> list[int]:
    """Return the nodes of which somebody asserts that they go by this identifier.

    A digest is asked for whoever's bytes they are: then also those that only have that content.
    """
    classes = naming_classes(identifier)
    hubs = find_hubs(reader, namespace, identifier, kinds)
    rows = map(LinkRow._make, reader.find(LINK, "hub", hubs))
    return sorted(
        {
            row.vertex
            for row in rows
            if row.active and row.link_class in classes and is_visible(row.since, row.until, size)
        }
    )


def find_hubs(reader: Reader, namespace: int, identifier: str, kinds: Iterable[Kind]) -> list[int]:
    """Return the hubs of an identifier, one a kind at the most."""
    hashes = [name_hash(realm_of(namespace, KIND_CODES[kind]), identifier) for kind in kinds]
    return [
        hub
        for hub, _, _, text, _ in reader.find(HUB, "identifier_hash", hashes)
        if text == identifier
    ]


def naming_classes(identifier: str) -> frozenset[str]:
    """Return the classes of the claims by which an identifier means a node."""
    if is_content_digest(identifier):
        return ASSERTED_CLASSES | {LinkClass.CONTENT.value}
    return ASSERTED_CLASSES


def find_identified(
    reader: Reader, namespace: int, identifier: str, kinds: Iterable[Kind], size: int
) -> list[int]:
    """Return the nodes an identifier means: by key, and only where there is none, by claim."""
    wanted = tuple(kinds)
    return find_by_key(reader, namespace, identifier, wanted, size) or find_by_claim(
        reader, namespace, identifier, wanted, size
    )


def read_identifiers(reader: Reader, hubs: Iterable[int]) -> dict[int, str | None]:
    """Return the identifiers behind hubs; ``None`` for one whose claims were all erased."""
    return {row[0]: row[3] for row in reader.find(HUB, "hub", set(hubs))}


def _read_stubs(reader: Reader, vertices: list[int], size: int) -> dict[int, Node]:
    stubs: dict[int, Node] = {}
    for vertex, since, _, key, *_ in reader.find(NODE, "vertex", vertices):
        if since < size:
            name = node_name(vertex)
            stubs[vertex] = Node(
                kind=name.kind,
                id=name.id,
                key=key,
                stub=True,
            )
    return stubs
