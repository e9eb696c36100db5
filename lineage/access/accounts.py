"""The access log: a second log of the same kind, of who was given, or refused, which answer.

It has its own origin, key and sidecar, so that how much is read shows nowhere in the first one, and
it is audited like any ledger. What it states is durable before the answer is handed out; where it
cannot be written, there is no answer. Many who wait share one sync.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from threading import Lock
from typing import Final, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from lineage.access.denials import Denial, Denials
from lineage.access.inquiry import present_inquiry
from lineage.access.state import actor_names
from lineage.clock import Clock, Randomness
from lineage.intake import Delivery, Outcomes
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Store
from lineage.writing.governing import governance_batch, namespace_number
from lineage.writing.preparing import PreparedBatch
from lineage.writing.submission import Principal, Receipt
from lineage_schemas.access import Access, AccessPage, AccessView
from lineage_schemas.api_keys import without_api_keys
from lineage_schemas.codec import decode_envelope, decode_records, encode_json
from lineage_schemas.entry import StoredEntry
from lineage_schemas.errors import LedgerError, OverloadedError, StoreError
from lineage_schemas.instants import format_instant

GROUP_MAX: Final = 500
"""Records that share one commit, and so one sync."""

TEXT_LENGTH_MAX: Final = 8_192
"""Characters of the form of a question; a longer one ends in ``…``, and its digest is of all."""

WAITING_MAX: Final = 10_000
"""Records that wait for theirs; the next caller is turned away."""

_RUN_ENTRIES: Final = 500
_LOG: Final = logging.getLogger(__name__)


class Book(Protocol):
    """What an access log is kept in: a ledger."""

    def commit(self, deliveries: Sequence[Delivery]) -> Outcomes:
        """Record a group of prepared batches with one sync."""
        ...

    def sign(self) -> None:
        """Sign what is not signed yet, whoever wrote it, where this process signs."""
        ...

    def close(self) -> None:
        """Sign what was written, and let go of the store."""
        ...


class OpenBook(NamedTuple):
    """An access log that is open: its store, to read, and its ledger, to write."""

    store: Store
    book: Book


class Told(Struct, frozen=True):
    """What somebody was given: the call, its arguments, and the basis and size of the answer.

    ``error`` is the code of the error that the call ended in.
    """

    call: str
    namespace: str
    question: tuple[object, ...]
    size: int | None = None
    root: str = ""
    origin: str = ""
    count: int | None = None
    error: str = ""


class _Waiting:
    """A record on its way, and what became of it."""

    def __init__(self, batch: PreparedBatch) -> None:
        self.batch = batch
        self.outcome: list[Receipt] | LedgerError | None = None


class AccessLog:
    """Writes and reads the access log of one ledger. Safe to use from many threads."""

    def __init__(
        self,
        opened: Callable[[], OpenBook],
        is_there: Callable[[], bool],
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        """Keep an access log that ``opened`` opens, or makes, when it is first needed."""
        self._open = opened
        self._is_there = is_there
        self._randomness = randomness
        self._book: OpenBook | None = None
        self._is_closed = False
        self._opening = Lock()
        self._lock = Lock()
        self._leading = Lock()
        self._waiting: list[_Waiting] = []
        self._denials = Denials(clock)
        self._writing_denials = Lock()

    def tell(self, principal: Principal, told: Told) -> None:
        """State what somebody is about to be given; return once that is durable.

        Raises:
            StoreError: it cannot be stated, so nothing may be handed out.
            OverloadedError: more than ``WAITING_MAX`` wait for it.
        """
        asked = present_inquiry()
        form = f"{told.call}({', '.join(type(one).__name__ for one in told.question)})"
        record = Access(
            door=asked.door,
            operation=asked.operation or told.call,
            namespace=told.namespace,
            text=_shortened(asked.text or form),
            question=sha256(encode_json((told.call, *told.question))).hexdigest(),
            origin=told.origin,
            size=told.size,
            root=told.root,
            count=told.count,
            purpose=asked.purpose,
            error=told.error,
        )
        self._commit(self._prepared(principal, record))

    def count_denial(self, principal: Principal, action: str, namespace: str) -> None:
        """Count a refusal. Waits for no store, so that it may be called while the log is locked."""
        self._denials.count(Denial(principal, present_inquiry().door, action, namespace))

    def write_due_denials(self) -> None:
        """Write what was counted, where it is time and nobody is at it. Not in a transaction."""
        if self._denials.is_due() and self._writing_denials.acquire(blocking=False):
            try:
                self._write_denials()
            finally:
                self._writing_denials.release()

    def write_denials(self) -> None:
        """Write the refusals that were counted. A failure is logged, and they go on counting."""
        with self._writing_denials:
            self._write_denials()

    def _write_denials(self) -> None:
        unwritten = self._denials.take()
        if not unwritten:
            return
        told = list(unwritten)
        error: LedgerError | None = None
        try:
            deliveries = [self._denied(one, unwritten[one]) for one in told]
            for one, outcome in zip(told, self._opened().book.commit(deliveries), strict=True):
                if isinstance(outcome, LedgerError):
                    error = outcome
                else:
                    del unwritten[one]
        except LedgerError as raised:
            error = raised
        finally:
            self._denials.done(unwritten, failed=bool(unwritten))
        if error is not None:
            _LOG.error("Refusals could not be written to the access log: %s", error)

    def _denied(self, denial: Denial, times: int) -> Delivery:
        record = Access(
            door=denial.door, operation=denial.action, namespace=denial.namespace, denied=times
        )
        return Delivery(self._prepared(denial.who, record))

    def read(self, start: int, count: int) -> AccessPage:
        """Return up to ``count`` records from position ``start`` of the access log on."""
        if self._book is None and not self._is_there():
            return AccessPage(records=(), next_position=None)
        found: list[AccessView] = []
        with self._opened().store.read() as reader:
            number = namespace_number(reader, LEDGER_NAMESPACE)
            names = {} if number is None else actor_names(reader, number)
            size = reader.head().size
            for first in range(start, size, _RUN_ENTRIES):
                for stored in reader.entries(first, min(_RUN_ENTRIES, size - first)):
                    view = _view(stored, names)
                    if view is not None and len(found) == count:
                        return AccessPage(records=tuple(found), next_position=stored.position)
                    if view is not None:
                        found.append(view)
        return AccessPage(records=tuple(found), next_position=None)

    def sign(self) -> None:
        """Sign what is not signed yet, whoever wrote it: in a database that may be anybody.

        Raises:
            StoreError: the access log cannot be opened or signed, or is not what was signed.
        """
        if self._book is not None or self._is_there():
            self._opened().book.sign()

    def close(self) -> None:
        """Write what is counted, sign it, and let go of the log if it was opened."""
        self.write_denials()
        if self._book is None or self._is_closed:
            return
        self._is_closed = True
        try:
            self._book.book.sign()
        except LedgerError as error:
            _LOG.error("The access log could not be signed: %s", error)
        finally:
            self._book.book.close()

    def _prepared(self, principal: Principal, record: Access) -> PreparedBatch:
        # The access log grants nothing to anybody: it is this machine that states whom it saw.
        seen = replace(principal, is_local=True, name=without_api_keys(principal.name))
        kept = replace(
            record,
            operation=without_api_keys(record.operation),
            namespace=without_api_keys(record.namespace),
            text=without_api_keys(record.text),
            purpose=without_api_keys(record.purpose),
        )
        return governance_batch(LEDGER_NAMESPACE, seen, kept, randomness=self._randomness)

    def _opened(self) -> OpenBook:
        with self._opening:
            if self._book is None:
                self._book = self._open()
            return self._book

    def _commit(self, batch: PreparedBatch) -> None:
        """Wait for a commit that one of those who wait does for all of them."""
        mine = _Waiting(batch)
        with self._lock:
            if len(self._waiting) >= WAITING_MAX:
                raise OverloadedError("Too many answers wait to be stated in the access log")
            self._waiting.append(mine)
        with self._leading:
            while mine.outcome is None:
                self._lead()
        if isinstance(mine.outcome, LedgerError):
            raise mine.outcome

    def _lead(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        # What one principal was given is one batch, for each batch costs about as much as ten
        # records in it.
        together: dict[Principal, list[_Waiting]] = {}
        for one in group:
            together.setdefault(one.batch.principal, []).append(one)
        deliveries = [Delivery(_joined(waiting)) for waiting in together.values()]
        try:
            outcomes = self._opened().book.commit(deliveries)
        except LedgerError as error:
            outcomes = [error] * len(deliveries)
        except BaseException:
            # Whoever waits must not wait for ever for what nobody does any more.
            for one in group:
                one.outcome = StoreError("The access log was interrupted")
            raise
        for waiting, outcome in zip(together.values(), outcomes, strict=True):
            for one in waiting:
                one.outcome = outcome


def _joined(waiting: Sequence[_Waiting]) -> PreparedBatch:
    """Return one batch of what one principal was given."""
    statements = tuple(said for one in waiting for said in one.batch.statements)
    return replace(waiting[0].batch, statements=statements)


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH_MAX else f"{text[: TEXT_LENGTH_MAX - 1]}…"


def _view(stored: StoredEntry, names: dict[str, str]) -> AccessView | None:
    """Return what an entry states of an access; ``None`` for an actor, a key, a type."""
    personal = None if stored.personal is None else stored.personal.body
    records = () if stored.facts is None else decode_records(stored.facts.body, personal)
    for record in records:
        if isinstance(record, Access):
            envelope = decode_envelope(stored.envelope)
            return AccessView(
                position=stored.position,
                at=format_instant(envelope.recorded_us),
                who=names.get(envelope.actor, envelope.actor),
                access=record,
            )
    return None
