"""Commands follow the log's order, whatever the clock says and however a node is named."""

import pytest

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    Association,
    Attribution,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    MetricSeries,
    Mode,
    Outcome,
    ParentContext,
    Receipt,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.vertices import ID_MAX
from lineage_schemas.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from lineage_schemas.mlmd import ArtifactType, ContextType, ExecutionType
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue
from strategies import DAWN

TYPES = (ArtifactType(name="Shape"), ExecutionType(name="Step"), ContextType(name="Group"))
A, MADE = "acme:a", "mlmd:artifact/1"


def command(statement_id: str, *records: AnyRecord) -> Statement:
    return Statement(id=statement_id, source="client", mode=Mode.COMMAND, records=records)


def observed(statement_id: str, *records: AnyRecord, year: int | None = None) -> Statement:
    stated = None if year is None else StatedTime(start=DAWN.replace(year=year))
    return Statement(id=statement_id, source="ci", records=records, stated=stated)


def shape(**values: JsonValue) -> Artifact:
    return Artifact(type="Shape", custom_properties=values)


def shape_again(**values: JsonValue) -> Artifact:
    return Artifact(id=1, custom_properties=values)


def shown(ledger: Ledger) -> dict[str, JsonValue]:
    return ledger.show(MADE)[0].node.custom_properties


@pytest.fixture
def log(store: Store) -> Ledger:
    """Return a ledger with types, whose clock stands still."""
    ledger = Ledger(store, FakeClock(step_us=0), SeededRandomness())
    ledger.record([command("types", *TYPES)])
    return ledger


# --- which command counts ------------------------------------------------------------------------


def test_the_last_command_of_a_batch_counts(log: Ledger) -> None:
    log.record([command("1", shape(x=9, y=1)), command("2", shape_again(x=1))])
    assert shown(log) == {"x": 1}
    check_ledger(log)


def test_the_last_record_of_a_command_counts(log: Ledger) -> None:
    log.record([command("1", shape(x=9, y=1))])
    log.record([command("2", shape_again(x=5, z=1), shape_again(x=1))])
    assert shown(log) == {"x": 1}
    check_ledger(log)


def test_the_last_command_counts_though_the_clock_stands(log: Ledger) -> None:
    for number, values in enumerate([{"x": 9, "y": 1}, {"x": 1}, {"x": 3, "z": 0}, {"x": 2}]):
        record = shape(**values) if number == 0 else shape_again(**values)
        log.record([command(str(number), record)])
        assert shown(log) == values
    check_ledger(log)


def test_a_replacement_wins_over_what_was_observed_of_the_future(log: Ledger) -> None:
    log.record([command("1", shape(x=1))])
    log.record([observed("2", Artifact(key=MADE, custom_properties={"x": 2, "y": 2}), year=9000)])
    assert shown(log) == {"x": 2, "y": 2}
    log.record([command("3", shape_again(x=3))])
    assert shown(log) == {"x": 3}
    log.record([observed("4", Artifact(key=MADE, custom_properties={"y": 4}), year=1999)])
    assert shown(log) == {"x": 3}
    log.record([observed("5", Artifact(key=MADE, custom_properties={"y": 5}), year=9000)])
    assert shown(log) == {"x": 3, "y": 5}
    check_ledger(log)


GROUPS: dict[str, list[AnyRecord]] = {
    "what another command has given up": [
        Context(id=1, type="Group", name="a"),
        Context(id=1, type="Group", name="c"),
        Context(type="Group", name="a"),
    ],
    "what was given up again at once": [
        Context(id=1, type="Group", name="c"),
        Context(id=1, type="Group", name="d"),
        Context(id=2, type="Group", name="c"),
    ],
    "what the command before has made": [
        Context(type="Group", name="c"),
        Context(id=3, type="Group", name="c", custom_properties={"x": 1}),
    ],
}
"""Names that commands take one after another, given contexts 1 and 2 called "a" and "b"."""


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("named", GROUPS)
def test_a_command_takes_a_name_that_one_before_it_left(
    log: Ledger, named: str, *, together: bool
) -> None:
    log.record([command("a", Context(type="Group", name="a"), Context(type="Group", name="b"))])
    said = [command(f"{number}", record) for number, record in enumerate(GROUPS[named])]
    for batch in [said] if together else [[one] for one in said]:
        log.record(batch)
    check_ledger(log)


# --- #N where record N replaces a node that is there ---------------------------------------------


@pytest.fixture
def joined(log: Ledger) -> Ledger:
    """Return a ledger with one node of each kind, joined every way."""
    log.record(
        [
            command(
                "made",
                shape(),
                Execution(type="Step"),
                Context(type="Group", name="a"),
                Context(type="Group", name="b"),
                Event(artifact="#0", execution="#1", kind=EventKind.INPUT),
                Attribution(context="#2", artifact="#0"),
                Association(context="#2", execution="#1"),
                ParentContext(child="#2", parent="#3"),
                CLAIMED,
            )
        ]
    )
    return log


