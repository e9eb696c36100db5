"""Column lineage against the slowest way that is obviously right, as of every size."""

from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from columns_oracle import Arrow, ColumnsOracle, Place, Reached
from columns_told import FIELDS, NAMES, tellings
from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Claim,
    ColumnsQuery,
    Direction,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.projections.views import TABLES
from lineage.questions.trace import DEPTH_MAX
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.columns import (
    ColumnLineage,
    ColumnsAnswer,
    MadeField,
    SourceField,
    Transformation,
    columns_property,
    columns_value,
)
from lineage_schemas.graph import TruncationReason
from lineage_schemas.records import AnyRecord
from strategies import (
    ALIASES,
    ARTIFACTS,
    DAWN,
    EXECUTIONS,
    INSTANTS,
    batch_sizes,
    cut,
    events,
    histories,
)

UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH


def links() -> st.SearchStrategy[AnyRecord]:
    def link(drawn: tuple[bool, str, str, LinkClass]) -> AnyRecord:
        is_back, node, identifier, link_class = drawn
        form = Retraction if is_back else Claim
        return form(kind=Kind.ARTIFACT, node=node, identifier=identifier, link_class=link_class)

    return st.tuples(
        st.sampled_from([False, False, True]),
        st.sampled_from(ARTIFACTS),
        st.sampled_from(NAMES),
        st.sampled_from([LinkClass.ASSERTED, LinkClass.ASSERTED, LinkClass.DERIVED]),
    ).map(link)


HISTORIES = histories(st.one_of(tellings(), tellings(), tellings(), events(), links()), 10)
QUERIES = st.builds(
    ColumnsQuery,
    dataset=st.sampled_from(NAMES),
    field=st.sampled_from((*FIELDS, None)),
    direction=st.sampled_from(Direction),
    depth=st.sampled_from([DEPTH_MAX, DEPTH_MAX, 0, 1, 2]),
)
MOMENTS = st.sampled_from([None, *INSTANTS])


class Told(NamedTuple):
    ledger: Ledger
    known: dict[int, list[Statement]]


def told(statements: list[Statement], sizes: list[int], location: str = "memory:") -> Told:
    store = open_store(location, TABLES, "test/origin")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    return Told(ledger, record(ledger, statements, sizes))


def record(
    ledger: Ledger, statements: list[Statement], sizes: list[int]
) -> dict[int, list[Statement]]:
    """Record a history, and return what had been said at each size between its batches."""
    known: dict[int, list[Statement]] = {0: []}
    so_far: list[Statement] = []
    for batch in cut(statements, sizes):
        ledger.record(batch)
        so_far = [*so_far, *batch]
        known[ledger.head().size] = so_far
    return known


def shown(answer: ColumnsAnswer) -> Reached:
    """Return what an answer shows, by keys; it repeats nothing and is in order."""
    keys = {node.id: str(node.key) for node in answer.executions}
    assert len(keys) == len(answer.executions)
    depths = {(one.dataset, one.field): one.depth for one in answer.columns}
    assert len(depths) == len(answer.columns)
    order = [(one.depth, one.dataset, one.field or "") for one in answer.columns]
    assert order == sorted(order)
    assert [node.key for node in answer.datasets] == sorted({key for key, _ in depths})
    arrows: list[Arrow] = [
        (
            (one.from_dataset, one.from_field),
            (one.to_dataset, one.to_field),
            keys[execution],
            tuple(how.subtype or "" for how in one.transformations),
        )
        for one in answer.edges
        for execution in one.executions
    ]
    assert len(set(arrows)) == len(arrows)
    assert {end for arrow in arrows for end in arrow[:2]} <= depths.keys()
    return Reached(depths, set(arrows))


def walks(oracle: ColumnsOracle, query: ColumnsQuery, depth_max: float) -> list[Reached]:
    ways = (True, False) if query.direction is BOTH else (query.direction is UP,)
    return [oracle.walk(query.dataset, query.field, depth_max, upstream=way) for way in ways]


def together(found: list[Reached]) -> Reached:
    depths: dict[Place, int] = {}
    for one in found:
        for place, depth in one.depths.items():
            depths[place] = min(depth, depths.get(place, depth))
    return Reached(depths, set().union(*(one.arrows for one in found)))


