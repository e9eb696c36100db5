"""Every example of GitHub's webhooks that octokit publishes: taken once, signed, over HTTP.

What an example states is written out here by hand, from GitHub's documentation of its events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from canonical import CanonicalGraph, canonical_graph
from checks import check_ledger
from github_deliveries import (
    NAMED,
    PATH,
    SECRET,
    Example,
    deliver,
    examples,
    headers,
    new_ledger,
    receive,
    signature,
)
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.identity.github_servers import GithubServer
from lineage_api.settings import Settings
from lineage_schemas.mlmd import Kind
from surface_client import SurfaceClient, problem, running

COUNTS = {
    "workflow_run": 5,
    "workflow_job": 8,
    "deployment": 4,
    "deployment_status": 4,
    "deployment_review": 1,
    "package": 3,
    "push": 7,
    "release": 13,
    "ping": 4,
}
"""How many examples of each named event github.com has, as their package's index counts them."""

EVENTS = 58

RAW = {
    # npm packages: no image, whatever their ecosystem says
    "api.github.com/package/0",
    "api.github.com/package/2",
    *(f"ghes-{version}/package/0" for version in range(31, 36)),
}
"""Examples of named events that are kept and state nothing, besides ping."""

HELLO = "git:repository/github.com%2FCodertocat%2FHello-World"
OCTO = "git:repository/github.com%2Focto-org%2Focto-repo"
SAMPLE = "git:repository/github.com%2Fterraform-test-github%2Fsample-app"
NPM = "git:repository/github.com%2FCodertocat%2Fhello-world-npm"
RUN = "ci:run/github.com/octo-org/octo-repo/289782451/1"
JOB_RUN = "ci:run/github.com/Codertocat/Hello-World/2202229078/1"
JOB = "ci:job/github.com/Codertocat/Hello-World/289782451"
WORKFLOW = "github:workflow/github.com/2823525"
PLACE = "github:place/github.com/186853002/production/deploy"
PRODUCTION = "github:environment/github.com/186853002/production"
DEPLOYMENT = "github:deployment/github.com/145988746"
STATUS = "github:deployment-status/github.com/209916254"
REVIEW = "github:review/github.com/5453085689/1/tst"
REVIEWED = "ci:run/github.com/terraform-test-github/sample-app/5453085689/1"
TST = "github:environment/github.com/616901961/tst"
IMAGE = (
    "oci:ghcr.io/codertocat/hello-world@sha256:"
    "3da1996a8115d7616457760d9920b815241d0a03b34cf5f04e9a0e9d8de37498"
)
VERSION = "github:package-version/github.com/57755790"
RELEASE = "github:release/github.com/17372790"


def commit(sha: str) -> str:
    return f"git:commit/{sha}"


HEAD = commit("3484a3fb816e0859fd6e1cea078d76385ff50625")
DEPLOYED = commit("f95f852bd8fca8fcc58a9a2d6c842781e32a215e")
SAMPLED = commit("5275a45b7e99c7fd7265b790392c10a74101a67a")
PACKED = commit("6c62fb45fe66bfb1ea9a66abc38f6a0cc974292b")
PUSHED = commit("6113728f27ae82c7b1a177c8d03f9e96e0adf246")


class Expected(Struct, frozen=True):
    """What one example states: types of nodes by key, edges and memberships by keys."""

    artifacts: dict[str, str] = {}
    executions: dict[str, str] = {}
    contexts: dict[str, str] = {}
    edges: set[tuple[str, str]] = set()
    members: set[tuple[str, str]] = set()
    state: tuple[str, str | None] | None = None


AS_ASKED = Expected(
    artifacts={DEPLOYED: "CodeRevision", DEPLOYMENT: "Deployment"},
    executions={DEPLOYMENT: "Run"},
    contexts={HELLO: "Project", PLACE: "Service", PRODUCTION: "Environment"},
    edges={(DEPLOYED, DEPLOYMENT), (DEPLOYMENT, DEPLOYMENT)},
    members={
        (DEPLOYMENT, PLACE),
        (DEPLOYMENT, PRODUCTION),
        (PLACE, PRODUCTION),
        (PRODUCTION, HELLO),
    },
    state=(DEPLOYMENT, None),
)

