"""The view of nodes: every node that was ever mentioned, with its key, and since when it was so."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from lineage.projections.unfolding import Mention, Unfolded, earlier, stated_start
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage.vertices import name_hash, realm

NODE: Final = Table(
    "node",
    (
        Column("vertex", int),
        Column("since", int),
        Column("key_hash", int, optional=True),
        Column("key", str, optional=True),
        Column("stated_us", int, optional=True),
        Column("earliest_us", int, optional=True),
    ),
    key=("vertex",),
    indexes=(("key_hash",),),
    bound=(Bound.VERTEX, "vertex"),
)
"""``stated_us`` is the stated time of the first mention, and ``earliest_us`` the earliest of all;
a mention without one dates nothing."""

NODE_EARLIER: Final = Table(
    "node_earlier",
    (Column("vertex", int), Column("since", int), Column("stated_us", int)),
    key=("vertex", "since"),
    bound=(Bound.VERTEX, "vertex"),
)
"""The mentions that moved the earliest stated time of a node; most nodes have none."""


class Nodes:
    """The nodes that one run of folding touches."""

    def __init__(self) -> None:
        self.vertices: dict[tuple[int, str], int] = {}
        """(realm, key) of the nodes that were looked up by key, to their vertices."""
        self.known: set[int] = set()
        self._rows: dict[int, Row] = {}
        """What is known of the known nodes. One without a key was mentioned only by what was
        erased: the next mention that tells the key gives it."""
        self._new: set[int] = set()
        self._changed: set[int] = set()
        self._earlier: dict[Row, Row] = {}

    def load_keys(self, reader: Reader, hashes: Iterable[int]) -> None:
        """Look up nodes by the hashes of their keys."""
        for row in reader.find(NODE, "key_hash", hashes):
            self.vertices[realm(row[0]), row[3]] = row[0]
            self._know(row)

    def load(self, reader: Reader, vertices: Iterable[int]) -> None:
        """Look up which of these vertices are nodes already."""
        for row in reader.find(NODE, "vertex", vertices):
            self._know(row)

    def fold(self, said: Unfolded) -> list[Mention]:
        """Add what is mentioned, or named, for the first time; return those mentions."""
        fresh: list[Mention] = []
        position, stated_us = said.entry.position, stated_start(said)
        for mention in said.mentions:
            vertex, key = mention
            row = self._rows.get(vertex)
            if row is None:
                self._add(vertex, key, position, stated_us)
                fresh.append(mention)
                continue
            if row[3] is None and key is not None:
                row = self._name(row, key)
                fresh.append(mention)
            if stated_us is not None and (row[5] is None or stated_us < row[5]):
                self._date(row, position, stated_us)
        return fresh

    def known_since(self, vertex: int) -> int:
        """Return the position of the first mention of a known node."""
        since: int = self._rows[vertex][1]
        return since

    def flush(self, writer: Writer) -> None:
        """Write what was added, named and dated."""
        writer.replace(NODE, [self._rows[vertex] for vertex in self._changed])
        writer.insert(NODE, [self._rows[vertex] for vertex in self._new])
        writer.insert(NODE_EARLIER, list(self._earlier.values()))
        self._new, self._changed, self._earlier = set(), set(), {}

    def _know(self, row: Row) -> None:
        # What this run has changed of a node is newer than what the store says.
        self._rows.setdefault(row[0], row)
        self.known.add(row[0])

    def _add(self, vertex: int, key: str | None, position: int, stated_us: int | None) -> None:
        hashed = None
        if key is not None:
            hashed = name_hash(realm(vertex), key)
            self.vertices[realm(vertex), key] = vertex
        self._rows[vertex] = (vertex, position, hashed, key, stated_us, stated_us)
        self._new.add(vertex)
        self.known.add(vertex)

    def _name(self, row: Row, key: str) -> Row:
        vertex = row[0]
        self.vertices[realm(vertex), key] = vertex
        return self._put((*row[:2], name_hash(realm(vertex), key), key, *row[4:]))

    def _date(self, row: Row, position: int, stated_us: int) -> None:
        self._put((*row[:5], stated_us))
        self._earlier[row[0], position] = (row[0], position, stated_us)

    def _put(self, row: Row) -> Row:
        self._rows[row[0]] = row
        if row[0] not in self._new:
            self._changed.add(row[0])
        return row


def read_stated_starts(
    reader: Reader, vertices: Collection[int], size: int
) -> dict[int, int | None]:
    """Return the earliest stated time of what mentions each of these nodes, as of a size.

    ``None``: nobody has dated it by then. What is no node by then is left out.
    """
    starts: dict[int, int | None] = {}
    moved: list[int] = []
    for vertex, since, _, _, stated_us, earliest_us in reader.find(NODE, "vertex", vertices):
        if since < size:
            starts[vertex] = stated_us
            if earliest_us != stated_us:
                moved.append(vertex)
    for vertex, since, stated_us in reader.find(NODE_EARLIER, "vertex", moved):
        if since < size:
            starts[vertex] = earlier(starts[vertex], stated_us)
    return starts
