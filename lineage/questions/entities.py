"""Entities: nodes that asserted links join, and the values they have together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from lineage.graph.links import LinkIndex
from lineage.projections.links import LinkRow
from lineage.projections.states import merge_values, node_of
from lineage.questions.conflicts import read_contradictions
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import ASSERTED_CLASSES
from lineage.questions.showing import Kept, read_kept
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
    for hub in _hubs_around(links, found, size):
        found.update(hub)
    return found


def entities_of(links: LinkIndex, vertices: Iterable[int], size: int) -> dict[int, list[int]]:
    """Return for each of these nodes the members of its entity.

    The links of all of them are looked at together, one step further at a time.
    """
    wanted = sorted(set(vertices))
    entity = {vertex: [vertex] for vertex in wanted}
    for hub in _hubs_around(links, wanted, size):
        joined = {id(some): some for one in hub for some in (entity.setdefault(one, [one]),)}
        largest, *others = sorted(joined.values(), key=len, reverse=True)
        for some in others:
            largest += some
            entity.update(dict.fromkeys(some, largest))
    for members in {id(some): some for some in entity.values()}.values():
        members.sort()
    return {vertex: entity[vertex] for vertex in wanted}


def _hubs_around(links: LinkIndex, vertices: Iterable[int], size: int) -> Iterator[list[int]]:
    """Yield the nodes of each identifier that asserted links lead to from some nodes, however far.

    Each identifier is looked at once, and those that are equally far at once.
    """
    waiting = set(vertices)
    found = set(waiting)
    passed: set[int] = set()
    while waiting:
        hubs = {row.hub for row in _asserted(links.of_vertices(waiting, size))} - passed
        passed |= hubs
        reached: set[int] = set()
        for rows in links.of_hubs(hubs, size).values():
            hub = [row.vertex for row in _asserted(rows)]
            reached.update(hub)
            yield hub
        waiting = reached - found
        found |= waiting


def _asserted(rows: Iterable[LinkRow]) -> Iterator[LinkRow]:
    return (row for row in rows if row.link_class in ASSERTED_CLASSES)


def entities_among(
    reader: Reader, links: LinkIndex, vertices: Collection[int], then: Then
) -> tuple[Entity, ...]:
    """Return the entities of more than one member that these nodes are part of."""
    if not vertices:
        return ()
    entities = entities_of(links, links.linked(vertices, then.size), then.size)
    every = {members[0]: members for members in entities.values()}
    groups = [members for members in every.values() if len(members) > 1]
    if not groups:
        return ()
    kept = read_kept(reader, [vertex for members in groups for vertex in members], then)
    found = read_contradictions(reader, namespace_of(groups[0][0]), groups, then)
    return tuple(
        replace(
            _merged(members, kept),
            conflicts=len(conflicts),
            conflict_kinds=tuple(dict.fromkeys(one.kind for one in conflicts)),
        )
        for members, conflicts in zip(groups, found, strict=True)
    )


def read_entity(reader: Reader, members: Collection[int], then: Then) -> Entity:
    """Return an entity with the values of its members merged by the rule of observations."""
    return _merged(sorted(members), read_kept(reader, members, then))


def _merged(members: Sequence[int], kept: Mapping[int, Kept]) -> Entity:
    """Merge what is kept of members in order; the first that is described gives id and key."""
    told = [vertex for vertex in members if vertex in kept]
    name = node_name(members[0])
    merged = Node(kind=name.kind, id=name.id, stub=True)
    if told:
        values = merge_values(kept[vertex].told for vertex in told)
        merged = node_of(told[0], kept[told[0]].key, values)
    return Entity(kind=Kind(name.kind), members=tuple(map(id_of, members)), merged=merged)