def check(oracle: ColumnsOracle, query: ColumnsQuery, answer: ColumnsAnswer) -> None:
    """Compare an answer that no limit of columns has cut."""
    whole, limited = walks(oracle, query, inf), walks(oracle, query, query.depth)
    missing = [len(one.depths) - len(two.depths) for one, two in zip(whole, limited, strict=True)]
    expected = together(
        [two if gone else one for one, two, gone in zip(whole, limited, missing, strict=True)]
    )
    assert shown(answer) == expected
    cuts = [gone for gone in missing if gone]
    assert [one.reason for one in answer.truncations] == [TruncationReason.DEPTH] * len(cuts)
    for truncation, gone in zip(answer.truncations, cuts, strict=True):
        assert 1 <= truncation.hidden <= gone
    assert answer.complete == (not cuts and not answer.unknown)
    undated = {arrow for arrow in expected.arrows if None in dates(oracle, arrow)}
    counted = len({(*arrow[:2], arrow[3]) for arrow in undated})
    assert answer.undated == (0 if answer.basis.valid_at is None else counted)


def dates(oracle: ColumnsOracle, arrow: Arrow) -> list[float | None]:
    return [date for place in arrow[:2] for date in oracle.dates(arrow[2], place[0])]


def told_by(known: list[Statement], moment: datetime | None) -> ColumnsOracle:
    # A moment is the interval of its one microsecond.
    return ColumnsOracle(known, None if moment is None else moment.timestamp() + 1e-6)


@settings(max_examples=60)
@given(history=HISTORIES, sizes=batch_sizes(), query=QUERIES, moment=MOMENTS)
def test_columns_reach_what_the_oracle_reaches(
    history: list[Statement], sizes: list[int], query: ColumnsQuery, moment: datetime | None
) -> None:
    log = told(history, sizes)
    for size, known in log.known.items():
        answer = log.ledger.graph.columns(query, as_of=size, valid_at=moment)
        assert answer.basis.size == size
        check(told_by(known, moment), query, answer)


@settings(max_examples=25)
@given(history=HISTORIES, query=QUERIES, limit=st.integers(1, 5))
def test_an_answer_has_so_many_columns_and_says_what_it_hides(
    history: list[Statement], query: ColumnsQuery, limit: int
) -> None:
    log = told(history, [4])
    whole = log.ledger.graph.columns(query)
    cut_at = log.ledger.graph.columns(replace(query, columns=limit))
    found, expected = shown(cut_at), shown(whole)
    assert found.depths.items() <= expected.depths.items() or query.direction is BOTH
    assert found.depths.keys() <= expected.depths.keys()
    assert found.arrows <= expected.arrows
    assert len(found.depths) <= limit
    by_limit = [one for one in cut_at.truncations if one.reason is TruncationReason.NODES]
    assert bool(by_limit) == (not found.depths.keys() >= expected.depths.keys()) or (
        query.direction is BOTH
    )
    assert all(one.hidden >= 1 and one.limit <= limit for one in by_limit)


@settings(max_examples=20)
@given(data=st.data(), history=HISTORIES, query=QUERIES, moment=MOMENTS)
def test_the_order_of_arrival_decides_nothing(
    data: st.DataObject, history: list[Statement], query: ColumnsQuery, moment: datetime | None
) -> None:
    other = data.draw(st.permutations(history))
    one, two = told(history, [3]).ledger, told(other, [1]).ledger
    answers = [ledger.graph.columns(query, valid_at=moment) for ledger in (one, two)]
    assert shown(answers[0]) == shown(answers[1])
    assert answers[0].undated == answers[1].undated


# --- by hand, in every store ---------------------------------------------------------------------

RAW, CLEAN, VIEW, MODEL, NICKNAME = (*ARTIFACTS[:4], ALIASES[0])
LOAD, JOIN, TRAIN = EXECUTIONS[:3]
IDENTITY = Transformation(type="DIRECT", subtype="IDENTITY")


def telling(execution: str, said: ColumnLineage) -> Execution:
    return Execution(
        key=execution, custom_properties={columns_property(said.output): columns_value(said)}
    )


def stated(number: int, *records: AnyRecord, hours: int, source: str = "ci") -> Statement:
    moment = StatedTime(start=DAWN + timedelta(hours=hours))
    return Statement(id=f"s-{number}", source=source, records=records, stated=moment)


def met(execution: str, artifact: str, kind: EventKind) -> Event:
    return Event(execution=execution, artifact=artifact, kind=kind)


