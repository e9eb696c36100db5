"""An API key is shown once, to whom it is made for: it is in no file, no log, no answer, no error.

It is used well and wrongly at every door, and written into every place that takes text. A token of
an issuer is used at every door.
"""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

import tokens
from door_http import OPEN, requests_to
from doubles import FakeClock
from keyholders import bearer
from lineage.ledger import ErasureRequest, Ledger, Principal, Role
from lineage_api.app import create_app
from lineage_api.identity.composing import Machine
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import LedgerError
from lineage_schemas.values import JsonValue
from openlineage_messages import dataset, run_event, run_with
from surface_client import SurfaceClient, running
from terminal import Terminal
from tokens import ISSUER, jwk, key_set, rsa_key

HOME = "team"
ROLES = (Role.INGEST, Role.AUDITOR, Role.PRIVACY_OFFICER, Role.NAMESPACE_ADMIN)


class Keys(NamedTuple):
    """A ledger in a folder, and the keys that were made for it."""

    folder: Path
    terminal: Terminal
    good: str
    revoked: str

    def parts(self) -> list[str]:
        """Return what must be nowhere: of each key its secret, and most of it."""
        secrets = [one.split("_")[2] for one in (self.good, self.revoked)]
        return [part for one in secrets for part in (one, one[:32], one[-32:])]

    def wrong(self) -> str:
        """Return a key that is one digit from a good one."""
        return self.good[:-1] + ("0" if self.good[-1] != "0" else "1")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    terminal = Terminal(tmp_path / "ledger.db")
    with terminal.open() as ledger:
        for role in ROLES:
            ledger.access.grant("ada", role, [HOME])
            ledger.access.grant(f"{ISSUER}#ada", role, ["*"])
        good = ledger.access.make_key("ada")[0]
        revoked, view = ledger.access.make_key("ada")
        ledger.access.revoke_api_key(view.key)
    return Keys(tmp_path, terminal, good, revoked)


def statements(key: str) -> Iterator[dict[str, JsonValue]]:
    """Yield statements that hold a key, each in another place."""
    node: dict[str, JsonValue] = {"record": "artifact", "key": "acme:x"}
    claim: dict[str, JsonValue] = {
        "record": "claim",
        "kind": "artifact",
        "node": "acme:x",
        "identifier": "acme:y",
        "class": "asserted",
    }
    event: dict[str, JsonValue] = {
        "record": "event",
        "artifact": "acme:x",
        "execution": "acme:r",
        "kind": "INPUT",
    }
    series: dict[str, JsonValue] = {
        "record": "metric_series",
        "execution": "acme:r",
        "metric": "m",
        "chunk": 0,
        "points": [[0, 1, None]],
    }
    inside: tuple[JsonValue, ...] = ({"a": key}, {key: "a"}, {"a": {key: [key]}})
    named: dict[str, JsonValue] = dict.fromkeys(("name", "external_id", "uri", "type"), key)
    placed: list[dict[str, JsonValue]] = [
        node | {"key": f"acme:{key}"},
        *(node | {name: value} for name, value in named.items()),
        *(node | {"custom_properties": one} for one in inside),
        claim | {"identifier": f"acme:{key}"},
        claim | {"evidence": {"why": key}},
        claim | {"record": "retraction", "reason": key},
        event | {"path": [key]},
        event | {"artifact": f"acme:{key}"},
        series | {"metric": key},
    ]
    for number, record in enumerate(placed):
        yield {"id": f"s{number}", "source": "ci", "records": [record]}
    for field in ("id", "source", "message", "mapping"):
        said: dict[str, JsonValue] = {"id": f"t/{field}", "source": "ci", "records": [node]}
        yield said | {field: key}
    put: dict[str, JsonValue] = {"record": "artifact_type", "name": "acme.T"}
    declared: dict[str, JsonValue] = dict.fromkeys(("name", "description", "version"), key)
    types: list[dict[str, JsonValue]] = [
        *(put | {name: value} for name, value in declared.items()),
        put | {"name": "acme.U", "properties": {key: "STRING"}},
    ]
    for number, record in enumerate(types):
        yield {"id": f"p{number}", "source": "ci", "mode": "command", "records": [record]}


