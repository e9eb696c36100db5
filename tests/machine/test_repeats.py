"""What a source says again, later, counts from then on: in whatever order it all arrives."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical import CanonicalGraph, canonical_graph
from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    ArtifactState,
    Claim,
    Event,
    EventKind,
    Kind,
    LinkClass,
    Mode,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.mlmd import ArtifactType
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue
from strategies import DAWN, numbered

A, B, RUN = "acme:a/0", "acme:a/1", "acme:e/0"
JOINED = Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.ASSERTED)
TYPES = Statement(
    id="types",
    source="setup",
    mode=Mode.COMMAND,
    records=(ArtifactType(name="X"), ArtifactType(name="X", version="1"), ArtifactType(name="Y")),
)


def said(record: AnyRecord, hours: int | None = None, source: str = "ci") -> Statement:
    stated = None if hours is None else StatedTime(start=DAWN + timedelta(hours=hours))
    return Statement(id="unnumbered", source=source, records=(record,), stated=stated)


def valued(source: str, value: JsonValue, hours: int) -> Statement:
    return said(Artifact(key=A, custom_properties={"x": value}), hours, source)


def told(statements: tuple[Statement, ...]) -> Ledger:
    """Return a ledger that was told these, one after another, and the types they build on."""
    ledger = Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())
    ledger.record([TYPES])
    for statement in statements:
        ledger.record([statement])
    return ledger


def graphs(statements: list[Statement]) -> list[CanonicalGraph]:
    """Return the graph after each order of these statements."""
    return [canonical_graph(told(order)) for order in permutations(numbered(statements))]


REPEATS: dict[str, tuple[list[Statement], JsonValue]] = {
    "later": ([valued("a", 1, 1), valued("b", 2, 5), valued("a", 1, 10)], 1),
    "five": (
        [
            valued("a", 1, 1),
            valued("b", 2, 5),
            valued("a", 2, 3),
            valued("b", 2, 2),
            valued("a", 1, 10),
        ],
        1,
    ),
    "cleared": ([valued("a", None, 1), valued("b", 2, 5), valued("a", None, 10)], None),
    "said of itself": ([valued("a", 1, 1), valued("a", 2, 5), valued("a", 1, 10)], 1),
    "shown by the other": ([valued("a", 1, 1), valued("b", 1, 2), valued("a", 2, 3)], 2),
}


@pytest.mark.parametrize("name", REPEATS)
def test_a_value_that_is_said_again_counts_from_then_on(name: str) -> None:
    statements, expected = REPEATS[name]
    custom = {} if expected is None else {"x": expected}
    for order in permutations(numbered(statements)):
        ledger = told(order)
        assert ledger.show(A)[0].node.custom_properties == custom
        check_ledger(ledger)


def test_a_type_and_its_version_are_one_value() -> None:
    versioned = said(Artifact(key=A, type="X", type_version="1"), 1)
    plain = said(Artifact(key=A, type="Y"), 2)
    for order in permutations(numbered([versioned, plain])):
        ledger = told(order)
        node = ledger.show(A)[0].node
        assert (node.type, node.type_version) == ("Y", None)
        assert [one.key for one in ledger.list_nodes("Y").nodes] == [A]
        assert ledger.list_nodes("X").nodes == ()
        check_ledger(ledger)


def test_a_version_without_its_type_is_refused() -> None:
    alone = numbered([said(Artifact(key=A, type_version="1"))])
    with pytest.raises(InvalidInputError, match="needs its type"):
        told(tuple(alone))


# --- few nodes, few sources, few instants, few values --------------------------------------------

HOURS = st.sampled_from([None, 0, 1, 2])
SOURCES = st.sampled_from(["a", "b"])


def values() -> st.SearchStrategy[AnyRecord]:
    """One value of one of two nodes, cleared as often as set."""
    return st.builds(
        lambda key, value: Artifact(key=key, custom_properties={"x": value}),
        st.sampled_from([A, B]),
        st.sampled_from([1, 2, None]),
    )


def anything() -> st.SearchStrategy[AnyRecord]:
    """What else is kept by each source's latest word."""
    typed = st.builds(
        lambda key, of, state: Artifact(key=key, type=of[0], type_version=of[1], state=state),
        st.sampled_from([A, B]),
        st.sampled_from([(None, None), ("X", None), ("X", "1"), ("Y", None)]),
        st.sampled_from([None, ArtifactState.PENDING, ArtifactState.LIVE]),
    )
    used = st.builds(
        lambda path: Event(artifact=A, execution=RUN, kind=EventKind.INPUT, path=path),
        st.sampled_from([(), ("in", 0), ("in", 1)]),
    )
    claimed = st.builds(
        lambda file: Claim(
            kind=Kind.ARTIFACT,
            node=A,
            identifier=B,
            link_class=LinkClass.ASSERTED,
            evidence={"file": file},
        ),
        st.sampled_from(["one", "two"]),
    )
    taken_back = st.builds(
        lambda reason: Retraction(
            kind=Kind.ARTIFACT,
            node=A,
            identifier=B,
            link_class=LinkClass.ASSERTED,
            reason=reason,
        ),
        st.sampled_from(["", "wrong"]),
    )
    return st.one_of(typed, used, claimed, taken_back)


@given(statements=st.lists(st.builds(said, values(), HOURS, SOURCES), min_size=2, max_size=3))
def test_few_values_give_the_same_graph_in_every_order(statements: list[Statement]) -> None:
    first, *others = graphs([*statements, said(JOINED)])
    assert others == [first] * len(others)


@given(statements=st.lists(st.builds(said, anything(), HOURS, SOURCES), min_size=2, max_size=4))
def test_few_words_give_the_same_graph_in_every_order(statements: list[Statement]) -> None:
    first, *others = graphs(statements)
    assert others == [first] * len(others)


@pytest.mark.long
@settings(max_examples=500)
@given(
    statements=st.lists(
        st.builds(said, st.one_of(values(), anything()), HOURS, SOURCES), min_size=3, max_size=5
    )
)
def test_few_words_give_the_same_graph_for_long(statements: list[Statement]) -> None:
    first, *others = graphs(statements)
    assert others == [first] * len(others)
