"""Judge the sources of a namespace: what of them may be missing, as of a size and at a moment.

Judged are those that were looked at, or that are expected to be heard; of the others nobody has
said what they owe. The judgement depends on the views as of the size, and on the moment: on neither
the clock nor on anything that was said later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import Struct, json
from msgspec.structs import replace

from lineage.folding import decode_entry
from lineage.projections.catalog import NAMESPACE, SOURCE
from lineage.projections.sources import (
    WATCHED,
    Look,
    Looks,
    expected_as_of,
    heard_as_of,
    looks_as_of,
    watched_as_of,
)
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage_schemas.instants import format_instant
from lineage_schemas.sources import SourceScan, SourceView

_US: Final = 1_000_000


class Watched(NamedTuple):
    """What is known of a source that is judged.

    ``heard_us`` is when it was last heard, and ``expected_us`` when what is expected of it was
    recorded: from there on a source that never spoke is waited for. Both are recorded times.
    """

    name: str
    looks: Looks | None = None
    due_seconds: int | None = None
    expected_us: int = 0
    heard_us: int | None = None


class Judgement(NamedTuple):
    """What is wrong with a source, in words that name it; ``is_reconciled`` of one looked at."""

    is_overdue: bool
    is_reconciled: bool | None
    findings: tuple[str, ...]


class SourceFaults(NamedTuple):
    """How many sources of a ledger are overdue, and how many are unreconciled."""

    overdue: int = 0
    unreconciled: int = 0


class _Recorded(Struct, frozen=True):
    recorded_us: int


_RECORDED: Final = json.Decoder(_Recorded)


def read_watched(reader: Reader, namespace: tuple[str, int], size: int) -> list[Watched]:
    """Return the sources of a namespace (its name and number) that are judged, by name."""
    names = watched_as_of(reader, namespace[1], size)
    found = (_watched(reader, namespace, name, size) for name in sorted(names))
    return [one for one in found if one is not None]


def recorded_at(reader: Reader, position: int) -> int:
    """Return the recorded time of an entry that is there, reading no more of it."""
    return _RECORDED.decode(reader.envelopes(position, 1)[0]).recorded_us


def judge(watched: Watched, moment_us: int) -> Judgement:
    """Judge one source at a moment. Pure."""
    late = (*_late_to_speak(watched, moment_us), *_late_to_be_seen(watched, moment_us))
    apart = tuple(_apart(watched.looks))
    findings = (
        *(f"{watched.name} is overdue: {why}" for why in late),
        *(f"{watched.name} is unreconciled: {why}" for why in apart),
    )
    return Judgement(bool(late), None if watched.looks is None else not apart, findings)


def find_missing(watched: Iterable[Watched], moment_us: int) -> tuple[str, ...]:
    """Return all that is wrong with these sources at a moment, each by its name."""
    return tuple(finding for one in watched for finding in judge(one, moment_us).findings)


def count_faults(reader: Reader, moment_us: int) -> SourceFaults:
    """Count the sources of every namespace that are overdue, and those that are unreconciled."""
    watched = list(scan_rows(reader, WATCHED))
    numbers = sorted({number for number, _, _ in watched})
    rows = reader.find(NAMESPACE, "number", numbers)
    names: dict[int, str] = {number: name for number, _, name in rows}
    size = reader.head().size
    found = (_watched(reader, (names[number], number), name, size) for number, name, _ in watched)
    judged = [judge(one, moment_us) for one in found if one is not None]
    return SourceFaults(
        sum(one.is_overdue for one in judged),
        sum(one.is_reconciled is False for one in judged),
    )


def view_sources(
    reader: Reader, namespace: tuple[str, int], size: int, moment_us: int
) -> tuple[SourceView, ...]:
    """Show every source of a namespace as of a size, judged at a moment, by name."""
    spoke = reader.find(SOURCE, "namespace", [namespace[1]])
    first = watched_as_of(reader, namespace[1], size)
    judged = {name: _watched(reader, namespace, name, size) for name in first}
    for _, name, since in spoke:
        if since < size:
            first[name] = min(since, first.get(name, since))
    views: list[SourceView] = []
    for name in sorted(first):
        heard = heard_as_of(reader, namespace, name, size)
        view = SourceView(
            name=name,
            first_position=first[name],
            last_heard=None if heard is None else format_instant(recorded_at(reader, heard)),
        )
        watched = judged.get(name)
        views.append(view if watched is None else _shown(reader, view, watched, moment_us))
    return tuple(views)


def _watched(reader: Reader, namespace: tuple[str, int], name: str, size: int) -> Watched | None:
    looks = looks_as_of(reader, namespace[1], name, size)
    expected = expected_as_of(reader, namespace[1], name, size)
    if expected is None or expected.due_seconds is None:
        return None if looks is None else Watched(name, looks)
    return Watched(
        name,
        looks,
        expected.due_seconds,
        recorded_at(reader, expected.since),
        _heard_us(reader, namespace, name, size),
    )


def _heard_us(reader: Reader, namespace: tuple[str, int], name: str, size: int) -> int | None:
    heard = heard_as_of(reader, namespace, name, size)
    return None if heard is None else recorded_at(reader, heard)


def _late_to_speak(watched: Watched, moment_us: int) -> Iterator[str]:
    due = watched.due_seconds
    if due is None:
        return
    heard = watched.heard_us
    since = watched.expected_us if heard is None else heard
    if moment_us - since > due * _US:
        last = "never heard" if heard is None else f"last heard {format_instant(heard)}"
        yield f"{last}, expected every {due} s"


def _late_to_be_seen(watched: Watched, moment_us: int) -> Iterator[str]:
    looks = watched.looks
    if looks is None or looks.whole is None or looks.last.due_seconds is None:
        # One that was never looked at whole is unreconciled, which says more.
        return
    due, finished = looks.last.due_seconds, looks.whole.finished_us
    if moment_us - finished > due * _US:
        yield f"last looked at whole {format_instant(finished)}, promised every {due} s"


def _apart(looks: Looks | None) -> Iterator[str]:
    if looks is None:
        return
    if looks.whole is None:
        yield "never looked at whole"
    seen = [looks.last]
    if looks.whole is not None and looks.whole != looks.last:
        # What the whole look could not read, a later look at what is new has not read either.
        seen.append(looks.whole)
    for look in seen:
        yield from _apart_at(look)


def _apart_at(look: Look) -> Iterator[str]:
    when = format_instant(look.finished_us)
    if look.unread_count:
        yield f"{look.unread_count} not read when looked at {when}"
    for kind, (there, here) in look.differing.items():
        yield f"{kind}: {there} there, {here} here when looked at {when}"


def _shown(reader: Reader, view: SourceView, watched: Watched, moment_us: int) -> SourceView:
    judgement = judge(watched, moment_us)
    view = replace(
        view,
        expected_seconds=watched.due_seconds,
        is_overdue=judgement.is_overdue,
        is_reconciled=judgement.is_reconciled,
        findings=judgement.findings,
    )
    if watched.looks is None:
        return view
    last, whole = watched.looks
    scan = _scan_at(reader, last)
    counted = scan if whole is None or whole == last else _scan_at(reader, whole)
    unread = scan if scan.unread_count else counted
    return replace(
        view,
        tool=scan.tool,
        address=scan.address,
        last_scan=format_instant(last.finished_us),
        last_whole_scan=None if whole is None else format_instant(whole.finished_us),
        cursor=scan.cursor,
        there=counted.there,
        here=counted.here,
        unread=unread.unread,
        unread_count=unread.unread_count,
        due_seconds=last.due_seconds,
    )


def _scan_at(reader: Reader, look: Look) -> SourceScan:
    entry = decode_entry(reader.entries(look.position, 1)[0])
    record = (entry.records or ())[look.record]
    assert isinstance(record, SourceScan)
    return record
