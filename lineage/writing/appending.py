"""Append batches: check, resolve, seal, fold and store, inside one writing transaction."""

from __future__ import annotations

from typing import Final

from lineage.clock import Clock, Randomness
from lineage.projections.catalog import Catalog
from lineage.projections.statements import STATEMENT, pseudonym_of, statement_handle
from lineage.projections.views import Views
from lineage.proofs.tree import CompactRange, Subtree
from lineage.rules.form import LEDGER_NAMESPACE, LEDGER_SOURCE
from lineage.stores.base import EMPTY_HEAD, Reader, StoredHead, Writer
from lineage.writing.comparing import check_same, check_same_in_batch, stated_interval
from lineage.writing.loading import load_statements
from lineage.writing.preparing import (
    PreparedBatch,
    PreparedStatement,
    check_batch_bytes,
    encode_prepared,
)
from lineage.writing.resolving import Resolver
from lineage.writing.sealing import commit, seal_entry, seal_part
from lineage.writing.submission import Outcome, Receipt
from lineage_schemas.entry import (
    ENVELOPE_VERSION,
    Batch,
    Commitments,
    Entry,
    Envelope,
    PayloadPart,
    StoredEntry,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.known_types.registry import type_records
from lineage_schemas.mlmd import Record
from lineage_schemas.records import Actor, Mode, Statement

PSEUDONYM_BYTES: Final = 8


class LogState:
    """What a writer remembers of the log between transactions, to read less in the next."""

    head: StoredHead
    tree: CompactRange
    catalog: Catalog

    def __init__(self) -> None:
        self.forget()

    def refresh(self, reader: Reader) -> None:
        """Read again what another writer has changed since."""
        head = reader.head()
        if head != self.head:
            self.head = head
            self.tree = head.tree()
            self.catalog = Catalog.load(reader)

    def forget(self) -> None:
        """Drop everything: a transaction failed, and what is stored must be read again."""
        self.head = EMPTY_HEAD
        self.tree = CompactRange()
        self.catalog = Catalog()


_Sealed = tuple[Envelope, tuple[PayloadPart | None, PayloadPart | None]]
"""An envelope whose batch may still shrink, and the salted parts (facts, personal)."""


class BatchAppender:
    """Appends one batch. Touches ``state`` last, once all of the batch is with the store."""

    def __init__(
        self,
        writer: Writer,
        state: LogState,
        batch: PreparedBatch,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._writer = writer
        self._state = state
        self._batch = batch
        self._randomness = randomness
        self._catalog = state.catalog.copy()
        self._views = Views(self._catalog)
        # Recorded time never runs backwards, whatever the machine's clock does.
        self._recorded_us = max(state.head.recorded_us, clock())
        self._start = state.head.size
        self._sealed: list[_Sealed] = []
        self._positions: dict[str, tuple[int, Outcome]] = {}
        """Where the batch's own statements stand, for those that cite them."""
        self._actor = ""

    def append(self) -> list[Receipt]:
        """Append what is new of the batch; return a receipt for each of its statements.

        Raises:
            ConflictError: a statement id came again with other content. Nothing is written.
            RuleError: a rule forbids a statement. Nothing is written.
        """
        number = self._catalog.numbers.get(self._batch.namespace, len(self._catalog.numbers))
        handles = [
            statement_handle(number, one.statement.source, one.statement.id)
            for one in self._batch.statements
        ]
        seen = self._find_positions(handles)
        fresh = self._without_known(handles, seen)
        outcomes: dict[str, tuple[int | None, Outcome]] = {
            handle: (position, Outcome.DUPLICATE) for handle, position in seen.items()
        }
        if fresh:
            outcomes |= self._append_fresh(number, fresh)
        return [
            Receipt(one.statement.id, *outcomes[handle], one.secrets_filtered)
            for handle, one in zip(handles, self._batch.statements, strict=True)
        ]

    def _find_positions(self, handles: list[str]) -> dict[str, int]:
        """Return where statements of the batch already stand in the log."""
        found = self._writer.find(STATEMENT, "handle", handles)
        return {str(handle): position for handle, position in found}

    def _without_known(
        self, handles: list[str], seen: dict[str, int]
    ) -> dict[str, PreparedStatement]:
        """Leave out what the log or the batch itself already says, and refuse contradictions."""
        fresh: dict[str, PreparedStatement] = {}
        for handle, one in zip(handles, self._batch.statements, strict=True):
            if handle in seen:
                check_same(self._writer, seen[handle], one.statement)
            elif handle in fresh:
                check_same_in_batch(fresh[handle].statement, one.statement)
            else:
                fresh[handle] = one
        return fresh

    def _append_fresh(
        self, number: int, fresh: dict[str, PreparedStatement]
    ) -> dict[str, tuple[int | None, Outcome]]:
        setup = self._setup_statements()
        batch = Batch(self._start, len(setup) + len(fresh))
        number = self._catalog.number_of(self._batch.namespace, self._start)
        every = [*setup, *fresh.values()]
        load_statements(self._views, self._writer, number, [one.statement for one in every])
        for one in setup:
            self._append_one(number, one, batch)
        outcomes: dict[str, tuple[int | None, Outcome]] = {}
        for handle, one in fresh.items():
            position = self._append_one(number, one, batch)
            if position is None:
                outcomes[handle] = None, Outcome.UNCHANGED
            else:
                outcomes[handle] = self._positions[handle] = position, Outcome.APPENDED
        # Who would have spoken is not told either, when nothing of what was said is kept.
        if any(outcome is Outcome.APPENDED for _, outcome in outcomes.values()):
            self._store()
        return outcomes

    def _append_one(self, number: int, one: PreparedStatement, batch: Batch) -> int | None:
        position = self._start + len(self._sealed)
        resolver = Resolver(self._views, number, position, one.statement)
        structure = resolver.resolve()
        if not resolver.is_effective:
            return None
        facts = seal_part(one.parts.facts, self._randomness)
        personal = seal_part(one.parts.personal, self._randomness)
        envelope = Envelope(
            version=ENVELOPE_VERSION,
            statement=one.statement.id,
            source=one.statement.source,
            namespace=self._batch.namespace,
            actor=self._actor,
            mode=one.statement.mode,
            batch=batch,
            recorded_us=self._recorded_us,
            stated=stated_interval(one.statement.stated),
            message=self._position_of_message(number, one.statement),
            mapping=one.statement.mapping,
            structure=structure,
            commitments=Commitments(commit(facts), commit(personal)),
        )
        self._sealed.append((envelope, (facts, personal)))
        records: tuple[Record, ...] = one.statement.records
        self._views.fold(
            self._views.unfold(Entry(position=position, envelope=envelope, records=records))
        )
        return position

    def _position_of_message(self, number: int, statement: Statement) -> int | None:
        """Return where the message that a statement cites stands."""
        if statement.message is None:
            return None
        handle = statement_handle(number, statement.source, statement.message)
        if handle in self._positions:
            return self._positions[handle][0]
        for _, found in self._writer.find(STATEMENT, "handle", [handle]):
            return int(found)
        raise InvalidInputError(
            "The message that this statement cites is not in the log",
            where=f"statement {statement.id[:64]}: message {statement.message[:64]}",
            hint="Send the message first, or in the same batch.",
        )

    def _setup_statements(self) -> list[PreparedStatement]:
        """Return what a namespace must know first: its types, and who is about to speak."""
        number = self._catalog.numbers.get(self._batch.namespace)
        setup: list[PreparedStatement] = []
        if number is None and self._batch.namespace != LEDGER_NAMESPACE:
            setup.append(
                encode_prepared(
                    Statement(
                        id="types/1",
                        source=LEDGER_SOURCE,
                        mode=Mode.COMMAND,
                        records=type_records(),
                    )
                )
            )
        who = self._batch.principal
        known = _named_in(self._batch)
        if known is None and number is not None:
            known = pseudonym_of(self._writer, number, who.origin.value, who.name)
        self._actor = known or f"actor-{self._randomness(PSEUDONYM_BYTES).hex()}"
        if known is None:
            record = Actor(pseudonym=self._actor, origin=who.origin, name=who.name)
            statement = Statement(id=self._actor, source=LEDGER_SOURCE, records=(record,))
            setup.append(encode_prepared(statement))
        return setup

    def _store(self) -> None:
        batch = Batch(self._start, len(self._sealed))
        tree = self._state.tree.copy()
        entries: list[StoredEntry] = []
        subtrees: list[Subtree] = []
        for offset, (envelope, parts) in enumerate(self._sealed):
            entry = seal_entry(self._start + offset, envelope, parts, batch)
            subtrees += tree.append(entry.leaf)
            entries.append(entry)
        check_batch_bytes(
            sum(len(one.envelope) + _size(one.facts) + _size(one.personal) for one in entries)
        )
        head = StoredHead(tree.size, self._recorded_us, tree.to_bytes())
        self._writer.append(self._start, entries, subtrees, head)
        self._views.flush(self._writer, head.size)
        self._state.head, self._state.tree, self._state.catalog = head, tree, self._catalog


def _named_in(batch: PreparedBatch) -> str | None:
    """Return the pseudonym that a batch of the ledger's own gives whoever states it."""
    who = batch.principal
    for one in batch.statements:
        if one.statement.source != LEDGER_SOURCE:
            break
        for record in one.statement.records:
            if isinstance(record, Actor) and (record.name, record.origin) == (who.name, who.origin):
                return record.pseudonym
    return None


def _size(part: PayloadPart | None) -> int:
    return 0 if part is None else len(part.body)
