"""What a walk marks rows with, handed on from one walk to the next."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Marks = npt.NDArray[np.uint8]
"""A mark for each row; ``NEW`` is none."""

NEW: Final = 0
SEEN: Final = 1
SETTLED: Final = 2
"""What a walk marks a row with. One that equal contents reached is seen, but only an edge may lead
on from it; reached again by an edge it is settled, and its own links count after all."""

SPARES_MAX: Final = 4
"""So many are kept: what more walks at once take is made for them, and dropped after them."""


class SpareMarks:
    """Marks that one walk after the other takes, and gives back clean.

    To make them costs as much as the graph is large, however few nodes a walk finds. Whoever takes
    some has them alone, in whatever thread.
    """

    def __init__(self) -> None:
        self._spares: list[Marks] = []

    def take(self, rows: int) -> Marks:
        """Return marks for so many rows or more, none of them set."""
        try:
            marks = self._spares.pop()
        except IndexError:
            return np.zeros(rows, dtype=np.uint8)
        return marks if len(marks) >= rows else np.zeros(rows, dtype=np.uint8)

    def give_back(self, marks: Marks, marked: npt.NDArray[np.int64]) -> None:
        """Take marks back, of which none are set but those of ``marked``."""
        if len(self._spares) < SPARES_MAX:
            marks[marked] = 0
            self._spares.append(marks)
