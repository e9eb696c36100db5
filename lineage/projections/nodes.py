"""The view of nodes: every node that was ever mentioned, with its key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lineage.projections.unfolding import Mention, Unfolded
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
    ),
    key=("vertex",),
    indexes=(("key_hash",),),
    bound=(Bound.VERTEX, "vertex"),
)


class Nodes:
    """The nodes that one run of folding touches."""

    def __init__(self) -> None:
        self.vertices: dict[tuple[int, str], int] = {}
        """(realm, key) of the nodes that were looked up by key, to their vertices."""
        self.known: set[int] = set()
        self._keyless: dict[int, int] = {}
        """Known nodes whose mentions so far were erased, and since when they are known: the next
        mention that tells the key gives it."""
        self._new: dict[int, Row] = {}
        self._named: list[Row] = []

    def load_keys(self, reader: Reader, hashes: Iterable[int]) -> None:
        """Look up nodes by the hashes of their keys."""
        for vertex, _, _, key in reader.find(NODE, "key_hash", hashes):
            self.vertices[realm(vertex), key] = vertex
            self.known.add(vertex)

    def load(self, reader: Reader, vertices: Iterable[int]) -> None:
        """Look up which of these vertices are nodes already."""
        for vertex, since, _, key in reader.find(NODE, "vertex", vertices):
            self.known.add(vertex)
            if key is None:
                self._keyless[vertex] = since

    def fold(self, said: Unfolded) -> list[Mention]:
        """Add what is mentioned, or named, for the first time; return those mentions."""
        fresh: list[Mention] = []
        for mention in said.mentions:
            vertex, key = mention
            if vertex in self.known and (key is None or vertex not in self._keyless):
                continue
            self._put(vertex, key, said.entry.position)
            fresh.append(mention)
        return fresh

    def flush(self, writer: Writer) -> None:
        """Write what was added and named."""
        writer.replace(NODE, self._named)
        writer.insert(NODE, list(self._new.values()))
        self._new, self._named = {}, []

    def _put(self, vertex: int, key: str | None, position: int) -> None:
        since = self._keyless.pop(vertex, None)
        if key is None:
            row: Row = (vertex, position, None, None)
            self._keyless[vertex] = position
        else:
            hashed = name_hash(realm(vertex), key)
            self.vertices[realm(vertex), key] = vertex
            row = (vertex, position if since is None else since, hashed, key)
        self.known.add(vertex)
        if since is None or vertex in self._new:
            self._new[vertex] = row
        else:
            self._named.append(row)
