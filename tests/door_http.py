"""The door of HTTP: each route, asked with a key that opens one namespace.

The routes are taken from the application itself; one that nobody asks here is a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from apart import JOBS, KEYS, OWN_TYPE, Answer, Told, mark, message, records
from doors import DOCUMENTS
from keyholders import bearer
from lineage_api.app import create_app
from lineage_api.graphql import endpoint
from lineage_api.identity.gate import DELIVERIES_PATH, GITHUB_PATH
from lineage_api.rest import cloudevents, declarations, erasures, openlineage, reports, statements
from lineage_api.settings import Settings
from lineage_schemas.codec import encode_json
from lineage_schemas.values import JsonValue
from surface_client import SurfaceClient, running

HEADER = "Lineage-Namespace"
POSITION = "{position}"
NEW_MAX = 8
"""Positions that are asked for although nothing stood there when the asking began."""
OPEN = Settings(
    sign_in="required",
    principal_rate=1_000_000,
    principal_burst=1_000_000,
    address_rate=1_000_000,
    address_burst=1_000_000,
)
"""To whoever signs in, as often as they like."""


METHODS: list[set[str]] = [{"GET", "HEAD"}, {"POST"}]
"""How a route may be asked: ``HEAD`` is an answer to ``GET`` without its body."""


class Sent(NamedTuple):
    """One request: everything but who sends it, and in which namespace."""

    method: str
    path: str
    body: bytes | None = None
    media_type: str = "application/json"


Requests = Callable[[str, str, int], Iterator[Sent]]
"""Yields the requests to a route (its path with the namespace filled in): namespace, path, size."""


def reading(_: str, path: str, size: int) -> Iterator[Sent]:
    """Ask for what is there."""
    yield Sent("GET", path)
    yield Sent("POST", path, b"{}")
    del size


def tiles(_: str, path: str, size: int) -> Iterator[Sent]:
    """Ask for tiles of hashes, and for bundles of entries."""
    for name in (f"0/000.p/{size}", "0/000", f"entries/000.p/{size}", "entries/000", "1/000", "x"):
        yield Sent("GET", path.replace("{path:path}", name))


def dossiers(namespace: str, path: str, size: int) -> Iterator[Sent]:
    """Ask for reports about everybody's things, and about what is mine alone."""
    for key in (*KEYS, mark(namespace, 0), "acme:nowhere"):
        for given in ("", f"?asOf={size}", "?form=html"):
            yield Sent("GET", path.replace("{key:path}", quote(key, safe="")) + given)


def questions(namespace: str, path: str, _: int) -> Iterator[Sent]:
    """Ask in GraphQL, well and badly."""
    for document in DOCUMENTS:
        variables: JsonValue = {"of": namespace} if "$of" in document else {}
        yield Sent("POST", path, encode_json({"query": document, "variables": variables}))
    for query in (
        "{ types { types { name } } }",
        "{ nowhere }",
        "{",
        "{ nodes(type: 1) { cursor } }",
    ):
        yield Sent("POST", path, encode_json({"query": query}))
    yield Sent("POST", path, b"[]")


def said(namespace: str, path: str, _: int) -> Iterator[Sent]:
    """Say what other namespaces have said too, cite what only they may have, and say it badly."""
    own = mark(namespace, 500)
    for number in range(3):
        for kind in (0, 1, 5, 6):
            records_of = records(namespace, kind, 0, 7)
            mode = "command" if kind in {5, 6} else "observation"
            yield Sent("POST", path, statement(f"s{number}-{kind}", *records_of, mode=mode))
    for body in (
        statement("cites", *records(namespace, 0, 0, 8), message=f"run/{own}"),
        statement("cites 2", *records(namespace, 0, 0, 8), message="s0-0"),
        *(
            statement(f"joins {number}", record, mode="command")
            for number, one in enumerate((*KEYS, *range(1, 6), 1 << 44))
            for record in joins(one)
        ),
        statement("typed", {"record": "artifact", "key": "acme:new", "type": OWN_TYPE}),
        statement("typed 2", {"record": "artifact", "type": OWN_TYPE, "name": own}, mode="command"),
        statement("stub", {"record": "attribution", "context": JOBS[0], "artifact": KEYS[0]}),
        b"[]",
        b"{",
    ):
        yield Sent("POST", path, body)
    yield Sent("POST", path, statement("lines") + b"\nx", "application/x-ndjson")