NICKNAMED = Claim(
    kind=Kind.ARTIFACT, node=CLEAN, identifier=NICKNAME, link_class=LinkClass.ASSERTED
)
BACK = Retraction(
    kind=Kind.ARTIFACT, node=CLEAN, identifier=NICKNAME, link_class=LinkClass.ASSERTED
)
STORY = [
    # A data set is named by another name, before anybody knows that it is one.
    stated(
        1,
        telling(
            JOIN,
            ColumnLineage(
                VIEW,
                (MadeField("total", (SourceField(NICKNAME, "amount", (IDENTITY,)),)),),
                (SourceField(CLEAN, "day"),),
            ),
        ),
        met(JOIN, VIEW, EventKind.OUTPUT),
        hours=2,
    ),
    stated(
        2,
        telling(LOAD, ColumnLineage(CLEAN, (MadeField("amount", (SourceField(RAW, "Amount"),)),))),
        met(LOAD, RAW, EventKind.INPUT),
        met(LOAD, CLEAN, EventKind.OUTPUT),
        hours=1,
    ),
    stated(3, NICKNAMED, hours=1, source="dvc"),
    # All of a data set is learned from, and what the run had said first is replaced.
    stated(
        4,
        telling(TRAIN, ColumnLineage(MODEL, (MadeField("weights", (SourceField(VIEW, None),)),))),
        met(TRAIN, VIEW, EventKind.INPUT),
        met(TRAIN, MODEL, EventKind.OUTPUT),
        hours=2,
    ),
    stated(
        5,
        telling(TRAIN, ColumnLineage(MODEL, (MadeField("bias", (SourceField(RAW, "day"),)),))),
        hours=0,
    ),
    # A circle, and the claim is taken back.
    stated(
        6,
        telling(
            EXECUTIONS[3],
            ColumnLineage(RAW, (MadeField("Amount", (SourceField(MODEL, "weights"),)),)),
        ),
        hours=2,
    ),
    stated(7, BACK, hours=2, source="dvc"),
]


def test_every_store_answers_as_the_oracle_does(ledger: Ledger) -> None:
    known = record(ledger, STORY, [1])
    queries = [
        ColumnsQuery(dataset=key, field=field, direction=way, depth=depth)
        for key, field in ((MODEL, None), (RAW, "Amount"), (NICKNAME, None))
        for way, depth in ((UP, DEPTH_MAX), (DOWN, 2))
    ]
    for size, statements in list(known.items())[-3:]:
        for moment in (None, INSTANTS[1]):
            oracle = told_by(statements, moment)
            for query in queries:
                answer = ledger.graph.columns(query, as_of=size, valid_at=moment)
                check(oracle, query, answer)


def test_the_story_by_hand() -> None:
    log = told(STORY, [1])
    before = log.ledger.head().size - 1
    whole = log.ledger.graph.columns(ColumnsQuery(dataset=MODEL, field="weights"), as_of=before)
    assert {(one.dataset, one.field): one.depth for one in whole.columns} == {
        (MODEL, "weights"): 0,
        (VIEW, None): 1,
        (VIEW, "total"): 1,
        (CLEAN, "amount"): 2,
        (CLEAN, "day"): 2,
        (RAW, "Amount"): 3,
    }
    assert not any(one.in_schema for one in whole.columns)
    # Once nobody says any more that the nickname is the clean data, the way ends there.
    now = log.ledger.graph.columns(ColumnsQuery(dataset=MODEL, field="weights"))
    assert {(one.dataset, one.field) for one in now.columns} == {
        (MODEL, "weights"),
        (VIEW, None),
        (VIEW, "total"),
        (NICKNAME, "amount"),
        (CLEAN, "day"),
    }
    assert [node.key for node in now.datasets if node.id is None] == [NICKNAME]


def test_a_long_chain_is_followed_to_its_end(ledger: Ledger) -> None:
    """Each data set of 200 is made from the one before, under another name for its column."""
    length = 200
    ledger.record(
        [
            Statement(
                id=f"s-{number}",
                source="ci",
                records=(
                    telling(
                        f"acme:step/{number}",
                        ColumnLineage(
                            f"acme:table/{number + 1}",
                            (
                                MadeField(
                                    f"c{number + 1}",
                                    (SourceField(f"acme:table/{number}", f"c{number}"),),
                                ),
                            ),
                        ),
                    ),
                ),
            )
            for number in range(length)
        ]
    )
    up = ledger.graph.columns(ColumnsQuery(dataset=f"acme:table/{length}", field=f"c{length}"))
    assert [(one.field, one.depth) for one in up.columns] == [
        (f"c{length - depth}", depth) for depth in range(length + 1)
    ]
    down = ledger.graph.columns(ColumnsQuery(dataset="acme:table/0", field="c0", direction=DOWN))
    assert len(down.edges) == length
    assert up.complete
    assert down.complete
    assert (len(up.datasets), up.stubs) == (length + 1, length + 1)
