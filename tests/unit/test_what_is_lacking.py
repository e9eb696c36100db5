"""What answers of the graph say they lack: what was erased, undated, not begun, or a stub."""

from datetime import UTC, datetime, timedelta

from erasing import ALL, asked
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    ColumnsQuery,
    CommonQuery,
    CompareQuery,
    Context,
    CyclesQuery,
    DiffQuery,
    Event,
    EventKind,
    Execution,
    ImpactQuery,
    Kind,
    Ledger,
    LinkClass,
    PathsQuery,
    ProvenanceQuery,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage_schemas.impact import ImpactAnswer
from lineage_schemas.mlmd import ParentContext
from lineage_schemas.records import AnyRecord

RAW, MODEL, RUN, PROJECT = "acme:raw", "acme:model", "acme:run", "acme:project"
MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = MAY + timedelta(days=31)


def tell(ledger: Ledger, *records: AnyRecord, stated: datetime | None = None) -> int:
    """Record one statement and return where it stands."""
    time = None if stated is None else StatedTime(start=stated)
    name = f"s-{ledger.head().size}"
    (receipt,) = ledger.record([Statement(id=name, source="ci", records=records, stated=time)])
    assert receipt.position is not None
    return receipt.position


def run(name: str, inputs: list[str], outputs: list[str]) -> list[AnyRecord]:
    return [
        Execution(key=name, type="lineage.Run"),
        *(Event(artifact=one, execution=name, kind=EventKind.INPUT) for one in inputs),
        *(Event(artifact=one, execution=name, kind=EventKind.OUTPUT) for one in outputs),
    ]


def contexts(answer: ImpactAnswer) -> list[tuple[str | None, int]]:
    return [(one.node.key, one.members) for group in answer.contexts for one in group.first]


def test_impact_tells_what_was_erased_of_the_contexts_that_it_lists(ledger: Ledger) -> None:
    tell(ledger, *run(RUN, [RAW], [MODEL]))
    described_at = tell(ledger, Context(key=PROJECT, type="lineage.Project", name="secret"))
    tell(ledger, Attribution(context=PROJECT, artifact=MODEL))
    assert ledger.graph.impact(ImpactQuery(start=(RAW,))).redactions == ()
    ledger.erasures.erase(asked(described_at, parts=ALL))
    answer = ledger.graph.impact(ImpactQuery(start=(RAW,)))
    assert contexts(answer) == [(PROJECT, 1)]
    assert [one.position for one in answer.redactions] == [described_at]
    assert answer.basis.redactions == 1


def test_impact_at_a_stated_time_lists_the_contexts_that_had_begun(ledger: Ledger) -> None:
    later, around, above = "acme:later", "acme:around", "acme:above"
    tell(ledger, *run(RUN, [RAW], [MODEL]), stated=MAY)
    tell(ledger, Context(key=PROJECT, type="lineage.Project"), stated=MAY)
    tell(ledger, Context(key=above, type="lineage.Project"), stated=MAY)
    tell(ledger, Context(key=later, type="lineage.Project"), stated=JUNE)
    tell(ledger, Context(key=around, type="lineage.Project"))
    # Filed in June what was there in May: a membership has no time of its own.
    tell(ledger, Attribution(context=PROJECT, artifact=MODEL), stated=JUNE)
    tell(ledger, Attribution(context=later, artifact=MODEL), stated=JUNE)
    tell(ledger, ParentContext(child=PROJECT, parent=around))
    tell(ledger, ParentContext(child=later, parent=above), stated=JUNE)
    query = ImpactQuery(start=(RAW,))
    assert contexts(ledger.graph.impact(query, valid_at=MAY)) == [(PROJECT, 1), (around, 0)]
    every = [(PROJECT, 1), (later, 1), (above, 0), (around, 0)]
    assert contexts(ledger.graph.impact(query)) == every
    assert contexts(ledger.graph.impact(query, valid_at=JUNE)) == every


