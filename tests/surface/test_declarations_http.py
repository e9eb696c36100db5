"""Declarations and attachments over HTTP: the same records as from the terminal, and no fewer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest

import tree
from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from keyholders import bearer
from lineage.connectors.declarations.reading import canonical
from lineage.ledger import ErasureRequest, Role, open_ledger
from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.notes import sign_line
from lineage.proofs.signing import SigningKey
from lineage.proofs.verifying import format_verifier_key
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.identity.declarers import KnownDeclarer
from lineage_api.settings import Settings
from lineage_schemas.values import JsonValue
from surface_client import SurfaceClient, problem, running
from terminal import Terminal

PATH = "/api/v1/declarations"
DOCUMENTS = "/api/v1/attachments"
ANA = SigningKey("example.org/ana", bytes(range(32)))
EVE = SigningKey("example.org/eve", bytes(range(1, 33)))
KNOWN = KnownDeclarer(name="Ana Ruiz", key=format_verifier_key(verifier_key_of(ANA)))
OWNED: dict[str, JsonValue] = {
    "id": "d",
    "subject": "acme:model",
    "kind": "artifact",
    "stated": "2026-01-01T00:00:00Z",
    "owner": "Grace Example",
}
APPROVED: dict[str, JsonValue] = {
    "id": "a",
    "subject": "acme:model",
    "kind": "artifact",
    "approval": {"decision": "approved", "approver": "Ana Ruiz"},
}


def example() -> bytes:
    page = tree.text("docs/declaring.md") or ""
    return page.partition("```yaml\n")[2].partition("```")[0].encode()


def outcomes(client: SurfaceClient, body: object, media_type: str = "application/json") -> object:
    answer = client.post(PATH, body, media_type)
    assert answer.status_code == 200, answer.text
    return [one["outcome"] for one in answer.json()["declarations"]]


def said(ledger: Ledger) -> list[object]:
    """Return what every declaration's entry says, without positions and recorded times."""
    return [
        (one.statement, one.stated_from, one.mapping, one.records)
        for one in ledger.entries(0, count=100).entries
        if one.source == "declarations"
    ]


def test_a_file_says_the_same_at_both_doors(
    client: SurfaceClient, ledger: Ledger, tmp_path: Path
) -> None:
    assert outcomes(client, example(), "application/yaml") == ["appended"] * 3
    terminal = Terminal(tmp_path / "other.db")
    terminal.done("declare", "-", given=example())
    with terminal.open() as other:
        assert said(ledger) == said(other)
    assert outcomes(client, example(), "application/yaml") == ["unchanged"] * 3
    check_ledger(ledger)


def test_json_of_each_form_is_taken(client: SurfaceClient) -> None:
    assert outcomes(client, OWNED) == ["appended"]
    assert outcomes(client, [OWNED]) == ["unchanged"]
    assert outcomes(client, {"declarations": [OWNED, APPROVED]}) == ["unchanged", "appended"]


def test_a_namespace_is_named_in_the_path(client: SurfaceClient, ledger: Ledger) -> None:
    client.post("/api/v1/namespaces/team/declarations", OWNED)
    assert ledger.show("acme:model", namespace="team")[0].node.id is not None
    assert ledger.show("acme:model")[0].node.id is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"id: a\nsubject: b:c\nonwer: d\n", 400, "undecodable"),
        (b"id: a\nsubject: nothing goes by this\nowner: d\n", 404, "not_found"),
        (
            b"id: a\nsubject: a:b\nkind: artifact\nstated: 2026-01-01T00:00:00Z\nsignature: x\n",
            400,
            "proof_invalid",
        ),
    ],
)
def test_what_is_wrong_is_told_as_a_problem(
    client: SurfaceClient, ledger: Ledger, body: bytes, status: int, code: str
) -> None:
    answer = client.post(PATH, body, "application/yaml")
    problem(answer, status, code)
    assert ledger.head().size == 0


def test_another_media_type_is_refused(client: SurfaceClient) -> None:
    assert client.post(PATH, b"id: a", "text/plain").status_code == 415


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(
        tmp_path / "kept.db", clock=FakeClock(), randomness=SeededRandomness()
    ) as ledger:
        yield ledger


def signed(given: dict[str, JsonValue], key: SigningKey) -> dict[str, JsonValue]:
    return given | {"signature": sign_line(key, canonical(given) + b"\n")}


def test_the_client_signs_and_the_server_verifies(kept: Ledger) -> None:
    with running(create_app(kept, Settings(declarers=(KNOWN,)))) as client:
        size = kept.head().size
        dated = APPROVED | {"stated": "2026-01-01T00:00:00Z"}
        changed = signed(dated, ANA) | {"title": "x"}
        for wrong in (signed(dated, EVE), changed):
            assert "proof_invalid" in client.post(PATH, wrong).text
        assert kept.head().size == size
        (one,) = client.post(PATH, signed(dated, ANA)).json()["declarations"]
        assert one["is_signed"] is True
        assert kept.show(one["key"])[0].node.properties["is_signed"] is True


@pytest.mark.parametrize(
    ("role", "body"), list(product((Role.INGEST, Role.APPROVER), (OWNED, APPROVED)))
)
def test_nobody_approves_what_they_have_declared(
    kept: Ledger, role: Role, body: dict[str, JsonValue]
) -> None:
    kept.access.grant("eve", role, ["default"])
    key = kept.access.make_key("eve")[0]
    with running(create_app(kept, Settings(sign_in="required"))) as client:
        headers = bearer(key) | {"Content-Type": "application/json"}
        given = json.dumps(body).encode()
        answer = client.send("POST", PATH, content=given, headers=headers)
        may = (role is Role.APPROVER) is (body is APPROVED)
        assert answer.status_code == (200 if may else 403), answer.text
        again = client.send("POST", PATH, content=given, headers=headers)
        assert again.status_code == answer.status_code


