import gzip
import json
from collections.abc import Iterator

import httpx
import pytest

from apart import make_ledger
from canonical import canonical_graph
from cdevents_messages import Object, cdevent, enveloped, message_id, message_key, path_from
from keyholders import bearer
from lineage.ledger import Role
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.settings import Settings
from lineage_schemas.mlmd import Kind
from surface_client import SurfaceClient, problem, running

PATH = "/api/v1/cloudevents"
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
EVENT = cdevent(
    "service.deployed", 1, "churn", {"environment": {"id": "production"}}, links=[path_from(0)]
)
GOOD = enveloped(EVENT)
OTHER = enveloped(cdevent("build.started", 2, "build-1"))
UNKNOWN: Object = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}
HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": message_id(1),
    "ce-source": "/ci",
    "ce-type": "dev.cdevents.service.deployed.0.3.0",
    "Content-Type": "application/json",
}


def binary(client: SurfaceClient, path: str = PATH, **changed: str | None) -> Object:
    headers = {name: one for name, one in (HEADERS | changed).items() if one is not None}
    answer = client.send("POST", path, content=json.dumps(EVENT).encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    found: Object = answer.json()
    return found


def test_a_structured_message_enters_the_log(client: SurfaceClient, ledger: Ledger) -> None:
    answer = client.post(PATH, GOOD, STRUCTURED)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["outcome"]) == ("success", "appended")
    message, statement = found["receipts"]
    assert (message["position"], statement["position"]) == (
        found["position"],
        found["position"] + 1,
    )
    assert "flags" not in found
    deployment = f"cdevents:deployment/%2Fci/{message_id(1)}"
    assert ledger.show(deployment, kind=Kind.ARTIFACT)[0].node.type == "lineage.Deployment"
    assert ledger.basis().sources == ("cloudevents", "lineage")


def test_a_message_sent_again_appends_nothing(client: SurfaceClient, ledger: Ledger) -> None:
    first = client.post(PATH, GOOD, STRUCTURED).json()
    size = ledger.head().size
    again = client.post(PATH, GOOD, f"{STRUCTURED}; charset=UTF-8").json()
    assert (again["outcome"], again["position"]) == ("duplicate", first["position"])
    assert ledger.head().size == size


def test_a_binary_message_says_what_the_structured_one_says(
    client: SurfaceClient, ledger: Ledger
) -> None:
    binary(client)
    client.post(PATH, GOOD, STRUCTURED)
    assert len(ledger.show(message_key(1), kind=Kind.ARTIFACT)) == 1
    assert len(ledger.show(message_key(0), kind=Kind.ARTIFACT)) == 1
    graph = canonical_graph(ledger)
    assert sum(key.startswith("cdevents:deployment") for _, key in graph.nodes) == 1


def test_a_binary_message_sent_again_appends_nothing(client: SurfaceClient) -> None:
    assert binary(client)["outcome"] == "appended"
    assert binary(client)["outcome"] == "duplicate"


def test_what_is_no_cdevent_is_kept_and_flagged(client: SurfaceClient, ledger: Ledger) -> None:
    found = client.post(PATH, UNKNOWN, STRUCTURED).json()
    assert (found["outcome"], found["flags"]) == ("appended", ["not_cdevents"])
    assert len(found["receipts"]) == 1
    assert ledger.head().size == found["position"] + 1


def test_a_batch_is_taken_message_by_message(client: SurfaceClient) -> None:
    answer = client.post(PATH, [GOOD, UNKNOWN, GOOD, OTHER], BATCH)
    assert answer.status_code == 200
    found = answer.json()
    assert found["status"] == "success"
    assert [one["outcome"] for one in found["receipts"]] == [
        "appended",
        "appended",
        "duplicate",
        "appended",
    ]
    assert found["receipts"][1]["flags"] == ["not_cdevents"]
    assert "flags" not in found["receipts"][0]


def test_an_empty_batch_is_taken(client: SurfaceClient, ledger: Ledger) -> None:
    assert client.post(PATH, [], BATCH).status_code == 200
    assert ledger.head().size == 0


@pytest.mark.parametrize(
    ("batch", "status"), [([GOOD, {}, OTHER], "partial_success"), ([{}], "failure")], ids=str
)
def test_a_batch_of_which_one_is_refused_says_so(
    client: SurfaceClient, batch: list[Object], status: str
) -> None:
    answer = client.post(PATH, batch, BATCH)
    assert answer.status_code == 422
    found = answer.json()
    assert found["status"] == status
    (failed,) = found["failed_events"]
    assert (failed["index"], failed["code"], failed["retriable"]) == (
        batch.index({}),
        "undecodable",
        False,
    )


