"""What is known of sources as of every size of a history, against a fold that is plain and slow."""

from datetime import datetime
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Statement
from lineage.projections.views import TABLES
from lineage.questions.as_of import Present
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage.stores.opening import open_store
from lineage_schemas.instants import format_instant, instant_us, parse_instant
from lineage_schemas.sources import SourceExpectation, SourceScan, SourceView
from strategies import artifacts, batch_sizes, cut, expectations, histories, scans

SECOND_US = 1_000_000


class Heard(NamedTuple):
    """A statement in the log, as the naive fold sees it."""

    position: int
    recorded_us: int
    statement: Statement


def heard_in(ledger: Ledger, said: dict[str, Statement]) -> list[Heard]:
    """Read the log: entry by entry, with what was said in each."""
    entries = ledger.entries(count=1_000).entries
    return [
        Heard(one.position, parse_instant(one.recorded_at), said[one.statement])
        for one in entries
        if one.statement in said
    ]


def naive_views(log: list[Heard], moment_us: int) -> dict[str, tuple[object, ...]]:
    """Say of each source what its view must show, from nothing but the entries, in plain loops."""
    names = {one.statement.source for one in log}
    for one in log:
        names |= {
            record.source
            for record in one.statement.records
            if isinstance(record, SourceExpectation)
        }
    return {name: _naive_view(name, log, moment_us) for name in names}


def _naive_view(name: str, log: list[Heard], moment_us: int) -> tuple[object, ...]:
    spoke = [one.recorded_us for one in log if one.statement.source == name]
    looks: list[tuple[datetime, str, int, SourceScan]] = []
    promises: list[tuple[int, str, str, int, int | None, int]] = []
    for one in log:
        said = one.statement
        for index, record in enumerate(said.records):
            if isinstance(record, SourceScan) and said.source == name:
                looks.append((record.finished, said.id, index, record))
            if isinstance(record, SourceExpectation) and record.source == name:
                is_stated = said.stated is not None and said.stated.start is not None
                stated = said.stated.start if said.stated else None
                at = instant_us(stated) if is_stated and stated else one.recorded_us
                promise = (at, said.source, said.id, index, record.due_seconds, one.recorded_us)
                promises.append(promise)
    looks.sort(key=lambda look: look[:3])
    whole = [look for look in looks if look[3].is_whole]
    *_, due, promised_us = max(promises) if promises else (None, 0)
    last_us = spoke[-1] if spoke else promised_us
    overdue = due is not None and moment_us - last_us > due * SECOND_US
    if whole and looks[-1][3].due_seconds is not None:
        ended_us = instant_us(whole[-1][0])
        overdue |= moment_us - ended_us > looks[-1][3].due_seconds * SECOND_US
    reconciled = None
    if looks:
        reconciled = bool(whole) and all(
            not look[3].unread_count and _same(look[3]) for look in (looks[-1], whole[-1])
        )
    return (
        format_instant(spoke[-1]) if spoke else None,
        format_instant(instant_us(looks[-1][0])) if looks else None,
        format_instant(instant_us(whole[-1][0])) if whole else None,
        due,
        looks[-1][3].due_seconds if looks else None,
        overdue,
        reconciled,
    )


def _same(scan: SourceScan) -> bool:
    kinds = scan.there.keys() | scan.here.keys()
    return all(scan.there.get(kind, 0) == scan.here.get(kind, 0) for kind in kinds)


def shown(view: SourceView) -> tuple[object, ...]:
    return (
        view.last_heard,
        view.last_scan,
        view.last_whole_scan,
        view.expected_seconds,
        view.due_seconds,
        view.is_overdue,
        view.is_reconciled,
    )


