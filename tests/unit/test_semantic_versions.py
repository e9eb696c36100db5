"""Semantic versions against the examples and rules of SemVer 2.0.0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_schemas.semantic_versions import (
    ChangeClass,
    SemanticVersion,
    change_class,
    parse_semantic_version,
    versions_before,
)

# Section 11 of the specification, in its own order.
IN_ORDER = [
    *("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
    *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1"),
]


def read(text: str) -> SemanticVersion:
    found = parse_semantic_version(text)
    assert found is not None
    return found


def test_the_order_is_that_of_the_specification() -> None:
    read_in = [read(text) for text in reversed(IN_ORDER)]
    assert sorted(read_in) == [read(text) for text in IN_ORDER]
    assert len(set(read_in)) == len(IN_ORDER)


def test_what_is_said_of_a_build_counts_for_nothing() -> None:
    # Section 10.
    assert read("1.0.0+20130313144700") == read("1.0.0-0+a").__class__((1, 0, 0))
    assert read("1.0.0-beta+exp.sha.5114f85") == read("1.0.0-beta")


@pytest.mark.parametrize(
    "text",
    [
        "1" * 5_000 + ".0.0",
        "1.0.0-" + "1" * 5_000,
        "1.0",
        "1",
        "",
        "01.0.0",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0-a..b",
        "1.0.0+",
        "a.b.c",
        "1.0.0 x",
    ],
)
def test_what_is_none_is_not_read(text: str) -> None:
    assert parse_semantic_version(text) is None


@pytest.mark.parametrize(
    ("version", "others", "before", "expected"),
    [
        ("2.0.0", ["1.9.0", "2.0.0-rc.1"], "1.9.0", ChangeClass.MAJOR),
        ("1.9.1", ["2.0.0", "1.9.0", "1.8.7"], "1.9.0", ChangeClass.PATCH),
        ("1.10.0", ["1.9.9", "1.2.0"], "1.9.9", ChangeClass.MINOR),
        ("2.0.0-rc.1", ["1.9.0"], "1.9.0", ChangeClass.MAJOR),
        ("2.0.0-rc.2", ["1.9.0", "2.0.0-rc.1"], "2.0.0-rc.1", ChangeClass.PRE_RELEASE),
        ("v3.2.0", ["v3.1.4"], "v3.1.4", ChangeClass.MINOR),
    ],
)
def test_a_change_is_told_from_the_version_before(
    version: str, others: list[str], before: str, expected: ChangeClass
) -> None:
    found = versions_before(map(read, [version, *others]))
    assert found[read(version)] == read(before)
    assert change_class(read(version), read(before)) is expected


def test_the_first_version_changes_none() -> None:
    found = versions_before(map(read, ["1.0.0", "1.0.0", "1.0.1", "0.9.0-rc.1"]))
    assert found == {read("1.0.1"): read("1.0.0")}


@given(st.lists(st.sampled_from(IN_ORDER), min_size=1), st.sampled_from(IN_ORDER))
def test_nothing_lies_between_a_release_and_the_release_before_it(
    others: list[str], version: str
) -> None:
    found = versions_before(map(read, [version, *others])).get(read(version))
    place = IN_ORDER.index(version)
    lower = [
        IN_ORDER.index(one)
        for one in others
        if IN_ORDER.index(one) < place and ("-" in version or "-" not in one)
    ]
    assert found == (read(IN_ORDER[max(lower)]) if lower else None)