@pytest.mark.parametrize("media_type", [STRUCTURED, BATCH])
@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"\xff", b"[" * 100_000])
def test_malformed_json_is_refused(client: SurfaceClient, media_type: str, body: bytes) -> None:
    problem(client.post(PATH, body, media_type), 400, "undecodable")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/cloudevents+avro"},
        {"Content-Type": "application/cloudevents"},
        {"Content-Type": f"{STRUCTURED}; charset=latin-1"},
        {},
        HEADERS | {"Content-Type": "application/cloudevents+xml"},
    ],
    ids=str,
)
def test_what_is_no_message_in_a_format_that_is_read_is_refused(
    client: SurfaceClient, headers: dict[str, str]
) -> None:
    answer = client.send("POST", PATH, content=b"{}", headers=headers)
    problem(answer, 415, answer.json()["code"])


@pytest.mark.parametrize("missing", ["ce-id", "ce-source", "ce-type"])
def test_a_binary_message_without_a_required_attribute_is_refused(
    client: SurfaceClient, missing: str
) -> None:
    headers = {name: one for name, one in HEADERS.items() if name != missing}
    answer = client.send("POST", PATH, content=b"{}", headers=headers)
    found = problem(answer, 400, "undecodable")
    assert missing.removeprefix("ce-") in str(found["detail"])


def test_a_compressed_message_is_read(client: SurfaceClient) -> None:
    headers = {"Content-Type": STRUCTURED, "Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(GOOD).encode())
    assert client.send("POST", PATH, content=body, headers=headers).status_code == 200


def test_a_message_that_is_too_large_is_refused(client: SurfaceClient) -> None:
    large = GOOD | {"comment": "x" * 1_100_000}
    answer = client.post(PATH, large, STRUCTURED)
    problem(answer, 413, answer.json()["code"])


def test_source_and_namespace_can_be_named(client: SurfaceClient, ledger: Ledger) -> None:
    assert client.post(f"{PATH}?source=jenkins&namespace=team", GOOD, STRUCTURED).status_code == 200
    assert binary(client, "/api/v1/namespaces/team/cloudevents?source=tekton")
    assert ledger.basis(namespace="team").sources == ("jenkins", "lineage", "tekton")
    assert ledger.basis().sources == ()


def test_a_secret_in_a_header_stays_out_of_the_log(client: SurfaceClient, ledger: Ledger) -> None:
    binary(client, **{"ce-token": "hunter2"})
    shown = client.ask("{ entries(first: 10) { entries { records } } }")
    assert "hunter2" not in json.dumps(shown)
    assert '"token": "[filtered]"' in json.dumps(shown)
    assert ledger.head().size > 0


def test_what_was_decided_elsewhere_is_told_by_whoever_may_ingest() -> None:
    """And by nobody else: neither may who approves here send it, nor may it be said in person."""
    ledger = make_ledger()
    ledger.access.grant("tekton", Role.INGEST, ["default"], sources=["tekton"])
    ledger.access.grant("judge", Role.APPROVER, ["default"])
    keys = {name: bearer(ledger.access.make_key(name)[0]) for name in ("tekton", "judge")}
    ledger.custody.checkpoint()
    asked = enveloped(cdevent("approval.created", 2, "a-1", {"requestor": "Bo"}))
    approved = enveloped(
        cdevent("approval.closed", 3, "a-1", {"decision": "APPROVED", "responder": "Jo"})
    )
    with running(create_app(ledger, Settings(sign_in="required"))) as client:

        def send(who: str, message: Object, source: str = "tekton") -> httpx.Response:
            sent = keys[who] | {"Content-Type": STRUCTURED}
            body = json.dumps(message).encode()
            return client.send("POST", f"{PATH}?source={source}", content=body, headers=sent)

        problem(send("judge", asked), 403, "forbidden")
        problem(send("tekton", asked, source="jenkins"), 403, "forbidden")
        for message in (asked, approved):
            assert send("tekton", message).status_code == 200
        (said,) = ledger.show("cdevents:approval/%2Fci/a-1", kind=Kind.ARTIFACT)
        assert said.node.properties["decision"] == "approved"

        size = ledger.head().size
        for statement in forged(ledger):
            body = json.dumps(statement).encode()
            sent = keys["tekton"] | {"Content-Type": "application/json"}
            told = client.send("POST", "/api/v1/statements", content=body, headers=sent)
            problem(told, 403, "forbidden")
        assert ledger.head().size == size


def forged(ledger: Ledger) -> Iterator[Object]:
    """Yield statements that call themselves what a mapping made of a message that was kept."""
    event = f"event/%2Fci/{message_id(3)}"
    assert ledger.looks.known("tekton", [event])
    for number, key in enumerate(("cdevents:approval/%2Fci/a-1", "cdevents:approval/%2Fci/a-2")):
        yield {
            "id": f"{event}@{number + 2}",
            "source": "tekton",
            "message": event,
            "mapping": "cdevents/1",
            "records": [
                {
                    "record": "artifact",
                    "key": key,
                    "type": "lineage.Approval",
                    "properties": {"decision": "approved", "approver": "Ada"},
                }
            ],
        }
