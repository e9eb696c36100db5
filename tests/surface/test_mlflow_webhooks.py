"""What MLflow servers deliver: kept once, and only where they have signed it."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from doubles import FakeClock
from lineage.clock import Clock
from lineage.ledger import Role
from lineage.questions.revisions import read_stated
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.identity.composing import Machine
from lineage_api.identity.mlflow_servers import MlflowServer
from lineage_api.settings import Settings, check_settings
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.mlmd import Record
from lineage_schemas.records import Actor, ActorOrigin, Message
from surface_client import SurfaceClient, problem, running

PATH = "/webhooks/mlflow"
NAME = "tracking.example.org:5000"
SOURCE = f"mlflow:{NAME}"
SECRET = "s3cret-of-thirty-two-characters!"
NOW = 1_764_331_200  # the second in which everything here is signed
ID = "0b7f3c1e-9a55-4f0e-8f53-2f4f5d0f9a10"

# What MLflow 3.17.2 itself makes of SECRET, ID, NOW and this body.
VECTOR = (
    b'{"entity": "registered_model", "action": "created"}',
    "v1,zXKD87plxGb+JUR238cOqdqsxdI4IxiR55ac6zVBFtc=",
)

CREATED = {
    "entity": "model_version",
    "action": "created",
    "timestamp": "2025-11-28T11:59:58.123456+00:00",
    "data": {
        "name": "fraud-model",
        "version": "3",
        "source": "models:/m-" + "1f" * 16,
        "run_id": "4f0e" * 8,
        "tags": {},
        "description": None,
    },
}

# What MLflow 3.17.2 sends when somebody tests a webhook: entity, action, data.
EXAMPLES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "recordings" / "mlflow_webhook_examples.ndjson")
    .read_text()
    .splitlines()
]

Open = Callable[..., AbstractContextManager[SurfaceClient]]


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "webhook-secret"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
def at() -> FakeClock:
    """The time of day: it stands still until somebody moves it."""
    return FakeClock(NOW * 1_000_000, step_us=0)


@pytest.fixture
def serve(ledger: Ledger, secret_file: Path, at: Clock) -> Open:
    """Serve with some settings changed; one server is known."""

    @contextmanager
    def serving(*servers: MlflowServer, **changes: object) -> Iterator[SurfaceClient]:
        known = servers or (MlflowServer(name=NAME, secret_files=(str(secret_file),)),)
        settings = Settings(mlflow=known, **changes)  # type: ignore[arg-type]
        machine = Machine(clock=at, steady=at)
        with running(create_app(ledger, settings, machine=machine)) as client:
            yield client

    return serving


@pytest.fixture
def client(serve: Open) -> Iterator[SurfaceClient]:
    with serve() as client:
        yield client


def signature(body: bytes, delivery: str = ID, at: int = NOW, secret: str = SECRET) -> str:
    """Sign, as Standard Webhooks says."""
    signed = f"{delivery}.{at}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret.encode(), signed, sha256)).decode()


def headers(signed: str, delivery: str = ID, at: int = NOW) -> dict[str, str]:
    """Return the headers of a delivery."""
    return {
        "Content-Type": "application/json",
        "X-MLflow-Signature": signed,
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": str(at),
    }


def deliver(
    client: SurfaceClient,
    what: object = None,
    *,
    delivery: str = ID,
    at: int = NOW,
    path: str = PATH,
) -> httpx.Response:
    """Deliver something, rightly signed."""
    body = what if isinstance(what, bytes) else json.dumps(what or CREATED).encode()
    signed = headers(signature(body, delivery, at), delivery, at)
    return client.send("POST", path, content=body, headers=signed)


def said(ledger: Ledger) -> list[Record]:
    """Return every record in the log."""
    with ledger._store.read() as reader:
        entries = reader.entries(0, reader.head().size)
        return [record for entry in entries for record in read_stated(entry) or ()]


def messages(ledger: Ledger) -> list[Message]:
    """Return the deliveries, and not what was made of them."""
    found = [record for record in said(ledger) if isinstance(record, Message)]
    return [one for one in found if b'"entity"' in bytes(one.body)]


def test_a_delivery_is_kept_as_it_came(client: SurfaceClient, ledger: Ledger) -> None:
    answer = deliver(client)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "appended"
    assert answer.json()["flags"] == []
    known = ledger.looks.known(SOURCE, [f"webhook/{ID}"])[f"webhook/{ID}"]
    assert known.body == json.dumps(CREATED).encode()
    assert known.position == answer.json()["position"]
    assert known.at is not None
    assert known.at.isoformat() == CREATED["timestamp"]


def test_who_signed_it_says_so_in_the_log(client: SurfaceClient, ledger: Ledger) -> None:
    deliver(client)
    actors = [record for record in said(ledger) if isinstance(record, Actor)]
    assert [(one.origin, one.name) for one in actors if one.origin is ActorOrigin.SIGNED] == [
        (ActorOrigin.SIGNED, f"webhook:mlflow/{NAME}")
    ]


def test_the_signature_is_the_one_that_mlflow_makes(client: SurfaceClient) -> None:
    body, signed = VECTOR
    assert signature(body) == signed
    assert client.send("POST", PATH, content=body, headers=headers(signed)).status_code == 200


def test_a_delivery_that_comes_twice_is_there_once(client: SurfaceClient, ledger: Ledger) -> None:
    first = deliver(client).json()
    second = deliver(client, at=NOW + 7).json()
    assert second == first | {"outcome": "duplicate", "revised": 0}
    assert len(messages(ledger)) == 1


def test_an_id_means_one_delivery(client: SurfaceClient, ledger: Ledger) -> None:
    deliver(client)
    problem(deliver(client, CREATED | {"action": "deleted"}), 409, "statement_conflict")
    assert len(messages(ledger)) == 1


# --- signatures ----------------------------------------------------------------------------------

BODY = json.dumps(CREATED).encode()
RIGHT = headers(signature(BODY))
WRONG: dict[str, dict[str, str]] = {
    "another secret": headers(signature(BODY, secret="another secret that is long")),
    "another body": headers(signature(BODY + b" ")),
    "another id": headers(signature(BODY), delivery="another"),
    "another time": headers(signature(BODY), at=NOW + 1),
    "another version": headers(signature(BODY).replace("v1,", "v2,")),
    "no version": headers(signature(BODY).removeprefix("v1,")),
    "no signature": {key: one for key, one in RIGHT.items() if key != "X-MLflow-Signature"},
    "an empty signature": headers(""),
    "letters of no alphabet": headers("v1,\u00e4"),
    "too many signatures": headers("v1,x " * 8 + signature(BODY)),
    "no id": {key: one for key, one in RIGHT.items() if key != "X-MLflow-Delivery-Id"},
    "an id of another form": headers(signature(BODY, "a/b"), delivery="a/b"),
    "no time": {key: one for key, one in RIGHT.items() if key != "X-MLflow-Timestamp"},
    "a time of another form": headers(signature(BODY)) | {"X-MLflow-Timestamp": "+1"},
    "signed long ago": headers(signature(BODY, at=NOW - 301), at=NOW - 301),
    "signed ahead": headers(signature(BODY, at=NOW + 301), at=NOW + 301),
}


@pytest.mark.parametrize("why", WRONG)
def test_what_is_not_signed_just_now_is_not_written(
    client: SurfaceClient, ledger: Ledger, why: str
) -> None:
    size = ledger.head().size
    sent = [(key.encode(), one.encode("latin-1")) for key, one in WRONG[why].items()]
    answer = client.send("POST", PATH, content=BODY, headers=sent)  # type: ignore[arg-type]
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("MLflow-Signature")
    assert SECRET not in answer.text
    assert ledger.head().size == size


@pytest.mark.parametrize("late", [-300, 300])
def test_clocks_may_differ_a_little(client: SurfaceClient, late: int) -> None:
    assert deliver(client, at=NOW + late).status_code == 200


def test_one_of_several_signatures_is_enough(client: SurfaceClient) -> None:
    several = f"v1,AAAA {signature(BODY)}"
    assert client.send("POST", PATH, content=BODY, headers=headers(several)).status_code == 200


def test_a_header_that_is_there_twice_is_refused(client: SurfaceClient) -> None:
    twice = [*RIGHT.items(), ("X-MLflow-Delivery-Id", "another")]
    answer = client.send("POST", PATH, content=BODY, headers=twice)  # type: ignore[arg-type]
    problem(answer, 401, "unauthenticated")


def test_two_secrets_hold_while_one_is_changed(serve: Open, secret_file: Path) -> None:
    old = secret_file.with_name("old")
    old.write_text("another secret that is long")
    server = MlflowServer(name=NAME, secret_files=(str(old), str(secret_file)))
    with serve(server) as client:
        assert deliver(client).status_code == 200
        secret_file.write_text("and now a third one, for good")
        problem(deliver(client, delivery="2"), 401, "unauthenticated")


# --- servers -------------------------------------------------------------------------------------


def test_a_server_that_nobody_knows_is_not_there(serve: Open) -> None:
    with serve() as client:
        problem(deliver(client, path=f"{PATH}?server=other"), 404, "not_found")
        assert deliver(client, path=f"{PATH}?server={NAME}").status_code == 200


def test_several_servers_are_told_apart_by_name(
    serve: Open, ledger: Ledger, tmp_path: Path, secret_file: Path
) -> None:
    (tmp_path / "b").write_text("another secret that is long")
    servers = (
        MlflowServer(name="a", secret_files=(str(secret_file),), source="models"),
        MlflowServer(name="b", secret_files=(str(tmp_path / "b"),), namespace="team"),
    )
    with serve(*servers) as client:
        problem(deliver(client), 404, "not_found")
        assert deliver(client, path=f"{PATH}?server=a").status_code == 200
        problem(deliver(client, path=f"{PATH}?server=b"), 401, "unauthenticated")
        signed = headers(signature(BODY, secret="another secret that is long"))
        answer = client.send("POST", f"{PATH}?server=b", content=BODY, headers=signed)
        assert answer.status_code == 200
    assert f"webhook/{ID}" in ledger.looks.known("models", [f"webhook/{ID}"])
    assert f"webhook/{ID}" in ledger.looks.known("mlflow:b", [f"webhook/{ID}"], namespace="team")


def test_without_a_secret_nothing_is_taken(serve: Open, ledger: Ledger) -> None:
    with serve(MlflowServer(name=NAME)) as client:
        told = problem(deliver(client), 412, "failed_precondition")
    assert "secret_files" in str(told["hint"])
    assert messages(ledger) == []


@pytest.mark.parametrize("content", [None, "short"])
def test_a_secret_that_cannot_be_used_is_told_in_the_log_only(
    serve: Open, secret_file: Path, caplog: pytest.LogCaptureFixture, content: str | None
) -> None:
    secret_file.unlink()
    if content is not None:
        secret_file.write_text(content)
    with serve() as client:
        answer = deliver(client)
    problem(answer, 503, "not_ready")
    assert str(secret_file) not in answer.text
    assert str(secret_file) in caplog.text
    assert "short" not in caplog.text


def test_without_any_server_the_route_says_so(ledger: Ledger) -> None:
    with running(create_app(ledger, Settings())) as client:
        problem(deliver(client), 404, "not_found")


@pytest.mark.parametrize(
    "servers",
    [
        pytest.param((MlflowServer(name="A"),), id="capitals"),
        pytest.param((MlflowServer(name="a/b"),), id="a slash"),
        pytest.param((MlflowServer(name="a"), MlflowServer(name="a")), id="twice"),
        pytest.param(
            (MlflowServer(name="a", source="s"), MlflowServer(name="b", source="s")), id="source"
        ),
        pytest.param((MlflowServer(name="a", secret_files=("1", "2", "3")),), id="three secrets"),
        pytest.param(tuple(MlflowServer(name=str(one)) for one in range(65)), id="too many"),
    ],
)
def test_servers_that_cannot_be_are_refused_at_the_start(servers: tuple[MlflowServer, ...]) -> None:
    with pytest.raises(InvalidInputError, match="MLflow server"):
        check_settings(Settings(mlflow=servers))


# --- what is in it -------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one[0]}.{one[1]}")
def test_the_example_of_a_test_is_kept_apart(
    client: SurfaceClient, ledger: Ledger, example: list[object]
) -> None:
    entity, action, data = example
    body = {"entity": entity, "action": action, "timestamp": CREATED["timestamp"], "data": data}
    answer = deliver(client, body).json()
    assert (answer["flags"], answer["revised"]) == (["example_message"], 0)
    (message,) = messages(ledger)
    assert message.flags == ("example_message",)


@pytest.mark.parametrize(
    "event",
    [
        ("registered_model", "created", {"tags": {}, "description": ""}),
        ("model_version_alias", "created", {"alias": "champion", "version": "1"}),
        ("model_version_tag", "set", {"key": "example_key", "value": "other", "version": "1"}),
    ],
    ids=["model", "alias", "tag"],
)
def test_what_only_looks_like_an_example_is_not_one(
    client: SurfaceClient, event: tuple[str, str, dict[str, object]]
) -> None:
    entity, action, data = event
    body = told(entity, action, "01", **(data | {"name": "example_model"}))
    assert deliver(client, body).json()["flags"] == []


def test_what_nobody_knows_is_kept_with_a_flag(client: SurfaceClient, ledger: Ledger) -> None:
    body = CREATED | {"action": "exploded", "more": 2}
    assert deliver(client, body).json()["flags"] == ["unknown_message"]
    (message,) = messages(ledger)
    assert bytes(message.body) == json.dumps(body).encode()
    assert message.flags == ("unknown_message",)


@pytest.mark.parametrize(
    "changes",
    [{"timestamp": None}, {"timestamp": "soon"}, {"data": []}, {"entity": 1}, {"data": {}}],
    ids=["no time", "a word", "a list", "a number", "no name"],
)
def test_what_is_not_understood_is_kept_with_a_flag(
    client: SurfaceClient, ledger: Ledger, changes: dict[str, object]
) -> None:
    answer = deliver(client, CREATED | changes).json()
    assert (answer["flags"], answer["revised"]) == (["unreadable_message"], 0)
    (message,) = messages(ledger)
    assert message.flags == ("unreadable_message",)


def test_secrets_in_it_are_not_kept(client: SurfaceClient, ledger: Ledger) -> None:
    data = {"name": "m", "version": "1", "source": "https://user:hunter22@host.example/m"}
    deliver(client, CREATED | {"data": data})
    (message,) = messages(ledger)
    assert b"hunter22" not in bytes(message.body)
    assert message.secrets_filtered == 1


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b"1", b"", b"[" * 100_000, b'{"a":"\xff"}'], ids=range(6)
)
def test_what_is_signed_and_no_delivery_is_refused(
    client: SurfaceClient, ledger: Ledger, body: bytes
) -> None:
    problem(deliver(client, body), 400, "undecodable")
    assert messages(ledger) == []


def test_a_body_has_a_limit_and_is_not_compressed(client: SurfaceClient) -> None:
    problem(deliver(client, b" " * 1_100_000), 413, "body_too_large")
    packed = RIGHT | {"Content-Encoding": "gzip"}
    answer = client.send("POST", PATH, content=BODY, headers=packed)
    problem(answer, 415, "unsupported_encoding")
    plain = RIGHT | {"Content-Type": "text/plain"}
    problem(client.send("POST", PATH, content=BODY, headers=plain), 415, "unsupported_media_type")


# --- where callers sign in -----------------------------------------------------------------------


def test_it_needs_a_grant_and_no_credential(serve: Open, ledger: Ledger) -> None:
    ledger.access.grant("somebody", Role.READER, ["*"])
    with serve(sign_in="required") as client:
        problem(deliver(client), 403, "forbidden")
        ledger.access.grant(f"webhook:mlflow/{NAME}", Role.INGEST, ["default"], sources=[SOURCE])
        assert deliver(client).status_code == 200
        problem(client.get("/log/checkpoint"), 401, "unauthenticated")


def test_no_api_key_speaks_for_a_webhook(ledger: Ledger) -> None:
    with pytest.raises(InvalidInputError, match="signs what it sends"):
        ledger.access.make_key(f"webhook:mlflow/{NAME}")


def test_guessing_is_counted_and_signing_is_not(serve: Open, ledger: Ledger) -> None:
    ledger.access.grant(f"webhook:mlflow/{NAME}", Role.INGEST, ["*"])
    with serve(sign_in="required", address_rate=0.001, address_burst=3) as client:
        for number in range(9):
            assert deliver(client, delivery=str(number)).status_code == 200
        guess = headers(signature(BODY, secret="another secret that is long"))
        told = [client.send("POST", PATH, content=BODY, headers=guess) for _ in range(4)]
        assert [one.status_code for one in told] == [401, 401, 401, 429]


# --- what it tells -------------------------------------------------------------------------------

MODEL = "registered_model/fraud-model"
VERSION = "model_version/fraud-model/3"


def told(entity: str, action: str, at: str, **data: object) -> dict[str, object]:
    """Return the body of a delivery about one model."""
    timestamp = f"2025-11-28T11:59:{at}+00:00"
    data = {"name": "fraud-model"} | data
    return {"entity": entity, "action": action, "timestamp": timestamp, "data": data}


def aliases(ledger: Ledger) -> object:
    known = ledger.looks.known(SOURCE, [MODEL])
    return json.loads(known[MODEL].body or b"").get("aliases")


def test_what_it_tells_is_known_at_once(client: SurfaceClient, ledger: Ledger) -> None:
    assert deliver(client).json()["revised"] == 1
    known = ledger.looks.known(SOURCE, [VERSION])[VERSION]
    assert json.loads(known.body or b"")["source"] == "models:/m-" + "1f" * 16
    assert known.at is not None
    assert known.at.isoformat() == CREATED["timestamp"]
    node = f"mlflow:model-version/{NAME}/fraud-model/3"
    assert [(one.node.key, one.node.stub) for one in ledger.show(node)] == [(node, False)]


def test_what_is_still_to_come_is_kept_and_changes_nothing(
    client: SurfaceClient, ledger: Ledger
) -> None:
    ahead = CREATED | {"timestamp": "2035-11-28T11:59:58+00:00"}
    answer = deliver(client, ahead).json()
    assert (answer["outcome"], answer["flags"], answer["revised"]) == (
        "appended",
        ["ahead_of_time"],
        0,
    )
    assert ledger.looks.known(SOURCE, [VERSION]) == {}


def test_an_alias_moves_and_an_older_word_changes_nothing(
    client: SurfaceClient, ledger: Ledger
) -> None:
    deliver(client, told("registered_model", "created", "01", tags={}, description=None))
    moved = ("model_version_alias", "created")
    deliver(client, told(*moved, "20", alias="champion", version="3"), delivery="2")
    assert aliases(ledger) == {"champion": "3"}
    late = told(*moved, "10", alias="champion", version="2")
    assert deliver(client, late, delivery="late").json()["revised"] == 0
    assert aliases(ledger) == {"champion": "3"}
    gone = told("model_version_alias", "deleted", "30", alias="champion")
    assert deliver(client, gone, delivery="3").json()["revised"] == 1
    assert not aliases(ledger)
    assert deliver(client, gone, delivery="3").json()["revised"] == 0
