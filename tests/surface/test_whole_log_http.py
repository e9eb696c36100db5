"""What is of the log as a whole shows hashes and sizes, and nothing that anybody said."""

import re
from collections.abc import Iterator

import pytest

from apart import EXAMPLE, KEYS, NAMESPACES, RUNS, Told, let_in, make_ledger, tell
from door_http import OPEN, POSITION, REQUESTS, paths_of, requests_to, send
from keyholders import bearer
from lineage.ledger import Role
from lineage.proofs.tree import leaf_hash
from lineage_api.app import create_app
from surface_client import SurfaceClient, problem, running


@pytest.fixture(scope="module")
def told() -> Told:
    ledger = make_ledger()
    told = Told(ledger, {namespace: let_in(ledger, namespace) for namespace in NAMESPACES})
    tell(ledger, EXAMPLE, [0])
    for role in (Role.AUDITOR, Role.OPERATOR):
        ledger.access.grant(role.value, role, ["*"])
        told.keys[role.value] = ledger.access.make_key(role.value)[0]
    ledger.custody.checkpoint()
    return told


@pytest.fixture(scope="module")
def client(told: Told) -> Iterator[SurfaceClient]:
    with running(create_app(told.ledger, OPEN)) as client:
        yield client


def get(client: SurfaceClient, told: Told, who: str, path: str) -> bytes:
    answer = client.send("GET", path, headers=bearer(told.keys[who]))
    assert answer.status_code == 200, answer.text
    return answer.content


def words(told: Told) -> set[str]:
    """Return whatever was said, in any namespace."""
    every = {word for namespace in NAMESPACES for word in told.foreign(namespace)}
    return {*(word for word in every if word.startswith("mark")), *KEYS, *RUNS}


def test_every_route_is_asked_and_answers(told: Told, client: SurfaceClient) -> None:
    app = create_app(told.ledger, OPEN)
    assert set(paths_of(app)) == set(REQUESTS)
    home = NAMESPACES[0]
    good = {
        sent.path.partition("?")[0]
        for sent in requests_to(app, home, told.ledger.custody.checkpoint().size)
        if send(client, told.keys[home], home, sent).is_success
    }
    filled = {path.replace("{namespace}", home) for path in REQUESTS}
    assert filled - good - {path for path in filled if POSITION in path} == {
        "/metrics",
        "/log/tile/{path:path}",
        "/reports/dossier/{key:path}",  # asked of a key, as below
        "/webhooks/mlflow",  # takes what is signed, and shows nothing
        "/webhooks/github",
    }
    numbered = {re.sub(r"(?<=/)\d+", POSITION, path) for path in good}
    assert {path for path in filled if POSITION in path} <= numbered
    assert [path for path in good if path.startswith("/log/tile/0/")]
    assert [path for path in good if path.startswith("/reports/dossier/")]


def test_a_tile_holds_hashes_and_nothing_else(told: Told, client: SurfaceClient) -> None:
    size = told.ledger.custody.last_checkpoint().size
    with told.ledger._store.read() as reader:
        leaves = [leaf_hash(one.envelope) for one in reader.entries(0, size)]
    tile = get(client, told, NAMESPACES[0], f"/log/tile/0/000.p/{size}")
    assert tile == b"".join(leaves)
    problem(
        client.send(
            "GET", f"/log/tile/entries/000.p/{size}", headers=bearer(told.keys[NAMESPACES[0]])
        ),
        403,
        "forbidden",
    )


def test_a_checkpoint_holds_a_size_and_a_root_and_nothing_else(
    told: Told, client: SurfaceClient
) -> None:
    body, _, signature = get(client, told, NAMESPACES[0], "/log/checkpoint").partition(b"\n\n")
    origin, size, root = body.decode().split("\n")
    assert origin == told.ledger.origin
    assert int(size) == told.ledger.custody.last_checkpoint().size
    assert len(root) == len("A" * 44)
    assert signature.count(b"\n") == 1
    assert signature.startswith(f"— {origin} ".encode())


def test_a_bundle_shows_an_auditor_of_everything_no_word_that_was_said(
    told: Told, client: SurfaceClient
) -> None:
    size = told.ledger.custody.last_checkpoint().size
    bundle = get(client, told, "auditor", f"/log/tile/entries/000.p/{size}")
    assert all(namespace.encode() in bundle for namespace in NAMESPACES)
    assert [word for word in words(told) if word.encode() in bundle] == []


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz", "/"])
def test_what_an_operator_is_told_names_nobody(
    told: Told, client: SurfaceClient, path: str
) -> None:
    said = get(client, told, "operator", path)
    assert [word for word in {*NAMESPACES, *words(told)} if word.encode() in said] == []
