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
from lineage.questions.as_of import AsOf, resolve_valid, with_valid
from lineage.questions.columns import ColumnsQuery, check_columns_query, columns
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import clean_name
from lineage.questions.trace import TraceQuery, check_query, trace
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.columns import ColumnsAnswer
from lineage_schemas.graph import LineageAnswer


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
            basis = with_valid(asked.basis, valid)
            with paused_collector():
                yield _Question(
                    asked, GraphAsked(asked.reader, snapshot, asked.number, basis, valid)
                )
