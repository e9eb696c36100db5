"""Which namespace a request means, at every door; and that none tells another's from none."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from cdevents_messages import cdevent, enveloped, message_key
from keyholders import ADA_KEY, KeyHolderDouble, bearer, let_in
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.namespaces import namespace_of
from lineage_api.settings import Settings
from lineage_schemas.access import Role
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.outside.cloudevents import STRUCTURED
from openlineage_messages import dataset, encoded, key_of, run_event
from surface_client import SurfaceClient, dig, problem, running

HEADER = "Lineage-Namespace"
STATEMENTS = (
    "/api/v1/statements",
    "/api/v1/namespaces/team/statements",
    "/api/v1/statements?namespace=team",
)
MESSAGES = (
    "/api/v1/lineage",
    "/api/v1/namespaces/team/lineage",
    "/api/v1/lineage?namespace=team",
)
BATCHES = (
    "/api/v1/lineage/batch",
    "/api/v1/namespaces/team/lineage/batch",
    "/api/v1/lineage/batch?namespace=team",
)
CLOUD_EVENTS = (
    "/api/v1/cloudevents",
    "/api/v1/namespaces/team/cloudevents",
    "/api/v1/cloudevents?namespace=team",
)
MESSAGE = encoded(run_event(outputs=[dataset("a")]))
CLOUD_EVENT = encode_json(enveloped(cdevent("build.started", 1)))
SAID = b'{"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}'
KNOWN = "query($key: String!, $in: String) { artifact(key: $key, namespace: $in) { known } }"


def post(client: SurfaceClient, path: str, body: bytes, header: str | None) -> httpx.Response:
    form = STRUCTURED if "cloudevents" in path else "application/json"
    headers = {"Content-Type": form} | ({} if header is None else {HEADER: header})
    return client.send("POST", path, content=body, headers=headers)


def knows(client: SurfaceClient, key: str, namespace: str) -> bool:
    return client.ask(KNOWN, key=key, **{"in": namespace})["artifact"] == {"known": True}


@pytest.mark.parametrize(
    ("paths", "body", "key"),
    [
        (STATEMENTS, SAID, "mytool:x"),
        (MESSAGES, MESSAGE, key_of("a")),
        (BATCHES, b"[%s]" % MESSAGE, key_of("a")),
        (CLOUD_EVENTS, CLOUD_EVENT, message_key(1)),
    ],
    ids=["statements", "OpenLineage", "batch", "CloudEvents"],
)
@pytest.mark.parametrize(("place", "header"), [(0, None), (0, "team"), (1, None), (2, None)])
def test_a_namespace_is_named_by_header_path_or_query(
    client: SurfaceClient,
    paths: tuple[str, ...],
    body: bytes,
    key: str,
    place: int,
    header: str | None,
) -> None:
    assert post(client, paths[place], body, header).status_code == 200
    named = "default" if (place, header) == (0, None) else "team"
    assert [name for name in ("default", "team") if knows(client, key, name)] == [named]


@pytest.mark.parametrize("paths", [STATEMENTS, MESSAGES, BATCHES])
def test_two_places_must_agree(client: SurfaceClient, paths: tuple[str, ...]) -> None:
    for path in paths[1:]:
        document = problem(post(client, path, b"[]", "other"), 400, "invalid_argument")
        assert "different namespaces" in str(document["detail"])
    document = problem(
        post(client, f"{paths[1]}?namespace=b", b"[]", None), 400, "invalid_argument"
    )
    assert "path and the query" in str(document["detail"])


def test_a_question_takes_the_header_where_its_fields_name_none(client: SurfaceClient) -> None:
    post(client, STATEMENTS[1], SAID, None)
    document = """{
        plain: artifact(key: "mytool:x") { known }
        named: artifact(key: "mytool:x", namespace: "default") { known }
        basis { namespace }
        find(text: "x") { nodes { key } }
        nodes(type: "artifact") { nodes { key } }
        lineage(start: "mytool:x") { basis { namespace } }
        entries { entries { namespace } }
        types { basis { namespace } }
    }"""
    answer = post(client, "/graphql", json.dumps({"query": document}).encode(), "team").json()
    assert "errors" not in answer
    data = answer["data"]
    assert (data["plain"], data["named"]) == ({"known": True}, {"known": False})
    assert data["find"] == data["nodes"] == {"nodes": [{"key": "mytool:x"}]}
    assert {one["namespace"] for one in dig(data, "entries", "entries")} == {"team"}  # type: ignore[union-attr,index,call-overload]
    for name in ("basis", "lineage", "types"):
        assert data[name].get("basis", data[name])["namespace"] == "team"


def test_without_a_header_the_default_is_meant(client: SurfaceClient) -> None:
    assert client.ask("{ basis { namespace } }") == {"basis": {"namespace": "default"}}


@pytest.mark.parametrize("header", ["%FF", "%C3", "%"])
def test_a_header_that_cannot_be_read(client: SurfaceClient, header: str) -> None:
    wanted = 200 if header == "%" else 400
    assert post(client, STATEMENTS[0], SAID, header).status_code == wanted
    assert post(client, "/graphql", b'{"query": "{ head { size } }"}', header).status_code == wanted


def test_the_ledgers_own_namespace_takes_nothing(client: SurfaceClient) -> None:
    for what, body in (("statements", SAID), ("lineage", MESSAGE)):
        answer = post(client, f"/api/v1/namespaces/lineage/{what}", body, None)
        problem(answer, 400, "invalid_argument")


def request_with(*headers: bytes) -> Request:
    pairs = [(HEADER.lower().encode(), one) for one in headers]
    return Request({"type": "http", "headers": pairs, "path_params": {}, "query_string": b""})


@given(st.text(min_size=1, max_size=40).filter(str.isprintable))
def test_every_name_can_be_written_into_a_header(name: str) -> None:
    written = "".join(f"%{byte:02X}" for byte in name.encode())
    assert namespace_of(request_with(written.encode())) == name
    if name.isascii() and "%" not in name:
        assert namespace_of(request_with(name.encode())) == name


@pytest.mark.parametrize("headers", [(b"a", b"b"), (b"a", b"a"), (b"\xff",), ("é".encode(),)])
def test_a_header_is_sent_once_and_in_ascii(headers: tuple[bytes, ...]) -> None:
    with pytest.raises(InvalidInputError, match="header"):
        namespace_of(request_with(*headers))


# --- who says it ---------------------------------------------------------------------------------


@pytest.fixture
def signed_in(ledger: Ledger) -> Iterator[SurfaceClient]:
    let_in(ledger, "ada", roles=(Role.INGEST, Role.READER, Role.AUDITOR))
    app = create_app(ledger, Settings(sign_in="required"), KeyHolderDouble())
    with running(app) as client:
        yield client


def spying(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Note every call of the service that is made for somebody, and for whom."""
    seen: list[tuple[str, object]] = []

    def noting(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def noted(*values: object, **named: object) -> object:
            seen.append((name, named.get("principal")))
            return call(*values, **named)

        return noted

    for name in (
        "prepare",
        "prepare_message",
        "show",
        "find",
        "list_nodes",
        "entries",
        "types",
        "basis",
    ):
        monkeypatch.setattr(ledger, name, noting(name, getattr(ledger, name)))
    monkeypatch.setattr(ledger.graph, "trace", noting("trace", ledger.graph.trace))
    return seen


def test_every_door_says_who_asks(
    signed_in: SurfaceClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that names nobody would be made for the person at this machine, who may do all."""
    seen = spying(ledger, monkeypatch)
    document = """{
        artifact(key: "mytool:x") { known } execution(key: "mytool:x") { known }
        context(key: "mytool:x") { known } lineage(start: "mytool:x") { complete }
        find(text: "x") { cursor } nodes(type: "artifact") { cursor }
        entries { nextPosition } types { basis { size } } basis { size }
    }"""
    headers = bearer(ADA_KEY) | {"Content-Type": "application/json"}
    for path, body in (
        (STATEMENTS[0], SAID),
        (MESSAGES[0], MESSAGE),
        (BATCHES[0], b"[%s]" % MESSAGE),
        ("/graphql", json.dumps({"query": document}).encode()),
    ):
        answer = signed_in.send("POST", path, content=body, headers=headers)
        assert answer.status_code == 200
        assert "errors" not in answer.json()
    ada = KeyHolderDouble().keys[ADA_KEY]
    assert {name for name, _ in seen} == {
        "prepare",
        "prepare_message",
        "trace",
        "show",
        "find",
        "list_nodes",
        "entries",
        "types",
        "basis",
    }
    assert [one for one in seen if one[1] != ada] == []