def check_every_size(ledger: Ledger, statements: list[Statement]) -> None:
    log = heard_in(ledger, {one.id: one for one in statements})
    for size in range(ledger.head().size + 1):
        past = [one for one in log if one.position < size]
        for ago_us in (0, 5_000 * SECOND_US):
            recorded_us = past[-1].recorded_us if past else 0
            asked = Present(size, recorded_us + ago_us) if ago_us else size
            answer = ledger.watching.sources(asked)
            if answer.basis.asked_size is not None:
                continue
            views = {view.name: shown(view) for view in answer.sources if view.name != "lineage"}
            assert views == naive_views(past, recorded_us + ago_us)
            named = {one.split(" is ")[0] for one in answer.basis.incomplete_because}
            assert named == {name for name, view in views.items() if view[-2] or view[-1] is False}


def source_records() -> st.SearchStrategy[list[Statement]]:
    return histories(st.one_of(artifacts(), scans(), scans(), expectations()), statements_max=14)


@pytest.mark.parametrize("positions", [1, 3, 128])
@given(source_records(), batch_sizes())
def test_every_size_shows_what_a_plain_fold_of_its_entries_shows(
    positions: int, statements: list[Statement], sizes: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineage.projections.sources.HEARD_POSITIONS", positions)
        with Ledger(MemoryStore("here"), FakeClock(), SeededRandomness()) as ledger:
            for batch in cut(statements, sizes):
                ledger.record(batch)
            check_every_size(ledger, statements)
            assert ledger.rebuild().identical


@given(source_records())
def test_an_embedded_store_shows_the_same(
    tmp_path_factory: pytest.TempPathFactory, statements: list[Statement]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineage.projections.sources.HEARD_POSITIONS", 2)
        store = open_store(tmp_path_factory.mktemp("one") / "one.db", TABLES, "test/origin")
        with Ledger(store, FakeClock(), SeededRandomness()) as ledger:
            for one in statements:
                ledger.record([one])
            check_every_size(ledger, statements)
            check_ledger(ledger)


@given(source_records().flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_the_order_in_which_looks_and_promises_arrive_does_not_matter(
    orders: tuple[list[Statement], list[Statement]],
) -> None:
    # A promise that does not say when it was made is one of when it arrived.
    dated = [
        {one.id for one in said if one.stated is not None or not _promises(one)} for said in orders
    ]
    shown_by: list[dict[str, tuple[object, ...]]] = []
    for said, kept in zip(orders, dated, strict=True):
        clock = FakeClock(step_us=0)
        with Ledger(MemoryStore("here"), clock, SeededRandomness()) as ledger:
            for one in said:
                if one.id in kept:
                    ledger.record([one])
            clock.now_us += 9_000 * SECOND_US
            shown_by.append({view.name: shown(view) for view in ledger.watching.sources().sources})
    assert shown_by[0] == shown_by[1]


def _promises(statement: Statement) -> bool:
    return any(isinstance(record, SourceExpectation) for record in statement.records)


def test_a_source_that_fell_silent_in_a_full_bucket_is_found_there() -> None:
    """Over a thousand entries of another source stand between, and many rows of it."""
    numbers = count()

    def said(source: str, entries: int) -> list[Statement]:
        record = SourceExpectation(source="quiet", due_seconds=1)
        return [
            Statement(id=f"s-{next(numbers)}", source=source, records=(record,))
            for _ in range(entries)
        ]

    with Ledger(MemoryStore("here"), FakeClock(), SeededRandomness()) as ledger:
        first = ledger.record(said("quiet", 1))[0].position
        for _ in range(25):
            ledger.record(said("loud", 100))
        middle = ledger.head().size
        last = ledger.record(said("quiet", 1))[0].position
        assert first is not None
        assert last is not None
        entry = ledger.entries(first, count=1).entries[0]
        for size in (first + 1, *range(first + 101, middle, 100), middle, last):
            found = {view.name: view for view in ledger.watching.sources(size).sources}
            if ledger.basis(size).asked_size is None:
                assert found["quiet"].last_heard == entry.recorded_at
        newest = ledger.entries(last, count=1).entries[0]
        views = {view.name: view for view in ledger.watching.sources().sources}
        assert views["quiet"].last_heard == newest.recorded_at
