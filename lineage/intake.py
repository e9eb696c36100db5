"""Intake: what stands in the writer's queue, and how a group of it enters the log.

A delivery is prepared by its caller (checked, encoded) and committed by the one writer, many in one
transaction: each batch has a savepoint of its own, and all of them one sync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from threading import Lock
from time import sleep
from typing import Final, TypeVar

from msgspec import Struct, field

from lineage.clock import Clock, Randomness
from lineage.collector import paused_collector
from lineage.stores.base import Reader, Store, Writer
from lineage.writing.appending import Appender, LogState, SeparateBatchError
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


def allow_all(reader: Reader) -> None:
    """Guard nothing: nobody has signed this log, so nobody can tell what is missing."""
    del reader


def admit_all(reader: Reader, batch: PreparedBatch) -> bool:
    """Let everybody in: nobody has said who may."""
    del reader, batch
    return False


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

    def govern(self, work: Callable[[Writer, Append, int], _T], *, guarded: bool = True) -> _T:
        """Do the ledger's own work in one writing transaction: append, erase, fold anew.

        ``work`` is given the writer, how to append, and the recorded time of what it appends. When
        it raises, nothing of it is written.

        Raises:
            StoreError: the store failed, or the guard refuses it; nothing was written.
        """
        with self._lock:
            try:
                with paused_collector(), self._store.write() as writer:
                    if guarded:
                        self._guard(writer)
                    self._state.refresh(writer)
                    now_us = max(self._state.head.recorded_us, self._clock())

                    def append(batch: PreparedBatch) -> list[Receipt]:
                        appender = Appender(writer, self._state, lambda: now_us, self._randomness)
                        return appender.append([batch])[0]

                    return work(writer, append, now_us)
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
                return
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
