"""Explore the lineage graph: the questions of a ledger that take more than one walk."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, TypedDict, Unpack

from msgspec.structs import replace

from lineage.asking import Asked, Asking
from lineage.collector import paused_collector
from lineage.graph.index import GraphIndex
from lineage.graph.lineage_ids import LineageIds
from lineage.questions.as_of import AsOf, Valid, resolve_valid
from lineage.questions.between import (
    ENTRIES_DEFAULT,
    BetweenAsked,
    BetweenQuery,
    check_entries,
    list_added,
)
from lineage.questions.columns import ColumnsQuery, check_columns_query, columns
from lineage.questions.common import CommonQuery, check_common, find_in_common
from lineage.questions.compare import CompareQuery, compare
from lineage.questions.cursors import Cursor, open_cursor, question_of
from lineage.questions.cycles import CyclesQuery, check_cycles, find_cycles
from lineage.questions.diff import DiffQuery, check_diff, diff
from lineage.questions.graph_asked import GraphAsked, ask_graph
from lineage.questions.history import HistoryQuery, check_history, tell_history
from lineage.questions.impact import ImpactQuery, check_impact, find_impact
from lineage.questions.labels import clean_name
from lineage.questions.late import LateQuery, check_late, list_late
from lineage.questions.orphans import OrphansQuery, check_orphans, list_orphans
from lineage.questions.paths import PathsQuery, check_paths, find_shortest
from lineage.questions.provenance import ProvenanceQuery, check_provenance, tell_provenance
from lineage.questions.trace import TraceQuery, check_query, trace
from lineage.questions.trace_ids import trace_ids
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.codec import encode_json
from lineage_schemas.columns import ColumnsAnswer
from lineage_schemas.comparisons import ComparisonAnswer
from lineage_schemas.differences import BetweenPage, LineageDiff
from lineage_schemas.graph import LineageAnswer
from lineage_schemas.history import HistoryAnswer, LateAnswer
from lineage_schemas.impact import ImpactAnswer
from lineage_schemas.knots import CyclesAnswer, OrphanPage
from lineage_schemas.paths import CommonAnswer, PathsAnswer
from lineage_schemas.provenance import ProvenanceAnswer


class Asker(TypedDict, total=False):
    """Who asks, and in which namespace."""

    namespace: str
    principal: Principal


class When(Asker, total=False):
    """Of what stated time somebody asks: of a moment, or of a half-open interval."""

    valid_at: datetime | None
    valid_during: tuple[datetime, datetime] | None


class Where(When, total=False):
    """Of which past, and of what stated time, somebody asks, and in which namespace.

    ``valid_at`` is a moment and ``valid_during`` a half-open interval; a basis that is handed back
    as ``as_of`` brings its own along.
    """

    as_of: AsOf


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

    def trace_ids(self, query: TraceQuery, **where: Unpack[Where]) -> LineageIds:
        """Trace as ``trace`` does, and tell what was found by ids alone, in columns.

        Nothing is read of the nodes, unless ``query`` filters or stops by what shows of them.

        Raises:
            InvalidInputError: an identifier or limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_query(query)
        query = replace(query, start=tuple(map(clean_name, query.start)))
        with self._question(where, "trace_ids", query) as question:
            answer = trace_ids(question.graph, query)
            question.asked.count = len(answer.nodes.ids)
            return answer

    def paths(self, query: PathsQuery, **where: Unpack[Where]) -> PathsAnswer:
        """Find the shortest paths between two things, whichever way data flowed.

        Raises:
            InvalidInputError: an identifier or limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_paths(query)
        query = replace(query, start=clean_name(query.start), end=clean_name(query.end))
        with self._question(where, "paths", query) as question:
            answer = find_shortest(question.graph, query)
            question.asked.count = len(answer.nodes)
            return answer

    def common(self, query: CommonQuery, **where: Unpack[Where]) -> CommonAnswer:
        """Find what several things have in common upstream, or downstream, and which is nearest.

        Raises:
            InvalidInputError: an identifier, a number of them or a limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_common(query)
        query = replace(query, start=tuple(map(clean_name, query.start)))
        with self._question(where, "common", query) as question:
            answer = find_in_common(question.graph, query)
            question.asked.count = len(answer.common)
            return answer

    def impact(self, query: ImpactQuery, **where: Unpack[Where]) -> ImpactAnswer:
        """Find what one or more things have affected, by type, with counts.

        Raises:
            InvalidInputError: an identifier or limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_impact(query)
        query = replace(query, start=tuple(map(clean_name, query.start)))
        with self._question(where, "impact", query) as question:
            answer = find_impact(question.graph, query)
            question.asked.count = answer.nodes
            return answer

    def orphans(
        self,
        query: OrphansQuery = OrphansQuery(),  # noqa: B008 - a frozen struct, changed by nobody
        **where: Unpack[Where],
    ) -> OrphanPage:
        """List nodes that nothing leads to, that nobody made or used, one page at a time.

        A page looks at ``LOOKED_MAX`` nodes and a few more at the most, and says at how many.

        Raises:
            InvalidInputError: a page size out of range, a type of which nothing is made or used, or
                a cursor that is not ours.
            NotFoundError: there is no kind and no type of that name.
        """
        check_orphans(query)
        where, cursor = _turned(where, query.cursor, query.words)
        with self._question(where, "orphans", query) as question:
            answer = list_orphans(question.graph, query, cursor)
            question.asked.count = len(answer.nodes)
            return answer

    def cycles(
        self,
        query: CyclesQuery = CyclesQuery(),  # noqa: B008 - as above
        **where: Unpack[Where],
    ) -> CyclesAnswer:
        """Find where data flows in circles, in a namespace or around one thing.

        Raises:
            InvalidInputError: an identifier or limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_cycles(query)
        if query.start is not None:
            query = replace(query, start=clean_name(query.start))
        with self._question(where, "cycles", query) as question:
            answer = find_cycles(question.graph, query)
            question.asked.count = answer.node_count
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
        with self._question(where, "history", query, walks=False) as question:
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
        with self._question(where, "late", query, walks=False) as question:
            answer = list_late(question.graph, query, cursor)
            question.asked.count = len(answer.records)
            return answer

    def columns(self, query: ColumnsQuery, **where: Unpack[Where]) -> ColumnsAnswer:
        """Follow the fields of a data set: which fields they were made from, and what is made.

        Raises:
            InvalidInputError: an identifier, a field or a limit that cannot be, or what is no data
                set and has no fields.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_columns_query(query)
        query = replace(query, dataset=clean_name(query.dataset))
        with self._question(where, "columns", query, walks=False) as question:
            answer = columns(question.graph, query)
            question.asked.count = len(answer.columns)
            return answer

    def diff(
        self, query: DiffQuery, before: AsOf, after: AsOf = None, **when: Unpack[When]
    ) -> LineageDiff:
        """Tell what differs in one lineage between two pasts, read from one snapshot.

        A stated time holds for both; ``query`` may name one for each, and a basis that is handed
        back brings its own along. Raises, beside what a trace does:

        Raises:
            InvalidInputError: the size before is larger than the one after.
        """
        check_diff(query)
        start = tuple(map(clean_name, query.trace.start))
        query = replace(query, trace=replace(query.trace, start=start))
        at, during = when.get("valid_at"), when.get("valid_during")
        valid = [
            resolve_valid(one or at, None if one else during, past)
            for one, past in ((query.valid_before, before), (query.valid_after, after))
        ]
        opened = _where(when, after)
        with self._asking.question(opened, "diff", query, before, *valid) as asked:
            earlier = self._asking.at(asked, before)
            with paused_collector():
                answer = diff(
                    self._of(earlier, asked, valid[0]), self._of(asked, asked, valid[1]), query
                )
            asked.count = answer.count_before + answer.count_after
            return answer

    def between(
        self,
        query: BetweenQuery,
        *,
        cursor: str | None = None,
        count: int = ENTRIES_DEFAULT,
        **asker: Unpack[Asker],
    ) -> BetweenPage:
        """List what the log added to a namespace between two pasts: a page of entries at a time.

        Raises:
            InvalidInputError: a page size out of range, a cursor that is not ours, or a first size
                that is larger than the last.
            NotFoundError: the filter names a type or a context that nobody has heard of.
        """
        check_entries(count)
        namespace = asker.get("namespace", DEFAULT_NAMESPACE)
        words = encode_json((query.first, query.last, query.filter)).decode()
        question = question_of(namespace, "between", words)
        after, past = open_cursor(cursor, question, None)
        then = query.last if after is None else past
        with self._asking.question(_where(asker, then), "between", query, cursor, count) as asked:
            before = self._asking.at(asked, query.first).basis
            page = list_added(
                BetweenAsked(
                    asked.reader, asked.number, before, asked.basis, question, query.filter
                ),
                after,
                count,
            )
            asked.count = len(page.entries)
            return page

    def provenance(self, query: ProvenanceQuery, **where: Unpack[Where]) -> ProvenanceAnswer:
        """Tell step by step how something came to be, from its sources on, and what is not known.

        Raises:
            InvalidInputError: an identifier or limit that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        check_provenance(query)
        query = replace(query, subject=clean_name(query.subject))
        with self._question(where, "provenance", query) as question:
            answer = tell_provenance(question.graph, query)
            question.asked.count = len(answer.steps)
            return answer

    def compare(self, query: CompareQuery, **where: Unpack[Where]) -> ComparisonAnswer:
        """Compare two runs, or the runs that made two models: code, data, parameters and so on.

        Raises:
            InvalidInputError: an identifier that cannot be, what is neither a run nor made by one,
                or what several runs made.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
        """
        query = replace(query, one=clean_name(query.one), other=clean_name(query.other))
        with self._question(where, "compare", query) as question:
            answer = compare(question.graph, query)
            question.asked.count = len(answer.aspects)
            return answer

    def _of(
        self, asked: Asked, latest: Asked, valid: Valid | None, *, walks: bool = True
    ) -> GraphAsked:
        """Return what a question is answered from: of two pasts, both by one graph."""
        snapshot = self._graph.snapshot(latest.unbound, latest.number, walks=walks)
        return ask_graph(asked.reader, snapshot, asked.number, asked.basis, valid)

    @contextmanager
    def _question(
        self, where: Where, call: str, *question: object, walks: bool = True
    ) -> Generator[_Question]:
        """Open one question of the graph; who answers says how many things the answer holds.

        One that does not walk says so (``walks``), and waits for no graph to be read.
        """
        as_of = where.get("as_of")
        valid = resolve_valid(where.get("valid_at"), where.get("valid_during"), as_of)
        opened = _where(where, as_of)
        named = question if valid is None else (*question, valid)
        with self._asking.question(opened, call, *named) as asked:
            graph = self._of(asked, asked, valid, walks=walks)
            with paused_collector():
                yield _Question(asked, graph)


def _where(asker: Asker, as_of: AsOf) -> tuple[str, Principal, AsOf]:
    namespace = asker.get("namespace", DEFAULT_NAMESPACE)
    return namespace, asker.get("principal", LOCAL_PRINCIPAL), as_of


def _turned(where: Where, text: str | None, words: tuple[str, ...]) -> tuple[Where, Cursor | None]:
    """Return where a page is asked: a further one of the past of the first one.

    Raises:
        InvalidInputError: a cursor that is not ours, or is one of another question, or an
            ``as_of`` beside it.
    """
    as_of = where.get("as_of")
    valid = resolve_valid(where.get("valid_at"), where.get("valid_during"), as_of)
    question = question_of(
        where.get("namespace", DEFAULT_NAMESPACE), *words, "" if valid is None else valid.words
    )
    cursor, past = open_cursor(text, question, as_of)
    return (where if cursor is None else {**where, "as_of": past}), cursor
