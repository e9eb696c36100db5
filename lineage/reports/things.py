"""Read things: nodes that asserted links join, with values that cite the entries they stand in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from lineage.graph.links import LinkIndex
from lineage.projections.nodes import NODE
from lineage.projections.unfolding import KEY_CLASS
from lineage.questions.citing import Cited, History, cite_entity, cite_nodes
from lineage.questions.entities import members_of
from lineage.questions.nodes import read_identifiers
from lineage.questions.redactions import count_redacted
from lineage.reports.gathered import Name, Thing, ThingId
from lineage.stores.base import Reader
from lineage.vertices import node_name


class Replaced(NamedTuple):
    """A value of a node that another took the place of."""

    field: str
    before: Cited
    after: Cited


class Things:
    """The things that one report is about, as of a size and a stated time."""

    def __init__(self, reader: Reader, links: LinkIndex, size: int, valid_us: int | None) -> None:
        self._reader = reader
        self._links = links
        self._size = size
        self._valid_us = valid_us
        self._ids: dict[int, ThingId] = {}
        self._members: dict[ThingId, tuple[int, ...]] = {}
        self._keys: dict[int, tuple[int, str]] = {}
        self._histories: dict[int, dict[str, History]] = {}
        self._redacted: dict[int, int] = {}

    def add(self, vertices: Iterable[int]) -> set[ThingId]:
        """Read these nodes, and those that asserted links join to them; return what they are."""
        wanted = set(vertices)
        groups: list[list[int]] = []
        done = set(self._ids)
        for vertex in sorted(wanted - done):
            if vertex not in done:
                group = members_of(self._links, vertex, self._size)
                done.update(group)
                groups.append(group)
        self._read([vertex for group in groups for vertex in group])
        for group in groups:
            known = [vertex for vertex in group if vertex in self._keys]
            if known:
                least = min(self._keys[vertex][1] for vertex in known)
                one: ThingId = node_name(known[0]).kind, least
                self._members[one] = tuple(known)
                self._ids.update(dict.fromkeys(known, one))
        return self.ids(wanted)

    def ids(self, vertices: Iterable[int]) -> set[ThingId]:
        """Return which things these nodes are; what was not read is left out."""
        return {self._ids[vertex] for vertex in vertices if vertex in self._ids}

    def members(self, ids: Iterable[ThingId]) -> set[int]:
        """Return the nodes of things."""
        return {vertex for one in ids for vertex in self._members[one]}

    def type_of(self, one: ThingId) -> str | None:
        """Return the type of a thing."""
        return self.thing(one).type

    def stands(self, one: ThingId) -> bool:
        """Tell whether anything of a thing was said of the stated time, or nothing of any."""
        thing = self.thing(one)
        return bool(thing.fields) or not self._described(one)

    def thing(self, one: ThingId) -> Thing:
        """Return a thing with the values of the stated time."""
        members = self._members[one]
        histories = [self._histories.get(vertex, {}) for vertex in members]
        keys = sorted({self._keys[vertex][1] for vertex in members})
        fields = cite_entity(histories)
        return Thing(
            id=one,
            keys=tuple(keys),
            fields=fields,
            also=tuple(self._also(histories, fields)),
            names=tuple(sorted(set(self._names(members)))),
            since=min(map(self._told_first, members)),
            redacted=sum(self._redacted.get(vertex, 0) for vertex in members),
        )

    def left_out(self, ids: Iterable[ThingId]) -> int:
        """Count the shown values that are stated after the valid time."""
        if self._valid_us is None:
            return 0
        return sum(
            history.values[-1].stated_us is not None
            and history.values[-1].stated_us > self._valid_us
            for one in ids
            for vertex in self._members[one]
            for history in self._histories.get(vertex, {}).values()
        )

    def replaced(self, one: ThingId) -> Iterator[Replaced]:
        """Yield the values of a thing's nodes that others took the place of."""
        for vertex in self._members[one]:
            for field, history in self._histories.get(vertex, {}).items():
                for before, after in zip(history.values, history.values[1:], strict=False):
                    is_later = self._valid_us is not None and (
                        (after.stated_us or self._valid_us) > self._valid_us
                    )
                    if before.value is not None and before.value != after.value and not is_later:
                        yield Replaced(field, before, after)

    def _also(
        self, histories: Collection[Mapping[str, History]], shown: Mapping[str, Cited]
    ) -> Iterator[tuple[str, Cited]]:
        """Yield the values that some node of a thing has, and the thing does not show."""
        for history in histories:
            for field, values in history.items():
                cited = values.shown(field)
                if cited is None or cited.value is None or field not in shown:
                    continue
                if cited.value != shown[field].value:
                    yield field, cited

    def _told_first(self, vertex: int) -> int:
        """Return the first entry that describes a node; where none does, the first to name it."""
        told = [
            cited.position
            for field, history in self._histories.get(vertex, {}).items()
            if (cited := history.shown(field)) is not None
        ]
        return min(told, default=self._keys[vertex][0])

    def _described(self, one: ThingId) -> bool:
        return any(self._histories.get(vertex) for vertex in self._members[one])

    def _read(self, vertices: Collection[int]) -> None:
        for vertex, since, _, key, *_ in self._reader.find(NODE, "vertex", vertices):
            if since < self._size:
                name = node_name(vertex)
                self._keys[vertex] = since, key or f"erased:{name.kind}/{name.id}"
        self._histories |= cite_nodes(self._reader, vertices, self._size, self._valid_us)
        self._redacted |= count_redacted(self._reader, vertices, self._size)

    def _names(self, members: Iterable[int]) -> Iterator[Name]:
        for vertex in members:
            yield Name(self._keys[vertex][1], KEY_CLASS, "", None, self._told_first(vertex))
            rows = [
                row
                for row in self._links.of_vertex(vertex, self._size)
                if row.link_class != KEY_CLASS
                and (self._valid_us is None or (row.stated_us or self._valid_us) <= self._valid_us)
            ]
            identifiers = read_identifiers(self._reader, [row.hub for row in rows])
            for row in rows:
                identifier = identifiers.get(row.hub)
                if identifier is not None:
                    yield Name(identifier, row.link_class, row.source, row.stated_us, row.since)
