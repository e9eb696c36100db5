"""Split what is looked up into runs that lie close together, and the rest.

Reading a stretch of a table costs half of looking up each of its rows, even when some rows of the
stretch are not wanted.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from lineage.stores.tables import Cell

DENSE_VALUES_MIN: Final = 512
"""With fewer values than this there is nothing to gain."""

_SPAN_PER_VALUE_MAX: Final = 2


def dense_runs(values: list[Cell]) -> tuple[list[list[int]], list[Cell]]:
    """Return (runs, rest) of whole numbers, each once; of anything else, all is rest.

    In a run at least every second number is wanted.
    """
    numbers = {value for value in values if isinstance(value, int)}
    if len(numbers) < len(values):
        return [], values
    runs: list[list[int]] = []
    rest: list[Cell] = []
    waiting = [sorted(numbers)]
    while waiting:
        part = waiting.pop()
        if len(part) < DENSE_VALUES_MIN:
            rest += part
        elif part[-1] - part[0] < _SPAN_PER_VALUE_MAX * len(part):
            runs.append(part)
        else:
            middle = bisect_left(part, (part[0] + part[-1] + 1) // 2)
            waiting += [part[:middle], part[middle:]]
    return runs, rest
