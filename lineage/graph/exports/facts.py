"""What every export says: the answer's own facts, and the values of a node or an edge by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from lineage.graph.export import edge_refs, node_ref
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Edge, Entity, LineageAnswer, Link, Node
from lineage_schemas.instants import format_instant, parse_instant
from lineage_schemas.values import JsonValue

Facts = dict[str, JsonValue]

DRAWN: Final = frozenset({"nodes", "edges", "links", "entities"})
"""What of an answer a format shows in its own way; the rest are its facts."""

_NON_FINITE: Final = {"Infinity": "INF", "-Infinity": "-INF"}
_STEERING: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")
"""What steers a terminal, and the two characters besides control characters that XML cannot say."""

_ENCODE: Final = msgspec.json.Encoder().encode


def answer_facts(answer: LineageAnswer) -> Facts:
    """Return what an answer says of itself, whatever it will say in later versions too.

    ``edges_without_nodes`` counts the edges that lead to what the answer does not show: no format
    here can draw them.
    """
    facts: Facts = {"complete": answer.complete, "node_count": len(answer.nodes)}
    facts["edge_count"] = len(answer.edges)
    facts["edges_without_nodes"] = len(answer.edges) - sum(1 for _ in shown_edges(answer))
    for name in answer.__struct_fields__:
        if name not in DRAWN:
            facts[name] = plain(getattr(answer, name))
    facts["entities"] = [_entity_facts(entity) for entity in answer.entities]
    return facts


def _entity_facts(entity: Entity) -> Facts:
    """Return an entity without its merged values, which its members' values give."""
    names = (name for name in entity.__struct_fields__ if name != "merged")
    return {name: plain(getattr(entity, name)) for name in names}


def missing(answer: LineageAnswer) -> list[str]:
    """Say in words what is missing from an answer, or was erased; nothing to say: nothing is."""
    basis = answer.basis
    return [
        *(
            f"cut: {one.reason.value} {one.limit}, {one.hidden} hidden"
            for one in answer.truncations
        ),
        *(f"incomplete: {reason}" for reason in basis.incomplete_because),
        *(["incomplete"] if not basis.complete and not basis.incomplete_because else []),
        *([f"redacted: {basis.redactions} entries"] if basis.redactions else []),
        *([f"filtered: {answer.filtered} nodes"] if answer.filtered else []),
        *([f"unknown: {', '.join(answer.unknown)}"] if answer.unknown else []),
        *([f"not begun: {', '.join(answer.not_begun)}"] if answer.not_begun else []),
        *([f"unresolved: {answer.unresolved} of the stubs"] if answer.unresolved else []),
        *([f"undated, counted in: {answer.undated}"] if answer.undated else []),
    ]


def shown_edges(answer: LineageAnswer) -> Iterator[tuple[str, str, Edge]]:
    """Yield each edge whose ends the answer shows, with their names, as the data flowed."""
    shown = {node_ref(node) for node in answer.nodes}
    for edge in answer.edges:
        tail, head = edge_refs(edge)
        if tail in shown and head in shown:
            yield tail, head, edge


def link_facts(link: Link) -> Facts:
    """Return a link as plain values: whose, to what, how strong, on whose word."""
    return {
        "node": f"{link.kind.value}/{link.node}",
        "identifier": link.identifier,
        "class": link.link_class,
        "source": link.source,
        "evidence": link.evidence,
    }


def node_facts(node: Node) -> Facts:
    """Return a node's fixed values by name, without those it does not have, and no properties."""
    facts: Facts = {"kind": node.kind.value if node.kind else "unknown", "ref": node_ref(node)}
    for name in ("key", "type", "type_version", "name", "external_id", "uri", "state"):
        value = getattr(node, name)
        if value is not None:
            facts[name] = value
    return facts | {"stub": node.stub, "depth": node.depth, "redacted": node.redacted}


def edge_facts(edge: Edge) -> Facts:
    """Return what an edge says: its kind, and its path and time where they are known."""
    facts: Facts = {"kind": edge.kind.value}
    if edge.path:
        facts["path"] = list(edge.path)
    if edge.time_us is not None:
        facts["time"] = format_instant(edge.time_us)
    return facts


def stated_instant(node: Node, name: str) -> int | None:
    """Return when an execution says it began or was over; ``None`` where it says no time."""
    value = node.properties.get(name)
    if not isinstance(value, str):
        return None
    try:
        return parse_instant(value)
    except InvalidInputError:
        # Properties are the sources' words: this one is no time, and is exported as it stands.
        return None


def typed(value: JsonValue) -> tuple[str, str]:
    """Return (type, text) of a property: boolean, long, double or string, else json."""
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if isinstance(value, int):
        return "long", str(value)
    if isinstance(value, float):
        return "double", repr(value)
    if isinstance(value, str):
        return "string", value
    if isinstance(value, dict) and value.keys() == {"$float"}:
        return "double", _NON_FINITE.get(str(value["$float"]), "NaN")
    return "json", json_text(value)


def plain(value: object) -> JsonValue:
    """Return a struct as plain JSON."""
    shown: JsonValue = msgspec.to_builtins(value)
    return shown


def json_text(value: object) -> str:
    """Return a value as JSON on one line that steers no terminal: what would is escaped."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", _ENCODE(value).decode())


def json_members(items: Iterable[tuple[str, JsonValue]]) -> Iterator[str]:
    """Yield the members of a JSON object a line, commas included, one ahead of what is asked."""
    comma = ""
    for name, value in items:
        yield f"{comma}{json_text(name)}:{json_text(value)}"
        comma = ","


def json_items(items: Iterable[JsonValue]) -> Iterator[str]:
    """Yield the items of a JSON array a line, commas included."""
    comma = ""
    for value in items:
        yield f"{comma}{json_text(value)}"
        comma = ","