EXPECTED = {
    "api.github.com/workflow_run/1": Expected(
        artifacts={HEAD: "CodeRevision"},
        executions={RUN: "Run"},
        contexts={RUN: "PipelineRun", WORKFLOW: "Pipeline", OCTO: "Project"},
        edges={(HEAD, RUN)},
        members={(RUN, RUN), (RUN, WORKFLOW), (RUN, OCTO), (WORKFLOW, OCTO)},
        state=(RUN, "COMPLETE"),
    ),
    "api.github.com/workflow_run/4": Expected(  # it is over as far as it went: somebody must act
        artifacts={HEAD: "CodeRevision"},
        executions={RUN: "Run"},
        contexts={RUN: "PipelineRun", WORKFLOW: "Pipeline", OCTO: "Project"},
        edges={(HEAD, RUN)},
        members={(RUN, RUN), (RUN, WORKFLOW), (RUN, OCTO), (WORKFLOW, OCTO)},
        state=(RUN, None),
    ),
    "api.github.com/workflow_job/1": Expected(
        artifacts={HEAD: "CodeRevision"},
        executions={JOB: "Run"},
        contexts={JOB_RUN: "PipelineRun", HELLO: "Project"},
        edges={(HEAD, JOB)},
        members={(JOB, JOB_RUN), (JOB_RUN, HELLO)},
        state=(JOB, "FAILED"),
    ),
    "api.github.com/deployment/0": AS_ASKED,
    "api.github.com/deployment_status/0": Expected(
        artifacts=AS_ASKED.artifacts,
        executions={DEPLOYMENT: "Run", STATUS: "Deploy"},
        contexts=AS_ASKED.contexts,
        edges={*AS_ASKED.edges, (DEPLOYED, STATUS), (STATUS, DEPLOYMENT)},
        members={*AS_ASKED.members, (STATUS, PLACE)},
        state=(DEPLOYMENT, "COMPLETE"),
    ),
    "api.github.com/deployment_review/0": Expected(
        artifacts={SAMPLED: "CodeRevision", REVIEW: "Approval"},
        executions={REVIEW: "Approve"},
        contexts={REVIEWED: "PipelineRun", TST: "Environment", SAMPLE: "Project"},
        edges={(SAMPLED, REVIEW), (REVIEW, REVIEW)},
        members={(REVIEW, REVIEWED), (REVIEW, TST), (REVIEWED, SAMPLE), (TST, SAMPLE)},
        state=(REVIEW, "NEW"),
    ),
    "api.github.com/package/1": Expected(
        artifacts={IMAGE: "ContainerImage", PACKED: "CodeRevision"},
        executions={VERSION: "Run"},
        contexts={NPM: "Project"},
        edges={(PACKED, VERSION), (VERSION, IMAGE)},
        members={(VERSION, NPM)},
        state=(VERSION, "COMPLETE"),
    ),
    "api.github.com/push/0": Expected(
        artifacts={PUSHED: "CodeRevision"}, contexts={HELLO: "Project"}, members={(PUSHED, HELLO)}
    ),
    "api.github.com/push/1": Expected(contexts={HELLO: "Project"}),
    "api.github.com/release/0": Expected(
        artifacts={RELEASE: "Document"},
        executions={RELEASE: "Declare"},
        contexts={HELLO: "Project"},
        edges={(RELEASE, RELEASE)},
        members={(RELEASE, HELLO)},
        state=(RELEASE, "COMPLETE"),
    ),
    "api.github.com/release/4": Expected(artifacts={RELEASE: "Document"}),
}


@pytest.fixture(scope="module")
def every() -> tuple[Example, ...]:
    return examples()


@pytest.fixture
def ledger() -> Ledger:
    return new_ledger()


