"""Diffs and additions against the slowest way that is right: sets of two prefixes of a history."""

from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    BetweenQuery,
    DiffQuery,
    Direction,
    EventKind,
    Kind,
    Ledger,
    LinkClass,
    ProvenanceQuery,
    Statement,
    TraceQuery,
)
from lineage.projections.states import shown_fields
from lineage.projections.views import TABLES
from lineage.stores.opening import open_store
from lineage_schemas.differences import BetweenPage, EntityChange, LineageDiff
from lineage_schemas.graph import Node
from lineage_schemas.values import JsonValue
from oracle import Graph, Name, Standing, Walk
from strategies import ARTIFACTS, EXECUTIONS, histories, lineage_records, observed_records

CROSSED = frozenset({LinkClass.ASSERTED, LinkClass.CONTENT})
Ids = dict[tuple[Kind, int], str]


class Told(NamedTuple):
    """A ledger of single statements, and what it had been told at each of its sizes."""

    ledger: Ledger
    graphs: dict[int, Graph]

    @property
    def sizes(self) -> list[int]:
        return sorted(self.graphs)

    def nodes(self, size: int) -> dict[tuple[Kind, int], Node]:
        return {
            (node.kind, node.id): node
            for kind in Kind
            for node in self.ledger.list_nodes(kind.value, count=1_000, as_of=size).nodes
            if node.kind is not None and node.id is not None
        }

    def keys(self) -> Ids:
        return {name: str(node.key) for name, node in self.nodes(self.sizes[-1]).items()}


def told(statements: list[Statement]) -> Told:
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    graphs = {0: Graph([])}
    for count, statement in enumerate(statements, 1):
        ledger.record([statement])
        graphs[ledger.head().size] = Graph(statements[:count])
    return Told(ledger, graphs)


def reached(graph: Graph, start: str, direction: Direction) -> set[Name]:
    return set(graph.trace(graph.identified(start), Walk(direction, CROSSED)))


def names(nodes: tuple[Node, ...]) -> set[Name]:
    return {(node.kind, str(node.key)) for node in nodes if node.kind is not None}


def check_entities(
    changes: tuple[EntityChange, ...], keys: Ids, whole: Graph, apart: Graph, met: set[Name]
) -> None:
    """Each entity of ``whole`` that is several in ``apart``, among the nodes that were met."""
    expected = set()
    for node in met:
        entity = whole.entity(node)
        if len({apart.entity(one) for one in entity}) > 1:
            expected.add(frozenset(entity))
    shown = {frozenset((one.kind, keys[one.kind, each]) for each in one.members) for one in changes}
    assert shown == expected
    for one in changes:
        parts = [frozenset((one.kind, keys[one.kind, each]) for each in part) for part in one.parts]
        assert set(parts) == {apart.entity(node) for part in parts for node in part}


