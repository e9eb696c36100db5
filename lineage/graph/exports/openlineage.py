"""An answer as OpenLineage run events (core 2-0-2): one an execution, with what it read and wrote.

A data set's namespace and name are those of its key where it is OpenLineage's own; any other key is
a name in the namespace ``lineage-ledger``. Artifacts that no shown execution touches are dataset
events. Contexts, and starts that nobody has heard of, have no event of their own: the facet
``lineageLedger_answer`` names and counts them. Where there is no event to bear it, an answer cannot
be said this way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import Struct

from lineage.graph.exports.facts import (
    Facts,
    answer_facts,
    edge_facts,
    json_text,
    link_facts,
    node_facts,
    shown_edges,
    stated_instant,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Edge, LineageAnswer, Link, Node
from lineage_schemas.identifiers import dataset_of, job_of
from lineage_schemas.instants import format_instant
from lineage_schemas.mlmd import ExecutionState, Kind
from lineage_schemas.outside.openlineage import EventType
from lineage_schemas.records import LinkClass
from lineage_schemas.values import JsonValue

OWN_NAMESPACE: Final = "lineage-ledger"
"""The namespace of what OpenLineage has no name for."""

_SPEC: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_SYMLINKS: Final = (
    "https://openlineage.io/spec/facets/1-0-1/SymlinksDatasetFacet.json#/$defs/SymlinksDatasetFacet"
)
_RUN: Final = "ol:run/"
_DATASET: Final = "ol:dataset/"
_JOB: Final = "ol:job/"
_UUID: Final = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_STATES: Final = {
    ExecutionState.RUNNING.value: EventType.RUNNING,
    ExecutionState.COMPLETE.value: EventType.COMPLETE,
    ExecutionState.CACHED.value: EventType.COMPLETE,
    ExecutionState.FAILED.value: EventType.FAIL,
    ExecutionState.CANCELED.value: EventType.ABORT,
}
_SAID: Final = (Kind.EXECUTION, Kind.ARTIFACT)
_UNDATED: Final = 0
"""The instant of an event that nobody dated: the specification wants one."""

Jobs = Mapping[tuple[Kind, int], Iterable[Node]]
"""By execution: the contexts that it belongs to, as ``ledger.contexts_of`` returns them."""


class _Told(Struct, frozen=True):
    """What the events of one answer share."""

    answer: LineageAnswer
    producer: str
    artifacts: dict[int, Node]
    links: dict[str, list[Link]]
    whole: set[int]
    """The artifacts that an event has described: each is described once."""


def openlineage_lines(answer: LineageAnswer, jobs: Jobs | None = None) -> Iterator[str]:
    """Write an answer as OpenLineage events, one a line; each says what the answer rests on.

    With ``jobs`` a run names the job it belongs to; without, a job that goes by the run's type.

    Raises:
        InvalidInputError: the answer holds no execution and no artifact, so no event would say what
            is missing from it.
    """
    if not any(node.kind in _SAID and node.id is not None for node in answer.nodes):
        raise InvalidInputError(
            "OpenLineage has no event for this answer, which holds no execution and no artifact",
            where=", ".join(answer.start)[:64],
            hint="Ask for it in another form, such as json or node-link.",
        )
    return _lines(answer, jobs or {})


def _lines(answer: LineageAnswer, jobs: Jobs) -> Iterator[str]:
    told = _told(answer)
    edges: dict[int, list[Edge]] = {}
    for _, _, edge in shown_edges(answer):
        edges.setdefault(edge.execution, []).append(edge)
    facts = answer_facts(answer)
    for node in answer.nodes:
        if node.kind is Kind.EXECUTION and node.id is not None:
            own = edges.get(node.id, [])
            job = _job(node, jobs.get((node.kind, node.id), ()))
            yield json_text(_run_event(told, node, own, facts) | {"job": job})
            facts = _brief(facts)
    for number, node in told.artifacts.items():
        if number not in told.whole:
            yield json_text(_dataset_event(told, node, facts))
            facts = _brief(facts)


def _told(answer: LineageAnswer) -> _Told:
    artifacts = {
        node.id: node for node in answer.nodes if node.kind is Kind.ARTIFACT and node.id is not None
    }
    links: dict[str, list[Link]] = {}
    for link in answer.links:
        links.setdefault(f"{link.kind.value}/{link.node}", []).append(link)
    producer = f"urn:lineage-ledger:software:{quote(answer.basis.software, safe='')}"
    return _Told(answer, producer, artifacts, links, set())


def _brief(facts: Facts) -> Facts:
    """Leave to all events but the first what the answer rests on, and what is missing from it."""
    return {name: facts[name] for name in ("basis", "complete", "truncations")}


def _run_event(told: _Told, node: Node, edges: list[Edge], facts: Facts) -> Facts:
    inputs: dict[int, list[Edge]] = {}
    outputs: dict[int, list[Edge]] = {}
    for edge in edges:
        (inputs if edge.kind.is_input else outputs).setdefault(edge.artifact, []).append(edge)
    moment = _moment(node, edges)
    described = _described(told, node)
    if moment is None:
        described["undated"] = True
    return {
        "eventTime": format_instant(_UNDATED if moment is None else moment),
        "eventType": _STATES.get(node.state or "", EventType.OTHER).value,
        "producer": told.producer,
        "schemaURL": f"{_SPEC}RunEvent",
        "run": {
            "runId": str(_run_id(told, node)),
            "facets": {
                "lineageLedger_answer": _facet(told, "RunFacet", facts),
                "lineageLedger_execution": _facet(told, "RunFacet", described),
            },
        },
        "inputs": [_data(told, one, events, "input") for one, events in inputs.items()],
        "outputs": [_data(told, one, events, "output") for one, events in outputs.items()],
    }


def _dataset_event(told: _Told, node: Node, facts: Facts) -> Facts:
    facets = _dataset_facets(told, node)
    facets["lineageLedger_answer"] = _facet(told, "DatasetFacet", facts)
    return {
        "eventTime": format_instant(_UNDATED),
        "producer": told.producer,
        "schemaURL": f"{_SPEC}DatasetEvent",
        "dataset": {**_dataset_name(told, node), "facets": facets},
    }


def _data(told: _Told, artifact: int, events: list[Edge], way: str) -> JsonValue:
    """Return a data set as one run read or wrote it, with the Events that say so."""
    said: Facts = {"events": [edge_facts(edge) for edge in events]}
    facet = _facet(told, f"{way.title()}DatasetFacet", said)
    node = told.artifacts[artifact]
    return {
        **_dataset_name(told, node),
        "facets": _dataset_facets(told, node),
        f"{way}Facets": {"lineageLedger_events": facet},
    }


def _dataset_facets(told: _Told, node: Node) -> Facts:
    """Return what is said of an artifact, where it is named for the first time."""
    if node.id is None or node.id in told.whole:
        return {}
    told.whole.add(node.id)
    described = _facet(told, "DatasetFacet", _described(told, node))
    return {"lineageLedger_artifact": described, **_symlinks(told, node)}


def _dataset_name(told: _Told, node: Node) -> Facts:
    if node.key is not None:
        return _spelled(node.key)
    basis = told.answer.basis
    place = f"{quote(basis.origin, safe='')}/{quote(basis.namespace, safe='')}"
    return {"namespace": f"{OWN_NAMESPACE}:{place}", "name": f"artifact/{node.id}"}


def _spelled(identifier: str) -> Facts:
    """Return namespace and name of an identifier, as OpenLineage's own or as a name of ours."""
    if identifier.startswith(_DATASET):
        namespace, name = dataset_of(identifier)
        return {"namespace": namespace, "name": name}
    return {"namespace": OWN_NAMESPACE, "name": identifier}


