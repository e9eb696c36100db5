"""Bounded pools of threads, which keep the engine's blocking calls off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

from lineage_api.observing.notes import traced
from lineage_schemas.errors import OverloadedError

WAITING_PER_THREAD_MAX: Final = 64
"""How many calls may wait for each thread before the next is refused."""

T = TypeVar("T")


class Pool:
    """Threads that run one kind of call. Used from one event loop only."""

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._inside = 0

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call in one of the threads and return what it returns.

        A call that has begun goes on to its end, even when whoever waits for it has gone.

        Raises:
            OverloadedError: too many calls wait already.
        """
        if self._inside >= self._threads * (1 + WAITING_PER_THREAD_MAX):
            raise OverloadedError(
                "Too many requests wait for an answer", hint="Send it again in a moment."
            )
        self._inside += 1
        # What is noted of the request goes along: its id stands on what is logged in the thread.
        future = self._executor.submit(copy_context().run, self._traced, call)
        # The count follows the call and not the caller, who may be cancelled before it.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _tell(loop, self._leave))
        return await asyncio.wrap_future(future)

    @property
    def inside(self) -> int:
        """How many calls run or wait."""
        return self._inside

    @property
    def threads(self) -> int:
        """How many calls can run at once."""
        return self._threads

    def _traced(self, call: Callable[[], T]) -> T:
        with traced(self._name):
            return call()

    def close(self) -> None:
        """Wait for the calls under way, and drop those that have not begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _leave(self) -> None:
        self._inside -= 1


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
