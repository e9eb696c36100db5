"""The graph without what the order of arrival decides: no ids, no positions.

Two ledgers that were told the same observations, in any order and any batches, have equal forms.
"""

from typing import NamedTuple

from lineage.graph.links import LinkIndex
from lineage.projections.catalog import NAMESPACE
from lineage.projections.edges import EDGE, read_detail
from lineage.projections.links import HUB, LINK, LinkRow
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.nodes import NODE
from lineage.questions.entities import members_of, read_entity
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import read_nodes
from lineage.service import Ledger
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage.vertices import namespace_of
from lineage.writing.submission import DEFAULT_NAMESPACE
from lineage_schemas.codec import encode_json
from lineage_schemas.graph import Node

Name = tuple[str, str]
"""(kind, key) of a node."""


class CanonicalGraph(NamedTuple):
    """All that a namespace shows, by keys."""

    nodes: dict[Name, bytes]
    edges: frozenset[tuple[Name, Name, str, bytes]]
    memberships: frozenset[tuple[Name, Name]]
    links: frozenset[tuple[Name, str, str, str, bytes]]
    entities: dict[frozenset[Name], bytes]


def canonical_graph(ledger: Ledger, namespace: str = DEFAULT_NAMESPACE) -> CanonicalGraph:
    """Return all that a namespace shows now, without ids and positions."""
    with ledger._store.read() as reader:
        number = next(row[0] for row in reader.find(NAMESPACE, "name", [namespace]))
        vertices = [
            vertex
            for row in scan_rows(reader, NODE)
            if namespace_of(vertex := _int(row[0])) == number
        ]
        nodes = read_nodes(reader, vertices, reader.head().size)
        names = {vertex: (str(node.kind), str(node.key)) for vertex, node in nodes.items()}
        return CanonicalGraph(
            nodes={names[vertex]: _values(node) for vertex, node in nodes.items()},
            edges=_edges(reader, names),
            memberships=frozenset(
                (names[_int(row[0])], names[_int(row[1])])
                for row in scan_rows(reader, MEMBERSHIP)
                if row[0] in names
            ),
            links=_links(reader, names),
            entities=_entities(reader, names),
        )


def _edges(reader: Reader, names: dict[int, Name]) -> frozenset[tuple[Name, Name, str, bytes]]:
    found = set()
    for tail, head, kind, _, until, body, _ in scan_rows(reader, EDGE):
        if until is None and tail in names:
            detail = read_detail(body)
            shown = encode_json(detail[:2]) if detail else b""
            found.add((names[_int(tail)], names[_int(head)], str(kind), shown))
    return frozenset(found)


def _links(reader: Reader, names: dict[int, Name]) -> frozenset[tuple[Name, str, str, str, bytes]]:
    identifier = HUB.column("identifier")
    identifiers = {row[0]: str(row[identifier]) for row in scan_rows(reader, HUB)}
    return frozenset(
        (
            names[row.vertex],
            identifiers[row.hub],
            row.link_class,
            row.source,
            row.evidence or b"",
        )
        for row in map(LinkRow._make, scan_rows(reader, LINK))
        if row.until is None and row.active and row.vertex in names
    )


def _entities(reader: Reader, names: dict[int, Name]) -> dict[frozenset[Name], bytes]:
    """Return the entities of more than one member, with the values they have together."""
    size = reader.head().size
    found: dict[frozenset[Name], bytes] = {}
    for vertex in names:
        links = LinkIndex.stored(reader, namespace_of(vertex))
        members = members_of(links, vertex, size)
        if len(members) > 1:
            merged = read_entity(reader, members, Then(size)).merged
            found[frozenset(names[member] for member in members)] = _values(merged)
    return found


def _values(node: Node) -> bytes:
    """Return what a node shows but for its id, and for the key that an entity borrows."""
    return encode_json(
        [
            node.kind,
            node.stub,
            node.type,
            node.type_version,
            node.name,
            node.external_id,
            node.uri,
            node.state,
            node.properties,
            node.custom_properties,
        ]
    )


def _int(cell: object) -> int:
    assert isinstance(cell, int)
    return cell