CLAIMED = Claim(kind=Kind.ARTIFACT, node="#0", identifier=A, link_class=LinkClass.ASSERTED)
AGAIN = (shape_again(), Execution(id=1), Context(id=1, name="a"), Context(id=2, name="b"))


@pytest.mark.parametrize("kind", [EventKind.INPUT, EventKind.OUTPUT])
@pytest.mark.parametrize(
    ("artifact", "execution"), [("#0", "#1"), ("#0", 1), (1, "#1"), ("#00", "#01")]
)
def test_an_event_of_nodes_that_are_there_is_still_unique(
    joined: Ledger, kind: EventKind, artifact: str | int, execution: str | int
) -> None:
    event = Event(artifact=artifact, execution=execution, kind=kind)
    if kind is EventKind.OUTPUT:
        first = Event(artifact=1, execution=1, kind=kind)
        assert outcome(joined, command("first", first)) is Outcome.APPENDED
    before = joined.head()
    # "#00" may be refused as no name at all; what may not be is a second Event.
    with pytest.raises((AlreadyExistsError, InvalidInputError)) as caught:
        joined.record([command("again", *AGAIN, event)])
    if artifact != "#00":
        assert isinstance(caught.value, AlreadyExistsError)
    assert joined.head() == before
    check_ledger(joined)


def outcome(ledger: Ledger, statement: Statement) -> Outcome:
    (receipt,) = ledger.record([statement])
    return receipt.outcome


@pytest.mark.parametrize(
    "record",
    [Attribution(context="#2", artifact="#0"), Association(context="#2", execution="#1")],
    ids=repr,
)
def test_a_membership_of_nodes_that_are_there_is_unchanged(
    joined: Ledger, record: AnyRecord
) -> None:
    before = joined.head()
    assert outcome(joined, command("again", *AGAIN, record)) is Outcome.UNCHANGED
    assert joined.head() == before
    check_ledger(joined)


def test_a_parent_of_contexts_that_are_there_is_unique_and_makes_no_cycle(joined: Ledger) -> None:
    before = joined.head()
    with pytest.raises(AlreadyExistsError):
        joined.record([command("again", *AGAIN, ParentContext(child="#2", parent="#3"))])
    with pytest.raises(InvalidInputError, match="cycle"):
        joined.record([command("circle", *AGAIN, ParentContext(child="#3", parent="#2"))])
    assert joined.head() == before
    check_ledger(joined)


def test_a_claim_by_number_is_taken_back_and_made_again(joined: Ledger) -> None:
    back = Retraction(
        kind=Kind.ARTIFACT, node="#0", identifier=A, link_class=LinkClass.ASSERTED, reason="wrong"
    )
    assert [link.identifier for link in joined.show(MADE)[0].links] == [A]
    assert outcome(joined, command("back", *AGAIN, back)) is Outcome.APPENDED
    assert joined.show(MADE)[0].links == ()
    check_ledger(joined)


def test_a_series_and_a_changed_node_by_number_are_appended(joined: Ledger) -> None:
    series = MetricSeries(execution="#1", metric="loss", chunk=0, points=((0, 0.5, None),))
    other = Event(artifact="#0", execution="#1", kind=EventKind.OUTPUT)
    changed = (shape_again(x=1), *AGAIN[1:], series, other)
    assert outcome(joined, command("more", *changed)) is Outcome.APPENDED
    answer = joined.show("mlmd:execution/1")[0]
    assert [one.metric for one in answer.series] == ["loss"]
    assert [edge.kind for edge in answer.edges] == [EventKind.INPUT, EventKind.OUTPUT]
    assert shown(joined) == {"x": 1}
    check_ledger(joined)


# --- names that come back ------------------------------------------------------------------------


