import json

import pytest

from lineage.ledger import TraceQuery
from lineage.service import Ledger
from surface_client import Object, SurfaceClient, problem

PATH = "/api/v1/statements"


def artifact(number: int, **more: object) -> dict[str, object]:
    """Return a statement about one artifact."""
    record = {"record": "artifact", "key": f"mytool:{number}", "type": "lineage.Model"} | more
    return {"id": f"s{number}", "source": "test", "records": [record]}


def outcomes(answer: Object) -> list[tuple[str, str]]:
    """Return (statement, outcome) of each receipt."""
    receipts = answer["receipts"]
    assert isinstance(receipts, list)
    return [(str(one["statement"]), str(one["outcome"])) for one in receipts]  # type: ignore[index, call-overload]


def test_one_statement(client: SurfaceClient, ledger: Ledger) -> None:
    answer = client.post(PATH, artifact(1))
    assert answer.status_code == 200
    assert outcomes(answer.json()) == [("s1", "appended")]
    assert answer.json()["receipts"][0]["position"] == ledger.head().size - 1


def test_an_array_is_one_batch(client: SurfaceClient, ledger: Ledger) -> None:
    client.post(PATH, artifact(0))
    size = ledger.head().size
    client.post(PATH, [artifact(1), artifact(2)])
    batches = {(one.batch_start, one.batch_length) for one in ledger.entries(size).entries}
    assert batches == {(size, 2)}


def test_one_a_line(client: SurfaceClient, ledger: Ledger) -> None:
    lines = b"\n".join(json.dumps(artifact(number)).encode() for number in range(3))
    answer = client.post(PATH, lines + b"\r\n\n", "application/x-ndjson")
    assert outcomes(answer.json()) == [(f"s{number}", "appended") for number in range(3)]
    traced = ledger.trace(TraceQuery(start=("mytool:2",)))
    assert traced.unknown == ()


def test_the_namespace_can_be_named(client: SurfaceClient, ledger: Ledger) -> None:
    client.post(f"{PATH}?namespace=team", artifact(1))
    assert ledger.show("mytool:1", namespace="team")[0].node.type == "lineage.Model"
    assert ledger.show("mytool:1")[0].node.id is None


def test_sent_again_it_appends_nothing(client: SurfaceClient, ledger: Ledger) -> None:
    batch = [artifact(1), artifact(2)]
    first = client.post(PATH, batch).json()
    size = ledger.head().size
    again = client.post(PATH, batch).json()
    assert outcomes(again) == [("s1", "duplicate"), ("s2", "duplicate")]
    assert [one["position"] for one in again["receipts"]] == [
        one["position"] for one in first["receipts"]
    ]
    assert ledger.head().size == size


@pytest.mark.parametrize("body", [[], b"[ ]"])
def test_no_statements_say_nothing(client: SurfaceClient, ledger: Ledger, body: object) -> None:
    assert client.post(PATH, body).json() == {"receipts": []}
    assert ledger.head().size == 0


def test_one_bad_statement_keeps_all_of_them_out(client: SurfaceClient, ledger: Ledger) -> None:
    found = problem(client.post(PATH, [artifact(1), {"id": "s2"}]), 400, "undecodable")
    assert found["where"] == "statement [1]"
    lines = json.dumps(artifact(1)).encode() + b"\n\n{}"
    found = problem(client.post(PATH, lines, "application/x-ndjson"), 400, "undecodable")
    assert found["where"] == "line 3"
    assert ledger.head().size == 0


def test_a_rule_that_one_breaks_keeps_all_of_them_out(
    client: SurfaceClient, ledger: Ledger
) -> None:
    client.post(PATH, artifact(1))
    size = ledger.head().size
    other = [artifact(2), artifact(1, name="other")]
    problem(client.post(PATH, other), 409, "statement_conflict")
    assert ledger.head().size == size


def test_a_second_one_of_something_unique_is_refused(client: SurfaceClient) -> None:
    record = {"record": "artifact", "type": "lineage.Model", "name": "fraud-model"}
    first = {"id": "c1", "source": "test", "mode": "command", "records": [record]}
    assert client.post(PATH, first).status_code == 200
    problem(client.post(PATH, first | {"id": "c2"}), 409, "already_exists")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"record": "artifact", "key": "no scheme"}, "invalid_identifier"),
        ({"record": "artifact", "key": "mytool:" + "x" * 3_000}, "limit_exceeded"),
        ({"record": "actor", "pseudonym": "p", "origin": "signed"}, "invalid_argument"),
        ({"record": "nonsense"}, "undecodable"),
    ],
)
def test_a_bad_record_is_refused(client: SurfaceClient, record: object, code: str) -> None:
    body = {"id": "s1", "source": "test", "records": [record]}
    problem(client.post(PATH, body), 400, code)


@pytest.mark.parametrize("body", [b"", b"[", b"[1", b"{}", b"7", b"[[]]", b"\xff", b"[" * 50_000])
@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
def test_what_is_no_statement_is_refused(
    client: SurfaceClient, body: bytes, media_type: str
) -> None:
    answer = client.post(PATH, body, media_type)
    if body or media_type == "application/json":
        problem(answer, 400, "undecodable")
    else:
        assert answer.json() == {"receipts": []}


def test_too_many_statements_are_refused(client: SurfaceClient) -> None:
    problem(client.post(PATH, [0] * 10_001), 413, "body_too_large")


def test_another_media_type_is_refused(client: SurfaceClient) -> None:
    problem(client.post(PATH, b"{}", "text/plain"), 415, "unsupported_media_type")


def test_an_unknown_parameter_is_refused(client: SurfaceClient) -> None:
    problem(client.post(f"{PATH}?source=x", artifact(1)), 400, "invalid_argument")
