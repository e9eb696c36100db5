"""Who gets in, and what those are told who do not."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

import tokens
from doubles import FakeClock
from issuers import KEYS, IssuerDouble, issuing
from keyholders import ADA_KEY, BOB_KEY, KeyHolderDouble, bearer, let_in
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.identity.composing import Machine
from lineage_api.identity.gate import SIGNED_PATHS
from lineage_api.identity.issuers import Issuer
from lineage_api.identity.keyring import COOLDOWN_SECONDS, FRESH_SECONDS
from lineage_api.rest.index import ADDRESSES
from lineage_api.settings import Settings
from lineage_schemas.errors import OverloadedError, StoreLostError
from surface_client import SurfaceClient, problem, running
from tokens import claims, rsa_key

STATEMENT = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}
RESPONSE = "application/graphql-response+json"
QUERY = json.dumps({"query": "{ head { size } }"}).encode()

Open = Callable[..., AbstractContextManager[SurfaceClient]]


@pytest.fixture
def keys() -> KeyHolderDouble:
    return KeyHolderDouble()


@pytest.fixture
def clocks() -> FakeClock:
    """The time of day, and of ages: it stands still until somebody moves it."""
    return FakeClock(step_us=0)


@pytest.fixture
def serve(ledger: Ledger, keys: KeyHolderDouble, clocks: FakeClock) -> Open:
    """Serve to whoever signs in, with some settings changed."""

    @contextmanager
    def serving(*issuers: Issuer, **changes: object) -> Iterator[SurfaceClient]:
        settings = Settings(sign_in="required", issuers=issuers, **changes)  # type: ignore[arg-type]
        let_in(ledger, "ada", "bob", *(f"{one.issuer}#ada" for one in issuers))
        machine = Machine(clock=clocks, steady=clocks)
        with running(create_app(ledger, settings, keys, machine)) as client:
            yield client

    return serving


@pytest.fixture
def client(serve: Open) -> Iterator[SurfaceClient]:
    with serve() as client:
        yield client


def record(client: SurfaceClient, credential: str, name: str = "s1") -> httpx.Response:
    """Record a statement."""
    body = json.dumps(STATEMENT | {"id": name}).encode()
    headers = {"Content-Type": "application/json"} | bearer(credential)
    return client.send("POST", "/api/v1/statements", content=body, headers=headers)


def ready(client: SurfaceClient, credential: str) -> httpx.Response:
    """Ask for something small."""
    return client.send("GET", "/readyz", headers=bearer(credential))


def send_bytes(client: SurfaceClient, *credentials: bytes) -> httpx.Response:
    """Send headers as no client of ours would."""
    headers = [(b"Authorization", one) for one in credentials]

    async def send() -> httpx.Response:
        return await client._http.get("/", headers=headers)

    return client.portal.call(send)


# --- who gets in ---------------------------------------------------------------------------------


def test_without_set_up_everybody_on_this_machine_is_the_local_principal(ledger: Ledger) -> None:
    with running(create_app(ledger, Settings())) as client:
        assert client.post("/api/v1/statements", STATEMENT).status_code == 200
        assert record(client, "llk_anything", "s2").status_code == 200


def test_a_key_lets_in_whose_it_is(client: SurfaceClient, keys: KeyHolderDouble) -> None:
    assert record(client, ADA_KEY).status_code == 200
    assert ready(client, ADA_KEY).json()["size"] > 0
    del keys.keys[ADA_KEY]
    problem(record(client, ADA_KEY), 401, "unauthenticated")
    assert record(client, BOB_KEY, "s2").status_code == 200


def test_the_scheme_is_written_in_any_case_and_with_any_spaces(client: SurfaceClient) -> None:
    for header in (f"bearer {ADA_KEY}", f"BEARER  {ADA_KEY}", f"Bearer {ADA_KEY} "):
        assert client.send("GET", "/readyz", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("address", [*ADDRESSES, "GET /", "OPTIONS /graphql", "GET /nowhere"])
def test_no_address_but_the_probes_answers_without_a_credential(
    client: SurfaceClient, address: str
) -> None:
    method, _, path = address.partition(" ")
    answer = client.send(
        method, path.format(path="0/000", namespace="default", position=0, key="acme:none")
    )
    if path in {"/healthz", "/readyz"}:
        assert answer.status_code == 200
        assert set(answer.json()) == {"status"}
        return
    if path in SIGNED_PATHS:
        # What comes here is signed, and known by that; nobody has set up whom to believe.
        problem(answer, 404, "not_found")
        return
    document = problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="lineage"'
    assert "Authorization: Bearer" in str(document["hint"])


def test_probes_are_answered_under_every_name(client: SurfaceClient) -> None:
    """A supervisor knows an address, and not what the server is called."""
    assert client.send("GET", "/healthz", headers={"Host": "10.1.2.3:8470"}).status_code == 200
    answer = client.send("GET", "/", headers={"Host": "10.1.2.3"} | bearer(ADA_KEY))
    problem(answer, 421, "foreign_host")


def test_names_of_the_server(serve: Open) -> None:
    with serve(hosts=("ledger.example.org", "2001:db8::1"), behind_proxy=True) as client:
        for host, status in (
            ("ledger.example.org", 200),
            ("LEDGER.example.org.:443", 200),
            ("[2001:DB8:0::1]:443", 200),
            ("localhost", 200),
            ("example.org", 421),
            ("a.ledger.example.org", 421),
            ("ledger.example.org.evil.example", 421),
            ("", 421),
        ):
            headers = {"Host": host} | bearer(ADA_KEY)
            assert client.send("GET", "/", headers=headers).status_code == status, host


def test_where_nobody_signs_in_probes_keep_to_this_machines_names(ledger: Ledger) -> None:
    """They say where the log stands there, and a foreign page could read that."""
    with running(create_app(ledger, Settings())) as client:
        answer = client.send("GET", "/readyz", headers={"Host": "evil.example"})
        problem(answer, 421, "foreign_host")


# --- what the others are told --------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Bearer llk_unknown",
        "Bearer",
        "Bearer ",
        f"Bearer {ADA_KEY} {ADA_KEY}",
        f"Bearer {ADA_KEY}\u00e9",
        f"Basic {ADA_KEY}",
        f"Digest {ADA_KEY}",
        ADA_KEY,
        "Bearer " + "a" * 9_000,
        "Bearer a.b.c",
        f"Bearer {tokens.ISSUER}",
    ],
)
def test_what_is_no_credential_is_refused_without_a_word_why(
    client: SurfaceClient, header: str
) -> None:
    answer = send_bytes(client, header.encode())
    document = problem(answer, 401, "unauthenticated")
    challenge = 'Bearer realm="lineage", error="invalid_token"'
    assert answer.headers["www-authenticate"] == challenge
    assert document["detail"] == "This credential is not valid here"
    assert "llk_" not in answer.text


def test_two_credentials_are_one_too_many(client: SurfaceClient) -> None:
    answer = send_bytes(client, b"Bearer a", b"Bearer a")
    problem(answer, 400, "invalid_argument")
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "path",
    [
        f"/readyz?access_token={ADA_KEY}",
        "/readyz?access_token=",
        "/readyz?Api_Key=x",
        f"/readyz?x={ADA_KEY}",
        f"/readyz?{ADA_KEY}",
        f"/{ADA_KEY}",
        f"/readyz?x={ADA_KEY.replace('_', '%5F')}",
        "/readyz?x=eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UifQ.c2lnbmF0dXJl",
    ],
)
@pytest.mark.parametrize("sign_in", ["local", "required"])
def test_a_credential_in_the_address_is_refused_and_not_repeated(
    ledger: Ledger, keys: KeyHolderDouble, path: str, sign_in: str
) -> None:
    settings = Settings(sign_in=sign_in)  # type: ignore[arg-type]
    with running(create_app(ledger, settings, keys)) as client:
        answer = client.send("GET", path, headers=bearer(ADA_KEY))
        document = problem(answer, 400, "invalid_argument")
        assert "revoke" in str(document["hint"])
        assert ADA_KEY not in answer.text
        assert keys.asked == 0


def test_graphql_is_refused_in_its_own_words(client: SurfaceClient) -> None:
    headers = {"Content-Type": "application/json", "Accept": RESPONSE}
    answer = client.send("POST", "/graphql", content=QUERY, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == f"{RESPONSE}; charset=utf-8"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "data" not in answer.json()
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    for accept in ("application/json", "text/html", "*/*"):
        plain = client.send("POST", "/graphql", content=QUERY, headers=headers | {"Accept": accept})
        problem(plain, 401, "unauthenticated")


def test_a_fault_of_the_store_is_no_refusal_of_the_caller(
    client: SurfaceClient, keys: KeyHolderDouble, caplog: pytest.LogCaptureFixture
) -> None:
    keys.fails = StoreLostError("The connection broke", where="/srv/planted.db")
    assert "planted" not in str(problem(ready(client, ADA_KEY), 503, "store_lost"))
    assert "Nobody can tell who calls" in caplog.text
    keys.fails = OverloadedError("Too many wait")
    answer = ready(client, ADA_KEY)
    problem(answer, 503, "overloaded")
    assert answer.headers["retry-after"] == "1"


def test_there_is_no_leave_for_foreign_pages(client: SurfaceClient) -> None:
    """No CORS: a browser asks first, and is told nothing that would let a page go on."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.send("OPTIONS", "/graphql", headers=headers | bearer(ADA_KEY))
    assert answer.status_code == 405
    answers = [answer, client.send("GET", "/", headers=headers | bearer(ADA_KEY))]
    assert not [name for one in answers for name in one.headers if "access-control" in name]
    assert not [name for one in answers for name in one.headers if name == "set-cookie"]


