"""Append batches: check, resolve, seal, fold and store, inside one writing transaction.

Batches that wait together are appended together: what they may touch is loaded once, and what they
change is written once. Each of them stays whole, and knows what those before it said.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, NamedTuple

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
from lineage_schemas.known_types.registry import KNOWN_TYPES, type_records
from lineage_schemas.mlmd import Record
from lineage_schemas.records import Actor, Mode, Statement

PSEUDONYM_BYTES: Final = 8

ActorName = tuple[int, str, str]
"""The number of a namespace, how an actor is known, and the name."""


class LogState:
    """What a writer remembers of the log between transactions, to read less in the next."""

    head: StoredHead
    tree: CompactRange
    catalog: Catalog
    actors: dict[ActorName, str]
    """Pseudonyms of those who spoke."""

    def __init__(self) -> None:
        self.forget()

    def refresh(self, reader: Reader) -> None:
        """Read again what another writer has changed since."""
        head = reader.head()
        if head != self.head:
            self.head = head
            self.tree = head.tree()
            self.catalog = Catalog.load(reader)
            self.actors = {}

    def forget(self) -> None:
        """Drop everything: a transaction failed, and what is stored must be read again."""
        self.head = EMPTY_HEAD
        self.tree = CompactRange()
        self.catalog = Catalog()
        self.actors = {}

    @contextmanager
    def undone_with(self, savepoint: AbstractContextManager[None]) -> Generator[None]:
        """Open a savepoint; what is undone with it is forgotten too."""
        before = self.head, self.tree, self.catalog
        try:
            with savepoint:
                yield
        except BaseException:
            self.head, self.tree, self.catalog = before
            self.actors = {}
            raise


class SeparateBatchError(Exception):
    """These batches cannot be appended together, though each of them may be by itself."""


class _Sealed(NamedTuple):
    """An envelope whose batch may still shrink, and the salted parts (facts, personal)."""

    envelope: Envelope
    parts: tuple[PayloadPart | None, PayloadPart | None]


class _Turn:
    """One batch on its way: what is new of it, and what becomes of each of its statements."""

    def __init__(self, batch: PreparedBatch, number: int) -> None:
        self.batch = batch
        self.number = number
        self.handles = [
            statement_handle(number, one.statement.source, one.statement.id)
            for one in batch.statements
        ]
        self.setup: list[PreparedStatement] = []
        self.fresh: dict[str, PreparedStatement] = {}
        self.outcomes: dict[str, tuple[int | None, Outcome]] = {}
        self.actor = ""
        self.start = 0
        self.sealed: list[_Sealed] = []

    @property
    def statements(self) -> list[PreparedStatement]:
        """What is to be appended, in order."""
        return [*self.setup, *self.fresh.values()]

    def receipts(self) -> list[Receipt]:
        """Return a receipt for each statement of the batch."""
        return [
            Receipt(one.statement.id, *self.outcomes[handle], one.secrets_filtered)
            for handle, one in zip(self.handles, self.batch.statements, strict=True)
        ]


class Appender:
    """Appends batches, once. Touches ``state`` last, once all of them are with the store."""

    def __init__(
        self, writer: Writer, state: LogState, clock: Clock, randomness: Randomness
    ) -> None:
        self._writer = writer
        self._state = state
        self._randomness = randomness
        self._catalog = state.catalog.copy()
        self._views = Views(self._catalog)
        # Recorded time never runs backwards, whatever the machine's clock does.
        self._recorded_us = max(state.head.recorded_us, clock())
        self._size = state.head.size
        self._actors: dict[ActorName, str] = {}
        self._positions: dict[str, int] = {}
        """Where statements of these batches stand, for those that cite them."""
        self.reached = 0
        """How many batches went in before the one that is being appended."""

    def append(self, batches: Sequence[PreparedBatch]) -> list[list[Receipt]]:
        """Append what is new of these batches; return a receipt for each of their statements.

        Raises:
            ConflictError: a statement id came again with other content.
            RuleError: a rule forbids a statement.
            SeparateBatchError: they must be appended one by one.

        Nothing is written in any of these cases.
        """
        turns = [_Turn(batch, self._number_of(batch.namespace, len(batches))) for batch in batches]
        seen = self._find_positions(turns)
        for self.reached, turn in enumerate(turns):
            self._take_apart(turn, seen)
        self._load(turns)
        for self.reached, turn in enumerate(turns):
            if turn.fresh:
                self._fold(turn, alone=len(turns) == 1)
        sealed = [turn for turn in turns if turn.sealed]
        if sealed:
            self._store(sealed)
        return [turn.receipts() for turn in turns]

    def _number_of(self, namespace: str, batches: int) -> int:
        """Return the namespace's number, or the one that it will have."""
        number = self._catalog.numbers.get(namespace)
        if number is not None:
            return number
        if batches > 1:
            raise SeparateBatchError
        return len(self._catalog.numbers)

    def _find_positions(self, turns: Sequence[_Turn]) -> dict[str, int]:
        """Return where statements of these batches already stand in the log."""
        handles = [handle for turn in turns for handle in turn.handles]
        found = self._writer.find(STATEMENT, "handle", handles)
        return {str(handle): position for handle, position in found}

    def _take_apart(self, turn: _Turn, seen: dict[str, int]) -> None:
        """Leave out what the log or the batch itself already says, and refuse contradictions."""
        for handle, one in zip(turn.handles, turn.batch.statements, strict=True):
            if handle in seen:
                check_same(self._writer, seen[handle], one.statement)
                turn.outcomes[handle] = seen[handle], Outcome.DUPLICATE
            elif handle in turn.fresh:
                check_same_in_batch(turn.fresh[handle].statement, one.statement)
            elif handle in self._positions:
                # Another batch that waits with this one says it too, and is not stored yet.
                raise SeparateBatchError
            else:
                turn.fresh[handle] = one
        if turn.fresh:
            self._positions |= dict.fromkeys(turn.fresh, -1)
            turn.setup = self._setup_statements(turn)

    def _load(self, turns: Sequence[_Turn]) -> None:
        """Load what the batches may touch, before anything is folded over it."""
        said: dict[int, list[Statement]] = {}
        for turn in turns:
            if turn.fresh:
                turn.number = self._catalog.number_of(turn.batch.namespace, self._size)
                statements = said.setdefault(turn.number, [])
                statements += [one.statement for one in turn.statements]
        for number, statements in said.items():
            load_statements(self._views, self._writer, number, statements)

    def _fold(self, turn: _Turn, *, alone: bool) -> None:
        turn.start = self._size
        batch = Batch(turn.start, len(turn.setup) + len(turn.fresh))
        resolver = Resolver(self._views, turn.number)
        for one in turn.setup:
            self._append_one(turn, resolver, one, batch)
        for handle, one in turn.fresh.items():
            position = self._append_one(turn, resolver, one, batch)
            if position is None:
                turn.outcomes[handle] = None, Outcome.UNCHANGED
            else:
                turn.outcomes[handle] = position, Outcome.APPENDED
                self._positions[handle] = position
        if not any(outcome is Outcome.APPENDED for _, outcome in turn.outcomes.values()):
            # Who would have spoken is not told either, when nothing of what was said is kept.
            if turn.sealed and not alone:
                raise SeparateBatchError
            turn.sealed = []

    def _append_one(
        self, turn: _Turn, resolver: Resolver, one: PreparedStatement, batch: Batch
    ) -> int | None:
        position = self._size
        structure = resolver.resolve(position, one.statement)
        if not resolver.is_effective:
            return None
        facts = seal_part(one.parts.facts, self._randomness)
        personal = seal_part(one.parts.personal, self._randomness)
        envelope = Envelope(
            version=ENVELOPE_VERSION,
            statement=one.statement.id,
            source=one.statement.source,
            namespace=turn.batch.namespace,
            actor=turn.actor,
            mode=one.statement.mode,
            batch=batch,
            recorded_us=self._recorded_us,
            stated=stated_interval(one.statement.stated),
            message=self._position_of_message(turn.number, one.statement),
            mapping=one.statement.mapping,
            structure=structure,
            commitments=Commitments(commit(facts), commit(personal)),
        )
        turn.sealed.append(_Sealed(envelope, (facts, personal)))
        self._size += 1
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
        position = self._positions.get(handle, -1)
        if position >= 0:
            return position
        for _, found in self._writer.find(STATEMENT, "handle", [handle]):
            return int(found)
        raise InvalidInputError(
            "The message that this statement cites is not in the log",
            where=f"statement {statement.id[:64]}: message {statement.message[:64]}",
            hint="Send the message first, or in the same batch.",
        )

    def _setup_statements(self, turn: _Turn) -> list[PreparedStatement]:
        """Return what a namespace must know first: its types, and who is about to speak."""
        is_new = turn.batch.namespace not in self._catalog.numbers
        setup: list[PreparedStatement] = []
        if turn.batch.namespace != LEDGER_NAMESPACE:
            setup += self._missing_types(turn.number, is_new=is_new)
        who = turn.batch.principal
        name = turn.number, who.origin.value, who.name
        known = _named_in(turn.batch) or self._state.actors.get(name) or self._actors.get(name)
        if known is None and not is_new:
            known = pseudonym_of(self._writer, *name)
        turn.actor = known or f"actor-{self._randomness(PSEUDONYM_BYTES).hex()}"
        self._actors[name] = turn.actor
        if known is None:
            record = Actor(pseudonym=turn.actor, origin=who.origin, name=who.name)
            statement = Statement(id=turn.actor, source=LEDGER_SOURCE, records=(record,))
            setup.append(encode_prepared(statement))
        return setup

    def _missing_types(self, namespace: int, *, is_new: bool) -> Iterator[PreparedStatement]:
        """Yield the well-known types that a namespace does not have: all, or the later ones."""
        last = KNOWN_TYPES[-1]
        find = self._catalog.find_type
        if not is_new and find(namespace, last.kind, last.name, last.version) is not None:
            return
        records = type_records()
        if not is_new:
            records = tuple(
                record
                for known, record in zip(KNOWN_TYPES, records, strict=True)
                if find(namespace, known.kind, known.name, known.version) is None
            )
        number = 1 if is_new else len(KNOWN_TYPES)
        yield encode_prepared(
            Statement(
                id=f"types/{number}", source=LEDGER_SOURCE, mode=Mode.COMMAND, records=records
            )
        )

    def _store(self, turns: Sequence[_Turn]) -> None:
        tree = self._state.tree.copy()
        entries: list[StoredEntry] = []
        subtrees: list[Subtree] = []
        for turn in turns:
            batch = Batch(turn.start, len(turn.sealed))
            first = len(entries)
            for offset, (envelope, parts) in enumerate(turn.sealed):
                entry = seal_entry(turn.start + offset, envelope, parts, batch)
                subtrees += tree.append(entry.leaf)
                entries.append(entry)
            check_batch_bytes(sum(map(_size, entries[first:])))
        head = StoredHead(tree.size, self._recorded_us, tree.to_bytes())
        self._writer.append(self._state.head.size, entries, subtrees, head)
        self._views.flush(self._writer, head.size)
        self._state.head, self._state.tree, self._state.catalog = head, tree, self._catalog
        self._state.actors |= self._actors


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


def _size(entry: StoredEntry) -> int:
    parts = (entry.facts, entry.personal)
    return len(entry.envelope) + sum(len(part.body) for part in parts if part is not None)