@pytest.mark.parametrize("between", [0, 1, 2, 5])
@pytest.mark.parametrize("untyped", [False, True])
def test_a_name_that_comes_back_is_folded_again_the_same(
    log: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    between: int,
    untyped: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr("lineage.folding._RUN_ENTRIES", 2)
    monkeypatch.setattr("lineage.audit.passing.RUN_ENTRIES", 2)
    kind = None if untyped else "Group"
    log.record([command("made", Context(type="Group", name="a"))])
    for turn, name in enumerate(["b", "a", "b", "a"]):
        for number in range(between):
            log.record([observed(f"{turn}/{number}", Artifact(key=f"acme:{turn}/{number}"))])
        log.record([command(f"{turn}", Context(id=1, type=kind, name=name))])
    with pytest.raises(AlreadyExistsError):
        log.record([command("taken", Context(type="Group", name="a"))])
    log.record([command("free", Context(type="Group", name="b"))])
    check_ledger(log)


# --- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, -1, ID_MAX + 1, 2**44 + 1, 2**63, 2**70, -(2**63)])
def test_an_id_that_cannot_be_is_refused_wherever_it_stands(joined: Ledger, wrong: int) -> None:
    before = joined.head()
    records: list[AnyRecord] = [
        Artifact(id=wrong),
        Execution(id=wrong),
        Context(id=wrong, name="a"),
        Event(artifact=wrong, execution=1, kind=EventKind.OUTPUT),
        Event(artifact=1, execution=wrong, kind=EventKind.OUTPUT),
        Attribution(context=wrong, artifact=1),
        Attribution(context=1, artifact=wrong),
        Association(context=1, execution=wrong),
        ParentContext(child=wrong, parent=1),
        ParentContext(child=1, parent=wrong),
        Claim(kind=Kind.ARTIFACT, node=wrong, identifier=A, link_class=LinkClass.ASSERTED),
        Retraction(kind=Kind.ARTIFACT, node=wrong, identifier=A, link_class=LinkClass.ASSERTED),
        MetricSeries(execution=wrong, metric="loss", chunk=0, points=()),
    ]
    for record in records:
        with pytest.raises(InvalidInputError, match="from 1 to"):
            joined.record([command("wrong", record)])
    assert joined.head() == before


def test_the_last_id_that_can_be_is_only_not_found(joined: Ledger) -> None:
    for record in (Artifact(id=ID_MAX), Attribution(context=ID_MAX, artifact=1)):
        with pytest.raises(InvalidInputError, match="id"):
            joined.record([command("last", record)])


# --- keys of nodes that commands made ------------------------------------------------------------


def test_what_no_command_has_made_cannot_be_observed(joined: Ledger) -> None:
    absent = "mlmd:artifact/2"
    records: list[AnyRecord] = [
        Artifact(key=absent, name="no"),
        Event(artifact=absent, execution=A, kind=EventKind.INPUT),
        Event(artifact=A, execution="mlmd:execution/2", kind=EventKind.INPUT),
        Attribution(context="mlmd:context/3", artifact=A),
        Claim(kind=Kind.ARTIFACT, node=absent, identifier=A, link_class=LinkClass.ASSERTED),
        MetricSeries(execution="mlmd:execution/2", metric="loss", chunk=0, points=()),
        Execution(key=MADE),
    ]
    before = joined.head()
    for record in records:
        with pytest.raises(NotFoundError):
            joined.record([observed("no", Artifact(key=A), record)])
    assert joined.head() == before
    # The next command gets the id that an observation might have taken.
    joined.record([command("next", shape(x=2))])
    assert joined.show(absent)[0].node.custom_properties == {"x": 2}
    check_ledger(joined)


def test_what_a_command_has_made_can_be_observed(joined: Ledger) -> None:
    joined.record(
        [
            observed("1", Artifact(key=MADE, uri="file:///u")),
            observed("2", Event(artifact=MADE, execution="acme:run", kind=EventKind.INPUT)),
        ]
    )
    assert joined.show(MADE)[0].node.uri == "file:///u"
    check_ledger(joined)


def test_a_claim_of_a_key_that_commands_give_needs_the_node(log: Ledger) -> None:
    """Nobody can know an id that was not assigned yet."""
    made = "mlmd:artifact/1"
    claim = Claim(kind=Kind.ARTIFACT, node=A, identifier=made, link_class=LinkClass.ASSERTED)
    with pytest.raises(NotFoundError, match=made):
        log.record([observed("claim", claim)])
    log.record([command("made", shape(x=1)), observed("claim", claim)])
    assert [node.key for node in log.show(made)[0].members] == [made, A]
    check_ledger(log)


# --- 1, 1.0 and true -----------------------------------------------------------------------------

ALIKE: list[tuple[JsonValue, JsonValue]] = [
    (1, True),
    (True, 1),
    (1, 1.0),
    (1.0, 1),
    (0, False),
    (1.0, True),
    ({"n": 1}, {"n": True}),
    ({"n": [0]}, {"n": [0.0]}),
]


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_values_that_python_calls_equal_are_other_content(
    ledger: Ledger, first: JsonValue, second: JsonValue
) -> None:
    def of(statement_id: str, value: JsonValue) -> Statement:
        return observed(statement_id, Artifact(key=A, custom_properties={"x": value}))

    ledger.record([of("1", first)])
    before = ledger.head()
    with pytest.raises(ConflictError):
        ledger.record([of("1", second)])
    with pytest.raises(ConflictError):
        ledger.record([of("2", first), of("2", second)])
    assert ledger.head() == before
    assert outcome(ledger, of("1", first)) is Outcome.DUPLICATE


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_a_command_that_changes_only_the_type_of_a_value_is_appended(
    log: Ledger, first: JsonValue, second: JsonValue
) -> None:
    log.record([command("1", shape(x=first))])
    assert unchanged(log.record([command("2", shape_again(x=first))]))
    assert not unchanged(log.record([command("3", shape_again(x=second))]))
    assert repr(shown(log)) == repr({"x": second})
    check_ledger(log)


def unchanged(receipts: list[Receipt]) -> bool:
    return [receipt.outcome for receipt in receipts] == [Outcome.UNCHANGED]
