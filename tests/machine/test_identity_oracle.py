"""Identity against the slowest way that is obviously right: `oracle_identity`, as of every size."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    Claim,
    ConflictQuery,
    Direction,
    Execution,
    Kind,
    LinkClass,
    Retraction,
    Statement,
    TraceQuery,
    WhyQuery,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.graph import ConflictKind
from lineage_schemas.identity import (
    ApartBecause,
    Conflict,
    JoinStep,
    NameFound,
    Relation,
    WhyAnswer,
)
from lineage_schemas.records import AnyRecord
from oracle import Graph, Interval, Walk
from oracle_identity import Finding, conflicts, guessed, meant, related
from strategies import (
    ALIASES,
    ARTIFACTS,
    DIGESTS,
    EXECUTIONS,
    batch_sizes,
    claims,
    cut,
    events,
    histories,
    retractions,
    valid_times,
)

OTHER_MD5 = "md5:" + "c3" * 16
NAMES = (*ARTIFACTS, *EXECUTIONS[:2], *ALIASES, *DIGESTS)
DEFAULT = frozenset({LinkClass.ASSERTED, LinkClass.CONTENT})
TYPES = {
    "ci": "lineage.DataSet",
    "dvc": "lineage.Model",
    "mlflow": "lineage.DataSet",
}


def described() -> st.SearchStrategy[AnyRecord]:
    """Descriptions by a type alone; of one node always the same one, so that none counts more."""
    kinds = [
        *(Artifact(key=key, type=list(TYPES.values())[n % 2]) for n, key in enumerate(ARTIFACTS)),
        *(Execution(key=key, type="lineage.Train") for key in EXECUTIONS),
    ]
    return st.sampled_from(kinds)


def digests() -> st.SearchStrategy[AnyRecord]:
    """Claims of equal contents, of two digests of one algorithm."""
    return st.builds(
        Claim,
        kind=st.just(Kind.ARTIFACT),
        node=st.sampled_from(ARTIFACTS),
        identifier=st.sampled_from([DIGESTS[1], OTHER_MD5]),
        link_class=st.just(LinkClass.CONTENT),
    )


def _asserted() -> st.SearchStrategy[AnyRecord]:
    """Claims and retractions of few asserted identifiers, so that entities are common."""
    return st.builds(
        lambda of, node, identifier: of(
            kind=Kind.ARTIFACT,
            node=node,
            identifier=identifier,
            link_class=LinkClass.ASSERTED,
        ),
        st.sampled_from([Claim, Claim, Claim, Retraction]),
        st.sampled_from(ARTIFACTS),
        st.sampled_from([*ALIASES, *ARTIFACTS[:3]]),
    ).filter(lambda record: record.node != record.identifier)


STORIES = histories(
    st.one_of(claims(), claims(), retractions(), events(), described(), digests(), _asserted()),
    statements_max=12,
)


def memory() -> Ledger:
    return Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())


# --- why -----------------------------------------------------------------------------------------


def check_steps(graph: Graph, answer: WhyAnswer, steps: tuple[JoinStep, ...]) -> None:
    """Each step is two claims that stand, to one identifier; and each begins where one ended."""
    standing = {(one.node, one.identifier, one.source or "") for one in graph.standing}
    for step in steps:
        for claim in (step.near, step.far):
            name = claim.node.kind, str(claim.node.key)
            assert claim.stands
            assert (name, claim.identifier, claim.source) in standing
        assert step.near.identifier == step.far.identifier
        near, far = ((one.node.kind, str(one.node.key)) for one in (step.near, step.far))
        assert (far, step.link_class) in graph.links(near)
    assert [step.far.node for step in steps[:-1]] == [step.near.node for step in steps[1:]]
    if steps:
        assert steps[0].near.node in answer.one.nodes
        assert steps[-1].far.node in answer.other.nodes


def check_why(graph: Graph, answer: WhyAnswer) -> None:
    one, other = answer.one.identifier, answer.other.identifier
    expected = related(graph, one, other)
    assert (answer.relation, answer.link_class, len(answer.steps)) == expected
    assert answer.complete == (answer.relation is not Relation.UNKNOWN)
    for named in (answer.one, answer.other):
        nodes = {(node.kind, str(node.key)) for node in named.nodes}
        assert nodes == meant(graph, named.identifier)
        assert (named.found is NameFound.UNKNOWN) == (not nodes)
    check_steps(graph, answer, answer.steps)
    # Lineage may lead both ways round a cycle; everything else is told once.
    told_once = [apart for apart in answer.apart if apart.reason is not ApartBecause.LINEAGE]
    reasons = {apart.reason: apart for apart in told_once}
    assert len(reasons) == len(told_once)
    if answer.relation is not Relation.APART:
        assert not answer.apart
        return
    kinds = [{kind for kind, _ in meant(graph, name)} for name in (one, other)]
    assert (ApartBecause.KINDS in reasons) == kinds[0].isdisjoint(kinds[1])
    for reason in (ApartBecause.GUESS, ApartBecause.CONTENT_CHAIN):
        if reason in reasons:
            check_steps(graph, answer, reasons[reason].steps)
    is_stated = ApartBecause.GUESS in reasons and not reasons[ApartBecause.GUESS].evidence
    assert is_stated == guessed(graph, one, other)
    if ApartBecause.RETRACTED in reasons:
        back = [claim for claim in reasons[ApartBecause.RETRACTED].claims if not claim.stands]
        assert {
            ((one.node.kind, str(one.node.key)), one.identifier, one.link_class, one.source)
            for one in back
        } <= {(*of, str(identifier), by) for *of, identifier, by in graph.taken_back}
        assert back
    check_lineage(graph, answer)


def check_lineage(graph: Graph, answer: WhyAnswer) -> None:
    """The distance is the oracle's, each way that there is one."""
    starts, ends = (meant(graph, named.identifier) for named in (answer.one, answer.other))
    expected = set()
    for way in (Direction.UPSTREAM, Direction.DOWNSTREAM):
        depths = graph.trace(starts, Walk(way, DEFAULT))
        near = [depths[node] for node in ends if node in depths]
        if near:
            expected.add((way, min(near)))
    found = {
        (one.direction, one.distance) for one in answer.apart if one.reason is ApartBecause.LINEAGE
    }
    assert found == expected