def attach(
    client: SurfaceClient, path: str, body: bytes, media_type: str, name: str | None = None
) -> dict[str, JsonValue]:
    headers = {"Content-Type": media_type}
    if name is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    answer = client.send("POST", path, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, JsonValue] = answer.json()
    return found


ABOUT = f"{DOCUMENTS}?subject=acme:model&subject_kind=artifact"


def test_a_document_is_attached_once(client: SurfaceClient, ledger: Ledger) -> None:
    body = "# Karte für Ana\n".encode()
    one = attach(client, f"{ABOUT}&title=Card&kind=card", body, "text/markdown", "karte ü.md")
    assert (one["outcome"], one["id"]) == ("appended", "karte ü.md")
    found = ledger.show(str(one["key"]))[0].node
    expected = {
        "content": body.decode(),
        "content_digest": f"sha256:{sha256(body).hexdigest()}",
        "size_bytes": len(body),
        "media_type": "text/markdown",
        "display_name": "Card",
        "source_type": "card",
    }
    assert expected.items() <= found.properties.items()
    again = attach(client, f"{ABOUT}&title=Card&kind=card", body, "text/markdown", "karte ü.md")
    assert (again["outcome"], again["position"]) == ("unchanged", one["position"])
    check_ledger(ledger)


def test_a_json_document_and_a_document_elsewhere_are_told_apart(
    client: SurfaceClient, ledger: Ledger
) -> None:
    digest = f"sha256:{'ab' * 32}"
    told = json.dumps({"digest": digest, "size": 5, "uri": "s3://b/model%20card.pdf"}).encode()
    elsewhere = attach(client, ABOUT, told, "application/json")
    found = ledger.show(str(elsewhere["key"]))[0].node
    assert found.properties["content_digest"] == digest
    assert found.properties["document_uri"] == "s3://b/model%20card.pdf"
    whole = attach(client, ABOUT, told, "application/json", "told.json")
    assert ledger.show(str(whole["key"]))[0].node.properties["content"] == told.decode()


@pytest.mark.parametrize(
    ("path", "body", "media_type"),
    [
        (DOCUMENTS, b'{"name": "a", "size": 1}', "application/json"),
        (ABOUT, b'{"name": "a", "digest": "sha256:x", "size": 1}', "application/json"),
        (ABOUT, b"text", "text/plain"),
        (ABOUT, b"text", "nothing"),
        (f"{DOCUMENTS}?subject=acme:model&subject_kind=thing", b"{}", "application/json"),
    ],
)
def test_a_document_that_is_not_described_is_refused(
    client: SurfaceClient, ledger: Ledger, path: str, body: bytes, media_type: str
) -> None:
    answer = client.post(path, body, media_type)
    assert 400 <= answer.status_code < 500
    assert ledger.head().size == 0


def test_of_an_erased_person_no_byte_is_left(tmp_path: Path) -> None:
    """Whoever is erased is in no file of the ledger: neither plain nor in a document."""
    terminal = Terminal(tmp_path / "kept.db")
    card = tmp_path / "card.md"
    card.write_text("Written by Grace Example, see ftp://grace:hunter2@example.org/\n")
    terminal.done("declare", "-", given=json.dumps([OWNED, grace(APPROVED)]))
    terminal.done("attach", "acme:model", str(card))
    assert b"Grace Example" in b"".join(files(tmp_path))
    assert b"hunter2" not in b"".join(files(tmp_path))
    with terminal.open() as ledger:
        positions = tuple(range(ledger.head().size))
        personal = [at for at in positions if b"Grace" in stored(ledger, at)]
        ledger.erasures.erase(
            ErasureRequest(
                targets=tuple(personal), legal_basis="GDPR 17(1)", requester="a", approver="b"
            )
        )
        check_ledger(ledger)
        found = ledger.show("declaration:declarations/d")[0].node
        assert found.properties["subject"] == "acme:model"
    assert b"Grace Example" not in b"".join(files(tmp_path))
    size = terminal.size()
    # What was erased is not taken in again by saying it again.
    assert terminal.done("declare", "-", given=json.dumps(OWNED)).startswith("erased")
    assert terminal.done("attach", "acme:model", str(card)).startswith("erased")
    assert terminal.size() == size


def grace(given: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return given | {"approval": {"decision": "approved", "approver": "Grace Example"}}


def stored(ledger: Ledger, position: int) -> bytes:
    with ledger._store.read() as reader:
        _, personal = reader.payload(position)
    return b"" if personal is None else personal.body


def files(folder: Path) -> Iterator[bytes]:
    yield from (one.read_bytes() for one in folder.glob("kept.db*") if one.is_file())


def test_times_of_receiving_are_the_server_s(kept: Ledger) -> None:
    with running(create_app(kept, Settings())) as client:
        bare = {name: value for name, value in OWNED.items() if name != "stated"}
        (one,) = client.post(PATH, bare).json()["declarations"]
        found = kept.show(one["key"])[0].node.properties["declared_time"]
        assert datetime.fromisoformat(str(found)).tzinfo == UTC
