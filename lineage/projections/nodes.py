"""The view of nodes: every node that was ever mentioned, with its key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lineage.projections.unfolding import Mention, Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Column, Row, Table
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
)


class Nodes:
    """The nodes that one run of folding touches."""

    def __init__(self) -> None:
        self.vertices: dict[tuple[int, str], int] = {}
        """(realm, key) of the nodes that were looked up by key, to their vertices."""
        self.known: set[int] = set()
        self._new: list[Row] = []

    def load_keys(self, reader: Reader, hashes: Iterable[int]) -> None:
        """Look up nodes by the hashes of their keys."""
        for vertex, _, _, key in reader.find(NODE, "key_hash", hashes):
            self.vertices[realm(vertex), key] = vertex
            self.known.add(vertex)

    def load(self, reader: Reader, vertices: Iterable[int]) -> None:
        """Look up which of these vertices are nodes already."""
        self.known.update(row[0] for row in reader.find(NODE, "vertex", vertices))

    def fold(self, said: Unfolded) -> list[Mention]:
        """Add what is mentioned for the first time; return those mentions."""
        fresh: list[Mention] = []
        for mention in said.mentions:
            vertex, key = mention
            if vertex in self.known:
                continue
            self.known.add(vertex)
            key_hash = None
            if key is not None:
                key_hash = name_hash(realm(vertex), key)
                self.vertices[realm(vertex), key] = vertex
            self._new.append((vertex, said.entry.position, key_hash, key))
            fresh.append(mention)
        return fresh

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        writer.insert(NODE, self._new)
        self._new = []
