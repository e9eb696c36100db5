"""Ask how things are joined: which links stand, why, what contradicts them, what nobody joined."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from lineage.asking import Asked, Asking
from lineage.graph.index import GraphIndex
from lineage.questions.as_of import AsOf, Valid, resolve_valid
from lineage.questions.conflict_lists import ConflictQuery, list_conflicts
from lineage.questions.graph_asked import GraphAsked, ask_graph
from lineage.questions.labels import clean_name
from lineage.questions.link_lists import LinkQuery, list_links
from lineage.questions.search import (
    PAGE_NODES_DEFAULT,
    Cursor,
    check_page,
    decode_cursor,
    question_of,
)
from lineage.questions.unresolved import list_unresolved
from lineage.questions.why import WhyQuery, tell_why
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.identity import ConflictPage, WhyAnswer
from lineage_schemas.linking import LinkPage, UnresolvedPage


class Linking:
    """The questions of a ledger about its links."""

    def __init__(self, asking: Asking, graph: GraphIndex) -> None:
        self._asking = asking
        self._graph = graph

    def links(
        self,
        query: LinkQuery = LinkQuery(),  # noqa: B008 - a frozen struct, changed by nobody
        *,
        cursor: str | None = None,
        count: int = PAGE_NODES_DEFAULT,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> LinkPage:
        """List the links that stand: who claims what of which node, and what that joins it to.

        Raises:
            InvalidInputError: a name that is none, a page size out of range, or a cursor that is
                not ours.
            AmbiguousLabelError: a label of several things; lists them.
            NotFoundError: a node that the log has not heard of.
            UnknownBasisError: as ``basis``.
        """
        check_page(count)
        if query.node is not None:
            query = replace(query, node=clean_name(query.node))
        after = _decoded(cursor, namespace, "links", *query.words)
        then = as_of if after is None else after.size
        with self._asking.question(
            (namespace, principal, then), "links", query, cursor, count
        ) as asked:
            page = list_links(self._of(asked), query, after, count)
            asked.count = len(page.links)
            return page

    def unresolved(
        self,
        node: str | None = None,
        *,
        cursor: str | None = None,
        count: int = PAGE_NODES_DEFAULT,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> UnresolvedPage:
        """List what somebody refers to and nobody describes, and what may be the same elsewhere.

        Raises: as ``links``.
        """
        check_page(count)
        wanted = None if node is None else clean_name(node)
        after = _decoded(cursor, namespace, "unresolved", wanted or "")
        then = as_of if after is None else after.size
        with self._asking.question(
            (namespace, principal, then), "unresolved", wanted, cursor, count
        ) as asked:
            page = list_unresolved(self._of(asked), wanted, after, count)
            asked.count = len(page.things)
            return page

    def why(
        self,
        query: WhyQuery,
        *,
        valid_at: datetime | None = None,
        valid_during: tuple[datetime, datetime] | None = None,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> WhyAnswer:
        """Tell why two names mean one thing: by whose claims; or what comes nearest to that.

        ``valid_at`` is a moment, ``valid_during`` a half-open interval: names mean what they meant
        then, and claims count that stood at some moment of it. A search or walk looks at
        ``WHY_NODES_MAX`` nodes; what it left out is counted.

        Raises:
            InvalidInputError: a name that is none, or a valid time that cannot be.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
            UnknownBasisError: as ``basis``.
        """
        query = WhyQuery(one=clean_name(query.one), other=clean_name(query.other))
        valid = resolve_valid(valid_at, valid_during, as_of)
        named = (query,) if valid is None else (query, valid)
        with self._asking.question((namespace, principal, as_of), "why", *named) as asked:
            answer = tell_why(self._of(asked, valid), query)
            asked.count = len(answer.one.nodes) + len(answer.other.nodes)
            return answer

    def conflicts(  # noqa: PLR0913 - what is asked, and when, where, by whom and how much at once
        self,
        query: ConflictQuery = ConflictQuery(),  # noqa: B008 - a frozen struct, changed by nobody
        *,
        valid_at: datetime | None = None,
        valid_during: tuple[datetime, datetime] | None = None,
        cursor: str | None = None,
        count: int = PAGE_NODES_DEFAULT,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ConflictPage:
        """List what contradicts itself in what is said of one entity. The links stand all the same.

        ``valid_at`` is a moment, ``valid_during`` a half-open interval: claims count that stood at
        some moment of it, and values of its last. Further pages are asked with the same.

        Raises: as ``links``; also of a valid time that cannot be.
        """
        check_page(count)
        if query.node is not None:
            query = replace(query, node=clean_name(query.node))
        valid = resolve_valid(valid_at, valid_during, as_of)
        words = "" if valid is None else valid.words
        after = _decoded(cursor, namespace, "conflicts", *query.words, words)
        then = as_of if after is None else after.size
        named = (query, cursor, count) if valid is None else (query, cursor, count, valid)
        with self._asking.question((namespace, principal, then), "conflicts", *named) as asked:
            page = list_conflicts(self._of(asked, valid), query, after, count)
            asked.count = len(page.conflicts)
            return page

    def _of(self, asked: Asked, valid: Valid | None = None) -> GraphAsked:
        snapshot = self._graph.snapshot(asked.unbound, asked.number)
        return ask_graph(asked.reader, snapshot, asked.number, asked.basis, valid)


def _decoded(cursor: str | None, *asked: str) -> Cursor | None:
    return None if cursor is None else decode_cursor(cursor, question_of(*asked))
