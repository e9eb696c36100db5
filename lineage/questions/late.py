"""What came late: recorded long after it was so, or after its source had gone on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from lineage.projections.retellings import RETOLD
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.history import is_dated, name_nodes
from lineage.questions.search import Cursor, encode_cursor, question_of
from lineage.questions.subjects import vertices_in
from lineage.stores.base import Reader
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Envelope
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.history import LAG_DEFAULT, LateAnswer, LateRecord, NamedNode
from lineage_schemas.instants import format_instant, format_known_instant, parse_instant
from lineage_schemas.limits import INT_MAX
from lineage_schemas.records import Mode

LATE_PAGE_MAX: Final = 1_000
"""Late records of one page."""

LATE_PAGE_DEFAULT: Final = 100

LATE_LOOKED_MAX: Final = 10_000
"""Entries that one page looks at, whatever it finds."""

LATE_NODES_SHOWN_MAX: Final = 10
"""Nodes of a late record that are listed; the rest are counted."""

LAG_MAX: Final = 100 * 365 * LAG_DEFAULT

_RUN: Final = 1_000
_SECOND_US: Final = 1_000_000


class LateQuery(Struct, frozen=True, kw_only=True):
    """What counts as late: a ``lag`` of more than so many seconds, or what was overtaken.

    With ``source`` only what that source said is listed.
    """

    lag: int = LAG_DEFAULT
    source: str | None = None
    cursor: str | None = None
    count: int = LATE_PAGE_DEFAULT

    @property
    def words(self) -> tuple[str, ...]:
        """What is asked, as text, for the cursor of its pages."""
        return "late", str(self.lag), "-" if self.source is None else f"={self.source}"


def check_late(query: LateQuery) -> None:
    """Refuse a lag or a page size out of range.

    Raises:
        InvalidInputError: one is.
    """
    if not 1 <= query.count <= LATE_PAGE_MAX:
        what = f"A page has 1 to {LATE_PAGE_MAX} records (LATE_PAGE_MAX)"
        raise InvalidInputError(what, where=str(query.count))
    if not 0 <= query.lag <= LAG_MAX:
        what = f"A lag has 0 to {LAG_MAX} seconds (LAG_MAX)"
        raise InvalidInputError(what, where=str(query.lag))


def list_late(asked: GraphAsked, query: LateQuery, cursor: Cursor | None) -> LateAnswer:
    """Return one page of the observations that came late, by position.

    A command is of the moment it is recorded, and never late.
    """
    reader, number, basis, size = asked.reader, asked.number, asked.basis, asked.size
    start = 0 if cursor is None else cursor.after
    limit = min(size, start + LATE_LOOKED_MAX)
    found: list[LateRecord] = []
    end = start
    while number is not None and end < limit and len(found) < query.count:
        stop = min(limit, end + _RUN)
        overtaken = _overtaken(reader, end, stop)
        for stored in reader.entries(end, stop - end):
            envelope = decode_envelope(stored.envelope)
            nodes = overtaken.get(stored.position, set()) if is_dated(envelope) else set[int]()
            late = _Late(stored.position, envelope, nodes)
            if envelope.namespace == basis.namespace and late.is_wanted(asked, query):
                found.append(late.record(asked, number, query))
                if len(found) == query.count:
                    stop = stored.position + 1
                    break
        end = stop
    if number is None:
        end = size
    following = None
    if end < size:
        words = "" if asked.valid is None else asked.valid.words
        question = question_of(basis.namespace, *query.words, words)
        judged_us = 0 if basis.sources_at is None else parse_instant(basis.sources_at)
        following = encode_cursor(Cursor(question, size, 0, end, judged_us))
    return LateAnswer(
        basis=basis,
        lag_seconds=query.lag,
        start=start,
        end=end,
        records=tuple(found),
        cursor=following,
    )


class _Late(Struct, frozen=True):
    """An entry, and the nodes of which it came too late."""

    position: int
    envelope: Envelope
    overtaken: set[int]

    @property
    def lag_us(self) -> int:
        """How long after it was so it was recorded; what nobody dated was so just then."""
        stated = self.envelope.stated
        if self.envelope.mode is Mode.COMMAND or stated is None or stated.start_us is None:
            return 0
        return self.envelope.recorded_us - stated.start_us

    def is_wanted(self, asked: GraphAsked, query: LateQuery) -> bool:
        """Tell whether it came late, by a source and at a valid time that are asked about."""
        if query.source not in {None, self.envelope.source}:
            return False
        start_us = self.envelope.stated.start_us if self.envelope.stated else None
        if asked.valid is not None and not asked.valid.time.has_begun(start_us):
            return False
        return bool(self.overtaken) or self.lag_us > query.lag * _SECOND_US

    def record(self, asked: GraphAsked, number: int, query: LateQuery) -> LateRecord:
        """Return it as the answer shows it."""
        envelope, stated = self.envelope, self.envelope.stated
        named = vertices_in(envelope.structure, number)
        overtaken, overtaken_hidden = _first(asked, self.overtaken)
        nodes, nodes_hidden = _first(asked, named)
        is_lagging = self.lag_us > query.lag * _SECOND_US
        return LateRecord(
            position=self.position,
            statement=envelope.statement,
            source=envelope.source,
            recorded_at=format_instant(envelope.recorded_us),
            stated_from=format_known_instant(stated.start_us if stated else None),
            lag_seconds=self.lag_us / _SECOND_US if is_lagging else None,
            overtaken=overtaken,
            overtaken_hidden=overtaken_hidden,
            nodes=nodes,
            nodes_hidden=nodes_hidden,
        )


def _first(asked: GraphAsked, vertices: Collection[int]) -> tuple[tuple[NamedNode, ...], int]:
    shown = sorted(vertices)[:LATE_NODES_SHOWN_MAX]
    return name_nodes(asked.reader, shown, asked.size), len(vertices) - len(shown)


def _overtaken(reader: Reader, start: int, end: int) -> dict[int, set[int]]:
    """Return the nodes of which each of these entries says what its source had overtaken."""
    found: dict[int, set[int]] = {}
    after: tuple[int, int] | None = (start - 1, INT_MAX) if start else None
    while rows := reader.scan(RETOLD, after, _RUN):
        for since, vertex, is_overtaken in rows:
            if since >= end:
                return found
            if is_overtaken:
                found.setdefault(since, set()).add(vertex)
        after = rows[-1][:2]
    return found
