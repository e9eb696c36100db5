"""What other tools read of an exported answer: networkx, the prov package, OpenLineage's schemas.

What they should find is taken from the answer by hand, node by node.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import fromstring

import networkx as nx
import prov.tests
import pytest
from hypothesis import given, settings
from jsonschema import Draft4Validator, Draft202012Validator
from prov.identifier import QualifiedName
from prov.model import (
    PROV_ATTR_ACTIVITY,
    PROV_ATTR_ENTITY,
    ProvActivity,
    ProvAlternate,
    ProvBundle,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvRecord,
    ProvSpecialization,
    ProvUsage,
)
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from answers import RUN_IDS, STARTED, answer_of, answers
from lineage.connectors.base import ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.graph.exports.dot import dot_lines
from lineage.graph.exports.graphml import graphml_lines
from lineage.graph.exports.node_link import node_link_lines
from lineage.graph.exports.openlineage import openlineage_lines
from lineage.graph.exports.prov import prov_lines
from lineage.ledger import Ledger, TraceQuery
from lineage_schemas.basis import Basis
from lineage_schemas.graph import Direction, LineageAnswer, Node
from lineage_schemas.identifiers import dataset_identifier
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue
from openlineage_messages import dataset, encoded, key_of, links, run_event

EXAMPLES: Final = settings(max_examples=60, deadline=None)
GRAPHML: Final = "{http://graphml.graphdrawing.org/xmlns}"
GRAPHML_TYPES: Final = {"boolean", "int", "long", "float", "double", "string"}
NMTOKEN: Final = re.compile(r"[\w.:-]+")
STRING: Final = r'"(?:[^"\\]|\\.)*"'
DOT: Final = re.compile(
    rf"  (?:// [^\n]*|rankdir=LR;|label={STRING};|(?P<node>{STRING}) \[label={STRING}, shape=\w+"
    rf"(?:, style=dashed)?\];|(?P<tail>{STRING}) -> (?P<head>{STRING}) \[label=(?P<kind>{STRING})"
    rf"(?P<link>, style=dashed, dir=none)?\];)",
    re.DOTALL,
)
STEERING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Ends = tuple[str, str, str]


def ref(node: Node) -> str:
    return f"{node.kind.value}/{node.id}" if node.kind else f"unknown/{node.key}"


def shown_edges(answer: LineageAnswer) -> Counter[Ends]:
    """Return the edges between nodes that are shown: (tail, head, kind), as the data flowed."""
    refs = set(map(ref, answer.nodes))
    found: Counter[Ends] = Counter()
    for edge in answer.edges:
        artifact, execution = f"artifact/{edge.artifact}", f"execution/{edge.execution}"
        if {artifact, execution} <= refs:
            flows_in = "INPUT" in edge.kind.value
            ends = (artifact, execution) if flows_in else (execution, artifact)
            found[(*ends, edge.kind.value)] += 1
    return found


def check_facts(found: dict[str, Any], answer: LineageAnswer) -> None:
    """Hold what an export says of itself, as JSON, against the answer."""
    is_whole = not answer.truncations and not answer.unknown
    assert found["complete"] is (answer.basis.complete and is_whole)
    assert found["basis"]["namespace"] == answer.basis.namespace
    assert found["basis"]["origin"] == answer.basis.origin
    assert [one["reason"] for one in found["truncations"]] == [
        one.reason.value for one in answer.truncations
    ]
    assert found["unknown"] == list(answer.unknown)
    assert found["basis"]["redactions"] == answer.basis.redactions
    assert found["edges_without_nodes"] == len(answer.edges) - shown_edges(answer).total()


def as_float(value: JsonValue) -> JsonValue:
    """Return a value as a reader has it: tagged numbers are numbers there."""
    return float(str(value["$float"])) if isinstance(value, dict) and "$float" in value else value


@EXAMPLES
@given(answers())
def test_graphml_is_read_by_networkx(answer: LineageAnswer) -> None:
    text = "\n".join(graphml_lines(answer))
    assert STEERING.search(text) is None
    check_graphml_form(text)
    graph = nx.parse_graphml(text, force_multigraph=True)
    by_ref = {unescaped(data, "ref"): (name, data) for name, data in graph.nodes(data=True)}
    assert by_ref.keys() == set(map(ref, answer.nodes))
    for node in answer.nodes:
        _, data = by_ref[ref(node)]
        for name in ("key", "type", "name", "uri", "state"):
            assert unescaped(data, name) == getattr(node, name)
        assert (data["stub"], data["depth"]) == (node.stub, node.depth)
        for name, value in node.properties.items():
            if "\\u" not in name and legal(name):
                check_property(data, name, as_float(value))
    refs = {name: found for found, (name, _) in by_ref.items()}
    drawn: list[Ends] = list(graph.edges(data="kind"))
    assert Counter((refs[tail], refs[head], kind) for tail, head, kind in drawn) == shown_edges(
        answer
    )
    facts = {name: value for name, value in graph.graph.items() if not name.endswith("_default")}
    texts = {name: unescaped(facts, name) for name in facts}
    read = {name: json.loads(texts[name]) for name in ("basis", "truncations", "unknown")}
    check_facts(texts | read, answer)


def check_property(data: dict[str, Any], name: str, value: JsonValue) -> None:
    if isinstance(value, dict):
        assert json.loads(unescaped(data, f"properties_json.{name}")) == value
    else:
        found = unescaped(data, f"properties.{name}")
        assert type(found) is type(value)
        assert repr(found) == repr(value)


def legal(text: str) -> bool:
    return re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", text) is None


def unescaped(data: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - whatever XML held
    """Return a value, read as the inside of a JSON string where ``escaped`` says it is one."""
    if name in json.loads(data.get("escaped", "[]")):
        return json.loads(f'"{data[name]}"')
    return data.get(name)


def check_graphml_form(text: str) -> None:
    """Hold a document to GraphML's rules: declared keys of known types, unique names, both ends."""
    root = fromstring(text)  # noqa: S314 - our own text
    keys = {key.get("id"): key for key in root.findall(f"{GRAPHML}key")}
    assert len(keys) == len(root.findall(f"{GRAPHML}key"))
    assert {key.get("attr.type") for key in keys.values()} <= GRAPHML_TYPES
    (graph,) = root.findall(f"{GRAPHML}graph")
    names = [node.get("id", "") for node in graph.findall(f"{GRAPHML}node")]
    assert len(set(names)) == len(names)
    assert all(NMTOKEN.fullmatch(name) for name in names)
    for owner in (graph, *graph):
        scope = owner.tag.removeprefix(GRAPHML)
        assert scope in {"graph", "node", "edge", "data"}
        for datum in owner.findall(f"{GRAPHML}data"):
            assert keys[datum.get("key")].get("for") == scope
    for edge in graph.findall(f"{GRAPHML}edge"):
        assert {edge.get("source"), edge.get("target")} <= set(names)


