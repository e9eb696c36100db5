"""Find what contradicts itself in what is said of one entity. ADR 0100 defines each kind exactly.

Everything follows from the members' own claims and states, so an entity is looked through once,
however many pairs of members it has, and the order in which things were said does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from lineage.projections.catalog import types_as_of
from lineage.projections.links import LinkRow
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, STATE_PAST, kept_values, node_of, read_shown
from lineage.projections.unfolding import KEY_CLASS
from lineage.projections.values import shown
from lineage.questions.claims import read_registers
from lineage.questions.commits import CODE_COMMIT, whole_commit
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import read_identifiers
from lineage.questions.showing import Told, read_kept
from lineage.stores.base import Reader
from lineage.vertices import node_name
from lineage_schemas.graph import ConflictKind, Node
from lineage_schemas.identifiers import is_content_digest
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

ONE_ID_EACH: Final = re.compile(
    r"(mlflow:(?:run|logged-model)/[^/]+)/(.+)"
    r"|(mlflow:model-version/[^/]+/[^/]+)/(.+)"
    r"|(mlflow-run|mlflow-logged-model):(.+)"
    r"|(git:(?:commit|tree|blob))/(.+)"
    r"|(ol:run)/(.+)"
    r"|(github:run/[^/]+)/(.+)"
    r"|(oci:[^@]+)@(.+)",
    re.DOTALL,
)
"""Ids of which a tool gives each thing just one: (who gives it, the id). Names that a thing may
have several of, such as addresses and data sets, are none."""

ANY_PROCESS: Final = "mlmd.Process"
"""The base type of what does "anything else": it contradicts no other."""

_SYSTEM: Final = "mlmd."
_ASSERTED: Final = LinkClass.ASSERTED.value
_DIGEST_CLASSES: Final = frozenset({_ASSERTED, LinkClass.CONTENT.value})


class Side(NamedTuple):
    """A value, the members that have it, who says so, and the claims by which, if it is claims."""

    value: str
    vertices: tuple[int, ...]
    sources: tuple[str, ...]
    rows: tuple[LinkRow, ...] = ()


class Contradiction(NamedTuple):
    """What cannot all be true of one entity."""

    kind: ConflictKind
    about: str
    sides: tuple[Side, ...]


class Facts(NamedTuple):
    """What is known of one entity, by vertex.

    ``rows`` are all that each source said last of an identifier of a member, taken back or not;
    ``shown`` is what shows of the members that are described, and ``told`` reads what each source
    says of one, by field. ``bases`` are base types by names of types.
    """

    members: Sequence[int]
    rows: Sequence[LinkRow]
    shown: Mapping[int, Node]
    told: Callable[[int], Told]
    keys: Mapping[int, str | None]
    identifiers: Mapping[int, str | None]
    bases: Mapping[str, str | None]

    def key_of(self, vertex: int) -> str | None:
        """Return the key of a member: as its state tells, or as it goes by it."""
        node = self.shown.get(vertex)
        return self.keys.get(vertex) if node is None or node.key is None else node.key

    def name_of(self, vertex: int) -> str:
        """Return what a member is called: its key, else its kind and id."""
        name = node_name(vertex)
        return self.key_of(vertex) or f"{name.kind}/{name.id}"

    def order_of(self, row: LinkRow) -> tuple[str, str, str, str]:
        """Return what a claim is ordered by, whatever came first: names, class and source."""
        identifier = self.identifiers.get(row.hub) or ""
        return self.name_of(row.vertex), identifier, row.link_class, row.source


def read_contradictions(
    reader: Reader, namespace: int, entities: Sequence[Sequence[int]], then: Then
) -> list[list[Contradiction]]:
    """Return what contradicts itself in each of these entities, as of a size and a stated time."""
    return [find_contradictions(one) for one in read_facts(reader, namespace, entities, then)]


def read_facts(
    reader: Reader, namespace: int, entities: Sequence[Sequence[int]], then: Then
) -> Iterator[Facts]:
    """Read at once what is known of entities, given by their members."""
    vertices = {vertex for members in entities for vertex in members}
    if not vertices:
        return
    rows: dict[int, list[LinkRow]] = {}
    for row in read_registers(reader, vertices, then):
        rows.setdefault(row.vertex, []).append(row)
    hubs = {row.hub for told in rows.values() for row in told}
    identifiers = read_identifiers(reader, hubs)
    known = _read_known(reader, vertices, then)
    keys = {row[0]: row[3] for row in reader.find(NODE, "vertex", vertices)}
    bases = {
        row.definition.name: row.definition.base_type
        for row in types_as_of(reader, namespace, then.size)
    }
    for members in entities:
        said = [row for vertex in members for row in sorted(rows.get(vertex, ()))]
        shown = {vertex: known.shown[vertex] for vertex in members if vertex in known.shown}
        yield Facts(members, said, shown, known.told, keys, identifiers, bases)


class _Known(NamedTuple):
    """What shows of nodes that are described, and what each source says of one, by field."""

    shown: Mapping[int, Node]
    told: Callable[[int], Told]


def _read_known(reader: Reader, vertices: Collection[int], then: Then) -> _Known:
    if then.valid_us is not None:
        return _read_then(reader, vertices, then)
    states = {
        row[0]: row
        for table in (STATE_PAST, STATE)
        for row in reader.find(table, "vertex", vertices, then.size)
    }
    shown = {vertex: read_shown(row) for vertex, row in states.items()}

    def told(vertex: int) -> Told:
        return kept_values(states[vertex])

    return _Known(shown, told)


def _read_then(reader: Reader, vertices: Collection[int], then: Then) -> _Known:
    """Return what was known of nodes at a stated time; of some, nothing was yet."""
    kept = read_kept(reader, vertices, then)
    told = {vertex: one.told for vertex, one in kept.items()}
    shown = {vertex: node_of(vertex, one.key, one.told) for vertex, one in kept.items()}
    return _Known(shown, told.__getitem__)


def find_contradictions(facts: Facts) -> list[Contradiction]:
    """Return what contradicts itself in an entity, by kind and by what it is about."""

    def order(one: Contradiction) -> tuple[int, str, list[list[str]]]:
        sides = [[side.value, *map(facts.name_of, side.vertices)] for side in one.sides]
        return _ORDER.index(one.kind), one.about, sides

    return sorted((one for find in _FINDERS for one in find(facts)), key=order)


def _digests(facts: Facts) -> Iterator[Contradiction]:
    """No digest of an algorithm is one that every member which has any could have."""
    of: dict[str, dict[int, set[str]]] = {}
    rows: dict[str, list[LinkRow]] = {}
    for row in facts.rows:
        identifier = facts.identifiers.get(row.hub)
        if not row.active or row.link_class not in _DIGEST_CLASSES or identifier is None:
            continue
        if is_content_digest(identifier):
            algorithm = _algorithm(identifier)
            of.setdefault(algorithm, {}).setdefault(row.vertex, set()).add(identifier)
            rows.setdefault(identifier, []).append(row)
    for algorithm, by_member in of.items():
        first, *others = by_member.values()
        if not first.intersection(*others):
            values = first.union(*others)
            sides = (_claimed(facts, one, rows[one]) for one in sorted(values))
            yield Contradiction(ConflictKind.DIGESTS, algorithm, tuple(sides))


def _algorithm(identifier: str) -> str:
    """Return the algorithm of a digest; a listing of DVC's old digests is one of its own."""
    scheme, _, value = identifier.partition(":")
    return f"{scheme}.dir" if scheme == "dvc-md5" and value.endswith(".dir") else scheme


