"""An identifier that n nodes share costs n: counted, and at ten thousand nodes."""

import tracemalloc
from collections.abc import Callable
from typing import Final

import pytest

from hub_stories import (
    DIGEST,
    KINDS,
    LAST,
    ROOT,
    Work,
    chain,
    counted,
    ledger_of,
    statements_of,
    story,
)
from lineage.ledger import (
    Claim,
    CommonQuery,
    CyclesQuery,
    DiffQuery,
    Direction,
    Event,
    EventKind,
    ImpactQuery,
    Kind,
    LinkClass,
    OrphansQuery,
    PathsQuery,
    ProvenanceQuery,
    Statement,
    TraceQuery,
    WhyQuery,
)
from lineage.questions import provenance
from lineage.service import Ledger
from lineage_schemas.graph import LineageAnswer
from lineage_schemas.records import AnyRecord
from told_graphs import EVERY

FEW, MANY, LARGE = 60, 240, 10_000
SLACK: Final = 1.25
"""So much more than in proportion may be: sorting, and tables that grow."""

Ask = Callable[[Ledger], object]
UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH


def tracing(start: str, direction: Direction) -> Ask:
    query = TraceQuery(start=(start,), direction=direction, cross=EVERY)
    return lambda ledger: ledger.graph.trace(query)


def halves(ledger: Ledger) -> object:
    query = DiffQuery(trace=TraceQuery(start=(ROOT,), direction=DOWN, cross=EVERY))
    return ledger.graph.diff(query, before=1)


ASKED: Final[dict[str, Ask]] = {
    "trace up": tracing(LAST, UP),
    "trace down": tracing(ROOT, DOWN),
    "trace both ways": tracing("acme:out1", BOTH),
    "ids alone": lambda ledger: ledger.graph.trace_ids(
        TraceQuery(start=(ROOT,), direction=DOWN, cross=EVERY)
    ),
    "impact": lambda ledger: ledger.graph.impact(ImpactQuery(start=(ROOT,), cross=EVERY)),
    "common": lambda ledger: ledger.graph.common(
        CommonQuery(start=("acme:out1", "acme:out2"), direction=UP, cross=EVERY)
    ),
    "provenance": lambda ledger: ledger.graph.provenance(ProvenanceQuery(subject=LAST)),
    "paths": lambda ledger: ledger.graph.paths(
        PathsQuery(start=ROOT, end=LAST, direction=DOWN, count=2, cross=EVERY)
    ),
    "cycles": lambda ledger: ledger.graph.cycles(CyclesQuery()),
    "cycles around": lambda ledger: ledger.graph.cycles(CyclesQuery(start=ROOT)),
    "orphans": lambda ledger: ledger.graph.orphans(OrphansQuery()),
    "diff": halves,
    "why": lambda ledger: ledger.linking.why(WhyQuery(one="acme:out1", other="acme:out2")),
}


@pytest.fixture(autouse=True)
def few_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show fewer things of the same content than there are in any of these histories."""
    monkeypatch.setattr(provenance, "SAME_CONTENT_MAX", 10)


def work_of(statements: list[Statement], ask: Ask, *, is_indexed: bool) -> Work:
    ledger = ledger_of(statements, is_indexed=is_indexed)
    ask(ledger)
    with counted() as work:
        ask(ledger)
    return work


def check_in_proportion(few: Work, many: Work) -> None:
    assert few.lines > FEW
    assert many.lines <= SLACK * MANY / FEW * few.lines
    assert many.claims <= SLACK * MANY / FEW * few.claims


@pytest.mark.parametrize("is_indexed", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ASKED)
def test_an_identifier_that_many_share_takes_work_in_proportion(
    name: str, kind: str, *, is_indexed: bool
) -> None:
    loops = "cycles" in name
    check_in_proportion(
        *(
            work_of(story(kind, count, loops=loops), ASKED[name], is_indexed=is_indexed)
            for count in (FEW, MANY)
        )
    )


@pytest.mark.parametrize("is_indexed", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_an_identifier_that_one_comes_to_again_and_again_takes_work_in_proportion(
    kind: str, *, is_indexed: bool
) -> None:
    ask = tracing("acme:out1", DOWN)
    check_in_proportion(
        *(work_of(chain(kind, count), ask, is_indexed=is_indexed) for count in (FEW, MANY))
    )


@pytest.mark.parametrize("is_indexed", [True, False])
def test_what_one_source_does_not_reach_by_equal_contents_a_second_does(
    *, is_indexed: bool
) -> None:
    said = {"dvc": ("acme:one", "acme:other"), "mlflow": ("acme:made",)}
    told: dict[str, list[AnyRecord]] = {
        source: [
            Claim(kind=Kind.ARTIFACT, node=node, identifier=DIGEST, link_class=LinkClass.CONTENT)
            for node in nodes
        ]
        for source, nodes in said.items()
    }
    told["ci"] = [
        Event(artifact="acme:one", execution="acme:run", kind=EventKind.INPUT),
        Event(artifact="acme:made", execution="acme:run", kind=EventKind.OUTPUT),
    ]
    ledger = ledger_of(statements_of(told), is_indexed=is_indexed)
    answer = ledger.graph.trace(TraceQuery(start=("acme:one",), direction=DOWN))
    # Of the same bytes as the start, and by another source; the other one only by way of it.
    assert [(node.key, node.depth) for node in answer.nodes] == [
        ("acme:one", 0),
        ("acme:made", 0),
        ("acme:run", 1),
        ("acme:other", 2),
    ]
    assert len(answer.links) == 3


@pytest.mark.long
@pytest.mark.parametrize("is_indexed", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_nodes_share_one_identifier(kind: str, *, is_indexed: bool) -> None:
    ledger = ledger_of(story(kind, LARGE), is_indexed=is_indexed)
    links = 0 if kind == "content of one source" else LARGE
    tracemalloc.start()
    for ask in (tracing(ROOT, DOWN), tracing(LAST, UP)):
        answer = ask(ledger)
        assert isinstance(answer, LineageAnswer)
        assert len(answer.nodes) == 2 * LARGE + 3
        assert len(answer.links) == links
        assert answer.complete
    impact = ledger.graph.impact(ImpactQuery(start=(ROOT,), cross=EVERY))
    asserted = {"asserted": LARGE, "mixed": -(-LARGE // 4)}.get(kind, 1)
    assert (impact.nodes, impact.things) == (2 * LARGE + 2, 2 * LARGE + 3 - asserted)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One byte for each pair would be as much.
    assert most < LARGE * LARGE
