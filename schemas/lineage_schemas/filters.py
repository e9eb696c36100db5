"""Filters of nodes: one grammar for searches, lists and traces, at every surface.

``parse_filter`` reads the text; ``NodeFilter`` is what it means.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue


class Comparison(StrEnum):
    """How a property is compared with a value."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


class PropertyTest(Struct, frozen=True):
    """A property, declared or custom, compares so with a value; a missing one never does."""

    name: str
    comparison: Comparison
    value: JsonValue


class NodeFilter(Struct, frozen=True, kw_only=True):
    """Which nodes are meant: those that fulfil every part that is given.

    Within one part any of its values will do, but every one of ``properties`` must hold. ``types``
    are names of types and of base types, so a type stands for all that are based on it.
    ``contexts`` are identifiers or labels of contexts of which a node is a member. An empty filter
    means every node.
    """

    kinds: tuple[Kind, ...] = ()
    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    properties: tuple[PropertyTest, ...] = ()
    sources: tuple[str, ...] = ()
    stub: bool | None = None
