"""The service: every use of a ledger, as plain calls. The one door that every surface uses.

Who acts, and in which namespace, is an argument of every call, and whether they may is checked in
the very snapshot or transaction that the call works in: otherwise ``ForbiddenError``. Calls are
synchronous and may be made from many threads at once. A question is answered from one snapshot, and
its answer states the basis it rests on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Self, Unpack

from msgspec.structs import replace

from lineage.access.accounts import AccessLog, Told
from lineage.access.checking import Checks
from lineage.access.control import AccessControl
from lineage.access.roles import Action
from lineage.anchoring.behind import refuse_behind
from lineage.anchoring.notary import Notary
from lineage.anchoring.snapshots import Snapshots
from lineage.asking import Asking
from lineage.audit import (
    AuditLevel,
    AuditReport,
    AuditRequest,
    audit_log,
    recall,
    with_differing_graphs,
)
from lineage.clock import Clock, Randomness
from lineage.collector import paused_collector
from lineage.connectors.base import Mapping, ReceivedMessage, statements_of
from lineage.custody import Custody
from lineage.erasure.erasing import replay, scrub
from lineage.erasures import Erasures
from lineage.exploring import Exploring
from lineage.folding import Progress, RebuildReport, bring_views_up, rebuild_views
from lineage.graph.index import GraphIndex
from lineage.graph.lineage_ids import LineageIds
from lineage.intake import Delivery, Intake, Outcomes
from lineage.linking import Linking
from lineage.looks import Looks
from lineage.moving.filling import refuse_unfinished
from lineage.moving.leaving import Moves
from lineage.projections.catalog import types_as_of
from lineage.proofs.verifying import VerifierKey
from lineage.proving import Proving
from lineage.questions.as_of import AsOf
from lineage.questions.contexts import NodeId, read_contexts
from lineage.questions.entries import read_entry_page
from lineage.questions.labels import clean_name
from lineage.questions.proving import ProofQuery
from lineage.questions.search import PAGE_NODES_DEFAULT, check_page
from lineage.questions.show import show
from lineage.questions.trace import TraceQuery
from lineage.recovery import Recoverer
from lineage.registry import Registry
from lineage.reporting import Reports
from lineage.searching import Page, find, list_nodes
from lineage.stores.base import Store
from lineage.watching import Watching
from lineage.writing.preparing import PreparedBatch, prepare_batch
from lineage.writing.submission import (
    DEFAULT_NAMESPACE,
    LOCAL_PRINCIPAL,
    Principal,
    Receipt,
    Submission,
)
from lineage_schemas.access import EVERY
from lineage_schemas.basis import Basis
from lineage_schemas.entry import Head
from lineage_schemas.errors import InvalidInputError, LedgerError, StoreBehindError, StoreError
from lineage_schemas.filters import NodeFilter
from lineage_schemas.graph import (
    EntryPage,
    LineageAnswer,
    Node,
    NodeAnswer,
    NodePage,
    TypesAnswer,
    TypeView,
)
from lineage_schemas.integrity import ProofAnswer
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import Statement

_LOG: Final = logging.getLogger(__name__)

EVERY_KIND: Final = tuple(Kind)


class Ledger:
    """A ledger: record statements, ask questions, check the log. Use it as a context manager.

    ``custody`` keeps checkpoints, keys and anchors; ``erasures`` erases, and holds what must stay;
    ``graph`` answers what takes more than a look at one node; ``linking`` lists links, and
    ``registry`` what serves; ``moves`` backs the ledger up and exports it; ``watching`` shows its
    sources, and ``looks`` what those that are looked at said last; ``recovery`` brings back a
    ledger that is not what was signed; ``None``: nothing is signed here.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        notary: Notary | None = None,
        accounts: AccessLog | None = None,
        graph: GraphIndex | None = None,
    ) -> None:
        """Serve a store. Before it serves, erasures that a backup brought back are made again.

        Views that an older software made are folded again too. Without ``accounts`` whatever must
        be stated in an access log is given to nobody.

        Raises:
            StoreError: the store is being filled by an import or a restore, or cannot be used.
        """
        refuse_unfinished(store)
        self._store = store
        self._notary = notary
        guard = refuse_behind if notary is None else notary.guard
        self.clock = clock
        self._checks = Checks(clock, accounts)
        self._intake = Intake(store, clock, randomness, guard, self._checks.check_batch)
        self._graph = GraphIndex() if graph is None else graph
        self._asking = Asking(Snapshots(store, notary), self._checks, clock)
        self.graph = Exploring(self._asking, self._graph)
        self.linking = Linking(self._asking, self._graph)
        self.registry = Registry(self._asking, self._graph)
        self.reports = Reports(self._asking, self._graph)
        self.custody = Custody(store, self._intake, notary, self._checks, clock, randomness)
        self.access = AccessControl(store, self._intake, self.custody, self._checks, randomness)
        self._proving = Proving(self._intake, self.custody, self.access, self._checks, randomness)
        self.erasures = Erasures(store, self._intake, self.custody, self._checks, clock, randomness)
        watching = self._asking, self.custody, self._checks, self.record
        self.watching = Watching(*watching, clock, randomness)
        self.moves = Moves(store, self.custody, notary, self._checks)
        self.looks = Looks(self.custody, self._checks)
        self.recovery = None
        # With a sidecar that cannot be believed nobody knows what was erased: no question is
        # answered, but an audit and a recovery are possible.
        recalled = None if notary is None else notary.recall()
        if notary is not None and recalled is not None:
            self.recovery = Recoverer(store, self._intake, notary, self._checks, randomness)
            replay(recalled.sidecar, store)
        bring_views_up(store)
        scrub(store, wait_seconds=0)
        if recalled is not None and recalled.fault is None:
            self.custody.remember_erasures()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Sign what was written and not signed yet, and let go of the store."""
        self.custody.catch_up()
        self._keep_graph()
        self._store.close()
        if self._checks.accounts is not None:
            self._checks.accounts.close()

    def prepare_graph(self) -> None:
        """Read the graph of every namespace into memory, so that no question waits for it.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._store.read() as reader:
            self._graph.prepare(reader)

    def _keep_graph(self) -> None:
        """Keep the graph in memory for the next start. It is derived, so a failure is only told."""
        if not self._graph.is_stale:
            return
        try:
            with self._store.read() as reader:
                self._graph.save(reader)
        except StoreError as error:
            _LOG.warning("The graph was not kept for the next start: %s", error)

    def sign(self) -> None:
        """Sign what is not signed yet, whoever wrote it, where this process signs.

        Raises:
            StoreError: the store is not what was signed, or cannot be signed.
        """
        self.custody.sign_rest()

    def keep_accounts(self) -> None:
        """Write the refusals that were counted, and sign the access log if this process signs.

        Whoever serves calls it again and again.

        Raises:
            StoreError: the access log cannot be opened or signed, or is not what was signed.
        """
        self._checks.settle()
        if self.custody.signs and self._checks.accounts is not None:
            self._checks.accounts.sign()

    @property
    def origin(self) -> str:
        """The name the log goes by: the one it was made with, unless it was recovered."""
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
            StoreError: the store failed. Nothing is written in any of these cases, but of a
                ``StoreLostError``: then nobody knows, and the same again is answered rightly.
        """
        with paused_collector():
            delivery = self.prepare(statements, namespace=namespace, principal=principal)
            outcomes = self.commit([delivery])
        self._checks.settle()
        return _one(outcomes)

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
        outcomes = self.commit([delivery])
        self._checks.settle()
        return _one(outcomes)

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

        What it tells is a report, decisions too: those it tells of were taken elsewhere. So the
        mapping is one that whoever sends the message cannot choose the rules of.

        Raises:
            InvalidInputError: the message cannot be read; names where.
        """

        def prepared(ordinal: int) -> PreparedBatch:
            with paused_collector():
                statements = statements_of(message, mapping, source, ordinal)
                return prepare_batch(
                    Submission(
                        namespace=namespace,
                        principal=principal,
                        statements=statements,
                        is_report=True,
                    )
                )

        return Delivery(prepared(1), prepared)

    def commit(self, deliveries: Sequence[Delivery]) -> Outcomes:
        """Record a group of prepared batches with one sync; each of them is all or nothing.

        Refusals among them are counted and not written here, where others wait for the writer:
        ``keep_accounts`` does.

        Raises:
            StoreBehindError: the store is not what was signed; it takes nothing until recovered.
            StoreLostError: the connection broke, perhaps after the commit: whether the group was
                written is not known. Sent again, what was written is answered as a duplicate.
            StoreError: the store failed; nothing of the whole group was written.
        """
        self.custody.begin()
        try:
            outcomes = self._intake.commit(deliveries)
        except StoreBehindError:
            self.custody.tell_others()
            raise
        self._checks.count_refused(deliveries, outcomes)
        self.custody.follow()
        return outcomes

    # --- asking ----------------------------------------------------------------------------------

    def head(self, *, principal: Principal = LOCAL_PRINCIPAL) -> Head:
        """Return where the log stands.

        Raises:
            ForbiddenError: ``principal`` may not verify here.
            StoreBehindError: the store is not what was signed, and ``principal`` signs in.
        """
        with self.custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.VERIFY, EVERY)
            head = reader.head()
            return Head(head.size, head.tree().root(), head.recorded_us)

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
        with self._asking.question((namespace, principal, as_of), "basis") as asked:
            return asked.basis

    def trace(
        self,
        query: TraceQuery,
        *,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> LineageAnswer:
        """Trace the lineage of one or more identifiers: ``graph.trace``, without a valid time.

        Raises: as ``graph.trace``.
        """
        return self.graph.trace(query, as_of=as_of, namespace=namespace, principal=principal)

    def trace_ids(
        self,
        query: TraceQuery,
        *,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> LineageIds:
        """Trace by ids alone: ``graph.trace_ids``, without a valid time.

        Raises: as ``graph.trace_ids``.
        """
        return self.graph.trace_ids(query, as_of=as_of, namespace=namespace, principal=principal)

    def show(
        self,
        identifier: str,
        *,
        kind: Kind | None = None,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[NodeAnswer, ...]:
        """Show what is known of the nodes an identifier or a label means, one answer an entity.

        Raises:
            InvalidIdentifierError: neither an identifier nor a label.
            AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing.
            UnknownBasisError: as ``basis``.
        """
        wanted = clean_name(identifier)
        kinds = EVERY_KIND if kind is None else (kind,)
        with self._asking.question((namespace, principal, as_of), "show", wanted, kinds) as asked:
            snapshot = self._graph.snapshot(asked.unbound, asked.number, walks=False)
            answers = show(asked.reader, snapshot, asked.number, wanted, kinds, asked.basis)
            asked.count = len(answers)
            return answers

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
        named = tuple(nodes)
        with self._asking.question((namespace, principal, as_of), "contexts_of", named) as asked:
            if asked.number is None:
                return {}
            found = read_contexts(asked.reader, asked.number, named, asked.basis.size)
            asked.count = len(found)
            return found

    def find(
        self,
        text: str = "",
        *,
        filter: NodeFilter | None = None,  # noqa: A002 - it is the argument's name
        **page: Unpack[Page],
    ) -> NodePage:
        """Find nodes by words and a filter, the best first, one page at a time.

        Words are looked for in names, labels, keys, URIs, claimed identifiers, properties and
        types; ``lineage.questions.finding`` says what goes first. Without words it lists what
        fulfils the filter. The page is asked for by the arguments of ``Page``.

        Raises:
            InvalidInputError: neither words nor a filter, too many words, a page size out of range,
                or a cursor that is not ours.
            NotFoundError: a type or a context of the filter that nobody has heard of.
            AmbiguousLabelError: a context of the filter by a label of several.
            UnknownBasisError: as ``basis``.
        """
        return find(self._asking, text, filter, page)

    def list_nodes(
        self,
        name: str,
        *,
        filter: NodeFilter | None = None,  # noqa: A002 - it is the argument's name
        **page: Unpack[Page],
    ) -> NodePage:
        """List the nodes of a type (and of those based on it) or of a kind, one page at a time.

        With a filter, those of them that fulfil it. The page is asked for as that of ``find``.

        Raises:
            NotFoundError: there is no kind and no type of that name; or as ``find``.
            InvalidInputError: a page size out of range, or a cursor that is not ours.
            AmbiguousLabelError, UnknownBasisError: as ``find``.
        """
        return list_nodes(self._asking, name, filter, page)

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
        with self._asking.question((namespace, principal, as_of), "types") as asked:
            number, size = asked.number, asked.basis.size
            rows = [] if number is None else types_as_of(asked.reader, number, size)
            types = tuple(TypeView(kind=row.kind, id=row.id, type=row.definition) for row in rows)
            asked.count = len(types)
            return TypesAnswer(basis=asked.basis, types=types)

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
        with self._asking.question((namespace, principal, as_of), "entries", start, count) as asked:
            page = read_entry_page(asked.reader, asked.number, start, count, asked.basis)
            asked.count = len(page.entries)
            return page

    # --- proving ---------------------------------------------------------------------------------

    def prove(
        self,
        query: ProofQuery,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ProofAnswer:
        """Prove that entries are in the log: the one at a position, or those behind an identifier.

        The proofs lead to the present checkpoint and can be verified without us. Payload parts that
        they show are copies which no erasure here reaches, so the log first states that they were
        taken, by whom and what for.

        Raises:
            ForbiddenError: ``principal`` may not.
            NotFoundError: nothing of that name or position, or no checkpoint.
            LimitExceededError: more than ``PROOFS_MAX`` entries.
            StoreError: the checkpoint or the disclosure could not be written; nothing is shown.
        """
        return self._proving.prove(query, namespace, principal)

    # --- checking --------------------------------------------------------------------------------

    def audit(
        self,
        *,
        level: AuditLevel = AuditLevel.VIEWS,
        keys: Sequence[VerifierKey] = (),
        checkpoint: bytes | None = None,
        state: Path | None = None,
        progress: Progress | None = None,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> AuditReport:
        """Derive everything again from the stored bytes, as deep as ``level``, and report.

        ``keys`` are trusted in the place of those that the log names, and ``checkpoint`` is a
        signed note that was kept elsewhere. With a file ``state``, an audit that was stopped goes
        on where it was.

        Raises:
            ForbiddenError: ``principal`` is no auditor of every namespace.
            StoreError: the store or the state file cannot be read, or there is no room to replay.
            InvalidInputError: the state file is something else.
        """
        request = AuditRequest(level=level, keys=tuple(keys), checkpoint=checkpoint, state=state)
        memory = recall(self._notary)
        told = Told("audit", EVERY, (level.name,))
        with self._checks.accounting(principal, told), self.custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.AUDIT, EVERY)
            report = audit_log(reader, request, memory, progress)
            if level is AuditLevel.VIEWS:
                report = with_differing_graphs(report, self._graph.differing(reader))
        self._checks.tell(
            principal, replace(told, size=report.size, root=report.root, origin=self.origin)
        )
        return report

    def rebuild(
        self, *, progress: Progress | None = None, principal: Principal = LOCAL_PRINCIPAL
    ) -> RebuildReport:
        """Drop every view and fold the log again, in one transaction; writers wait meanwhile.

        Raises:
            ForbiddenError: ``principal`` is no operator.
            StoreBehindError: the store is not what was signed, and ``principal`` signs in.
        """
        self.access.check(principal, Action.REBUILD)
        with self._store.write() as writer:
            self._checks.check(writer, principal, Action.REBUILD, EVERY)
            return rebuild_views(writer, progress)


def _one(outcomes: Outcomes) -> list[Receipt]:
    outcome = outcomes[0]
    if isinstance(outcome, LedgerError):
        raise outcome
    return outcome
