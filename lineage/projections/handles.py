"""The view of handles: by what a node is looked up beside its key and its claims, by hash.

ML Metadata wants (type, name) unique in each kind, and the external id. Only nodes that commands
made are held to it: an observation's node is told by its key, and two of them may share a name.
An execution is also found by the data sets that it says column lineage of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage.vertices import KIND_CODES, name_hash, node_name, realm_of
from lineage_schemas.columns import COLUMNS_PREFIX, column_values, read_columns
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import COMMAND

HANDLE: Final = Table(
    "handle",
    (Column("hash", int), Column("vertex", int), Column("since", int)),
    key=("hash", "vertex", "since"),
    bound=(Bound.VERTEX, "vertex"),
)
"""Rows are only added: whoever looks a handle up compares what the node shows now."""


class Handles:
    """The handles that one run of folding touches."""

    def __init__(self) -> None:
        self._vertices: dict[int, set[int]] = {}
        self._new: dict[Row, Row] = {}

    def load(self, reader: Reader, hashes: Iterable[int]) -> set[int]:
        """Load who has, or once had, a handle; return those nodes."""
        found: set[int] = set()
        for handle, vertex, _ in reader.find(HANDLE, "hash", hashes):
            self._vertices.setdefault(handle, set()).add(vertex)
            found.add(vertex)
        return found

    def holders(self, handle: int) -> frozenset[int]:
        """Return the loaded nodes that have, or once had, this handle."""
        return frozenset(self._vertices.get(handle, ()))

    def fold(self, said: Unfolded, vertex: int, before: Node | None, after: Node) -> None:
        """Add the handles that a command gave a node, and those of its column lineage."""
        kind = node_name(vertex).kind
        if kind is Kind.EXECUTION:
            old = set[int]() if before is None else _column_handles(said.namespace, before)
            for handle in _column_handles(said.namespace, after) - old:
                self._add(said, vertex, handle)
        if said.entry.envelope.mode is not COMMAND:
            return
        old = set[int]() if before is None else handles_of(said.namespace, kind, before)
        for handle in handles_of(said.namespace, kind, after) - old:
            self._vertices.setdefault(handle, set()).add(vertex)
            self._add(said, vertex, handle)

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        writer.insert(HANDLE, list(self._new))
        self._new = {}

    def _add(self, said: Unfolded, vertex: int, handle: int) -> None:
        row = (handle, vertex, said.entry.position)
        self._new[row] = row


def name_handle(namespace: int, kind: Kind, type_name: str, version: str | None, name: str) -> int:
    """Return the handle of a node's name within its type."""
    text = f"name\n{type_name}\n{version or ''}\n{name}"
    return name_hash(realm_of(namespace, KIND_CODES[kind]), text)


def external_handle(namespace: int, kind: Kind, external_id: str) -> int:
    """Return the handle of an external id."""
    return name_hash(realm_of(namespace, KIND_CODES[kind]), f"external\n{external_id}")


def made_handle(namespace: int, dataset: str) -> int:
    """Return the handle of the executions that say what the data set with this key is made of."""
    return _column_handle(namespace, "made", dataset)


def used_handle(namespace: int, dataset: str) -> int:
    """Return the handle of those that say what is made of fields of the data set with this key."""
    return _column_handle(namespace, "used", dataset)


def _column_handle(namespace: int, what: str, dataset: str) -> int:
    return name_hash(realm_of(namespace, KIND_CODES[Kind.EXECUTION]), f"{what}\n{dataset}")


def _column_handles(namespace: int, node: Node) -> set[int]:
    handles: set[int] = set()
    for name, value in column_values(node.custom_properties).items():
        said = read_columns(value)
        # Of what was erased, or cannot be read, the name alone still tells the output.
        output = name.removeprefix(COLUMNS_PREFIX) if said is None else said.output
        handles.add(made_handle(namespace, output))
        if said is not None:
            handles.update(used_handle(namespace, key) for key in said.sources)
    return handles


def handles_of(namespace: int, kind: Kind, node: Node) -> set[int]:
    """Return the handles of a node as it is shown."""
    handles: set[int] = set()
    if node.name is not None and node.type is not None:
        handles.add(name_handle(namespace, kind, node.type, node.type_version, node.name))
    if node.external_id is not None:
        handles.add(external_handle(namespace, kind, node.external_id))
    return handles
