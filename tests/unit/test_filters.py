"""The grammar of filters: what is written is what is read, and what is wrong says where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_schemas.errors import InvalidInputError, LedgerError, LimitExceededError
from lineage_schemas.filters import (
    FILTER_LENGTH_MAX,
    FILTER_TERMS_MAX,
    FILTER_VALUES_MAX,
    Comparison,
    NodeFilter,
    PropertyTest,
    format_filter,
    parse_filter,
)
from lineage_schemas.mlmd import ArtifactState, ExecutionState, Kind

NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["type", "is", "=a", "<b", "!=c"])
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["NaN", "Infinity", "-Infinity"]).map(lambda name: {"$float": name}),
    st.text(max_size=6),
)
TESTS = st.builds(PropertyTest, NAMES, st.sampled_from(Comparison), VALUES)


def several(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, max_size=3, unique=True).map(tuple)


FILTERS = st.builds(
    NodeFilter,
    kinds=several(st.sampled_from(Kind)),
    types=several(NAMES),
    states=several(st.sampled_from([*ArtifactState, *ExecutionState]).map(lambda one: one.value)),
    contexts=several(NAMES),
    sources=several(NAMES),
    keys=several(NAMES),
    properties=st.lists(TESTS, max_size=3).map(tuple),
    stub=st.sampled_from([None, True, False]),
)


@given(FILTERS)
def test_what_is_written_is_read_as_the_same(wanted: NodeFilter) -> None:
    assert parse_filter(format_filter(wanted)) == wanted


@given(st.text(st.sampled_from('ab:=!<>,"\\ .1-'), max_size=20) | st.text(max_size=20))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        wanted = parse_filter(text)
    except LedgerError as error:
        is_placed = "at character" in error.where
    else:
        is_placed = parse_filter(format_filter(wanted)) == wanted
    assert is_placed


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", NodeFilter()),
        ("kind:artifact,context", NodeFilter(kinds=(Kind.ARTIFACT, Kind.CONTEXT))),
        (
            " type:lineage.Model  state:live ",
            NodeFilter(types=("lineage.Model",), states=("LIVE",)),
        ),
        ('context:"a b, \\"c\\""', NodeFilter(contexts=('a b, "c"',))),
        ("key:mlflow:run/ is:stub", NodeFilter(keys=("mlflow:run/",), stub=True)),
        (
            "rows>=1000 accuracy<0.5 owner!=eve done=true",
            NodeFilter(
                properties=(
                    PropertyTest("rows", Comparison.AT_LEAST, 1000),
                    PropertyTest("accuracy", Comparison.LESS, 0.5),
                    PropertyTest("owner", Comparison.UNEQUAL, "eve"),
                    PropertyTest("done", Comparison.EQUAL, value=True),
                )
            ),
        ),
        (
            'property.kind=x "is"="=y" "a b"="1" loss=NaN',
            NodeFilter(
                properties=(
                    PropertyTest("kind", Comparison.EQUAL, "x"),
                    PropertyTest("is", Comparison.EQUAL, "=y"),
                    PropertyTest("a b", Comparison.EQUAL, "1"),
                    PropertyTest("loss", Comparison.EQUAL, {"$float": "NaN"}),
                )
            ),
        ),
    ],
)
def test_a_filter_means(text: str, wanted: NodeFilter) -> None:
    assert parse_filter(text) == wanted


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("word", "compares nothing"),
        ("kind:artifact loose", "compares nothing"),
        ("kind:", "misses a name or a value"),
        ("=3", "misses a name or a value"),
        ("kind:thing", "no kind"),
        ("state:ALIVE", "no state"),
        ("colour:red", "knows no"),
        ("type:a type:b", "twice"),
        ("rows=1,2", "one value"),
        ('a="b"c', "goes on after its end"),
        ('a="b', "misses a name or a value"),
        ("rows=99999999999999999999", "64 bits"),
        ("is:odd", "stub or described"),
        ("rows=>1000", "begins with an operator"),
        ("rows==2000", "begins with an operator"),
        ("rows>>1", "begins with an operator"),
        ("rows<!=1", "begins with an operator"),
        ("owner=:eve", "begins with an operator"),
        ("type:a,=b", "begins with an operator"),
        ("type=lineage.DataSet", "'type' is no property"),
        ("key!=a", "'key' is no property"),
    ],
)
def test_a_filter_that_is_none_says_what_and_where(text: str, what: str) -> None:
    with pytest.raises(InvalidInputError, match=what) as caught:
        parse_filter(text)
    assert "at character" in caught.value.where


@pytest.mark.parametrize(
    "text",
    [
        "a" * (FILTER_LENGTH_MAX + 1),
        "a=1 " * (FILTER_TERMS_MAX + 1),
        "type:" + ",".join("a" * (FILTER_VALUES_MAX + 1)),
    ],
)
def test_a_filter_beyond_a_limit_is_refused(text: str) -> None:
    with pytest.raises(LimitExceededError):
        parse_filter(text)
