"""The view of retellings: what says something of a node that stands in no row of another view.

Most say again what is known. Some are overtaken: their source had said something later stated of
the node before, so that what they say is of the past, and shows nowhere now. Such an entry came
late, unless nobody dated it: what is of no time is neither early nor late.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from lineage.stores.base import Writer
from lineage.stores.tables import Bound, Column, Row, Table

RETOLD: Final = Table(
    "retold",
    (Column("since", int), Column("vertex", int), Column("overtaken", int)),
    key=("since", "vertex"),
    indexes=(("vertex",),),
    bound=(Bound.VERTEX, "vertex"),
)
"""``overtaken`` is 1 where the entry at ``since`` says something of the node that its source had
said something later stated of before, even where it changed another row; 0 where it only said
again."""


class Retellings:
    """The retellings of one run of folding. Other views note here what each entry does."""

    def __init__(self) -> None:
        self.moved: set[int] = set()
        """Nodes of which the entry that is being folded changes a row."""
        self.overtaken: set[int] = set()
        """Nodes of which it says something that its source had overtaken."""
        self._new: list[Row] = []

    def fold(self, position: int, mentioned: Collection[int]) -> None:
        """Add what one entry, folded by every other view, says of nodes that it left as they were.

        ``mentioned`` are the nodes it speaks of that were there before it.
        """
        for vertex in mentioned:
            if vertex in self.overtaken:
                self._new.append((position, vertex, 1))
            elif vertex not in self.moved:
                self._new.append((position, vertex, 0))
        self.moved, self.overtaken = set(), set()

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        writer.insert(RETOLD, self._new)
        self._new = []


def is_overtaken(stated_us: int | None, by_us: int | None) -> bool:
    """Tell whether what is stated of one time comes after what is stated of a later one.

    What nobody dated loses to all that is dated.
    """
    return by_us is not None and (stated_us is None or stated_us < by_us)