PAIRS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from((*NAMES, "acme:never"))),
    min_size=1,
    max_size=4,
)


@given(history=STORIES, sizes=batch_sizes(), pairs=PAIRS)
def test_why_is_what_trying_every_chain_says(
    history: list[Statement], sizes: list[int], pairs: list[tuple[str, str]]
) -> None:
    ledger = memory()
    so_far: list[Statement] = []
    graphs = {0: Graph([])}
    for batch in cut(history, sizes):
        ledger.record(batch)
        so_far += batch
        graphs[ledger.head().size] = Graph(so_far)
    for size, graph in graphs.items():
        for one, other in pairs:
            check_why(graph, ledger.linking.why(WhyQuery(one=one, other=other), as_of=size))


@given(history=STORIES, sizes=batch_sizes(), pairs=PAIRS, valid=valid_times())
def test_why_at_a_stated_time_is_what_trying_every_chain_of_then_says(
    history: list[Statement], sizes: list[int], pairs: list[tuple[str, str]], valid: Interval
) -> None:
    ledger = memory()
    so_far: list[Statement] = []
    for batch in cut(history, sizes):
        ledger.record(batch)
        so_far += batch
        graph, size = Graph(so_far, valid), ledger.head().size
        for one, other in pairs:
            query = WhyQuery(one=one, other=other)
            answer = ledger.linking.why(query, as_of=size, valid_during=valid)
            check_why(graph, answer)
            assert answer.basis.valid_during is not None
            assert ledger.linking.why(query, as_of=answer.basis) == answer


@given(history=STORIES, pairs=PAIRS)
def test_why_is_the_same_both_ways(history: list[Statement], pairs: list[tuple[str, str]]) -> None:
    ledger = memory()
    ledger.record(history)
    for one, other in pairs:
        there = ledger.linking.why(WhyQuery(one=one, other=other))
        back = ledger.linking.why(WhyQuery(one=other, other=one))
        assert (there.relation, there.link_class) == (back.relation, back.link_class)
        assert len(there.steps) == len(back.steps)
        if len(there.one.nodes) == len(there.other.nodes) == 1:
            # Of a digest that several nodes have, one of as short chains is told each way.
            assert there.conflicts == back.conflicts


# --- conflicts -----------------------------------------------------------------------------------


def findings(ledger: Ledger, count: int, **where: object) -> Iterator[Conflict]:
    cursor = None
    while True:
        page = ledger.linking.conflicts(
            ConflictQuery(),
            cursor=cursor,
            count=count,
            **where,  # type: ignore[arg-type]
        )
        assert len(page.conflicts) <= count
        assert page.complete
        yield from page.conflicts
        cursor = page.cursor
        if cursor is None:
            return


def bare(found: Iterable[Conflict]) -> list[Finding]:
    """Return conflicts without ids, positions and times, each once."""
    return sorted(
        (
            one.kind,
            one.about,
            tuple(
                sorted(
                    (
                        (side.value, frozenset(str(node.key) for node in side.nodes))
                        for side in one.sides
                    ),
                    key=lambda side: (side[0], sorted(side[1])),
                )
            ),
        )
        for one in found
    )


