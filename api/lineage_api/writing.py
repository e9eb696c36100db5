"""The writer: one thread that commits what waits together, in one transaction with one sync."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import Context, copy_context
from threading import Condition, Thread
from time import perf_counter
from typing import Final

from msgspec import Struct

from lineage.intake import Delivery, Outcomes
from lineage.writing.submission import Receipt
from lineage_api.observing.metrics import WriterWatcher
from lineage_api.observing.notes import CURRENT
from lineage_api.queueing import TurnQueue
from lineage_schemas.errors import LedgerError, OverloadedError, RateLimitedError, StoreError

GROUP_LENGTH_MAX: Final = 256
"""Deliveries of one transaction; a request with more of them is a group of its own."""


_LOG: Final = logging.getLogger(__name__)


class _Job(Struct, frozen=True):
    """What one request brings: committed in one group, answered at once."""

    deliveries: Sequence[Delivery]
    bytes: int
    done: Future[Outcomes]
    since: float
    context: Context

    @property
    def who(self) -> str:
        """Who sent it."""
        return self.deliveries[0].batch.principal.name if self.deliveries else ""

    @property
    def length(self) -> int:
        """How many deliveries it is."""
        return len(self.deliveries)


class Unwatched:
    """Watches nothing."""

    def committed(self, outcomes: Outcomes, commit_seconds: float, waits: list[float]) -> None:
        """Do nothing."""

    def failed(self, deliveries: int, error: Exception) -> None:
        """Do nothing."""


class GroupWriter:
    """Queues deliveries for ``commit``, which runs in a thread of its own.

    At most ``length_max`` deliveries of ``bytes_max`` payload bytes wait; one request alone may
    have more, so that none is refused for ever. What was acknowledged is durable; what is refused
    was not written. ``shared``: callers take turns, and none of them may fill the queue alone.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Delivery]], Outcomes],
        *,
        length_max: int,
        bytes_max: int,
        shared: bool = False,
        watcher: WriterWatcher | None = None,
    ) -> None:
        self._commit = commit
        self._watcher = watcher or Unwatched()
        self._jobs = TurnQueue[_Job](length_max=length_max, bytes_max=bytes_max, shared=shared)
        self._changed = Condition()
        self._stopping = False
        self._thread = Thread(target=self._run, name="lineage-writer", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Tell whether anything submitted now would be written."""
        return self._thread.is_alive() and not self._stopping

    @property
    def waiting(self) -> tuple[int, int]:
        """How many deliveries wait, and how many bytes of payload."""
        return self._jobs.length, self._jobs.bytes

    def start(self) -> None:
        """Start the thread. A writer starts once."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse what comes from now on, write everything that waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    async def submit(self, delivery: Delivery) -> list[Receipt]:
        """Record one delivery; return once it is durable.

        Raises:
            LedgerError: as ``submit_all``, or why this delivery was refused.
        """
        outcome = (await self.submit_all([delivery]))[0]
        if isinstance(outcome, LedgerError):
            raise outcome
        return outcome

    async def submit_all(self, deliveries: Sequence[Delivery]) -> Outcomes:
        """Record deliveries in one group; return for each its receipts or why it was refused.

        A caller that is cancelled while it waits takes its deliveries back, unless they are being
        written already.

        Raises:
            OverloadedError: the queue is full, or the writer stops. Nothing was written.
            RateLimitedError: the caller has its share of the queue waiting. Nothing was written.
            StoreLostError: the connection broke, perhaps after the commit: whether it was written
                is not known. Sent again, what was written is answered as a duplicate.
            StoreError: the store failed. Nothing was written.
        """
        return await asyncio.wrap_future(self.enqueue(deliveries))

    def enqueue(self, deliveries: Sequence[Delivery]) -> Future[Outcomes]:
        """Put deliveries into the queue, from any thread.

        Raises:
            OverloadedError: as ``submit_all``.
            RateLimitedError: as ``submit_all``.
        """
        job = _Job(
            deliveries,
            sum(map(_bytes_of, deliveries)),
            Future(),
            perf_counter(),
            copy_context(),
        )
        with self._changed:
            if not self.is_alive:
                raise OverloadedError(
                    "The ledger is not taking anything in", hint="Send it again once it is back."
                )
            if self._jobs.is_full_for(job):
                raise OverloadedError(
                    "The queue of the writer is full; nothing was written",
                    hint="Send it again in a moment.",
                )
            if self._jobs.is_over_share(job):
                raise RateLimitedError(
                    "Your share of the writer's queue is full; nothing of this was written",
                    hint="Send it again in a moment, and fewer at once.",
                )
            self._jobs.put(job)
            self._changed.notify_all()
        return job.done

    def _run(self) -> None:
        try:
            while group := self._take():
                self._write(group)
        finally:
            self._abandon()

    def _take(self) -> list[_Job]:
        """Wait for work and take a group of it; nothing once the writer stops and all is done."""
        with self._changed:
            while not (group := self._next_group()) and not self._stopping:
                self._changed.wait()
            return group

    def _next_group(self) -> list[_Job]:
        group: list[_Job] = []
        length = 0
        while self._jobs:
            if group and length + self._jobs.next().length > GROUP_LENGTH_MAX:
                break
            job = self._jobs.take()
            if job.done.set_running_or_notify_cancel():
                group.append(job)
                length += job.length
        return group

    def _write(self, group: list[_Job]) -> None:
        begun = perf_counter()
        try:
            outcomes = self._commit([delivery for job in group for delivery in job.deliveries])
        except StoreError as error:
            self._refuse(group, error)
        except Exception as error:  # noqa: BLE001 - one faulty delivery must not end the thread
            if len(group) == 1:
                # Whoever waits is raised it, and logs it under the request's id.
                self._refuse(group, error)
                return
            for job in group:
                self._write([job])
        else:
            try:
                self._note(group, outcomes, begun)
            except Exception:  # noqa: BLE001 - it must not end the thread
                # It is durable: whoever waits must be told so, counted or not.
                _LOG.exception("What was written could not be counted")
            _answer(group, outcomes)

    def _note(self, group: list[_Job], outcomes: Outcomes, begun: float) -> None:
        ended = perf_counter()
        self._watcher.committed(outcomes, ended - begun, [ended - job.since for job in group])
        for job in group:
            job.context.run(_trace, begun - job.since, ended - begun)

    def _refuse(self, group: list[_Job], error: Exception) -> None:
        self._watcher.failed(sum(len(job.deliveries) for job in group), error)
        _fail(group, error)

    def _abandon(self) -> None:
        """Tell those who still wait, should the thread ever end before its time."""
        with self._changed:
            self._stopping = True
            jobs = [self._jobs.take() for _ in list(self._jobs)]
        waiting = [job for job in jobs if job.done.set_running_or_notify_cancel()]
        _fail(waiting, StoreError("The writer has ended; nothing of this was written"))


def _trace(wait_seconds: float, commit_seconds: float) -> None:
    """Note, for the request of this context, how long it waited and how long the commit took."""
    note = CURRENT.get()
    if note is not None:
        note.tracing.past("queue", wait_seconds, commit_seconds)
        note.tracing.past("commit", commit_seconds)


def _answer(group: list[_Job], outcomes: Outcomes) -> None:
    start = 0
    for job in group:
        stop = start + len(job.deliveries)
        job.done.set_result(outcomes[start:stop])
        start = stop


def _fail(group: list[_Job], error: Exception) -> None:
    for job in group:
        job.done.set_exception(error)


def _bytes_of(delivery: Delivery) -> int:
    return sum(
        len(one.parts.facts) + len(one.parts.personal or b"") for one in delivery.batch.statements
    )
