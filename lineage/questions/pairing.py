"""Pair what went into two runs, or came out: the same thing, the same bytes, or the same name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Final, NamedTuple

from lineage.questions.merged import Merged, Versions
from lineage_schemas.comparisons import Compared, Verdict
from lineage_schemas.values import JsonValue

_CHANGED: Final = "Several digests of it are known, and nobody said which content was used."
_UNTOLD: Final = "Nobody said by digest or version which content was used."
_BY_VERSION: Final = "The same by its version; nobody said a digest."
_BARE: Final = "They bear the same version, and nobody said of which scheme, or a digest."
_UNLIKE: Final = "Their digests and versions are of different kinds, so they cannot be compared."


class Entered(NamedTuple):
    """A thing at an edge of a run, and by what its content is told."""

    thing: Merged
    versions: Versions
    path: tuple[str | int, ...]
    position: int


def pair_ends(ones: Iterable[Entered], others: Iterable[Entered]) -> list[Compared]:
    """Return each pair, then what only one side has, by name."""
    left, right = _distinct(ones), _distinct(others)
    found: list[Compared] = []
    for names in (_identities, _digests, _typed_names, _names):
        found += _match(left, right, names)
    found += [_alone(one, Verdict.ONLY_ONE) for one in left]
    found += [_alone(other, Verdict.ONLY_OTHER) for other in right]
    return sorted(found, key=lambda item: (item.name, item.verdict))


def _distinct(ends: Iterable[Entered]) -> list[Entered]:
    return list({end.thing.members: end for end in ends}.values())


def _match(
    left: list[Entered], right: list[Entered], names: Callable[[Entered], set[Hashable]]
) -> list[Compared]:
    """Take out the pairs that share a name which only one on each side has."""
    counts = [Counter(name for end in side for name in names(end)) for side in (left, right)]
    by_name = {name: end for end in right for name in names(end) if counts[1][name] == 1}
    found: list[Compared] = []
    for one in list(left):
        shared = [name for name in names(one) if counts[0][name] == 1 and name in by_name]
        other = next((by_name[name] for name in sorted(shared, key=str)), None)
        if other is not None and other in right:
            left.remove(one)
            right.remove(other)
            found.append(_pair(one, other))
    return found


def _identities(end: Entered) -> set[Hashable]:
    return {end.thing.members}


def _digests(end: Entered) -> set[Hashable]:
    return set(end.versions.digests)


def _names(end: Entered) -> set[Hashable]:
    """Return what a thing is called whatever its version: its label, or its key without one."""
    return {end.thing.label or end.thing.key.partition("@")[0]}


def _typed_names(end: Entered) -> set[Hashable]:
    return {(end.thing.type, name) for name in _names(end)}


def _pair(one: Entered, other: Entered) -> Compared:
    verdict, note = _verdict(one, other)
    return Compared(
        name=_name(one),
        verdict=verdict,
        one=_shown(one),
        other=_shown(other),
        position_one=one.position,
        position_other=other.position,
        note=note,
    )


def _verdict(one: Entered, other: Entered) -> tuple[Verdict, str]:
    first, second = one.versions, other.versions
    if _is_ambiguous(first) or _is_ambiguous(second):
        return Verdict.UNKNOWN, _CHANGED
    if one.thing.members == other.thing.members:
        if not first.texts:
            return Verdict.UNKNOWN, _UNTOLD
        return Verdict.SAME, "" if first.digests else _BY_VERSION
    if _algorithms(first) & _algorithms(second):
        return (Verdict.SAME if first.digests & second.digests else Verdict.DIFFERS), ""
    return _by_version(first, second)


def _by_version(first: Versions, second: Versions) -> tuple[Verdict, str]:
    """Compare what shares no algorithm of digests."""
    if first.version is None or second.version is None:
        return Verdict.UNKNOWN, _UNLIKE if first.texts and second.texts else _UNTOLD
    if first.version != second.version:
        return Verdict.DIFFERS, ""
    return (Verdict.SAME, _BY_VERSION) if first.has_scheme else (Verdict.UNKNOWN, _BARE)


def _algorithms(versions: Versions) -> set[str]:
    return {digest.partition(":")[0] for digest in versions.digests}


def _is_ambiguous(versions: Versions) -> bool:
    """Tell whether contents of several moments are known of one thing."""
    return len(_algorithms(versions)) < len(versions.digests)


def _alone(end: Entered, verdict: Verdict) -> Compared:
    is_one = verdict is Verdict.ONLY_ONE
    return Compared(
        name=_name(end),
        verdict=verdict,
        one=_shown(end) if is_one else None,
        other=None if is_one else _shown(end),
        position_one=end.position if is_one else None,
        position_other=None if is_one else end.position,
    )


def _name(end: Entered) -> str:
    return end.thing.label or end.thing.key


def _shown(end: Entered) -> JsonValue:
    versions: list[JsonValue] = [*end.versions.texts]
    return {"key": end.thing.key, "type": end.thing.type, "versions": versions}