def _ids(facts: Facts) -> Iterator[Contradiction]:
    """Two ids of which one tool gives each thing just one."""
    given: dict[str, dict[str, list[LinkRow]]] = {}
    keys: dict[str, dict[str, list[int]]] = {}
    for row in facts.rows:
        if row.active and row.link_class == _ASSERTED:
            parts = _id_in(facts.identifiers.get(row.hub))
            if parts is not None:
                given.setdefault(parts[0], {}).setdefault(parts[1], []).append(row)
    for vertex in facts.members:
        parts = _id_in(facts.key_of(vertex))
        if parts is not None:
            given.setdefault(parts[0], {}).setdefault(parts[1], [])
            keys.setdefault(parts[0], {}).setdefault(parts[1], []).append(vertex)
    for giver, by_id in given.items():
        if len(by_id) > 1:
            sides = (
                _claimed(facts, one, by_id[one], keys.get(giver, {}).get(one, ()))
                for one in sorted(by_id)
            )
            yield Contradiction(ConflictKind.IDS, giver, tuple(sides))


def _id_in(identifier: str | None) -> tuple[str, str] | None:
    found = None if identifier is None else ONE_ID_EACH.fullmatch(identifier)
    if found is None:
        return None
    giver, given = (group for group in found.groups() if group is not None)
    return giver, given


