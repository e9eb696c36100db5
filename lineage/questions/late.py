"""What came late: recorded long after it was so, or after its source had gone on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from msgspec import Struct

from lineage.projections.retellings import RETOLD
from lineage.questions.cursors import Cursor, make_cursor, question_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.history import is_dated, name_nodes
from lineage.questions.redactions import counted, find_redacted, read_redactions
from lineage.questions.subjects import vertices_in
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Envelope
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.history import LAG_DEFAULT, LateAnswer, LateRecord, NamedNode
from lineage_schemas.instants import format_instant, format_known_instant
from lineage_schemas.records import Mode

LATE_PAGE_MAX: Final = 1_000
"""Late records of one page."""

LATE_PAGE_DEFAULT: Final = 100

LATE_LOOKED_MAX: Final = 10_000
"""Entries that one page looks at, whatever it finds."""

LATE_NODES_SHOWN_MAX: Final = 10
"""Nodes of a late record that are listed; the rest are counted."""

_DAY_SECONDS: Final = 24 * 60 * 60
LAG_MAX: Final = 100 * 365 * _DAY_SECONDS

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

    A command is of the moment it is recorded, and never late. Whether a source had overtaken what
    it says of a node is not known where something was erased of that node by then: such an entry
    is counted, and what was erased is listed.
    """
    reader, number, basis, size = asked.reader, asked.number, asked.basis, asked.size
    start = 0 if cursor is None else cursor.after
    limit = min(size, start + LATE_LOOKED_MAX)
    found: list[LateRecord] = []
    erased: set[int] = set()
    unjudged = 0
    end = start
    while number is not None and end < limit and len(found) < query.count:
        stop = min(limit, end + _RUN)
        for late in _looked_at(asked, query, number, range(end, stop)):
            erased |= late.erased
            unjudged += late.is_unjudged
            if late.is_late(query):
                found.append(late.record(asked, number, query))
                if len(found) == query.count:
                    stop = late.position + 1
                    break
        end = stop
    if number is None:
        end = size
    following = None
    if end < size:
        words = "" if asked.valid is None else asked.valid.words
        question = question_of(basis.namespace, *query.words, words)
        following = make_cursor(basis, question, end)
    total, redactions = (0, ()) if number is None else read_redactions(reader, number, erased)
    return LateAnswer(
        basis=counted(basis, total),
        lag_seconds=query.lag,
        start=start,
        end=end,
        records=tuple(found),
        cursor=following,
        unjudged=unjudged,
        redactions=redactions,
    )


class _Late(Struct, frozen=True):
    """An entry, the nodes of which it came too late, and the erasures that bear upon that.

    ``erased`` are itself, where something was erased of it, and where it is not known to have been
    overtaken every entry up to it of which something was erased that is about one of its nodes.
    """

    position: int
    envelope: Envelope
    overtaken: set[int]
    erased: set[int]

    @property
    def is_unjudged(self) -> bool:
        """Tell whether it may have been overtaken, by what was erased or in what was erased."""
        return is_dated(self.envelope) and not self.overtaken and bool(self.erased)

    @property
    def lag_us(self) -> int:
        """How long after it was so it was recorded; what nobody dated was so just then."""
        stated = self.envelope.stated
        if self.envelope.mode is Mode.COMMAND or stated is None or stated.start_us is None:
            return 0
        return self.envelope.recorded_us - stated.start_us

    def is_late(self, query: LateQuery) -> bool:
        """Tell whether it was overtaken, or came later than may be."""
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


def _looked_at(
    asked: GraphAsked, query: LateQuery, number: int, positions: range
) -> Iterator[_Late]:
    """Yield the entries of a run that are asked about, each with what bears upon its lateness."""
    wanted = {
        stored.position: envelope
        for stored in asked.reader.entries(positions.start, len(positions))
        for envelope in (decode_envelope(stored.envelope),)
        if _is_wanted(asked, query, envelope)
    }
    overtaken: dict[int, set[int]] = {}
    dated = [position for position, envelope in wanted.items() if is_dated(envelope)]
    for since, vertex, is_overtaken in asked.reader.find(RETOLD, "since", dated):
        if is_overtaken:
            overtaken.setdefault(since, set()).add(vertex)
    named = {
        position: vertices_in(envelope.structure, number) for position, envelope in wanted.items()
    }
    redacted = find_redacted(
        asked.reader, {vertex for nodes in named.values() for vertex in nodes}, asked.size
    )
    for position, envelope in wanted.items():
        nodes = overtaken.get(position, set())
        is_open = is_dated(envelope) and not nodes
        erased = {
            since
            for vertex in named[position] & redacted.keys()
            for since in redacted[vertex]
            if since == position or (is_open and since < position)
        }
        yield _Late(position, envelope, nodes, erased)


def _is_wanted(asked: GraphAsked, query: LateQuery, envelope: Envelope) -> bool:
    """Tell whether an entry is of the namespace, source and valid time that are asked about."""
    if envelope.namespace != asked.basis.namespace:
        return False
    if query.source not in {None, envelope.source}:
        return False
    start_us = envelope.stated.start_us if envelope.stated else None
    return asked.valid is None or asked.valid.time.has_begun(start_us)
