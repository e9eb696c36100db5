"""An answer as PROV-JSON, the W3C's words for provenance (https://www.w3.org/submissions/prov-json).

    artifact     entity               INPUT     used
    execution    activity             OUTPUT    wasGeneratedBy
    context      entity, a Collection people    agent, wasAssociatedWith, wasAttributedTo
    link         asserted: alternateOf an entity that stands for the identifier;
                 content: specializationOf it; every link is an attribute ``ledger:link`` too

All of it stands in one bundle, which is an entity itself: with the answer's facts, and attributed
to the sources in scope. An identifier that names an execution is an attribute alone, since PROV
knows no alternates of activities; so is a derived link, which is too weak a word for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from lineage.graph.export import node_ref
from lineage.graph.exports.facts import (
    Facts,
    answer_facts,
    json_members,
    json_text,
    link_facts,
    missing,
    node_facts,
    shown_edges,
    stated_instant,
    typed,
)
from lineage_schemas.graph import LineageAnswer, Link, Node
from lineage_schemas.instants import format_instant
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

PEOPLE: Final = ("owner", "started_by", "approver")
"""The properties of the well-known types that name who answers for a thing, or did it."""

_URN: Final = "urn:lineage-ledger:"
_UNSAFE: Final = re.compile("[^A-Za-z0-9_/]")
_DATATYPES: Final = {"boolean": "xsd:boolean", "long": "xsd:long", "double": "xsd:double"}
_ALTERNATES: Final = frozenset({"key", "asserted"})
_CONTENT: Final = "content"

_Member = tuple[str, JsonValue]


def prov_lines(answer: LineageAnswer) -> Iterator[str]:
    """Write an answer as PROV-JSON, one entity, activity or relation a line."""
    facts = answer_facts(answer)
    bundle = f"answer:{_local(str(uuid5(NAMESPACE_URL, json_text(facts))))}"
    prefixes = json_text(_prefixes(answer))
    links = _links_of(answer.links)
    yield f'{{"prefix":{prefixes},'
    yield from _section("entity", [(bundle, _about(answer, facts))], last=False)
    yield from _section("agent", _sources(answer), last=False)
    yield from _section("wasAttributedTo", _told(answer, bundle), last=False)
    yield f'"bundle":{{{json_text(bundle)}:{{"prefix":{prefixes},'
    yield from _section("entity", _entities(answer, links), last=False)
    yield from _section("activity", _activities(answer, links), last=False)
    yield from _section("agent", _people(answer), last=False)
    yield from _section("used", _relations(answer, inputs=True), last=False)
    yield from _section("wasGeneratedBy", _relations(answer, inputs=False), last=False)
    yield from _section("wasAssociatedWith", _associated(answer), last=False)
    yield from _section("wasAttributedTo", _attributed(answer), last=False)
    yield from _section("alternateOf", _alternates(answer), last=False)
    yield from _section("specializationOf", _specialised(answer), last=True)
    yield "}}}"


def _section(name: str, members: Iterable[_Member], *, last: bool) -> Iterator[str]:
    yield f'"{name}":{{'
    yield from json_members(members)
    yield "}" if last else "},"


def _prefixes(answer: LineageAnswer) -> dict[str, JsonValue]:
    place = f"{_local(answer.basis.origin)}:{_local(answer.basis.namespace)}:"
    nodes = ("artifact", "execution", "context")
    return {
        "ledger": f"{_URN}prov:",
        "properties": f"{_URN}prov:properties:",
        "custom_properties": f"{_URN}prov:custom_properties:",
        "identifier": f"{_URN}identifier:",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "answer": f"{_URN}answer:",
        **{name: f"{_URN}{name}:{place}" for name in (*nodes, "unknown", "erased")},
        **{name: f"{_URN}{name}:{place}" for name in ("person", "source")},
    }


def _local(text: str) -> str:
    """Return a text as the local part of a qualified name: letters, digits, ``_``, ``/``, ``%``."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _name(node: Node) -> str:
    kind, _, rest = node_ref(node).partition("/")
    return f"{kind}:{_local(rest)}"


def _qualified(name: str) -> JsonValue:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _value(value: JsonValue) -> JsonValue:
    kind, text = typed(value)
    if kind == "string":
        return text
    return {"$": text, "type": _DATATYPES.get(kind, "rdf:JSON")}


def _values(prefix: str, facts: Facts) -> Facts:
    return {f"{prefix}:{_local(name)}": _value(value) for name, value in facts.items()}


def _about(answer: LineageAnswer, facts: Facts) -> Facts:
    about: Facts = {"prov:type": _qualified("prov:Bundle")}
    about |= _values("ledger", facts)
    lacks = missing(answer)
    if lacks:
        about["ledger:missing"] = [*lacks]
    return about


def _sources(answer: LineageAnswer) -> Iterator[_Member]:
    for source in dict.fromkeys(answer.basis.sources):
        kind = _qualified("prov:SoftwareAgent")
        yield f"source:{_local(source)}", {"prov:type": kind, "prov:label": source}


def _told(answer: LineageAnswer, bundle: str) -> Iterator[_Member]:
    for number, source in enumerate(dict.fromkeys(answer.basis.sources)):
        agent = f"source:{_local(source)}"
        yield f"_:s{number}", {"prov:entity": bundle, "prov:agent": agent}


