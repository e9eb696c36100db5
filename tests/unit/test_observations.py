"""What observations do to a log and its graph: by hand, one behaviour at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from checks import check_ledger
from doubles import NOON_US, FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    ArtifactState,
    Association,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    LinkClass,
    MetricSeries,
    Outcome,
    Principal,
    Retraction,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.opening import open_store
from lineage_schemas.entry import StoredEntry
from lineage_schemas.errors import (
    ConflictError,
    InvalidInputError,
    UnknownBasisError,
)
from lineage_schemas.graph import Node
from lineage_schemas.instants import instant_of
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue
from strategies import DAWN, DIGESTS

A, B, RUN = "acme:a", "acme:b", "acme:run"
SETUP = 2


def said(
    statement_id: str, *records: AnyRecord, source: str = "ci", hours: float | None = None
) -> Statement:
    start = None if hours is None else DAWN + timedelta(hours=hours)
    stated = None if start is None else StatedTime(start=start)
    return Statement(id=statement_id, source=source, records=records, stated=stated)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log(store: Store, clock: FakeClock) -> Ledger:
    return Ledger(store, clock, SeededRandomness())


def node(log: Ledger, key: str, kind: Kind = Kind.ARTIFACT) -> Node:
    return log.show(key, kind=kind)[0].node


def stored(log: Ledger) -> list[StoredEntry]:
    with log._store.read() as reader:
        return reader.entries(0, 1_000)


# --- stubs and keys ------------------------------------------------------------------------------


def test_what_is_only_named_is_a_stub_until_it_is_described(log: Ledger) -> None:
    log.record([said("1", Event(artifact=A, execution=RUN, kind=EventKind.INPUT))])
    assert node(log, A) == Node(kind=Kind.ARTIFACT, id=1, key=A, stub=True)
    assert log.trace(TraceQuery(start=(RUN,))).stubs == 2
    size = log.head().size
    log.record([said("2", Artifact(key=A, name="rows"))])
    assert node(log, A) == Node(kind=Kind.ARTIFACT, id=1, key=A, name="rows")
    assert log.show(A, as_of=size)[0].node.stub
    assert log.trace(TraceQuery(start=(RUN,))).stubs == 1


def test_a_key_is_normalised_so_two_spellings_are_one_node(log: Ledger) -> None:
    log.record([said("1", Artifact(key="uri:HTTP://Example.org:80/a/../b", name="rows"))])
    assert node(log, "uri:http://example.org/b").name == "rows"
    log.record([said("2", Artifact(key="uri:http://EXAMPLE.org/%62", uri="file:///u"))])
    assert node(log, "uri:http://example.org/b").uri == "file:///u"
    assert [one.id for one in log.list_nodes("artifact").nodes] == [1]


def test_one_key_in_two_kinds_is_two_nodes(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A), Execution(key=A), Context(key=A, name="c"))])
    assert [answer.node.kind for answer in log.show(A)] == list(Kind)


def test_a_reference_resolves_by_key_and_never_through_a_claim(log: Ledger) -> None:
    claim = Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
    log.record([said("1", Artifact(key=A, name="rows"), claim)])
    assert [one.name for one in log.show(B)[0].members] == ["rows"]
    log.record([said("2", Event(artifact=B, execution=RUN, kind=EventKind.INPUT))])
    assert [one.key for one in log.list_nodes("artifact").nodes] == [A, B]
    # B is a node of its own now, and the claim joins the two.
    assert {one.key for one in log.show(B)[0].members} == {A, B}
    assert {one.id for one in log.show(B)[0].members} == {1, 2}


def test_only_an_asserted_claim_names_a_node(log: Ledger) -> None:
    for number, link_class in enumerate((LinkClass.DERIVED, LinkClass.GUESSED)):
        claim = Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=link_class)
        log.record([said(str(number), claim)])
    assert log.show(B)[0].node == Node(key=B, stub=True)


@pytest.mark.parametrize("digest", DIGESTS)
def test_the_digest_of_contents_is_never_a_key(log: Ledger, digest: str) -> None:
    for record in (
        Artifact(key=digest),
        Event(artifact=digest, execution=RUN, kind=EventKind.INPUT),
        Claim(kind=Kind.ARTIFACT, node=digest, identifier=B, link_class=LinkClass.ASSERTED),
    ):
        with pytest.raises(InvalidInputError, match="digest"):
            log.record([said("1", record)])
    assert log.head().size == 0


# --- idempotency and atomicity -------------------------------------------------------------------


def test_a_statement_again_is_the_statement_that_is_there(log: Ledger) -> None:
    one = said("1", Artifact(key=A, name="rows"), hours=1)
    first = log.record([one])
    before = log.head()
    again = log.record([said("1", Artifact(key=A, name="rows"), hours=1)])
    assert [(r.position, r.outcome) for r in first] == [(SETUP, Outcome.APPENDED)]
    assert [(r.position, r.outcome) for r in again] == [(SETUP, Outcome.DUPLICATE)]
    assert log.head() == before


def test_what_is_compared_is_what_was_sent_and_not_what_it_came_to(log: Ledger) -> None:
    one = said("1", Event(artifact="acme:x", execution=RUN, kind=EventKind.INPUT))
    log.record([said("0", Artifact(key="acme:y")), one])
    log.record([said("2", Artifact(key="acme:x", name="described since"))])
    assert log.record([one])[0].outcome is Outcome.DUPLICATE
    spelt = said("3", Artifact(key="uri:HTTP://example.org"))
    log.record([spelt])
    assert log.record([said("3", Artifact(key="uri:http://example.org/"))])[0].position == 5


@pytest.mark.parametrize(
    "other",
    [
        said("1", Artifact(key=A, name="other")),
        said("1", Artifact(key=A, name="rows"), hours=1),
        said("1", Artifact(key=A, name="rows"), Artifact(key=A, name="rows")),
        said("1", Artifact(key=A, name="rows", custom_properties={"p": None})),
        said("1", Execution(key=A, name="rows")),
    ],
)
def test_the_same_id_with_other_content_is_a_conflict_and_nothing_is_written(
    log: Ledger, other: Statement
) -> None:
    log.record([said("1", Artifact(key=A, name="rows"))])
    before = log.head()
    with pytest.raises(ConflictError):
        log.record([said("fresh", Artifact(key=B)), other])
    assert log.head() == before
    assert node(log, B).id is None
    with pytest.raises(ConflictError):
        log.record([said("2", Artifact(key=A)), said("2", Artifact(key=B))])
    assert log.head() == before
    check_ledger(log)


def test_an_id_belongs_to_its_source_and_namespace(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A, name="rows"))])
    log.record([said("1", Artifact(key=A, name="other"), source="dvc")])
    log.record([said("1", Artifact(key=A, name="else"))], namespace="other")
    assert log.head().size == 3 + 1 + 3
    # Texts that run together are still told apart.
    log.record([said("b", Artifact(key=A), source="a"), said("ab", Artifact(key=B), source="x")])
    log.record([said("bx", Artifact(key=B), source="a"), said("x", Artifact(key=B), source="ab")])
    check_ledger(log)


def test_a_batch_is_written_whole_or_not_at_all(log: Ledger) -> None:
    good = said("1", Artifact(key=A, name="rows"))
    bad = said("2", Artifact(key=B, type="Nothing"))
    with pytest.raises(InvalidInputError, match="Nothing"):
        log.record([good, bad])
    assert log.head().size == 0
    assert log.types().types == ()
    log.record([good])
    assert node(log, A).id == 1


def test_in_a_group_a_refused_batch_is_undone_alone(log: Ledger) -> None:
    deliveries = [
        log.prepare([said("1", Artifact(key=A, name="one"))]),
        log.prepare([said("2", Artifact(key=A, uri="file:///u")), said("1", Artifact(key=B))]),
        log.prepare([said("3", Artifact(key=B, name="three"))]),
    ]
    first, second, third = log.commit(deliveries)
    assert isinstance(second, ConflictError)
    assert isinstance(first, list)
    assert isinstance(third, list)
    assert [r.position for r in (*first, *third)] == [SETUP, SETUP + 1]
    assert (node(log, A).uri, node(log, B).id) == (None, 2)
    assert [entry.batch_start for entry in log.entries(SETUP).entries] == [0, 3]
    check_ledger(log)


def test_two_chunks_of_one_metric_in_one_statement_do_not_stop_a_group(log: Ledger) -> None:
    chunk = MetricSeries(execution=RUN, metric="loss", chunk=0, points=((0, 0.5, None),))
    other = MetricSeries(execution=RUN, metric="loss", chunk=0, points=((0, 1.5, None),))
    outcomes = log.commit(
        [log.prepare([said("1", chunk, other)]), log.prepare([said("2", Artifact(key=A))])]
    )
    assert all(isinstance(outcome, list) for outcome in outcomes)
    (metric,) = log.show(RUN)[0].series
    assert metric.points == ((0, 1.5, None),)


def test_nothing_said_writes_nothing(log: Ledger) -> None:
    assert log.record([]) == []
    assert log.head().size == 0
    with pytest.raises(InvalidInputError, match="without records"):
        log.record([said("1")])


# --- which value shows ---------------------------------------------------------------------------


def told(log: Ledger, *statements: Statement) -> Node:
    log.record(statements)
    return node(log, A)


def valued(
    number: int, value: JsonValue, source: str = "ci", hours: float | None = None
) -> Statement:
    record = Artifact(key=A, custom_properties={"p": value})
    return said(f"v{number}", record, source=source, hours=hours)


@pytest.mark.parametrize(
    ("statements", "shown"),
    [
        # The latest stated time wins, whatever came later.
        ([valued(1, "new", hours=2), valued(2, "old", hours=1)], "new"),
        # At one stated time the later source by its name.
        ([valued(1, "z", source="mlflow", hours=1), valued(2, "a", source="dvc", hours=1)], "z"),
        # Of one source at one stated time, the greater value by its JSON.
        ([valued(1, "b", hours=1), valued(2, "a", hours=1)], "b"),
        ([valued(1, 10, hours=1), valued(2, 9, hours=1)], 9),
        # Any stated time wins over none.
        ([valued(1, "stated", hours=1), valued(2, "not", source="mlflow")], "stated"),
        # A value wins over its being cleared at the same time, and loses to it later.
        ([valued(1, None, hours=1), valued(2, "kept", hours=1)], "kept"),
        ([valued(1, "gone", hours=1), valued(2, None, hours=2)], None),
        # Each source has its own latest value: what dvc takes back was never mlflow's.
        (
            [
                valued(1, "mlflow", source="mlflow", hours=1),
                valued(2, "dvc", source="dvc", hours=2),
                valued(3, "dvc again", source="dvc", hours=3),
            ],
            "dvc again",
        ),
        ([valued(1, "ci", hours=1), valued(2, None, source="dvc", hours=2)], None),
    ],
)
def test_the_value_shown_is_the_latest(
    log: Ledger, statements: list[Statement], shown: JsonValue
) -> None:
    expected = {} if shown is None else {"p": shown}
    assert told(log, *statements).custom_properties == expected
    backwards = Ledger(open_store("memory:", TABLES, "o"), FakeClock(), SeededRandomness())
    assert told(backwards, *statements[::-1]).custom_properties == expected
    check_ledger(log)


def test_states_follow_one_another_as_ml_metadata_numbers_them(log: Ledger) -> None:
    order = [ExecutionState.NEW, ExecutionState.RUNNING, ExecutionState.COMPLETE]
    for number, state in enumerate([order[1], order[2], order[0]]):
        log.record([said(f"s{number}", Execution(key=RUN, state=state), hours=1)])
    assert node(log, RUN, Kind.EXECUTION).state == "COMPLETE"
    log.record([said("later", Execution(key=RUN, state=ExecutionState.RUNNING), hours=2)])
    assert node(log, RUN, Kind.EXECUTION).state == "RUNNING"
    # By the alphabet ABANDONED would lose to LIVE.
    log.record([said("live", Artifact(key=A, state=ArtifactState.ABANDONED), hours=1)])
    log.record([said("left", Artifact(key=A, state=ArtifactState.LIVE), hours=1)])
    assert node(log, A).state == "ABANDONED"


def test_what_is_left_out_is_not_said(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A, name="rows", uri="file:///u"), hours=1)])
    log.record([said("2", Artifact(key=A, custom_properties={"p": 1}), hours=2)])
    shown = node(log, A)
    assert (shown.name, shown.uri, shown.custom_properties) == ("rows", "file:///u", {"p": 1})


def test_absent_and_empty_are_different(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A, name="rows", custom_properties={"p": "x"}), hours=1)])
    log.record([said("2", Artifact(key=A, name="", custom_properties={"p": ""}), hours=2)])
    shown = node(log, A)
    assert (shown.name, shown.custom_properties) == ("", {"p": ""})


def test_every_value_is_still_shown_as_of_its_time(log: Ledger) -> None:
    sizes = []
    for number, value in enumerate(["a", "b", None, "c"]):
        log.record([valued(number, value, hours=number)])
        sizes.append(log.head().size)
    shown = [log.show(A, as_of=size)[0].node.custom_properties for size in sizes]
    assert shown == [{"p": "a"}, {"p": "b"}, {}, {"p": "c"}]


def test_an_entity_shows_the_latest_of_all_its_members(log: Ledger) -> None:
    claim = Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
    log.record([said("1", claim)])
    log.record([said("2", Artifact(key=A, name="early", uri="file:///u"), hours=1)])
    log.record([said("3", Artifact(key=B, name="late"), source="dvc", hours=2)])
    (answer,) = log.show(A)
    assert (answer.node.name, answer.node.uri) == ("late", "file:///u")
    assert [one.name for one in answer.members] == ["early", "late"]


def test_a_retraction_counts_from_its_stated_time_on(log: Ledger) -> None:
    claim = Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
    back = Retraction(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
    log.record([said("back", back, hours=2), said("claim", claim, hours=1)])
    assert log.show(A)[0].links == ()
    log.record([said("other", claim, source="dvc", hours=1)])
    assert [link.source for link in log.show(A)[0].links] == ["dvc"]
    log.record([said("again", claim, hours=3)])
    assert [link.source for link in log.show(A)[0].links] == ["ci", "dvc"]


# --- what is personal ----------------------------------------------------------------------------


def test_what_is_personal_lies_in_the_personal_part_alone(log: Ledger) -> None:
    record = Artifact(
        key="acme:visible-key",
        type="lineage.DataSet",
        name="visible-name",
        properties={"owner": "SECRET-owner", "row_count": 3},
        custom_properties={"mail": "SECRET-mail", "colour": "visible-colour"},
        personal=("mail",),
    )
    log.record([said("1", record)], principal=Principal("SECRET-principal", is_local=True))
    entries = stored(log)
    for entry in entries:
        assert b"SECRET" not in entry.envelope
        assert entry.facts is not None
        assert b"SECRET" not in entry.facts.body
    told_of = b"".join(entry.personal.body for entry in entries if entry.personal)
    for secret in (b"SECRET-owner", b"SECRET-mail", b"SECRET-principal"):
        assert told_of.count(secret) == 1
    assert b"visible" not in told_of
    shown = node(log, "acme:visible-key")
    assert shown.properties == {"owner": "SECRET-owner", "row_count": 3}
    assert shown.custom_properties == {"mail": "SECRET-mail", "colour": "visible-colour"}
    check_ledger(log)


def test_an_envelope_holds_structure_and_no_words_of_the_graph(log: Ledger) -> None:
    words = ("key-word", "name-word", "value-word", "other-word", "uri-word", "metric-word")
    log.record(
        [
            said(
                "1",
                Artifact(
                    key="acme:key-word",
                    name="name-word",
                    uri="file:///uri-word",
                    external_id="other-word",
                    custom_properties={"other-word": "value-word"},
                ),
                Event(artifact="acme:key-word", execution=RUN, kind=EventKind.INPUT, path=words),
                Association(context="acme:other-word", execution=RUN),
                Claim(
                    kind=Kind.ARTIFACT,
                    node="acme:key-word",
                    identifier="acme:other-word",
                    link_class=LinkClass.ASSERTED,
                    evidence={"other-word": "value-word"},
                ),
                MetricSeries(execution=RUN, metric="metric-word", chunk=0, points=()),
            )
        ]
    )
    entry = stored(log)[-1]
    assert b"word" not in entry.envelope
    assert b'["edge",1,1,"INPUT"]' in entry.envelope
    assert b'["link","artifact",1,1,"asserted"]' in entry.envelope
    assert entry.facts is not None
    assert all(word.encode() in entry.facts.body for word in words)


def test_equal_parts_have_different_salts_and_commitments(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A)), said("2", Artifact(key=A))])
    one, two = stored(log)[-2:]
    assert one.facts is not None
    assert two.facts is not None
    assert one.facts.body == two.facts.body
    assert one.facts.salt != two.facts.salt
    assert len(one.facts.salt) == 16


def test_a_pseudonym_stays_with_its_person(log: Ledger) -> None:
    ada, bob = Principal("ada", is_local=True), Principal("bob", is_local=True)
    for number, who in enumerate([ada, bob, ada, bob]):
        log.record([said(str(number), Artifact(key=A))], principal=who)
    actors = [entry.actor for entry in log.entries().entries if entry.source == "ci"]
    assert actors[0] == actors[2] != actors[1] == actors[3]


# --- time ----------------------------------------------------------------------------------------


def recorded(log: Ledger) -> list[str]:
    return [entry.recorded_at for entry in log.entries(SETUP).entries]


def test_recorded_time_never_runs_backwards(log: Ledger, clock: FakeClock) -> None:
    log.record([said("1", Artifact(key=A))])
    clock.turn_back(3_600_000_000)
    log.record([said("2", Artifact(key=A))])
    clock.now_us = NOON_US + 7_000_000
    log.record([said("3", Artifact(key=A))])
    assert recorded(log) == [
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T12:00:07.000000Z",
    ]
    check_ledger(log)


def test_all_of_a_batch_is_recorded_at_one_time(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A)), said("2", Artifact(key=A))])
    assert len(set(recorded(log))) == 1


def test_a_size_inside_a_batch_means_the_size_before_it_and_says_so(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A, name="one"))])
    log.record([said(str(number), Artifact(key=A, name=str(number))) for number in (2, 3, 4)])
    for asked, size, told_asked in [
        (0, 0, None),
        (1, 0, 1),
        (3, 3, None),
        (4, 3, 4),
        (5, 3, 5),
        (6, 6, None),
    ]:
        basis = log.basis(asked)
        assert (basis.size, basis.asked_size) == (size, told_asked), asked
        assert log.show(A, as_of=asked)[0].basis == basis
    for size in (-1, 7):
        with pytest.raises(UnknownBasisError):
            log.basis(size)


def test_a_time_means_what_had_been_recorded_by_then(log: Ledger, clock: FakeClock) -> None:
    clock.step_us = 0
    for seconds in (1, 2, 2, 5):
        clock.now_us = NOON_US + seconds * 1_000_000
        log.record([said(str(log.head().size), Artifact(key=A))])
    sizes = {
        0: 0,
        999_999: 0,
        1_000_000: 3,
        1_999_999: 3,
        2_000_000: 5,
        4_999_999: 5,
        5_000_000: 6,
        9_000_000: 6,
    }
    for after, size in sizes.items():
        basis = log.basis(instant_of(NOON_US + after))
        assert (basis.size, basis.asked_size) == (size, None), after
    with pytest.raises(InvalidInputError, match="time zone"):
        log.basis(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_basis_can_be_handed_back_and_another_logs_cannot(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A, name="one"))])
    then = log.show(A)[0]
    log.record([said("2", Artifact(key=A, name="two"), hours=1)])
    assert log.show(A, as_of=then.basis) == (then,)
    other = Ledger(open_store("memory:", TABLES, "other"), FakeClock(), SeededRandomness())
    with pytest.raises(UnknownBasisError, match="another ledger"):
        other.show(A, as_of=then.basis)
    forked = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    forked.record([said("1", Artifact(key=A, name="forked"))])
    with pytest.raises(UnknownBasisError, match="that root"):
        forked.show(A, as_of=then.basis)


def test_the_sources_in_scope_are_those_that_had_spoken(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A))])
    log.record([said("1", Artifact(key=A), source="dvc")])
    assert [log.basis(size).sources for size in (0, 3, 4)] == [
        (),
        ("ci", "lineage"),
        ("ci", "dvc", "lineage"),
    ]


@pytest.mark.parametrize(
    "record",
    [
        MetricSeries(
            execution=RUN,
            metric="loss",
            chunk=0,
            points=((0, 0.5, datetime(2026, 1, 1)),),  # noqa: DTZ001
        ),
        Event(
            artifact=A,
            execution=RUN,
            kind=EventKind.INPUT,
            time=datetime(2026, 1, 1),  # noqa: DTZ001
        ),
    ],
)
def test_a_time_without_a_zone_is_refused(log: Ledger, record: AnyRecord) -> None:
    with pytest.raises(InvalidInputError, match="time zone"):
        log.record([said("1", record)])
    stated = StatedTime(start=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidInputError, match="time zone"):
        log.record([Statement(id="2", source="ci", records=(Artifact(key=A),), stated=stated)])
    assert log.head().size == 0


def test_any_time_of_the_calendar_is_kept(log: Ledger) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    event = Event(artifact=A, execution=RUN, kind=EventKind.INPUT, time=last)
    stated = StatedTime(start=first, end=last)
    log.record([Statement(id="1", source="ci", records=(event,), stated=stated)])
    entry = log.entries(SETUP).entries[0]
    assert entry.stated_from == "0001-01-01T00:00:00.000000Z"
    assert entry.stated_to == "9999-12-31T23:59:59.999999Z"
    assert log.show(RUN)[0].edges[0].time_us == 253_402_300_799_999_999
    check_ledger(log)
