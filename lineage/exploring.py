"""Explore the lineage graph: the questions of a ledger that take more than one walk."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, TypedDict, Unpack

from msgspec.structs import replace

from lineage.asking import Asked, Asking
from lineage.collector import paused_collector
from lineage.graph.index import GraphIndex
from lineage.graph.links import LinkIndex
from lineage.projections.links import LinkRow
from lineage.projections.standing import standing_links
from lineage.questions.as_of import AsOf, Valid, resolve_valid, with_valid
from lineage.questions.columns import ColumnsQuery, check_columns_query, columns
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.history import HistoryQuery, check_history, tell_history
from lineage.questions.labels import clean_name
from lineage.questions.late import LateQuery, check_late, list_late
from lineage.questions.search import Cursor, decode_cursor, question_of
from lineage.questions.trace import TraceQuery, check_query, trace
from lineage.stores.base import Reader
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.columns import ColumnsAnswer
from lineage_schemas.graph import LineageAnswer
from lineage_schemas.history import HistoryAnswer, LateAnswer
from lineage_schemas.instants import instant_of


class Where(TypedDict, total=False):
    """Of which past, and of what stated time, somebody asks, and in which namespace.

    ``valid_at`` is a moment and ``valid_during`` a half-open interval; a basis that is handed back
    as ``as_of`` brings its own along.
    """

    as_of: AsOf
    valid_at: datetime | None
    valid_during: tuple[datetime, datetime] | None
    namespace: str
    principal: Principal


class _Question(NamedTuple):
    asked: Asked
    graph: GraphAsked


class Exploring:
    """The questions of a ledger about its graph.

    Every call takes the arguments of ``Where`` by name, and raises ``UnknownBasisError`` for a past
    that cannot be had, and ``InvalidInputError`` for a valid time that cannot be.
    """

    def __init__(self, asking: Asking, graph: GraphIndex) -> None:
        self._asking = asking
        self._graph = graph

    def trace(self, query: TraceQuery, **where: Unpack[Where]) -> LineageAnswer:
        """Trace the lineage of one or more identifiers, or of what goes by a label.

        Raises:
            InvalidInputError: an identifier or limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_query(query)
        query = replace(query, start=tuple(map(clean_name, query.start)))
        with self._question(where, "trace", query) as question:
            answer = trace(question.graph, query)
            question.asked.count = len(answer.nodes)
            return answer

    def columns(self, query: ColumnsQuery, **where: Unpack[Where]) -> ColumnsAnswer:
        """Follow the fields of a data set: which fields they were made from, and what is made.

        Raises:
            InvalidInputError: an identifier, a field or a limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_columns_query(query)
        query = replace(query, dataset=clean_name(query.dataset))
        with self._question(where, "columns", query) as question:
            answer = columns(question.graph, query)
            question.asked.count = len(answer.columns)
            return answer

    def history(self, query: HistoryQuery, **where: Unpack[Where]) -> HistoryAnswer:
        """Tell what was said of a node and of its entity, entry by entry, a page at a time.

        A valid time leaves out what is stated to begin after it. Costs a row for each entry that
        speaks of the node, whatever the page. Shows entries, and takes what reading them takes.

        Raises:
            InvalidInputError: a name that is none, a page size out of range, or a cursor that is
                not ours.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_history(query)
        query = replace(query, node=clean_name(query.node))
        where, cursor = _turned(where, query.cursor, query.words)
        with self._question(where, "history", query) as question:
            answer = tell_history(question.graph, query, cursor)
            question.asked.count = len(answer.entries)
            return answer

    def late(self, query: LateQuery = LateQuery(), **where: Unpack[Where]) -> LateAnswer:  # noqa: B008 - a frozen struct, changed by nobody
        """List the entries that came late, a page at a time.

        A page looks at ``LATE_LOOKED_MAX`` entries at the most, and says at which. A valid time
        leaves out what is stated to begin after it. Takes what reading entries takes.

        Raises:
            InvalidInputError: a lag or page size out of range, or a cursor that is not ours.
        """
        check_late(query)
        where, cursor = _turned(where, query.cursor, query.words)
        with self._question(where, "late", query) as question:
            answer = list_late(question.graph, query, cursor)
            question.asked.count = len(answer.records)
            return answer

    @contextmanager
    def _question(self, where: Where, call: str, *question: object) -> Generator[_Question]:
        """Open one question of the graph; who answers says how many things the answer holds."""
        as_of = where.get("as_of")
        valid = resolve_valid(where.get("valid_at"), where.get("valid_during"), as_of)
        place = (
            where.get("namespace", DEFAULT_NAMESPACE),
            where.get("principal", LOCAL_PRINCIPAL),
            as_of,
        )
        named = question if valid is None else (*question, valid)
        with self._asking.question(place, call, *named) as asked:
            snapshot = self._graph.snapshot(asked.unbound, asked.number)
            if valid is not None and asked.number is not None:
                snapshot = snapshot._replace(links=_links_then(asked.reader, asked.number, valid))
            basis = with_valid(asked.basis, valid)
            graph = GraphAsked(asked.reader, snapshot, asked.number, basis, valid)
            with paused_collector():
                yield _Question(asked, graph)


def _links_then(reader: Reader, number: int, valid: Valid) -> LinkIndex:
    """Return the links that stood at a stated time: they are read, as nobody keeps them."""

    def stood(column: str, values: Collection[int], size: int) -> list[LinkRow]:
        return standing_links(reader, column, values, size, valid.time)

    return LinkIndex.stored(reader, number, stood)


def _turned(where: Where, text: str | None, words: tuple[str, ...]) -> tuple[Where, Cursor | None]:
    """Return where a further page is asked: of the past and the valid time of the first one.

    Raises:
        InvalidInputError: a cursor that is not ours, or is one of another question.
    """
    if text is None:
        return where, None
    valid = resolve_valid(where.get("valid_at"), where.get("valid_during"), where.get("as_of"))
    asked = question_of(
        where.get("namespace", DEFAULT_NAMESPACE), *words, "" if valid is None else valid.words
    )
    cursor = decode_cursor(text, asked)
    turned: Where = {**where, "as_of": cursor.as_of}
    if valid is not None and valid.at is not None:
        turned["valid_at"] = instant_of(valid.time.start_us)
    elif valid is not None:
        turned["valid_during"] = instant_of(valid.time.start_us), instant_of(valid.time.end_us)
    return turned, cursor