def _types(facts: Facts) -> Iterator[Contradiction]:
    """Members of types that are based on different ones."""
    of: dict[str, list[int]] = {}
    for vertex, node in facts.shown.items():
        base = None if node.type is None else _base_of(facts, node.type)
        if base is not None:
            of.setdefault(base, []).append(vertex)
    if len(of) > 1:
        yield Contradiction(ConflictKind.TYPES, "type", _shown_sides(facts, of, "type"))


def _base_of(facts: Facts, name: str) -> str | None:
    base = name if name.startswith(_SYSTEM) else facts.bases.get(name)
    return None if base == ANY_PROCESS else base


def _commits(facts: Facts) -> Iterator[Contradiction]:
    """Executions that name different commits, whole and of one length, as the code that ran."""
    of: dict[int, dict[str, list[int]]] = {}
    for vertex, node in facts.shown.items():
        commit = whole_commit(node.properties.get(CODE_COMMIT))
        if node_name(vertex).kind is Kind.EXECUTION and commit is not None:
            of.setdefault(len(commit), {}).setdefault(commit, []).append(vertex)
    for by_commit in of.values():
        if len(by_commit) > 1:
            sides = _shown_sides(facts, by_commit, f"properties.{CODE_COMMIT}")
            yield Contradiction(ConflictKind.COMMITS, CODE_COMMIT, sides)


def _denied(facts: Facts) -> Iterator[Contradiction]:
    """One source asserts an identifier of a member, and another took the same claim back."""
    registers: dict[tuple[int, int], list[LinkRow]] = {}
    for row in facts.rows:
        if row.link_class == _ASSERTED:
            registers.setdefault((row.vertex, row.hub), []).append(row)
    for (_, hub), rows in registers.items():
        standing = [row for row in rows if row.active]
        back = [row for row in rows if not row.active]
        if standing and back:
            sides = _claimed(facts, "asserted", standing), _claimed(facts, "taken back", back)
            about = facts.identifiers.get(hub) or ""
            yield Contradiction(ConflictKind.DENIED, about, sides)


def _repeated(facts: Facts) -> Iterator[Contradiction]:
    """One source asserts one identifier of several members, of which it tells values itself.

    Where it also asserts of one that it goes by another's key, it says itself that they are one.
    """
    of: dict[tuple[int, str], list[LinkRow]] = {}
    owner = {row.hub: row.vertex for row in facts.rows if row.link_class == KEY_CLASS}
    for row in facts.rows:
        if row.active and row.link_class == _ASSERTED:
            of.setdefault((row.hub, row.source), []).append(row)
    named = {
        (source, row.vertex) for (hub, source), rows in of.items() if hub in owner for row in rows
    }
    for (hub, source), rows in of.items():
        own = [row for row in rows if _describes(facts, source, row.vertex)]
        apart = [row for row in own if (source, row.vertex) not in named]
        if hub not in owner and len(apart) > 1:
            sides = tuple(_claimed(facts, facts.name_of(row.vertex), [row]) for row in apart)
            about = facts.identifiers.get(hub) or ""
            yield Contradiction(ConflictKind.REPEATED, about, tuple(sorted(sides, key=_by_value)))


def _describes(facts: Facts, source: str, vertex: int) -> bool:
    if vertex not in facts.shown:
        return False
    return any(said.source == source for kept in facts.told(vertex).values() for said in kept)


def _by_value(side: Side) -> str:
    return side.value


def _claimed(facts: Facts, value: str, rows: Iterable[LinkRow], others: Iterable[int] = ()) -> Side:
    """Return a side of what claims say, and of the nodes that have it for a key."""
    told = sorted(rows, key=facts.order_of)
    vertices = sorted({row.vertex for row in told}.union(others), key=facts.name_of)
    sources = sorted({row.source for row in told})
    return Side(value, tuple(vertices), tuple(sources), tuple(told))


def _shown_sides(facts: Facts, of: Mapping[str, list[int]], field: str) -> tuple[Side, ...]:
    """Return the sides of a value that members show, with who said it."""
    sides: list[Side] = []
    for value in sorted(of):
        vertices = sorted(of[value], key=facts.name_of)
        sources = sorted({shown(field, facts.told(one)[field]).source for one in vertices})
        sides.append(Side(value, tuple(vertices), tuple(sources)))
    return tuple(sides)


_ORDER: Final = tuple(ConflictKind)
_FINDERS: Final[tuple[Callable[[Facts], Iterator[Contradiction]], ...]] = (
    *(_digests, _ids, _types),
    *(_commits, _denied, _repeated),
)
