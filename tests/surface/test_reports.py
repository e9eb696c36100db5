"""Reports over HTTP and from the terminal: the engine's own bytes, tagged and repeatable."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest

from dossier_story import RAW, VERSION, day, said, story
from doubles import FakeClock, SeededRandomness
from erasing import asked
from keyholders import bearer
from lineage.ledger import Artifact, Ledger, Role, open_ledger
from lineage.reports.rendering import ReportForm, render
from lineage_api.app import create_app
from lineage_api.settings import Settings
from surface_client import SurfaceClient, problem, running
from terminal import Terminal

PATH = f"/reports/dossier/{VERSION}"
T = "2026-01-05T12:00:00Z"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(
        tmp_path / "ledger.db", clock=FakeClock(), randomness=SeededRandomness()
    ) as ledger:
        for statement in story():
            ledger.record([statement])
        yield ledger


@pytest.fixture
def client(told: Ledger) -> Iterator[SurfaceClient]:
    with running(create_app(told, Settings())) as client:
        yield client


def test_a_dossier_is_the_engines_tagged_with_its_digest(
    told: Ledger, client: SurfaceClient
) -> None:
    answer = client.get(PATH)
    expected = render(told.reports.dossier(VERSION), ReportForm.JSON)
    assert answer.status_code == 200
    assert answer.content == expected.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == f'"{sha256(answer.content).hexdigest()}.json"'
    again = client.send("GET", PATH, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_page_loads_nothing_and_has_the_digest_of_the_json(client: SurfaceClient) -> None:
    page, plain = client.get(f"{PATH}?form=html"), client.get(PATH)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert sha256(plain.content).hexdigest() in page.text
    assert page.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html;q=0.5, application/json;q=0.9", "application/json"),
        ("application/json;q=0.1, text/html;q=x", "application/json"),
    ],
)
def test_what_is_accepted_decides_the_form(
    client: SurfaceClient, accept: str, media_type: str
) -> None:
    answer = client.send("GET", PATH, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(media_type)
    assert "Accept" in answer.headers["vary"]
    forced = client.send("GET", f"{PATH}?form=json", headers={"Accept": accept})
    assert forced.headers["content-type"] == "application/json"


def test_the_past_is_asked_by_size_and_valid_time(told: Ledger, client: SurfaceClient) -> None:
    size = told.head().size
    answer = client.get(f"{PATH}?asOf={size - 2}&validAt={T}")
    expected = told.reports.dossier(VERSION, as_of=size - 2, valid_at=day(4.5))
    assert answer.content == render(expected, ReportForm.JSON).body
    problem(client.get(f"{PATH}?asOf={size + 1}"), 404, "unknown_basis")


def test_a_basis_that_is_handed_back_gives_the_same_bytes_and_a_past_that_was_erased_does_not(
    told: Ledger, client: SurfaceClient
) -> None:
    first = client.get(f"{PATH}?validAt={T}")
    basis = quote(json.dumps(first.json()["basis"]))
    told.record([said("later", "mlflow", 9, Artifact(key=RAW, type="lineage.DataSet"))])
    assert client.get(f"{PATH}?validAt={T}").content != first.content
    assert client.get(f"{PATH}?basis={basis}").content == first.content
    page = client.get(f"{PATH}?basis={basis}&form=html")
    assert sha256(first.content).hexdigest() in page.text
    problem(client.get(f"{PATH}?basis={basis}&asOf=3"), 400, "invalid_argument")
    (position,) = {
        fact["positions"][0]
        for section in first.json()["sections"]
        for item in section["items"]
        for fact in item.get("facts", ())
        if section["name"] == "approvals" and fact["name"] == "approver"
    }
    told.erasures.erase(asked(position))
    problem(client.get(f"{PATH}?basis={basis}"), 404, "unknown_basis")


@pytest.mark.parametrize("given", ["{", "[]", "{}", "null", "1", "a" * 40_000])
def test_what_is_no_basis_is_refused(client: SurfaceClient, given: str) -> None:
    assert client.get(f"{PATH}?basis={quote(given)}").status_code == 400


@pytest.mark.parametrize("given", ["asOf=soon", "validAt=2026", "form=pdf", "asOf=" + "9" * 40])
def test_a_parameter_that_cannot_be_read_is_refused(client: SurfaceClient, given: str) -> None:
    problem(client.get(f"{PATH}?{given}"), 400, "invalid_argument")


def test_what_is_unknown_or_no_model_version_is_refused(client: SurfaceClient) -> None:
    problem(client.get("/reports/dossier/acme:nowhere"), 404, "not_found")
    problem(client.get("/reports/dossier/acme:data%2Ftrain"), 400, "invalid_argument")
    assert client.get(f"/reports/dossier/{quote('fraud v3')}").status_code == 200


def test_whoever_may_not_read_gets_none_and_an_auditor_is_accounted_for(told: Ledger) -> None:
    told.access.grant("ada", Role.AUDITOR, ["default"])
    told.access.grant("eve", Role.INGEST, ["default"])
    keys = {name: told.access.make_key(name)[0] for name in ("ada", "eve")}
    with running(create_app(told, Settings(sign_in="required"))) as client:
        problem(client.send("GET", PATH, headers=bearer(keys["eve"])), 403, "forbidden")
        answer = client.send("GET", PATH, headers=bearer(keys["ada"]))
    assert answer.status_code == 200
    assert "Authorization" in answer.headers["vary"]
    assert any(one.access.operation == "dossier" for one in told.access.log().records)


def test_from_the_terminal_it_is_the_same_and_repeats_on_its_basis(
    terminal: Terminal, tmp_path: Path
) -> None:
    with open_ledger(terminal.store) as ledger:
        for statement in story():
            ledger.record([statement])
    first, again, page = (tmp_path / name for name in ("a.json", "b.json", "c.html"))
    done = terminal.run("report", "dossier", VERSION, "--valid-at", T, "-o", str(first))
    assert done.exit_code == 0
    digest = sha256(first.read_bytes()).hexdigest()
    assert f"sha256    {digest}" in done.stderr
    with open_ledger(terminal.store) as ledger:
        ledger.record([said("later", "mlflow", 9, Artifact(key=RAW, type="lineage.DataSet"))])
    terminal.done("report", "dossier", VERSION, "--basis", str(first), "-o", str(again))
    assert again.read_bytes() == first.read_bytes()
    basis = ("--basis", str(first))
    terminal.done("report", "dossier", "fraud v3", *basis, "-o", str(page))
    assert digest in page.read_text()
    assert (
        json.loads(terminal.done("report", "dossier", VERSION))["basis"]["size"]
        > json.loads(first.read_bytes())["basis"]["size"]
    )


def test_the_terminal_refuses_what_is_no_report_and_two_pasts(
    terminal: Terminal, tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    refused = terminal.run("report", "dossier", VERSION, "--basis", str(other))
    assert refused.exit_code != 0
    assert "no report in JSON" in refused.stderr
    missing = terminal.run("report", "dossier", VERSION, "--basis", str(tmp_path / "none"))
    assert "cannot be read" in missing.stderr
    both = terminal.run("report", "dossier", VERSION, "--basis", str(other), "--as-of", "1")
    assert "leave --as-of out" in both.stderr
