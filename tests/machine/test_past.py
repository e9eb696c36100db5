"""The past does not change: a basis that is handed back brings the same bytes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    Claim,
    Direction,
    Event,
    EventKind,
    Kind,
    LinkClass,
    Mode,
    Retraction,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.basis import Basis
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import InvalidInputError, NotFoundError, RuleError
from lineage_schemas.mlmd import ArtifactType
from lineage_schemas.records import AnyRecord
from strategies import (
    ARTIFACTS,
    CONTEXTS,
    DAWN,
    EXECUTIONS,
    claims,
    commands,
    numbered,
    observations,
    observed_records,
)

A, B, RUN = "a:1", "a:2", "acme:run"
JOINED = Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
APART = Retraction(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)


def said(record: AnyRecord, hours: int | None = None, source: str = "ci") -> Statement:
    stated = None if hours is None else StatedTime(start=DAWN + timedelta(hours=hours))
    return Statement(id="unnumbered", source=source, records=(record,), stated=stated)


def answers(ledger: Ledger, keys: tuple[str, ...], as_of: Basis) -> list[bytes]:
    """Return what is answered of these keys, each answer as the bytes a surface would send."""
    query = TraceQuery(start=keys, direction=Direction.BOTH)
    asked: list[object] = [
        ledger.trace(query, as_of=as_of),
        ledger.types(as_of=as_of),
        ledger.watching.sources(as_of=as_of),
        ledger.entries(as_of=as_of),
        ledger.find("a", as_of=as_of),
        *(ledger.show(key, as_of=as_of) for key in keys),
        *(ledger.list_nodes(kind.value, as_of=as_of) for kind in Kind),
    ]
    for name in ("lineage.DataSet", "mlmd.Model"):
        try:
            asked.append(ledger.list_nodes(name, as_of=as_of))
        except NotFoundError:
            asked.append(None)
    return [encode_json(answer) for answer in asked]


def check_past(ledger: Ledger, statements: list[Statement], keys: tuple[str, ...]) -> None:
    """Remember what is answered after each statement, and demand it again at the end."""
    remembered: dict[Basis, list[bytes]] = {}
    for statement in numbered(statements):
        try:
            ledger.record([statement])
        except (InvalidInputError, RuleError):
            continue
        basis = ledger.basis()
        remembered[basis] = answers(ledger, keys, basis)
    # A second ledger remembers nothing of what the first was asked.
    for reader in (ledger, Ledger(ledger._store, FakeClock(), SeededRandomness("second"))):
        for basis, before in remembered.items():
            assert answers(reader, keys, basis) == before


def test_an_entity_is_shown_as_it_was(ledger: Ledger) -> None:
    statements = [
        said(Artifact(key=A, name="one", custom_properties={"x": 1}), 1, "a"),
        said(Artifact(key=B, custom_properties={"x": 2}), 5, "b"),
        said(JOINED, 1),
        said(Event(artifact=A, execution=RUN, kind=EventKind.INPUT), 1),
        said(Artifact(key=A, custom_properties={"x": 1}), 10, "a"),
        said(JOINED, 3),
        said(Artifact(key=B, custom_properties={"x": 2}), 20, "b"),
        said(APART, 4),
        said(Event(artifact=A, execution=RUN, kind=EventKind.INPUT, path=("in", 0)), 2),
        said(JOINED, 5),
    ]
    check_past(ledger, statements, (A, B, RUN))
    assert ledger.show(A)[0].node.custom_properties == {"x": 2}
    check_ledger(ledger)


def test_a_repeated_value_leaves_an_earlier_merge_as_it_was(ledger: Ledger) -> None:
    ledger.record(
        numbered(
            [
                said(Artifact(key=A, custom_properties={"x": 1}), 1, "a"),
                said(Artifact(key=B, custom_properties={"x": 2}), 5, "b"),
                said(JOINED),
            ]
        )
    )
    then = ledger.show(A)[0]
    assert then.node.custom_properties == {"x": 2}
    ledger.record(numbered([said(Artifact(key=A, custom_properties={"x": 1}), 10, "a")], 3))
    assert ledger.show(A)[0].node.custom_properties == {"x": 1}
    assert ledger.show(A, as_of=then.basis) == (then,)
    check_ledger(ledger)


def of_one_entity() -> st.SearchStrategy[Statement]:
    """Statements about two nodes, which are of one entity now and then."""
    joined = st.sampled_from([JOINED, APART])
    valued = st.builds(
        lambda key, value: Artifact(key=key, custom_properties={"x": value}),
        st.sampled_from([A, B]),
        st.sampled_from([1, 2, None]),
    )
    hours = st.sampled_from([None, 0, 1, 2])
    return st.builds(said, st.one_of(joined, valued), hours, st.sampled_from(["a", "b"]))


def anything() -> st.SearchStrategy[Statement]:
    """Statements of every sort, commands and refused ones included."""
    records = st.one_of(observed_records(), claims())
    return st.one_of(of_one_entity(), observations(records), commands())


@given(statements=st.lists(anything(), min_size=1, max_size=10))
def test_any_past_brings_the_same_bytes(statements: list[Statement]) -> None:
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    keys = (A, B, ARTIFACTS[0], EXECUTIONS[0], CONTEXTS[0], "mlmd:artifact/1")
    check_past(ledger, statements, keys)


@given(statements=st.lists(of_one_entity(), min_size=1, max_size=9))
def test_the_past_of_one_entity_brings_the_same_bytes(statements: list[Statement]) -> None:
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    check_past(ledger, statements, (A, B))


# --- types ---------------------------------------------------------------------------------------


def put(number: int, *records: AnyRecord) -> Statement:
    return Statement(id=f"p{number}", source="client", mode=Mode.COMMAND, records=records)


def test_a_list_does_not_change_when_its_type_is_put_on_a_base_later(ledger: Ledger) -> None:
    ledger.record([put(1, ArtifactType(name="Shape"), Artifact(type="Shape", name="one"))])
    then = ledger.basis()
    before = ledger.list_nodes("mlmd.Dataset"), ledger.list_nodes("Shape"), ledger.types()
    ledger.record([put(2, ArtifactType(name="Shape", base_type="mlmd.Dataset"))])
    assert [node.name for node in ledger.list_nodes("mlmd.Dataset").nodes] == ["one"]
    after = (
        ledger.list_nodes("mlmd.Dataset", as_of=then),
        ledger.list_nodes("Shape", as_of=then),
        ledger.types(as_of=then),
    )
    assert after == before
    assert before[0].nodes == ()
    check_ledger(ledger)


def test_a_type_that_is_put_later_was_not_there_before(ledger: Ledger) -> None:
    ledger.record([put(1, Artifact(type="lineage.DataSet", name="one"))])
    then = ledger.basis()
    before = ledger.types()
    ledger.record([put(2, ArtifactType(name="Shape"))])
    assert ledger.list_nodes("Shape").nodes == ()
    assert ledger.types(as_of=then) == before
    with pytest.raises(NotFoundError):
        ledger.list_nodes("Shape", as_of=then)
    check_ledger(ledger)


def test_a_type_that_changes_twice_in_one_batch_is_shown_as_it_was(ledger: Ledger) -> None:
    ledger.record([put(1, ArtifactType(name="Shape"))])
    then, before = ledger.basis(), ledger.types()
    ledger.record(
        [
            put(2, ArtifactType(name="Shape", external_id="x")),
            put(3, ArtifactType(name="Shape", base_type="mlmd.Model")),
        ]
    )
    assert ledger.types(as_of=then) == before
    shape = next(one.type for one in ledger.types().types if one.type.name == "Shape")
    assert (shape.external_id, shape.base_type) == ("x", "mlmd.Model")
    check_ledger(ledger)
