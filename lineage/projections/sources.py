"""The views of sources: when each was last heard, looked at, and what is expected of it.

A row of a source is found as of a size by one step down an index: ``back`` is a position, or a
number of positions, below zero, so that the latest row before a size is the first from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct, json

from lineage.projections.catalog import Catalog
from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage_schemas.codec import encode_json
from lineage_schemas.instants import instant_us
from lineage_schemas.sources import SourceExpectation, SourceScan

HEARD_POSITIONS: Final = 128
"""How many positions a row of ``HEARD`` speaks for: so many envelopes are looked at, at the most,
to tell when a source was last heard, and so seldom is a row written for one that never stops."""

AHEAD_US_MAX: Final = 86_400_000_000
"""How far ahead of the ledger's clock a look or an expectation may be stated and be believed."""

HEARD: Final = Table(
    "heard",
    (Column("handle", str), Column("back", int)),
    key=("handle", "back"),
    bound=(Bound.HANDLE, "handle"),
)
"""A source spoke among the ``HEARD_POSITIONS`` that begin at ``-back * HEARD_POSITIONS``.
``handle`` is what ``source_handle`` makes of (namespace, source).

It does not say where: a row that follows every entry would make each commit of one statement three
in a hundred dearer.
"""

WATCHED: Final = Table(
    "watched_source",
    (Column("namespace", int), Column("name", str), Column("since", int)),
    key=("namespace", "name"),
    bound=(Bound.NUMBER, "namespace"),
)
"""The sources that were ever looked at, or of which anything was ever expected."""

LOOK: Final = Table(
    "look",
    (
        Column("handle", str),
        Column("back", int),
        Column("last", bytes),
        Column("whole", bytes, optional=True),
    ),
    key=("handle", "back"),
    bound=(Bound.HANDLE, "handle"),
)
"""The ``last`` look at a source, and the last ``whole`` one, from the position ``-back`` on."""

EXPECTED: Final = Table(
    "expected",
    (
        Column("handle", str),
        Column("back", int),
        Column("moment_us", int),
        Column("author", str),
        Column("statement", str),
        Column("record", int),
        Column("due_seconds", int, optional=True),
    ),
    key=("handle", "back"),
    bound=(Bound.HANDLE, "handle"),
)
"""What is expected of a source from the position ``-back`` on, and who said so in which statement.
``moment_us`` is when they say it was so, and where they do not, when it was recorded."""

_BY_AGE: Final = ("handle", "back")


class Look(Struct, frozen=True, order=True):
    """What counts of a look. The one with the greatest first three fields is the last."""

    finished_us: int
    statement: str
    record: int
    position: int
    due_seconds: int | None
    unread_count: int
    differing: dict[str, tuple[int, int]]
    """Kinds of which there is not as much here as there, with (there, here)."""


class Looks(NamedTuple):
    """The last look at a source, and the last whole one."""

    last: Look
    whole: Look | None


class Expected(NamedTuple):
    """What is expected of a source, and since which position. Compared by the first four."""

    moment_us: int
    author: str
    statement: str
    record: int
    due_seconds: int | None
    since: int


_LOOK: Final = json.Decoder(Look)


class _Spoken(Struct, frozen=True):
    """What of an envelope says who spoke; the rest of it is not read."""

    source: str
    namespace: str


_SPOKEN: Final = json.Decoder(_Spoken)

Said = tuple[int, Unfolded, SourceScan | SourceExpectation]
"""The number of a record in its entry, the entry, and the record."""