def _links_of(links: tuple[Link, ...]) -> dict[str, list[JsonValue]]:
    """Return the links of each node, by the node's name."""
    found: dict[str, list[JsonValue]] = {}
    for link in links:
        found.setdefault(f"{link.kind.value}/{link.node}", []).append(_value(link_facts(link)))
    return found


def _described(node: Node, links: dict[str, list[JsonValue]]) -> Facts:
    facts = _values("ledger", node_facts(node))
    facts |= _values("properties", node.properties)
    facts |= _values("custom_properties", node.custom_properties)
    label = node.name or node.key
    if label:
        facts["prov:label"] = label
    own = links.get(node_ref(node))
    if own:
        facts["ledger:link"] = own
    return facts


def _entities(answer: LineageAnswer, links: dict[str, list[JsonValue]]) -> Iterator[_Member]:
    for node in answer.nodes:
        if node.kind is Kind.EXECUTION:
            continue
        types: list[JsonValue] = [_qualified("prov:Collection")] * (node.kind is Kind.CONTEXT)
        types += [node.type] * (node.type is not None)
        facts = _described(node, links)
        if types:
            facts["prov:type"] = types
        yield _name(node), facts
    hubs = {_hub(number, link): link for number, link in _entity_links(answer)}
    for hub, link in hubs.items():
        facts = {"prov:type": _qualified("ledger:Identifier")}
        yield hub, facts if link.identifier is None else facts | {"prov:label": link.identifier}


def _activities(answer: LineageAnswer, links: dict[str, list[JsonValue]]) -> Iterator[_Member]:
    for node in answer.nodes:
        if node.kind is not Kind.EXECUTION:
            continue
        facts = _described(node, links)
        if node.type is not None:
            facts["prov:type"] = node.type
        for attribute, slot in (("startTime", "started_time"), ("endTime", "ended_time")):
            instant = stated_instant(node, slot)
            if instant is not None:
                facts[f"prov:{attribute}"] = format_instant(instant)
        yield _name(node), facts


def _acting(answer: LineageAnswer) -> Iterator[tuple[Node, str, str]]:
    """Yield who is named by a node, and as what; an erased name names nobody."""
    for node in answer.nodes:
        for role in PEOPLE:
            person = node.properties.get(role)
            if isinstance(person, str) and person:
                yield node, role, person


def _people(answer: LineageAnswer) -> Iterator[_Member]:
    for person in dict.fromkeys(person for _, _, person in _acting(answer)):
        yield f"person:{_local(person)}", {"prov:label": person}


def _associated(answer: LineageAnswer) -> Iterator[_Member]:
    for number, (node, role, person) in enumerate(_acting(answer)):
        if node.kind is Kind.EXECUTION:
            agent = f"person:{_local(person)}"
            relation: Facts = {"prov:activity": _name(node), "prov:agent": agent, "prov:role": role}
            yield f"_:a{number}", relation


def _attributed(answer: LineageAnswer) -> Iterator[_Member]:
    for number, (node, role, person) in enumerate(_acting(answer)):
        if node.kind is not Kind.EXECUTION:
            agent = f"person:{_local(person)}"
            relation: Facts = {"prov:entity": _name(node), "prov:agent": agent, "ledger:role": role}
            yield f"_:t{number}", relation


def _relations(answer: LineageAnswer, *, inputs: bool) -> Iterator[_Member]:
    for number, (_, _, edge) in enumerate(shown_edges(answer)):
        if edge.kind.is_input is not inputs:
            continue
        relation: Facts = {
            "prov:activity": f"execution:{edge.execution}",
            "prov:entity": f"artifact:{edge.artifact}",
            "ledger:event": edge.kind.value,
        }
        if edge.path:
            relation["ledger:path"] = _value(list(edge.path))
        if edge.time_us is not None:
            relation["prov:time"] = format_instant(edge.time_us)
        yield f"_:e{number}", relation


def _entity_links(answer: LineageAnswer) -> Iterator[tuple[int, Link]]:
    for number, link in enumerate(answer.links):
        crosses = link.link_class in _ALTERNATES or link.link_class == _CONTENT
        if link.kind is not Kind.EXECUTION and crosses:
            yield number, link


def _hub(number: int, link: Link) -> str:
    """Name the entity of an identifier; one that was erased has an entity for each of its links."""
    if link.identifier is None:
        return f"erased:{number}"
    return f"identifier:{_local(link.identifier)}"


def _alternates(answer: LineageAnswer) -> Iterator[_Member]:
    for number, link in _entity_links(answer):
        if link.link_class in _ALTERNATES:
            node = f"{link.kind.value}:{link.node}"
            yield f"_:l{number}", {"prov:alternate1": node, "prov:alternate2": _hub(number, link)}


def _specialised(answer: LineageAnswer) -> Iterator[_Member]:
    for number, link in _entity_links(answer):
        if link.link_class == _CONTENT:
            node = f"{link.kind.value}:{link.node}"
            hub = _hub(number, link)
            yield f"_:c{number}", {"prov:specificEntity": node, "prov:generalEntity": hub}
