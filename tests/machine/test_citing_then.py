"""What showed of a stated time, held against a fold of all that is stated by then."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from calendars import DAWN
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Mode, StatedTime, Statement
from lineage.projections.unfolding import command_key
from lineage.projections.views import TABLES
from lineage.questions.citing import History, cite_nodes
from lineage.questions.nodes import find_by_key
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage.writing.governing import namespace_number
from lineage_schemas.instants import instant_us, parse_instant
from lineage_schemas.mlmd import Kind

MADE = command_key(Kind.ARTIFACT, 1)
HOUR_US = 3_600_000_000
DAWN_US = instant_us(DAWN)
NAMES = ("x", "y")
PROPERTIES = st.dictionaries(st.sampled_from(NAMES), st.none() | st.sampled_from("12"), min_size=1)


class Told(NamedTuple):
    """What one statement says: an observation of an hour, or of none, or a command."""

    source: str
    hour: int | None
    properties: dict[str, str | None]
    is_command: bool = False


class Entry(NamedTuple):
    """What was said, with where it stands, and of when it counts."""

    told: Told
    position: int
    stated_us: int | None


OBSERVED = st.builds(
    Told,
    st.sampled_from("cim"),
    st.none() | st.integers(0, 6),
    PROPERTIES,
    is_command=st.just(value=False),
)
COMMANDED = st.builds(
    Told,
    st.sampled_from("cu"),
    st.none(),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from("12")),
    is_command=st.just(value=True),
)
STORIES = st.lists(OBSERVED, min_size=1, max_size=10) | st.tuples(
    COMMANDED, st.lists(OBSERVED | COMMANDED, max_size=9)
).map(lambda story: [story[0], *story[1]])
"""Of a node that observations keep, or of one that a command made; that one both may describe."""


def record(ledger: Ledger, story: list[Told]) -> list[Entry]:
    found: list[Entry] = []
    key = key_of(story)
    for number, one in enumerate(story):
        moment = None if one.hour is None else DAWN.replace(hour=one.hour)
        name = {"id": 1 if number else None} if one.is_command else {"key": key}
        statement = Statement(
            id=f"s/{number}",
            source=one.source,
            mode=Mode.COMMAND if one.is_command else Mode.OBSERVATION,
            stated=None if moment is None else StatedTime(start=moment),
            records=(
                Artifact(**name, type="lineage.DataSet", custom_properties=dict(one.properties)),
            ),
        )
        (receipt,) = ledger.record([statement])
        if receipt.position is None:
            continue  # a command that changes nothing
        (entry,) = ledger.entries(start=receipt.position, count=1).entries
        stated = None if moment is None else instant_us(moment)
        if one.is_command:
            stated = parse_instant(entry.recorded_at)
        found.append(Entry(one, receipt.position, stated))
    return found


def key_of(story: list[Told]) -> str:
    return MADE if story[0].is_command else "acme:a"


Latest = dict[str, tuple[tuple[bool, int, str, bool, str], int]]
"""By source: what its value is ordered by, and the first entry that says it."""


def then(entries: list[Entry], name: str, valid_us: int | None) -> Latest:
    """Fold what is stated by a moment as if nothing else had been said.

    What a command leaves out it clears, where anybody had said it before.
    """
    latest: Latest = {}
    is_known = False
    for told, position, stated_us in entries:
        clears = told.is_command and is_known
        is_known |= name in told.properties
        if valid_us is not None and stated_us is not None and stated_us > valid_us:
            continue
        if told.is_command:
            latest = {}
        if name not in told.properties and not clears:
            continue
        value = told.properties.get(name)
        order = stated_us is not None, stated_us or 0, told.source, value is not None, value or ""
        if told.source not in latest or order > latest[told.source][0]:
            latest[told.source] = order, position
    return latest


def histories(ledger: Ledger, key: str, size: int, valid_us: int | None) -> dict[str, History]:
    with ledger._store.read() as reader:
        namespace = namespace_number(reader, "default", size)
        assert namespace is not None
        (vertex,) = find_by_key(reader, namespace, key, (Kind.ARTIFACT,), size)
        return cite_nodes(reader, [vertex], size, valid_us)[vertex]


@given(STORIES)
def test_what_showed_of_a_stated_time_is_what_was_stated_by_then(story: list[Told]) -> None:
    clock = FakeClock(DAWN_US + HOUR_US, HOUR_US // 3)
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), clock, SeededRandomness())
    entries = record(ledger, story)
    for size in {entries[-1].position + 1, entries[len(entries) // 2].position + 1}:
        known = [one for one in entries if one.position < size]
        for moment in (None, *(DAWN_US + hour * HOUR_US for hour in range(-1, 9))):
            fields = histories(ledger, key_of(story), size, moment)
            for name in NAMES:
                wanted = then(known, name, moment)
                field = f"custom_properties.{name}"
                shown = fields[field].shown(field) if field in fields else None
                best = max(wanted.values(), default=None)
                if best is None or not best[0][3]:
                    assert shown is None or shown.value is None
                    continue
                (_, _, source, _, value), position = best
                assert shown is not None
                assert (shown.source, shown.value, shown.position) == (source, value, position)
                told = {one.source for one in fields[field].kept if one.value is not None}
                assert told == {one for one, (order, _) in wanted.items() if order[3]}
