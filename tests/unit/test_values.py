"""Property values: what the log keeps faithfully, and what it refuses."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.limits import VALUE_DEPTH_MAX
from lineage_schemas.values import JsonValue, PropertyType, check_value, metric_value, value_type

PROTO = {"type_url": "type.googleapis.com/x.Y", "value": "AAEC"}


def nested(depth: int, leaf: JsonValue) -> dict[str, JsonValue]:
    """Return an object with `leaf` inside `depth` objects and lists."""
    value = leaf
    for level in range(depth - 1):
        value = [value] if level % 2 else {"a": value}
    return {"top": value}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, PropertyType.BOOLEAN),
        (False, PropertyType.BOOLEAN),
        (0, PropertyType.INT),
        (2**63 - 1, PropertyType.INT),
        (-(2**63), PropertyType.INT),
        (0.0, PropertyType.DOUBLE),
        (-0.0, PropertyType.DOUBLE),
        (1.7976931348623157e308, PropertyType.DOUBLE),
        ({"$float": "NaN"}, PropertyType.DOUBLE),
        ({"$float": "Infinity"}, PropertyType.DOUBLE),
        ({"$float": "-Infinity"}, PropertyType.DOUBLE),
        ("", PropertyType.STRING),
        ("$float", PropertyType.STRING),
        ({}, PropertyType.STRUCT),
        ({"items": [1, "a", None, [True], {"b": 0.5}]}, PropertyType.STRUCT),
        ({"a": {"$any": 1}}, PropertyType.STRUCT),
        ({"a$": 1}, PropertyType.STRUCT),
        ({"$proto": PROTO}, PropertyType.PROTO),
        ({"$proto": {"type_url": "", "value": ""}}, PropertyType.PROTO),
        (nested(VALUE_DEPTH_MAX, 1), PropertyType.STRUCT),
    ],
    ids=lambda value: str(value)[:40],
)
def test_accepted(value: JsonValue, expected: PropertyType) -> None:
    check_value(value)
    assert value_type(value) is expected


def test_none_stands_for_cleared_and_has_no_type() -> None:
    check_value(None)
    with pytest.raises(InvalidInputError, match="no property value"):
        value_type(None)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**63,
        -(2**63) - 1,
        [],
        [1],
        {"a": math.nan},
        {"a": [math.inf]},
        {"a": {"b": 2**63}},
        {"$float": "nan"},
        {"$float": "+Infinity"},
        {"$float": ""},
        {"$float": "NaN", "$proto": PROTO},
        {"$float": "NaN", "a": 1},
        {"$proto": None},
        {"$proto": {"type_url": "a"}},
        {"$proto": {"type_url": "a", "value": "not base64"}},
        {"$proto": {"type_url": "a", "value": "A"}},
        {"$proto": {"type_url": 1, "value": "AA=="}},
        {"$proto": {"type_url": "a", "value": 1}},
        {"$proto": {**PROTO, "more": 1}},
        {"$proto": PROTO, "a": 1},
        {"$other": 1},
        {"$": 1},
        {"a": 1, "$b": 1},
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused(value: JsonValue) -> None:
    with pytest.raises(InvalidInputError):
        check_value(value)


@pytest.mark.parametrize(
    "value", [(1,), {1}, b"bytes", pytest.param(object(), id="object"), {"a": (1,)}], ids=str
)
def test_what_json_has_no_word_for_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError, match="no JSON value"):
        check_value(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [{"$float": []}, {"$float": {}}, {"$float": ["NaN"]}, {"$float": None}], ids=str
)
def test_float_tag_of_another_type_is_refused(value: JsonValue) -> None:
    with pytest.raises(InvalidInputError):
        check_value(value)


def test_depth_is_limited_by_name() -> None:
    with pytest.raises(LimitExceededError, match="VALUE_DEPTH_MAX"):
        check_value(nested(VALUE_DEPTH_MAX + 1, 1))


def test_hint_says_how_to_keep_a_list_and_a_nan() -> None:
    with pytest.raises(InvalidInputError, match="items"):
        check_value([1])
    with pytest.raises(InvalidInputError, match="float"):
        check_value(math.nan)


@given(st.floats())
def test_every_float_becomes_a_value_of_a_metric(number: float) -> None:
    value = metric_value(number)
    check_value(value)
    assert value_type(value) is PropertyType.DOUBLE
    if math.isfinite(number):
        assert value == number
    else:
        assert value == {
            "$float": "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
        }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_any_json_inside_an_object_is_kept(inner: JsonValue) -> None:
    check_value({"items": inner})