def declared(namespace: str, path: str, _: int) -> Iterator[Sent]:
    """Declare of what everybody has, and of what only others may have, well and badly."""
    own = mark(namespace, 504)
    for number, key in enumerate((*KEYS, *JOBS, own)):
        given = {"id": f"d{number}", "subject": key, "owner": own}
        yield Sent("POST", path, encode_json(given))
        yield Sent("POST", path, encode_json(given))
        yield Sent("POST", path, encode_json(given | {"kind": "artifact", "tier": "high"}))
    decided = {"id": "a", "subject": KEYS[0], "approval": {"decision": "approved", "approver": own}}
    yield Sent("POST", path, encode_json(decided))
    yield Sent("POST", path, b"id: d0\nowner: x\n", "application/yaml")


def attached(namespace: str, path: str, _: int) -> Iterator[Sent]:
    """Attach documents to what everybody has, and to what only others may have."""
    digest = f"sha256:{'0' * 64}"
    body = encode_json({"name": mark(namespace, 505), "digest": digest, "size": 1})
    for key in (*KEYS, *JOBS, mark(namespace, 0)):
        yield Sent("POST", f"{path}?subject={quote(key)}", body)
        yield Sent("POST", f"{path}?subject={quote(key)}&subject_kind=artifact", body)
    yield Sent("POST", path, body)


def joins(one: str | int) -> list[JsonValue]:
    """Return records of commands that name a thing by its id or key."""
    return [
        {"record": "event", "artifact": one, "execution": 1, "kind": "INPUT"},
        {"record": "event", "artifact": 1, "execution": one, "kind": "OUTPUT"},
        {"record": "attribution", "artifact": one, "context": one},
        {"record": "artifact", "id": one, "custom_properties": {"a": 1}},
    ]


def statement(name: str, *said: object, **more: JsonValue) -> bytes:
    """Return a statement as its sender would write it."""
    given = said or ({"record": "artifact", "key": "acme:own"},)
    body = {"id": name, "source": "ci", "records": given} | more
    return encode_json(body)


def messages(namespace: str, path: str, _: int) -> Iterator[Sent]:
    """Send messages of the same run and data sets as everybody's, and such as cannot be read."""
    bodies = [message(namespace, number, which) for number in (0, 501) for which in (0, 1)]
    if path.endswith("batch"):
        yield Sent("POST", path, b"[%s]" % b",".join([*bodies, b"{}"]))
    else:
        for body in (*bodies, *bodies, b"{}", b"["):
            yield Sent("POST", path, body)
            yield Sent("POST", f"{path}?source=other", body)


CLOUD_EVENT = "application/cloudevents+json"


def cloud_event(namespace: str, number: int, **more: JsonValue) -> bytes:
    """Return a message of CDEvents: a service of everybody's is deployed, by what is mine alone."""
    own, source = mark(namespace, number), "/delivery"
    event_type = "dev.cdevents.service.deployed.0.3.0"
    said: JsonValue = {
        "context": {
            "id": f"e{number}",
            "source": source,
            "type": event_type,
            "timestamp": "2026-01-31T12:00:00Z",
            "links": [{"linkType": "PATH", "from": {"contextId": "e0"}}],
        },
        "subject": {
            "id": "churn",
            "content": {"environment": {"id": "production"}, "artifactId": f"pkg:generic/{own}@1"},
        },
        "customData": {"revision": own},
    }
    envelope = {"specversion": "1.0", "id": f"e{number}", "source": source, "type": event_type}
    return encode_json(envelope | {"data": said} | more)


def cloud_events(namespace: str, path: str, _: int) -> Iterator[Sent]:
    """Send what everybody's tools send, again, in batches, and badly."""
    bodies = [cloud_event(namespace, number) for number in (0, 504, 504)]
    for body in (*bodies, cloud_event(namespace, 504, type="org.example.other"), b"{}", b"["):
        yield Sent("POST", path, body, CLOUD_EVENT)
        yield Sent("POST", f"{path}?source=other", body, CLOUD_EVENT)
    batch = b"[%s]" % b",".join([*bodies, b"{}"])
    yield Sent("POST", path, batch, "application/cloudevents-batch+json")


def proposals(_: str, path: str, size: int) -> Iterator[Sent]:
    """Ask what is proposed, at every position there is."""
    for position in (*range(size + NEW_MAX), "x") if POSITION in path else ("",):
        yield Sent("GET", path.replace(POSITION, str(position)))
    if POSITION not in path:
        yield Sent("GET", f"{path}?undecided=true&count=1")


