"""Which links stood at a stated time: of what each source had said of it by then, the last counts.

What nobody dated was said before all that is dated. A node's own key stands once the node is there,
and no link does before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lineage.projections.links import LINK, LINK_SAID, LinkRow
from lineage.projections.nodes import read_stated_starts
from lineage.projections.unfolding import KEY_CLASS
from lineage.stores.base import Reader
from lineage.valid_time import ValidTime


def standing_links(
    reader: Reader, column: str, values: Collection[int], size: int, valid: ValidTime
) -> list[LinkRow]:
    """Return the links that stood at some moment of ``valid``, as of ``size``.

    ``column`` is ``vertex`` or ``hub``, and ``values`` are those asked about.
    """
    said: dict[tuple[int, int, str, str], list[LinkRow]] = {}
    for row in map(LinkRow._make, reader.find(LINK_SAID, column, values)):
        if row.since < size:
            said.setdefault(row.register, []).append(row)
    found = [stood for rows in said.values() if (stood := _stood(rows, valid)) is not None]
    found += [
        row
        for row in map(LinkRow._make, reader.find(LINK, column, values))
        if row.link_class == KEY_CLASS and row.since < size
    ]
    begun = _begun(reader, {row.vertex for row in found}, size, valid)
    return sorted(row for row in found if row.vertex in begun)


def _stood(said: Iterable[LinkRow], valid: ValidTime) -> LinkRow | None:
    """Return the claim that stood last in an interval, if any did."""
    ordered = sorted(said, key=lambda row: row.order)
    stood = None
    for row, later in zip(ordered, [*ordered[1:], None], strict=True):
        if later is not None and later.stated_us == row.stated_us:
            continue
        if row.active and valid.overlaps(row.stated_us, later and later.stated_us):
            stood = row
    return stood


def _begun(reader: Reader, vertices: Collection[int], size: int, valid: ValidTime) -> set[int]:
    starts = read_stated_starts(reader, vertices, size)
    return {vertex for vertex, start_us in starts.items() if valid.has_begun(start_us)}
