import gzip
import json
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from canonical import canonical_graph
from doubles import FakeClock, SeededRandomness
from lineage.ledger import TraceQuery, open_ledger
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.settings import Settings
from openlineage_messages import JOB, RUN, Object, dataset, encoded, key_of, run_event
from surface_client import SurfaceClient, problem, running

ONE = "/api/v1/lineage"
BATCH = "/api/v1/lineage/batch"
GOOD = run_event(inputs=[dataset("a")], outputs=[dataset("b")])


def without(*path: str) -> Object:
    """Return the good message without one of its fields."""
    message: Object = json.loads(encoded(GOOD))
    inner = message
    for name in path[:-1]:
        inner = inner[name]  # type: ignore[assignment]
    del inner[path[-1]]
    return message


# --- one message ---------------------------------------------------------------------------------


def test_a_message_enters_the_log(client: SurfaceClient, ledger: Ledger) -> None:
    answer = client.post(ONE, GOOD)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["outcome"]) == ("success", "appended")
    message, statement = found["receipts"]
    assert message["position"] == found["position"]
    assert statement["position"] == found["position"] + 1
    traced = ledger.trace(TraceQuery(start=(key_of("b"),)))
    assert [node.key for node in traced.nodes] == [key_of("b"), RUN, key_of("a")]


def test_a_message_sent_again_appends_nothing(client: SurfaceClient, ledger: Ledger) -> None:
    first = client.post(ONE, GOOD).json()
    size = ledger.head().size
    again = client.post(ONE, GOOD).json()
    assert again["outcome"] == "duplicate"
    assert again["position"] == first["position"]
    assert ledger.head().size == size


def test_source_and_namespace_can_be_named(client: SurfaceClient, ledger: Ledger) -> None:
    assert client.post(f"{ONE}?source=airflow&namespace=team", GOOD).status_code == 200
    assert ledger.basis(namespace="team").sources == ("airflow", "lineage")
    assert ledger.basis().sources == ()


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (without("run", "runId"), "$.run"),
        (without("eventTime"), "$"),
        (without("job"), "$"),
        (GOOD | {"eventTime": "yesterday"}, "$.eventTime"),
        (GOOD | {"eventTime": "2026-01-31T12:00:00"}, "$.eventTime"),
        (GOOD | {"eventType": "BEGIN"}, "$.eventType"),
        (GOOD | {"run": None, "job": None}, "$"),
        ([GOOD], "$"),
    ],
    ids=str,
)
def test_a_message_that_cannot_be_understood_is_refused(
    client: SurfaceClient, ledger: Ledger, message: object, where: str
) -> None:
    answer = client.post(ONE, message)
    found = problem(answer, 400, answer.json()["code"])
    assert found["code"] in {"undecodable", "invalid_argument"}
    assert str(found["where"]).startswith(where)
    assert ledger.head().size == 0


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"run": \xff}', b"[" * 100_000])
@pytest.mark.parametrize("path", [ONE, BATCH])
def test_malformed_json_is_refused(client: SurfaceClient, path: str, body: bytes) -> None:
    problem(client.post(path, body), 400, "undecodable")


@pytest.mark.parametrize("path", [ONE, BATCH])
@pytest.mark.parametrize(
    "query",
    [
        "namspace=x",
        "source=a&source=b",
        "source=lineage",
        "source=",
        "namespace=",
        "namespace=" + "x" * 200,
    ],
)
def test_a_wrong_parameter_is_refused(client: SurfaceClient, path: str, query: str) -> None:
    body = GOOD if path == ONE else [GOOD]
    answer = client.post(f"{path}?{query}", body)
    problem(answer, 400, answer.json()["code"])


# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(encoded(GOOD))),
        ("x-gzip", gzip.compress(encoded(GOOD))),
        ("GZIP", gzip.compress(encoded(GOOD)[:9]) + gzip.compress(encoded(GOOD)[9:])),
        ("deflate", zlib.compress(encoded(GOOD))),
        ("deflate", zlib.compress(encoded(GOOD), wbits=-15)),
        ("identity", encoded(GOOD)),
    ],
    ids=["gzip", "x-gzip", "two members", "deflate", "bare deflate", "identity"],
)
def test_a_compressed_message_enters_the_log(
    client: SurfaceClient, encoding: str, body: bytes
) -> None:
    answer = client.send(
        "POST",
        ONE,
        content=body,
        headers={"Content-Type": "application/json; charset=UTF-8", "Content-Encoding": encoding},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "body",
    [
        encoded(GOOD),
        gzip.compress(encoded(GOOD))[:-9],
        gzip.compress(encoded(GOOD)) + b"more",
        b"x",
    ],
    ids=["plain", "cut", "trailing", "one byte"],
)
def test_a_badly_compressed_message_is_refused(client: SurfaceClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    problem(client.send("POST", ONE, content=body, headers=headers), 400, "undecodable")


@pytest.mark.parametrize("path", [ONE, BATCH, "/api/v1/statements"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused(client: SurfaceClient, path: str, encoding: str) -> None:
    blank = b" " * (64 * 1_048_576)
    body = gzip.compress(blank) if encoding == "gzip" else zlib.compress(blank)
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = client.send("POST", path, content=body, headers=headers)
    problem(answer, 413, "body_too_large")


@pytest.mark.parametrize(("path", "limit"), [(ONE, 2 * 1_048_576), (BATCH, 16 * 1_048_576)])
def test_a_body_over_the_limit_is_refused(client: SurfaceClient, path: str, limit: int) -> None:
    problem(client.post(path, b"[" + b" " * limit), 413, "body_too_large")


def test_a_message_over_its_own_limit_is_refused(client: SurfaceClient) -> None:
    large = GOOD | {"producer": "x" * 1_100_000}
    problem(client.post(ONE, large), 413, "body_too_large")
    answer = client.post(BATCH, [large, GOOD]).json()
    assert answer["status"] == "partial_success"
    assert answer["failed_events"][0]["code"] == "limit_exceeded"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_an_unknown_encoding_is_refused(client: SurfaceClient, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = client.send("POST", ONE, content=encoded(GOOD), headers=headers)
    problem(answer, 415, "unsupported_encoding")
    assert answer.headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json;charset=latin1"],
)
@pytest.mark.parametrize("path", [ONE, BATCH])
def test_another_media_type_is_refused(client: SurfaceClient, path: str, media_type: str) -> None:
    answer = client.post(path, encoded(GOOD), media_type)
    problem(answer, 415, "unsupported_media_type")


def test_no_media_type_is_refused(client: SurfaceClient) -> None:
    """A page of somebody else's can send a body without one and without asking first."""
    problem(client.send("POST", ONE, content=encoded(GOOD)), 415, "unsupported_media_type")


# --- a batch -------------------------------------------------------------------------------------


def test_a_batch_enters_the_log(client: SurfaceClient) -> None:
    later = GOOD | {"eventTime": "2026-01-31T13:00:00Z"}
    answer = client.post(BATCH, [GOOD, later, GOOD])
    assert answer.status_code == 200
    found = answer.json()
    assert found["status"] == "success"
    assert found["summary"] == {
        "received": 3,
        "successful": 3,
        "failed": 0,
        "retriable": 0,
        "non_retriable": 0,
    }
    assert found["failed_events"] == []
    outcomes = [(one["index"], one["outcome"]) for one in found["receipts"]]
    assert outcomes == [(0, "appended"), (1, "appended"), (2, "duplicate")]
    assert found["receipts"][2]["position"] == found["receipts"][0]["position"]


def test_a_bad_message_of_a_batch_is_refused_alone(client: SurfaceClient, ledger: Ledger) -> None:
    found = client.post(BATCH, [without("run", "runId"), GOOD, 7]).json()
    assert found["status"] == "partial_success"
    assert found["summary"] == {
        "received": 3,
        "successful": 1,
        "failed": 2,
        "retriable": 0,
        "non_retriable": 2,
    }
    assert [one["index"] for one in found["failed_events"]] == [0, 2]
    assert {one["code"] for one in found["failed_events"]} == {"undecodable"}
    assert "message [0]: $.run" in found["failed_events"][0]["reason"]
    assert [one["index"] for one in found["receipts"]] == [1]
    assert ledger.show(JOB)[0].node.id is not None


def test_a_batch_of_bad_messages_fails(client: SurfaceClient, ledger: Ledger) -> None:
    found = client.post(BATCH, [{}, []]).json()
    assert (found["status"], found["summary"]["failed"], found["receipts"]) == ("failure", 2, [])
    assert ledger.head().size == 0


def test_an_empty_batch_says_nothing(client: SurfaceClient, ledger: Ledger) -> None:
    found = client.post(BATCH, []).json()
    assert (found["status"], found["summary"]["received"]) == ("success", 0)
    assert ledger.head().size == 0


def test_too_many_messages_are_refused(client: SurfaceClient) -> None:
    problem(client.post(BATCH, [0] * 10_001), 413, "body_too_large")


def test_a_batch_that_is_no_array_is_refused(client: SurfaceClient) -> None:
    problem(client.post(BATCH, GOOD), 400, "undecodable")


# --- OpenLineage's own scenarios -----------------------------------------------------------------


@pytest.fixture(scope="module")
def scenarios(shared_data: Path) -> list[Object]:
    """Return the messages of every scenario, in order."""
    folder = shared_data / "openlineage" / "scenarios"
    messages = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*/events/*.json"))]
    assert len(messages) == 42
    return messages


@pytest.fixture
def fresh() -> Iterator[list[Ledger]]:
    """Return a shelf for ledgers, which are closed at the end."""
    ledgers: list[Ledger] = []
    yield ledgers
    for ledger in ledgers:
        ledger.close()


def told(messages: list[Object], *, in_batch: bool, shelf: list[Ledger]) -> Ledger:
    """Return a ledger that was told these messages, twice; the second time changes nothing."""
    ledger = open_ledger("memory:", clock=FakeClock(), randomness=SeededRandomness())
    shelf.append(ledger)
    with running(create_app(ledger, Settings())) as client:
        sizes = []
        for _ in range(2):
            if in_batch:
                assert client.post(BATCH, messages).json()["status"] == "success"
            else:
                for message in messages:
                    assert client.post(ONE, message).status_code == 200
            sizes.append(ledger.head())
        assert sizes[0] == sizes[1]
    return ledger


@pytest.mark.needs_data
@pytest.mark.parametrize("seed", range(3))
def test_the_scenarios_give_the_same_graph_in_any_order_and_any_batches(
    scenarios: list[Object], seed: int, fresh: list[Ledger]
) -> None:
    expected = canonical_graph(told(scenarios, in_batch=False, shelf=fresh))
    assert len(expected.nodes) > 42
    assert expected.edges
    shuffled = sorted(scenarios, key=lambda one: sha256(b"%d" % seed + encoded(one)).digest())
    assert shuffled != scenarios
    for messages, in_batch in ((scenarios, True), (shuffled, True), (shuffled, False)):
        ledger = told(messages, in_batch=in_batch, shelf=fresh)
        assert canonical_graph(ledger) == expected
        assert ledger.audit().findings == ()
