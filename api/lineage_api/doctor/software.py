"""Checks of the software: Python, what it stands on, and the extras."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final, NamedTuple

from lineage_schemas.health import Finding, fine, problem, warning

DISTRIBUTION: Final = "lineage-ledger"
PYTHON_FIRST: Final = (3, 11)
PYTHON_LAST: Final = (3, 14)

_REQUIREMENT: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?(?P<bounds>[^;]*)"
    r"(;.*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"].*)?"
)
_BOUND: Final = re.compile(r"(>=|<)\s*([0-9.]+)")


class Need(NamedTuple):
    """One package that we need, from which version on and before which, and for which extra."""

    name: str
    bounds: tuple[tuple[str, tuple[int, ...]], ...]
    extra: str


def check_python(found: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Whether this is a Python that we are tested on."""
    text = ".".join(map(str, found))
    if found < PYTHON_FIRST:
        return problem("python", f"Python {text} is too old", hint="Use 3.11 to 3.14.")
    if found > PYTHON_LAST:
        return warning("python", f"Python {text} is newer than what this was tested on")
    return fine("python", f"Python {text}")


def check_software() -> Finding:
    """Which version of ours is installed."""
    return fine("software", f"{DISTRIBUTION} {version(DISTRIBUTION)}")


def needs_of(lines: Iterable[str]) -> Iterator[Need]:
    """Read what a distribution requires, as its metadata says it."""
    for line in lines:
        found = _REQUIREMENT.match(line)
        assert found is not None
        bounds = tuple((sign, _numbers(text)) for sign, text in _BOUND.findall(found["bounds"]))
        yield Need(found["name"], bounds, found["extra"] or "")


def check_packages(needs: Iterable[Need], installed: Mapping[str, str]) -> Finding:
    """Whether what we stand on is there, in versions that will do."""
    wrong = [what for need in needs if not need.extra for what in _wrong(need, installed)]
    if wrong:
        return problem(
            "packages",
            f"What this stands on is not as it should be: {', '.join(wrong)}",
            hint=f"Install it anew: pip install --upgrade {DISTRIBUTION}",
        )
    return fine("packages", "Everything that this stands on is there")


def check_extras(needs: Iterable[Need], installed: Mapping[str, str], wanted: set[str]) -> Finding:
    """Which extras are installed, and whether those that the settings ask for are."""
    by_extra: dict[str, list[Need]] = {}
    for need in needs:
        if need.extra:
            by_extra.setdefault(need.extra, []).append(need)
    there = {
        extra
        for extra, each in by_extra.items()
        if not [what for need in each for what in _wrong(need, installed)]
    }
    missing = sorted(wanted - there)
    if missing:
        return problem(
            "extras",
            f"The settings ask for what is not installed: {', '.join(missing)}",
            hint=f"pip install '{DISTRIBUTION}[{','.join(missing)}]'",
        )
    others = sorted(set(by_extra) - there)
    told = f"installed: {', '.join(sorted(there)) or 'none'}"
    return fine("extras", f"{told}; not installed: {', '.join(others) or 'none'}")


def required_lines() -> list[str]:
    """Return what our distribution requires."""
    return requires(DISTRIBUTION) or []


def installed_versions(needs: Iterable[Need]) -> dict[str, str]:
    """Return the version of each package that is installed."""
    found: dict[str, str] = {}
    for need in needs:
        try:
            found[need.name] = version(need.name)
        except PackageNotFoundError:
            continue
    return found


def _wrong(need: Need, installed: Mapping[str, str]) -> list[str]:
    there = installed.get(need.name)
    if there is None:
        return [f"{need.name} is missing"]
    have = _numbers(there)
    for sign, bound in need.bounds:
        if (have < bound) if sign == ">=" else (have >= bound):
            return [f"{need.name} is {there}, wanted {sign}{'.'.join(map(str, bound))}"]
    return []


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with; what follows them is a detail."""
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()
