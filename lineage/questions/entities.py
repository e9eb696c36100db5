"""Entities: nodes that asserted links join, and the values they have together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec.structs import replace

from lineage.graph.links import LinkIndex
from lineage.projections.links import LinkRow
from lineage.projections.states import STATE, STATE_PAST, merge_states
from lineage.questions.conflicts import read_contradictions
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import ASSERTED_CLASSES
from lineage.stores.base import Reader
from lineage.vertices import id_of, namespace_of, node_name
from lineage_schemas.graph import Entity, Node
from lineage_schemas.mlmd import Kind


def members_of(links: LinkIndex, vertex: int, size: int) -> list[int]:
    """Return the nodes that asserted links join to a node, itself included, by vertex.

    Each identifier is looked at once, however many nodes share it.
    """
    found, waiting = {vertex}, {vertex}
    passed: set[int] = set()
    while waiting:
        hubs = {row.hub for row in _asserted(links.of_vertices(waiting, size))} - passed
        passed |= hubs
        far = (row for rows in links.of_hubs(hubs, size).values() for row in _asserted(rows))
        waiting = {row.vertex for row in far} - found
        found |= waiting
    return sorted(found)


def _asserted(rows: Iterable[LinkRow]) -> Iterator[LinkRow]:
    return (row for row in rows if row.link_class in ASSERTED_CLASSES)


def entities_among(
    reader: Reader, links: LinkIndex, vertices: Collection[int], size: int
) -> tuple[Entity, ...]:
    """Return the entities of more than one member that these nodes are part of."""
    if not vertices:
        return ()
    done: set[int] = set()
    groups: list[list[int]] = []
    for vertex in links.linked(vertices, size):
        if vertex in done:
            continue
        members = members_of(links, vertex, size)
        done.update(members)
        if len(members) > 1:
            groups.append(members)
    if not groups:
        return ()
    found = read_contradictions(reader, namespace_of(groups[0][0]), groups, Then(size))
    return tuple(
        replace(
            read_entity(reader, members, size),
            conflicts=len(conflicts),
            conflict_kinds=tuple(dict.fromkeys(one.kind for one in conflicts)),
        )
        for members, conflicts in zip(groups, found, strict=True)
    )


def read_entity(reader: Reader, members: Iterable[int], size: int) -> Entity:
    """Return an entity with the values of its members merged by the rule of observations."""
    ordered = sorted(members)
    rows = reader.find(STATE, "vertex", ordered, size)
    later = set(ordered) - {row[0] for row in rows}
    rows += reader.find(STATE_PAST, "vertex", later, size)
    name = node_name(ordered[0])
    merged = merge_states(rows) if rows else Node(kind=name.kind, id=name.id, stub=True)
    return Entity(kind=Kind(name.kind), members=tuple(map(id_of, ordered)), merged=merged)
