"""Intake: what stands in the writer's queue, and how a group of it enters the log.

A delivery is prepared by its caller (checked, encoded) and committed by the one writer, many in one
transaction: each batch has a savepoint of its own, and all of them one sync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from threading import Lock
from time import sleep
from typing import Final, Generic, TypeVar

from msgspec import Struct, field

from lineage.clock import Clock, Randomness
from lineage.collector import paused_collector
from lineage.projections.statements import STATEMENT, statement_handle
from lineage.stores.base import Reader, Store, Writer
from lineage.writing.appending import Appender, LogState, SeparateBatchError
from lineage.writing.governing import namespace_number
from lineage.writing.preparing import PreparedBatch
from lineage.writing.submission import Receipt
from lineage_schemas.errors import (
    ConflictError,
    InvariantError,
    LedgerError,
    StoreConflictError,
    StoreError,
    StoreLostError,
)

ORDINALS_MAX: Final = 64
"""How many different messages may share one statement id before the next is refused."""


class Delivery(Struct, frozen=True):
    """One batch on its way. ``again`` makes it anew, under the next ordinal, after a conflict.

    A connector's statement id comes from what the source calls the thing, so two different
    messages may share one; a producer's own statements have no ``again``: for them it is an error.
    It is judged in the ``context`` of whoever prepared it: through which door it came, for one.
    """

    batch: PreparedBatch
    again: Callable[[int], PreparedBatch] | None = None
    context: Context = field(default_factory=copy_context)


COMMIT_ATTEMPTS_MAX: Final = 5
"""How often a group is tried where other transactions come between or connections break."""

_PAUSE_SECONDS: Final = 0.02
"""Before the second attempt; each further pause is twice as long."""

TOGETHER_MIN: Final = 2
TOGETHER_ATTEMPTS_MAX: Final = 3
"""How often a group is tried together, each time without the delivery that was refused."""

Outcomes = list[list[Receipt] | LedgerError]
"""For each delivery its receipts, or why it was refused."""

Guard = Callable[[Reader], None]
"""Raises where the log may take nothing, as it stands."""

Gate = Callable[[Reader, PreparedBatch], bool]
"""Raises where whoever speaks may not say this batch, as the log stands.

Returns whether what the batch says could decide what somebody else may say: then what waits with it
is judged, and appended, one by one.
"""

Append = Callable[[PreparedBatch], list[Receipt]]
"""Appends a batch of the ledger's own, inside the transaction that is open."""

_T = TypeVar("_T")

Work = Callable[[Writer, Append, int], _T]
"""Work of the ledger's own, given the writer, how to append, and the recorded time."""


def allow_all(reader: Reader) -> None:
    """Guard nothing: nobody has signed this log, so nobody can tell what is missing."""
    del reader


def admit_all(reader: Reader, batch: PreparedBatch) -> bool:
    """Let everybody in: nobody has said who may."""
    del reader, batch
    return False


class _Task(Generic[_T]):
    """Work of the ledger's own, and what an attempt that may have been in vain made of it."""

    def __init__(self, work: Work[_T], guard: Guard) -> None:
        self.work = work
        self.guard = guard
        self.appended: PreparedBatch | None = None
        self.given: list[_T] = []
        """The answer of an attempt that got as far as its commit."""

    def given_in(self, reader: Reader) -> list[_T]:
        """Return the answer of an earlier attempt, if what it appended is in the log."""
        if self.appended is None or not self.given:
            return []
        number = namespace_number(reader, self.appended.namespace)
        if number is None:
            return []
        first = self.appended.statements[0].statement
        handle = statement_handle(number, first.source, first.id)
        return self.given if reader.find(STATEMENT, "handle", [handle]) else []


