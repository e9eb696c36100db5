"""No route takes a credential that is not valid, whatever is wrong with it, or says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

import httpx
import pytest
from msgspec.structs import replace

import tokens
from apart import NAMESPACES, let_in, make_ledger, somebody
from door_http import HEADER, OPEN, REQUESTS, paths_of, reading, statement, tiles
from doubles import NOON_US, FakeClock
from keyholders import bearer
from lineage.ledger import Role
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.identity.composing import Machine
from lineage_schemas.instants import instant_of
from surface_client import SurfaceClient, problem, running
from tokens import ISSUER, NOON, claims, jwk, key_set, keyed_hash, rsa_key

HOME = NAMESPACES[0]
MINUTE_US = 60_000_000


def unsigned(alg: str) -> str:
    """Return a token that says it needs no signature, and has none."""
    head, body = (json.dumps(part).encode() for part in ({"alg": alg, "typ": "JWT"}, claims()))
    return f"{tokens.b64(head)}.{tokens.b64(body)}."


TOKENS: dict[str, Callable[[], str]] = {
    "expired": lambda: tokens.token(rsa_key(), claims(exp=NOON - 600, iat=NOON - 1_200)),
    "not yet valid": lambda: tokens.token(rsa_key(), claims(nbf=NOON + 500)),
    "for another audience": lambda: tokens.token(rsa_key(), claims(aud="else")),
    "for no audience": lambda: tokens.token(rsa_key(), claims(aud=None)),
    "of another issuer": lambda: tokens.token(rsa_key(), claims(iss="https://else.example.org")),
    "alg none": lambda: unsigned("none"),
    "alg None": lambda: unsigned("None"),
    "alg none with a key id": lambda: tokens.token(rsa_key(), alg="none"),
    "signed by a foreign key": lambda: tokens.token(rsa_key("foreign")),
    "signed by an unknown key": lambda: tokens.token(rsa_key("foreign"), kid="k9"),
    "signed by a shared secret": lambda: keyed_hash(b"secret"),
    "without an end": lambda: tokens.token(rsa_key(), claims(exp=None)),
    "cut": lambda: tokens.token(rsa_key())[:-8],
}
BAD_KEYS = ("expired key", "revoked key", "wrong key", "unknown key", "cut key", "longer key")


def keys_of(ledger: Ledger, clock: FakeClock) -> dict[str, str]:
    """Return API keys by what is wrong with them."""
    good = let_in(ledger, HOME)
    who = somebody(HOME)
    expired = ledger.access.make_key(who, expires=instant_of(NOON_US) + timedelta(minutes=5))[0]
    revoked, view = ledger.access.make_key(who)
    ledger.access.revoke_api_key(view.key)
    clock.now_us += 6 * MINUTE_US
    return {
        "good": good,
        "expired key": expired,
        "revoked key": revoked,
        "wrong key": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "unknown key": "llk_" + "0" * 16 + good[20:],
        "cut key": good[:-1],
        "longer key": good + "0",
    }


class Served(NamedTuple):
    """A server, and the credentials that it is shown."""

    client: SurfaceClient
    paths: list[str]
    credentials: dict[str, str]

    def ask(self, path: str, credential: str, **more: str) -> httpx.Response:
        """Ask a route as somebody would who is signed in."""
        method = "GET" if REQUESTS[path] in {reading, tiles} else "POST"
        filled = path.replace("{namespace}", HOME).replace("{path:path}", "0/000")
        headers = bearer(credential) | {"X-Request-Id": "same", HEADER: HOME} | more
        body = statement("s1") if method == "POST" else None
        headers |= {} if body is None else {"Content-Type": "application/json"}
        return self.client.send(method, filled, content=body, headers=headers)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    clock = FakeClock(step_us=0)
    ledger = make_ledger(clock)
    keys = keys_of(ledger, clock)
    ledger.access.grant(f"{ISSUER}#ada", Role.READER, ["*"])
    published = key_set(jwk(rsa_key(), "k1"))
    machine = Machine(clock=clock, steady=clock, fetch=lambda _: published)
    app = create_app(ledger, replace(OPEN, issuers=(tokens.issuer(),)), machine=machine)
    credentials = keys | {name: make() for name, make in TOKENS.items()}
    with running(app) as client:
        yield Served(client, paths_of(app), credentials)


@pytest.mark.parametrize("name", [*TOKENS, *BAD_KEYS])
def test_no_route_takes_a_credential_that_is_not_valid(served: Served, name: str) -> None:
    credential = served.credentials[name]
    first, *others = (served.ask(path, credential) for path in served.paths if path != "/healthz")
    problem(first, 401, "unauthenticated")
    assert first.headers["www-authenticate"] == 'Bearer realm="lineage", error="invalid_token"'
    # The same bytes at every route: what is asked is not looked at.
    assert {(one.status_code, one.text, str(one.headers)) for one in others} == {
        (401, first.text, str(first.headers))
    }
    graphql = served.ask("/graphql", credential, Accept="application/graphql-response+json")
    assert graphql.status_code == 401
    assert graphql.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("names", [[*TOKENS], [*BAD_KEYS]])
def test_what_is_wrong_with_a_credential_is_not_told(served: Served, names: list[str]) -> None:
    assert len({served.ask("/", served.credentials[name]).text for name in names}) == 1


def test_what_is_valid_is_taken_at_every_route(served: Served) -> None:
    for credential in (served.credentials["good"], tokens.token(rsa_key())):
        answers = [served.ask(path, credential) for path in served.paths]
        assert [one.url for one in answers if one.status_code == 401] == []
    assert served.ask("/", tokens.token(rsa_key())).status_code == 200


def test_nothing_was_recorded_by_whoever_was_refused(served: Served) -> None:
    ledger = served.client.surface.ledger
    before = ledger.head()
    for name in (*TOKENS, *BAD_KEYS):
        for path in served.paths:
            served.ask(path, served.credentials[name])
    assert ledger.head() == before
