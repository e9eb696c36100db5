"""A real ledger's keys and grants, through every door of HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from doubles import FakeClock, SeededRandomness
from keyholders import bearer, let_in
from lineage.access import control
from lineage.ledger import open_ledger
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.graphql.forms import form_of
from lineage_api.serving import serve
from lineage_api.settings import Settings
from lineage_schemas.access import Role
from lineage_schemas.errors import FrozenStoreError, InvalidInputError
from openlineage_messages import dataset, encoded, run_event
from surface_client import SurfaceClient, problem, running

KEY = "mytool:x"
SAID = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": KEY}]}
KNOWN = '{ artifact(key: "mytool:x", namespace: "%s") { known } }'


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger with a key, a sidecar and an access log."""
    path = tmp_path / "ledger.db"
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        yield ledger


@pytest.fixture
def client(kept: Ledger) -> Iterator[SurfaceClient]:
    with running(create_app(kept, Settings(sign_in="required"))) as client:
        yield client


def post(client: SurfaceClient, key: str, path: str, body: object, **more: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = bearer(key) | {"Content-Type": "application/json"} | more
    return client.send("POST", path, content=content, headers=headers)


def ask(client: SurfaceClient, key: str, query: str, **more: str) -> httpx.Response:
    return post(client, key, "/graphql", {"query": query}, **more)


def get(client: SurfaceClient, key: str, path: str) -> httpx.Response:
    return client.send("GET", path, headers=bearer(key))


def made(ledger: Ledger, name: str, role: Role, *namespaces: str) -> str:
    """Grant a role, and return an API key of whoever has it."""
    ledger.access.grant(name, role, namespaces)
    return ledger.access.make_key(name)[0]


def test_a_key_is_narrow_and_ends_when_it_is_revoked(kept: Ledger, client: SurfaceClient) -> None:
    key = made(kept, "airflow", Role.INGEST, "team")
    message = encoded(run_event(outputs=[dataset("a")]))
    for path, body in (
        ("/api/v1/namespaces/team/statements", SAID),
        ("/api/v1/namespaces/team/lineage", message),
        ("/api/v1/namespaces/team/lineage/batch", b"[%s]" % message),
    ):
        assert post(client, key, path, body).status_code == 200
    answer = post(client, key, "/api/v1/statements", SAID)
    problem(answer, 403, "forbidden")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    problem(post(client, key, "/api/v1/lineage", message), 403, "forbidden")
    refused = post(client, key, "/api/v1/lineage/batch", b"[%s]" % message).json()
    assert [one["code"] for one in refused["failed_events"]] == ["forbidden"]
    kept.access.revoke_api_key(key.split("_")[1])
    problem(post(client, key, "/api/v1/namespaces/team/statements", SAID), 401, "unauthenticated")


def test_the_servers_log_names_the_key_of_a_request_and_not_its_holder(
    kept: Ledger, client: SurfaceClient, caplog: pytest.LogCaptureFixture
) -> None:
    key = made(kept, "ada@example.org", Role.READER, "default")
    with caplog.at_level("INFO", "lineage_api.access"):
        ask(client, key, KNOWN % "default")
    (line,) = [one for one in caplog.records if one.name == "lineage_api.access"]
    (view,) = kept.access.api_keys()
    assert view.key in str(vars(line))
    assert "ada@example.org" not in str(vars(line))
    assert key not in str(vars(line))


def test_a_namespace_one_may_not_see_is_as_one_that_is_not_there(
    kept: Ledger, client: SurfaceClient
) -> None:
    writer = made(kept, "airflow", Role.INGEST, "secret")
    reader = made(kept, "ada", Role.READER, "mine")
    assert post(client, writer, "/api/v1/namespaces/secret/statements", SAID).status_code == 200
    # One id for all, since an answer names its request.
    same = {"X-Request-Id": "same"}
    there, absent = (ask(client, reader, KNOWN % name, **same) for name in ("secret", "absent"))
    assert there.status_code == absent.status_code == 200
    assert there.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert there.text.replace("secret", "absent") == absent.text
    assert ask(client, reader, KNOWN % "mine").json()["data"] == {"artifact": {"known": False}}
    written = [
        post(client, reader, f"/api/v1/namespaces/{name}/statements", SAID, **same)
        for name in ("secret", "absent")
    ]
    assert written[0].status_code == written[1].status_code == 403
    assert written[0].text.replace("secret", "absent") == written[1].text


def test_tiles_are_for_whoever_signs_in_and_bundles_for_auditors(
    kept: Ledger, client: SurfaceClient
) -> None:
    reader = made(kept, "ada", Role.READER, "mine")
    auditor = made(kept, "eve", Role.AUDITOR, "*")
    nobody = kept.access.make_key("nobody")[0]
    size = get(client, auditor, "/readyz").json()["size"]
    for key, checkpoint, hashes, entries in (
        (auditor, 200, 200, 200),
        (reader, 200, 200, 403),
        (nobody, 200, 200, 403),
    ):
        assert get(client, key, "/log/checkpoint").status_code == checkpoint
        assert get(client, key, f"/log/tile/0/000.p/{size}").status_code == hashes
        assert get(client, key, f"/log/tile/entries/000.p/{size}").status_code == entries
    assert get(client, nobody, "/readyz").status_code == 200
    assert ask(client, nobody, "{ head { size } keys { name } }").status_code == 200
    answer = ask(client, nobody, "{ entries { nextPosition } }").json()
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def test_the_access_log_says_through_which_door_and_what_for(
    kept: Ledger, client: SurfaceClient
) -> None:
    auditor = made(kept, "eve", Role.AUDITOR, "*")
    query = 'query Look { artifact(key: "mytool:private", namespace: "team") { known } }'
    body = {"query": query, "operationName": "Look"}
    answer = post(client, auditor, "/graphql", body, **{"Lineage-Purpose": "case 7"})
    assert "errors" not in answer.json()
    (record,) = [one for one in kept.access.log().records if one.access.door == "graphql"]
    assert (record.access.operation, record.access.purpose) == ("Look", "case 7")
    assert "mytool:private" not in str(record)
    assert record.who == "eve"


def test_a_refusal_is_written_soon_and_says_through_which_door(
    kept: Ledger, client: SurfaceClient
) -> None:
    nobody = made(kept, "ada", Role.READER, "mine")
    problem(post(client, nobody, "/api/v1/statements", SAID), 403, "forbidden")
    problem(get(client, nobody, "/metrics"), 403, "forbidden")
    ask(client, nobody, KNOWN % "default")
    (told,) = poll(lambda: stated(kept, 3))
    assert told == {("http", "ingest"), ("http", "operate"), ("graphql", "read")}


def stated(ledger: Ledger, count: int) -> list[set[tuple[str, str]]]:
    """Return the doors and actions of refusals, once so many were written, and write none."""
    assert ledger._checks.accounts is not None
    refused = [one.access for one in ledger._checks.accounts.read(0, 100).records]
    found = {(one.door, one.operation) for one in refused if one.denied}
    return [found] if len(found) == count else []


def poll(ask_: Callable[[], list[set[tuple[str, str]]]]) -> list[set[tuple[str, str]]]:
    """Ask until something is there."""
    end = monotonic() + 30
    while not (found := ask_()) and monotonic() < end:
        sleep(0.02)
    return found


def test_the_form_of_a_document_holds_no_value() -> None:
    document = '{ a(x: "secret", y: """secret""", n: 4711, f: 1.5, l: [{k: "secret"}]) { b } }'
    assert form_of(document) == (
        '{\n  a(x: "", y: "", n: 0, f: 0.0, l: [{ k: "" }]) {\n    b\n  }\n}'
    )
    assert form_of("{") == form_of("") == form_of("{" * 50_000) == ""


def test_a_key_for_a_tokens_name_is_as_unknown_as_any(
    kept: Ledger, client: SurfaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "https://id.example.org#ada"
    kept.access.grant(name, Role.READER, ["default"])
    with monkeypatch.context() as before:
        before.setattr(control, "check_key_name", lambda _: None)
        old, _ = kept.access.make_key(name)
    same = {"X-Request-Id": "same"}
    answers = [ask(client, key, "{ head { size } }", **same) for key in (old, "llk_0_1")]
    assert [one.status_code for one in answers] == [401, 401]
    assert answers[0].content == answers[1].content


def test_nobody_is_served_where_nobody_who_signs_in_may_do_anything(kept: Ledger) -> None:
    with pytest.raises(InvalidInputError, match="nothing was granted"):
        serve(Settings(sign_in="required"), kept, print)
    secret = "postgresql://lineage:planted-word@db.example/lineage"
    with pytest.raises(InvalidInputError, match=r"PostgreSQL at db\.example") as refused:
        serve(Settings(sign_in="required", store=secret), kept, print)
    assert "planted-word" not in str(refused.value)
    let_in(kept, "ada")
    with pytest.raises(InvalidInputError, match="listen"):
        serve(Settings(sign_in="required", host="192.0.2.1", behind_proxy=True), kept, print)


def test_a_key_that_leaks_from_a_ledger_that_takes_nothing_is_refused_by_its_server(
    kept: Ledger, tmp_path: Path
) -> None:
    leaked = made(kept, "ada", Role.READER, "*")
    other = kept.access.make_key("ada")[0]
    kept.moves.export(tmp_path / "final.jsonl", final=True, to="elsewhere")
    with pytest.raises(FrozenStoreError):
        kept.access.revoke_api_key(leaked.split("_")[1])
    settings = Settings(sign_in="required", revoked_keys=(leaked.split("_")[1],))
    same = {"X-Request-Id": "same"}
    with running(create_app(kept, settings)) as client:
        assert "data" in ask(client, other, KNOWN % "team").json()
        refused = ask(client, leaked, KNOWN % "team", **same)
        problem(refused, 401, "unauthenticated")
        assert refused.text == ask(client, "llk_unknown", KNOWN % "team", **same).text
    with running(create_app(kept, Settings(sign_in="required"))) as client:
        assert "data" in ask(client, leaked, KNOWN % "team").json()
