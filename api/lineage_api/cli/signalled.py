"""Signals as a value: told once, whatever runs may end in order; told twice, it ends at once."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event
from types import FrameType


@contextmanager
def stopping_on_signals() -> Generator[Event]:
    """Set the event on the first SIGTERM or SIGINT; the second interrupts the block.

    For the main thread only: no other hears signals.
    """
    stopping = Event()

    def hear(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    before = {one: signal.signal(one, hear) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
