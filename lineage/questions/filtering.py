"""Which nodes fulfil a filter, as of a size: prepared once, asked of many nodes at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, NamedTuple

from lineage.projections.catalog import types_as_of
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.states import STATE, STATE_PAST, read_sources
from lineage.questions.graph_asked import Then
from lineage.questions.labels import clean_name, resolve_name
from lineage.questions.nodes import find_identified
from lineage.questions.showing import read_nodes_then, read_overruled
from lineage.questions.type_names import types_named
from lineage.stores.base import Reader
from lineage_schemas.errors import NotFoundError
from lineage_schemas.filters import Comparison, NodeFilter, PropertyTest
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import NON_FINITE, JsonValue

_COMPARES: Final[dict[Comparison, Callable[[Any, Any], bool]]] = {
    Comparison.EQUAL: eq,
    Comparison.UNEQUAL: ne,
    Comparison.LESS: lt,
    Comparison.AT_MOST: le,
    Comparison.GREATER: gt,
    Comparison.AT_LEAST: ge,
}


class PreparedFilter(NamedTuple):
    """A filter with the names in it looked up: ``types`` are all names that will do."""

    wanted: NodeFilter
    types: frozenset[str]
    contexts: frozenset[int]

    def matches(self, node: Node) -> bool:
        """Tell whether what shows of a node fulfils the filter, contexts and sources apart."""
        wanted = self.wanted
        return (
            (not wanted.kinds or node.kind in wanted.kinds)
            and (not wanted.types or node.type in self.types)
            and (not wanted.states or node.state in wanted.states)
            and (not wanted.keys or (node.key or "").startswith(wanted.keys))
            and (wanted.stub is None or node.stub == wanted.stub)
            and all(_holds(test, node) for test in wanted.properties)
        )


def prepare_filter(
    reader: Reader, namespace: int | None, wanted: NodeFilter, size: int
) -> PreparedFilter:
    """Look up what a filter names.

    Raises:
        NotFoundError: a type or a context that the namespace has not heard of by then.
        AmbiguousLabelError: a label of several contexts.
    """
    known = types_as_of(reader, namespace, size) if wanted.types and namespace is not None else []
    types = {row.definition.name for asked in wanted.types for row in types_named(known, asked)}
    contexts = {
        vertex
        for asked in wanted.contexts
        for vertex in _contexts_named(reader, namespace, asked, size)
    }
    return PreparedFilter(wanted, frozenset(types), frozenset(contexts))


def matching(
    reader: Reader, prepared: PreparedFilter, vertices: Collection[int], then: Then
) -> set[int]:
    """Return those of the nodes that fulfil a filter by what shows of them."""
    return matching_read(reader, prepared, read_nodes_then(reader, vertices, then), then)


def matching_read(
    reader: Reader, prepared: PreparedFilter, nodes: Mapping[int, Node], then: Then
) -> set[int]:
    """Return those that fulfil a filter of nodes that were read already, by vertex."""
    found = {vertex for vertex, node in nodes.items() if prepared.matches(node)}
    if prepared.wanted.contexts:
        found &= {
            member
            for member, context, since in reader.find(MEMBERSHIP, "member", found)
            if since < then.size and context in prepared.contexts
        }
    if prepared.wanted.sources:
        found &= _said_by(reader, found, set(prepared.wanted.sources), then)
    return found


def _said_by(reader: Reader, vertices: set[int], sources: set[str], then: Then) -> set[int]:
    rows = [row for row in reader.find(STATE, "vertex", vertices) if row[1] < then.size]
    earlier = vertices - {row[0] for row in rows}
    rows += reader.find(STATE_PAST, "vertex", earlier, then.size)
    said = {row[0]: read_sources(row) for row in rows}
    for vertex, told in read_overruled(reader, vertices, then).items():
        said[vertex] = {one.source for some in told.values() for one in some}
    return {vertex for vertex, told in said.items() if told & sources}


def _contexts_named(reader: Reader, namespace: int | None, asked: str, size: int) -> list[int]:
    key, _ = resolve_name(reader, namespace, clean_name(asked), (Kind.CONTEXT,), size)
    found: list[int] = []
    if namespace is not None:
        found = find_identified(reader, namespace, key, (Kind.CONTEXT,), size)
    if not found:
        raise NotFoundError("There is no context of this name", where=asked[:64])
    return found


def _holds(test: PropertyTest, node: Node) -> bool:
    values = (node.properties.get(test.name), node.custom_properties.get(test.name))
    return any(value is not None and _compares(test, value) for value in values)


def _compares(test: PropertyTest, value: JsonValue) -> bool:
    """Compare within numbers, texts or truth values; of two sorts, all that holds is "unequal"."""
    mine, theirs = _plain(value), _plain(test.value)
    if mine is None or _sort_of(mine) is not _sort_of(theirs):
        return test.comparison is Comparison.UNEQUAL
    if isinstance(mine, bool) and test.comparison not in {Comparison.EQUAL, Comparison.UNEQUAL}:
        return False
    not_numbers = [isinstance(one, float) and math.isnan(one) for one in (mine, theirs)]
    if any(not_numbers):
        # A metric that is no number is found as such, and lies before or behind nothing.
        same = all(not_numbers)
        return {Comparison.EQUAL: same, Comparison.UNEQUAL: not same}.get(test.comparison, False)
    return _COMPARES[test.comparison](mine, theirs)


def _plain(value: JsonValue) -> bool | float | str | None:
    """Return a value that can be compared; ``None``: an object, which only differs."""
    if isinstance(value, dict):
        tag = value.get("$float")
        return NON_FINITE.get(tag) if isinstance(tag, str) else None
    return value if isinstance(value, bool | int | float | str) else None


def _sort_of(value: object) -> type:
    return float if type(value) is int else type(value)
