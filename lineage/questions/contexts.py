"""Find what nodes belong to: the jobs of runs, the experiments of models."""

from __future__ import annotations

from collections.abc import Iterable

from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.nodes import read_nodes
from lineage.stores.base import Reader
from lineage.vertices import KIND_CODES, node_name, vertex_of
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Kind

NodeId = tuple[Kind, int]
"""Names a node inside its namespace."""


def read_contexts(
    reader: Reader, namespace: int, nodes: Iterable[NodeId], size: int
) -> dict[NodeId, tuple[Node, ...]]:
    """Return the contexts of each of these nodes, by id; those without any are left out."""
    members = {vertex_of(namespace, KIND_CODES[kind], number) for kind, number in nodes}
    found = sorted(
        (int(member), int(context))
        for member, context, since in reader.find(MEMBERSHIP, "member", members)
        if since < size
    )
    contexts = read_nodes(reader, {context for _, context in found}, size)
    gathered: dict[NodeId, tuple[Node, ...]] = {}
    for member, context in found:
        name = node_name(member)
        own = gathered.get((name.kind, name.id), ())
        gathered[name.kind, name.id] = (*own, contexts[context])
    return gathered