class Sources:
    """What one run of folding says of sources."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._heard: dict[tuple[int, str, int], bool] = {}
        self._said: dict[tuple[int, str], list[Said]] = {}

    def fold(self, said: Unfolded) -> None:
        """Note who spoke, and what was said of sources."""
        position, source = said.entry.position, said.entry.envelope.source
        heard, who = self._catalog.heard, (said.namespace, source)
        known, run = heard.get(who), position // HEARD_POSITIONS
        if known != run:
            self._heard[said.namespace, source, run] = known is None
            heard[who] = run
        for index, record in said.sources:
            name = source if isinstance(record, SourceScan) else record.source
            self._said.setdefault((said.namespace, name), []).append((index, said, record))

    def flush(self, writer: Writer) -> None:
        """Write what was added and changed."""
        if self._heard:
            self._flush_heard(writer)
        if not self._said:
            return
        for (namespace, name), told in self._said.items():
            known = {row[1] for row in writer.find(WATCHED, "namespace", [namespace])}
            if name not in known:
                writer.insert(WATCHED, [(namespace, name, told[0][1].entry.position)])
            handle = source_handle(namespace, name)
            writer.insert(LOOK, list(_look_rows(handle, _newest(writer, LOOK, handle), told)))
            expected = list(_expected_rows(handle, _newest(writer, EXPECTED, handle), told))
            writer.insert(EXPECTED, expected)
        self._said = {}

    def _flush_heard(self, writer: Writer) -> None:
        fresh: list[Row] = []
        for (namespace, name, run), may_be_there in self._heard.items():
            row = source_handle(namespace, name), -run
            if not (may_be_there and _newest(writer, HEARD, row[0]) == row):
                fresh.append(row)
        writer.insert(HEARD, fresh)
        self._heard = {}


def source_handle(namespace: int, name: str) -> str:
    """Return the one text under which a source of a namespace is looked up."""
    return f"{namespace}:{name}"


def watched_as_of(reader: Reader, namespace: int, size: int) -> dict[str, int]:
    """Return the sources that were looked at or expected by then, each with since when."""
    rows = reader.find(WATCHED, "namespace", [namespace])
    return {name: since for _, name, since in rows if since < size}


def looks_as_of(reader: Reader, namespace: int, name: str, size: int) -> Looks | None:
    """Return the last looks at a source as of a size."""
    for row in reader.page(LOOK, _BY_AGE, source_handle(namespace, name), -size, 1):
        return _looks(row)
    return None


def expected_as_of(reader: Reader, namespace: int, name: str, size: int) -> Expected | None:
    """Return what is expected of a source as of a size; that may be nothing any more."""
    for row in reader.page(EXPECTED, _BY_AGE, source_handle(namespace, name), -size, 1):
        return _expected(row)
    return None


def heard_as_of(reader: Reader, namespace: tuple[str, int], name: str, size: int) -> int | None:
    """Return the last position below a size at which a source spoke in a namespace, if it ever did.

    ``namespace`` is its name and number. Reads two rows, and at most ``HEARD_POSITIONS`` envelopes
    for each.
    """
    handle = source_handle(namespace[1], name)
    last = max(size - 1, 0) // HEARD_POSITIONS
    for _, back in reader.page(HEARD, _BY_AGE, handle, -last - 1, 2):
        start = -back * HEARD_POSITIONS
        end = min(size, start + HEARD_POSITIONS)
        found = _spoke_between(reader, (namespace[0], name), start, end)
        if found is not None:
            return found
    return None


def _spoke_between(reader: Reader, who: tuple[str, str], start: int, end: int) -> int | None:
    """Return the last position in [start, end) at which a source spoke, looking from the end."""
    count = 16
    while end > start:
        first = max(start, end - count)
        # One by one would be a question each, and which are shown to whom is not ours to number.
        spoken = [_SPOKEN.decode(body) for body in reader.envelopes(first, end - first)]
        if any((one.namespace, one.source) == who for one in spoken):
            return _last_of(reader, who, first, end)
        end, count = first, count * 4
    return None


def _last_of(reader: Reader, who: tuple[str, str], first: int, end: int) -> int:
    """Return the last position in [first, end) at which a source spoke, which it did."""
    while end - first > 1:
        middle = (first + end) // 2
        spoken = [_SPOKEN.decode(body) for body in reader.envelopes(middle, end - middle)]
        if any((one.namespace, one.source) == who for one in spoken):
            first = middle
        else:
            end = middle
    return first


def _newest(reader: Reader, table: Table, handle: str) -> Row | None:
    return next(iter(reader.page(table, _BY_AGE, handle, None, 1)), None)


def _look_rows(handle: str, newest: Row | None, told: list[Said]) -> Iterator[Row]:
    """Yield a row for each entry after which another look is the last, or the last whole one."""
    kept = None if newest is None else _looks(newest)
    rows: dict[int, Row] = {}
    for index, said, record in told:
        if not isinstance(record, SourceScan):
            continue
        look = _look_of(index, said, record)
        last = look if kept is None else max(kept.last, look)
        whole = None if kept is None else kept.whole
        if record.is_whole:
            whole = look if whole is None else max(whole, look)
        if kept != (last, whole):
            kept = Looks(last, whole)
            encoded = None if whole is None else encode_json(whole)
            rows[look.position] = (handle, -look.position, encode_json(last), encoded)
    yield from rows.values()


def _look_of(index: int, said: Unfolded, record: SourceScan) -> Look:
    kinds = sorted(record.there.keys() | record.here.keys())
    counts = {kind: (record.there.get(kind, 0), record.here.get(kind, 0)) for kind in kinds}
    return Look(
        finished_us=_believed(instant_us(record.finished), said.entry.envelope.recorded_us),
        statement=said.entry.envelope.statement,
        record=index,
        position=said.entry.position,
        due_seconds=record.due_seconds,
        unread_count=record.unread_count,
        differing={kind: both for kind, both in counts.items() if both[0] != both[1]},
    )


def _looks(row: Row) -> Looks:
    return Looks(_LOOK.decode(row[2]), None if row[3] is None else _LOOK.decode(row[3]))


def _expected_rows(handle: str, newest: Row | None, told: list[Said]) -> Iterator[Row]:
    """Yield a row for each entry after which something else is expected."""
    kept = None if newest is None else _expected(newest)
    rows: dict[int, Row] = {}
    for index, said, record in told:
        if isinstance(record, SourceScan):
            continue
        envelope, position = said.entry.envelope, said.entry.position
        stated_us = envelope.stated.start_us if envelope.stated else None
        moment_us = _believed(stated_us, envelope.recorded_us)
        author = moment_us, envelope.source, envelope.statement, index
        if kept is None or author > kept[:4]:
            kept = Expected(*author, record.due_seconds, position)
            rows[position] = (handle, -position, *author, record.due_seconds)
    yield from rows.values()


def _believed(stated_us: int | None, recorded_us: int) -> int:
    """Return when something was so that is ordered by its stated time.

    A day ahead is a clock that is wrong: believed, it would outlive all that is said after it.
    """
    if stated_us is None or stated_us - recorded_us > AHEAD_US_MAX:
        return recorded_us
    return stated_us


def _expected(row: Row) -> Expected:
    return Expected._make((*row[2:], -row[1]))
