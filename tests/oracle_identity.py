"""What the ledger should say of identity, by trying every pair and every simple chain.

Nothing here is taken from the engine: chains are found by deepening, and contradictions by asking
of all members at once, over the claims that `oracle.Graph` says stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lineage_schemas.graph import ConflictKind
from lineage_schemas.identity import Relation
from lineage_schemas.mlmd import Artifact, Execution, Kind
from lineage_schemas.records import LinkClass, Statement
from oracle import STRENGTHS, Graph, Name

CONTENT = LinkClass.CONTENT


def meant(graph: Graph, identifier: str) -> set[Name]:
    """Return the nodes of any kind that an identifier means: by key, else by claim."""
    by_key = {node for node in graph.nodes if node[1] == identifier}
    if by_key:
        return by_key
    classes = {LinkClass.ASSERTED}
    if identifier.startswith(("sha256:", "md5:")):
        classes.add(CONTENT)
    return {
        one.node
        for one in graph.standing
        if one.identifier == identifier and one.link_class in classes
    }


class Joined(NamedTuple):
    """How two names are related, the class of the weakest link, and how many links there are."""

    relation: Relation
    link_class: LinkClass | None = None
    length: int = 0


def related(graph: Graph, one: str, other: str) -> Joined:
    """Return the strongest chain that a walk may cross, from either end, and then the shortest."""
    starts, ends = meant(graph, one), meant(graph, other)
    if not starts or not ends:
        return Joined(Relation.UNKNOWN)
    if starts & ends:
        return Joined(Relation.SAME_NODE)
    links = {node: graph.links(node) for node in graph.nodes}
    for weakest in (LinkClass.ASSERTED, CONTENT, LinkClass.DERIVED):
        lengths = [
            length
            for here, there in ((starts, ends), (ends, starts))
            if (length := _length(links, here, there, weakest)) is not None
        ]
        if lengths:
            relation = Relation.ONE_ENTITY if weakest is LinkClass.ASSERTED else Relation.LINKED
            return Joined(relation, weakest, min(lengths))
    return Joined(Relation.APART)


def _length(
    links: Mapping[Name, set[tuple[Name, LinkClass]]],
    starts: set[Name],
    ends: set[Name],
    weakest: LinkClass,
) -> int | None:
    """Return the length of the shortest chain; equal contents may only come last."""
    level = {(node, True) for node in starts}
    for length in range(1, 2 * len(links) + 2):
        level = {
            (far, link_class is not CONTENT)
            for node, may_go_on in level
            if may_go_on
            for far, link_class in links[node]
            if STRENGTHS.index(link_class) <= STRENGTHS.index(weakest)
        }
        if any(node in ends for node, _ in level):
            return length
    return None


def guessed(graph: Graph, one: str, other: str) -> bool:
    """Tell whether links of any class lead from the one to the other, guesses among them."""
    reached = set(meant(graph, one))
    while True:
        more = {far for node in reached for far, _ in graph.links(node)} | reached
        if more == reached:
            return bool(reached & meant(graph, other))
        reached = more


Finding = tuple[ConflictKind, str, tuple[tuple[str, frozenset[str]], ...]]
"""(kind, what about, (value, keys of the nodes that have it) of each side)."""

BASES = {"lineage.DataSet": "mlmd.Dataset", "lineage.Model": "mlmd.Model"}


def conflicts(graph: Graph, statements: Iterable[Statement]) -> set[Finding]:
    """Return every contradiction, by ADR 0100 read word by word."""
    told = list(statements)
    found: set[Finding] = set()
    for entity in {graph.entity(node) for node in graph.nodes}:
        if len(entity) > 1:
            found |= _digests(graph, entity) | _types(told, entity)
            found |= _denied(graph, entity) | _repeated(graph, told, entity)
    return found


def _finding(kind: ConflictKind, about: str, sides: Mapping[str, Iterable[Name]]) -> Finding:
    named = ((value, frozenset(node[1] for node in sides[value])) for value in sides)
    return kind, about, tuple(sorted(named, key=lambda side: (side[0], sorted(side[1]))))


def _digests(graph: Graph, entity: frozenset[Name]) -> set[Finding]:
    found: set[Finding] = set()
    for scheme in ("sha256:", "md5:"):
        of = {
            node: {
                one.identifier
                for one in graph.standing
                if one.node == node
                and one.identifier.startswith(scheme)
                and one.link_class in {LinkClass.ASSERTED, CONTENT}
            }
            for node in entity
        }
        values = {value for theirs in of.values() for value in theirs}
        having = [theirs for theirs in of.values() if theirs]
        if values and not any(all(value in theirs for theirs in having) for value in values):
            sides = {value: [node for node in of if value in of[node]] for value in values}
            found.add(_finding(ConflictKind.DIGESTS, scheme[:-1], sides))
    return found


def _types(told: list[Statement], entity: frozenset[Name]) -> set[Finding]:
    sides: dict[str, list[Name]] = {}
    for kind, key in entity:
        said = [
            (one.stated is not None, one.stated and one.stated.start, one.source, number, record)
            for number, one in enumerate(told)
            for record in one.records
            if isinstance(record, Artifact | Execution)
            and record.key == key
            and record.type is not None
            and (kind is Kind.ARTIFACT) == isinstance(record, Artifact)
        ]
        shown = {record.type for *_, record in said}
        if len(shown) == 1 and (base := BASES.get(shown.pop() or "")) is not None:
            sides.setdefault(base, []).append((kind, key))
    return {_finding(ConflictKind.TYPES, "type", sides)} if len(sides) > 1 else set()


def _denied(graph: Graph, entity: frozenset[Name]) -> set[Finding]:
    found: set[Finding] = set()
    asserted = {
        (one.node, one.identifier)
        for one in graph.standing
        if one.link_class is LinkClass.ASSERTED and one.source is not None and one.node in entity
    }
    for node, identifier, link_class, _ in graph.taken_back:
        if link_class is LinkClass.ASSERTED and (node, identifier) in asserted:
            sides = {"asserted": [node], "taken back": [node]}
            found.add(_finding(ConflictKind.DENIED, identifier, sides))
    return found


def _repeated(graph: Graph, told: list[Statement], entity: frozenset[Name]) -> set[Finding]:
    claims = [
        one
        for one in graph.standing
        if one.link_class is LinkClass.ASSERTED and one.source is not None and one.node in entity
    ]
    keys = {node[1] for node in entity}
    found: set[Finding] = set()
    for identifier in {one.identifier for one in claims} - keys:
        for source in {one.source for one in claims}:
            described = {
                (Kind(type(record).__name__.lower()), str(record.key))
                for statement in told
                if statement.source == source
                for record in statement.records
                if isinstance(record, Artifact | Execution) and record.type is not None
            }
            says_one = {
                one.node for one in claims if one.source == source and one.identifier in keys
            }
            own = {
                one.node
                for one in claims
                if (one.source, one.identifier) == (source, identifier)
                and one.node in described - says_one
            }
            if len(own) > 1:
                sides = {node[1]: [node] for node in own}
                found.add(_finding(ConflictKind.REPEATED, identifier, sides))
    return found
