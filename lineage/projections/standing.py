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
    said = _said(reader, column, values, size)
    found = [stood for rows in said if (stood := _stood(rows, valid)) is not None]
    found += _keys(reader, column, values, size)
    return _of_begun(reader, found, size, valid)


def last_said(
    reader: Reader, vertices: Collection[int], size: int, valid: ValidTime
) -> list[LinkRow]:
    """Return what each source said last of each claim of these nodes by the end of ``valid``.

    A claim that stood at some moment of it is told as that, though it was taken back within it.
    """
    said = _said(reader, "vertex", vertices, size)
    found = [last for rows in said if (last := _stood(rows, valid) or _last(rows, valid))]
    found += _keys(reader, "vertex", vertices, size)
    return _of_begun(reader, found, size, valid)


def _said(
    reader: Reader, column: str, values: Collection[int], size: int
) -> Iterable[list[LinkRow]]:
    """Return what each source said of each claim, up to a size."""
    said: dict[tuple[int, int, str, str], list[LinkRow]] = {}
    for row in map(LinkRow._make, reader.find(LINK_SAID, column, values)):
        if row.since < size:
            said.setdefault(row.register, []).append(row)
    return said.values()


def _keys(reader: Reader, column: str, values: Collection[int], size: int) -> list[LinkRow]:
    rows = map(LinkRow._make, reader.find(LINK, column, values))
    return [row for row in rows if row.link_class == KEY_CLASS and row.since < size]


def _last(said: Iterable[LinkRow], valid: ValidTime) -> LinkRow | None:
    """Return what was said last by the end of an interval."""
    by_then = (row for row in said if valid.has_begun(row.stated_us))
    return max(by_then, key=lambda row: row.order, default=None)


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


def _of_begun(
    reader: Reader, rows: Collection[LinkRow], size: int, valid: ValidTime
) -> list[LinkRow]:
    begun = begun_among(reader, {row.vertex for row in rows}, size, valid)
    return sorted(row for row in rows if row.vertex in begun)


def begun_among(reader: Reader, vertices: Collection[int], size: int, valid: ValidTime) -> set[int]:
    """Return which of these nodes had begun by the end of ``valid``, as of ``size``."""
    starts = read_stated_starts(reader, vertices, size)
    return {vertex for vertex, start_us in starts.items() if valid.has_begun(start_us)}