def _symlinks(told: _Told, node: Node) -> Facts:
    """Return the asserted links that were crossed as the facet of other names, if there are any."""
    names: list[JsonValue] = [
        {**_spelled(link.identifier), "type": link.link_class}
        for link in told.links.get(f"artifact/{node.id}", ())
        if link.link_class == LinkClass.ASSERTED.value and link.identifier is not None
    ]
    if not names:
        return {}
    facet: Facts = {"_producer": told.producer, "_schemaURL": _SYMLINKS, "identifiers": names}
    return {"symlinks": facet}


def _run_id(told: _Told, node: Node) -> UUID:
    """Return the id of a run: the key's, where it is a UUID, else one made of the key."""
    if node.key is None:
        basis = told.answer.basis
        return _uuid(f"id:{basis.origin}/{basis.namespace}/{node.id}")
    run = node.key.removeprefix(_RUN)
    # Some producers send other ids than UUIDs, which the specification does not allow.
    return UUID(run) if _UUID.fullmatch(run) else _uuid(f"key:{node.key}")


def _uuid(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:lineage-ledger:run:{name}")


def _job(node: Node, contexts: Iterable[Node]) -> JsonValue:
    for context in contexts:
        if context.key is not None and context.key.startswith(_JOB):
            namespace, name = job_of(context.key)
            return {"namespace": namespace, "name": name}
    return {"namespace": OWN_NAMESPACE, "name": node.type or Kind.EXECUTION.value}


def _moment(node: Node, edges: list[Edge]) -> int | None:
    """Return the latest moment that is stated of an execution: its end, an Event, its start."""
    ended = stated_instant(node, "ended_time")
    if ended is not None:
        return ended
    times = [edge.time_us for edge in edges if edge.time_us is not None]
    return max(times) if times else stated_instant(node, "started_time")


def _described(told: _Told, node: Node) -> Facts:
    facts = node_facts(node)
    facts["properties"] = node.properties
    facts["custom_properties"] = node.custom_properties
    links = told.links.get(str(facts["ref"]))
    if links:
        facts["links"] = [link_facts(link) for link in links]
    return facts


def _facet(told: _Told, kind: str, facts: Facts) -> JsonValue:
    return {"_producer": told.producer, "_schemaURL": f"{_SPEC}{kind}", **facts}
