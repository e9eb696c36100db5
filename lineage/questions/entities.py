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
    """Return the nodes that asserted links join to a node, itself included, by vertex."""
    return sorted(members_among(links, [vertex], size))


def members_among(links: LinkIndex, vertices: Iterable[int], size: int) -> set[int]:
    """Return the nodes that asserted links join to any of some nodes, themselves included.

    Each identifier is looked at once, however many nodes share it.
    """
    found = set(vertices)
    waiting = set(found)
    passed: set[int] = set()
    while waiting:
        hubs = {row.hub for row in _asserted(links.of_vertices(waiting, size))} - passed
        passed |= hubs
        far = (row for rows in links.of_hubs(hubs, size).values() for row in _asserted(rows))
        waiting = {row.vertex for row in far} - found
        found |= waiting
    return found


def entities_of(links: LinkIndex, vertices: Iterable[int], size: int) -> dict[int, list[int]]:
    """Return for each of these nodes the members of its entity, which is looked at once."""
    found: dict[int, list[int]] = {}
    every: dict[int, list[int]] = {}
    for vertex in sorted(set(vertices)):
        if vertex not in every:
            members = members_of(links, vertex, size)
            every.update(dict.fromkeys(members, members))
        found[vertex] = every[vertex]
    return found


def _asserted(rows: Iterable[LinkRow]) -> Iterator[LinkRow]:
    return (row for row in rows if row.link_class in ASSERTED_CLASSES)


def entities_among(
    reader: Reader, links: LinkIndex, vertices: Collection[int], size: int
) -> tuple[Entity, ...]:
    """Return the entities of more than one member that these nodes are part of."""
    if not vertices:
        return ()
    entities = entities_of(links, links.linked(vertices, size), size)
    every = {members[0]: members for members in entities.values()}
    groups = [members for members in every.values() if len(members) > 1]
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
