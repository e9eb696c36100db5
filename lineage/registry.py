"""Ask what serves: which deployment in which place, in what role, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lineage.asking import Asked, Asking
from lineage.graph.index import GraphIndex
from lineage.questions.as_of import AsOf, resolve_moment, resolve_valid, with_valid
from lineage.questions.cursors import open_cursor
from lineage.questions.labels import clean_name
from lineage.questions.registry import show_registered_model
from lineage.questions.search import PAGE_NODES_DEFAULT, check_page
from lineage.questions.serving import (
    ServingAsked,
    ServingQuery,
    list_serving,
    question_of_serving,
)
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.basis import Basis
from lineage_schemas.errors import NotFoundError
from lineage_schemas.registry_views import RegistryAnswer
from lineage_schemas.serving import ServingAnswer


class Registry:
    """The questions of a ledger about what serves, and about registered models."""

    def __init__(self, asking: Asking, graph: GraphIndex) -> None:
        self._asking = asking
        self._graph = graph

    def serving(  # noqa: PLR0913 - what is asked, and when, where, by whom and how much at once
        self,
        query: ServingQuery = ServingQuery(),  # noqa: B008 - a frozen struct, changed by nobody
        *,
        valid_at: datetime | None = None,
        valid_during: tuple[datetime, datetime] | None = None,
        as_of: AsOf = None,
        cursor: str | None = None,
        count: int = PAGE_NODES_DEFAULT,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ServingAnswer:
        """List serving intervals, one page at a time; with a valid time those of that time.

        ``valid_at`` is a moment, ``valid_during`` a half-open interval that they overlap. A basis
        that is handed back brings its valid time along. Without any, all are listed, whenever they
        were.

        Raises:
            InvalidInputError: a name that is none, a page size out of range, a valid time that
                cannot be, or a cursor that is not ours.
            AmbiguousLabelError: a label of several things.
            NotFoundError: a name that the log has not heard of.
            UnknownBasisError: as ``basis``.
        """
        check_page(count)
        query = ServingQuery(
            of=_clean(query.of),
            service=_clean(query.service),
            environment=_clean(query.environment),
        )
        valid = resolve_valid(valid_at, valid_during, as_of)
        asked_for = question_of_serving(namespace, valid, query)
        after, past = open_cursor(cursor, asked_for, as_of)
        where = namespace, principal, past
        words = valid and valid.words
        with self._asking.question(where, "serving", query, words, cursor, count) as asked:
            basis = with_valid(asked.basis, valid)
            about = self._about(asked, basis, (query.of, query.service, query.environment))
            if about is None:
                return ServingAnswer(
                    basis=basis,
                    valid_at=basis.valid_at,
                    valid_during=basis.valid_during,
                    intervals=(),
                )
            answer = list_serving(about, query, after, count)
            asked.count = len(answer.intervals)
            return answer

    def model(
        self,
        name: str,
        *,
        valid_at: datetime | None = None,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> RegistryAnswer:
        """Show a registered model: versions, stages, aliases, approvals, and what served.

        ``name`` is an identifier or a label of the model, or of a version of it. ``valid_at`` is
        taken as ``serving`` takes it.

        Raises:
            InvalidInputError: a name that is none, a time without a time zone, or a basis of an
                interval of stated time.
            AmbiguousLabelError: a label of several things.
            NotFoundError: nothing goes by the name, or nothing that a registry holds.
            UnknownBasisError: as ``basis``.
        """
        wanted = clean_name(name)
        valid = resolve_moment(valid_at, as_of)
        where = namespace, principal, as_of
        with self._asking.question(
            where, "registered_model", wanted, valid and valid.words
        ) as asked:
            about = self._about(asked, with_valid(asked.basis, valid), [wanted])
            assert about is not None
            answer = show_registered_model(about, wanted)
            asked.count = len(answer.versions)
            return answer

    def _about(
        self, asked: Asked, basis: Basis, names: Iterable[str | None]
    ) -> ServingAsked | None:
        """Return what to answer from; ``None`` where nothing was ever said, nor is asked for."""
        if asked.number is not None:
            snapshot = self._graph.snapshot(asked.unbound, asked.number)
            return ServingAsked(asked.reader, snapshot, asked.number, basis)
        for name in names:
            if name is not None:
                raise NotFoundError("Nobody has said anything in this namespace yet", where=name)
        return None


def _clean(name: str | None) -> str | None:
    return None if name is None else clean_name(name)
