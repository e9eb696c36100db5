"""What caches on the way may keep: nothing that somebody signed in for, whatever was asked."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from doubles import FakeClock, SeededRandomness
from keyholders import bearer, let_in
from lineage.ledger import open_ledger
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.settings import Settings
from lineage_schemas.access import EVERY, Role
from surface_client import SurfaceClient, running

STAYS = "max-age=31536000, immutable"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger with a checkpoint, in which an auditor and an operator are one."""
    path = tmp_path / "ledger.db"
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        let_in(ledger, "eve", roles=(Role.AUDITOR, Role.OPERATOR))
        yield ledger


@pytest.fixture
def credential(kept: Ledger) -> str:
    return kept.access.make_key("eve")[0]


@pytest.fixture
def client(kept: Ledger, credential: str) -> Iterator[SurfaceClient]:
    assert credential
    kept.custody.checkpoint()
    with running(create_app(kept, Settings(sign_in="required"))) as client:
        yield client


def paths(size: int) -> dict[str, list[str]]:
    """Return what to ask at a route that has a parameter in its path."""
    tiles = [f"0/000.p/{size}", f"entries/000.p/{size}", "0/999"]
    return {
        "/reports/dossier/{key:path}": ["/reports/dossier/acme:x", "/reports/dossier/acme:a"],
        "/log/tile/{path:path}": [f"/log/tile/{one}" for one in tiles],
        "/api/v1/namespaces/{namespace}/lineage": ["/api/v1/namespaces/team/lineage"],
        "/api/v1/namespaces/{namespace}/lineage/batch": ["/api/v1/namespaces/team/lineage/batch"],
        **{
            f"/api/v1/namespaces/{{namespace}}/{what}": [f"/api/v1/namespaces/team/{what}"]
            for what in ("statements", "declarations", "attachments", "cloudevents")
        },
        **{
            f"/api/v1/erasures/{{position}}{what}": [f"/api/v1/erasures/{size - 1}{what}"]
            for what in ("", "/approve", "/refuse")
        },
    }


def answers(kept: Ledger, client: SurfaceClient, credential: str) -> Iterator[httpx.Response]:
    """Ask every route by every method it has, with a credential."""
    app = create_app(kept, Settings(sign_in="required"))
    asked = paths(kept.head().size)
    for route in app.routes:
        assert isinstance(route, Route)
        for path in asked[route.path] if "{" in route.path else [route.path]:
            for method in sorted(route.methods or ()):
                headers = bearer(credential)
                found = client.send(method, path, headers=headers, content=b"{}")
                yield found
                if "etag" in found.headers:
                    headers |= {"If-None-Match": found.headers["etag"], "Accept-Encoding": "gzip"}
                    yield client.send(method, path, headers=headers)


def test_nothing_that_was_signed_in_for_is_public(
    kept: Ledger, client: SurfaceClient, credential: str
) -> None:
    found = list(answers(kept, client, credential))
    assert {200, 304} <= {one.status_code for one in found}
    for one in found:
        cached = one.headers.get("cache-control", "")
        # RFC 9111, section 3.5: these let a shared cache keep what came for a credential.
        for word in ("public", "s-maxage", "must-revalidate"):
            assert word not in cached, one.request.url


def test_bundles_are_kept_by_nobody_and_tiles_by_who_asked(
    kept: Ledger, client: SurfaceClient, credential: str
) -> None:
    size = kept.head().size
    for path, cached, vary in (
        (f"/log/tile/entries/000.p/{size}", "private, no-store", "Accept-Encoding, Authorization"),
        (f"/log/tile/0/000.p/{size}", f"private, {STAYS}", "Authorization"),
        ("/log/checkpoint", "private, no-cache", "Authorization"),
    ):
        found = client.send("GET", path, headers=bearer(credential))
        assert found.status_code == 200
        assert found.headers["cache-control"] == cached
        assert found.headers["vary"] == vary


def test_the_person_at_this_machine_may_cache_for_all(kept: Ledger) -> None:
    kept.access.grant("ida", Role.READER, [EVERY])
    kept.custody.checkpoint()
    with running(create_app(kept, Settings())) as client:
        found = client.get(f"/log/tile/0/000.p/{kept.head().size}")
        assert found.headers["cache-control"] == f"public, {STAYS}"
        assert "vary" not in found.headers
