"""Histories against a plain reading of the log, whatever was said in whatever order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    Event,
    EventKind,
    Kind,
    Ledger,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.questions.history import HistoryQuery
from lineage.questions.late import LateQuery
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage_schemas.graph import EntryView

DAWN = datetime(2025, 1, 1, tzinfo=UTC)
NODES = ("acme:a", "acme:b")
FIELDS = ("x", "y")

nodes = st.sampled_from(NODES)
hubs = st.sampled_from(["dvc:x/1", "dvc:x/2"])
records = st.one_of(
    st.builds(
        lambda key, values: Artifact(key=key, custom_properties=values),
        nodes,
        st.dictionaries(st.sampled_from(FIELDS), st.sampled_from("12"), min_size=1),
    ),
    st.builds(
        lambda key, at: Event(
            artifact=key,
            execution="acme:run",
            kind=EventKind.INPUT,
            time=None if at is None else DAWN + timedelta(days=at),
        ),
        nodes,
        st.none() | st.integers(0, 2),
    ),
    st.builds(lambda key: Attribution(context="acme:project", artifact=key), nodes),
    st.builds(
        lambda made, key, hub: made(
            kind=Kind.ARTIFACT, node=key, identifier=hub, link_class=LinkClass.DERIVED
        ),
        st.sampled_from([Claim, Retraction]),
        nodes,
        hubs,
    ),
)
statements = st.tuples(
    st.sampled_from("ci"), st.none() | st.integers(0, 4), st.lists(records, min_size=1, max_size=3)
)


class _Flags(NamedTuple):
    late: bool
    backdated: bool


def _about(entry: EntryView, node: str) -> list[dict[str, Any]]:
    """Return the records of an entry that name a node, by their plain JSON."""
    said: list[dict[str, Any]] = list(entry.records or ())  # type: ignore[arg-type]
    return [one for one in said if node in {one.get(name) for name in ("key", "artifact", "node")}]


def _registers(record: dict[str, Any]) -> Iterator[str]:
    """Yield the names of what a record sets that a later stated record of its source keeps."""
    match record["record"]:
        case "artifact":
            yield from record["custom_properties"]
        case "event" if "time" in record:
            yield "edge"
        case "claim" | "retraction":
            yield record["identifier"]
        case _:
            pass


def expected(entries: list[EntryView], node: str) -> dict[int, _Flags]:
    """Return every entry that names a node, with its flags, by reading the log from its start."""
    found: dict[int, _Flags] = {}
    latest: dict[tuple[str, str], str | None] = {}
    sharpest: tuple[str, str | None] | None = None
    earliest: str | None = None
    for entry in entries:
        about = _about(entry, node)
        if not about:
            continue
        stated = entry.stated_from
        keys = {(entry.source, name) for one in about for name in _registers(one)}
        late = any(
            stated is not None and stated < known
            for name in keys
            if name[1] != "edge" and (known := latest.get(name)) is not None
        )
        if (entry.source, "edge") in keys:
            # An edge shows one detail, the latest stated of any source: it alone can be too late.
            if sharpest is not None and sharpest[0] == entry.source:
                known = sharpest[1]
                late |= known is not None and stated is not None and stated < known
            if sharpest is None or _detail_order(sharpest) <= _detail_order((entry.source, stated)):
                sharpest = entry.source, stated
        for name in keys:
            known = latest.get(name)
            if known is None or (stated is not None and stated > known):
                latest[name] = stated
        backdated = stated is not None and earliest is not None and stated < earliest
        if stated is not None and (earliest is None or stated < earliest):
            earliest = stated
        found[entry.position] = _Flags(late, backdated)
    return found


def _detail_order(detail: tuple[str, str | None]) -> tuple[bool, str, str]:
    return detail[1] is not None, detail[1] or "", detail[0]


def told(said: list[Any]) -> Ledger:
    ledger = Service(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
    for number, one in enumerate(said):
        if one is None:
            continue
        source, at, of = one
        stated = None if at is None else StatedTime(start=DAWN + timedelta(days=at))
        ledger.record([Statement(id=str(number), source=source, stated=stated, records=tuple(of))])
    return ledger


@given(st.lists(statements, max_size=12))
def test_a_history_is_every_entry_that_names_the_node(said: list[Any]) -> None:
    ledger = told(said)
    entries = list(ledger.entries(count=1_000).entries)
    late: dict[int, set[str]] = {}
    for node in NODES:
        wanted = expected(entries, node)
        for size in {ledger.head().size, ledger.head().size // 2}:
            answer = ledger.graph.history(HistoryQuery(node=node, count=1_000), as_of=size)
            found = {one.position: _Flags(one.late, one.backdated) for one in answer.entries}
            assert found == {place: flags for place, flags in wanted.items() if place < size}
        for place, flags in wanted.items():
            if flags.late:
                late.setdefault(place, set()).add(node)
    listed = ledger.graph.late(LateQuery(lag=100 * 365 * 24 * 3600, count=1_000)).records
    overtaken = {one.position: {node.key for node in one.overtaken} for one in listed}
    assert {place: keys - {"acme:run"} for place, keys in overtaken.items()} == late


def changes_of(ledger: Ledger, node: str, **when: datetime) -> dict[str, tuple[Any, bool]]:
    """Return what each entry changes, by field, and whether it is superseded, by statement."""
    answer = ledger.graph.history(HistoryQuery(node=node, count=1_000), **when)  # type: ignore[arg-type]
    return {
        one.statement: (
            sorted((change.field, change.before, change.after) for change in one.changes),
            one.superseded,
        )
        for one in answer.entries
    }


@given(st.lists(statements, max_size=12), st.integers(0, 4))
def test_a_history_of_a_stated_time_changes_what_it_would_had_nothing_later_been_said(
    said: list[Any], at: int
) -> None:
    by_then = [one if one[1] is None or one[1] <= at else None for one in said]
    known, alone = told(said), told(by_then)
    for node in NODES:
        when = DAWN + timedelta(days=at)
        assert changes_of(known, node, valid_at=when) == changes_of(alone, node)