@settings(max_examples=30)
@given(
    history=histories(lineage_records(), statements_max=8),
    start=st.sampled_from([*ARTIFACTS[:3], *EXECUTIONS[:2]]),
    direction=st.sampled_from([Direction.UPSTREAM, Direction.DOWNSTREAM]),
    places=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
def test_a_diff_is_the_difference_of_two_prefixes(
    history: list[Statement], start: str, direction: Direction, places: tuple[int, int]
) -> None:
    log = told(history)
    first, last = (log.sizes[min(place, len(log.sizes) - 1)] for place in sorted(places))
    query = DiffQuery(trace=TraceQuery(start=(start,), direction=direction))
    answer = log.ledger.graph.diff(query, first, last)
    old, new = log.graphs[first], log.graphs[last]
    was, now = reached(old, start, direction), reached(new, start, direction)
    assert (answer.count_before, answer.count_after) == (len(was), len(now))
    assert names(answer.nodes_added) == now - was
    assert names(answer.nodes_gone) == was - now
    check_edges(log, answer, old, new, was, now)
    keys = log.keys()
    check_entities(answer.joined, keys, new, old, was | now)
    check_entities(answer.parted, keys, old, new, was | now)
    same = log.ledger.graph.diff(query, last, last)
    assert same.is_same


def check_edges(
    log: Told, answer: LineageDiff, old: Graph, new: Graph, was: set[Name], now: set[Name]
) -> None:
    keys = log.keys()

    def of(edges: tuple[tuple[int, int, EventKind], ...]) -> set[tuple[Name, Name, EventKind]]:
        found = set()
        for artifact, execution, kind in edges:
            ends = (
                (Kind.ARTIFACT, keys[Kind.ARTIFACT, artifact]),
                (Kind.EXECUTION, keys[Kind.EXECUTION, execution]),
            )
            found.add((*(ends if kind.is_input else ends[::-1]), kind))
        return found

    before = {edge for edge in old.edges if was.issuperset(edge[:2])}
    after = {edge for edge in new.edges if now.issuperset(edge[:2])}
    added, gone = (
        of(tuple((one.edge.artifact, one.edge.execution, one.edge.kind) for one in edges))
        for edges in (answer.edges_added, answer.edges_gone)
    )
    assert added == after - before
    assert gone == before - after
    for one in answer.edges_added:
        # Of the sizes that were told one by one, the first with the edge ends with that entry.
        (edge,) = of(((one.edge.artifact, one.edge.execution, one.edge.kind),))
        assert one.position is not None
        holding = [size for size in log.sizes if edge in log.graphs[size].edges]
        assert one.position == holding[0] - 1


# --- between -------------------------------------------------------------------------------------


def pages(log: Told, first: int, last: int, count: int) -> Iterator[BetweenPage]:
    cursor = None
    while True:
        page = log.ledger.graph.between(
            BetweenQuery(first=first, last=last), cursor=cursor, count=count
        )
        yield page
        cursor = page.cursor
        if cursor is None:
            return


@settings(max_examples=30)
@given(
    history=histories(observed_records(), statements_max=8),
    places=st.tuples(st.integers(0, 8), st.integers(0, 8)),
    count=st.integers(1, 4),
)
def test_what_was_added_leads_from_one_prefix_to_the_other(
    history: list[Statement], places: tuple[int, int], count: int
) -> None:
    log = told(history)
    first, last = (log.sizes[min(place, len(log.sizes) - 1)] for place in sorted(places))
    old, new = log.graphs[first], log.graphs[last]
    found = list(pages(log, first, last, count))
    assert [one.start for one in found] == [first, *(one.stop for one in found[:-1])]
    assert found[-1].stop == last
    seen = [names((one.node,)) for page in found for one in page.first_seen]
    assert len(seen) == len(new.nodes - old.nodes)
    assert set().union(*seen) == new.nodes - old.nodes
    edges = {
        (one.artifact_key, one.execution_key, one.kind) for page in found for one in page.edges
    }
    assert edges == ends_of(new) - ends_of(old)
    standing = {one for one in old.standing if one.source is not None}
    for one in sorted(
        (
            one.position,
            sign,
            Standing(
                (one.kind, str(one.key)), str(one.identifier), LinkClass(one.link_class), one.source
            ),
        )
        for page in found
        for sign, links in ((0, page.links_retracted), (1, page.links_made))
        for one in links
    ):
        _, sign, claim = one
        assert (claim in standing) != bool(sign)
        (standing.add if sign else standing.discard)(claim)
    assert standing == {one for one in new.standing if one.source is not None}
    check_values(log, found, first, last)
    whole = next(pages(log, first, last, 1_000))
    assert [one.position for page in found for one in page.changed] == [
        one.position for one in whole.changed
    ]


def ends_of(graph: Graph) -> set[tuple[str, str, EventKind]]:
    return {
        (tail[1], head[1], kind) if kind.is_input else (head[1], tail[1], kind)
        for tail, head, kind in graph.edges
    }


def check_values(log: Told, found: list[BetweenPage], first: int, last: int) -> None:
    """What showed at the first size, with each change made in turn, is what shows at the last."""
    old, new = log.nodes(first), log.nodes(last)
    shown: dict[tuple[Kind, int], dict[str, JsonValue]] = {
        name: shown_fields(node) for name, node in old.items()
    }
    for change in (one for page in found for one in page.changed):
        fields = shown.setdefault((change.kind, change.id), {})
        before = log.nodes(change.position)
        known = before.get((change.kind, change.id))
        for one in change.changes:
            assert one.before == (None if known is None else shown_fields(known).get(one.field))
            fields[one.field] = one.after
    for name in old:
        kept = {field: value for field, value in shown[name].items() if value is not None}
        assert kept == shown_fields(new[name])


# --- provenance ----------------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    history=histories(lineage_records(), statements_max=10),
    start=st.sampled_from([*ARTIFACTS, *EXECUTIONS]),
)
def test_every_input_of_a_step_was_made_before_it(history: list[Statement], start: str) -> None:
    log = told(history)
    graph = log.graphs[log.sizes[-1]]
    answer = log.ledger.graph.provenance(ProvenanceQuery(subject=start))
    met = reached(graph, start, Direction.UPSTREAM)
    keys = log.keys()
    number: dict[Name, int] = {}
    knots: dict[int, bool] = {}
    for step in answer.steps:
        knots[step.number] = step.is_knot
        for one in step.executions:
            for each in one.thing.ids:
                number[Kind.EXECUTION, keys[Kind.EXECUTION, each]] = step.number
    assert number.keys() == {node for node in met if node[0] is Kind.EXECUTION}
    assert [step.number for step in answer.steps] == list(range(1, len(answer.steps) + 1))
    edges = [edge for edge in graph.edges if met.issuperset(edge[:2])]
    for tail, taker, kind in edges:
        if not kind.is_input:
            continue
        entity = graph.entity(tail)
        content = {
            far
            for one in entity
            for far, link_class in graph.links(one)
            if link_class is LinkClass.CONTENT
        }
        for maker, made, how in edges:
            if how.is_input or made not in entity | content:
                continue
            assert number[maker] <= number[taker]
            if number[maker] == number[taker]:
                assert knots[number[taker]]