def deciding(namespace: str, path: str, size: int) -> Iterator[Sent]:
    """Plan and propose erasures, and decide what others have proposed."""
    if POSITION in path:
        reason = {"reason": mark(namespace, 502)} if path.endswith("refuse") else {}
        for position in range(size + NEW_MAX):
            yield Sent("POST", path.replace(POSITION, str(position)), encode_json(reason))
        return
    basis = {} if path.endswith("plan") else {"legal_basis": mark(namespace, 503)}
    for target in (*KEYS, *range(size + NEW_MAX)):
        yield Sent("POST", path, encode_json({"targets": [target], **basis}))
    yield Sent("POST", path, b"{}")


def proposals_and_more(namespace: str, path: str, size: int) -> Iterator[Sent]:
    """Do both where one path does both."""
    yield from proposals(namespace, path, size)
    yield from deciding(namespace, path, size)


def deliveries(namespace: str, path: str, _: int) -> Iterator[Sent]:
    """Deliver what nobody has signed, from servers that nobody knows."""
    yield Sent("POST", path, message(namespace, 0, 0))
    yield Sent("POST", f"{path}?server={mark(namespace, 0)}", b"{}")


REQUESTS: dict[str, Requests] = {
    **dict.fromkeys(("/", "/healthz", "/readyz", "/metrics", "/log/checkpoint"), reading),
    "/log/tile/{path:path}": tiles,
    reports.DOSSIER_PATH: dossiers,
    endpoint.PATH: questions,
    erasures.PATH: proposals_and_more,
    f"{erasures.PATH}/plan": deciding,
    f"{erasures.PATH}/{POSITION}": proposals,
    f"{erasures.PATH}/{POSITION}/approve": deciding,
    f"{erasures.PATH}/{POSITION}/refuse": deciding,
    **dict.fromkeys((openlineage.PATH, openlineage.NAMESPACE_PATH), messages),
    **dict.fromkeys((openlineage.BATCH_PATH, openlineage.NAMESPACE_BATCH_PATH), messages),
    **dict.fromkeys((cloudevents.PATH, cloudevents.NAMESPACE_PATH), cloud_events),
    **dict.fromkeys((statements.PATH, statements.NAMESPACE_PATH), said),
    **dict.fromkeys((declarations.PATH, declarations.NAMESPACE_PATH), declared),
    **dict.fromkeys(
        (declarations.ATTACHMENTS_PATH, declarations.NAMESPACE_ATTACHMENTS_PATH), attached
    ),
    DELIVERIES_PATH: deliveries,
    GITHUB_PATH: deliveries,
}
"""What is sent to each route, in this order: first what only reads. A new route is put here."""


def paths_of(app: Starlette) -> list[str]:
    """Return the routes of an application; anything else that would answer is a failure."""
    found: list[str] = []
    for route in app.routes:
        assert isinstance(route, Route), f"{route}: nobody asks what answers here"
        assert route.methods in METHODS, f"{route}: nobody asks it in all of these ways"
        found.append(route.path)
    return found


def requests_to(app: Starlette, namespace: str, size: int) -> Iterator[Sent]:
    """Yield every request, in the order of ``REQUESTS``."""
    for path in sorted(set(paths_of(app)), key=list(REQUESTS).index):
        yield from REQUESTS[path](namespace, path.replace("{namespace}", namespace), size)


def send(client: SurfaceClient, key: str, namespace: str, sent: Sent) -> httpx.Response:
    """Send a request."""
    headers = bearer(key) | {HEADER: namespace, "X-Request-Id": "same"}
    if sent.body is not None:
        headers["Content-Type"] = sent.media_type
    return client.send(sent.method, sent.path, content=sent.body, headers=headers)


def http(told: Told, namespace: str) -> Iterator[Answer]:
    """Ask every route, with a key that opens one namespace."""
    size = told.ledger.custody.checkpoint().size
    app = create_app(told.ledger, OPEN)
    with running(app) as client:
        for sent in requests_to(app, namespace, size):
            yield whole_answer(send(client, told.keys[namespace], namespace, sent), sent)


def whole_answer(response: httpx.Response, sent: Sent) -> Answer:
    """Return all of an answer: its status, its headers and its body.

    Positions that stood in the question are not told by an answer that repeats them.
    """
    asked = f"{sent.path} {(sent.body or b'').decode('latin-1')}"
    known = {int(one) for one in re.findall(r"\d+", asked)}
    body = response.content.decode("latin-1")
    text = f"{response.status_code}\n{response.headers}\n{body}"
    is_json = "json" in response.headers.get("content-type", "")
    # Errors name positions in their words.
    named = {int(one) for one in re.findall(r"position (\d+)", body)} - known
    said: JsonValue = json.loads(response.content) if is_json else None
    return Answer(text, {"positions": sorted(named), "said": said})
