"""The SDK of CloudEvents, as it is, sends to a server that it knows only the address of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import Struct

from cdevents_messages import Object, cdevent, message_key, path_from, trigger
from lineage_schemas.values import JsonValue
from live_server import LiveServer, live_server
from peers import PEERS, run_peer

pytestmark = pytest.mark.peers

WAYS = ("structured", "binary", "batch")
IMAGE = f"pkg:oci/churn@sha256:{'0b' * 32}?repository_url=registry.example/team"
ENVIRONMENT: Object = {"environment": {"id": "production"}}
STORY = [
    cdevent("change.merged", 0, "pull-7", {"repository": {"id": "churn"}}),
    cdevent("pipelinerun.started", 1, "run-1", {"pipelineName": "train"}, links=[trigger(0)]),
    cdevent("build.finished", 2, "build-1", {"artifactId": IMAGE}, links=[trigger(1)]),
    cdevent(
        "service.deployed",
        3,
        "churn",
        {**ENVIRONMENT, "artifactId": IMAGE},
        links=[path_from(2)],
        customData={"lineage.model-version": "mlflow:model-version/prod/churn/3"},
    ),
]
OCI = f"oci:registry.example/team/churn@sha256:{'0b' * 32}"
UPSTREAM = """
query ($start: [String!]!) {
  lineage(start: $start, direction: UPSTREAM) { nodes { key type } }
}
"""


class Answered(Struct):
    """An answer, and its body."""

    status: int
    body: Object


def send(way: str, server: LiveServer, folder: Path, *events: Object) -> list[Answered]:
    """Send messages in a way of the SDK's."""
    messages = folder / "messages.ndjson"
    messages.write_text("\n".join(json.dumps(event) for event in events))
    command = ("python", PEERS / "cloudevents" / "send.py", way)
    url = f"{server.url}/api/v1/cloudevents"
    done = run_peer("cloudevents", (*command, url, messages), folder)
    return [Answered(*json.loads(line)) for line in done.stdout.splitlines()]


def outcomes(way: str, answers: list[Answered]) -> list[JsonValue]:
    """Return what became of each message."""
    assert {one.status for one in answers} == {200}
    if way != "batch":
        return [one.body["outcome"] for one in answers]
    (one,) = answers
    receipts = one.body["receipts"]
    assert isinstance(receipts, list)
    return [receipt["outcome"] for receipt in receipts if isinstance(receipt, dict)]


@pytest.mark.parametrize("way", WAYS)
def test_what_the_sdk_sends_becomes_lineage_once(way: str, tmp_path: Path) -> None:
    with live_server(tmp_path / "served") as server:
        sent = outcomes(way, send(way, server, tmp_path, *STORY))
        assert sent == ["appended"] * len(STORY)
        size = server.size()
        again = outcomes(way, send(way, server, tmp_path, *reversed(STORY)))
        assert again == ["duplicate"] * len(STORY)
        assert server.size() == size
        deployment = server.nodes("lineage.Deployment")[0]["key"]
        found = server.ask(UPSTREAM, start=[deployment])["lineage"]
        assert isinstance(found, dict)
        nodes = found["nodes"]
        assert isinstance(nodes, list)
        keys = {str(node["key"]) for node in nodes if isinstance(node, dict)}
        # From the deployment back to the change: by the image, and by what set off what.
        assert keys >= {
            "mlflow:model-version/prod/churn/3",
            OCI,
            "cdevents:build/%2Fci/build-1",
            "cdevents:pipelinerun/%2Fci/run-1",
            "cdevents:change/%2Fci/pull-7",
            *(message_key(number) for number in range(3)),
        }


def test_each_way_keeps_the_same_message(tmp_path: Path) -> None:
    kept: list[Object] = []
    for way in WAYS:
        with live_server(tmp_path / way) as server:
            send(way, server, tmp_path, STORY[3])
            kept += server.messages()
    # In which form the SDK writes a time decides the rest.
    assert {str(one.pop("time"))[:19] for one in kept} == {"2026-01-31T12:03:00"}
    assert kept[0] == kept[1] == kept[2]
    assert kept[0]["data"] == STORY[3]
    assert kept[0]["team"] == 'Zürich "100 %"'


def test_a_message_in_another_way_is_the_same_thing_said_again(tmp_path: Path) -> None:
    with live_server(tmp_path / "served") as server:
        for way in WAYS:
            send(way, server, tmp_path, *STORY)
        assert len(server.nodes("lineage.Deployment")) == 1
        assert len(server.nodes("lineage.Signal")) == len(STORY)


def test_a_batch_with_a_message_that_is_refused_says_so(tmp_path: Path) -> None:
    bad = cdevent("service.deployed", 9, "a\u0000b", ENVIRONMENT)
    with live_server(tmp_path / "served") as server:
        (answer,) = send("batch", server, tmp_path, STORY[0], bad, STORY[1])
        assert answer.status == 422
        assert answer.body["summary"] == {
            "received": 3,
            "successful": 2,
            "failed": 1,
            "retriable": 0,
            "non_retriable": 1,
        }
        assert len(server.nodes("lineage.Signal")) == 2
