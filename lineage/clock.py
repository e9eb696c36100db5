"""The machine's time and randomness, as arguments: the only module that asks for either."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], int]
"""Returns the present instant in microseconds since the epoch."""

Randomness = Callable[[int], bytes]
"""Returns that many bytes that nobody can guess."""

_NANOSECONDS_PER_MICROSECOND: Final = 1_000


def system_clock() -> int:
    """Return the present instant in microseconds since the epoch."""
    return time.time_ns() // _NANOSECONDS_PER_MICROSECOND


def steady_clock() -> int:
    """Return microseconds since some moment; nobody can set this clock, so it measures ages."""
    return time.monotonic_ns() // _NANOSECONDS_PER_MICROSECOND


def system_randomness(count: int) -> bytes:
    """Return ``count`` bytes from the operating system's source of randomness."""
    return os.urandom(count)