@EXAMPLES
@given(answers())
def test_node_link_is_read_by_networkx(answer: LineageAnswer) -> None:
    text = "\n".join(node_link_lines(answer))
    assert STEERING.search(text) is None
    document = json.loads(text)
    graph = nx.node_link_graph(document)
    assert isinstance(graph, nx.MultiDiGraph)
    for node in answer.nodes:
        data = graph.nodes[ref(node)]
        for name in ("key", "type", "name", "uri", "state"):
            assert data.get(name) == getattr(node, name)
        assert data["properties"] == node.properties
        assert data["custom_properties"] == node.custom_properties
    assert len(graph) == len(answer.nodes)
    assert Counter(graph.edges(data="kind")) == shown_edges(answer)
    check_facts(graph.graph, answer)
    found = [(link["identifier"], link["class"]) for link in graph.graph["links"]]
    assert found == [(link.identifier, link.link_class) for link in answer.links]
    again = nx.node_link_data(graph)
    assert again["nodes"] == document["nodes"]
    assert sorted(again["edges"], key=number) == document["edges"]


def number(edge: dict[str, int]) -> int:
    return edge["key"]


@EXAMPLES
@given(answers())
def test_dot_holds_to_its_grammar(answer: LineageAnswer) -> None:
    text = "\n".join(dot_lines(answer))
    assert STEERING.search(text) is None
    assert text.startswith("digraph lineage {\n")
    assert text.endswith("\n}")
    statements = split_dot(text[len("digraph lineage {\n") : -2])
    hubs = {f"identifier/{link.kind.value}/{link.identifier}" for link in answer.links}
    drawn = {dot_id(one["node"]) for one in statements if one["node"]}
    assert drawn - hubs - {f"erased/{index}" for index in range(9)} == set(map(ref, answer.nodes))
    edges = [one for one in statements if one["tail"] and not one["link"]]
    found = ((dot_id(one["tail"]), dot_id(one["head"]), dot_id(one["kind"])) for one in edges)
    assert Counter(found) == shown_edges(answer)
    said = [line[5:].split(": ", 1) for line in text.splitlines() if line.startswith("  // ")]
    check_facts({name: json.loads(value) for name, value in said}, answer)
    incomplete = bool(answer.truncations) or not answer.basis.complete
    assert any(one[0].startswith("  label=") for one in statements) == (
        incomplete or bool(answer.unknown) or bool(answer.basis.redactions)
    )