@pytest.fixture
def client(ledger: Ledger, tmp_path: Path) -> Iterator[SurfaceClient]:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    server = GithubServer(name="github.com", secret_files=(str(secret),))
    with running(create_app(ledger, Settings(github=(server,)))) as client:
        yield client


def test_the_examples_are_those_that_are_counted_here(every: tuple[Example, ...]) -> None:
    public = [one for one in every if one.server == "api.github.com"]
    assert {name: sum(one.event == name for one in public) for name in NAMED} == COUNTS
    assert len({one.event for one in public}) == EVENTS


def test_every_example_is_taken_over_http_and_a_replay_changes_nothing(
    client: SurfaceClient, ledger: Ledger, every: tuple[Example, ...]
) -> None:
    flags = {one.name: taken(client, one) for one in every}
    assert {name for name, (outcome, _) in flags.items() if outcome != "appended"} == set()
    told = {one.name: one.event for one in every}
    unknown = {name for name, (_, found) in flags.items() if found == ["unknown_message"]}
    assert unknown == {name for name, event in told.items() if event not in NAMED}
    raw = {name for name, (_, found) in flags.items() if found} - unknown
    assert raw == RAW | {name for name, event in told.items() if event == "ping"}
    assert {tuple(flags[name][1]) for name in raw} == {("no_lineage",)}
    check_ledger(ledger)
    graph, size = canonical_graph(ledger), ledger.head().size
    for one in every:
        again = deliver(client, one.event, one.body, id_of(one))
        assert (again.status_code, again.json()["outcome"]) == (200, "duplicate"), one.name
    assert ledger.head().size == size
    for one in (one for one in every if one.event in NAMED):
        assert deliver(client, one.event, one.body, f"again-{id_of(one)}").status_code == 200
    assert canonical_graph(ledger) == graph


def test_no_example_is_taken_with_the_signature_of_another(
    client: SurfaceClient, ledger: Ledger, every: tuple[Example, ...]
) -> None:
    size = ledger.head().size
    for one in (one for one in every if one.event in NAMED):
        body = json.dumps(one.body).encode()
        wrong = headers(one.event, "1", signature(body, "It's no Secret to Everybody"))
        answer = client.send("POST", PATH, content=body, headers=wrong)
        problem(answer, 401, "unauthenticated")
    assert ledger.head().size == size


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_states_what_its_event_means(every: tuple[Example, ...], name: str) -> None:
    (one,) = (one for one in every if one.name == name)
    expected, ledger = EXPECTED[name], new_ledger()
    receive(ledger, (one.event, one.body))
    check_ledger(ledger)
    graph = canonical_graph(ledger)
    assert types_of(ledger, graph) == {
        **{("artifact", key): f"lineage.{kind}" for key, kind in expected.artifacts.items()},
        **{("execution", key): f"lineage.{kind}" for key, kind in expected.executions.items()},
        **{("context", key): f"lineage.{kind}" for key, kind in expected.contexts.items()},
    }
    assert {(tail[1], head[1]) for tail, head, *_ in graph.edges} == expected.edges
    assert {(member[1], to[1]) for member, to in graph.memberships} == expected.members
    if expected.state is not None:
        key, state = expected.state
        assert ledger.show(key, kind=Kind.EXECUTION)[0].node.state == state


def taken(client: SurfaceClient, example: Example) -> tuple[str, list[str]]:
    """Deliver an example for the first time, and return what became of it."""
    answer = deliver(client, example.event, example.body, id_of(example))
    assert answer.status_code == 200, (example.name, answer.text)
    return answer.json()["outcome"], answer.json()["flags"]


def id_of(example: Example) -> str:
    """Return an id that GitHub could have given the delivery."""
    return example.name.replace("/", "-").replace(".", "_")


def types_of(ledger: Ledger, graph: CanonicalGraph) -> dict[tuple[str, str], str | None]:
    """Return the type of every node."""
    return {
        (kind, key): ledger.show(key, kind=Kind(kind))[0].node.type for kind, key in graph.nodes
    }
