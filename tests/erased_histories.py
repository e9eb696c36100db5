"""Histories in which statements are made and erased in turn, and what an oracle makes of them."""

from typing import Final, NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from columns_told import tellings
from erasing import asked
from every_store import Place
from lineage.ledger import Claim, Kind, Ledger, LinkClass, PartsErased, Retraction, Statement
from lineage_schemas.mlmd import NodeRecord
from lineage_schemas.records import AnyRecord
from oracle import Graph, Interval, Name, Standing
from strategies import (
    artifacts,
    claims,
    events,
    executions,
    memberships,
    numbered,
    observations,
    retractions,
    series,
)
from told_graphs import Keys

GONE: Final = "gone:"
KINDS: Final = {
    "artifact": Kind.ARTIFACT,
    "execution": Kind.EXECUTION,
    "context": Kind.CONTEXT,
    "child": Kind.CONTEXT,
    "parent": Kind.CONTEXT,
}
"""The fields that name a node, with its kind."""


class Step(NamedTuple):
    """What happens next: statements are made in one batch, or of some made before parts go."""

    said: tuple[Statement, ...]
    erased: tuple[int, ...] = ()
    parts: PartsErased = PartsErased.ALL


class Erased(NamedTuple):
    """A statement as an oracle may know it, and which of its parts are gone."""

    statement: Statement
    position: int
    parts: frozenset[PartsErased]


class Happened(NamedTuple):
    """What a place was told: sizes between the steps, statements, and keys of nodes by their ids.

    What no statement tells any more is told under a name that nobody could ask for. ``hubs`` has
    the identifier that a node without a key has been joined by all the same: others tell it.
    """

    sizes: list[int]
    said: list[Erased]
    keys: Keys
    hubs: dict[Name, str]

    def statements(self, size: int) -> list[Statement]:
        """Return what had been said by a size, without what is erased by now."""
        return [one.statement for one in self.said if one.position < size]

    def graph(self, size: int, valid: Interval | None = None) -> Graph:
        """Return what is told by a size, and was so at a stated time."""
        graph = Graph(self.statements(size), valid)
        graph.standing |= {
            Standing(node, identifier, LinkClass.ASSERTED, None)
            for node, identifier in self.hubs.items()
            if node in graph.nodes
        }
        return graph

    def redacted(self, size: int, nodes: set[Name]) -> set[int]:
        """Return where something stood that is erased, and that concerns some of these nodes."""
        return {
            one.position for one in self.said if one.position < size and _concerned(one) & nodes
        }


def _concerned(one: Erased) -> set[Name]:
    """Return the nodes that lost something: all that are named, or those with personal values."""
    if PartsErased.ALL in one.parts:
        return Graph([one.statement]).nodes
    personal = [
        record
        for record in one.statement.records
        if isinstance(record, NodeRecord) and _has_personal(record)
    ]
    lost = personal if PartsErased.PERSONAL in one.parts else []
    return Graph([replace(one.statement, records=tuple(lost))]).nodes


def _has_personal(record: NodeRecord) -> bool:
    """Tell whether it tells, or clears, what the record or the type marks personal: an owner."""
    told = record.custom_properties.keys() & set(record.personal)
    return bool(told) or "owner" in record.properties


def _steps() -> st.SearchStrategy[list[Step]]:
    records = st.one_of(
        *[events()] * 4,
        *[claims()] * 3,
        retractions(),
        artifacts(),
        executions(),
        memberships(),
        series(),
        tellings(),
    )
    saying = st.lists(observations(records), min_size=2, max_size=5).map(
        lambda said: Step(tuple(said))
    )
    erasing = st.builds(
        Step,
        st.just(()),
        st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True).map(tuple),
        st.sampled_from(PartsErased),
    )
    first = st.tuples(saying, saying, erasing).map(list)
    return st.tuples(first, st.lists(st.one_of(saying, erasing), max_size=3)).map(
        lambda parts: [*parts[0], *parts[1]]
    )


