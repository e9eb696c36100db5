"""Find the entries that speak of nodes: by the rows they made, and by what they only said again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from lineage.projections.edges import EDGE
from lineage.projections.erasures import ERASED, REDACTED
from lineage.projections.links import LINK, LINK_SAID
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.nodes import NODE, NODE_EARLIER
from lineage.projections.retellings import RETOLD
from lineage.projections.statements import SERIES
from lineage.projections.states import STATE, STATE_PAST
from lineage.stores.base import Reader
from lineage.stores.tables import Table

_Mentions = tuple[tuple[Table, str, str], ...]

RESTED_ON: Final[_Mentions] = (
    (NODE, "vertex", "since"),
    (NODE_EARLIER, "vertex", "since"),
    (STATE, "vertex", "since"),
    (STATE_PAST, "vertex", "since"),
    (EDGE, "tail", "since"),
    (EDGE, "head", "since"),
    (MEMBERSHIP, "member", "since"),
    (LINK, "vertex", "since"),
    (SERIES, "execution", "position"),
    (REDACTED, "vertex", "since"),
)
"""Which rows say, of a vertex in which column, at which position an entry made them: all that what
is shown of a node rests on."""

_SPOKEN: Final[_Mentions] = (
    *RESTED_ON,
    (MEMBERSHIP, "context", "since"),
    (LINK_SAID, "vertex", "since"),
    (RETOLD, "vertex", "since"),
)


def positions_in(
    reader: Reader, mentions: Sequence[tuple[Table, str, str]], vertices: Collection[int], size: int
) -> set[int]:
    """Return where entries stand that made such rows of these nodes, as of a size."""
    return {
        row[table.column(since)]
        for table, column, since in mentions
        for row in reader.find(table, column, vertices)
        if row[table.column(since)] < size
    }


def find_mentions(reader: Reader, vertices: Collection[int], size: int) -> list[int]:
    """Return where every entry stands that says anything of these nodes, in order.

    Those that erased something from such an entry are among them. Reads a row for each.
    """
    found = positions_in(reader, _SPOKEN, vertices, size)
    erasing = {
        erased_by for _, erased_by, _ in reader.find(ERASED, "position", found) if erased_by < size
    }
    return sorted(found | erasing)