def messages(key: str) -> Iterator[JsonValue]:
    """Yield messages that hold a key, each in another place."""
    yield run_event(job={"namespace": "etl", "name": key})
    yield run_event(job={"namespace": key, "name": "clean"})
    yield run_event(inputs=[dataset(key)], producer=key)
    yield run_event(run=run_with(note={"a": key, key: "a"}))
    yield run_event(run={"runId": key})
    yield run_event(eventType=key)


def queries(key: str) -> Iterator[JsonValue]:
    """Yield GraphQL requests that hold a key, each in another place."""
    yield {"query": f'{{ find(text: "{key}") {{ cursor }} }}'}
    yield {"query": f"{{ {key}: head {{ size }} }}"}
    yield {"query": f"{{ {key} }}"}
    yield {"query": f"query {key} {{ types {{ types {{ name }} }} }}"}
    yield {"query": "query Q { types { types { name } } }", "operationName": key}
    yield {"query": f'{{ artifact(key: "acme:{key}") {{ known }} }}'}
    yield {"query": f'{{ types(namespace: "{key}") {{ types {{ name }} }} }}'}
    yield {"query": "query($a: Int!) { head { size } }", "variables": {"a": key}}
    yield {"query": f"{{ # {key}\n"}


def use(client: SurfaceClient, credential: str, planted: str) -> Iterator[str]:
    """Show a credential to every route, and write a key into every place; yield the answers."""
    plain = bearer(credential) | {"Content-Type": "application/json", "Lineage-Namespace": HOME}
    app = create_app(client.surface.ledger, OPEN)
    sent = [(one.method, one.path, one.body) for one in requests_to(app, HOME, 1)]
    sent += [("POST", "/api/v1/statements", encode_json(one)) for one in statements(planted)]
    sent += [("POST", "/api/v1/lineage", encode_json(one)) for one in messages(planted)]
    sent += [("POST", "/graphql", encode_json(one)) for one in queries(planted)]
    sent += [("POST", path, planted.encode()) for path in ("/graphql", "/api/v1/statements")]
    sent += [
        ("POST", "/api/v1/lineage/batch", b"[%s]" % b",".join(map(encode_json, messages(planted)))),
        ("GET", f"/readyz?a={planted}", None),
        ("GET", f"/log/tile/{planted}", None),
        ("POST", f"/api/v1/namespaces/{planted}/statements", b"[]"),
        ("POST", f"/api/v1/lineage?source={planted}", b"{}"),
    ]
    asking = encode_json({"query": "{ types { types { name } } }"})
    headers = ("Lineage-Namespace", "Lineage-Purpose", "X-Request-Id", "Accept", "Content-Type")
    for method, path, body in sent:
        answer = client.send(method, path, content=body, headers=plain)
        yield f"{answer.headers} {answer.text}"
    for name in headers:
        for path in ("/graphql", "/api/v1/statements"):
            more = plain | {name: planted}
            answer = client.send("POST", path, content=asking, headers=more)
            yield f"{answer.headers} {answer.text}"


def engine_errors(ledger: Ledger, key: str) -> Iterator[str]:
    """Write a key into every place of the engine's own calls; yield the errors."""
    access, erasures, officer = ledger.access, ledger.erasures, Principal("ada")
    calls = (
        lambda: access.grant(key, Role.READER, [HOME]),
        lambda: access.grant("bob", Role.READER, [key]),
        lambda: access.grant("bob", Role.INGEST, [HOME], sources=[key]),
        lambda: access.grant("bob", Role.READER, [HOME], reason=f"see {key}"),
        lambda: access.make_key(key),
        lambda: access.make_key("bob", reason=key),
        lambda: access.revoke_api_key(key),
        lambda: access.authenticate(key + "0"),
        lambda: erasures.hold(None, authority=key, namespace=HOME),
        lambda: erasures.hold(f"acme:{key}", authority="court", namespace=HOME),
        lambda: erasures.retain(
            None, retention_class=key, keep_days=1, legal_basis=key, namespace=HOME
        ),
        lambda: erasures.erase(
            ErasureRequest(targets=(3,), legal_basis=key, requester=key, approver="b"),
            namespace=HOME,
        ),
        lambda: ledger.custody.rotate_key(key),
        lambda: ledger.types(namespace=key, principal=officer),
        lambda: ledger.types(namespace=HOME, principal=Principal(key)),
        lambda: ledger.record([], namespace=key),
        lambda: ledger.find(key, namespace=HOME, principal=officer),
    )
    for call in calls:
        try:
            yield repr(call())
        except LedgerError as error:
            yield f"{error!r} {error}"


