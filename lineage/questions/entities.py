"""Entities: nodes that asserted links join, and the values they have together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.graph.links import LinkIndex
from lineage.projections.states import STATE, STATE_PAST, merge_states
from lineage.stores.base import Reader
from lineage.vertices import id_of, node_name
from lineage_schemas.graph import Entity, Node
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass


def members_of(links: LinkIndex, vertex: int, size: int) -> list[int]:
    """Return the nodes that asserted links join to a node, itself included, by vertex."""
    found, waiting = {vertex}, [vertex]
    while waiting:
        for joined in links.joined(waiting.pop(), size, LinkClass.ASSERTED):
            if joined not in found:
                found.add(joined)
                waiting.append(joined)
    return sorted(found)


def entities_among(
    reader: Reader, links: LinkIndex, nodes: Mapping[int, Node], size: int
) -> tuple[Entity, ...]:
    """Return the entities of more than one member that these nodes are part of."""
    done: set[int] = set()
    entities: list[Entity] = []
    for vertex in links.linked(nodes, size):
        if vertex in done:
            continue
        members = members_of(links, vertex, size)
        done.update(members)
        if len(members) > 1:
            entities.append(read_entity(reader, members, size))
    return tuple(entities)


def read_entity(reader: Reader, members: Iterable[int], size: int) -> Entity:
    """Return an entity with the values of its members merged by the rule of observations."""
    ordered = sorted(members)
    rows = reader.find(STATE, "vertex", ordered, size)
    later = set(ordered) - {row[0] for row in rows}
    rows += reader.find(STATE_PAST, "vertex", later, size)
    name = node_name(ordered[0])
    merged = merge_states(rows) if rows else Node(kind=name.kind, id=name.id, stub=True)
    return Entity(kind=Kind(name.kind), members=tuple(map(id_of, ordered)), merged=merged)
