"""What the doctor says of Python, of packages and of extras."""

import pytest

from lineage_api.doctor.software import (
    check_extras,
    check_packages,
    check_python,
    installed_versions,
    needs_of,
    required_lines,
)
from lineage_schemas.health import Verdict


def test_requirements_are_read_as_metadata_says_them() -> None:
    lines = ["a>=1.2,<2", "b[x,y]>=3.0; extra == 'c'", "d"]
    assert [tuple(one) for one in needs_of(lines)] == [
        ("a", ((">=", (1, 2)), ("<", (2,))), ""),
        ("b", ((">=", (3, 0)),), "c"),
        ("d", (), ""),
    ]
    ours = list(needs_of(required_lines()))
    assert {"msgspec", "starlette"} <= {one.name for one in ours if not one.extra}
    assert {one.extra for one in ours} >= {"", "postgres", "timestamps", "tracing"}
    assert check_packages(ours, installed_versions(ours)).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("installed", "verdict", "told"),
    [
        ({"a": "1.2"}, Verdict.OK, ""),
        ({"a": "1.10.3rc1"}, Verdict.OK, ""),
        ({"a": "1.1.9"}, Verdict.PROBLEM, "a is 1.1.9, wanted >=1.2"),
        ({"a": "2.0"}, Verdict.PROBLEM, "wanted <2"),
        ({}, Verdict.PROBLEM, "a is missing"),
    ],
)
def test_packages_that_will_not_do(installed: dict[str, str], verdict: Verdict, told: str) -> None:
    found = check_packages(needs_of(["a>=1.2,<2"]), installed)
    assert (found.verdict, told in found.what) == (verdict, True)


def test_extras_that_the_settings_ask_for() -> None:
    needs = list(needs_of(["b>=3; extra == 'tracing'", "c; extra == 'other'"]))
    assert check_extras(needs, {"b": "3"}, {"tracing"}).verdict is Verdict.OK
    assert check_extras(needs, {}, set()).verdict is Verdict.OK
    found = check_extras(needs, {"b": "2"}, {"tracing"})
    assert (found.verdict, "[tracing]" in found.hint) == (Verdict.PROBLEM, True)


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ((3, 10), Verdict.PROBLEM),
        ((3, 11), Verdict.OK),
        ((3, 14), Verdict.OK),
        ((3, 15), Verdict.WARNING),
    ],
)
def test_pythons(version: tuple[int, int], verdict: Verdict) -> None:
    assert check_python(version).verdict is verdict
