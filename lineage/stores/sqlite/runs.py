"""Split numbers that are looked up into runs that lie close together, and the rest."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

RUN_VALUES_MIN: Final = 512
"""With fewer values than this a run gains nothing."""

RUN_VALUES_MAX: Final = 65_536
"""Bounds what one run brings into memory at once."""


def dense_runs(values: Iterable[int]) -> tuple[list[list[int]], list[int]]:
    """Return (runs, rest), each value once: a run has no gaps and is in order."""
    runs: list[list[int]] = []
    rest: list[int] = []
    waiting = [sorted(set(values))]
    while waiting:
        part = waiting.pop()
        if len(part) < RUN_VALUES_MIN:
            rest += part
        elif part[-1] - part[0] < len(part) <= RUN_VALUES_MAX:
            runs.append(part)
        else:
            # Halve the span, so that a gap in it ends between two parts after a few steps.
            middle = bisect_left(part, (part[0] + part[-1] + 1) // 2)
            waiting += [part[:middle], part[middle:]]
    return runs, rest
