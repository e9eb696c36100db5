"""Semantic versions: their order, and what a version changes from the one before it.

Format: https://semver.org/spec/v2.0.0.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import total_ordering
from typing import Final

from msgspec import Struct

SEMANTIC_VERSION_MAX: Final = 255
"""Characters of the longest text that is read as a version: longer ones nobody means as one."""

_NUMBER: Final = r"(?:0|[1-9][0-9]*)"
_PART: Final = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_FORM: Final = re.compile(
    rf"v?(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<pre>{_PART}(?:\.{_PART})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


class ChangeClass(StrEnum):
    """What a version changes from the one before it."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    PRE_RELEASE = "pre_release"
    """Nothing but where it stands on the way to a release."""


@total_ordering
class SemanticVersion(Struct, frozen=True, eq=False):
    """A version as it is ordered: what is said of its build counts for nothing."""

    core: tuple[int, int, int]
    pre_release: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[int, int, str], ...]]:
        """What versions are compared by."""
        # A number comes before a word, fewer parts before more, and any pre-release before none.
        parts = tuple(
            (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in self.pre_release
        )
        return self.core, not self.pre_release, parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemanticVersion) and self.order == other.order

    def __lt__(self, other: SemanticVersion) -> bool:
        return self.order < other.order

    def __hash__(self) -> int:
        return hash(self.order)


def parse_semantic_version(text: str) -> SemanticVersion | None:
    """Read a semantic version, with or without the ``v`` that tags put before it."""
    text = text.strip()
    found = _FORM.fullmatch(text) if len(text) <= SEMANTIC_VERSION_MAX else None
    if found is None:
        return None
    core = int(found["major"]), int(found["minor"]), int(found["patch"])
    return SemanticVersion(core, tuple(found["pre"].split(".")) if found["pre"] else ())


def versions_before(
    versions: Iterable[SemanticVersion],
) -> dict[SemanticVersion, SemanticVersion]:
    """Return, by version, the one that it changes: of a release the release before it.

    A pre-release changes whatever comes right before it. The first have none.
    """
    before: dict[SemanticVersion, SemanticVersion] = {}
    last: SemanticVersion | None = None
    last_release: SemanticVersion | None = None
    for version in sorted(set(versions)):
        changed = last if version.pre_release else last_release
        if changed is not None:
            before[version] = changed
        last = version
        if not version.pre_release:
            last_release = version
    return before


def change_class(version: SemanticVersion, before: SemanticVersion) -> ChangeClass:
    """Return what a version changes from one that comes before it."""
    for index, changed in enumerate((ChangeClass.MAJOR, ChangeClass.MINOR, ChangeClass.PATCH)):
        if version.core[index] != before.core[index]:
            return changed
    return ChangeClass.PRE_RELEASE