# --- tokens --------------------------------------------------------------------------------------


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[IssuerDouble]:
    with issuing(monkeypatch) as server:
        server.keys = {"k1": rsa_key()}
        yield server


def token(issuer: IssuerDouble, kid: str = "k1", **changes: object) -> str:
    said = claims(iss=issuer.name, **changes)  # type: ignore[arg-type]
    return tokens.token(issuer.keys.get(kid, rsa_key("foreign")), said, kid=kid)


def test_a_token_lets_in_whom_it_names(serve: Open, issuer: IssuerDouble) -> None:
    with serve(issuer.trusted()) as client:
        assert record(client, token(issuer)).status_code == 200
        problem(record(client, token(issuer, aud="else")), 401, "unauthenticated")
        problem(record(client, token(issuer, "unknown")), 401, "unauthenticated")
    assert issuer.asked == ["/.well-known/openid-configuration", KEYS]


def test_a_token_expires_while_the_server_runs(
    serve: Open, issuer: IssuerDouble, clocks: FakeClock
) -> None:
    with serve(issuer.trusted(jwks=f"{issuer.name}{KEYS}")) as client:
        good = token(issuer)
        assert ready(client, good).status_code == 200
        clocks.now_us += 661 * 1_000_000
        problem(ready(client, good), 401, "unauthenticated")
    assert set(issuer.asked) == {KEYS}