class Intake:
    """The one logical writer of a store, in this process."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        guard: Guard = allow_all,
        gate: Gate = admit_all,
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._guard = guard
        self._gate = gate
        self._state = LogState()
        self._lock = Lock()

    def commit(self, deliveries: Sequence[Delivery]) -> Outcomes:
        """Append a group of batches in one transaction; return once all of it is durable.

        A batch that a rule refuses is undone alone, and its error stands in its place. A group that
        another transaction came between, or whose connection broke, is tried again: what a broken
        connection had written after all is met again, and not written twice.

        Raises:
            StoreLostError: the connection broke again and again; all of the group was written, or
                nothing.
            StoreError: the store failed; nothing of the whole group was written.
        """
        with self._lock:
            for attempt in range(1, COMMIT_ATTEMPTS_MAX):
                try:
                    return self._commit(deliveries)
                except (StoreConflictError, StoreLostError):
                    sleep(_PAUSE_SECONDS * 2**attempt)
            return self._commit(deliveries)

    def _commit(self, deliveries: Sequence[Delivery]) -> Outcomes:
        # Whoever fails forgets what it remembers of the log, which is not for others to lose.
        try:
            with paused_collector(), self._store.write() as writer:
                self._guard(writer)
                self._state.refresh(writer)
                return self._append(writer, deliveries)
        except BaseException:
            self._state.forget()
            raise

    def govern(self, work: Work[_T], *, guarded: bool = True) -> _T:
        """Do the ledger's own work in one writing transaction: append, erase, fold anew.

        ``work`` is given the writer, how to append, and the recorded time of what it appends. When
        it raises, nothing of it is written. Where another transaction came between, or the
        connection broke, it is done again, as often as ``commit``; unless what it appended is found
        in the log: then a broken connection had done it after all, and its answer stands.

        Raises:
            StoreLostError: the connection broke again and again; all of it was written, or nothing.
            StoreError: the store failed, or the guard refuses it; nothing was written.
        """
        task = _Task(work, self._guard if guarded else allow_all)
        with self._lock:
            for attempt in range(1, COMMIT_ATTEMPTS_MAX):
                try:
                    return self._do(task)
                except (StoreConflictError, StoreLostError):
                    sleep(_PAUSE_SECONDS * 2**attempt)
            return self._do(task)

    def _do(self, task: _Task[_T]) -> _T:
        try:
            with paused_collector(), self._store.write() as writer:
                task.guard(writer)
                # The head is locked: what an earlier attempt has written is there by now, or never.
                if given := task.given_in(writer):
                    return given[0]
                task.given = []
                self._state.refresh(writer)
                now_us = max(self._state.head.recorded_us, self._clock())

                def append(batch: PreparedBatch) -> list[Receipt]:
                    task.appended = batch
                    appender = Appender(writer, self._state, lambda: now_us, self._randomness)
                    return appender.append([batch])[0]

                answer = task.work(writer, append, now_us)
                task.given = [answer]
                return answer
        finally:
            # The work may have folded the views anew, under what is remembered of them.
            self._state.forget()

    @property
    def recorded_us(self) -> int:
        """The recorded time of the last entry that this process has written, or met; else 0."""
        return self._state.head.recorded_us

    def _append(self, writer: Writer, deliveries: Sequence[Delivery]) -> Outcomes:
        """Append deliveries together, and those that stand in the way of that by themselves."""
        done: dict[int, list[Receipt] | LedgerError] = {}
        if len(deliveries) >= TOGETHER_MIN:
            self._append_together(writer, deliveries, done)
        return [
            done[place] if place in done else self._try(writer, delivery)
            for place, delivery in enumerate(deliveries)
        ]

    def _append_together(
        self,
        writer: Writer,
        deliveries: Sequence[Delivery],
        done: dict[int, list[Receipt] | LedgerError],
    ) -> None:
        """Put into ``done`` what could be refused, or appended, without trying one by one."""
        together = self._admitted(writer, deliveries, done)
        for _ in range(TOGETHER_ATTEMPTS_MAX):
            if len(together) < TOGETHER_MIN:
                return
            appender = self._appender(writer)
            try:
                with self._state.undone_with(writer.savepoint()):
                    appended = appender.append([one.batch for one in together.values()])
            except SeparateBatchError:
                # Mostly a namespace that is new: its first batch makes it, and the others follow.
                place = next(iter(together))
                done[place] = self._try(writer, together.pop(place))
            except StoreError as error:
                if not isinstance(error, InvariantError):
                    raise
                return
            except LedgerError:
                # It is told why when it is tried by itself.
                del together[list(together)[appender.reached]]
            else:
                done.update(zip(together, appended, strict=True))
                return

    def _admitted(
        self,
        writer: Writer,
        deliveries: Sequence[Delivery],
        done: dict[int, list[Receipt] | LedgerError],
    ) -> dict[int, Delivery]:
        """Return, by place, what may be appended together; put the refusals of others in ``done``.

        Nothing, if one of them could decide what another may say.
        """
        admitted: dict[int, Delivery] = {}
        decides = False
        for place, delivery in enumerate(deliveries):
            try:
                decides = delivery.context.run(self._gate, writer, delivery.batch) or decides
                admitted[place] = delivery
            except StoreError:
                raise
            except LedgerError as error:
                done[place] = error
        return {} if decides else admitted

    def _appender(self, writer: Writer) -> Appender:
        return Appender(writer, self._state, self._clock, self._randomness)

    def _try(self, writer: Writer, delivery: Delivery) -> list[Receipt] | LedgerError:
        try:
            return self._deliver(writer, delivery)
        except InvariantError as error:
            # This batch alone is wrong, and it is undone: its neighbours go on.
            return error
        except StoreError:
            raise
        except LedgerError as error:
            return error

    def _deliver(self, writer: Writer, delivery: Delivery) -> list[Receipt]:
        batch = delivery.batch
        # Here, inside the transaction: what was revoked a moment ago is revoked.
        delivery.context.run(self._gate, writer, batch)
        for ordinal in range(2, ORDINALS_MAX + 2):
            try:
                with self._state.undone_with(writer.savepoint()):
                    return self._appender(writer).append([batch])[0]
            except ConflictError:
                if delivery.again is None or ordinal > ORDINALS_MAX:
                    raise
                batch = delivery.again(ordinal)
        raise AssertionError("the loop returns or raises")