def test_what_nobody_dated_is_counted_alike_in_every_answer(ledger: Ledger) -> None:
    # Five nodes and four edges upstream of either model, three of the nodes and two edges shared.
    tell(ledger, *run("acme:clean", [RAW], ["acme:data"]))
    tell(ledger, *run(RUN, ["acme:data"], [MODEL]), *run("acme:run/2", ["acme:data"], ["acme:m2"]))
    ask = ledger.graph
    trace = ask.trace(TraceQuery(start=(MODEL,)), valid_at=MAY)
    assert trace.undated == 9
    assert ask.provenance(ProvenanceQuery(subject=MODEL), valid_at=MAY).undated == 9
    assert ask.paths(PathsQuery(start=RAW, end=MODEL), valid_at=MAY).undated == 9
    assert ask.common(CommonQuery(start=(MODEL, "acme:m2")), valid_at=MAY).undated == 7 + 6
    assert ask.impact(ImpactQuery(start=(RAW,)), valid_at=MAY).undated == 7 + 6
    assert ask.common(CommonQuery(start=(MODEL, "acme:m2"))).undated == 0
    # Two runs, what they share, and what each made, with an edge each to both.
    compared = CompareQuery(one=RUN, other="acme:run/2")
    assert ask.compare(compared, valid_at=MAY).undated == 5 + 4
    assert ask.compare(CompareQuery(one=RUN, other=MODEL), valid_at=MAY).undated == 3 + 2
    assert ask.compare(compared).undated == 0
    told = ledger.head().size
    both = DiffQuery(trace=TraceQuery(start=(MODEL,)), valid_before=MAY, valid_after=MAY)
    difference = ask.diff(both, told, told)
    assert (difference.undated_before, difference.undated) == (9, 9)
    tell(ledger, *run(RUN, ["acme:data"], [MODEL]), stated=MAY)
    # Dated: a node for each of the run, its input and its output, and both of its edges.
    assert ask.provenance(ProvenanceQuery(subject=MODEL), valid_at=MAY).undated == 4
    assert ask.common(CommonQuery(start=(MODEL, "acme:m2")), valid_at=MAY).undated == 13 - 5


def test_what_had_not_begun_is_named_by_what_shows_it_all_the_same(ledger: Ledger) -> None:
    tell(ledger, *run(RUN, [RAW], [MODEL]), stated=JUNE)
    ask = ledger.graph
    compared = CompareQuery(one=MODEL, other=RUN)
    assert ask.compare(compared, valid_at=MAY).not_begun == (MODEL, RUN)
    assert ask.compare(compared, valid_at=JUNE).not_begun == ()
    assert ask.columns(ColumnsQuery(dataset=RAW), valid_at=MAY).not_begun == (RAW,)
    assert ask.columns(ColumnsQuery(dataset=RAW), valid_at=JUNE).not_begun == ()


def test_stubs_and_what_of_them_is_unresolved_are_counted_alike(ledger: Ledger) -> None:
    tell(ledger, *run(RUN, ["acme:stub"], [MODEL]), *run("acme:run/2", ["acme:stub"], ["acme:m2"]))
    tell(ledger, Artifact(key="other:m", type="lineage.Model"))
    claim = Claim(
        kind=Kind.ARTIFACT, node=MODEL, identifier="other:m", link_class=LinkClass.ASSERTED
    )
    tell(ledger, claim)
    ask = ledger.graph
    trace = ask.trace(TraceQuery(start=(MODEL,), cross=()))
    assert (trace.stubs, trace.unresolved) == (2, 1)
    paths = ask.paths(PathsQuery(start="acme:stub", end=MODEL, cross=()))
    assert (paths.stubs, paths.unresolved) == (2, 1)
    common = ask.common(CommonQuery(start=(MODEL, "acme:m2"), cross=()))
    assert (common.stubs, common.unresolved) == (1, 1)
    impact = ask.impact(ImpactQuery(start=("acme:stub",), cross=()))
    assert (impact.stubs, impact.unresolved) == (2, 1)
    tell(ledger, Event(artifact=MODEL, execution=RUN, kind=EventKind.INPUT))
    cycles = ask.cycles(CyclesQuery(entities=False))
    assert (cycles.stubs, cycles.unresolved) == (1, 0)


def test_what_was_described_after_the_stated_time_is_a_stub_in_every_count(ledger: Ledger) -> None:
    for end, kind in (RAW, EventKind.INPUT), (MODEL, EventKind.OUTPUT):
        tell(ledger, Event(artifact=end, execution=RUN, kind=kind), stated=MAY)
    later = Artifact(key=MODEL, type="lineage.Model"), Execution(key=RUN, type="lineage.Run")
    tell(ledger, *later, stated=JUNE)
    ask = ledger.graph
    for valid_at, stubs in (MAY, 3), (JUNE, 1):
        assert ask.trace(TraceQuery(start=(MODEL,)), valid_at=valid_at).stubs == stubs
        paths = ask.paths(PathsQuery(start=RAW, end=MODEL), valid_at=valid_at)
        assert (paths.stubs, paths.unresolved) == (stubs, stubs)
        impact = ask.impact(ImpactQuery(start=(RAW,)), valid_at=valid_at)
        assert (impact.stubs, impact.unresolved) == (stubs - 1, stubs - 1)


def test_impact_counts_nothing_as_a_stub_that_was_erased(ledger: Ledger) -> None:
    tell(ledger, *run(RUN, [RAW], [MODEL]))
    at = tell(ledger, Artifact(key=MODEL, type="lineage.Model"))
    ledger.erasures.erase(asked(at, parts=ALL))
    answer = ledger.graph.impact(ImpactQuery(start=(RAW,)))
    assert (answer.stubs, answer.unresolved) == (0, 0)
    assert ledger.graph.trace(TraceQuery(start=(MODEL,))).stubs == 1