def _named(steps: list[Step]) -> list[Step]:
    """Give each statement an id of its own."""
    found: list[Step] = []
    count = 0
    for step in steps:
        found.append(step._replace(said=tuple(numbered(step.said, count))))
        count += len(step.said)
    return found


STORIES = _steps().map(_named)


def happen(story: list[Step], place: Place) -> Happened:
    """Let a story happen in a place."""
    happened = Happened([0], [], {}, {})
    for step in story:
        if step.said:
            place.hears(lambda ledger: _tell(happened, ledger, step.said))  # noqa: B023 - at once
        if step.erased:
            place.hears(lambda ledger: _erase(happened, ledger, step))  # noqa: B023 - at once
        happened.sizes.append(place.ledger.head().size)
    return happened


def _tell(happened: Happened, ledger: Ledger, said: tuple[Statement, ...]) -> None:
    for statement, receipt in zip(said, ledger.record(said), strict=True):
        assert receipt.position is not None
        happened.said.append(Erased(statement, receipt.position, frozenset()))
    for kind in Kind:
        for node in ledger.list_nodes(kind.value, count=1_000).nodes:
            known = happened.keys.setdefault((node.kind, node.id), str(node.key))
            assert known == node.key or (node.key is None and known.startswith(GONE))


def _erase(happened: Happened, ledger: Ledger, step: Step) -> None:
    said = happened.said
    numbers = {number % len(said) for number in step.erased}
    ledger.erasures.erase(asked(*(said[one].position for one in numbers), parts=step.parts))
    for number in numbers:
        said[number] = said[number]._replace(parts=said[number].parts | {step.parts})
    _forget(happened, f"{GONE}{len(happened.sizes)}/")


def _forget(happened: Happened, prefix: str) -> None:
    """Rename what erased statements alone tell: keys of nodes, and whatever nodes are claimed."""
    nodes: dict[bool, set[Name]] = {True: set(), False: set()}
    told: dict[bool, set[Name]] = {True: set(), False: set()}
    for one in happened.said:
        is_erased = PartsErased.ALL in one.parts
        nodes[is_erased] |= Graph([one.statement]).nodes
        told[is_erased] |= Graph([one.statement]).nodes | _claimed(one.statement)
    keys, identifiers = (
        {name: prefix + name[1] for name in of[True] - of[False] if not name[1].startswith(GONE)}
        for of in (nodes, told)
    )
    happened.said[:] = [
        one._replace(statement=_renamed(one.statement, keys, identifiers)) for one in happened.said
    ]
    for (kind, number), key in happened.keys.items():
        if kind is not None:
            happened.keys[kind, number] = keys.get((kind, key), key)
    for node, identifier in happened.hubs.items():
        happened.hubs[node] = identifiers.get((node[0], identifier), identifier)
    for name in keys.keys() - identifiers.keys():
        happened.hubs[name[0], keys[name]] = name[1]


def _claimed(statement: Statement) -> set[Name]:
    return {
        (record.kind, str(record.identifier))
        for record in statement.records
        if isinstance(record, Claim | Retraction)
    }


def _renamed(
    statement: Statement, keys: dict[Name, str], identifiers: dict[Name, str]
) -> Statement:
    renamed = (_record_renamed(record, keys, identifiers) for record in statement.records)
    return replace(statement, records=tuple(renamed))


def _record_renamed(
    record: AnyRecord, keys: dict[Name, str], identifiers: dict[Name, str]
) -> AnyRecord:
    fields: dict[str, str] = {}
    if isinstance(record, Claim | Retraction):
        name, node = str(record.identifier), str(record.node)
        fields = {
            "identifier": identifiers.get((record.kind, name), name),
            "node": keys.get((record.kind, node), node),
        }
    elif isinstance(record, NodeRecord):
        kind = Kind(type(record).__name__.lower())
        fields = {"key": keys.get((kind, str(record.key)), str(record.key))}
    else:
        for field in KINDS.keys() & set(record.__struct_fields__):
            known = str(getattr(record, field))
            fields[field] = keys.get((KINDS[field], known), known)
    return replace(record, **fields)
