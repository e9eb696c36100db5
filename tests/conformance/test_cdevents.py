"""Every example of the CDEvents specification: taken, with the nodes and edges its type implies.

What is expected is written out here by hand, from what the specification says that each type means.
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from canonical import CanonicalGraph, canonical_graph
from cdevents_messages import (
    CAUSE,
    Object,
    enveloped,
    files,
    new_ledger,
    receive,
    receive_bodies,
)
from checks import check_ledger
from lineage.service import Ledger
from lineage_schemas.mlmd import Kind

pytestmark = pytest.mark.needs_data

FILES = 48
E = "%2Fevent%2Fsource%2F123"
MONITORING, TICKETING = "%2Fmonitoring%2Fprod1", "%2Fticketing%2Fsystem"
FIRST, LOW = "271069a8-fc18-44f1-b38f-9d70a1695819", "f4bd2b55-b6f6-4f44-af72-bd2d0e7a8708"
PACKAGE = "pkg:golang/mygit.com/myorg/myapp@234fd47e07d1004f0aed9c"
DIGEST = "sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db934"
IMAGE, FIXED = f"pkg:oci/myapp@{DIGEST}27", f"pkg:oci/myapp@{DIGEST}39"
REPOSITORY = "repository/https%3A%2F%2Fexample.org/TestRepo%2FTestOrg"
DEV = "environment/testkube-dev-123/dev"
PLACE, ENVIRONMENT = f"place/{E}/mySubject123/test123", f"environment/{E}/test123"
APP, PROD = "place/%2FclusterA%2FnamespaceB/myApp/prod1", "environment/%2Fiaas%2Fgeo1/prod1"
CHANGE, TICKET = f"change/{E}/mySubject123", f"ticket/{TICKETING}/ticket-123"
INCIDENT, APPROVAL = f"incident/{MONITORING}/incident-123", f"approval/{E}/approval-123"
CASE_RUN, SUITE_RUN = f"testcaserun/{E}/myTestCaseRun123", f"testsuiterun/{E}/myTestSuiteRun123"
PIPELINE_RUN, PIPELINE = f"pipelinerun/{E}/mySubject123", f"pipeline/{E}/myPipeline"
TASK_RUN, BUILD = f"taskrun/{E}/mySubject123", f"build/{E}/mySubject123"
OUTPUT = "testoutput/%2Fevent%2Fsource%2Ftestrunreport-12123/testrunreport-12123"
OTHER_CASE_RUN = "testcaserun/testkube-dev-123/myTestCaseRun123"
OTHER_SUITE_RUN = "testsuiterun/testkube-dev-123/test-suite-111"
OTHER_CHANGE = "change/my-git.example%2Fan-org%2Fa-repo/myChange123"


class Expected(Struct, frozen=True):
    """What one message states, besides that it is a signal, set off by another."""

    step: str
    type: str = "Run"
    state: str | None = "COMPLETE"
    inputs: dict[str, str | None] = {}
    outputs: dict[str, str | None] = {}
    contexts: dict[str, str] = {}
    members: set[tuple[str, str]] = set()
    others: dict[str, str] = {}
    action: str | None = None


def of_message(kind: str, source: str = E, message: str = FIRST) -> str:
    """Return the key of a step that only the message gives a name."""
    return f"{kind}/{source}/{message}"


def run(key: str, state: str, **more: object) -> Expected:
    return Expected(key, state=state, **more)  # type: ignore[arg-type]


def in_dev(key: str, state: str) -> Expected:
    return run(key, state, contexts={DEV: "Environment"}, members={(key, DEV)})


def piped(state: str) -> Expected:
    contexts = {PIPELINE: "Pipeline"}
    return run(PIPELINE_RUN, state, contexts=contexts, members={(PIPELINE_RUN, PIPELINE)})


def task(state: str) -> Expected:
    return run(
        TASK_RUN,
        state,
        contexts={PIPELINE_RUN: "PipelineRun"},
        members={(TASK_RUN, PIPELINE_RUN), (PIPELINE_RUN, PIPELINE_RUN)},
        others={PIPELINE_RUN: "Run"},
    )


def artifact(predicate: str, *, made: bool, step: str = "Run") -> Expected:
    named: dict[str, str | None] = {PACKAGE: None}
    key = of_message(f"artifact.{predicate}")
    return Expected(key, step, inputs={} if made else named, outputs=named if made else {})


def serving(predicate: str, step: str, action: str | None = "deploy") -> Expected:
    key = of_message(f"service.{predicate}")
    deployment = of_message("deployment")
    contexts = {PLACE: "Service", ENVIRONMENT: "Environment"}
    members = {(key, PLACE), (PLACE, ENVIRONMENT)}
    if action != "deploy":
        return Expected(key, step, contexts=contexts, members=members, action=action)
    return Expected(
        key,
        step,
        inputs={IMAGE: "ContainerImage"},
        outputs={deployment: "Deployment"},
        contexts=contexts,
        members=members | {(deployment, PLACE)},
        action=action,
    )


def incident(key: str, image: str, *, noticed: bool) -> Expected:
    itself: dict[str, str | None] = {INCIDENT: "Incident"}
    return Expected(
        key,
        "Monitor",
        inputs={image: "ContainerImage", **({} if noticed else itself)},
        outputs=itself if noticed else {},
        contexts={APP: "Service", PROD: "Environment"},
        members={(one, to) for one in (key, INCIDENT) for to in (APP, PROD)} | {(APP, PROD)},
    )


def approval(state: str) -> Expected:
    return Expected(
        APPROVAL,
        "Approve",
        state,
        inputs={"uri:https://deployments.example.com/myapp/prod": None},
        outputs={APPROVAL: "Approval"},
    )


def change(predicate: str) -> Expected:
    key = of_message(f"change.{predicate}")
    item: dict[str, str | None] = {CHANGE: "WorkItem"}
    is_new = predicate == "created"
    return Expected(
        key,
        inputs={} if is_new else item,
        outputs=item if is_new else {},
        contexts={REPOSITORY: "Project"},
        members={(key, REPOSITORY), (CHANGE, REPOSITORY)},
    )


def ticket(predicate: str) -> Expected:
    key = of_message(f"ticket.{predicate}", TICKETING, LOW.upper())
    item: dict[str, str | None] = {TICKET: "WorkItem"}
    is_new = predicate == "created"
    return Expected(key, inputs={} if is_new else item, outputs=item if is_new else {})


def context(kind: str, predicate: str, type_name: str) -> Expected:
    key, own = of_message(f"{kind}.{predicate}"), f"{kind}/{E}/mySubject123"
    return Expected(key, contexts={own: type_name}, members={(key, own)})


def branch(predicate: str) -> Expected:
    own = context("branch", predicate, "Project")
    name = f"branch/{E}/mySubject123"
    contexts = {**own.contexts, REPOSITORY: "Project"}
    return replace(own, contexts=contexts, members={*own.members, (name, REPOSITORY)})


EXPECTED = {
    "approval_created": approval("NEW"),
    "approval_updated": approval("RUNNING"),
    "approval_closed": approval("COMPLETE"),
    "artifact_packaged": replace(artifact("packaged", made=True), inputs={OTHER_CHANGE: None}),
    "artifact_published": artifact("published", made=True),
    "artifact_signed": artifact("signed", made=True),
    "artifact_downloaded": artifact("downloaded", made=False),
    "artifact_deleted": artifact("deleted", made=False, step="Retire"),
    "branch_created": branch("created"),
    "branch_deleted": branch("deleted"),
    "build_queued": run(BUILD, "NEW"),
    "build_started": run(BUILD, "RUNNING"),
    "build_finished": Expected(BUILD, outputs={IMAGE: "ContainerImage"}),
    **{
        f"change_{predicate}": change(predicate)
        for predicate in ("abandoned", "created", "merged", "reviewed", "updated")
    },
    **{
        f"environment_{predicate}": context("environment", predicate, "Environment")
        for predicate in ("created", "deleted", "modified")
    },
    "incident_detected": incident(INCIDENT, IMAGE, noticed=True),
    "incident_reported": incident(INCIDENT, IMAGE, noticed=True),
    "incident_resolved": incident(
        of_message("incident.resolved", MONITORING, LOW.upper()), FIXED, noticed=False
    ),
    "pipelinerun_queued": piped("NEW"),
    "pipelinerun_started": piped("RUNNING"),
    "pipelinerun_finished": piped("FAILED"),
    **{
        f"repository_{predicate}": context("repository", predicate, "Project")
        for predicate in ("created", "deleted", "modified")
    },
    "service_deployed": serving("deployed", "Deploy"),
    "service_upgraded": serving("upgraded", "Deploy"),
    "service_rolledback": serving("rolledback", "RollBack"),
    "service_removed": serving("removed", "Retire", "remove"),
    "service_published": serving("published", "Run", None),
    "taskrun_started": task("RUNNING"),
    "taskrun_finished": task("FAILED"),
    "testcaserun_queued": in_dev(CASE_RUN, "NEW"),
    "testcaserun_started": in_dev(CASE_RUN, "RUNNING"),
    "testcaserun_finished": in_dev(CASE_RUN, "COMPLETE"),
    "testcaserun_skipped": replace(
        in_dev(CASE_RUN, "CANCELED"),
        contexts={DEV: "Environment", OTHER_SUITE_RUN: "PipelineRun"},
        members={
            (CASE_RUN, DEV),
            (CASE_RUN, OTHER_SUITE_RUN),
            (OTHER_SUITE_RUN, OTHER_SUITE_RUN),
        },
        others={OTHER_SUITE_RUN: "Run"},
    ),
    "testsuiterun_queued": in_dev(SUITE_RUN, "NEW"),
    "testsuiterun_started": in_dev(SUITE_RUN, "RUNNING"),
    "testsuiterun_finished": in_dev(SUITE_RUN, "FAILED"),
    # It is the run's, which is described elsewhere.
    "testoutput_published": Expected(OTHER_CASE_RUN, state=None, outputs={OUTPUT: "Document"}),
    "ticket_created": ticket("created"),
    "ticket_updated": ticket("updated"),
    "ticket_closed": ticket("closed"),
}


@pytest.fixture(scope="module")
def events(shared_data: Path) -> dict[str, Object]:
    return files(shared_data / "cdevents")


def test_the_table_has_every_example(events: dict[str, Object]) -> None:
    assert len(events) == FILES
    assert set(EXPECTED) == set(events)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_message_states_what_its_type_implies(events: dict[str, Object], name: str) -> None:
    expected, event = EXPECTED[name], events[name]
    ledger = new_ledger()
    receive(ledger, event)
    check_ledger(ledger)
    graph = canonical_graph(ledger)
    types = {(kind, key): type_of(graph, (kind, key)) for kind, key in graph.nodes}
    own, cause = f"message/{text(event, 'id').lower()}", f"message/{CAUSE}"
    artifacts = {**expected.inputs, **expected.outputs, own: "Signal", cause: None}
    executions = {expected.step: expected.type, **expected.others}
    assert types == {
        **{("artifact", whole(key)): known(one) for key, one in artifacts.items()},
        **{("execution", whole(key)): known(one) for key, one in executions.items()},
        **{("context", whole(key)): known(one) for key, one in expected.contexts.items()},
    }
    step = ("execution", whole(expected.step))
    assert {(tail, head) for tail, head, *_ in graph.edges} == {
        *((("artifact", whole(key)), step) for key in (*expected.inputs, cause)),
        *((step, ("artifact", whole(key))) for key in (*expected.outputs, own)),
    }
    assert {(member[1], to[1]) for member, to in graph.memberships} == {
        (whole(member), whole(to)) for member, to in expected.members
    }
    shown = ledger.show(whole(expected.step), kind=Kind.EXECUTION)[0].node
    assert shown.state == expected.state
    assert action_of(ledger, expected.step) == expected.action


@pytest.mark.parametrize("specversion", ["0.3.0", "0.4.1", "0.5.1"])
@pytest.mark.parametrize("name", EXPECTED)
def test_older_versions_state_the_same(
    events: dict[str, Object], name: str, specversion: str
) -> None:
    """They write ``version``, give the subject a type, call ``uri`` ``url``, and number lower."""
    old: Object = json.loads(json.dumps(events[name]).replace('"uri"', '"url"'))
    if name in {"artifact_packaged", "artifact_published"}:
        old = json.loads(json.dumps(events[name]))  # there ``uri`` is a part of the list of parts
    context, subject = old["context"], old["subject"]
    assert isinstance(context, dict)
    assert isinstance(subject, dict)
    if specversion < "0.5":
        context["version"] = specversion
        del context["specversion"]
        subject["type"] = name.partition("_")[0]
    context["type"] = f"{str(context['type']).rpartition('.0.')[0]}.0.1.1"
    ledger, other = new_ledger(), new_ledger()
    receive(ledger, events[name])
    receive(other, old)
    assert shape(canonical_graph(ledger)) == shape(canonical_graph(other))


def test_all_of_them_may_share_an_id(events: dict[str, Object]) -> None:
    """The examples share their ids and sources, so that each is the next message of its id."""
    ledger = new_ledger()
    receive(ledger, *events.values())
    check_ledger(ledger)
    size = ledger.head().size
    receive(ledger, *reversed(events.values()))
    assert ledger.head().size == size


def test_the_envelope_may_hold_the_data_in_base64(events: dict[str, Object]) -> None:
    event = events["service_deployed"]
    ledger, other = new_ledger(), new_ledger()
    receive(ledger, event)
    coded = {**enveloped(event), "data_base64": b64encode(json.dumps(event).encode()).decode()}
    del coded["data"]
    receive_bodies(other, [json.dumps(coded).encode()])
    assert canonical_graph(ledger) == canonical_graph(other)


def shape(graph: CanonicalGraph) -> tuple[object, ...]:
    """Return a graph without the types' versions that its signals name."""
    nodes = {name: body.replace(b".0.1.1", b"") for name, body in graph.nodes.items()}
    plain = {
        name: body for name, body in nodes.items() if not name[1].startswith("cdevents:message/")
    }
    return plain, graph.edges, graph.memberships, graph.links


def whole(key: str) -> str:
    """Return a key as it stands in the graph."""
    return key if key.startswith(("pkg:", "uri:")) else f"cdevents:{key}"


def known(name: str | None) -> str | None:
    """Return a well-known type by its last word."""
    return None if name is None else f"lineage.{name}"


def type_of(graph: CanonicalGraph, name: tuple[str, str]) -> str | None:
    found = json.loads(graph.nodes[name])[2]
    assert found is None or isinstance(found, str)
    return found


def text(event: Object, name: str) -> str:
    context = event["context"]
    assert isinstance(context, dict)
    return str(context[name])


def action_of(ledger: Ledger, step: str) -> str | None:
    """Return what a step does to a place, where it is a move."""
    node = ledger.show(whole(step), kind=Kind.EXECUTION)[0].node
    move = node.custom_properties.get("serving")
    if move is None:
        return None
    assert isinstance(move, dict)
    assert move["place"] == whole(PLACE)
    assert move["environment"] == whole(ENVIRONMENT)
    return str(move["action"])