def commands(key: str) -> Iterator[tuple[str, ...]]:
    """Yield commands that are given a key where none belongs."""
    yield "find", key
    yield "show", f"acme:{key}"
    yield "trace", f"acme:{key}"
    yield "list", key
    yield "prove", key
    yield "redact", key
    yield "release", key, "--reason", "r"
    yield "access", "key", "revoke", key
    yield "access", "revoke", key
    yield "access", "grant", "bob", key, "--namespace", HOME
    yield "access", "grant", "bob", "reader", "--namespace", key
    yield "access", "list", "--namespace", key
    yield "holds", "--namespace", key
    yield "trace", "acme:x", "--as-of", key
    yield ("audit", "--level", key)
    yield (key,)


@pytest.mark.parametrize("which", ["good", "revoked", "wrong"])
def test_a_key_is_nowhere(keys: Keys, caplog: pytest.LogCaptureFixture, which: str) -> None:
    caplog.set_level(logging.DEBUG)
    key = {"good": keys.good, "revoked": keys.revoked, "wrong": keys.wrong()}[which]
    with keys.terminal.open() as ledger:
        with running(create_app(ledger, OPEN)) as client:
            said = [*use(client, key, key)]
        said += engine_errors(ledger, key)
    asked = [("query", "-", "--variables", json.dumps({"a": key})), ("query", "-")]
    for command in (*commands(key), *asked):
        result = keys.terminal.run(*command, given=f"{{ {key}: head {{ size }} nowhere }}")
        said += [result.stdout, result.stderr]
    with keys.terminal.open() as ledger:
        assert ledger.audit().clean
        said += [repr(ledger.access.log().records), repr(ledger.access.api_keys())]
    check_nowhere(keys.parts(), keys.folder, said, caplog)


def test_without_a_key_in_it_all_of_that_is_taken(keys: Keys) -> None:
    """Or a test that plants keys there would show nothing."""
    with keys.terminal.open() as ledger, running(create_app(ledger, OPEN)) as client:
        headers = bearer(keys.good) | {"Content-Type": "application/json"}
        for path, bodies in (("statements", statements("X")), ("lineage", messages("X"))):
            for body in bodies:
                answer = client.send(
                    "POST",
                    f"/api/v1/namespaces/{HOME}/{path}",
                    content=encode_json(body),
                    headers=headers,
                )
                fails = {"no artifact type X", "The message that this statement", "Invalid enum"}
                assert answer.is_success or any(one in answer.text for one in fails), answer.text


def check_nowhere(
    parts: list[str], folder: Path, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Look for secrets in all that was written: files, logs, answers."""
    logged = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert logged
    texts = [*said, *map(caplog.handler.format, logged), *(str(vars(one)) for one in logged)]
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {"ledger.db", "ledger.db.access", "ledger.db.sidecar"} <= set(files)
    assert sorted({text for text in texts for part in parts if part in text}) == []
    encoded = [one for part in parts for one in (part.encode(), b64encode(part.encode())[:-4])]
    assert [name for name, body in files.items() for one in encoded if one in body] == []


def test_a_token_and_a_signing_key_are_nowhere(
    keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = tokens.token(rsa_key())
    shown = [
        good,
        tokens.token(rsa_key("foreign")),
        tokens.token(rsa_key(), tokens.claims(aud="x")),
    ]
    clock = FakeClock(step_us=0)
    published = key_set(jwk(rsa_key(), "k1"))
    machine = Machine(clock=clock, steady=clock, fetch=lambda _: published)
    with keys.terminal.open() as ledger:
        app = create_app(ledger, replace(OPEN, issuers=(tokens.issuer(),)), machine=machine)
        with running(app) as client:
            said = [text for one in shown for text in use(client, one, "nothing")]
    parts = [part for one in shown for part in one.split(".")[1:]]
    check_nowhere(parts, keys.folder, said, caplog)
    signing = (keys.folder / "ledger.db.key").read_text().strip().rpartition("+")[2]
    (keys.folder / "ledger.db.key").rename(keys.folder.parent / "away.key")
    check_nowhere([signing], keys.folder, said, caplog)