def split_dot(body: str) -> list[re.Match[str]]:
    """Part a body into its statements; whatever is none ends it with an error."""
    statements: list[re.Match[str]] = []
    at = 0
    while at < len(body):
        found = DOT.match(body, at)
        assert found is not None, body[at : at + 80]
        statements.append(found)
        at = found.end() + 1
    return statements


def dot_id(quoted: str) -> str:
    r"""Return the name that an id stands for: ``\uXXXX`` is a character that steers a terminal."""
    escapes = re.compile(r'\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|([\\"]))')
    return escapes.sub(
        lambda one: one[3] or chr(int(one[1] or one[2], 16)),
        quoted[1:-1],
    )


@cache
def prov_schema() -> Draft4Validator:
    """Return the schema of the W3C's submission, which the prov package brings."""
    path = Path(prov.tests.__file__).parent / "schemas" / "prov-json.schema.json"
    return Draft4Validator(json.loads(path.read_text()))


@settings(EXAMPLES, max_examples=15)
@given(answers())
def test_prov_is_read_by_the_prov_package(answer: LineageAnswer) -> None:
    text = "\n".join(prov_lines(answer))
    assert STEERING.search(text) is None
    prov_schema().validate(json.loads(text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = ProvDocument.deserialize(content=text, format="json")
    (bundle,) = document.bundles
    check_about(document, bundle, answer)
    check_nodes(bundle, answer)
    check_relations(bundle, answer)


def check_about(document: ProvDocument, bundle: ProvBundle, answer: LineageAnswer) -> None:
    assert bundle.identifier is not None
    (about,) = document.get_record(bundle.identifier)
    said = plain_attributes(about)
    facts = {name: one.value if hasattr(one, "value") else one for name, one in said.items()}
    read = {name: json.loads(facts[name]) for name in ("basis", "truncations", "unknown")}
    read["edges_without_nodes"] = int(facts["edges_without_nodes"])
    check_facts(facts | read, answer)
    agents = {str(one.label) for one in document.get_records() if local(one, "source")}
    assert agents == set(answer.basis.sources)


def local(record: ProvRecord, prefix: str) -> str | None:
    name = record.identifier
    if not isinstance(name, QualifiedName) or name.namespace.prefix != prefix:
        return None
    return str(name.localpart)


def plain_attributes(record: ProvRecord) -> dict[str, Any]:
    return {
        name.localpart: value
        for name, value in record.attributes
        if name.namespace.prefix in {"ledger", "properties"}
    }


def check_nodes(bundle: ProvBundle, answer: LineageAnswer) -> None:
    for node in answer.nodes:
        found = [
            record
            for record in bundle.get_records(
                ProvActivity if node.kind is Kind.EXECUTION else ProvEntity
            )
            if plain_attributes(record).get("ref") == ref(node)
        ]
        (record,) = found
        said = plain_attributes(record)
        for name in ("key", "type", "name", "uri", "state"):
            assert said.get(name) == getattr(node, name)
        if node.kind is Kind.EXECUTION:
            assert isinstance(record, ProvActivity)
            stated = node.properties.get("started_time") == STARTED
            assert (record.get_startTime() is not None) == stated
    activities = len(list(bundle.get_records(ProvActivity)))
    assert activities == sum(node.kind is Kind.EXECUTION for node in answer.nodes)


def check_relations(bundle: ProvBundle, answer: LineageAnswer) -> None:
    found: Counter[tuple[str, str, bool]] = Counter()
    for relation, is_input in ((ProvUsage, True), (ProvGeneration, False)):
        for record in bundle.get_records(relation):
            said = dict(record.formal_attributes)
            ends = (said[PROV_ATTR_ENTITY].localpart, said[PROV_ATTR_ACTIVITY].localpart)
            found[(*ends, is_input)] += 1
    expected: Counter[tuple[str, str, bool]] = Counter()
    for (tail, head, kind), count in shown_edges(answer).items():
        flows_in = "INPUT" in kind
        artifact, execution = (tail, head) if flows_in else (head, tail)
        numbers = artifact.removeprefix("artifact/"), execution.removeprefix("execution/")
        expected[(*numbers, flows_in)] += count
    assert found == expected
    classes = [link.link_class for link in answer.links if link.kind is Kind.ARTIFACT]
    assert len(list(bundle.get_records(ProvAlternate))) == sum(
        one in {"key", "asserted"} for one in classes
    )
    assert len(list(bundle.get_records(ProvSpecialization))) == classes.count("content")


def openlineage_schema(shared_data: Path) -> Draft202012Validator:
    """Return OpenLineage's own schema of a message, with the facet of other names."""
    spec = shared_data / "openlineage" / "spec"
    core = json.loads((spec / "OpenLineage.json").read_text())
    facet = json.loads((spec / "facets" / "SymlinksDatasetFacet.json").read_text())
    resources = [(one["$id"], DRAFT202012.create_resource(one)) for one in (core, facet)]
    registry: Registry[Any] = Registry[Any]().with_resources(resources)
    return Draft202012Validator(
        {
            "$ref": core["$id"],
            "properties": {
                name: {"items": {"properties": {"facets": {"$ref": facet["$id"]}}}}
                for name in ("inputs", "outputs")
            },
        },
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


@pytest.mark.needs_data
def test_every_event_fulfils_openlineages_schema(shared_data: Path) -> None:
    schema = openlineage_schema(shared_data)
    for answer in map(answer_of, range(EXAMPLES.max_examples)):
        lines = list(openlineage_lines(answer))
        for line in lines:
            assert STEERING.search(line) is None
            schema.validate(json.loads(line))
        first = json.loads(lines[0])
        holder = first.get("run") or first["dataset"]
        check_facts(holder["facets"]["lineageLedger_answer"], answer)


@EXAMPLES
@given(answers())
def test_our_own_connector_reads_the_edges_back(answer: LineageAnswer) -> None:
    """Names that are no data set's of OpenLineage stand in a namespace of ours."""
    events = [json.loads(line) for line in openlineage_lines(answer)]
    runs = [event for event in events if "run" in event]
    executions = [node for node in answer.nodes if node.kind is Kind.EXECUTION]
    assert len(runs) == len({event["run"]["runId"] for event in runs}) == len(executions)
    artifacts = {node.id: node for node in answer.nodes if node.kind is Kind.ARTIFACT}
    described = [one["dataset"] for one in events if "dataset" in one]
    described += [one for event in runs for one in (*event["inputs"], *event["outputs"])]
    facets = [one["facets"] for one in described]
    assert sum("lineageLedger_artifact" in one for one in facets) == len(artifacts)
    for event, node in zip(runs, executions, strict=True):
        run = f"ol:run/{event['run']['runId']}"
        if node.id is not None and node.key == f"ol:run/{RUN_IDS[node.id]}":
            assert run == node.key
        found = links(OpenLineageMapping().map(encoded(event)).records)
        assert {(key, kind.is_input, end) for key, kind, end in found} == {
            (exported_key(artifacts[edge.artifact], answer), edge.kind.is_input, run)
            for edge in answer.edges
            if edge.execution == node.id and edge.artifact in artifacts
        }


def exported_key(node: Node, answer: LineageAnswer) -> str:
    if node.key is None:
        place = json.loads(next(openlineage_lines(answer)))
        assert place["producer"] == "urn:lineage-ledger:software:lineage-ledger%2F0.1.0"
        return next(
            dataset_identifier(one["namespace"], one["name"])
            for line in openlineage_lines(answer)
            for one in (*json.loads(line).get("inputs", ()), *json.loads(line).get("outputs", ()))
            if one["name"] == f"artifact/{node.id}"
        )
    if node.key.startswith("ol:dataset/"):
        return node.key
    return dataset_identifier("lineage-ledger", node.key)


def test_a_run_that_nobody_dated_says_so() -> None:
    """The specification wants a time; an invented one would pass for a word of the source."""
    basis = Basis(origin="o", size=1, root="", projection="p", software="s", namespace="n")
    nodes = [
        Node(kind=Kind.EXECUTION, id=0),
        Node(kind=Kind.EXECUTION, id=1, properties={"started_time": STARTED}),
    ]
    answer = LineageAnswer(
        basis=basis, direction=Direction.BOTH, start=("x:y",), nodes=tuple(nodes), edges=()
    )
    never, dated = (json.loads(line) for line in openlineage_lines(answer))
    assert never["run"]["facets"]["lineageLedger_execution"]["undated"] is True
    assert never["eventTime"] == "1970-01-01T00:00:00.000000Z"
    assert "undated" not in dated["run"]["facets"]["lineageLedger_execution"]
    assert dated["eventTime"] == "2026-03-01T12:00:00.000000Z"


def test_a_lineage_that_is_sent_on_is_the_same_elsewhere(ledger: Ledger) -> None:
    """Export what tools told one ledger, tell it another, and ask both."""
    chain = [
        run_event(
            run={"runId": run_id},
            job={"namespace": "etl", "name": f"step {step}"},
            inputs=[dataset(f"t{step}")],
            outputs=[dataset(f"t{step + 1}"), dataset(f"side {step}")],
        )
        for step, run_id in enumerate(RUN_IDS)
    ]
    tell(ledger, [encoded(event) for event in chain])
    query = TraceQuery(start=(key_of("t0"),), direction=Direction.DOWNSTREAM)
    first = ledger.trace(query)
    runs = [(Kind.EXECUTION, one.id or 0) for one in first.nodes if one.kind is Kind.EXECUTION]
    exported = [line.encode() for line in openlineage_lines(first, ledger.contexts_of(runs))]
    tell(ledger, exported, "elsewhere")
    again = ledger.trace(query, namespace="elsewhere")
    assert edges_by_key(again) == edges_by_key(first)
    assert len(edges_by_key(first)) == 3 * len(chain)
    assert {json.loads(line)["job"]["name"] for line in exported} == {
        f"step {step}" for step in range(len(chain))
    }


def tell(ledger: Ledger, bodies: list[bytes], namespace: str = "default") -> None:
    for body in bodies:
        message = ReceivedMessage(body, "application/json")
        ledger.receive(message, OpenLineageMapping(), source="ol", namespace=namespace)


def edges_by_key(answer: LineageAnswer) -> set[Ends]:
    keys = {(node.kind, node.id): node.key or "" for node in answer.nodes}
    return {
        (keys[Kind.ARTIFACT, one.artifact], keys[Kind.EXECUTION, one.execution], one.kind.value)
        for one in answer.edges
    }
