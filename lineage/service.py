"""The service: every use of a ledger, as plain calls. The one door that every surface uses.

Who acts, and in which namespace, is an argument of every call. Calls are synchronous and may be
made from many threads at once. A question is answered from one snapshot, and its answer states the
basis it rests on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from lineage.audit import AuditReport, audit_log
from lineage.clock import Clock, Randomness
from lineage.collector import paused_collector
from lineage.connectors.base import Mapping, ReceivedMessage, statements_of
from lineage.folding import Progress, RebuildReport, rebuild_views
from lineage.graph.index import GraphIndex
from lineage.intake import Delivery, Intake, Outcomes
from lineage.projections.catalog import NAMESPACE, SOURCE, types_as_of
from lineage.projections.views import PROJECTION_VERSION, read_bookmark
from lineage.proofs.tree import CompactRange
from lineage.questions.as_of import AsOf, resolve_as_of, state_basis
from lineage.questions.contexts import NodeId, read_contexts
from lineage.questions.entries import read_entry_page
from lineage.questions.search import (
    PAGE_NODES_DEFAULT,
    check_page,
    decode_cursor,
    find_words,
    list_type,
    question_of,
)
from lineage.questions.show import show
from lineage.questions.trace import TraceQuery, check_query, trace
from lineage.rules.secrets import clean_identifier
from lineage.stores.base import Reader, Store
from lineage.writing.preparing import PreparedBatch, prepare_batch
from lineage.writing.submission import Principal, Receipt, Submission
from lineage_schemas.basis import Basis
from lineage_schemas.entry import Head
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.graph import (
    EntryPage,
    LineageAnswer,
    Node,
    NodeAnswer,
    NodePage,
    TypesAnswer,
    TypeView,
)
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import Statement

DEFAULT_NAMESPACE: Final = "default"
LOCAL_PRINCIPAL: Final = Principal("local")
"""Who acts where nobody has set up who may: the person at this machine."""

EVERY_KIND: Final = tuple(Kind)


class Ledger:
    """A ledger: record statements, ask questions, check the log. Use it as a context manager."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness) -> None:
        """Serve a store. Views that an older software made are folded again first."""
        self._store = store
        self._intake = Intake(store, clock, randomness)
        self._graph = GraphIndex()
        self._bring_views_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    @property
    def origin(self) -> str:
        """The name this ledger was made with."""
        return self._store.origin

    # --- recording -------------------------------------------------------------------------------

    def record(
        self,
        statements: Iterable[Statement],
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> list[Receipt]:
        """Record statements as one batch: all of them or none. Returns once they are durable.

        A statement that the log already has, under the same id and with the same content, is not
        written again: its receipt names the first position.

        Raises:
            InvalidInputError: a rule of form is broken; names the statement and the record.
            RuleError: a rule forbids a statement, or its id came with other content.
            StoreError: the store failed. Nothing is written in any of these cases.
        """
        with paused_collector():
            delivery = self.prepare(statements, namespace=namespace, principal=principal)
            return _one(self.commit([delivery]))

    def receive(
        self,
        message: ReceivedMessage,
        mapping: Mapping,
        *,
        source: str,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> list[Receipt]:
        """Record what a tool sent, and what the mapping made of it, as one batch.

        Raises: as ``record``, and what the mapping raises for a message it cannot read.
        """
        delivery = self.prepare_message(
            message, mapping, source=source, namespace=namespace, principal=principal
        )
        return _one(self.commit([delivery]))

    def prepare(
        self,
        statements: Iterable[Statement],
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> Delivery:
        """Check and encode a batch, without the store. ``commit`` records it.

        Raises:
            InvalidInputError: as ``record``.
        """
        with paused_collector():
            said = tuple(statements)
            return Delivery(
                prepare_batch(Submission(namespace=namespace, principal=principal, statements=said))
            )

    def prepare_message(
        self,
        message: ReceivedMessage,
        mapping: Mapping,
        *,
        source: str,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> Delivery:
        """Map a message and check what came of it, without the store. ``commit`` records it.

        Raises:
            InvalidInputError: the message cannot be read; names where.
        """

        def prepared(ordinal: int) -> PreparedBatch:
            statements = statements_of(message, mapping, source, ordinal)
            return self.prepare(statements, namespace=namespace, principal=principal).batch

        return Delivery(prepared(1), prepared)

    def commit(self, deliveries: Sequence[Delivery]) -> Outcomes:
        """Record a group of prepared batches with one sync; each of them is all or nothing.

        Raises:
            StoreError: the store failed; nothing of the whole group was written.
        """
        return self._intake.commit(deliveries)

    # --- asking ----------------------------------------------------------------------------------

    def head(self) -> Head:
        """Return where the log stands."""
        with self._store.read() as reader:
            size, recorded_us, compact_range = reader.head()
            root = CompactRange.from_bytes(size, compact_range).root()
            return Head(size, root, recorded_us)

    def basis(
        self,
        as_of: AsOf = None,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> Basis:
        """Return the basis that a question asked now, or as of then, would rest on.

        Raises:
            UnknownBasisError: a size the log has not reached, or another log's basis.
        """
        with self._question(namespace, principal, as_of) as (_, _, basis):
            return basis

    def trace(
        self,
        query: TraceQuery,
        *,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> LineageAnswer:
        """Trace the lineage of one or more identifiers.

        Raises:
            InvalidInputError: an identifier or limit that cannot be.
            UnknownBasisError: as ``basis``.
        """
        check_query(query)
        query = replace(query, start=tuple(map(clean_identifier, query.start)))
        with self._question(namespace, principal, as_of) as (reader, number, basis):
            snapshot = self._graph.snapshot(reader, number)
            with paused_collector():
                return trace(reader, snapshot, number, query, basis)

    def show(
        self,
        identifier: str,
        *,
        kind: Kind | None = None,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[NodeAnswer, ...]:
        """Show what is known of the nodes an identifier means, one answer an entity.

        Raises:
            InvalidIdentifierError: the identifier is not one.
            UnknownBasisError: as ``basis``.
        """
        wanted = clean_identifier(identifier)
        kinds = EVERY_KIND if kind is None else (kind,)
        with self._question(namespace, principal, as_of) as (reader, number, basis):
            snapshot = self._graph.snapshot(reader, number)
            return show(reader, snapshot, number, wanted, kinds, basis)

    def contexts_of(
        self,
        nodes: Iterable[NodeId],
        *,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> dict[NodeId, tuple[Node, ...]]:
        """Return what these nodes, named by kind and id, belong to: the jobs of runs, for one.

        Raises:
            UnknownBasisError: as ``basis``.
        """
        with self._question(namespace, principal, as_of) as (reader, number, basis):
            return {} if number is None else read_contexts(reader, number, nodes, basis.size)

    def find(
        self,
        text: str,
        *,
        cursor: str | None = None,
        count: int = PAGE_NODES_DEFAULT,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> NodePage:
        """Find nodes by words of their names, keys and URIs, one page at a time.

        Raises:
            InvalidInputError: no words, a page size out of range, or a cursor that is not ours.
            UnknownBasisError: as ``basis``.
        """
        check_page(count)
        question = question_of(namespace, "find", text)
        after = None if cursor is None else decode_cursor(cursor, question)
        then = as_of if after is None else after.size
        with self._question(namespace, principal, then) as (reader, number, basis):
            return find_words(reader, number, text, after, count, basis)

    def list_nodes(
        self,
        name: str,
        *,
        cursor: str | None = None,
        count: int = PAGE_NODES_DEFAULT,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> NodePage:
        """List the nodes of a type (and of those based on it) or of a kind, one page at a time.

        Raises:
            NotFoundError: there is no kind and no type of that name.
            InvalidInputError: a page size out of range, or a cursor that is not ours.
            UnknownBasisError: as ``basis``.
        """
        check_page(count)
        question = question_of(namespace, "list", name)
        after = None if cursor is None else decode_cursor(cursor, question)
        then = as_of if after is None else after.size
        with self._question(namespace, principal, then) as (reader, number, basis):
            return list_type(reader, number, name, after, count, basis)

    def types(
        self,
        *,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> TypesAnswer:
        """Return the types of a namespace, by id.

        Raises:
            UnknownBasisError: as ``basis``.
        """
        with self._question(namespace, principal, as_of) as (reader, number, basis):
            rows = [] if number is None else types_as_of(reader, number, basis.size)
            types = tuple(TypeView(kind=row.kind, id=row.id, type=row.definition) for row in rows)
            return TypesAnswer(basis=basis, types=types)

    def entries(
        self,
        start: int = 0,
        *,
        count: int = PAGE_NODES_DEFAULT,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> EntryPage:
        """Return entries of a namespace from a position on, one page at a time.

        Raises:
            InvalidInputError: a page size out of range, or a position below 0.
            UnknownBasisError: as ``basis``.
        """
        check_page(count)
        if start < 0:
            raise InvalidInputError("Positions begin at 0", where=str(start))
        with self._question(namespace, principal, as_of) as (reader, _, basis):
            return read_entry_page(reader, namespace, start, count, basis)

    # --- checking --------------------------------------------------------------------------------

    def audit(
        self, *, progress: Progress | None = None, principal: Principal = LOCAL_PRINCIPAL
    ) -> AuditReport:
        """Derive everything again from the stored bytes and report what differs."""
        del principal  # who may audit is settled when sign-in exists
        with self._store.read() as reader:
            return audit_log(reader, self._store.origin, progress)

    def rebuild(
        self, *, progress: Progress | None = None, principal: Principal = LOCAL_PRINCIPAL
    ) -> RebuildReport:
        """Drop every view and fold the log again, in one transaction; writers wait meanwhile."""
        del principal  # as above
        with self._store.write() as writer:
            report = rebuild_views(writer, progress)
        self._graph.forget()
        return report

    def _bring_views_up(self) -> None:
        with self._store.read() as reader:
            current = read_bookmark(reader) == (PROJECTION_VERSION, reader.head().size)
        if not current:
            with self._store.write() as writer:
                rebuild_views(writer)

    @contextmanager
    def _question(
        self, namespace: str, principal: Principal, as_of: AsOf
    ) -> Generator[tuple[Reader, int | None, Basis]]:
        """Open one snapshot and fix its basis: (reader, number of the namespace, basis)."""
        del principal  # who may read what is settled when sign-in exists
        with self._store.read() as reader:
            resolved = resolve_as_of(reader, self._store.origin, namespace, as_of)
            number = _number_of(reader, namespace, resolved.size)
            sources = () if number is None else _sources_of(reader, number, resolved.size)
            yield (
                reader,
                number,
                state_basis(reader, self._store.origin, namespace, resolved, sources),
            )


def _one(outcomes: Outcomes) -> list[Receipt]:
    outcome = outcomes[0]
    if isinstance(outcome, LedgerError):
        raise outcome
    return outcome


def _number_of(reader: Reader, namespace: str, size: int) -> int | None:
    for number, since, _ in reader.find(NAMESPACE, "name", [namespace]):
        if since < size:
            return int(number)
    return None


def _sources_of(reader: Reader, namespace: int, size: int) -> tuple[str, ...]:
    rows = reader.find(SOURCE, "namespace", [namespace])
    return tuple(sorted(row[1] for row in rows if row[2] < size))
