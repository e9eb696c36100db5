"""What shows of nodes at the two times that are asked about.

Of a valid time shows what had been said by its end, of each field by the rule of observations; what
nobody dated was said before all that is dated. A node of which all values were said later is a
stub then: it was there, and that is all that was said of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from lineage.projections.states import (
    STATE,
    STATE_PAST,
    is_all_said_by,
    kept_values,
    node_of,
    read_shown,
)
from lineage.projections.values import Said
from lineage.questions.citing import cite_nodes
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import NodesRead, read_with_stubs
from lineage.stores.base import Reader
from lineage.stores.tables import Row
from lineage_schemas.graph import Node

Told = Mapping[str, Sequence[Said]]
"""Of each field the latest value of each source."""


class Kept(NamedTuple):
    """What is kept of a node that was described, by field, and its key."""

    key: str | None
    told: Told


def read_then(reader: Reader, vertices: Collection[int], then: Then) -> NodesRead:
    """Return what shows of nodes, and which of them nobody had described.

    With a valid time it reads the states of all nodes once more, and the versions of those of which
    anything was said later.
    """
    read = read_with_stubs(reader, vertices, then.size)
    for vertex, told in read_overruled(reader, vertices, then).items():
        node = read.nodes[vertex]
        shown = node_of(vertex, node.key, told)
        is_stub = not told and not node.redacted
        read.nodes[vertex] = replace(shown, redacted=node.redacted, stub=is_stub)
        if is_stub:
            read.stubs.append(vertex)
    return read


def read_nodes_then(reader: Reader, vertices: Collection[int], then: Then) -> dict[int, Node]:
    """Return what shows of nodes."""
    return read_then(reader, vertices, then).nodes


def read_kept(reader: Reader, vertices: Collection[int], then: Then) -> dict[int, Kept]:
    """Return what is kept of those of the nodes that had been described."""
    rows = _read_rows(reader, vertices, then.size)
    overruled = _overruled(reader, rows, then)
    found: dict[int, Kept] = {}
    for row in rows:
        told = overruled.get(row[0])
        if told is None:
            told = kept_values(row)
        elif not told:
            continue
        found[row[0]] = Kept(read_shown(row).key, told)
    return found


def read_overruled(reader: Reader, vertices: Collection[int], then: Then) -> dict[int, Told]:
    """Return what was kept at a valid time of the nodes of which anything was said later."""
    if then.valid_us is None:
        return {}
    return _overruled(reader, _read_rows(reader, vertices, then.size), then)


def _overruled(reader: Reader, rows: Collection[Row], then: Then) -> dict[int, Told]:
    valid_us = then.valid_us
    if valid_us is None:
        return {}
    later = [row[0] for row in rows if not is_all_said_by(row, valid_us)]
    return {
        vertex: {
            field: [cited.said for cited in history.kept]
            for field, history in fields.items()
            if history.kept
        }
        for vertex, fields in cite_nodes(reader, later, then.size, valid_us).items()
    }


def _read_rows(reader: Reader, vertices: Collection[int], size: int) -> list[Row]:
    rows = reader.find(STATE, "vertex", vertices, size)
    missing = set(vertices) - {row[0] for row in rows}
    return rows + (reader.find(STATE_PAST, "vertex", missing, size) if missing else [])