def test_keys_rotate_while_the_server_runs(
    serve: Open, issuer: IssuerDouble, clocks: FakeClock
) -> None:
    with serve(issuer.trusted()) as client:
        old = token(issuer)
        assert ready(client, old).status_code == 200
        issuer.keys = {"k2": rsa_key("second")}
        clocks.now_us += COOLDOWN_SECONDS * 1_000_000
        new = token(issuer, "k2")
        assert ready(client, new).status_code == 200
        problem(ready(client, old), 401, "unauthenticated")
        issuer.misbehaves = lambda handler: handler.hang_up()
        clocks.now_us += FRESH_SECONDS * 1_000_000
        assert ready(client, new).status_code == 200


@pytest.mark.parametrize(
    "content", [b"<html>", b'{"keys": 7}', b"x" * 300_000], ids=["html", "no list", "huge"]
)
def test_an_issuer_that_cannot_be_asked_is_told_as_such(
    serve: Open, issuer: IssuerDouble, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.misbehaves = lambda handler: handler.answer(200, content)
    with serve(issuer.trusted()) as client:
        answer = ready(client, token(issuer))
        problem(answer, 503, "issuer_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert ready(client, ADA_KEY).status_code == 200
    assert issuer.name in caplog.text


def test_two_issuers_with_one_sub(
    serve: Open, issuer: IssuerDouble, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    with issuing(monkeypatch) as other:
        other.keys = {"k1": rsa_key("second")}
        with serve(issuer.trusted(), other.trusted()) as client:
            assert record(client, token(issuer)).status_code == 200
            assert record(client, token(other), "s2").status_code == 200
            crossed = tokens.token(rsa_key("second"), claims(iss=issuer.name))
            problem(record(client, crossed, "s3"), 401, "unauthenticated")
        said = {entry.statement: entry.actor for entry in ledger.entries(count=100).entries}
        assert said["s1"] != said["s2"]


# --- nowhere -------------------------------------------------------------------------------------


def test_no_credential_is_ever_shown(
    serve: Open, issuer: IssuerDouble, keys: KeyHolderDouble, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything the server says to anybody, and everything it logs, is looked through."""
    caplog.set_level(logging.DEBUG)
    planted = [ADA_KEY, "llk_PlantedUnknown", token(issuer), token(issuer, "k9"), "planted-word"]
    with serve(issuer.trusted()) as client:
        answers = [
            client.send(method, path, headers=bearer(one) | {"Content-Type": kind}, content=body)
            for one in planted
            for method, path, body in (
                ("GET", "/", None),
                ("GET", "/nowhere", None),
                ("GET", f"/readyz?token={one}", None),
                ("GET", f"/{one}", None),
                ("POST", "/graphql", b"{"),
                ("POST", "/graphql", QUERY),
                ("POST", "/api/v1/lineage", b"{}"),
                ("POST", "/api/v1/statements?x=1", b"[1]"),
            )
            for kind in ("application/json", "text/plain")
        ]
        keys.fails = StoreLostError("The connection broke")
        answers += [ready(client, one) for one in planted]
    logged = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert logged
    said = "\n".join(
        [f"{one.headers} {one.text}" for one in answers] + [*map(caplog.handler.format, logged)]
    )
    secrets = [part for one in planted for part in one.split(".") if part != "planted-word"]
    assert [one for one in secrets if one[-20:] in said] == []