def _sortable(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: (one[0], one[1], [(v, sorted(n)) for v, n in one[2]]))


@given(history=STORIES, sizes=batch_sizes(), count=st.integers(1, 3))
def test_conflicts_are_what_reading_their_definitions_says(
    history: list[Statement], sizes: list[int], count: int
) -> None:
    ledger = memory()
    so_far: list[Statement] = []
    for batch in cut(history, sizes):
        ledger.record(batch)
        so_far += batch
    size = ledger.head().size
    found = _sortable(bare(findings(ledger, count)))
    assert found == _sortable(conflicts(Graph(history), history))
    assert len(found) == len(set(found))
    half = cut(history, sizes)[0]
    early = ledger.linking.conflicts(as_of=len(half))
    assert early.basis.size <= size
    if early.basis.asked_size is None and early.basis.size == len(half):
        assert _sortable(bare(early.conflicts)) == _sortable(conflicts(Graph(half), half))


@given(history=STORIES, sizes=batch_sizes(), count=st.integers(1, 3), valid=valid_times())
def test_conflicts_at_a_stated_time_are_those_of_what_was_stated_by_then(
    history: list[Statement], sizes: list[int], count: int, valid: Interval
) -> None:
    ledger = memory()
    for batch in cut(history, sizes):
        ledger.record(batch)
    by_then = [
        one
        for one in history
        if one.stated is None or one.stated.start is None or one.stated.start < valid[1]
    ]
    found = _sortable(bare(findings(ledger, count, valid_during=valid)))
    assert found == _sortable(conflicts(Graph(history, valid), by_then))


def _told_of(one: Conflict) -> tuple[str, ...]:
    """Return a conflict in words, in its own order, without what arrival decides."""
    sides = [(side.value, [node.key for node in side.nodes], side.sources) for side in one.sides]
    steps = [
        (claim.node.key, claim.identifier, claim.link_class, claim.source)
        for step in one.steps
        for claim in (step.near, step.far)
    ]
    return one.kind, one.about, str(sides), str(steps), str(one.asked), str(one.members)


@given(history=STORIES, data=st.data())
def test_any_order_of_arrival_gives_the_same_conflicts(
    history: list[Statement], data: st.DataObject
) -> None:
    results = []
    for order in (history, data.draw(st.permutations(history))):
        ledger = memory()
        ledger.record(order)
        results.append(sorted(map(_told_of, findings(ledger, 1_000))))
    assert results[0] == results[1]


@given(history=STORIES)
def test_a_trace_counts_the_conflicts_of_each_entity(history: list[Statement]) -> None:
    ledger = memory()
    ledger.record(history)
    by_entity: dict[tuple[Kind, tuple[int, ...]], list[ConflictKind]] = {}
    for one in findings(ledger, 1_000):
        of = one.entity[0].kind, tuple(node.id for node in one.entity)
        by_entity.setdefault(of, []).append(one.kind)
    for key in (*ARTIFACTS, *EXECUTIONS):
        for entity in ledger.trace(TraceQuery(start=(key,), direction=Direction.BOTH)).entities:
            kinds = by_entity.get((entity.kind, entity.members), [])
            assert entity.conflicts == len(kinds)
            assert entity.conflict_kinds == tuple(dict.fromkeys(kinds))


# --- every store ---------------------------------------------------------------------------------


@pytest.fixture
def apart(ledger: Ledger) -> tuple[Ledger, Iterator[str]]:
    """Return a ledger in a store of each kind, and a namespace for each example."""
    return ledger, (f"example-{number}" for number in range(10_000))


@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=STORIES, pairs=PAIRS)
def test_every_store_tells_the_same_of_identity(
    apart: tuple[Ledger, Iterator[str]],
    history: list[Statement],
    pairs: list[tuple[str, str]],
) -> None:
    ledger, namespaces = apart
    namespace = next(namespaces)
    ledger.record(history, namespace=namespace)
    graph = Graph(history)
    for one, other in pairs:
        check_why(graph, ledger.linking.why(WhyQuery(one=one, other=other), namespace=namespace))
    for start in (ARTIFACTS[0], EXECUTIONS[0]):
        for cross in ((), (LinkClass.ASSERTED,), tuple(DEFAULT), (*DEFAULT, LinkClass.DERIVED)):
            query = TraceQuery(start=(start,), cross=cross)
            nodes = ledger.trace(query, namespace=namespace).nodes
            depths = {(node.kind, node.key): node.depth for node in nodes if node.id is not None}
            walk = Walk(Direction.UPSTREAM, frozenset(cross))
            assert depths == graph.trace(graph.identified(start), walk)
    found = bare(findings(ledger, 1_000, namespace=namespace))
    assert _sortable(found) == _sortable(conflicts(graph, history))
