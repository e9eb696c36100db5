"""Paths, common nodes, impact, orphans and cycles of a small story, over every kind of store."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from calendars import hour, moves_in, say_move
from lineage.graph.hops import LinkSteps
from lineage.graph.paths import PathLimits, find_paths
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    CommonQuery,
    Context,
    CyclesQuery,
    Direction,
    Event,
    EventKind,
    Execution,
    ImpactQuery,
    Kind,
    Ledger,
    LinkClass,
    OrphanKind,
    OrphansQuery,
    PathsQuery,
    StatedTime,
    Statement,
)
from lineage.questions import orphans as orphans_module
from lineage.questions import paths as paths_module
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.filters import parse_filter
from lineage_schemas.graph import TruncationReason
from lineage_schemas.mlmd import ParentContext
from lineage_schemas.paths import Path, PathsAnswer
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import Certainty

RAW, CLEAN, MODEL, COPY = "acme:raw", "acme:clean", "acme:model", "acme:copy"
VERSION, LONELY = "acme:version/1", "acme:lonely"
REGISTERED, PROJECT = "acme:registered/fraud", "acme:project/risk"
MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def tell(ledger: Ledger, name: str, *records: AnyRecord, stated: datetime | None = None) -> int:
    time = None if stated is None else StatedTime(start=stated)
    ledger.record([Statement(id=name, source="ci", records=records, stated=time)])
    return ledger.head().size


def step(name: str, type_name: str, inputs: list[str], outputs: list[str]) -> list[AnyRecord]:
    key = f"acme:{name}"
    return [
        Execution(key=key, type=f"lineage.{type_name}"),
        *(Event(artifact=one, execution=key, kind=EventKind.INPUT) for one in inputs),
        *(Event(artifact=one, execution=key, kind=EventKind.OUTPUT) for one in outputs),
    ]


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    """Tell of a model that learned from raw and cleaned data, and was copied and registered."""
    tell(
        ledger,
        "story",
        Artifact(key=RAW, type="lineage.DataSet"),
        Artifact(key=CLEAN, type="lineage.DataSet"),
        Artifact(key=MODEL, type="lineage.Model", name="the model"),
        Artifact(key=COPY, type="lineage.Model"),
        Artifact(key=VERSION, type="lineage.ModelVersion"),
        Artifact(key=LONELY, type="lineage.Model"),
        Context(key=REGISTERED, type="lineage.RegisteredModel"),
        Context(key=PROJECT, type="lineage.Project"),
        Attribution(context=REGISTERED, artifact=VERSION),
        ParentContext(child=REGISTERED, parent=PROJECT),
        Claim(kind=Kind.ARTIFACT, node=COPY, identifier=MODEL, link_class=LinkClass.ASSERTED),
        *step("prepare", "Prepare", [RAW], [CLEAN]),
        *step("train", "Train", [RAW, CLEAN], [MODEL]),
        Event(artifact=CLEAN, execution="acme:train", kind=EventKind.DECLARED_INPUT),
        *step("register", "Register", [COPY], [VERSION]),
    )
    return ledger


def keys_of(answer: PathsAnswer, path: Path) -> list[str]:
    keys = {(node.kind, node.id): str(node.key) for node in answer.nodes}
    return [keys[one.kind, one.id].removeprefix("acme:") for one in path.nodes]


def test_paths_are_shortest_first_and_cross_links_for_free(told: Ledger) -> None:
    answer = told.graph.paths(PathsQuery(start=RAW, end=VERSION))
    assert [(path.length, keys_of(answer, path)) for path in answer.paths] == [
        (4, ["raw", "train", "model", "copy", "register", "version/1"]),
        (6, ["raw", "prepare", "clean", "train", "model", "copy", "register", "version/1"]),
    ]
    assert {path.direction for path in answer.paths} == {Direction.DOWNSTREAM}
    assert answer.complete
    (link,) = answer.paths[0].steps[2].links
    assert (link.link_class, link.near.identifier, link.far.source) == (
        LinkClass.ASSERTED,
        MODEL,
        "ci",
    )
    # What runs side by side is one step.
    kinds = [edge.kind for edge in answer.paths[1].steps[2].edges]
    assert kinds == [EventKind.DECLARED_INPUT, EventKind.INPUT]


def test_paths_say_which_way_they_go(told: Ledger) -> None:
    answer = told.graph.paths(PathsQuery(start="the model", end=RAW))
    assert [(path.direction, path.length) for path in answer.paths] == [
        (Direction.UPSTREAM, 2),
        (Direction.UPSTREAM, 4),
    ]
    assert [label.key for label in answer.labels] == [MODEL]
    down = PathsQuery(start=MODEL, end=RAW, direction=Direction.DOWNSTREAM)
    none = told.graph.paths(down)
    assert (none.paths, none.complete) == ((), True)
    same = told.graph.paths(PathsQuery(start=COPY, end=MODEL))
    assert [(path.length, keys_of(same, path)) for path in same.paths] == [(0, ["copy", "model"])]


def test_paths_that_are_not_shown_are_told_of(told: Ledger) -> None:
    one = told.graph.paths(PathsQuery(start=RAW, end=VERSION, count=1))
    assert [(cut.reason, cut.limit, cut.hidden) for cut in one.truncations] == [
        (TruncationReason.PATHS, 1, 1)
    ]
    short = told.graph.paths(PathsQuery(start=RAW, end=VERSION, depth=4))
    assert [path.length for path in short.paths] == [4]
    assert {cut.reason for cut in short.truncations} == {TruncationReason.DEPTH}
    few = told.graph.paths(PathsQuery(start=RAW, end=VERSION, nodes=3))
    assert (few.paths, few.complete) == ((), False)


def test_what_is_unknown_or_a_context_is_part_of_the_answer(told: Ledger) -> None:
    unknown = told.graph.paths(PathsQuery(start="acme:nobody", end=RAW))
    assert (unknown.unknown, unknown.paths) == (("acme:nobody",), ())
    context = told.graph.paths(PathsQuery(start=REGISTERED, end=RAW))
    assert [node.key for node in context.contexts] == [REGISTERED]
    common = told.graph.common(CommonQuery(start=(RAW, "acme:nobody")))
    assert (common.common, common.unknown) == ((), ("acme:nobody",))
    assert told.graph.impact(ImpactQuery(start=("acme:nobody",))).unknown == ("acme:nobody",)
    assert told.graph.cycles(CyclesQuery(start="acme:nobody")).unknown == ("acme:nobody",)


def test_all_questions_are_answered_where_nobody_has_said_anything(ledger: Ledger) -> None:
    ask, empty = ledger.graph, "empty"
    assert ask.paths(PathsQuery(start=RAW, end=MODEL), namespace=empty).unknown == (RAW, MODEL)
    assert ask.common(CommonQuery(start=(RAW, MODEL)), namespace=empty).common == ()
    assert ask.impact(ImpactQuery(start=(RAW,)), namespace=empty).nodes == 0
    assert ask.orphans(namespace=empty).nodes == ()
    assert ask.cycles(namespace=empty).knot_count == 0


def test_the_nearest_of_what_is_common_has_nothing_common_before_it(told: Ledger) -> None:
    tell(told, "second", *step("tune", "Train", [CLEAN], ["acme:tuned"]))
    answer = told.graph.common(CommonQuery(start=(VERSION, "acme:tuned")))
    assert [(one.node.key, one.depths, one.nearest) for one in answer.common] == [
        (CLEAN, (4, 2), True),
        (RAW, (4, 4), False),
        ("acme:prepare", (5, 3), False),
    ]
    down = CommonQuery(start=(RAW, CLEAN), direction=Direction.DOWNSTREAM)
    nearest = [one.node.key for one in told.graph.common(down).common if one.nearest]
    assert nearest == [CLEAN]


def test_a_past_has_the_paths_and_cycles_of_then(told: Ledger) -> None:
    then = told.head().size
    tell(told, "back", Event(artifact=VERSION, execution="acme:prepare", kind=EventKind.INPUT))
    assert told.graph.cycles().knot_count == 1
    assert told.graph.cycles(as_of=then).knot_count == 0
    up = PathsQuery(start=CLEAN, end=VERSION, direction=Direction.UPSTREAM)
    assert [path.length for path in told.graph.paths(up).paths] == [2]
    assert told.graph.paths(up, as_of=then).paths == ()
    assert told.graph.paths(up, as_of=told.graph.paths(up).basis) == told.graph.paths(up)


def test_edges_count_for_a_valid_time_once_they_are_stated_to_have_been(ledger: Ledger) -> None:
    tell(ledger, "may", *step("first", "Run", [RAW], [CLEAN]), stated=MAY)
    tell(ledger, "june", *step("second", "Run", [CLEAN], [RAW]), stated=JUNE)
    assert ledger.graph.cycles().knot_count == 1
    in_may = ledger.graph.cycles(valid_at=MAY)
    assert (in_may.knot_count, in_may.basis.valid_at) == (0, "2026-05-01T00:00:00.000000Z")
    assert ledger.graph.cycles(valid_at=JUNE).knot_count == 1
    query = PathsQuery(start=CLEAN, end=RAW, direction=Direction.DOWNSTREAM)
    assert ledger.graph.paths(query, valid_at=MAY).paths == ()
    assert len(ledger.graph.paths(query, valid_during=(MAY, JUNE)).paths) == 0
    assert len(ledger.graph.paths(query, valid_at=JUNE).paths) == 1
    early = ledger.graph.paths(query, valid_at=datetime(2026, 4, 1, tzinfo=UTC))
    assert early.not_begun == (CLEAN, RAW)
    unused = OrphansQuery(without=OrphanKind.NO_DOWNSTREAM)
    assert ledger.graph.orphans(unused).nodes == ()
    page = ledger.graph.orphans(unused, valid_at=MAY)
    assert [node.key for node in page.nodes] == [CLEAN]


def test_what_is_affected_is_counted_by_type_and_by_thing(told: Ledger) -> None:
    answer = told.graph.impact(ImpactQuery(start=(RAW,), listed=1))
    assert [(one.type, one.nodes, one.things, one.hidden) for one in answer.groups] == [
        ("lineage.DataSet", 1, 1, 0),
        ("lineage.Model", 2, 1, 1),
        ("lineage.ModelVersion", 1, 1, 0),
        ("lineage.Register", 1, 1, 0),
        ("lineage.Train", 1, 1, 0),
        ("lineage.Prepare", 1, 1, 0),
    ]
    assert (answer.nodes, answer.things, answer.complete) == (7, 6, True)
    assert answer.groups[1].base_type == "mlmd.Model"
    assert [(one.type, one.contexts, one.first[0].members) for one in answer.contexts] == [
        ("lineage.Project", 1, 0),
        ("lineage.RegisteredModel", 1, 1),
    ]
    wanted = ImpactQuery(start=(RAW,), filter=parse_filter("type:mlmd.Model"))
    filtered = told.graph.impact(wanted)
    assert (filtered.nodes, filtered.filtered) == (3, 4)
    cut = told.graph.impact(ImpactQuery(start=(RAW,), nodes=3))
    assert (cut.nodes, cut.complete) == (2, False)


def test_affected_deployments_that_serve_are_told(told: Ledger) -> None:
    for move in moves_in("0 blue deploy a share=1\n10 blue deploy b"):
        told.record([say_move(move, inputs=[VERSION])])
    answer = told.graph.impact(ImpactQuery(start=(RAW,)))
    assert [(one.deployment, one.environment_name, one.end) for one in answer.serving] == [
        ("acme:blue/b", "production", None)
    ]
    assert {one.type: one.nodes for one in answer.groups}["lineage.Deployment"] == 2
    then = told.graph.impact(ImpactQuery(start=(RAW,)), valid_at=hour("5"))
    assert [(one.deployment, one.certainty) for one in then.serving] == [
        ("acme:blue/a", Certainty.CERTAIN)
    ]


def test_orphans_are_listed_by_type_and_page(told: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [node.key for node in told.graph.orphans().nodes] == [LONELY]
    made = OrphansQuery(without=OrphanKind.NO_UPSTREAM, type="mlmd.Model")
    assert [node.key for node in told.graph.orphans(made).nodes] == [LONELY]
    unused = OrphansQuery(without=OrphanKind.NO_DOWNSTREAM)
    assert [node.key for node in told.graph.orphans(unused).nodes] == [VERSION]
    apart = OrphansQuery(without=OrphanKind.NO_UPSTREAM, type="lineage.Model", cross=())
    assert [node.key for node in told.graph.orphans(apart).nodes] == [COPY, LONELY]
    monkeypatch.setattr(orphans_module, "LOOKED_MAX", 2)
    monkeypatch.setattr(orphans_module, "_CHUNK", 2)
    first = told.graph.orphans()
    assert (first.nodes, first.looked) == ((), 2)
    again = OrphansQuery(cursor=first.cursor)
    found = [node.key for node in told.graph.orphans(again).nodes]
    assert found == []
    with pytest.raises(InvalidInputError, match="another question"):
        told.graph.orphans(OrphansQuery(type="artifact", cursor=first.cursor))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("chunk", [2, 3, 500])
def test_the_pages_of_orphans_look_at_every_node_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, count: int, chunk: int
) -> None:
    monkeypatch.setattr(orphans_module, "_CHUNK", chunk)
    alone = [Artifact(key=f"acme:alone/{number}") for number in range(6)]
    used = Event(artifact="acme:used", execution="acme:run", kind=EventKind.INPUT)
    tell(ledger, "orphans", *alone[:4], used, *alone[4:])
    query, looked, found = OrphansQuery(count=count), 0, 0
    while True:
        page = ledger.graph.orphans(query)
        looked, found = looked + page.looked, found + len(page.nodes)
        if page.cursor is None:
            break
        query = replace(query, cursor=page.cursor)
    assert (looked, found) == (8, 6)


def test_orphans_of_what_cannot_be_made_are_refused(told: Ledger) -> None:
    for name in ("execution", "lineage.Train"):
        with pytest.raises(InvalidInputError, match="artifacts"):
            told.graph.orphans(OrphansQuery(without=OrphanKind.NO_UPSTREAM, type=name))
    with pytest.raises(NotFoundError, match="no type"):
        told.graph.orphans(OrphansQuery(type="acme.Nothing"))


def test_a_job_that_reads_what_it_writes_is_the_shortest_cycle_of_its_knot(told: Ledger) -> None:
    tell(
        told,
        "circles",
        Event(artifact=VERSION, execution="acme:prepare", kind=EventKind.INPUT),
        *step("merge", "Run", ["acme:table"], ["acme:table"]),
    )
    answer = told.graph.cycles()
    sizes = [(knot.size, knot.cycle.length, knot.is_shortest) for knot in answer.knots]
    assert sizes == [(7, 6, True), (2, 2, True)]
    keys = {(node.kind, node.id): node.key for node in answer.passed}
    small = [keys[one.kind, one.id] for one in answer.knots[1].cycle.nodes]
    assert small == ["acme:table", "acme:merge", "acme:table"]
    # The copy is the model, by a link that is a step of the cycle.
    assert [bool(one.links) for one in answer.knots[0].cycle.steps].count(True) == 1
    around = told.graph.cycles(CyclesQuery(start="acme:table"))
    assert (around.knot_count, around.node_count) == (1, 2)
    apart = told.graph.cycles(CyclesQuery(entities=False))
    assert [knot.size for knot in apart.knots] == [2]
    one = told.graph.cycles(CyclesQuery(count=1))
    assert (len(one.knots), one.knot_count, one.hidden) == (1, 2, 1)


def test_questions_out_of_bounds_are_refused(told: Ledger) -> None:
    ask = told.graph
    for call in (
        lambda: ask.paths(PathsQuery(start=RAW, end=CLEAN, count=0)),
        lambda: ask.paths(PathsQuery(start=RAW, end=CLEAN, cross=(LinkClass.GUESSED,))),
        lambda: ask.common(CommonQuery(start=(RAW,))),
        lambda: ask.common(CommonQuery(start=(RAW, CLEAN), direction=Direction.BOTH)),
        lambda: ask.impact(ImpactQuery(start=())),
        lambda: ask.impact(ImpactQuery(start=(RAW,), listed=1_001)),
        lambda: ask.orphans(OrphansQuery(count=0)),
        lambda: ask.cycles(CyclesQuery(count=0)),
    ):
        with pytest.raises(InvalidInputError):
            call()


# --- work counts ---------------------------------------------------------------------------------

NO_LINKS = LinkSteps({}, 0)
LIMITS = PathLimits(10, 1_000, 20_000)


def knot_of(size: int) -> list[tuple[int, int]]:
    """Return edges from each of so many artifacts to each of so many executions, and back."""
    pairs = [(2 * one, 2 * other + 1) for one in range(size) for other in range(size)]
    return [*pairs, *((head, tail) for tail, head in pairs)]


def test_a_knot_that_leads_nowhere_else_makes_no_work_without_end() -> None:
    # Every way through the knot of 100 executions comes back to the start, which is taken.
    edges = [*knot_of(10), (0, 101), (101, 200)]
    found = find_paths(edges, NO_LINKS, ([0], [200]), LIMITS)
    assert [path.length for path in found.paths] == [2]
    assert not found.is_stopped


def test_the_first_paths_of_very_many_are_found_at_once() -> None:
    found = find_paths(knot_of(10), NO_LINKS, ([0], [18]), LIMITS)
    assert [path.length for path in found.paths] == [2] * 10
    assert not found.is_stopped
    ladder = [(2 * i, 2 * other + 1) for i in range(0, 1_000, 2) for other in (i, i + 1)]
    ladder += [(2 * other + 1, 2 * i + 4) for i in range(0, 1_000, 2) for other in (i, i + 1)]
    deep = find_paths(ladder, NO_LINKS, ([0], [2_000]), PathLimits(10, 10_000, 200_000))
    assert [path.length for path in deep.paths] == [1_000] * 10
    assert not deep.is_stopped


def test_nodes_that_many_links_join_do_not_multiply_paths() -> None:
    rows = [2 * number for number in range(20)]
    onward = {row: [(201, False)] for row in rows} | {201: [(row, False) for row in rows]}
    links = LinkSteps(onward, first=201)
    found = find_paths([(2 * 19, 1), (1, 200)], links, ([0], [200]), LIMITS)
    assert [(path.length, path.links) for path in found.paths] == [(2, 1)]


def test_too_many_steps_are_an_answer_that_says_so(
    told: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths_module, "PATH_STEPS_MAX", 3)
    answer = told.graph.paths(PathsQuery(start=RAW, end=VERSION))
    assert [(cut.reason, cut.limit) for cut in answer.truncations] == [(TruncationReason.STEPS, 3)]
    assert not answer.complete


def test_orphans_of_a_type_are_those_that_were_of_it_at_the_stated_time(ledger: Ledger) -> None:
    tell(ledger, "model", Artifact(key="acme:turned", type="lineage.Model"), stated=MAY)
    tell(ledger, "data", Artifact(key="acme:turned", type="lineage.DataSet"), stated=JUNE)

    def listed(name: str, valid_at: datetime) -> list[str | None]:
        query = OrphansQuery(without=OrphanKind.NO_UPSTREAM, type=name)
        page = ledger.graph.orphans(query, valid_at=valid_at)
        return [node.type for node in page.nodes]

    assert (listed("Model", MAY), listed("DataSet", MAY)) == (["lineage.Model"], [])
    assert (listed("Model", JUNE), listed("DataSet", JUNE)) == ([], ["lineage.DataSet"])
