"""The history of a node, over every kind of store, against a story made by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from erasing import ALL, asked
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    MetricSeries,
    Mode,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.questions.history import HistoryQuery
from lineage.questions.late import LateQuery
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.history import HistoryAnswer, HistoryEntry, LateRecord
from lineage_schemas.records import AnyRecord

DATA, RUN, OTHER = "acme:data", "acme:run", "uri:file:///data.csv"
DAWN = datetime(2025, 11, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return DAWN + timedelta(days=number)


class Told(NamedTuple):
    """What of an entry of a history the story below tells."""

    statement: str
    records: tuple[str, ...]
    changes: tuple[str, ...]
    flags: tuple[str, ...] = ()


def tell(
    ledger: Ledger,
    name: str,
    *records: AnyRecord,
    at: float | None = None,
    source: str = "ci",
    mode: Mode = Mode.OBSERVATION,
) -> int:
    stated = None if at is None else StatedTime(start=day(at))
    statement = Statement(id=name, source=source, stated=stated, records=records, mode=mode)
    (receipt,) = ledger.record([statement])
    assert receipt.position is not None
    return receipt.position


def data(**values: str) -> Artifact:
    return Artifact(key=DATA, type="lineage.DataSet", custom_properties=dict(values))


def reads(key: str = DATA) -> Event:
    return Event(artifact=key, execution=RUN, kind=EventKind.INPUT)


def claim(link_class: LinkClass = LinkClass.ASSERTED, node: str = DATA) -> Claim:
    return Claim(kind=Kind.ARTIFACT, node=node, identifier="dvc:x/data", link_class=link_class)


STORY = (
    Told(
        "first",
        ("node",),
        ("rows None>1", "type None>['lineage.DataSet', None]"),
        ("superseded",),
    ),
    Told("more", ("node",), ("rows 1>2",), ("superseded",)),
    Told("read", ("edge",), ()),
    Told("past", ("node",), (), ("late",)),
    Told("again", ("edge",), ()),
    Told("half", ("node",), ("owner None>ada",), ("late",)),
    Told("long ago", ("node",), ("colour None>red",), ("backdated",)),
    Told("other", ("node",), ("rows 2>9",)),
    Told("claim", ("link",), ()),
    Told("in", ("member",), ()),
    Told("out", ("unlink",), ()),
)


def tell_story(ledger: Ledger) -> None:
    tell(ledger, "first", data(rows="1"), at=10)
    tell(ledger, "more", data(rows="2"), at=20)
    tell(ledger, "read", reads(), Execution(key=RUN, type="lineage.Train"), at=21)
    tell(ledger, "past", data(rows="7"), at=15)
    tell(ledger, "unrelated", Artifact(key="acme:else"), at=21)
    tell(ledger, "again", reads(), at=22)
    tell(ledger, "half", data(rows="8", owner="ada"), at=19)
    tell(ledger, "long ago", data(colour="red"), at=5, source="scan")
    tell(ledger, "other", data(rows="9"), at=30, source="scan")
    tell(ledger, "claim", claim(), at=31)
    context = Context(key="acme:project", type="lineage.Project")
    tell(ledger, "in", Attribution(context="acme:project", artifact=DATA), context)
    retraction = Retraction(
        kind=Kind.ARTIFACT, node=DATA, identifier="dvc:x/data", link_class=LinkClass.ASSERTED
    )
    tell(ledger, "out", retraction, at=32)


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    tell_story(ledger)
    return ledger


def flags_of(one: HistoryEntry) -> tuple[str, ...]:
    return tuple(name for name in ("late", "backdated", "superseded") if getattr(one, name))


def plain(answer: HistoryAnswer) -> Iterator[Told]:
    for one in answer.entries:
        yield Told(
            one.statement,
            tuple(record.what for record in one.records),
            tuple(
                f"{change.field.removeprefix('custom_properties.')} {change.before}>{change.after}"
                for change in one.changes
            ),
            flags_of(one),
        )


def test_a_history_tells_every_entry_what_it_changed_and_what_came_too_late(told: Ledger) -> None:
    answer = told.graph.history(HistoryQuery(node=DATA))
    assert tuple(plain(answer)) == STORY
    assert [one.key for one in answer.members] == [DATA]
    assert (answer.total, answer.left_out, answer.cursor, answer.complete) == (11, 0, None, True)
    assert [one.stated_from for one in answer.entries[:2]] == [
        "2025-11-11T00:00:00.000000Z",
        "2025-11-21T00:00:00.000000Z",
    ]
    assert {(one.actor_origin, one.actor_name) for one in answer.entries} == {
        ("authenticated", "local")
    }
    (read,) = answer.entries[2].records
    assert read.record == {
        "record": "event",
        "artifact": DATA,
        "execution": RUN,
        "kind": "INPUT",
    }


def test_a_history_as_of_a_size_is_the_beginning_of_the_later_one(told: Ledger) -> None:
    whole = told.graph.history(HistoryQuery(node=DATA)).entries
    for size in range(told.head().size):
        answer = told.graph.history(HistoryQuery(node=DATA), as_of=size)
        before = [one for one in whole if one.position < size]
        assert answer.total == len(before)
        assert [replace(one, superseded=False) for one in answer.entries] == [
            replace(one, superseded=False) for one in before
        ]
    first = told.graph.history(HistoryQuery(node=DATA), as_of=3).entries
    assert [flags_of(one) for one in first] == [()]


@pytest.mark.parametrize("count", [1, 4, 11])
def test_pages_of_a_history_are_of_one_size_and_join_without_a_seam(
    told: Ledger, count: int
) -> None:
    whole = told.graph.history(HistoryQuery(node=DATA))
    found: list[HistoryEntry] = []
    cursor = None
    while True:
        page = told.graph.history(HistoryQuery(node=DATA, cursor=cursor, count=count))
        assert page.basis == whole.basis
        found += page.entries
        if cursor is None:
            tell(told, "meanwhile", data(rows="12"), at=40)
        cursor = page.cursor
        if cursor is None:
            break
    assert found == list(whole.entries)


def test_a_cursor_serves_its_own_question_alone(told: Ledger) -> None:
    cursor = told.graph.history(HistoryQuery(node=DATA, count=1)).cursor
    for query in (HistoryQuery(node=RUN, cursor=cursor), HistoryQuery(node=DATA, cursor="x")):
        with pytest.raises(InvalidInputError, match="cursor"):
            told.graph.history(query)
    with pytest.raises(InvalidInputError, match="cursor"):
        told.graph.history(HistoryQuery(node=DATA, cursor=cursor), valid_at=day(3))


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_page_size_out_of_range_is_refused(ledger: Ledger, count: int) -> None:
    with pytest.raises(InvalidInputError, match="HISTORY_PAGE_MAX"):
        ledger.graph.history(HistoryQuery(node=DATA, count=count))
    with pytest.raises(InvalidInputError, match="LATE_PAGE_MAX"):
        ledger.graph.late(LateQuery(count=count))


def test_what_nobody_has_heard_of_is_unknown_and_no_error(told: Ledger) -> None:
    answer = told.graph.history(HistoryQuery(node="acme:nowhere"))
    assert (answer.unknown, answer.entries, answer.complete) == (("acme:nowhere",), (), False)
    assert not told.graph.history(HistoryQuery(node=DATA), namespace="empty").entries
    assert not told.graph.history(HistoryQuery(node=DATA, kind=Kind.EXECUTION)).entries


@pytest.mark.parametrize(
    ("at", "named"),
    [
        (4.999, ["in"]),
        (5, ["long ago", "in"]),
        (10, ["first", "long ago", "in"]),
        (21, ["first", "more", "read", "past", "half", "long ago", "in"]),
    ],
)
def test_a_valid_time_leaves_out_what_is_stated_to_begin_later(
    told: Ledger, at: float, named: list[str]
) -> None:
    answer = told.graph.history(HistoryQuery(node=DATA), valid_at=day(at))
    assert [one.statement for one in answer.entries] == named
    assert (answer.left_out, answer.undated) == (11 - len(named), 1)
    during = (day(at - 3), day(at) + timedelta(microseconds=1))
    same = told.graph.history(HistoryQuery(node=DATA), valid_during=during)
    assert same.entries == answer.entries
    first = told.graph.history(HistoryQuery(node=DATA, count=6), valid_during=during)
    rest = HistoryQuery(node=DATA, count=6, cursor=first.cursor)
    second = told.graph.history(rest, as_of=first.basis)
    assert first.entries + second.entries == same.entries
    assert second.basis == first.basis


def test_a_history_holds_what_is_said_of_every_node_of_the_entity(told: Ledger) -> None:
    for node in (DATA, OTHER):
        again = Claim(
            kind=Kind.ARTIFACT, node=node, identifier="dvc:x/same", link_class=LinkClass.ASSERTED
        )
        tell(told, f"same/{node}", again, at=33)
    tell(told, "of other", Artifact(key=OTHER, name="data"), at=34)
    answer = told.graph.history(HistoryQuery(node=DATA))
    assert [one.key for one in answer.members] == [DATA, OTHER]
    assert [one.statement for one in answer.entries][-3:] == [
        f"same/{DATA}",
        f"same/{OTHER}",
        "of other",
    ]
    assert told.graph.history(HistoryQuery(node=OTHER)).entries == answer.entries


def test_what_was_erased_stays_in_the_history_and_is_told_by_whom(told: Ledger) -> None:
    whole = told.graph.history(HistoryQuery(node=DATA)).entries
    position = whole[1].position
    told.erasures.erase(asked(position, parts=ALL, reason="asked to"))
    answer = told.graph.history(HistoryQuery(node=DATA))
    assert [one.position for one in answer.entries][:11] == [one.position for one in whole]
    gone = answer.entries[1]
    assert gone.erased is ALL
    assert [(one.what, one.record) for one in gone.records] == [("node", None)]
    assert gone.changes == ()
    (erasing,) = answer.entries[11:]
    assert [one.what for one in erasing.records] == ["erase"]
    assert [(one.position, one.erased_by) for one in answer.redactions] == [
        (position, erasing.position)
    ]


def test_a_series_is_part_of_a_history(ledger: Ledger) -> None:
    tell(ledger, "run", Execution(key=RUN, type="lineage.Train"), at=1)
    tell(
        ledger,
        "loss",
        MetricSeries(execution=RUN, metric="loss", chunk=0, points=((0, 0.5, None),)),
        at=2,
    )
    answer = ledger.graph.history(HistoryQuery(node=RUN))
    assert [(one.statement, one.records[0].what) for one in answer.entries] == [
        ("run", "node"),
        ("loss", "series"),
    ]


def names_late(ledger: Ledger, query: LateQuery) -> dict[str, tuple[bool, list[str | None]]]:
    return {
        one.statement: (one.lag_seconds is not None, [node.key for node in one.overtaken])
        for one in ledger.graph.late(query).records
    }


def test_what_came_late_is_found_by_its_lag_and_by_what_overtook_it(told: Ledger) -> None:
    never = LateQuery(lag=100 * 24 * 3600)
    assert names_late(told, never) == {"past": (False, [DATA]), "half": (False, [DATA])}
    # Recorded on 2026-01-01 at noon, a second apart: 61.5 days after the first of November.
    long = LateQuery(lag=int(51.5 * 24 * 3600))
    assert names_late(told, long) == {
        "past": (False, [DATA]),
        "half": (False, [DATA]),
        "long ago": (True, []),
    }
    assert names_late(told, replace(long, source="scan")) == {"long ago": (True, [])}
    assert len(names_late(told, LateQuery())) == 11
    assert "in" not in names_late(told, LateQuery(lag=0))


def test_what_nobody_dated_is_never_late(ledger: Ledger) -> None:
    """By docs/times.md it says nothing of when; so no source had said anything later of it."""
    tell(ledger, "dated", data(rows="1"), claim(), at=10)
    tell(ledger, "undated", data(rows="2", owner="ada"), claim(LinkClass.ASSERTED))
    entries = ledger.graph.history(HistoryQuery(node=DATA)).entries
    assert [(one.statement, flags_of(one)) for one in entries] == [("dated", ()), ("undated", ())]
    assert ledger.graph.late(LateQuery(lag=100 * 365 * 24 * 3600)).records == ()


def test_a_lag_is_late_only_where_it_is_longer(ledger: Ledger) -> None:
    position = tell(ledger, "one", data(rows="1"), at=1)
    (entry,) = ledger.entries(position, count=1).entries
    lag = datetime.fromisoformat(entry.recorded_at) - day(1)
    seconds = int(lag.total_seconds())
    assert ledger.graph.late(LateQuery(lag=seconds)).records == ()
    (late,) = ledger.graph.late(LateQuery(lag=seconds - 1)).records
    assert late.lag_seconds == seconds


def test_pages_of_late_records_join_and_say_how_far_they_looked(
    told: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told.graph.late(LateQuery())
    monkeypatch.setattr("lineage.questions.late.LATE_LOOKED_MAX", 3)
    found: list[LateRecord] = []
    looked = [0]
    cursor = None
    while True:
        page = told.graph.late(LateQuery(cursor=cursor, count=2))
        assert page.start == looked[-1]
        assert page.end - page.start <= 3
        assert len(page.records) <= 2
        found += page.records
        looked.append(page.end)
        cursor = page.cursor
        if cursor is None:
            break
    assert found == list(whole.records)
    assert looked[-1] == told.head().size


def test_a_value_of_another_sort_is_a_change_though_python_takes_it_for_the_same(
    ledger: Ledger,
) -> None:
    for day_, value in enumerate((1, True, 1.0)):
        record = Artifact(key=DATA, custom_properties={"p": value})
        tell(ledger, f"say {day_}", record, at=day_)
    told = ledger.graph.history(HistoryQuery(node=DATA))
    changes = [[(one.before, one.after) for one in entry.changes] for entry in told.entries]
    assert [repr(one) for one in changes] == ["[(None, 1)]", "[(1, True)]", "[(True, 1.0)]"]
