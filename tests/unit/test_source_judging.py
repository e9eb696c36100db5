"""How a source is judged: a timetable by hand, and whom an answer names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from doubles import NOON_US, FakeClock, SeededRandomness
from lineage.access.roles import Action
from lineage.ledger import Artifact, Principal, Role, Statement, TraceQuery
from lineage.projections.sources import Look, Looks
from lineage.questions.sources import Watched, judge
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import ForbiddenError
from lineage_schemas.graph import NodePage
from lineage_schemas.records import AnyRecord, StatedTime
from lineage_schemas.sources import SourceExpectation, SourceScan

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = 3_600
HOUR_US = HOUR * 1_000_000
LOOK = Look(
    finished_us=NOON_US,
    statement="s",
    record=0,
    position=0,
    due_seconds=HOUR,
    unread_count=0,
    differing={},
)
LATER = replace(LOOK, finished_us=NOON_US + 60_000_000, position=9)
AT_NOON = "2026-01-01T12:00:00.000000Z"


# --- one source, by a timetable ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watched", "after_us", "finding"),
    [
        (Watched("ol", due_seconds=HOUR, heard_us=NOON_US), HOUR_US, None),
        (
            Watched("ol", due_seconds=HOUR, heard_us=NOON_US),
            HOUR_US + 1,
            f"ol is overdue: last heard {AT_NOON}, expected every 3600 s",
        ),
        (Watched("ol", due_seconds=HOUR, expected_us=NOON_US), HOUR_US, None),
        (
            Watched("ol", due_seconds=HOUR, expected_us=NOON_US),
            HOUR_US + 1,
            "ol is overdue: never heard, expected every 3600 s",
        ),
        (Watched("ml", Looks(LOOK, LOOK)), HOUR_US, None),
        (
            Watched("ml", Looks(LOOK, LOOK)),
            HOUR_US + 1,
            f"ml is overdue: last looked at whole {AT_NOON}, promised every 3600 s",
        ),
        (
            # A later look at what is new is no whole look.
            Watched("ml", Looks(LATER, LOOK)),
            HOUR_US + 1,
            f"ml is overdue: last looked at whole {AT_NOON}, promised every 3600 s",
        ),
        # The last look says what is promised from there on.
        (Watched("ml", Looks(replace(LATER, due_seconds=None), LOOK)), 99 * HOUR_US, None),
        (Watched("ml", Looks(LOOK, None)), 0, "ml is unreconciled: never looked at whole"),
        (
            Watched("ml", Looks(replace(LOOK, unread_count=2), replace(LOOK, unread_count=2))),
            0,
            f"ml is unreconciled: 2 not read when looked at {AT_NOON}",
        ),
        (
            Watched("ml", Looks(LATER, replace(LOOK, unread_count=2))),
            0,
            f"ml is unreconciled: 2 not read when looked at {AT_NOON}",
        ),
        (
            Watched("ml", Looks(*[replace(LOOK, differing={"run": (3, 2)})] * 2)),
            0,
            f"ml is unreconciled: run: 3 there, 2 here when looked at {AT_NOON}",
        ),
        (Watched("ml", Looks(LATER, LOOK)), 0, None),
    ],
)
def test_a_source_is_judged_by_its_timetable(
    watched: Watched, after_us: int, finding: str | None
) -> None:
    judgement = judge(watched, NOON_US + after_us)
    assert judgement.findings == (() if finding is None else (finding,))
    assert judgement.is_overdue == (finding is not None and "is overdue" in finding)
    if watched.looks is None:
        assert judgement.is_reconciled is None
    else:
        assert judgement.is_reconciled == (finding is None or "unreconciled" not in finding)


# --- answers -------------------------------------------------------------------------------------

WHOLE = SourceScan(
    tool="mlflow",
    address="https://tracking.example.org",
    started=NOON,
    finished=NOON + timedelta(minutes=1),
    is_whole=True,
    there={"run": 2},
    here={"run": 2},
    due_seconds=HOUR,
)
TOLD = Artifact(key="acme:a/1", type="lineage.Model", name="fraud-model")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(step_us=0)


@pytest.fixture
def ledger(clock: FakeClock) -> Iterator[Ledger]:
    with Ledger(MemoryStore("here"), clock, SeededRandomness()) as made:
        yield made


def say(
    ledger: Ledger, source: str, *records: AnyRecord, number: int = 0, namespace: str = "default"
) -> None:
    statement = Statement(id=f"s-{number}", source=source, records=records)
    ledger.record([statement], namespace=namespace)


def three_sources(ledger: Ledger) -> None:
    """Three sources that owe something, and one that owes nothing."""
    say(ledger, "mlflow", TOLD, WHOLE)
    say(ledger, "dvc", replace(WHOLE, tool="dvc"))
    say(ledger, "airflow", TOLD)
    say(ledger, "ci", TOLD)
    ledger.watching.expect("airflow", HOUR)


@pytest.mark.parametrize("stopped", ["mlflow", "dvc", "airflow"])
def test_each_source_that_stops_is_named_by_every_answer(
    ledger: Ledger, clock: FakeClock, stopped: str
) -> None:
    three_sources(ledger)
    assert ledger.basis().complete
    clock.now_us += 2 * HOUR_US
    later = NOON + timedelta(hours=2)
    for source in {"mlflow", "dvc"} - {stopped}:
        say(ledger, source, replace(WHOLE, started=later, finished=later), number=1)
    if stopped != "airflow":
        say(ledger, "airflow", TOLD, number=1)
    bases = [
        ledger.trace(TraceQuery(start=("acme:a/1",))).basis,
        *(answer.basis for answer in ledger.show("acme:a/1")),
        ledger.find("fraud").basis,
        ledger.list_nodes("artifact").basis,
        ledger.types().basis,
        ledger.entries().basis,
        ledger.watching.sources().basis,
    ]
    for basis in bases:
        assert not basis.complete
        assert [one.split()[0] for one in basis.incomplete_because] == [stopped]
        assert "is overdue" in basis.incomplete_because[0]
    overdue = {view.name: view.is_overdue for view in ledger.watching.sources().sources}
    known = {"airflow", "ci", "dvc", "expectations", "lineage", "mlflow"}
    assert overdue == {name: name == stopped for name in known}


def test_an_answer_as_of_a_size_is_judged_when_its_last_entry_was_recorded(
    ledger: Ledger, clock: FakeClock
) -> None:
    three_sources(ledger)
    size = ledger.head().size
    clock.now_us += 2 * HOUR_US
    assert not ledger.basis().complete
    assert ledger.basis(size).complete
    assert ledger.basis(size).sources_at == AT_NOON
    say(ledger, "ci", TOLD, number=1)
    assert ledger.basis(size).complete
    # When ci spoke, the other three had been silent for two hours.
    because = ledger.basis(ledger.head().size).incomplete_because
    assert [one.split()[0] for one in because] == ["airflow", "dvc", "mlflow"]


def test_a_basis_handed_back_is_judged_at_its_own_moment(ledger: Ledger, clock: FakeClock) -> None:
    three_sources(ledger)
    clock.now_us += HOUR_US // 2
    early = ledger.watching.sources()
    clock.now_us += 2 * HOUR_US
    late = ledger.watching.sources()
    say(ledger, "mlflow", replace(WHOLE, is_whole=False, unread_count=1), number=1)
    ledger.watching.expect("ci", 1)
    clock.now_us += 2 * HOUR_US
    assert early.basis.complete
    assert not late.basis.complete
    for answer in (early, late):
        again = ledger.watching.sources(answer.basis)
        assert encode_json(again) == encode_json(answer)


def test_the_pages_of_a_list_are_judged_at_one_moment(ledger: Ledger, clock: FakeClock) -> None:
    three_sources(ledger)
    say(ledger, "ci", Artifact(key="acme:a/2"), Artifact(key="acme:a/3"), number=1)
    clock.now_us += 2 * HOUR_US
    pages: list[NodePage] = [ledger.list_nodes("artifact", count=1)]
    while (cursor := pages[-1].cursor) is not None:
        clock.now_us += HOUR_US
        pages.append(ledger.list_nodes("artifact", count=1, cursor=cursor))
    assert len(pages) == 3
    assert not pages[0].basis.complete
    assert {encode_json(page.basis) for page in pages} == {encode_json(pages[0].basis)}


def test_nobody_is_judged_where_nobody_said_what_a_source_owes(
    ledger: Ledger, clock: FakeClock
) -> None:
    say(ledger, "ci", TOLD)
    clock.now_us += 99 * HOUR_US
    basis = ledger.basis()
    assert basis.complete
    assert basis.sources_at is None
    assert [view.is_reconciled for view in ledger.watching.sources().sources] == [None, None]


def test_what_is_expected_ends_when_it_is_said_to_end(ledger: Ledger, clock: FakeClock) -> None:
    say(ledger, "ci", TOLD)
    ledger.watching.expect("airflow", HOUR)
    clock.now_us += 2 * HOUR_US
    assert ledger.basis().incomplete_because == (
        "airflow is overdue: never heard, expected every 3600 s",
    )
    assert "airflow" in ledger.basis().sources
    ledger.watching.expect("airflow", None)
    assert ledger.basis().complete


def test_an_expectation_that_arrives_late_does_not_undo_a_later_one(
    ledger: Ledger, clock: FakeClock
) -> None:
    ledger.watching.expect("airflow", None)
    clock.now_us -= HOUR_US
    ledger.watching.expect("airflow", 1)
    clock.now_us += 2 * HOUR_US
    assert ledger.basis().complete


def test_what_is_stated_by_a_clock_far_ahead_does_not_outlive_what_is_said_later(
    ledger: Ledger, clock: FakeClock
) -> None:
    far = StatedTime(start=NOON.replace(year=9000))
    ended = SourceExpectation(source="ci", due_seconds=None)
    ledger.record([Statement(id="1", source="ci", records=(ended,), stated=far)])
    looked = replace(WHOLE, started=NOON.replace(year=9000), finished=NOON.replace(year=9000))
    ledger.record([Statement(id="2", source="ci", records=(looked,))])
    clock.now_us += 60_000_000
    ledger.watching.expect("ci", HOUR)
    clock.now_us += 2 * HOUR_US
    (finding, *_) = ledger.basis().incomplete_because
    assert "overdue" in finding


def test_a_look_that_arrives_late_does_not_undo_a_later_one(
    ledger: Ledger, clock: FakeClock
) -> None:
    say(ledger, "mlflow", WHOLE)
    early = NOON - timedelta(hours=9)
    bad = replace(WHOLE, started=early, finished=early, here={"run": 1}, due_seconds=1)
    say(ledger, "mlflow", bad, number=1)
    clock.now_us += HOUR_US // 2
    assert ledger.basis().complete


def test_a_source_is_judged_in_its_own_namespace(ledger: Ledger, clock: FakeClock) -> None:
    say(ledger, "airflow", TOLD, namespace="one")
    say(ledger, "airflow", TOLD, namespace="two")
    ledger.watching.expect("airflow", HOUR, namespace="one")
    clock.now_us += 2 * HOUR_US
    assert not ledger.basis(namespace="one").complete
    assert ledger.basis(namespace="two").complete
    assert ledger.basis(namespace="two").sources_at is None
    # To speak in one is not to speak in the other.
    say(ledger, "airflow", TOLD, number=1, namespace="two")
    assert not ledger.basis(namespace="one").complete


def test_whoever_speaks_for_one_source_promises_nothing_for_another(ledger: Ledger) -> None:
    ada = Principal("ada")
    ledger.access.grant("ada", Role.INGEST, ["default"], sources=["ci", "expectations"])
    promise = Statement(
        id="s", source="ci", records=(SourceExpectation(source="mlflow", due_seconds=None),)
    )
    for attempt in (
        lambda: ledger.record([promise], principal=ada),
        lambda: ledger.watching.expect("mlflow", None, principal=ada),
    ):
        with pytest.raises(ForbiddenError):
            attempt()
    assert ledger.access.allowed(ada, Action.INGEST, "default")
    ledger.watching.expect("ci", HOUR, principal=ada)
    own = replace(promise, records=(SourceExpectation(source="ci", due_seconds=60),))
    ledger.record([own], principal=ada)
