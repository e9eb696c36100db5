"""The view of edges: which artifact joined which execution, in the direction the data flowed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from msgspec import json

from lineage.projections.retellings import Retellings, is_overtaken
from lineage.projections.unfolding import EdgeSaid, Unfolded, earlier, stated_start
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage_schemas.codec import encode_json
from lineage_schemas.instants import instant_us
from lineage_schemas.mlmd import Event

EDGE: Final = Table(
    "edge",
    (
        Column("tail", int),
        Column("head", int),
        Column("kind", str),
        Column("since", int),
        Column("until", int, optional=True),
        Column("detail", bytes, optional=True),
        Column("stated_us", int, optional=True),
    ),
    key=("tail", "head", "kind", "since"),
    indexes=(("head",),),
    bound=(Bound.VERTEX, "tail"),
)
"""``detail`` is JSON: [path, time in microseconds, stated time, source], where any was given.
``stated_us`` is the earliest stated time of the statements that tell of the edge; a statement
without one dates nothing, so it counts only while no other has one."""

EdgeEnds = tuple[int, int]
"""The tail and the head of edges."""
_EdgeKey = tuple[int, int, str]


class EdgeDetail(NamedTuple):
    """What an Event says beside its ends and kind; of two, the later stated one is shown."""

    path: list[str | int]
    time_us: int | None
    stated_us: int | None
    source: str

    @property
    def order(self) -> tuple[bool, int, str, bytes]:
        """Later stated first, then by source, then by value, so that arrival never decides."""
        stated = self.stated_us
        return stated is not None, stated or 0, self.source, encode_json(self[:2])


class Edges:
    """The edges that one run of folding touches."""

    def __init__(self, retellings: Retellings) -> None:
        self._retellings = retellings
        self._open: dict[_EdgeKey, Row] = {}
        self._new: dict[Row, Row] = {}
        self._changed: dict[Row, Row] = {}

    def load(self, reader: Reader, ends: Collection[EdgeEnds]) -> None:
        """Load the edges between some ends."""
        for row in reader.find_pairs(EDGE, ends):
            if row[4] is None:
                self._open[row[:3]] = row

    def has(self, key: _EdgeKey) -> bool:
        """Tell whether there is such an edge among those loaded."""
        return key in self._open

    def fold(self, said: Unfolded) -> None:
        """Add or sharpen the edges of one entry."""
        for edge in said.edges:
            self._fold_edge(said, edge)
            tail, head, kind, _ = edge
            if self._open[tail, head, str(kind)][3] == said.entry.position:
                self._retellings.moved.update((tail, head))

    def flush(self, writer: Writer) -> None:
        """Write what was added and changed."""
        writer.replace(EDGE, list(self._changed.values()))
        writer.insert(EDGE, list(self._new.values()))
        self._new, self._changed = {}, {}

    def _fold_edge(self, said: Unfolded, edge: EdgeSaid) -> None:
        tail, head, kind, event = edge
        key = (tail, head, str(kind))
        position = said.entry.position
        stated_us = stated_start(said)
        detail = None if event is None else _detail(said, event)
        row = self._open.get(key)
        if row is None:
            cell = detail and encode_json(detail)
            self._put((*key, position, None, cell, stated_us), is_new=True)
            return
        old = read_detail(row[5])
        sharper = detail is not None and (old is None or detail.order > old.order)
        cell = encode_json(detail) if sharper else row[5]
        earliest = earlier(row[6], stated_us)
        if (
            detail is not None
            and old is not None
            and detail.source == old.source
            and is_overtaken(detail.stated_us, old.stated_us)
        ):
            self._retellings.overtaken.update((tail, head))
        if cell == row[5] and earliest == row[6]:
            return
        shown = detail if sharper else old
        is_same = earliest == row[6] and (shown and shown[:2]) == (old and old[:2])
        if row[3] == position or is_same:
            self._put((*row[:5], cell, earliest), is_new=row[:4] in self._new)
        else:
            self._put((*row[:4], position, *row[5:]), is_new=row[:4] in self._new)
            self._put((*key, position, None, cell, earliest), is_new=True)

    def _put(self, row: Row, *, is_new: bool) -> None:
        if row[4] is None:
            self._open[row[:3]] = row
        (self._new if is_new else self._changed)[row[:4]] = row


def read_detail(body: bytes | None) -> EdgeDetail | None:
    """Read an edge's ``detail`` cell."""
    return None if body is None else json.decode(body, type=EdgeDetail)


def _detail(said: Unfolded, event: Event) -> EdgeDetail | None:
    if not event.path and event.time is None:
        return None
    envelope = said.entry.envelope
    return EdgeDetail(
        list(event.path),
        None if event.time is None else instant_us(event.time),
        envelope.stated.start_us if envelope.stated else None,
        envelope.source,
    )
