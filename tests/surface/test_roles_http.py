"""The table of roles by actions, at every route and question that offers one of the actions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from access_table import LEDGER_WIDE, TABLE, may
from apart import NAMESPACES, Told, make_ledger, message, records
from door_http import (
    CLOUD_EVENT,
    OPEN,
    POSITION,
    REQUESTS,
    Sent,
    cloud_event,
    send,
    statement,
)
from doors import DOCUMENTS, FIELDS, OF_THE_LOG
from lineage.ledger import Role
from lineage_api.app import create_app
from lineage_api.identity.gate import DELIVERIES_PATH, GITHUB_PATH
from lineage_api.rest import erasures, reports
from lineage_schemas.codec import encode_json
from lineage_schemas.values import JsonValue
from surface_client import SurfaceClient, running

HERE, ELSEWHERE = NAMESPACES[0], NAMESPACES[1]
WHOLE_LEDGER = {"operator", "key-custodian"}
APPROVAL = {"record": "execution", "key": "acme:approve", "type": "lineage.Approve"}

OFFERED: dict[str, dict[str, str]] = {
    "/": {"": "verify"},
    "/healthz": {},
    "/readyz": {"": "verify"},
    "/metrics": {"": "operate"},
    "/log/checkpoint": {"": "verify"},
    "/log/tile/{path:path}": {"0/000.p/1": "verify", "entries/000.p/1": "read-bundles"},
    reports.DOSSIER_PATH: {"acme:nowhere": "read"},
    "/graphql": {
        **dict.fromkeys(sorted(OF_THE_LOG), "verify"),
        **dict.fromkeys(FIELDS, "read"),
        "entries": "read-entries",
    },
    erasures.PATH: {"list": "see-restraints", "propose": "propose-erasure"},
    f"{erasures.PATH}/plan": {"": "plan-erasure"},
    f"{erasures.PATH}/{POSITION}": {"": "see-restraints"},
    f"{erasures.PATH}/{POSITION}/approve": {"": "approve-erasure"},
    f"{erasures.PATH}/{POSITION}/refuse": {"": "approve-erasure"},
    # What a signature opens, and no role of whoever calls: see test_..._webhooks.
    DELIVERIES_PATH: {},
    GITHUB_PATH: {},
    **{
        path: {"": "ingest"}
        for path in REQUESTS
        if path.endswith(("lineage", "batch", "cloudevents"))
    },
    **{
        path: {"": "ingest", "approval": "approve"}
        for path in REQUESTS
        if path.endswith("statements")
    },
    **{
        path: {"": "ingest", "approval": "approve"}
        for path in REQUESTS
        if path.endswith("declarations")
    },
    **{path: {"": "ingest"} for path in REQUESTS if path.endswith("attachments")},
}
"""Which actions a route offers, by what is asked of it. ``/healthz`` knows nobody."""

SPEAKING = (*("statements", "declarations", "attachments", "cloudevents", "lineage", "batch"),)
"""The ends of routes at which something is said."""

CELLS = [
    (path, what, action) for path, offers in OFFERED.items() for what, action in offers.items()
]


def request_of(path: str, what: str, namespace: str) -> Sent:
    """Return a request for one thing that a route offers."""
    filled = path.replace("{namespace}", namespace).replace("{path:path}", what)
    filled = filled.replace("{key:path}", what)
    if path.startswith(erasures.PATH):
        return erasing(path, what)
    if path == "/graphql":
        field = f"{what}(" if what in FIELDS else f"{{ {what} {{"
        document = next(one for one in DOCUMENTS if field in one)
        variables = {"of": namespace} if "$of" in document else {}
        return Sent("POST", path, encode_json({"query": document, "variables": variables}))
    if path.endswith(SPEAKING):
        return speaking(filled, what, namespace)
    return Sent("GET", filled)


def speaking(path: str, what: str, namespace: str) -> Sent:
    """Return something that is said in the words of one route."""
    if path.endswith("statements"):
        said = (APPROVAL,) if what else records(namespace, 0, 0, 1)
        return Sent("POST", path, statement(f"s/{what}", *said))
    if path.endswith(("declarations", "attachments")):
        return declaring(path, what)
    if path.endswith("cloudevents"):
        return Sent("POST", path, cloud_event(namespace, 1), CLOUD_EVENT)
    body = message(namespace, 1, 0)
    return Sent("POST", path, body if path.endswith("lineage") else b"[%s]" % body)


def declaring(path: str, what: str) -> Sent:
    """Return a declaration, or a document, of a subject that need not be looked up."""
    if path.endswith("attachments"):
        body = encode_json({"name": "a", "digest": f"sha256:{'0' * 64}", "size": 1})
        return Sent("POST", f"{path}?subject=acme:own&subject_kind=artifact", body)
    decided: dict[str, JsonValue] = {"approval": {"decision": "approved", "approver": "a"}}
    owned: dict[str, JsonValue] = {"owner": "a"}
    named: dict[str, JsonValue] = {"id": "d", "subject": "acme:own", "kind": "artifact"}
    return Sent("POST", path, encode_json(named | (decided if what else owned)))


def erasing(path: str, what: str) -> Sent:
    """Return a request about erasures that somebody may make: of no thing, and of no proposal."""
    filled = path.replace(POSITION, "1000000")
    if what == "list" or path.endswith(POSITION):
        return Sent("GET", filled)
    target: dict[str, JsonValue] = {"targets": [1_000_000]}
    bodies: dict[str, dict[str, JsonValue]] = {
        "plan": target,
        "erasures": target | {"legal_basis": "GDPR 17(1)"},
        "refuse": {"reason": "another customer"},
    }
    return Sent("POST", filled, encode_json(bodies.get(path.rpartition("/")[2], {})))


@pytest.fixture(scope="module")
def told() -> Told:
    """Return keys of whoever has a role everywhere, and of whoever has it in one namespace."""
    ledger = make_ledger()
    keys: dict[str, str] = {}
    for role in Role:
        ledger.access.grant(f"all {role}", role, ["*"])
        keys[f"all {role}"] = ledger.access.make_key(f"all {role}")[0]
        if role not in WHOLE_LEDGER:
            ledger.access.grant(f"here {role}", role, [HERE])
            keys[f"here {role}"] = ledger.access.make_key(f"here {role}")[0]
    keys["nobody"] = ledger.access.make_key("nobody")[0]
    ledger.custody.checkpoint()
    return Told(ledger, keys)


@pytest.fixture(scope="module")
def client(told: Told) -> Iterator[SurfaceClient]:
    with running(create_app(told.ledger, OPEN)) as client:
        yield client


def is_let(client: SurfaceClient, key: str, cell: tuple[str, str], namespace: str) -> bool:
    """Tell whether somebody may; whatever else becomes of the request is not looked at."""
    answer = send(client, key, namespace, request_of(*cell, namespace))
    assert answer.status_code in {200, 403, 404, 409}, answer.text
    return answer.status_code != 403 and '"code":"forbidden"' not in answer.text.lower()


def test_every_route_says_what_it_offers() -> None:
    assert set(OFFERED) == set(REQUESTS)
    assert {*FIELDS, *OF_THE_LOG} == set(OFFERED["/graphql"])


@pytest.mark.parametrize("role", TABLE)
@pytest.mark.parametrize(("path", "what", "action"), CELLS)
def test_a_role_opens_what_takes_its_actions_and_nothing_else(
    told: Told, client: SurfaceClient, role: str, path: str, what: str, action: str
) -> None:
    cell = (path, what)
    wanted = may(role, action)
    for namespace in (HERE, ELSEWHERE):
        assert is_let(client, told.keys[f"all {role}"], cell, namespace) is wanted
    if role not in WHOLE_LEDGER:
        is_here = action == "verify" or (wanted and action not in LEDGER_WIDE)
        assert is_let(client, told.keys[f"here {role}"], cell, HERE) is is_here
        is_elsewhere = action == "verify"
        assert is_let(client, told.keys[f"here {role}"], cell, ELSEWHERE) is is_elsewhere


@pytest.mark.parametrize(("path", "what", "action"), CELLS)
def test_whoever_has_no_role_may_verify(
    told: Told, client: SurfaceClient, path: str, what: str, action: str
) -> None:
    key = told.keys["nobody"]
    assert is_let(client, key, (path, what), HERE) is (action == "verify")
